"""One session for its organiser: before it, changing it in private; after it, who attended, and correcting that."""

from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its types

from portal.kernel.db import transaction
from portal.kernel.errors import NotFoundError, PortalError
from portal.pages.blueprint import blueprint
from portal.training import content, rooms, services
from portal.training.errors import (
    ChangedMeanwhileError,
    CohortTakenError,
    ExpertTakenError,
    NoSuchSessionError,
    PastTimeError,
    PlanRefusedError,
)
from portal.training.forms import ChangeForm, OverrideForm, SeenForm
from portal.training.models import AttendanceState, Cohort, SessionState
from portal.training.policies import may_organise
from portal.training.queries import session_attendance, session_page
from portal.training.queries.changes import EditableSession, editable_session, mark_of, waiting_changes
from portal.training.queries.planning import experts
from portal.web.access import requires
from portal.web.database import read_db
from portal.web.languages import language

Page = tuple[str, int] | Response

# What an organiser may set; completed by replay is earned, never given.
GIVEN = (
    (AttendanceState.PRESENT, _l("Attended")),
    (AttendanceState.PARTIAL, _l("Partly attended")),
    (AttendanceState.EXCUSED, _l("Excused")),
    (AttendanceState.TECHNICAL, _l("Technical problem")),
    (AttendanceState.ABSENT, _l("Missed")),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What was just refused, so that it is shown with what was typed."""

    status: int = 200
    override: OverrideForm | None = None
    attendance_id: int = 0


def _override_form(attendance_id: int) -> OverrideForm:
    form = OverrideForm(prefix=f"a{attendance_id}")
    form.after.choices = [SelectChoice(str(state), words) for state, words in GIVEN]
    return form


def _page(session_id: int, shown: Shown) -> tuple[str, int]:
    """A session that has begun, is over or was cancelled."""
    page = session_page(read_db(), session_id, current_user.id)
    if page is None:
        raise NoSuchSessionError
    rows = [
        (row, shown.override if row.id == shown.attendance_id else _override_form(row.id))
        for row in session_attendance(read_db(), session_id)
    ]
    title = content.lesson(page.number).title(language())
    html = render_template("pages/manage_session.html", page=page, title=title, rows=rows, shown=shown)
    return html, shown.status


def _change_form(session: EditableSession) -> ChangeForm:
    values = ChangeForm.values_of(session, mark_of(session.change))
    form = ChangeForm(data=values)
    kinds = dict.fromkeys((*rooms.available_kinds(), session.shown.room_kind))
    form.offer(experts(read_db()), tuple(kinds))
    return form


def _change_page(session: EditableSession, form: ChangeForm, status: int = 200) -> tuple[str, int]:
    """A session that is a draft or to come, with the form that changes it."""
    db = read_db()
    cohort = db.get_one(Cohort, session.cohort_id)
    names = {one.id: one.name for one in experts(db)}
    if status == ChangedMeanwhileError.status:
        # They see what somebody else has kept meanwhile: saving again is then a decision.
        form.seen.data = mark_of(session.change)
    html = render_template(
        "pages/change_session.html",
        session=session,
        title=content.lesson(session.number).title(language()),
        draft=session.state is SessionState.DRAFT,
        expert=names.get(session.terms.expert_id, ""),
        change=waiting_changes(db, cohort).of(session.id),
        cohort=cohort,
        form=form,
        asks_fold=form.happens_twice(session.zone),
        seen=mark_of(session.change),
    )
    return html, status


@blueprint.get("/manage/sessions/<int:session_id>")
@requires(may_organise)
def manage_session(session_id: int) -> Page:
    """Everyone who had a seat, with their time and what it counts for; or the ways to change what is to come."""
    session = editable_session(read_db(), session_id)
    if session is not None:
        return _change_page(session, _change_form(session))
    return _page(session_id, Shown())


def _to_changes(cohort_id: int) -> Response:
    return redirect(url_for("pages.manage_cohort", cohort_id=cohort_id, _anchor="changes"), code=303)


def _keep_change(session: EditableSession, form: ChangeForm) -> str:
    """Change a draft at once, or keep a public session's change in private; returns what was done, in words."""
    with transaction() as db:
        if session.state is SessionState.DRAFT:
            services.change_draft_session(db, session_id=session.id, wanted=form.as_wanted())
            return str(_("The draft is changed. Nobody has been told."))
        change = services.propose_change(
            db,
            organiser_id=current_user.id,
            session_id=session.id,
            wanted=form.as_wanted(),
            seen=form.seen.data or "",
        )
    if change is None:
        return str(_("Nothing changes: the session is as it was."))
    return str(_("The change is kept. Nobody is told before you release it."))


@blueprint.post("/manage/sessions/<int:session_id>/change")
@requires(may_organise)
def change_session(session_id: int) -> Page:
    """Another time, expert or room: at once in a draft, otherwise private until it is released."""
    session = editable_session(read_db(), session_id)
    if session is None:
        return _page(session_id, Shown(409))
    form = _change_form(session)
    if not form.validate_on_submit():
        return _change_page(session, form, 422)
    try:
        words = _keep_change(session, form)
    except (ExpertTakenError, PlanRefusedError, PastTimeError, CohortTakenError) as error:
        field = form.expert_id if isinstance(error, ExpertTakenError) else form.at
        field.errors = [str(error)]
        return _change_page(session, form, 422)
    except ChangedMeanwhileError as error:
        form.form_errors.append(str(error))
        return _change_page(session, form, 409)
    flash(words, "done")
    return _to_changes(session.cohort_id)


@blueprint.post("/manage/sessions/<int:session_id>/cancel")
@requires(may_organise)
def cancel_session(session_id: int) -> Page:
    """Keep that it is to be called off: nobody is told before the release."""
    session = editable_session(read_db(), session_id)
    if session is None:
        return _page(session_id, Shown(409))
    try:
        with transaction() as db:
            services.propose_cancel(
                db, organiser_id=current_user.id, session_id=session_id, seen=request.form.get("seen", "")[:64]
            )
    except ChangedMeanwhileError as error:
        form = _change_form(session)
        form.form_errors.append(str(error))
        return _change_page(session, form, 409)
    flash(_("The cancellation is kept. Nobody is told before you release it."), "done")
    return _to_changes(session.cohort_id)


def _cohort(cohort_id: int) -> None:
    if read_db().get(Cohort, cohort_id) is None:
        raise NotFoundError


@blueprint.post("/manage/cohorts/<int:cohort_id>/changes/release")
@requires(may_organise)
def release_changes(cohort_id: int) -> Response:
    """Make all waiting changes public at once, and tell everybody concerned."""
    _cohort(cohort_id)
    form = SeenForm()
    try:
        with transaction() as db:
            told = services.release_changes(
                db, organiser_id=current_user.id, cohort_id=cohort_id, seen=form.seen.data or ""
            )
    except PortalError as error:
        flash(str(error), "error")
        return _to_changes(cohort_id)
    flash(_told(told.people), "done")
    return _to_changes(cohort_id)


def _told(messages: int) -> str:
    words = ngettext(
        "Released. %(num)d message is on its way.", "Released. %(num)d messages are on their way.", messages
    )
    return str(words if messages else _("Released. Nobody had a seat: no message leaves."))


@blueprint.post("/manage/cohorts/<int:cohort_id>/changes/discard")
@requires(may_organise)
def discard_changes(cohort_id: int) -> Response:
    """Forget the waiting changes, or that of one session; nobody ever hears of them."""
    _cohort(cohort_id)
    session_id = request.form.get("session_id", type=int)
    with transaction() as db:
        gone = services.discard_changes(db, cohort_id=cohort_id, session_id=session_id)
    if gone:
        flash(_("Discarded. Everything stays as it was."), "done")
    return _to_changes(cohort_id)


@blueprint.post("/manage/sessions/<int:session_id>/attendance/<int:attendance_id>")
@requires(may_organise)
def override_attendance(session_id: int, attendance_id: int) -> Page:
    """Correct one person's attendance; the reason is kept for good."""
    if attendance_id not in {row.id for row in session_attendance(read_db(), session_id)}:
        raise NotFoundError
    form = _override_form(attendance_id)
    if not form.validate_on_submit():
        return _page(session_id, Shown(422, override=form, attendance_id=attendance_id))
    with transaction() as db:
        services.override_attendance(
            db,
            organiser=current_user,
            attendance_id=attendance_id,
            after=AttendanceState(form.after.data),
            reason=form.reason.data or "",
        )
    flash(_("Corrected, and the reason is kept."), "done")
    return _back(session_id)


def _back(session_id: int) -> Response:
    return redirect(url_for("pages.manage_session", session_id=session_id), code=303)
