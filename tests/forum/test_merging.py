from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from portal.forum import queries, services
from portal.forum.errors import MergeError, NotYoursError, QuestionNotFoundError
from portal.forum.models import Question, QuestionState, Vote
from portal.kernel import clock
from portal.notifications.models import Notice
from tests.builders import forum

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def pair(db, alice, bob, charlie, expert):
    with clock.at(NOW):
        merged, target = forum.ask(db, alice, "Le lien expire-t-il ?"), forum.ask(db, bob, "Un lien expire-t-il ?")
        for user in (bob, charlie):
            services.vote(db, user=user, question_id=merged.id)
            services.follow(db, user=user, question_id=merged.id)
        for user in (alice, charlie):
            services.vote(db, user=user, question_id=target.id)
            services.follow(db, user=user, question_id=target.id)
        forum.answer(db, charlie, merged, "Sous l’une.")
        forum.answer(db, expert, target, "Sous l’autre.")
    return merged, target


def merge(db, expert, pair, moment=NOW):
    with clock.at(moment):
        return services.merge(db, user=expert, question_id=pair[0].id, into_id=pair[1].id)


def fresh(db, question):
    return db.get_one(Question, question.id, populate_existing=True)


def test_both_histories_stand_under_the_one_that_goes_on_and_each_voter_counts_once(db, pair, expert):
    target = merge(db, expert, pair)
    assert target.id == pair[1].id
    assert target.vote_count == 3
    assert target.follower_count == 2  # alice and charlie; bob asked it
    texts = {row.text for row in queries.answers_of(db, question_id=target.id, user_id=None).rows}
    assert texts == {"Sous l’une.", "Sous l’autre."}


def test_a_vote_for_either_counts_once_for_both(db, pair, expert, alice, bob, organiser):
    target = merge(db, expert, pair)
    assert services.vote(db, user=bob, question_id=target.id) == 3
    assert services.vote(db, user=organiser, question_id=pair[0].id) == 4
    assert services.vote(db, user=bob, question_id=target.id, wanted=False) == 3 - 1 + 1
    assert services.vote(db, user=bob, question_id=target.id) == 4


def test_an_answer_to_the_merged_one_stands_under_the_other(db, pair, expert, bob):
    target = merge(db, expert, pair)
    written = services.answer(db, user=bob, question_id=pair[0].id, text="Et ici ?")
    assert written.question_id == target.id


def test_undoing_gives_everything_back(db, pair, expert):
    before = [(fresh(db, one).vote_count, fresh(db, one).follower_count, fresh(db, one).answer_count) for one in pair]
    merge(db, expert, pair)
    with clock.at(NOW + timedelta(days=7)):
        services.undo_merge(db, user=expert, question_id=pair[0].id)
    after = [(fresh(db, one).vote_count, fresh(db, one).follower_count, fresh(db, one).answer_count) for one in pair]
    assert after == before
    assert fresh(db, pair[0]).merged_into_id is None
    texts = [row.text for row in queries.answers_of(db, question_id=pair[0].id, user_id=None).rows]
    assert texts == ["Sous l’une."]


def test_an_unanswered_one_gets_an_owner_again_when_undone(db, pair, expert):
    merge(db, expert, pair)
    later = NOW + timedelta(days=3)
    with clock.at(later):
        question = services.undo_merge(db, user=expert, question_id=pair[0].id)
    assert (question.state, question.owner_id) == (QuestionState.OPEN, expert.id)
    assert question.promised_at > later


def test_after_seven_days_it_stays(db, pair, expert):
    merge(db, expert, pair)
    with clock.at(NOW + timedelta(days=7, seconds=1)), pytest.raises(MergeError):
        services.undo_merge(db, user=expert, question_id=pair[0].id)


def test_there_is_no_chain_of_merges(db, pair, expert, alice):
    first, second = pair
    last = forum.ask(db, alice, "Tous les liens expirent-ils ?")
    merge(db, expert, pair)
    with pytest.raises(MergeError):
        services.merge(db, user=expert, question_id=last.id, into_id=first.id)
    services.merge(db, user=expert, question_id=second.id, into_id=last.id)
    assert {fresh(db, one).merged_into_id for one in pair} == {last.id}
    assert fresh(db, last).vote_count == db.scalars(sa.select(sa.func.count(Vote.user_id.distinct()))).one()


def test_what_cannot_be_merged(db, pair, expert, bob, alice):
    with pytest.raises(MergeError):
        services.merge(db, user=expert, question_id=pair[0].id, into_id=pair[0].id)
    with pytest.raises(NotYoursError):
        services.merge(db, user=bob, question_id=pair[0].id, into_id=pair[1].id)
    with pytest.raises(QuestionNotFoundError):
        services.merge(db, user=expert, question_id=pair[0].id, into_id=10**30)
    with pytest.raises(MergeError):
        services.undo_merge(db, user=expert, question_id=pair[0].id)
    services.hide(db, user=expert, question_id=pair[1].id, reason="Hors sujet.")
    with pytest.raises(MergeError):
        services.merge(db, user=expert, question_id=pair[0].id, into_id=pair[1].id)


def test_the_asker_is_told_where_it_goes_on(db, pair, expert, alice):
    merge(db, expert, pair)
    told = db.scalars(sa.select(Notice).where(Notice.user_id == alice.id, Notice.kind == "forum.merged")).one()
    assert told.path == f"/fr/q/{pair[1].id}-{pair[1].slug}"


def test_a_question_cannot_point_to_itself(db, pair):
    with pytest.raises(sa.exc.IntegrityError), db.begin_nested():
        db.execute(
            sa.update(Question).where(Question.id == pair[0].id).values(merged_into_id=pair[0].id, merged_at=NOW)
        )
