"""The only source of the time. Everything stored is aware and in UTC."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_fixed: ContextVar[datetime | None] = ContextVar("fixed_time", default=None)


def now() -> datetime:
    """The present moment, aware, in UTC; the fixed one inside `at()`."""
    return _fixed.get() or datetime.now(UTC)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Hold the clock at `moment` inside the block: tests, and demo data that has a past.

    Raises ValueError when `moment` has no zone.
    """
    if moment.tzinfo is None:
        msg = "the clock is set with an aware time only"
        raise ValueError(msg)
    token = _fixed.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _fixed.reset(token)
