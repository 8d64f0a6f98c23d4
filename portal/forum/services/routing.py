"""Who owes the answer, and by when: by lesson, then language, then lowest open load. Silence hands it on."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import config
from portal.forum import telling
from portal.forum.errors import NotYoursError, QuestionClosedError
from portal.forum.models import AssignmentOutcome, Question, QuestionAssignment, QuestionState
from portal.forum.policies import is_moderator
from portal.forum.promises import BusinessHours
from portal.forum.services.finding import question_for
from portal.identity.models import User
from portal.kernel import clock
from portal.training import models as training

HAND_ON_BATCH = 200


def business_hours() -> BusinessHours:
    """The business hours of the portal's country."""
    settings = config.current()
    return BusinessHours(settings.country, settings.time_zone)


@dataclass(slots=True)
class Candidate:
    """An expert who could answer; `load` is how many open questions they owe."""

    user_id: int
    language: str
    teaches: bool
    load: int


def candidates(db: Session, lesson_number: int | None) -> list[Candidate]:
    """Every expert, with what decides about a question of this lesson."""
    session, lesson = training.Session, training.Lesson
    teaches = (
        sa.exists()
        .where(session.expert_id == User.id, session.lesson_id == lesson.id, lesson.number == lesson_number)
        .label("teaches")
    )
    load = (
        sa.select(sa.func.count())
        .where(Question.owner_id == User.id, Question.state == QuestionState.OPEN)
        .scalar_subquery()
        .label("load")
    )
    rows = db.execute(sa.select(User.id, User.language, teaches, load).where(User.is_expert).order_by(User.id))
    return [Candidate(row.id, str(row.language), bool(row.teaches), row.load) for row in rows]


def choose(experts: Collection[Candidate], *, language: str, without: Collection[int]) -> Candidate | None:
    """Whose turn it is: teaches the lesson, speaks the language, owes the least; None when nobody is left."""
    left = [expert for expert in experts if expert.user_id not in without]
    return min(
        left,
        key=lambda expert: (not expert.teaches, expert.language != language, expert.load, expert.user_id),
        default=None,
    )


def route(db: Session, question: Question, *, experts: list[Candidate] | None = None) -> None:
    """Give an open question its owner and its promise; the asker is never their own expert.

    `experts` may be given when many questions of one lesson are routed: their loads are kept up to date.
    """
    promised_at = business_hours().promise(clock.now())
    experts = candidates(db, question.lesson_number) if experts is None else experts
    chosen = choose(experts, language=question.language, without={question.asker_id})
    question.promised_at = promised_at
    if chosen is not None:
        chosen.load += 1
        assign(db, question, chosen.user_id, promised_at, outcome=AssignmentOutcome.CLOSED)


def assign(
    db: Session, question: Question, expert_id: int, promised_at: datetime, *, outcome: AssignmentOutcome
) -> None:
    """Make this expert the owner; a turn that was running ends with `outcome`."""
    end_turn(db, question, outcome)
    question.owner_id, question.promised_at = expert_id, promised_at
    db.add(QuestionAssignment(question_id=question.id, expert_id=expert_id, promised_at=promised_at))
    db.flush()
    telling.routed(db, question)


def end_turn(db: Session, question: Question, outcome: AssignmentOutcome) -> None:
    """End the running turn at this question, if one is."""
    db.execute(
        sa.update(QuestionAssignment)
        .where(QuestionAssignment.question_id == question.id, QuestionAssignment.ended_at.is_(None))
        .values(ended_at=clock.now(), outcome=outcome)
    )


def take(db: Session, *, user: User, question_id: int) -> Question:
    """An expert takes a question, free or a colleague's; what was promised stays promised.

    Raises QuestionNotFoundError, NotYoursError, QuestionClosedError.
    """
    question = _open_for(db, user, question_id)
    if question.owner_id != user.id:
        promised_at = question.promised_at or business_hours().promise(clock.now())
        assign(db, question, user.id, promised_at, outcome=AssignmentOutcome.TAKEN)
    return question


def pass_on(db: Session, *, user: User, question_id: int) -> Question:
    """The owner passes it to the colleague whose turn it is next; the promise stays.

    Raises QuestionNotFoundError, NotYoursError, QuestionClosedError (also when there is no colleague).
    """
    question = _open_for(db, user, question_id)
    chosen = _next_in_turn(db, question, without={user.id})
    if chosen is None:
        raise QuestionClosedError
    promised_at = question.promised_at or business_hours().promise(clock.now())
    assign(db, question, chosen.user_id, promised_at, outcome=AssignmentOutcome.PASSED)
    return question


def overdue(db: Session) -> list[int]:
    """Open questions whose promise is past while it was not the asker's turn; the longest overdue first."""
    return list(
        db.scalars(
            sa.select(Question.id)
            .where(
                Question.state == QuestionState.OPEN,
                Question.promised_at < clock.now(),
                Question.paused_at.is_(None),
                Question.merged_into_id.is_(None),
            )
            .order_by(Question.promised_at)
            .limit(HAND_ON_BATCH)
        )
    )


def hand_on(db: Session, *, question_id: int) -> bool:
    """Give an overdue question to the next expert with a new promise, and tell its asker; False when it is not overdue.

    Someone alone keeps it, with a new promise: there is nobody to hand it to.
    """
    question = db.scalar(sa.select(Question).where(Question.id == question_id).with_for_update())
    now = clock.now()
    if (
        question is None
        or question.state is not QuestionState.OPEN
        or question.merged_into_id is not None
        or question.paused_at is not None
        or question.promised_at is None
        or question.promised_at >= now
    ):
        return False
    owner = question.owner_id
    chosen = _next_in_turn(db, question, without=set() if owner is None else {owner})
    expert_id = chosen.user_id if chosen else owner
    promised_at = business_hours().promise(now)
    if expert_id is None:
        question.promised_at = promised_at
    else:
        assign(db, question, expert_id, promised_at, outcome=AssignmentOutcome.SILENT)
    telling.handed_on(db, question)
    return True


def _next_in_turn(db: Session, question: Question, *, without: set[int]) -> Candidate | None:
    """Somebody who has not had it yet, else anybody but those in `without`."""
    had_it = set(
        db.scalars(sa.select(QuestionAssignment.expert_id).where(QuestionAssignment.question_id == question.id))
    )
    experts = candidates(db, question.lesson_number)
    never = {question.asker_id} | without
    language = question.language
    return choose(experts, language=language, without=never | had_it) or choose(
        experts, language=language, without=never
    )


def _open_for(db: Session, user: User, question_id: int) -> Question:
    question = question_for(db, user, question_id)
    if not is_moderator(user):
        raise NotYoursError
    if question.state is not QuestionState.OPEN:
        raise QuestionClosedError
    return question
