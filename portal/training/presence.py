"""Adding up presence: spans of several devices, merged; measured against the session. Pure arithmetic."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.training.models import AttendanceState

Span = tuple[datetime, datetime]
_NOTHING = timedelta(0)


def merged(spans: Iterable[Span], *, from_at: datetime, until_at: datetime) -> timedelta:
    """The time covered by at least one span, within [from_at, until_at]."""
    total = _NOTHING
    reached = from_at
    for begin, end in sorted(spans):
        begin, end = max(begin, reached), min(end, until_at)  # noqa: PLW2901 (clipped to what still counts)
        if end > begin:
            total += end - begin
            reached = end
    return total


def length(*, planned: Span, ran: Span) -> timedelta:
    """What presence is measured against: the session as it really ran, never longer than planned."""
    return max(min(ran[1] - ran[0], planned[1] - planned[0]), _NOTHING)


def meets(present: timedelta, of: timedelta, bar_percent: int) -> bool:
    """Whether the bar is met; exact, because rounding has failed people at it."""
    return of > _NOTHING and present * 100 >= of * bar_percent


def state_of(present: timedelta, of: timedelta, bar_percent: int) -> AttendanceState:
    """Present at the bar, partial under it, absent without a second."""
    if meets(present, of, bar_percent):
        return AttendanceState.PRESENT
    return AttendanceState.PARTIAL if present > _NOTHING else AttendanceState.ABSENT


@dataclass(frozen=True, slots=True)
class Reach:
    """How somebody stands during a session. `needed` is what is still missing, `within` whether it can be done."""

    percent: int
    bar_percent: int
    needed: timedelta
    within: bool

    @property
    def reached(self) -> bool:
        """True once the bar is met, whatever follows."""
        return self.needed <= _NOTHING

    @property
    def needed_minutes(self) -> int:
        """Minutes still needed, rounded up."""
        return -(-self.needed // timedelta(minutes=1))


def reach(present: timedelta, *, planned: timedelta, left: timedelta, bar_percent: int) -> Reach:
    """How `present` stands against the planned length with `left` to go."""
    needed = max(planned * bar_percent / 100 - present, _NOTHING)
    percent = min(int(present * 100 / planned), 100) if planned else 0
    return Reach(percent=percent, bar_percent=bar_percent, needed=needed, within=needed <= left)
