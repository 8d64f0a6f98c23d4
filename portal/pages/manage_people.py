"""The people of a cohort for its organisers: attendance by lesson, who is stuck, everyone's marks, the export."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from flask import Response, render_template, request, stream_with_context
from flask_babel import gettext as _
from flask_babel import to_user_timezone
from sqlalchemy.orm import Session as DbSession

from portal.kernel.tables import BYTE_ORDER_MARK, csv_line
from portal.kernel.text import clean_line, slugify
from portal.pages.blueprint import blueprint
from portal.pages.manage_charts import Chart, attendance_chart, marks
from portal.training import content, queries
from portal.training.errors import NoSuchCohortError
from portal.training.models import LESSONS, AttendanceState
from portal.training.policies import may_organise
from portal.training.queries.cohorts import CohortCard
from portal.training.queries.feedback import SessionOpinion, feedback_by_lesson
from portal.training.queries.overview import attendance_by_lesson
from portal.training.queries.people import (
    Asked,
    GroupSizes,
    PeoplePage,
    Person,
    Segment,
    everyone,
    group_sizes,
    people_page,
)
from portal.web.access import requires
from portal.web.database import read_db
from portal.web.languages import language
from portal.web.requests import id_argument

_LONGEST_SEARCH = 80


@dataclass(frozen=True, slots=True)
class CohortPeople:
    """Everything on the page of a cohort's people."""

    cohort: CohortCard
    needed: int
    sizes: GroupSizes
    asked: Asked
    people: PeoplePage
    chart: Chart | None
    opinions: dict[int, SessionOpinion]
    titles: dict[int, str]


def managed(cohort_id: int) -> CohortCard:
    """The cohort of an address; NoSuchCohortError when there is none."""
    card = queries.cohort_card(read_db(), cohort_id)
    if card is None:
        raise NoSuchCohortError
    return card


def _asked() -> Asked:
    group = request.args.get("group", "")
    return Asked(
        segment=Segment(group) if group in set(Segment) else Segment.EVERYONE,
        search=clean_line(request.args.get("q", "")[:_LONGEST_SEARCH]),
        after=id_argument("after"),
        before=id_argument("before"),
    )


def _titles(code: str) -> dict[int, str]:
    return {one.number: one.title(code) for one in content.lessons()}


def cohort_people(db: DbSession, card: CohortCard, asked: Asked, code: str) -> CohortPeople:
    """The people asked for and what stands around them, in a fixed number of statements."""
    return CohortPeople(
        cohort=card,
        needed=queries.needed_lessons(db),
        sizes=group_sizes(db, card.id),
        asked=asked,
        people=people_page(db, card.id, asked),
        chart=attendance_chart(attendance_by_lesson(db, card.id)),
        opinions={one.number: one for one in feedback_by_lesson(db, card.id)},
        titles=_titles(code),
    )


@blueprint.get("/manage/cohorts/<int:cohort_id>/people")
@requires(may_organise)
def manage_people(cohort_id: int) -> str:
    """Who is in a cohort, how they attend, and who is stuck."""
    page = cohort_people(read_db(), managed(cohort_id), _asked(), language())
    return render_template("pages/manage_people.html", page=page, marks=marks)


def _state_words() -> dict[AttendanceState, str]:
    return {
        AttendanceState.PRESENT: _("Attended"),
        AttendanceState.REPLAY: _("Completed by replay"),
        AttendanceState.PARTIAL: _("Partly attended"),
        AttendanceState.EXCUSED: _("Excused"),
        AttendanceState.TECHNICAL: _("Technical problem"),
        AttendanceState.ABSENT: _("Missed"),
    }


def attendance_lines(people: Iterator[Person], titles: dict[int, str]) -> Iterator[str]:
    """A cohort's attendance as lines of a file: a header, then one person each. Days are the reader's own."""
    states = _state_words()
    lessons = [f"{number}. {titles[number]}" for number in range(1, LESSONS + 1)]
    fixed = [_("Name"), _("E-mail"), _("Language"), _("Enrolled on"), _("Last seen on"), _("Lessons that count")]
    yield BYTE_ORDER_MARK + csv_line([*fixed, *lessons])
    for one in people:
        seen: date | str = to_user_timezone(one.seen_at).date() if one.seen_at else ""
        marked = (one.states.get(number) for number in range(1, LESSONS + 1))
        about = [one.name, one.email, str(one.language), to_user_timezone(one.enrolled_at).date(), seen, one.counted]
        yield csv_line([*about, *(states[state] if state else "" for state in marked)])


@blueprint.get("/manage/cohorts/<int:cohort_id>/export.csv")
@requires(may_organise)
def manage_export(cohort_id: int) -> Response:
    """The attendance of everybody in a cohort, as a table for a spreadsheet, sent as it is written."""
    card = managed(cohort_id)
    lines = attendance_lines(everyone(read_db(), cohort_id), _titles(language()))
    response = Response(stream_with_context(lines), mimetype="text/csv")
    # Letters of other scripts have no place in a header; the number says which cohort it is.
    name = slugify(card.name).encode("ascii", "ignore").decode().strip("-") or "cohort"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{card.id}.csv"'
    return response
