"""How these pages name moments, people and places."""

from datetime import date, datetime, timedelta
from typing import Any

from babel.dates import format_date
from flask import flash, redirect, url_for
from flask_babel import get_locale, to_user_timezone
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import Field

from portal.kernel import clock, ids
from portal.kernel.db import transaction
from portal.kernel.errors import PortalError
from portal.kernel.money import Money
from portal.wallet.errors import NotEnoughError
from portal.wallet.forms import ComposerForm, MoneyForm
from portal.wallet.services import approvals, transfers
from portal.wallet.services.approvals import Place
from portal.wallet.services.transfers import Payee
from portal.web.formats import date_short, time_short

View = str | tuple[str, int] | Response

_TINTS = ("is-info", "is-wait", "", "is-off", "is-bad")
_WEEK = timedelta(days=7)


def tint(user_id: int) -> str:
    """The colour behind a person's initials: always the same for the same person."""
    return _TINTS[user_id % len(_TINTS)]


def local_day(moment: datetime) -> date:
    """The reader's day a moment falls on."""
    day: date = to_user_timezone(moment).date()
    return day


def _dated(day: date, pattern: str) -> str:
    return format_date(day, pattern, locale=get_locale() or "fr_FR")


def short_when(moment: datetime) -> str:
    """`12:04` today, then `yesterday`, `Sun.`, `24 Nov.`: what stands at the end of a line."""
    day, today = local_day(moment), local_day(clock.now())
    if day == today:
        return time_short(moment)
    if day == today - timedelta(days=1):
        return str(_("yesterday"))
    return _dated(day, "EEE") if today - day < _WEEK else date_short(moment)


def day_words(day: date) -> str:
    """`Today`, `Yesterday`, `Monday`, `Monday 9 November`: the line between two days of a conversation."""
    today = local_day(clock.now())
    if day == today:
        return str(_("Today"))
    if day == today - timedelta(days=1):
        return str(_("Yesterday"))
    words = _dated(day, "EEEE") if today - day < _WEEK else _dated(day, "EEEE d MMMM")
    return words[:1].upper() + words[1:]


def _first_of_month(words: str) -> str:
    """French counts the first day of a month: `1er novembre`."""
    locale = get_locale()
    french = locale is not None and locale.language == "fr"
    return f"1er {words[2:]}" if french and words.startswith("1 ") else words


def in_month(day: date) -> str:
    """`1er novembre`, `1 November`."""
    return _first_of_month(_dated(day, "d MMMM"))


def short_day(day: date) -> str:
    """`1er déc.`, `24 nov.`."""
    return _first_of_month(date_short(day))


def month_name(day: date) -> str:
    """`Novembre`, as a heading."""
    words = _dated(day, "LLLL")
    return words[:1].upper() + words[1:]


def first_name(name: str) -> str:
    """What a person is called in one word."""
    return name.split(" ", maxsplit=1)[0] if name else name


def begin(payee: Payee, amount: Money, note: str, form_key: str) -> Place:
    """Begin a transfer of mine; where it goes on: its approval, or its receipt. Raises what it is refused with."""
    with transaction() as db:
        transfer = transfers.start(db, sender=current_user, payee=payee, amount=amount, note=note, form_key=form_key)
        return approvals.next_step(db, kind=transfers.KIND, reference=transfer.public_id)


def begin_from(form: MoneyForm, payee: Payee) -> Place:
    """Begin the transfer that a form asks for; as `begin`."""
    return begin(payee, form.amount.chosen, form.note.data or "", form.key.data or "")


def show(error: PortalError, form: ComposerForm | MoneyForm, field: Field) -> None:
    """Say on the form what was refused. Its next sending is a new one: what was refused is never sent by a repeat."""
    field.errors = [str(error)]
    form.short = isinstance(error, NotEnoughError)
    form.key.data = ids.token()


def address_of(place: Place) -> str:
    """The address of a page that a service named."""
    values: dict[str, Any] = {**place.values}
    # A conversation opens on what was said last.
    anchor = "latest" if place.endpoint == "wallet.conversation" else None
    return url_for(place.endpoint, _anchor=anchor, **values)


def go_to(place: Place) -> Response:
    """To a page that a service named."""
    return redirect(address_of(place), code=303)


def go_back(place: Place, error: PortalError) -> Response:
    """To a page that a service named, with the reason on top of it."""
    flash(str(error), "error")
    return go_to(place)
