"""An expert's queue: what they owe and what nobody owns yet, by promise or by how many wait."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.forum.models import AssignmentOutcome, Question, QuestionAssignment, QuestionState
from portal.identity.models import Language, User
from portal.kernel import clock

ROWS = 100
KEPT_OVER = timedelta(days=90)


class Sort(StrEnum):
    """How the queue is put."""

    PROMISE = "promise"
    AWAITED = "awaited"


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A question that waits for this expert, or for any."""

    id: int
    slug: str
    title: str
    text: str
    language: Language
    asker: str
    lesson_number: int | None
    minute: int | None
    follower_count: int
    promised_at: datetime
    paused_at: datetime | None
    is_mine: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Queue:
    """The rows to answer; those that wait for their asker; how many of 100 promises were kept, None without any."""

    rows: tuple[QueueRow, ...]
    paused: tuple[QueueRow, ...]
    kept_percent: int | None

    def due_before(self, moment: datetime) -> int:
        """How many are promised before a moment."""
        return len([row for row in self.rows if row.promised_at <= moment])

    def find(self, question_id: int | None) -> QueueRow | None:
        """The row of this question; the first one when none is named."""
        if question_id is None:
            return self.rows[0] if self.rows else None
        return next((row for row in (*self.rows, *self.paused) if row.id == question_id), None)


def queue(db: Session, *, user_id: int, sort: Sort = Sort.PROMISE) -> Queue:
    """What this expert owes, and what nobody owns. Two statements."""
    order = (
        (Question.promised_at, Question.id) if sort is Sort.PROMISE else (Question.follower_count.desc(), Question.id)
    )
    found = db.execute(
        sa.select(
            Question.id,
            Question.slug,
            Question.title,
            Question.text,
            Question.language,
            sa.case((Question.anonymous, ""), else_=User.display_name),
            Question.lesson_number,
            Question.minute,
            Question.follower_count,
            Question.promised_at,
            Question.paused_at,
            sa.func.coalesce(Question.owner_id == user_id, sa.false()),
            Question.created_at,
        )
        .join(User, User.id == Question.asker_id)
        .where(
            Question.state == QuestionState.OPEN,
            Question.merged_into_id.is_(None),
            Question.promised_at.is_not(None),
            sa.or_(Question.owner_id == user_id, Question.owner_id.is_(None)),
        )
        .order_by(*order)
        .limit(ROWS)
    )
    rows = [QueueRow(*row) for row in found]
    return Queue(
        rows=tuple(row for row in rows if row.paused_at is None),
        paused=tuple(row for row in rows if row.paused_at is not None),
        kept_percent=_kept_percent(db, user_id),
    )


def open_count(db: Session, *, user_id: int) -> int:
    """How many questions this expert owes now: the number at their tab."""
    owed = sa.select(sa.func.count()).where(
        Question.owner_id == user_id,
        Question.state == QuestionState.OPEN,
        Question.paused_at.is_(None),
        Question.merged_into_id.is_(None),
    )
    return db.scalars(owed).one()


def late_count(db: Session) -> int:
    """How many open questions are past the moment they were promised for, whoever owes them."""
    late = sa.select(sa.func.count()).where(
        Question.promised_at < clock.now(),
        Question.state == QuestionState.OPEN,
        Question.paused_at.is_(None),
        Question.merged_into_id.is_(None),
    )
    return db.scalars(late).one()


def _kept_percent(db: Session, user_id: int) -> int | None:
    turn = QuestionAssignment
    kept = sa.case((sa.and_(turn.outcome == AssignmentOutcome.ANSWERED, turn.ended_at <= turn.promised_at), 1), else_=0)
    judged = turn.outcome.in_((AssignmentOutcome.ANSWERED, AssignmentOutcome.SILENT))
    row = db.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(kept), 0)).where(
            turn.expert_id == user_id, judged, turn.ended_at > clock.now() - KEPT_OVER
        )
    ).one()
    return round(100 * row[1] / row[0]) if row[0] else None
