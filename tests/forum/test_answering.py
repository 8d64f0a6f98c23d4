from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from portal.forum import services
from portal.forum.errors import (
    AnswerNotFoundError,
    NotYoursError,
    QuestionClosedError,
    QuestionNotFoundError,
    TooManyPostsError,
)
from portal.forum.models import Answer, AssignmentOutcome, Comment, Question, QuestionAssignment, QuestionState
from portal.kernel import clock
from portal.notifications.models import Notice, OutboxMail
from tests.builders import forum

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def notices(db, user, kind=None):
    found = db.scalars(sa.select(Notice).where(Notice.user_id == user.id).order_by(Notice.id)).all()
    return [notice for notice in found if kind in {None, notice.kind}]


def fresh(db, question):
    return db.get_one(Question, question.id, populate_existing=True)


def test_an_experts_answer_keeps_the_promise(db, alice, expert):
    with clock.at(NOW):
        question = forum.ask(db, alice)
    with clock.at(NOW + timedelta(hours=2)):
        written = forum.answer(db, expert, question)
    question = fresh(db, question)
    assert (question.state, question.answer_count, question.answered_at) == (
        QuestionState.ANSWERED,
        1,
        NOW + timedelta(hours=2),
    )
    assert written.by_expert
    turn = db.scalars(sa.select(QuestionAssignment)).one()
    assert (turn.outcome, turn.ended_at) == (AssignmentOutcome.ANSWERED, NOW + timedelta(hours=2))


def test_the_asker_gets_a_mail_and_a_notice_of_each_answer(db, alice, bob, expert):
    question = forum.ask(db, alice)
    forum.answer(db, bob, question, "Chez moi, oui.")
    forum.answer(db, expert, question)
    mails = db.scalars(sa.select(OutboxMail).order_by(OutboxMail.id)).all()
    assert [(mail.email, mail.kind) for mail in mails] == [("alice@example.org", "forum.answered")] * 2
    assert mails[0].params["excerpt"] == "Chez moi, oui."
    assert len(notices(db, alice, "forum.answered")) == 2


def test_followers_get_a_notice_but_not_the_author_nor_the_asker_twice(db, alice, bob, charlie, expert):
    question = forum.ask(db, alice)
    for user in (alice, bob, charlie):
        services.follow(db, user=user, question_id=question.id)
    forum.answer(db, bob, question)
    assert [notice.kind for notice in notices(db, charlie)] == ["forum.followed_answered"]
    assert notices(db, bob) == []
    assert [notice.kind for notice in notices(db, alice)] == ["forum.answered"]


def test_another_merchants_answer_leaves_the_question_open(db, alice, bob, expert):
    question = forum.ask(db, alice)
    forum.answer(db, bob, question)
    question = fresh(db, question)
    assert (question.state, question.answer_count, question.owner_id) == (QuestionState.OPEN, 1, expert.id)


def test_an_expert_who_asks_is_a_merchant_under_their_own_question(db, expert, alice):
    question = forum.ask(db, expert)
    assert not forum.answer(db, expert, question).by_expert


def test_an_unknown_or_junk_question_cannot_be_answered(db, alice):
    for question_id in (0, -1, 999_999, 2**63, 10**40):
        with pytest.raises(QuestionNotFoundError):
            services.answer(db, user=alice, question_id=question_id, text="Oui.")


def test_a_hidden_question_is_not_there_for_others(db, alice, bob, expert):
    question = forum.ask(db, alice)
    services.hide(db, user=expert, question_id=question.id, reason="Publicité.")
    with pytest.raises(QuestionNotFoundError):
        forum.answer(db, bob, question)
    with pytest.raises(QuestionClosedError):
        forum.answer(db, alice, question)


def test_thirty_one_answers_in_an_hour_are_one_too_many(db, alice, bob):
    with clock.at(NOW):
        question = forum.ask(db, alice)
        for _number in range(30):
            forum.answer(db, bob, question)
        with pytest.raises(TooManyPostsError):
            forum.answer(db, bob, question)


@pytest.mark.parametrize("who", ["alice", "expert", "organiser"])
def test_asker_experts_and_organisers_accept(db, alice, bob, expert, organiser, who):
    people = {"alice": alice, "expert": expert, "organiser": organiser}
    question = forum.ask(db, alice)
    written = forum.answer(db, bob, question)
    services.accept(db, user=people[who], answer_id=written.id)
    question = fresh(db, question)
    assert (question.state, question.accepted_answer_id, question.accepted_by_id) == (
        QuestionState.SOLVED,
        written.id,
        people[who].id,
    )


def test_neither_the_author_of_the_answer_nor_a_stranger_accepts(db, alice, bob, charlie):
    question = forum.ask(db, alice)
    written = forum.answer(db, bob, question)
    for user in (bob, charlie):
        with pytest.raises(NotYoursError):
            services.accept(db, user=user, answer_id=written.id)
    assert fresh(db, question).state is QuestionState.OPEN


def test_another_answer_can_be_accepted_instead(db, alice, bob, charlie):
    question = forum.ask(db, alice)
    first, second = forum.answer(db, bob, question), forum.answer(db, charlie, question)
    services.accept(db, user=alice, answer_id=first.id)
    services.accept(db, user=alice, answer_id=second.id)
    assert fresh(db, question).accepted_answer_id == second.id


def test_accepting_tells_the_author_once(db, alice, bob):
    question = forum.ask(db, alice)
    written = forum.answer(db, bob, question)
    for _time in range(2):
        services.accept(db, user=alice, answer_id=written.id)
    assert len(notices(db, bob, "forum.accepted")) == 1


