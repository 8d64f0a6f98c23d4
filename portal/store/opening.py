"""When a shop is open: weekly hours in its own time zone, and the switch that wins over them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from portal.store.errors import BadHoursError

Hours = Sequence[Sequence[Sequence[int]]]

DAY_MINUTES = 24 * 60
# Words people type between two times: hyphen, en dash, "à", "to", Arabic "إلى".
_TIME = re.compile(r"^(\d{1,2})(?:[:hH.](\d{2})?)?$")
_RANGE = re.compile(r"\s*(?:-|–|—|à|to|إلى)\s*")


@dataclass(frozen=True, slots=True)
class Opening:
    """Open or not at a moment, and until when (None: not known)."""

    is_open: bool
    until: datetime | None
    # Whether that is still on the shop's present day.
    today: bool = field(default=True, compare=False)


def _at(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """Wall-clock `minute` of `day`; 24:00 is the next midnight. A change of clocks keeps the wall time."""
    whole_days, rest = divmod(minute, DAY_MINUTES)
    wall = time(rest // 60, rest % 60)
    return datetime.combine(day + timedelta(days=whole_days), wall, tzinfo=zone)


def _intervals(hours: Hours, zone: ZoneInfo, moment: datetime) -> list[tuple[datetime, datetime]]:
    """The openings of the next eight days, in order."""
    today = moment.astimezone(zone).date()
    days = [today + timedelta(days=offset) for offset in range(8)]
    return [(_at(day, opens, zone), _at(day, closes, zone)) for day in days for opens, closes in hours[day.weekday()]]


def opening(
    hours: Hours, time_zone: str, moment: datetime, *, switched_open: bool | None, switched_until: datetime | None
) -> Opening:
    """Whether a shop is open at `moment`: the switch until it lets go, else the weekly hours.

    Closed, it says when it opens again; open, when it closes.
    """
    zone = ZoneInfo(time_zone)
    held = switched_until if switched_until is not None and switched_until > moment else None
    if held is not None and switched_open:
        return Opening(is_open=True, until=held)
    for begins, ends in _intervals(hours, zone, moment):
        opens = max(begins, held) if held is not None else begins
        if moment < opens < ends:
            return Opening(is_open=False, until=opens, today=_same_day(opens, moment, zone))
        if opens <= moment < ends:
            return Opening(is_open=True, until=ends)
    return Opening(is_open=False, until=None)


def _same_day(one: datetime, other: datetime, zone: ZoneInfo) -> bool:
    return one.astimezone(zone).date() == other.astimezone(zone).date()


def switch_end(hours: Hours, time_zone: str, moment: datetime, *, to_open: bool) -> datetime:
    """When the switch lets go: nobody leaves a shop "open" or "closed" for good by forgetting it.

    Opened: at the end of the present or the day's next opening, else at midnight. Closed: at the
    end of the present opening, else at midnight.
    """
    zone = ZoneInfo(time_zone)
    midnight = _at(moment.astimezone(zone).date(), DAY_MINUTES, zone)
    for begins, ends in _intervals(hours, zone, moment):
        if ends > moment and (begins <= moment or (to_open and ends <= midnight)):
            return ends
    return midnight


def _minute(text: str) -> int:
    match = _TIME.match(text.strip())
    if match is None:
        raise BadHoursError
    minute = int(match[1]) * 60 + int(match[2] or 0)
    if minute > DAY_MINUTES or int(match[2] or 0) > 59:  # noqa: PLR2004 (minutes of an hour)
        raise BadHoursError
    return minute


def parse_day(text: str) -> list[list[int]]:
    """Read a day as people type it: `9:00-12:30, 14h-19h30`; empty is closed.

    Raises BadHoursError when a time makes no sense, an opening ends before it begins, or two overlap.
    """
    openings: list[list[int]] = []
    for part in re.split(r"[,;،\n]", text):
        if not part.strip():
            continue
        times = _RANGE.split(part.strip())
        if len(times) != 2:  # noqa: PLR2004 (a beginning and an end)
            raise BadHoursError
        openings.append([_minute(times[0]), _minute(times[1])])
    last = -1
    for opens, closes in openings:
        if opens <= last or closes <= opens:
            raise BadHoursError
        last = closes
    return openings


def print_minute(minute: int) -> str:
    """`9:30` for 570."""
    return f"{minute // 60}:{minute % 60:02}"


def print_day(openings: Sequence[Sequence[int]]) -> str:
    """A day's openings as `parse_day` reads them."""
    return ", ".join(f"{print_minute(opens)}-{print_minute(closes)}" for opens, closes in openings)
