"""Answers and comments, and the answer that is accepted."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.forum import telling
from portal.forum.errors import NotYoursError, QuestionClosedError
from portal.forum.models import (
    FORUM_STATES,
    LIVE_STATES,
    Answer,
    AssignmentOutcome,
    Comment,
    Question,
    QuestionAssignment,
    QuestionState,
)
from portal.forum.policies import is_asker, is_moderator, may_accept, may_answer, may_ask_back
from portal.forum.queries.rooms import room_of
from portal.forum.services.asking import slow_down
from portal.forum.services.finding import answer_for, index_words, question_for
from portal.forum.services.routing import business_hours, end_turn
from portal.identity.models import User
from portal.kernel import clock

ANSWERS_AN_HOUR = 30
COMMENTS_AN_HOUR = 30


def answer(db: Session, *, user: User, question_id: int, text: str) -> Answer:
    """Answer a question: an expert's answer keeps the promise, another merchant's helps until one is accepted.

    Raises QuestionNotFoundError, QuestionClosedError, TooManyPostsError.
    """
    question = question_for(db, user, question_id)
    if not may_answer(user, question):
        raise QuestionClosedError
    slow_down(db, user, "answer", an_hour=ANSWERS_AN_HOUR)
    by_expert = is_moderator(user) and user.id != question.asker_id
    written = Answer(question_id=question.id, author_id=user.id, by_expert=by_expert, text=text)
    db.add(written)
    question.answer_count += 1
    question.updated_at = clock.now()
    if by_expert:
        settle(db, question, user)
    db.flush()
    index_words(db, question)
    telling.room_changed(db, question.session_id)
    telling.answered(db, question, written, author=user)
    return written


def settle(db: Session, question: Question, user: User) -> None:
    """An expert has answered, in writing or aloud: stamp when, and end the turn of whoever owed it."""
    now = clock.now()
    if question.state in LIVE_STATES and question.session_id is not None:
        room = room_of(db, session_id=question.session_id, user_id=user.id)
        question.answered_minute = room.minute_at(now) if room else None
    if question.state in (*LIVE_STATES, QuestionState.OPEN):
        question.state = QuestionState.ANSWERED
    question.answered_at = question.answered_at or now
    question.paused_at = None
    mine = question.owner_id == user.id
    end_turn(db, question, AssignmentOutcome.ANSWERED if mine else AssignmentOutcome.CLOSED)


def accept(db: Session, *, user: User, answer_id: int) -> Answer:
    """Accept an answer, as the asker or an expert; another one may be accepted later instead.

    Raises AnswerNotFoundError, NotYoursError, QuestionClosedError.
    """
    accepted, question = answer_for(db, user, answer_id)
    if question.state not in FORUM_STATES:
        raise QuestionClosedError
    if not may_accept(user, question):
        raise NotYoursError
    if question.accepted_answer_id == accepted.id:
        return accepted
    now = clock.now()
    question.accepted_answer_id, question.accepted_by_id = accepted.id, user.id
    question.state = QuestionState.SOLVED
    question.answered_at = question.answered_at or now
    question.paused_at = None
    question.updated_at = now
    end_turn(db, question, AssignmentOutcome.CLOSED)
    db.flush()
    telling.accepted(db, question, accepted, by=user)
    return accepted


def hide_answer(db: Session, *, user: User, answer_id: int, reason: str) -> Answer:
    """Hide an answer and tell its author why; an accepted one is no longer accepted.

    Raises AnswerNotFoundError, NotYoursError.
    """
    hidden, question = answer_for(db, user, answer_id)
    if not is_moderator(user):
        raise NotYoursError
    hidden.hidden_at, hidden.hidden_by_id, hidden.hidden_reason = clock.now(), user.id, reason
    question.answer_count -= 1
    question.updated_at = clock.now()
    if question.accepted_answer_id == hidden.id:
        question.state = QuestionState.ANSWERED
        question.accepted_answer_id = question.accepted_by_id = None
    db.flush()
    index_words(db, question)
    telling.answer_hidden(db, question, hidden)
    return hidden


def comment(
    db: Session,
    *,
    user: User,
    question_id: int,
    text: str,
    answer_id: int | None = None,
    is_clarification: bool = False,
) -> Comment:
    """Remark on a question or on one of its answers.

    A clarification is an expert's question back: the promise's clock stops until the asker has replied.
    Raises QuestionNotFoundError, AnswerNotFoundError, QuestionClosedError, NotYoursError, TooManyPostsError.
    """
    question = question_for(db, user, question_id)
    if question.state not in FORUM_STATES:
        raise QuestionClosedError
    if answer_id is not None and answer_for(db, user, answer_id)[1].id != question.id:
        raise QuestionClosedError
    if is_clarification and not may_ask_back(user, question):
        raise NotYoursError
    slow_down(db, user, "comment", an_hour=COMMENTS_AN_HOUR)
    written = Comment(
        question_id=question.id, answer_id=answer_id, author_id=user.id, is_clarification=is_clarification, text=text
    )
    db.add(written)
    now = clock.now()
    question.updated_at = now
    if is_clarification:
        question.paused_at = question.paused_at or now
        question.promised_at = question.promised_at or business_hours().promise(now)
        telling.clarification(db, question, text)
    elif is_asker(user, question) and question.paused_at is not None:
        _resume(db, question)
    db.flush()
    return written


def _resume(db: Session, question: Question) -> None:
    """The asker has replied: the business time that was left is left from now on."""
    now = clock.now()
    if question.promised_at is not None and question.paused_at is not None:
        question.promised_at = business_hours().resumed(
            promised_at=question.promised_at, paused_at=question.paused_at, now=now
        )
        db.execute(
            sa.update(QuestionAssignment)
            .where(QuestionAssignment.question_id == question.id, QuestionAssignment.ended_at.is_(None))
            .values(promised_at=question.promised_at)
        )
    question.paused_at = None
    telling.asker_replied(db, question)
