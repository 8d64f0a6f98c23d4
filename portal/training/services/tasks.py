"""Ticking a lesson's task by hand, and taking the tick back."""

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import conflict_insert
from portal.training.models import PROGRAMME_SLUG, Lesson, Programme, TaskTick


def _lesson_id(number: int) -> sa.Select[int]:
    return (
        sa.select(Lesson.id)
        .join(Programme, Programme.id == Lesson.programme_id)
        .where(Programme.slug == PROGRAMME_SLUG, Lesson.number == number)
    )


def tick_task(db: DbSession, *, user: User, number: int) -> None:
    """Note that this user did a lesson's task; ticking it twice keeps the first moment."""
    lesson_id = db.scalars(_lesson_id(number)).one()
    insert = conflict_insert(db, TaskTick).values(user_id=user.id, lesson_id=lesson_id, ticked_at=clock.now())
    db.execute(insert.on_conflict_do_nothing(index_elements=["user_id", "lesson_id"]))


def untick_task(db: DbSession, *, user: User, number: int) -> None:
    """Take one's own tick back; nothing happens without one."""
    db.execute(
        sa.delete(TaskTick)
        .where(TaskTick.user_id == user.id, TaskTick.lesson_id == _lesson_id(number).scalar_subquery())
        .execution_options(synchronize_session=False)
    )
