"""Planning a cohort: the form, the 25 dates it comes to, the draft; and settling what stands in its way."""

from dataclasses import dataclass
from datetime import date
from itertools import groupby

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy.orm import Session as DbSession
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from portal import config
from portal.kernel.db import transaction
from portal.kernel.errors import PortalError
from portal.training import content, services
from portal.training.errors import NoSuchCohortError, NoSuchSessionError, NotADraftError, PlanRefusedError
from portal.training.forms import ExpertForm, PlanForm, ShiftForm
from portal.training.models import Cohort, CohortState, Session
from portal.training.planning import Conflict, ConflictKind, DayOff, Draft, Plan
from portal.training.policies import may_organise
from portal.training.queries.planning import experts, team
from portal.training.views import words
from portal.training.views._blueprint import blueprint
from portal.web.access import requires
from portal.web.database import read_db
from portal.web.languages import language

Page = str | tuple[str, int] | Response
_USUAL_SEATS = 300


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """One date of a preview; `draft` is None when the date has no such time."""

    number: int
    on: date
    title: str
    draft: Draft | None
    expert: str
    conflict: Conflict | None


@dataclass(frozen=True, slots=True)
class PlannedMonth:
    """The dates of one month, with what happens in it."""

    first: date
    rows: list[PlannedRow]
    refused: int
    warnings: int
    skipped: list[DayOff]
    clock_changes: list[date]


def months_of_plan(plan: Plan, names: dict[int, str], code: str) -> list[PlannedMonth]:
    """A plan as the page folds it: by month, conflicts in their rows."""
    conflicts = {conflict.number: conflict for conflict in plan.conflicts}
    rows = [
        PlannedRow(
            draft.number,
            draft.local_date,
            content.lesson(draft.number).title(code),
            draft,
            names.get(draft.expert_id, ""),
            conflicts.get(draft.number),
        )
        for draft in plan.drafts
    ]
    planned = {draft.number for draft in plan.drafts}
    rows += [
        PlannedRow(one.number, one.on, content.lesson(one.number).title(code), None, "", one)
        for one in plan.conflicts
        if one.number not in planned
    ]
    rows.sort(key=lambda row: row.number)
    found = []
    for month, group in groupby(rows, key=lambda row: row.on.replace(day=1)):
        listed = list(group)
        found.append(
            PlannedMonth(
                first=month,
                rows=listed,
                refused=sum(1 for row in listed if row.conflict and row.conflict.refused),
                warnings=sum(1 for row in listed if row.conflict and not row.conflict.refused),
                skipped=[day for day in plan.skipped if day.on.replace(day=1) == month],
                clock_changes=[day for day in plan.clock_changes if day.replace(day=1) == month],
            )
        )
    return found


def _usual() -> MultiDict[str, str]:
    return MultiDict(
        {
            "language": language(),
            "zone": config.current().time_zone,
            "country": config.current().country,
            "capacity": str(_USUAL_SEATS),
        }
    )


def _form(usual: MultiDict[str, str] | None = None) -> PlanForm:
    """The form with what was typed; before that with what is usual, or with what a draft was planned from."""
    form = PlanForm() if request.method == "POST" else PlanForm(usual if usual is not None else _usual())
    form.offer(experts(read_db()))
    if request.form.get("skip"):
        form.skip(request.form["skip"])
    return form


def _planned(db: DbSession, form: PlanForm) -> Plan | None:
    try:
        return services.plan_cohort(db, form.as_request())
    except ValueError:
        form.weekdays.errors = [_("These days leave no room for 25 sessions.")]
        return None


def _page(form: PlanForm, plan: Plan | None, status: int = 200, cohort: Cohort | None = None) -> tuple[str, int]:
    names = {one.id: one.name for one in experts(read_db())}
    months = months_of_plan(plan, names, language()) if plan else []
    asks = plan is not None and any(one.kind is ConflictKind.TIME_TWICE for one in plan.conflicts)
    page = render_template(
        "training/plan.html",
        form=form,
        plan=plan,
        months=months,
        names=names,
        cohort=cohort,
        asks_fold=asks,
        day_row=lambda on: words.day_row(on, words.locale_name()),
        weekdays=words.weekday_list,
    )
    return page, status


