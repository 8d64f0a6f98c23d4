"""A cohort's timetable, joining it and leaving it."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session as DbSession
from werkzeug.wrappers import Response

from portal.kernel.db import transaction
from portal.kernel.errors import ConflictError
from portal.training import content, queries, services
from portal.training.errors import NoSuchCohortError
from portal.training.models import CohortState, SessionState
from portal.training.policies import may_see_cohort
from portal.training.queries.cohorts import CohortCard, TimetableRow
from portal.training.queries.waitlist import LinePlace, place_in_line, waiting_count
from portal.training.services import Line
from portal.training.views import words
from portal.training.views._blueprint import blueprint
from portal.web.access import public
from portal.web.database import read_db
from portal.web.languages import language


@dataclass(frozen=True, slots=True)
class Dated:
    """A session in the timetable, with its lesson's name and the word for its state."""

    row: TimetableRow
    title: str
    state: str
    address: str


@dataclass(frozen=True, slots=True)
class Month:
    """The sessions of one month; folded unless one is still to come and none before it."""

    first: date
    sessions: list[Dated]
    open: bool


@dataclass(frozen=True, slots=True)
class CohortPage:
    """A cohort as one person finds it."""

    cohort: CohortCard
    months: list[Month]
    count: int
    enrolled: bool
    line: LinePlace | None
    waiting: int
    experts: list[str]

    @property
    def places(self) -> int:
        """Places that anybody can take: none while people wait for them."""
        return 0 if self.waiting else self.cohort.places


def _state(row: TimetableRow, states: dict[int, str], seated: Container[int]) -> str:
    if row.state is SessionState.LIVE:
        return "live"
    if row.state is SessionState.SCHEDULED:
        return "seat" if row.session_id in seated else "open"
    if row.state is SessionState.CANCELLED:
        return "cancelled"
    return states.get(row.number, "open")


def months_of(rows: list[Dated]) -> list[Month]:
    """Rows by month; the first month with something to come is open."""
    grouped = [
        (month, list(group)) for month, group in groupby(rows, key=lambda one: one.row.local_date.replace(day=1))
    ]
    ahead = {SessionState.DRAFT, SessionState.SCHEDULED, SessionState.LIVE}
    current = next((month for month, group in grouped if any(one.row.state in ahead for one in group)), None)
    return [Month(month, group, month == current) for month, group in grouped]


def dated(rows: list[TimetableRow], states: dict[int, str], code: str, seated: Container[int]) -> list[Dated]:
    """Timetable rows with their lessons' names; `seated`: the sessions in which one has a seat."""
    return [
        Dated(
            row,
            content.lesson(row.number).title(code),
            _state(row, states, seated),
            content.lesson(row.number).address,
        )
        for row in rows
    ]


def cohort_page(db: DbSession, cohort: CohortCard, user_id: int | None, code: str) -> CohortPage:
    """Everything on a cohort's page, in a bounded number of statements."""
    enrolled = user_id is not None and queries.is_enrolled(db, user_id, cohort.id)
    far = queries.progress(db, user_id) if user_id is not None else None
    states = {number: one.state for number, one in far.states.items()} if far and enrolled else {}
    seated = {one.session_id for one in far.to_come} if far else set()
    rows = queries.timetable(db, cohort.id)
    released = cohort.state is CohortState.RELEASED
    return CohortPage(
        cohort=cohort,
        months=months_of(dated(rows, states, code, seated)),
        count=len(rows),
        enrolled=enrolled,
        line=place_in_line(db, user_id, cohort.id) if user_id is not None and not enrolled and released else None,
        waiting=waiting_count(db, cohort.id) if released and not enrolled else 0,
        experts=sorted({row.expert for row in rows}),
    )


@blueprint.get("/cohorts/<int:cohort_id>")
@public
def cohort(cohort_id: int) -> str:
    """The timetable of 25 sessions."""
    found = queries.cohort_card(read_db(), cohort_id)
    if found is None or not may_see_cohort(current_user, found.state):
        raise NoSuchCohortError
    user_id = current_user.id if current_user.is_authenticated else None
    page = cohort_page(read_db(), found, user_id, language())
    return render_template("training/cohort.html", page=page, weekdays=words.weekday_list)


def _back(cohort_id: int) -> Response:
    return redirect(url_for("training.cohort", cohort_id=cohort_id), code=303)


def _sign_in_first(cohort_id: int) -> Response:
    target = url_for("training.cohort", cohort_id=cohort_id)
    return redirect(url_for("identity.sign_in", next=target), code=303)


@blueprint.post("/cohorts/<int:cohort_id>/join")
@public
def join(cohort_id: int) -> Response:
    """A seat in all its sessions; whoever has not signed in does so first and comes back here."""
    if not current_user.is_authenticated:
        return _sign_in_first(cohort_id)
    try:
        with transaction() as db:
            services.enrol(db, user=current_user, cohort_id=cohort_id)
    except ConflictError as error:
        flash(str(error), "warning")
        return _back(cohort_id)
    flash(_("It is done. Your seats are booked, and the dates are in your e-mail."), "done")
    return _back(cohort_id)


@blueprint.post("/cohorts/<int:cohort_id>/leave")
@public
def leave(cohort_id: int) -> Response:
    """Give the seats back."""
    if not current_user.is_authenticated:
        return _sign_in_first(cohort_id)
    with transaction() as db:
        left = services.leave(db, user=current_user, cohort_id=cohort_id)
    if left:
        flash(_("Your seats are free again, and no reminder will come."), "done")
    return _back(cohort_id)


@blueprint.post("/cohorts/<int:cohort_id>/wait")
@public
def wait(cohort_id: int) -> Response:
    """A place in line for a full cohort."""
    if not current_user.is_authenticated:
        return _sign_in_first(cohort_id)
    try:
        with transaction() as db:
            services.join_waitlist(db, user=current_user, cohort_id=cohort_id)
    except ConflictError as error:
        flash(str(error), "warning")
        return _back(cohort_id)
    flash(_("You are in line. We will write to you as soon as there is room."), "done")
    return _back(cohort_id)


@blueprint.post("/cohorts/<int:cohort_id>/stop-waiting")
@public
def stop_waiting(cohort_id: int) -> Response:
    """Leave the line, or decline the place that is held."""
    if not current_user.is_authenticated:
        return _sign_in_first(cohort_id)
    with transaction() as db:
        left = services.leave_line(db, user_id=current_user.id, line=Line(cohort_id=cohort_id))
    if left:
        flash(_("You are no longer in line."), "done")
    return _back(cohort_id)
