"""Template filters: money, dates and numbers as each language writes them."""

from datetime import UTC, date, datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, format_timedelta, get_timezone_location
from babel.numbers import format_currency, format_decimal
from flask import Flask
from flask_babel import get_locale, get_timezone
from markupsafe import Markup, escape

from portal.kernel import clock
from portal.kernel.money import Money

_MONEY = Markup('<bdi dir="ltr" class="amount">{}</bdi>')  # a constant; what it holds is escaped


# A list of prices asks for the same few hundred amounts again and again, and Babel takes 30 µs for each.
@lru_cache(maxsize=4096)
def _money_text(amount: Money, locale: str) -> str:
    text = format_currency(amount.major, amount.currency, locale=locale)
    return text.replace("\u200f", "").replace("\u200e", "")


def money_text(amount: Money) -> str:
    """`24,90 €` as plain text, with non-breaking spaces."""
    return _money_text(amount, str(get_locale() or "fr_FR"))


@lru_cache(maxsize=4096)
def money_in(amount: Money, locale: str) -> Markup:
    """`money` for a loop over many amounts, whose locale was looked up once."""
    return _MONEY.format(_money_text(amount, locale))


def money(amount: Money) -> Markup:
    """An amount for a page: kept together and left to right in any text."""
    return money_in(amount, str(get_locale() or "fr_FR"))


def signed_money(amount: Money) -> Markup:
    """An amount with its sign: + in, − out."""
    sign = "+" if amount.amount_minor > 0 else "\u2212" if amount.amount_minor < 0 else ""
    positive = Money(abs(amount.amount_minor), amount.currency)
    return _MONEY.format(escape(f"{sign}{money_text(positive)}"))


def _local(moment: datetime, zone: str | None) -> datetime:
    return moment.astimezone(ZoneInfo(zone) if zone else ZoneInfo(str(get_timezone() or UTC)))


def _as_date(value: datetime | date, zone: str | None) -> date:
    return _local(value, zone).date() if isinstance(value, datetime) else value


def date_long(value: datetime | date, zone: str | None = None) -> str:
    """`mardi 24 novembre 2026`."""
    return format_date(_as_date(value, zone), "full", locale=get_locale() or "fr_FR")


def date_medium(value: datetime | date, zone: str | None = None) -> str:
    """`mardi 24 novembre`, without the year."""
    return format_date(_as_date(value, zone), "EEEE d MMMM", locale=get_locale() or "fr_FR")


def date_short(value: datetime | date, zone: str | None = None) -> str:
    """`24 nov.`."""
    return format_date(_as_date(value, zone), "d MMM", locale=get_locale() or "fr_FR")


def time_short(value: datetime, zone: str | None = None) -> str:
    """`12:30`, in the zone of whoever reads, or in the one given."""
    return format_time(_local(value, zone), "HH:mm", locale=get_locale() or "fr_FR")


def date_time(value: datetime, zone: str | None = None) -> str:
    """`24 nov., 12:30`."""
    return f"{date_short(value, zone)}, {time_short(value, zone)}"


def month_year(value: datetime | date, zone: str | None = None) -> str:
    """`novembre 2026`."""
    return format_date(_as_date(value, zone), "MMMM y", locale=get_locale() or "fr_FR")


def from_now(moment: datetime) -> str:
    """How far a moment is from now, in words: `dans 8 minutes`, `il y a 2 jours`."""
    distance = moment - clock.now()
    return format_timedelta(distance, add_direction=True, locale=get_locale() or "fr_FR", threshold=1.5)


def upper_first(words: str) -> str:
    """Words that begin a line: `Mardi 24 novembre`."""
    return words[:1].upper() + words[1:]


def number(value: float) -> str:
    """A number with this language's separators."""
    return format_decimal(value, locale=get_locale() or "fr_FR")


@cache
def _zone_name(zone: str, locale: str) -> str:
    return get_timezone_location(zone, locale=locale, return_city=True)


def zone_name(zone: str) -> str:
    """The city of a time zone: `Paris`."""
    return _zone_name(zone, str(get_locale() or "fr_FR"))


def init_app(app: Flask) -> None:
    """Give the filters to the templates."""
    app.jinja_env.filters.update(
        money=money,
        money_text=money_text,
        signed_money=signed_money,
        date=date_medium,
        date_long=date_long,
        date_short=date_short,
        time=time_short,
        datetime=date_time,
        month=month_year,
        from_now=from_now,
        number=number,
        upper_first=upper_first,
        zone_name=zone_name,
    )
