"""Answers as they are printed: everything is worked out once before the template runs, for the long ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import request, url_for
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


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """One answer. `help_to` is empty under one's own, `accept_to` and `hide_to` where they are not one's to do."""

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
    accepted: AnswerLine | None
    accepted_words: str
    took: str
    heading: str
    others: tuple[AnswerLine, ...]
    is_signed_in: bool
    sign_in: str


class Moments:
    """Moments in words for one reader: the zone and today are looked up once, each day once."""

    def __init__(self) -> None:
        """Read the reader's zone and today."""
        self._zone = ZoneInfo(str(get_timezone() or "UTC"))
        self._today = clock.now().astimezone(self._zone).date()
        self._days: dict[int, str] = {}

    def words(self, moment: datetime) -> str:
        """`Aujourd’hui, 15:10`, `Hier, 15:10`, `24 nov., 15:10`."""
        local = moment.astimezone(self._zone)
        ago = (self._today - local.date()).days
        if ago not in self._days:
            self._days[ago] = words.day_words(local.date(), ago)
        return self._days[ago].replace("{}", f"{local:%H:%M}")


def answers_part(page: QuestionPage, answers: Answers) -> AnswersPart:
    """What the template of the answers prints."""
    rows, lines = answers.rows, _lines(page, answers.rows)
    accepted = lines[0] if rows and rows[0].is_accepted else None
    others = lines[1:] if accepted else lines
    by = words.first_name(page.accepted_by) if page.accepted_by else ""
    took = rows[0].created_at - page.created_at if accepted else None
    return AnswersPart(
        poll=url_for("forum.answers", question_id=page.id, shown=answers.shown),
        tag=answers.tag,
        accepted=accepted,
        accepted_words=_("Answer accepted by %(name)s", name=by) if by else _("Accepted answer"),
        took=words.duration_words(took) if took is not None and took.total_seconds() > 0 else "",
        heading=_heading(len(others), has_accepted=accepted is not None),
        others=tuple(others),
        is_signed_in=current_user.is_authenticated,
        sign_in=url_for("identity.sign_in", next=request.path),
    )


def _heading(count: int, *, has_accepted: bool) -> str:
    if has_accepted:
        return str(ngettext("%(num)d other answer", "%(num)d other answers", count))
    return str(ngettext("%(num)d answer", "%(num)d answers", count))


def _lines(page: QuestionPage, rows: Sequence[AnswerRow]) -> list[AnswerLine]:
    own = words.reader_id()
    accepts, hides = policies.may_accept(current_user, page), policies.is_moderator(current_user)
    moments, base = Moments(), f"/{language()}/answers"
    helped = {count: ngettext("%(num)d person helped", "%(num)d people helped", count) for count in _counts(rows)}
    return [
        AnswerLine(
            id=row.id,
            author=row.author,
            initials=row.initials,
            tint="" if row.by_expert else f" {words.tint(row.author_id)}",
            when=moments.words(row.created_at),
            by_expert=row.by_expert,
            body=markdown(row.text),
            helped=helped.get(row.vote_count, ""),
            has_my_vote=row.has_my_vote,
            help_to=f"{base}/{row.id}/help" if row.author_id != own else "",
            accept_to=f"{base}/{row.id}/accept"
            if accepts and not row.is_accepted and row.question_id == page.id
            else "",
            hide_to=f"{base}/{row.id}/hide" if hides else "",
        )
        for row in rows
    ]


def _counts(rows: Sequence[AnswerRow]) -> set[int]:
    return {row.vote_count for row in rows if row.vote_count}
