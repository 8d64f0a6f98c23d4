from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal.forum import queries, services
from portal.forum.errors import NotYoursError, QuestionClosedError, QuestionNotFoundError
from portal.forum.models import Question, QuestionAssignment, QuestionFollower, QuestionState
from portal.kernel import clock, events
from portal.notifications.models import Notice, OutboxMail
from portal.training.events import SessionEnded
from portal.training.services import end_session, enrol
from tests.builders import forum, training


@pytest.fixture
def session(db, organiser, expert, alice, bob):
    found = forum.live_session(db, organiser, expert)
    for user in (alice, bob):
        enrol(db, user=user, cohort_id=found.cohort_id)
    return found


def ask_at(db, session, user, minute, title):
    with clock.at(session.starts_at + timedelta(minutes=minute)):
        return services.ask_live(db, user=user, session_id=session.id, title=title)


def state_of(db, question):
    return db.get_one(Question, question.id, populate_existing=True).state


def test_pending_published_highlighted_answered(db, session, alice, expert):
    question = ask_at(db, session, alice, 3, "Voyez https://exemple.test, c’est permis ?")
    assert state_of(db, question) is QuestionState.PENDING
    services.publish(db, user=expert, question_id=question.id)
    assert state_of(db, question) is QuestionState.PUBLISHED
    services.highlight(db, user=expert, question_id=question.id)
    assert state_of(db, question) is QuestionState.HIGHLIGHTED
    with clock.at(session.starts_at + timedelta(minutes=9, seconds=30)):
        services.mark_answered(db, user=expert, question_id=question.id)
    question = db.get_one(Question, question.id, populate_existing=True)
    assert (question.state, question.answered_minute) == (QuestionState.ANSWERED, 9)
    told = db.scalars(sa.select(Notice).where(Notice.user_id == alice.id, Notice.kind == "forum.answered_aloud")).one()
    assert told.params["minute"] == 9


def test_one_question_is_answered_at_a_time(db, session, alice, bob, expert):
    first, second = ask_at(db, session, alice, 1, "La première ?"), ask_at(db, session, bob, 2, "La seconde ?")
    services.highlight(db, user=expert, question_id=first.id)
    services.highlight(db, user=expert, question_id=second.id)
    assert (state_of(db, first), state_of(db, second)) == (QuestionState.PUBLISHED, QuestionState.HIGHLIGHTED)
    with pytest.raises(sa.exc.IntegrityError), db.begin_nested():
        db.execute(sa.update(Question).where(Question.id == first.id).values(state=QuestionState.HIGHLIGHTED))


def test_an_answer_in_writing_ends_a_live_question_too(db, session, alice, expert):
    question = ask_at(db, session, alice, 3, "Combien de photos ?")
    with clock.at(session.starts_at + timedelta(minutes=5)):
        forum.answer(db, expert, question, "Trois.")
    question = db.get_one(Question, question.id, populate_existing=True)
    assert (question.state, question.answered_minute, question.answer_count) == (QuestionState.ANSWERED, 5, 1)


def test_a_merchant_moderates_nothing_and_answers_nothing_live(db, session, alice, bob):
    question = ask_at(db, session, alice, 3, "Combien de photos ?")
    for change in (services.publish, services.highlight, services.mark_answered):
        with pytest.raises(NotYoursError):
            change(db, user=bob, question_id=question.id)
    with pytest.raises(QuestionClosedError):
        forum.answer(db, bob, question)


def test_a_question_of_the_forum_is_not_highlighted(db, alice, expert):
    question = forum.ask(db, alice)
    for change in (services.publish, services.highlight, services.mark_answered):
        with pytest.raises(QuestionClosedError):
            change(db, user=expert, question_id=question.id)


