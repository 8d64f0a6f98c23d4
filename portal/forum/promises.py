"""When an answer is promised, in the business hours of the country. Pure: no clock, no database.

A business day is Monday to Friday without the country's public holidays; its hours are 9:00 to 17:00 in the
portal's zone. A promise is 17:00 on the first business day after the day of asking.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays

OPENS = time(9)
CLOSES = time(17)
_FRIDAY = 4


@cache
def _days_off(country: str, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, years=year))


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """The business days of a country (ISO 3166 code), read on the clock of a zone."""

    country: str
    zone: str

    def is_business_day(self, day: date) -> bool:
        """Whether people work on this day."""
        return day.weekday() <= _FRIDAY and day not in _days_off(self.country, day.year)

    def next_business_day(self, day: date) -> date:
        """The first business day after `day`."""
        following = day + timedelta(days=1)
        while not self.is_business_day(following):
            following += timedelta(days=1)
        return following

    def promise(self, asked_at: datetime) -> datetime:
        """By when a question asked at this moment is answered."""
        return self._at(self.next_business_day(asked_at.astimezone(self._zone).date()), CLOSES)

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much business time lies between two moments; none when `end` comes first."""
        total = timedelta()
        for opens, closes in self._spans(start):
            if opens >= end:
                return total
            total += max(min(closes, end) - max(opens, start), timedelta())
        return total  # pragma: no cover (the spans never end)

    def after(self, start: datetime, business_time: timedelta) -> datetime:
        """The moment by which `business_time` has passed, counted from `start`."""
        left = business_time
        for opens, closes in self._spans(start):
            begins = max(opens, start)
            if closes - begins >= left:
                return begins + left
            left -= max(closes - begins, timedelta())
        return start  # pragma: no cover (the spans never end)

    def resumed(self, *, promised_at: datetime, paused_at: datetime, now: datetime) -> datetime:
        """The promise after a pause: what business time was left when the clock stopped is left now."""
        return self.after(now, self.between(paused_at, promised_at))

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def _at(self, day: date, local: time) -> datetime:
        return datetime.combine(day, local, self._zone).astimezone(UTC)

    def _spans(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        day = start.astimezone(self._zone).date()
        if not self.is_business_day(day):
            day = self.next_business_day(day)
        while True:
            yield self._at(day, OPENS), self._at(day, CLOSES)
            day = self.next_business_day(day)