@blueprint.get("/manage/cohorts/new")
@requires(may_organise)
def plan() -> Page:
    """The form, with what is usual filled in."""
    return _page(_form(), None)


def _preview(form: PlanForm, cohort: Cohort | None = None) -> tuple[Page | None, Plan | None]:
    """The page that shows the 25 dates or what is wrong; no page once the form asks to keep a plan that is possible."""
    if not form.validate_on_submit():
        return _page(form, None, 422, cohort), None
    planned = _planned(read_db(), form)
    possible = planned is not None and planned.possible
    if not possible or request.form.get("step") != "create":
        return _page(form, planned, 200 if possible else 422, cohort), planned
    return None, planned


@blueprint.post("/manage/cohorts/new")
@requires(may_organise)
def preview_plan() -> Page:
    """Show the 25 dates; or, once they have been seen, keep them as a draft."""
    form = _form()
    page, planned = _preview(form)
    if page is not None:
        return page
    try:
        with transaction() as db:
            cohort = services.create_cohort(db, organiser=current_user, request=form.as_request())
    except PlanRefusedError:
        return _page(form, planned, 422)
    flash(_("The draft is kept. Nobody has been told."), "done")
    return redirect(url_for("pages.manage_cohort", cohort_id=cohort.id), code=303)


def _draft(cohort_id: int) -> Cohort:
    cohort = read_db().get(Cohort, cohort_id)
    if cohort is None:
        raise NoSuchCohortError
    if cohort.state is not CohortState.DRAFT:
        raise NotADraftError
    return cohort


@blueprint.get("/manage/cohorts/<int:cohort_id>/plan")
@requires(may_organise)
def replan(cohort_id: int) -> Page:
    """The form of a draft, with what it was planned from."""
    cohort = _draft(cohort_id)
    return _page(_form(PlanForm.values_of(cohort, team(read_db(), cohort_id))), None, cohort=cohort)


@blueprint.post("/manage/cohorts/<int:cohort_id>/plan")
@requires(may_organise)
def preview_replan(cohort_id: int) -> Page:
    """Show the 25 new dates; or, once they have been seen, put them in the draft's place."""
    cohort, form = _draft(cohort_id), _form()
    page, planned = _preview(form, cohort)
    if page is not None:
        return page
    try:
        with transaction() as db:
            services.replan_cohort(db, cohort_id=cohort_id, request=form.as_request())
    except PlanRefusedError:
        return _page(form, planned, 422, cohort)
    flash(_("The draft is planned afresh. Nobody has been told."), "done")
    return _back(cohort_id)


def _cohort_of(session_id: int) -> int:
    session = read_db().get(Session, session_id)
    if session is None:
        raise NoSuchSessionError
    return session.cohort_id


def _back(cohort_id: int) -> Response:
    return redirect(url_for("pages.manage_cohort", cohort_id=cohort_id), code=303)


@blueprint.post("/manage/sessions/<int:session_id>/expert")
@requires(may_organise)
def assign_expert(session_id: int) -> Response:
    """Give a draft session to somebody who is free."""
    cohort_id, form = _cohort_of(session_id), ExpertForm()
    if form.validate_on_submit():
        with transaction() as db:
            services.assign_expert(db, session_id=session_id, expert_id=form.expert_id.data or 0)
    return _back(cohort_id)


@blueprint.post("/manage/sessions/<int:session_id>/shift")
@requires(may_organise)
def shift_session(session_id: int) -> Response:
    """Move a draft session to another day."""
    cohort_id, form = _cohort_of(session_id), ShiftForm()
    if form.validate_on_submit() and form.on.data is not None:
        with transaction() as db:
            services.shift_session(db, session_id=session_id, on=form.on.data)
    return _back(cohort_id)


@blueprint.post("/manage/cohorts/<int:cohort_id>/release")
@requires(may_organise)
def release(cohort_id: int) -> Response:
    """Make it public."""
    try:
        with transaction() as db:
            told = services.release(db, cohort_id=cohort_id)
    except PortalError as error:
        flash(str(error), "error")
        return _back(cohort_id)
    words_told = ngettext("Published. %(num)d person is told.", "Published. %(num)d people are told.", told)
    flash(words_told if told else _("Published."), "done")
    return _back(cohort_id)
