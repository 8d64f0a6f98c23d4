"""Somebody's tries at a lesson's questions."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.training.models import Lesson, QuizAttempt

RIGHT_ANSWERS_NEEDED = 3
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Try:
    """One try: right answers of so many questions, and when."""

    right: int
    questions: int
    at: datetime

    @property
    def passed(self) -> bool:
        """Whether it made the lesson count."""
        return self.right >= RIGHT_ANSWERS_NEEDED


def tries(db: DbSession, *, user_id: int, number: int) -> list[Try]:
    """The latest tries of a user at one lesson's questions, the newest first."""
    rows = db.execute(
        sa.select(QuizAttempt.right_answers, QuizAttempt.questions, QuizAttempt.created_at)
        .join(Lesson, Lesson.id == QuizAttempt.lesson_id)
        .where(QuizAttempt.user_id == user_id, Lesson.number == number)
        .order_by(QuizAttempt.id.desc())
        .limit(_SHOWN)
    )
    return [Try(*row) for row in rows]