def test_hiding_tells_the_asker_why_and_nobody_else_sees_it(db, session, alice, bob, expert):
    question = ask_at(db, session, alice, 3, "Achetez chez moi !")
    services.hide(db, user=expert, question_id=question.id, reason="Ce n’est pas une question.")
    mail = db.scalars(sa.select(OutboxMail).where(OutboxMail.kind == "forum.hidden")).one()
    assert (mail.email, mail.params["reason"]) == (alice.email, "Ce n’est pas une question.")
    mine = queries.live_panel(db, session_id=session.id, user=alice)
    assert [(row.title, row.hidden_reason) for row in mine.rows] == [
        ("Achetez chez moi !", "Ce n’est pas une question.")
    ]
    assert queries.live_panel(db, session_id=session.id, user=bob).rows == ()
    with pytest.raises(QuestionNotFoundError):
        services.vote(db, user=bob, question_id=question.id)


def test_at_the_end_what_was_not_answered_goes_on_in_the_forum(db, session, alice, bob, expert):
    waiting = ask_at(db, session, alice, 3, "Celle-ci attend ?")
    pending = ask_at(db, session, alice, 4, "www.exemple.test est-il sûr ?")
    done = ask_at(db, session, bob, 5, "Celle-ci est répondue ?")
    hidden = ask_at(db, session, bob, 6, "Celle-ci est masquée ?")
    for user in (alice, bob, expert):
        services.vote(db, user=user, question_id=waiting.id)
    services.mark_answered(db, user=expert, question_id=done.id)
    services.hide(db, user=expert, question_id=hidden.id, reason="Hors sujet.")
    with clock.at(session.ends_at):
        end_session(db, session_id=session.id)
    states = [state_of(db, question) for question in (waiting, pending, done, hidden)]
    assert states == [QuestionState.OPEN, QuestionState.OPEN, QuestionState.ANSWERED, QuestionState.HIDDEN]
    waiting = db.get_one(Question, waiting.id)
    assert (waiting.owner_id, waiting.vote_count, waiting.follower_count) == (expert.id, 3, 2)
    assert waiting.promised_at > session.ends_at
    followers = set(db.scalars(sa.select(QuestionFollower.user_id).where(QuestionFollower.question_id == waiting.id)))
    assert followers == {bob.id, expert.id}
    assert db.scalars(sa.select(sa.func.count(QuestionAssignment.id))).one() == 2
    told = db.scalars(sa.select(Notice.kind).where(Notice.user_id == alice.id, Notice.kind == "forum.carried_on")).all()
    assert len(told) == 2


def test_somebody_who_followed_already_follows_once(db, session, alice, bob):
    question = ask_at(db, session, alice, 3, "Déjà suivie ?")
    services.follow(db, user=bob, question_id=question.id)
    services.vote(db, user=bob, question_id=question.id)
    services.carry_on(db, session_id=session.id)
    assert db.get_one(Question, question.id, populate_existing=True).follower_count == 1


def test_carrying_on_twice_changes_nothing_more(db, session, alice):
    ask_at(db, session, alice, 3, "Une fois ?")
    assert [services.carry_on(db, session_id=session.id) for _time in range(2)] == [1, 0]


def test_the_experts_share_what_is_left(db, organiser, expert, session, alice):
    other = forum.make_user(db, is_expert=True)
    training.make_cohort(db, organiser, other, weekdays=frozenset({0, 2}))
    for number in range(6):
        ask_at(db, session, alice, number, f"Question {number} ?")
    services.carry_on(db, session_id=session.id)
    owned = dict(db.execute(sa.select(Question.owner_id, sa.func.count()).group_by(Question.owner_id)).all())
    assert owned == {expert.id: 3, other.id: 3}


def test_the_forum_listens_to_the_end_of_sessions(app):
    assert len(events.subscribers(SessionEnded)) >= 1


def test_when_the_end_of_the_session_fails_its_questions_stay_live(db, session, alice):
    question = ask_at(db, session, alice, 3, "Toujours là ?")

    savepoint = db.begin_nested()
    end_session(db, session_id=session.id)
    assert state_of(db, question) is QuestionState.OPEN
    savepoint.rollback()
    assert state_of(db, question) is QuestionState.PUBLISHED
    assert db.scalars(sa.select(QuestionFollower)).all() == []


