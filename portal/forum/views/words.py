"""Moments and states of questions in words, and the pieces that several pages share."""

from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date
from flask import request
from flask_babel import get_locale, get_timezone, ngettext
from flask_babel import gettext as _
from flask_login import current_user

from portal import config
from portal.forum.addresses import question_path
from portal.forum.models import QuestionState
from portal.forum.queries.lists import excerpt
from portal.forum.queries.question import Answers, QuestionPage
from portal.forum.services.routing import business_hours
from portal.kernel import clock
from portal.training import content
from portal.web.formats import date_medium, date_short, time_short
from portal.web.languages import language

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_WEEK_DAYS = 6
# Search engines show a few answers; the page holds them all.
_STRUCTURED = 5
# No id has more; longer numbers are not read.
_ID_DIGITS = 18
_TINTS = ("is-info", "is-wait", "is-off")


def reader_id() -> int | None:
    """The id of whoever is signed in."""
    return current_user.id if current_user.is_authenticated else None


def tint(user_id: int) -> str:
    """A colour for somebody's initials, always the same."""
    return _TINTS[user_id % len(_TINTS)]


def _days_from_today(moment: datetime) -> int:
    zone = ZoneInfo(str(get_timezone() or "UTC"))
    return (moment.astimezone(zone).date() - clock.now().astimezone(zone).date()).days


def day_words(day: date, ago: int) -> str:
    """A day so many days ago, `{}` where its time goes: `Hier, {}`, `24 nov., {}`."""
    if ago == 0:
        return str(_("Today, %(time)s", time="{}"))
    if ago == 1:
        return str(_("Yesterday, %(time)s", time="{}"))
    return f"{date_short(day)}, {{}}"


def moment_words(moment: datetime) -> str:
    """`Aujourd’hui, 15:10`, `Hier, 15:10`, `24 nov., 15:10`."""
    local = moment.astimezone(ZoneInfo(str(get_timezone() or "UTC")))
    return day_words(local.date(), -_days_from_today(moment)).replace("{}", f"{local:%H:%M}")


def first_name(name: str) -> str:
    """How somebody is called in a sentence."""
    return name.split(maxsplit=1)[0]


