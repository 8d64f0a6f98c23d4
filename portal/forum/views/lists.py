"""/questions: search first, then the newest; and what is similar to something being written."""

from dataclasses import dataclass
from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from portal.forum import queries
from portal.forum.addresses import question_path
from portal.forum.models import DONE_STATES
from portal.forum.queries.lists import Filters, ListRow, Show, topics
from portal.forum.views import words
from portal.forum.views.blueprint import blueprint
from portal.forum.views.words import next_promise, number_given
from portal.kernel.text import clean_line
from portal.training.models import LESSONS
from portal.web.access import public, requires, signed_in
from portal.web.database import read_db
from portal.web.formats import date_short
from portal.web.fragments import fragment
from portal.web.headers import cacheable
from portal.web.languages import language

TEXT_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Line:
    """A row as it is printed: everything is worked out before the template runs."""

    title: str
    href: str
    asker: str
    meta: str
    is_done: bool


@blueprint.get("/questions")
@public
@cacheable(60)
def questions() -> str:
    """The list, found by words or the newest first."""
    filters = filters_given()
    found = queries.question_list(read_db(), filters)
    links = _topics(filters)
    return render_template(
        "forum/questions.html",
        filters=filters,
        lines=_lines(found.rows),
        older=_address(filters, filters.show, before=found.older) if found.older else None,
        newest=_address(filters, filters.show) if filters.before else None,
        shows=_shows(filters),
        topics=links,
        topic=next((link.title for link in links if link.current), None),
        promise=next_promise(),
        words=words,
    )


@blueprint.get("/questions/similar")
@requires(signed_in)
def similar() -> Response:
    """Answered questions that may ask the same as what is being typed."""
    found = queries.similar_answered(read_db(), clean_line(request.args.get("text", ""))[:TEXT_LONGEST])
    return fragment(render_template("forum/_similar.html", similar=found))


@dataclass(frozen=True, slots=True)
class TopicLink:
    """A topic in the side column."""

    title: str
    href: str
    current: bool


def _topics(filters: Filters) -> list[TopicLink]:
    name = f"title_{language()}"
    return [
        TopicLink(getattr(topic, name), url_for("forum.questions", topic=topic.slug), topic.slug == filters.topic)
        for topic in topics(read_db())
    ]


def filters_given() -> Filters:
    """What the address asks for; junk in it is as if it were not there."""
    lesson = number_given("lesson")
    show = request.args.get("show", "")
    return Filters(
        text=clean_line(request.args.get("q", "")[: 2 * TEXT_LONGEST])[:TEXT_LONGEST],
        show=Show(show) if show in set(Show) else Show.ALL,
        lesson_number=lesson if lesson is not None and 1 <= lesson <= LESSONS else None,
        topic=clean_line(request.args.get("topic", "")[:40]),
        session_id=number_given("session"),
        before=number_given("page"),
    )


def _shows(filters: Filters) -> list[tuple[str, str, bool]]:
    """The two ways of looking at the same list."""
    named = ((Show.ALL, _("Newest")), (Show.UNANSWERED, _("Waiting for an answer")))
    return [(name, _address(filters, show), filters.show is show) for show, name in named]


def _address(filters: Filters, show: Show, *, before: int | None = None) -> str:
    return url_for(
        "forum.questions",
        q=filters.text or None,
        lesson=filters.lesson_number,
        topic=filters.topic or None,
        session=filters.session_id,
        show=None if show is Show.ALL else show,
        page=before,
    )


def _lines(rows: tuple[ListRow, ...]) -> list[Line]:
    """Everything that is the same for all rows is looked up once: 50 rows cost as little as they can."""
    code = language()
    nobody = _("A shop owner")
    awaited = _("Waiting for an answer")
    aloud = _("Answered live")
    counted: dict[int, str] = {}
    days: dict[Any, str] = {}
    lines = []
    for row in rows:
        count = row.answer_count
        if count and count not in counted:
            counted[count] = ngettext("%(num)d answer", "%(num)d answers", count)
        day = row.created_at.date()
        if day not in days:
            days[day] = date_short(row.created_at)
        is_done = row.state in DONE_STATES
        answered = counted[count] if count else aloud if is_done else awaited
        href = question_path(code, row.id, row.slug)
        lines.append(Line(row.title, href, row.asker or nobody, f"{days[day]} · {answered}", is_done))
    return lines
