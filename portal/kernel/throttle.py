"""Counters that guard something: sign-in, PIN, verification codes. They live in the database."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.kernel import clock
from portal.kernel.db import Base, conflict_insert, rows_changed
from portal.kernel.errors import TooManyAttemptsError


class ThrottleCounter(Base):
    """How often `key` was hit in the window that began at `window_start`."""

    __tablename__ = "throttle_counters"
    __table_args__ = (sa.CheckConstraint("hits > 0", name="hits"),)

    key: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    hits: Mapped[int]


def _window_start(moment: datetime, window: timedelta) -> datetime:
    seconds = int(window.total_seconds())
    return datetime.fromtimestamp(int(moment.timestamp()) // seconds * seconds, tz=moment.tzinfo)


def hit(db: Session, key: str, *, limit: int, window: timedelta) -> None:
    """Count one attempt on `key`; commit it before the thing it guards is tried.

    Raises TooManyAttemptsError when this is attempt `limit` + 1 or later inside the window.
    The counter is one conditional upsert: simultaneous attempts are all counted.
    """
    start = _window_start(clock.now(), window)
    insert = conflict_insert(db, ThrottleCounter).values(key=key, window_start=start, hits=1)
    upsert = insert.on_conflict_do_update(
        index_elements=["key", "window_start"], set_={"hits": ThrottleCounter.hits + 1}
    ).returning(ThrottleCounter.hits)
    if db.execute(upsert).scalar_one() > limit:
        raise TooManyAttemptsError


def forget(db: Session, key: str) -> None:
    """Start the count of `key` afresh, as after a success."""
    db.execute(sa.delete(ThrottleCounter).where(ThrottleCounter.key == key))


def sweep(db: Session, *, older_than: timedelta) -> int:
    """Delete counters whose window began more than `older_than` ago; returns how many."""
    return rows_changed(db, sa.delete(ThrottleCounter).where(ThrottleCounter.window_start < clock.now() - older_than))
