"""What is printed on a certificate: plain strings in its own language, for the PDF and for the page's drawing.

Templates get these values and nothing else: no row, no user, no request.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from babel.dates import format_date
from flask_babel import force_locale, get_locale, ngettext
from flask_babel import gettext as _

from portal import config
from portal.certificates.models import Certificate, LessonLine
from portal.identity.models import Language
from portal.web.languages import LOCALES, RIGHT_TO_LEFT

_MINUTES_AN_HOUR = 60
_GROUP = 4
MARKS = ("present", "replay", "open")
"""The stamps that a certificate knows: attended, completed by replay, and everything that does not count."""
# Marks around the parts of a sentence that are set in bold or kept together; no translation holds them.
_STRONG, _TOGETHER, _END = "\ue000", "\ue001", "\ue002"
_PARTS = re.compile(f"([{_STRONG}{_TOGETHER}][^{_END}]*{_END})")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a sentence; `kind` is `plain`, `strong`, or `date` (kept in one direction)."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class LessonEntry:
    """A lesson on the second page, and how it was completed, in words."""

    number: int
    title: str
    words: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """Five lessons under their chapter's name."""

    title: str
    lessons: tuple[LessonEntry, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything on the two pages.

    `marks` are the 25 stamps in order (see MARKS); `verify_url` is what the QR code holds.
    """

    language: str
    direction: str
    title: str
    heading: str
    programme: str
    certifies: str
    name: str
    shop: str
    statement: tuple[Part, ...]
    marks: tuple[str, ...]
    count: str
    required: str
    seal_words: str
    signatory: str
    signed: str
    issued: tuple[Part, ...]
    number_label: str
    serial: str
    verify_at: str
    address: str
    code: str
    verify_url: str
    qr_words: str
    lessons_heading: str
    lessons_of: str
    chapters: tuple[Chapter, ...]


def grouped(code: str) -> str:
    """A verification code in groups of four, as it is printed and read aloud."""
    return "-".join(code[start : start + _GROUP] for start in range(0, len(code), _GROUP))


def hours_words(minutes: int) -> str:
    """`11 hours`, `10 hours 30 minutes`: a duration in the language that is active now."""
    whole, rest = divmod(minutes, _MINUTES_AN_HOUR)
    hours = ngettext("%(num)d hour", "%(num)d hours", whole)
    return str(_("%(hours)s %(minutes)d minutes", hours=hours, minutes=rest) if rest else hours)


def day_words(day: date | datetime) -> str:
    """`21 January 2027`, in the language that is active now; a moment's day is that of the portal's time zone."""
    if isinstance(day, datetime):
        day = day.astimezone(ZoneInfo(config.current().time_zone)).date()
    return str(format_date(day, "long", locale=get_locale()))


def state_words(state: str) -> str:
    """How a lesson was completed, or why it does not count."""
    words = {
        "present": _("Attended live"),
        "replay": _("Replay and quiz"),
        "excused": _("Excused"),
    }
    return str(words.get(state) or _("Not attended"))


def _mark(state: str) -> str:
    return state if state in MARKS else "open"


def _parts(sentence: str) -> tuple[Part, ...]:
    kinds = {_STRONG: "strong", _TOGETHER: "date"}
    return tuple(
        Part(kinds[piece[0]], piece[1:-1]) if piece[0] in kinds else Part("plain", piece)
        for piece in _PARTS.split(sentence)
        if piece
    )


def _sessions(certificate: Certificate) -> str:
    return str(
        ngettext(
            "%(num)d session out of %(all)d",
            "%(num)d sessions out of %(all)d",
            certificate.counted,
            all=len(certificate.lessons),
        )
    )


def _statement(certificate: Certificate) -> tuple[Part, ...]:
    return _parts(
        _(
            "attended %(sessions)s of the programme, %(hours)s of training in all, from %(first)s to %(last)s.",
            sessions=f"{_STRONG}{_sessions(certificate)}{_END}",
            hours=f"{_STRONG}{hours_words(certificate.training_minutes)}{_END}",
            first=f"{_TOGETHER}{day_words(certificate.first_on)}{_END}",
            last=f"{_TOGETHER}{day_words(certificate.last_on)}{_END}",
        )
    )


def _entry(line: LessonLine) -> LessonEntry:
    return LessonEntry(line["number"], line["title"], state_words(line["state"]))


def _chapters(lessons: list[LessonLine]) -> tuple[Chapter, ...]:
    return tuple(
        Chapter(title, tuple(_entry(line) for line in lines))
        for title, lines in groupby(lessons, key=lambda line: line["chapter"])
    )


def verify_url(code: str) -> str:
    """The full address that verifies a code."""
    return f"{config.current().base_url}/v/{code}"


def _sheet(certificate: Certificate) -> Sheet:
    total = len(certificate.lessons)
    address = urlsplit(config.current().base_url)
    return Sheet(
        language=str(certificate.language),
        direction="rtl" if certificate.language in RIGHT_TO_LEFT else "ltr",
        title=_("Certificate %(serial)s, %(name)s", serial=certificate.serial, name=certificate.printed_name),
        heading=_("Certificate"),
        programme=certificate.programme_title,
        certifies=_("Comptoir certifies that"),
        name=certificate.printed_name,
        shop=certificate.printed_shop,
        statement=_statement(certificate),
        marks=tuple(_mark(line["state"]) for line in certificate.lessons),
        count=f"{certificate.counted} / {total}",
        required=_("%(needed)s required", needed=certificate.needed),
        seal_words=_("%(sessions)s, %(needed)s required", sessions=_sessions(certificate), needed=certificate.needed),
        signatory=_("Programme management"),
        signed=_("Electronically signed"),
        issued=_parts(_("Issued on %(day)s", day=f"{_TOGETHER}{day_words(certificate.issued_at)}{_END}")),
        number_label=_("No."),
        serial=certificate.serial,
        verify_at=_("Verify this certificate at"),
        address=f"{address.netloc}{address.path}/v",
        code=grouped(certificate.code),
        verify_url=verify_url(certificate.code),
        qr_words=_("QR code that leads to the verification of this certificate"),
        lessons_heading=_("The %(num)d lessons", num=total),
        lessons_of=certificate.printed_name,
        chapters=_chapters(certificate.lessons),
    )


def sheet_of(certificate: Certificate) -> Sheet:
    """What to print for this certificate, in the certificate's language; needs an application context."""
    language: Language = certificate.language
    with force_locale(LOCALES[language]):
        return _sheet(certificate)
