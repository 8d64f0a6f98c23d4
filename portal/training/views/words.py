"""Dates and states in words, each looked up once a page: rows are many, and each lookup costs."""

from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date, get_day_names
from flask_babel import get_locale, get_timezone
from flask_babel import gettext as _


@lru_cache(maxsize=4096)
def _short(on: date, locale: str) -> str:
    return format_date(on, "d MMM", locale=locale)


@lru_cache(maxsize=4096)
def _full(on: date, locale: str) -> str:
    return format_date(on, "EEEE d MMMM", locale=locale)


@lru_cache(maxsize=4096)
def _row(on: date, locale: str) -> str:
    return format_date(on, "EEE d MMMM", locale=locale)


def locale_name() -> str:
    """The locale of this request, as Babel's functions take it."""
    return str(get_locale() or "fr_FR")


def zone_here() -> ZoneInfo:
    """The zone of whoever reads."""
    return ZoneInfo(str(get_timezone()))


def day_short(moment: datetime, zone: ZoneInfo, locale: str) -> str:
    """`5 nov.`."""
    return _short(moment.astimezone(zone).date(), locale)


def day_full(moment: datetime, zone: ZoneInfo, locale: str) -> str:
    """`jeudi 26 novembre`."""
    return _full(moment.astimezone(zone).date(), locale)


def day_row(on: date, locale: str) -> str:
    """`jeu. 26 novembre`, for a row of a plan."""
    return _row(on, locale)


def clock_time(moment: datetime, zone: ZoneInfo) -> str:
    """`12:30`; digits and colon are the same in the three languages."""
    return f"{moment.astimezone(zone):%H:%M}"


def weekday_list(weekdays: list[int]) -> str:
    """`mardi et jeudi`."""
    names = [str(get_day_names("wide", locale=get_locale())[weekday]) for weekday in weekdays]
    if len(names) == 1:
        return names[0]
    separator = "، " if locale_name().startswith("ar") else ", "
    return str(_("%(first)s and %(last)s", first=separator.join(names[:-1]), last=names[-1]))
