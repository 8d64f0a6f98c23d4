"""Answers as they are printed. A card is rendered once for all who see it alike: it is read far more than written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from flask import current_app, request, url_for
from flask_babel import get_timezone, ngettext
from flask_babel import gettext as _
from flask_login import current_user
from markupsafe import Markup

from portal.forum import policies
from portal.forum.queries.question import AnswerRow, Answers, QuestionPage
from portal.forum.views import words
from portal.kernel import clock
from portal.web.languages import language
from portal.web.markdown import markdown

# How many cards are kept rendered in a process: some two kilobytes each.
_KEPT = 4_000


@dataclass(frozen=True, slots=True)
class Look:
    """Who looks at an answer, when and from where: all that its card depends on besides the answer itself."""

    language: str
    zone: str
    today: date
    sign_in: str
    is_own: bool
    may_accept: bool
    may_hide: bool
    is_first: bool


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """One answer in words. `help_to` is empty under one's own, `accept_to` and `hide_to` where they are not theirs."""

    id: int
    author: str
    initials: str
    tint: str
    when: str
    by_expert: bool
    body: Markup
    helped: str
    has_my_vote: bool
    help_to: str
    accept_to: str
    hide_to: str


@dataclass(frozen=True, slots=True)
class AnswersPart:
    """The part of the page that polls exchange: the accepted answer on top, then the others under their heading."""

    poll: str
    tag: str
    accepted_id: int | None
    accepted: Markup | None
    accepted_words: str
    took: str
    heading: str
    others: tuple[tuple[int, Markup], ...]
    is_signed_in: bool


def answers_part(page: QuestionPage, answers: Answers) -> AnswersPart:
    """What the template of the answers prints."""
    rows = answers.rows
    accepted = rows[0] if rows and rows[0].is_accepted else None
    others = rows[1:] if accepted else rows
    cards = _cards(page, rows)
    by = words.first_name(page.accepted_by) if page.accepted_by else ""
    took = accepted.created_at - page.created_at if accepted else None
    return AnswersPart(
        poll=url_for("forum.answers", question_id=page.id, shown=answers.shown),
        tag=answers.tag,
        accepted_id=accepted.id if accepted else None,
        accepted=cards[0] if accepted else None,
        accepted_words=_("Answer accepted by %(name)s", name=by) if by else _("Accepted answer"),
        took=words.duration_words(took) if took is not None and took.total_seconds() > 0 else "",
        heading=_heading(len(others), has_accepted=accepted is not None),
        others=tuple(zip((row.id for row in others), cards[len(rows) - len(others) :], strict=True)),
        is_signed_in=current_user.is_authenticated,
    )


def _heading(count: int, *, has_accepted: bool) -> str:
    if has_accepted:
        return str(ngettext("%(num)d other answer", "%(num)d other answers", count))
    return str(ngettext("%(num)d answer", "%(num)d answers", count))


def _cards(page: QuestionPage, rows: Sequence[AnswerRow]) -> list[Markup]:
    own, zone = words.reader_id(), str(get_timezone() or "UTC")
    accepts, hides = policies.may_accept(current_user, page), policies.is_moderator(current_user)
    code, today = language(), clock.now().astimezone(ZoneInfo(zone)).date()
    sign_in = "" if current_user.is_authenticated else url_for("identity.sign_in", next=request.path)
    return [
        _card(
            row,
            Look(
                language=code,
                zone=zone,
                today=today,
                sign_in=sign_in,
                is_own=row.author_id == own,
                may_accept=accepts and not row.is_accepted and row.question_id == page.id,
                may_hide=hides,
                is_first=position == 0 and row.is_accepted,
            ),
        )
        for position, row in enumerate(rows)
    ]


@lru_cache(maxsize=_KEPT)
def _card(row: AnswerRow, look: Look) -> Markup:
    """The card's inside. Whatever it prints is in its two arguments, or is the same for everybody in a language."""
    template = current_app.jinja_env.get_template("forum/_answer.html")
    card: Markup = template.module.card(_line(row, look), look)  # type: ignore[attr-defined] # its macro
    return card


def _line(row: AnswerRow, look: Look) -> AnswerLine:
    base = f"/{look.language}/answers/{row.id}"
    return AnswerLine(
        id=row.id,
        author=row.author,
        initials=row.initials,
        tint="" if row.by_expert else f" {words.tint(row.author_id)}",
        when=_moment(row.created_at, look),
        by_expert=row.by_expert,
        body=markdown(row.text),
        helped=ngettext("%(num)d person helped", "%(num)d people helped", row.vote_count) if row.vote_count else "",
        has_my_vote=row.has_my_vote,
        help_to=f"{base}/help" if not look.is_own else "",
        accept_to=f"{base}/accept" if look.may_accept else "",
        hide_to=f"{base}/hide" if look.may_hide else "",
    )


def _moment(moment: datetime, look: Look) -> str:
    local = moment.astimezone(ZoneInfo(look.zone))
    day = words.day_words(local.date(), (look.today - local.date()).days)
    return day.replace("{}", f"{local:%H:%M}")
