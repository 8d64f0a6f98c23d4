"""Waking the worker. The row is the truth; this is only the nudge that makes it quick."""

from collections.abc import Callable
from functools import cache

from sqlalchemy.orm import Session

from portal.kernel.db import on_commit

_wakers: list[Callable[[str], None]] = []


def use_waker(waker: Callable[[str], None]) -> None:
    """Set how a job is woken by its name; without one, the periodic sweeps do all the work."""
    _wakers[:] = [waker]


@cache
def _nudge(job: str) -> Callable[[], None]:
    def nudge() -> None:
        for waker in _wakers:
            waker(job)

    return nudge


def wake_after_commit(db: Session, job: str) -> None:
    """Once `db` commits, let the worker run `job` now rather than at its next sweep."""
    on_commit(db, _nudge(job))
