"""When an expert leads sessions, and in which languages: values, without a database."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# A window until 23:59 is meant until midnight: a time of day cannot say 24:00.
_LAST_MINUTE = time(23, 59)


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of a weekday (0 is Monday) on the wall clock of `zone`, half open."""

    weekday: int
    from_time: time
    until_time: time
    zone: str

    def on(self, day: date) -> tuple[datetime, datetime]:
        """The window's span on one day, in UTC."""
        place = ZoneInfo(self.zone)
        until = datetime.combine(day, self.until_time, tzinfo=place)
        if self.until_time >= _LAST_MINUTE:
            until = datetime.combine(day + timedelta(days=1), time(0), tzinfo=place)
        return datetime.combine(day, self.from_time, tzinfo=place).astimezone(UTC), until.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Absence:
    """Days on which an expert leads nothing, both ends included."""

    first_on: date
    last_on: date
    note: str = ""


@dataclass(frozen=True, slots=True)
class Rota:
    """What one expert said of themselves. Without windows they lead at any hour; `zone` is where their days begin."""

    expert_id: int
    languages: frozenset[str]
    zone: str
    windows: tuple[Window, ...] = ()
    absences: tuple[Absence, ...] = ()

    def absence_at(self, starts_at: datetime, ends_at: datetime) -> Absence | None:
        """The absence that a span runs into."""
        place = ZoneInfo(self.zone)
        first_on = starts_at.astimezone(place).date()
        last_on = (ends_at - timedelta(microseconds=1)).astimezone(place).date()
        return next((one for one in self.absences if one.first_on <= last_on and one.last_on >= first_on), None)

    def covers(self, starts_at: datetime, ends_at: datetime) -> bool:
        """Whether a span lies within the windows; two that touch are one."""
        if not self.windows:
            return True
        reached = starts_at
        for opens_at, closes_at in sorted(self._spans(starts_at, ends_at)):
            if opens_at > reached:
                break
            reached = max(reached, closes_at)
        return reached >= ends_at

    def _spans(self, starts_at: datetime, ends_at: datetime) -> list[tuple[datetime, datetime]]:
        """The windows' spans that touch a span of time."""
        first_on, days = starts_at.date() - timedelta(days=1), (ends_at.date() - starts_at.date()).days + 3
        spans = [
            window.on(day)
            for day in (first_on + timedelta(days=count) for count in range(days))
            for window in self.windows
            if window.weekday == day.weekday()
        ]
        return [span for span in spans if span[1] > starts_at and span[0] < ends_at]