def test_the_database_refuses_the_answer_of_another_question(db, alice, bob):
    first, second = forum.ask(db, alice), forum.ask(db, alice)
    other = forum.answer(db, bob, second)
    with pytest.raises(sa.exc.IntegrityError), db.begin_nested():
        db.execute(
            sa.update(Question)
            .where(Question.id == first.id)
            .values(accepted_answer_id=other.id, state=QuestionState.SOLVED)
        )


def test_hiding_the_accepted_answer_unaccepts_it_and_tells_its_author(db, alice, bob, expert):
    question = forum.ask(db, alice)
    written = forum.answer(db, bob, question)
    services.accept(db, user=alice, answer_id=written.id)
    services.hide_answer(db, user=expert, answer_id=written.id, reason="Faux depuis 2026.")
    question = fresh(db, question)
    assert (question.state, question.accepted_answer_id, question.answer_count) == (QuestionState.ANSWERED, None, 0)
    assert notices(db, bob, "forum.answer_hidden")[0].params["reason"] == "Faux depuis 2026."
    with pytest.raises(AnswerNotFoundError):
        services.accept(db, user=alice, answer_id=written.id)


def test_only_moderators_hide(db, alice, bob, charlie):
    question = forum.ask(db, alice)
    written = forum.answer(db, bob, question)
    for user in (alice, bob, charlie):
        with pytest.raises(NotYoursError):
            services.hide_answer(db, user=user, answer_id=written.id, reason="Non.")
        with pytest.raises(NotYoursError):
            services.hide(db, user=user, question_id=question.id, reason="Non.")


def test_a_clarification_stops_the_clock_until_the_asker_replies(db, alice, expert):
    with clock.at(NOW):  # Monday 10:00 in Paris: promised for Tuesday 17:00
        question = forum.ask(db, alice)
    with clock.at(NOW + timedelta(hours=5)):  # Monday 15:00: ten business hours are left
        services.comment(db, user=expert, question_id=question.id, text="Avec ou sans TVA ?", is_clarification=True)
    assert fresh(db, question).paused_at == NOW + timedelta(hours=5)
    with clock.at(datetime(2026, 11, 26, 8, 0, tzinfo=UTC)):  # Thursday 9:00
        services.comment(db, user=alice, question_id=question.id, text="Sans.")
    question = fresh(db, question)
    assert question.paused_at is None
    assert question.promised_at == datetime(2026, 11, 27, 10, 0, tzinfo=UTC)  # Friday 11:00
    assert db.scalars(sa.select(QuestionAssignment.promised_at)).one() == question.promised_at
    assert [notice.kind for notice in notices(db, expert)] == ["forum.routed", "forum.asker_replied"]
    assert notices(db, alice, "forum.clarification")[0].params["excerpt"] == "Avec ou sans TVA ?"


def test_somebody_elses_remark_does_not_start_the_clock(db, alice, bob, expert):
    question = forum.ask(db, alice)
    services.comment(db, user=expert, question_id=question.id, text="Combien ?", is_clarification=True)
    services.comment(db, user=bob, question_id=question.id, text="Moi aussi.")
    assert fresh(db, question).paused_at is not None


def test_only_experts_ask_back_and_only_before_the_answer(db, alice, bob, expert):
    question = forum.ask(db, alice)
    with pytest.raises(NotYoursError):
        services.comment(db, user=bob, question_id=question.id, text="Et ?", is_clarification=True)
    forum.answer(db, expert, question)
    with pytest.raises(NotYoursError):
        services.comment(db, user=expert, question_id=question.id, text="Et ?", is_clarification=True)


def test_a_comment_stands_under_an_answer_of_its_question(db, alice, bob):
    first, second = forum.ask(db, alice), forum.ask(db, alice)
    written = forum.answer(db, bob, second)
    services.comment(db, user=alice, question_id=second.id, answer_id=written.id, text="Merci.")
    with pytest.raises(QuestionClosedError):
        services.comment(db, user=alice, question_id=first.id, answer_id=written.id, text="Ici ?")
    assert db.scalars(sa.select(Comment.answer_id)).one() == written.id
    wrong = {"question_id": first.id, "answer_id": written.id, "author_id": alice.id, "text": "Ici ?"}
    with pytest.raises(sa.exc.IntegrityError), db.begin_nested():
        db.execute(sa.insert(Comment).values(wrong))


def test_counts_are_those_of_the_rows(db, alice, bob, charlie, expert):
    question = forum.ask(db, alice)
    for user in (bob, charlie, expert):
        forum.answer(db, user, question)
    written = db.scalars(sa.select(Answer).order_by(Answer.id)).first()
    services.hide_answer(db, user=expert, answer_id=written.id, reason="Doublon.")
    shown = sa.select(sa.func.count()).where(Answer.question_id == question.id, Answer.hidden_at.is_(None))
    assert fresh(db, question).answer_count == db.scalars(shown).one() == 2


@pytest.mark.parametrize(
    "wrong", [{"text": ""}, {"vote_count": -1}, {"hidden_reason": "Parce que."}, {"hidden_at": NOW}]
)
def test_the_database_refuses_a_wrong_answer(db, alice, bob, wrong):
    written = forum.answer(db, bob, forum.ask(db, alice))
    with pytest.raises(sa.exc.IntegrityError), db.begin_nested():
        db.execute(sa.update(Answer).where(Answer.id == written.id).values(**wrong))