def duration_words(duration: timedelta) -> str:
    """`en 2 h 10`: how long an answer took."""
    if duration < _HOUR:
        return str(_("in %(minutes)s min", minutes=max(int(duration.total_seconds() // 60), 1)))
    if duration < _DAY:
        hours, minutes = divmod(int(duration.total_seconds() // 60), 60)
        return str(_("in %(hours)s h %(minutes)02d", hours=hours, minutes=minutes))
    return str(ngettext("in %(num)d day", "in %(num)d days", duration.days))


def promise_words(promised_at: datetime) -> str:
    """`jeudi 26 novembre, 17:00`, in the zone of whoever reads."""
    return f"{date_medium(promised_at)}, {time_short(promised_at)}"


def next_promise() -> str:
    """By when a question asked now is answered, in words."""
    return promise_words(business_hours().promise(clock.now()))


def due_tag(promised_at: datetime) -> tuple[str, str]:
    """A promise as a tag of the queue: its words and tint. Red under an hour, amber today."""
    left = promised_at - clock.now()
    time = time_short(promised_at)
    if left <= timedelta():
        return str(_("Late")), "is-bad"
    if left < _HOUR:
        return str(_("In %(minutes)s min", minutes=int(left.total_seconds() // 60))), "is-bad"
    days = _days_from_today(promised_at)
    if days == 0:
        return str(_("Before %(time)s", time=time)), "is-wait"
    if days == 1:
        return str(_("Tomorrow, %(time)s", time=time)), "is-off"
    if days <= _WEEK_DAYS:
        zone = ZoneInfo(str(get_timezone() or "UTC"))
        day = format_date(promised_at.astimezone(zone).date(), "EEEE", locale=get_locale())
        return f"{day[:1].upper()}{day[1:]}, {time}", "is-off"
    return f"{date_short(promised_at)}, {time}", "is-off"


def state_tag(state: QuestionState, promised_at: datetime | None) -> tuple[str, str, str]:
    """A question's state as a tag: words, tint, icon."""
    fixed = {
        QuestionState.ANSWERED: (_("Answered"), "is-done", "check"),
        QuestionState.SOLVED: (_("Answered"), "is-done", "check"),
        QuestionState.HIDDEN: (_("Hidden"), "is-off", "eye-off"),
        QuestionState.PENDING: (_("Seen by the expert first"), "is-wait", "clock"),
        QuestionState.HIGHLIGHTED: (_("Being answered now"), "is-done", "mic"),
        QuestionState.PUBLISHED: (_("Asked live"), "is-info", "mic"),
    }
    if state in fixed:
        return fixed[state]
    if promised_at is None:
        return str(_("Waiting for an answer")), "is-wait", "clock"
    if promised_at <= clock.now():
        return str(_("An answer is on its way")), "is-wait", "clock"
    return str(_("Answer before %(when)s", when=promise_words(promised_at))), "is-wait", "clock"


@cache
def lesson_title(number: int, language_code: str) -> str:
    """`12. Encaisser par carte`; empty for a number without a lesson."""
    return f"{number}. {content.lesson(number).title(language_code)}"


def end_of_today() -> datetime:
    """Midnight after this day, in the zone of whoever reads."""
    zone = ZoneInfo(str(get_timezone() or "UTC"))
    return clock.now().astimezone(zone).replace(hour=23, minute=59, second=59)


def lesson_words(number: int | None) -> str:
    """The lesson's number and title in the page's language; empty without one."""
    return lesson_title(number, language()) if number is not None else ""


def lesson_address(number: int) -> str:
    """The lesson's part of its page's address: `12-paiement-par-carte`."""
    return content.lesson(number).address


def path(question_id: int, slug: str) -> str:
    """The address of a question in the page's language."""
    return question_path(language(), question_id, slug)


def other_language(code: str) -> str | None:
    """`en arabe`, when that is not the page's own language."""
    names = {"fr": _("in French"), "en": _("in English"), "ar": _("in Arabic")}
    return None if code == language() else str(names[code])


def structured(page: QuestionPage, answers: Answers) -> dict[str, Any]:
    """The question and its answers as schema.org's QAPage, for search engines."""
    given = [
        {
            "@type": "Answer",
            "text": excerpt(row.text),
            "upvoteCount": row.vote_count,
            "datePublished": row.created_at.isoformat(),
            "url": f"{config.current().base_url}{path(page.id, page.slug)}#a{row.id}",
            "author": {"@type": "Person", "name": row.author},
        }
        for row in answers.rows[:_STRUCTURED]
    ]
    first = answers.rows[0].is_accepted if answers.rows else False
    return {
        "@context": "https://schema.org",
        "@type": "QAPage",
        "mainEntity": {
            "@type": "Question",
            "name": page.title,
            "text": excerpt(page.text or page.title),
            "inLanguage": str(page.language),
            "answerCount": len(answers.rows),
            "upvoteCount": page.vote_count,
            "datePublished": page.created_at.isoformat(),
            **({"acceptedAnswer": given[0]} if first else {}),
            "suggestedAnswer": given[1:] if first else given,
        },
    }


def ids_given(name: str) -> list[int] | None:
    """Ids in the query as `12-9-31`, the form polls say them back in; None when they are not given."""
    text = request.args.get(name)
    if text is None:
        return None
    return [number for part in text[:2_000].split("-") if (number := as_id(part)) is not None]


def number_given(name: str) -> int | None:
    """A whole positive number in the query; None when it is missing or junk."""
    return as_id(request.args.get(name))


def as_id(text: str | None) -> int | None:
    """A whole number as it stands in addresses and forms; None for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= _ID_DIGITS else None
