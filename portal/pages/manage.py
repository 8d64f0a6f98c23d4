"""The organisers' pages: cohorts, the next sessions, who attended."""

from dataclasses import dataclass
from datetime import date

from flask import render_template
from sqlalchemy.orm import Session as DbSession

from portal.pages.blueprint import blueprint
from portal.training import content, queries
from portal.training.errors import NoSuchCohortError
from portal.training.models import Cohort, CohortState
from portal.training.planning import Conflict, DayOff, clock_changes
from portal.training.policies import may_organise
from portal.training.queries.attendance import AttendanceCount, attendance_counts
from portal.training.queries.changes import WaitingChanges, away_conflicts, waiting_changes
from portal.training.queries.cohorts import CohortCard, TimetableRow
from portal.training.queries.planning import draft_conflicts, team
from portal.training.views import words
from portal.web.access import requires
from portal.web.database import read_db
from portal.web.languages import language


@dataclass(frozen=True, slots=True)
class ManagedRow:
    """One session of a cohort as its organiser sees it."""

    row: TimetableRow
    title: str
    conflict: Conflict | None
    free_expert: str
    attendance: AttendanceCount | None


@dataclass(frozen=True, slots=True)
class ManagedMonth:
    """The sessions of one month; `notes` are the days stepped over and the changes of clocks."""

    rows: list[ManagedRow]
    skipped: list[DayOff]
    clock_changes: list[date]
    refused: int
    warnings: int
    open: bool


@dataclass(frozen=True, slots=True)
class ManagedCohort:
    """A cohort with everything its organiser decides on."""

    cohort: CohortCard
    months: list[ManagedMonth]
    refused: list[ManagedRow]
    warnings: list[ManagedRow]
    changes: WaitingChanges
    team: list[str]
    country: str
    skipped: int
    told: int


def managed_cohort(db: DbSession, cohort_id: int, code: str) -> ManagedCohort | None:
    """A cohort for its organisers, in a bounded number of statements; None when unknown."""
    cohort = db.get(Cohort, cohort_id)
    card = queries.cohort_card(db, cohort_id)
    if cohort is None or card is None:
        return None
    members = team(db, cohort_id)
    names = {one.id: one.name for one in members}
    is_draft = cohort.state is CohortState.DRAFT
    conflicts = dict(draft_conflicts(db, cohort)) if is_draft else away_conflicts(db, cohort)
    counts = attendance_counts(db, cohort_id)
    free = {session_id: names.get(one.free_expert_id or 0, "") for session_id, one in conflicts.items()}
    changes = waiting_changes(db, cohort)
    if not is_draft:
        # What waits to be changed is shown with its change.
        conflicts = {key: one for key, one in conflicts.items() if changes.of(key) is None}
    rows = [
        ManagedRow(
            row,
            content.lesson(row.number).title(code),
            conflicts.get(row.session_id),
            free.get(row.session_id, ""),
            counts.get(row.session_id),
        )
        for row in queries.timetable(db, cohort_id)
    ]
    return ManagedCohort(
        cohort=card,
        months=_months(rows, cohort),
        refused=[row for row in rows if row.conflict and row.conflict.refused],
        warnings=[row for row in rows if row.conflict and not row.conflict.refused],
        changes=changes,
        team=[one.name for one in members],
        country=cohort.country,
        skipped=len(cohort.days_off),
        told=queries.waiting_for_news(db, cohort_id=cohort_id) if cohort.state is CohortState.DRAFT else 0,
    )


def _months(rows: list[ManagedRow], cohort: Cohort) -> list[ManagedMonth]:
    """By month; open are those with something to settle, else the first with something to come."""
    changes = clock_changes(cohort.zone, cohort.first_on, cohort.last_on)
    by_month: dict[str, list[ManagedRow]] = {}
    for row in rows:
        by_month.setdefault(f"{row.row.local_date:%Y-%m}", []).append(row)
    faulty = {
        month for month, listed in by_month.items() if any(row.conflict and row.conflict.refused for row in listed)
    }
    ahead = next((month for month, listed in by_month.items() if any(not row.attendance for row in listed)), None)
    shown: set[str | None] = {*faulty} or {ahead}
    return [
        ManagedMonth(
            rows=listed,
            skipped=[
                DayOff(date.fromisoformat(day["on"]), day["name"])
                for day in cohort.days_off
                if day["on"].startswith(month)
            ],
            clock_changes=[day for day in changes if f"{day:%Y-%m}" == month],
            refused=sum(1 for row in listed if row.conflict and row.conflict.refused),
            warnings=sum(1 for row in listed if row.conflict and not row.conflict.refused),
            open=month in shown,
        )
        for month, listed in by_month.items()
    ]


@blueprint.get("/manage/cohorts/<int:cohort_id>")
@requires(may_organise)
def manage_cohort(cohort_id: int) -> str:
    """The plan of a draft with what stands in its way; the attendance of a published one."""
    page = managed_cohort(read_db(), cohort_id, language())
    if page is None:
        raise NoSuchCohortError
    return render_template(
        "pages/manage_cohort.html",
        page=page,
        titles={one.number: one.title(language()) for one in content.lessons()},
        day_row=lambda on: words.day_row(on, words.locale_name()),
        weekdays=words.weekday_list,
    )
