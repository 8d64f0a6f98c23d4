"""Catching a lesson up: its replay or its text, then four questions."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import conflict_insert
from portal.training import content
from portal.training.errors import QuizClosedError
from portal.training.models import (
    Attendance,
    AttendanceState,
    Lesson,
    QuizAttempt,
    Seat,
    SeatState,
    Session,
    SessionState,
)
from portal.training.queries.quiz import RIGHT_ANSWERS_NEEDED


@dataclass(frozen=True, slots=True)
class QuizResult:
    """How a try went; `wrong` holds the questions answered wrongly, numbered from 0."""

    right: int
    questions: int
    wrong: tuple[int, ...]

    @property
    def passed(self) -> bool:
        """Three right answers of four."""
        return self.right >= RIGHT_ANSWERS_NEEDED


def _ended_session(db: DbSession, user_id: int, number: int) -> int | None:
    """The ended session the completion is noted on: one this user had a seat in, else the latest."""
    seat = (Seat.session_id == Session.id) & (Seat.user_id == user_id) & (Seat.state == SeatState.HELD)
    return db.scalar(
        sa.select(Session.id)
        .join(Lesson, Lesson.id == Session.lesson_id)
        .outerjoin(Seat, seat)
        .where(Lesson.number == number, Session.state == SessionState.ENDED)
        .order_by(Seat.id.is_(None), Session.starts_at.desc())
        .limit(1)
    )


def answer_quiz(db: DbSession, *, user: User, number: int, answers: Sequence[int]) -> QuizResult:
    """Mark the four answers; three right ones complete the lesson by replay, unless it was attended.

    Raises QuizClosedError before any session of the lesson has ended.
    """
    session_id = _ended_session(db, user.id, number)
    if session_id is None:
        raise QuizClosedError
    # The right answers are the same in every language: the content is checked for it.
    questions = content.lesson(number).words["fr"].quiz
    wrong = tuple(
        index
        for index, (question, given) in enumerate(zip(questions, answers, strict=True))
        if given != question.answer
    )
    result = QuizResult(len(questions) - len(wrong), len(questions), wrong)
    lesson_id = db.scalars(
        sa.select(Lesson.id).join(Session, Session.lesson_id == Lesson.id).where(Session.id == session_id)
    ).one()
    db.add(
        QuizAttempt(
            user_id=user.id,
            lesson_id=lesson_id,
            right_answers=result.right,
            questions=result.questions,
            answers=list(answers),
        )
    )
    if result.passed:
        _complete(db, user.id, session_id)
    return result


def _complete(db: DbSession, user_id: int, session_id: int) -> None:
    values = {
        "session_id": session_id,
        "user_id": user_id,
        "state": AttendanceState.REPLAY,
        "seconds": 0,
        "session_seconds": 0,
        "recorded_at": clock.now(),
    }
    upsert = conflict_insert(db, Attendance).values(values)
    db.execute(
        upsert.on_conflict_do_update(
            index_elements=["session_id", "user_id"],
            set_={"state": AttendanceState.REPLAY, "recorded_at": clock.now()},
            where=Attendance.state != AttendanceState.PRESENT,
        ).execution_options(synchronize_session=False)
    )