def test_the_panel_is_for_those_with_a_seat_and_moderators(db, session, alice, expert, organiser, charlie):
    assert queries.live_panel(db, session_id=session.id, user=charlie) is None
    assert queries.live_panel(db, session_id=999_999, user=alice) is None
    may = [queries.live_panel(db, session_id=session.id, user=user).may_moderate for user in (alice, expert, organiser)]
    assert may == [False, True, True]


def test_the_most_wanted_come_first_and_the_one_being_answered_before_them(db, session, alice, bob, expert):
    asked = [ask_at(db, session, alice, number, f"Question {number} ?") for number in range(4)]
    services.vote(db, user=bob, question_id=asked[1].id)
    services.vote(db, user=bob, question_id=asked[2].id)
    services.vote(db, user=expert, question_id=asked[2].id)
    services.highlight(db, user=expert, question_id=asked[3].id)
    panel = queries.live_panel(db, session_id=session.id, user=bob)
    assert [row.id for row in panel.rows] == [asked[n].id for n in (3, 2, 1, 0)]
    assert [row.has_my_vote for row in panel.rows] == [False, True, True, False]
    newest = queries.live_panel(db, session_id=session.id, user=bob, order="new")
    assert [row.id for row in newest.rows] == [asked[n].id for n in (3, 2, 1, 0)]
    services.mark_answered(db, user=expert, question_id=asked[3].id)
    newest = queries.live_panel(db, session_id=session.id, user=bob, order="new")
    assert [row.id for row in newest.rows] == [asked[n].id for n in (2, 1, 0)]
    assert newest.answered_count == 1


def test_an_anonymous_question_shows_no_name(db, session, alice, bob):
    services.ask_live(db, user=alice, session_id=session.id, title="Sans mon nom ?", anonymous=True)
    assert queries.live_panel(db, session_id=session.id, user=bob).rows[0].asker == ""


def test_rows_stay_in_place_until_something_new_has_come(db, session, alice, bob, expert):
    first, second = ask_at(db, session, alice, 1, "La première ?"), ask_at(db, session, alice, 2, "La seconde ?")
    shown = [first.id, second.id]
    services.vote(db, user=expert, question_id=second.id)
    services.mark_answered(db, user=expert, question_id=first.id)
    still = queries.live_panel(db, session_id=session.id, user=bob, shown=shown)
    assert [row.id for row in still.rows] == shown
    assert (still.rows[0].is_done, still.rows[1].vote_count, still.new_count) == (True, 1, 0)
    third = ask_at(db, session, alice, 3, "La troisième ?")
    fresh = queries.live_panel(db, session_id=session.id, user=bob, shown=shown)
    assert [row.id for row in fresh.rows] == [second.id, third.id]
    assert fresh.new_count == 1


def test_ones_own_new_question_is_no_news(db, session, alice):
    question = ask_at(db, session, alice, 1, "La mienne ?")
    panel = queries.live_panel(db, session_id=session.id, user=alice, shown=[])
    assert ([row.id for row in panel.rows], panel.new_count) == ([question.id], 0)


def test_the_tag_changes_with_what_is_shown_and_only_then(db, session, alice, bob, expert):
    question = ask_at(db, session, alice, 1, "La première ?")

    def tag():
        return queries.live_panel(db, session_id=session.id, user=bob, shown=[question.id]).tag

    before = tag()
    assert tag() == before
    services.vote(db, user=expert, question_id=question.id)
    voted = tag()
    assert voted != before
    forum.answer(db, expert, question)
    assert tag() not in {before, voted}


def test_the_askers_panel_shows_what_the_expert_wrote(db, session, alice, bob, expert):
    question = ask_at(db, session, alice, 1, "Combien de photos ?")
    with clock.at(session.starts_at + timedelta(minutes=2)):
        forum.answer(db, expert, question, "**Trois**, dont une de près.")
    row = queries.live_panel(db, session_id=session.id, user=alice).rows[0]
    assert (row.is_done, row.answer) == (True, "Trois, dont une de près.")
    assert queries.live_panel(db, session_id=session.id, user=bob).rows == ()
