"""The life of a question in a live session, and how it goes on after the session's end."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.forum import telling
from portal.forum.errors import NotYoursError, QuestionClosedError
from portal.forum.models import LIVE_STATES, AssignmentOutcome, Question, QuestionFollower, QuestionState, Vote
from portal.forum.policies import is_moderator, may_hide, may_highlight
from portal.forum.services.answering import settle
from portal.forum.services.finding import question_for
from portal.forum.services.routing import candidates, end_turn, route
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import UTCDateTime, conflict_insert
from portal.training import models as training


def publish(db: Session, *, user: User, question_id: int) -> Question:
    """Show a pending question to the room. Raises QuestionNotFoundError, NotYoursError, QuestionClosedError."""
    question = _live_for(db, user, question_id)
    if question.state is QuestionState.PENDING:
        question.state = QuestionState.PUBLISHED
        question.updated_at = clock.now()
        db.flush()
        telling.room_changed(db, question.session_id)
    return question


def highlight(db: Session, *, user: User, question_id: int) -> Question:
    """Say that this is the question being answered now; the one that was goes back to its place.

    Raises QuestionNotFoundError, NotYoursError, QuestionClosedError.
    """
    question = _live_for(db, user, question_id)
    if not may_highlight(user, question):
        return question
    # One at a time: who highlights waits for the other who does so in the same session.
    db.execute(sa.select(training.Session.id).where(training.Session.id == question.session_id).with_for_update())
    db.execute(
        sa.update(Question)
        .where(Question.session_id == question.session_id, Question.state == QuestionState.HIGHLIGHTED)
        .values(state=QuestionState.PUBLISHED, updated_at=clock.now())
    )
    question.state = QuestionState.HIGHLIGHTED
    question.updated_at = clock.now()
    db.flush()
    telling.room_changed(db, question.session_id)
    return question


def mark_answered(db: Session, *, user: User, question_id: int) -> Question:
    """It was answered aloud: stamp the session's minute.

    Raises QuestionNotFoundError, NotYoursError, QuestionClosedError.
    """
    question = _live_for(db, user, question_id)
    settle(db, question, user)
    question.updated_at = clock.now()
    db.flush()
    telling.room_changed(db, question.session_id)
    telling.answered_aloud(db, question)
    return question


def hide(db: Session, *, user: User, question_id: int, reason: str) -> Question:
    """Hide a question, live or in the forum, and tell its asker why.

    Raises QuestionNotFoundError, NotYoursError.
    """
    question = question_for(db, user, question_id)
    if not is_moderator(user):
        raise NotYoursError
    if not may_hide(user, question):
        return question
    now = clock.now()
    question.state = QuestionState.HIDDEN
    question.hidden_reason, question.hidden_at, question.hidden_by_id = reason, now, user.id
    question.updated_at = now
    end_turn(db, question, AssignmentOutcome.CLOSED)
    db.flush()
    telling.room_changed(db, question.session_id)
    telling.hidden(db, question)
    return question


def carry_on(db: Session, *, session_id: int) -> int:
    """At a session's end its unanswered questions go on in the forum; returns how many.

    Each gets an owner and a promise, keeps its votes, and its voters follow it.
    """
    unanswered = sa.and_(Question.session_id == session_id, Question.state.in_(LIVE_STATES))
    ids = list(db.scalars(sa.select(Question.id).where(unanswered).order_by(Question.id).with_for_update()))
    if not ids:
        return 0
    now = clock.now()
    voters = (
        sa.select(Vote.question_id, Vote.user_id, sa.literal(now, UTCDateTime))
        .join(Question, Question.id == Vote.question_id)
        .where(unanswered, Vote.user_id != Question.asker_id)
    )
    db.execute(
        conflict_insert(db, QuestionFollower)
        .from_select(["question_id", "user_id", "created_at"], voters)
        .on_conflict_do_nothing()
    )
    followers = sa.select(sa.func.count()).where(QuestionFollower.question_id == Question.id).scalar_subquery()
    db.execute(
        sa.update(Question)
        .where(unanswered)
        .values(state=QuestionState.OPEN, updated_at=now, follower_count=followers)
        .execution_options(synchronize_session=False)
    )
    fresh = sa.select(Question).where(Question.id.in_(ids)).order_by(Question.id)
    questions = db.scalars(fresh.execution_options(populate_existing=True)).all()
    experts = candidates(db, questions[0].lesson_number)
    for question in questions:
        route(db, question, experts=experts)
        telling.carried_on(db, question)
    return len(questions)


def _live_for(db: Session, user: User, question_id: int) -> Question:
    question = question_for(db, user, question_id)
    if not is_moderator(user):
        raise NotYoursError
    if question.state not in LIVE_STATES:
        raise QuestionClosedError
    return question
