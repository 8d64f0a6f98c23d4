"""One session for its organiser: before it, moving and cancelling it; after it, who attended, and correcting that."""

from dataclasses import dataclass, field

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its types

from portal.kernel.db import transaction
from portal.kernel.errors import NotFoundError, PortalError
from portal.pages.blueprint import blueprint
from portal.training import content, services
from portal.training.errors import NoSuchSessionError
from portal.training.forms import MoveForm, OverrideForm
from portal.training.models import AttendanceState
from portal.training.policies import may_organise
from portal.training.queries import session_attendance, session_page
from portal.training.services.changes import When
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
    move: MoveForm = field(default_factory=MoveForm)
    override: OverrideForm | None = None
    attendance_id: int = 0


def _override_form(attendance_id: int) -> OverrideForm:
    form = OverrideForm(prefix=f"a{attendance_id}")
    form.after.choices = [SelectChoice(str(state), words) for state, words in GIVEN]
    return form


def _page(session_id: int, shown: Shown) -> tuple[str, int]:
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


def _back(session_id: int) -> Response:
    return redirect(url_for("pages.manage_session", session_id=session_id), code=303)


@blueprint.get("/manage/sessions/<int:session_id>")
@requires(may_organise)
def manage_session(session_id: int) -> Page:
    """Everyone who had a seat, with their time and what it counts for; or the ways to change what is to come."""
    return _page(session_id, Shown())


@blueprint.post("/manage/sessions/<int:session_id>/move")
@requires(may_organise)
def move_session(session_id: int) -> Page:
    """Another time, told to each person with a seat."""
    form = MoveForm()
    if not form.validate_on_submit() or form.on.data is None or form.at.data is None:
        return _page(session_id, Shown(422, form))
    try:
        with transaction() as db:
            told = services.move_session(db, session_id=session_id, when=When(form.on.data, form.at.data))
    except NotFoundError:
        raise
    except PortalError as error:
        form.at.errors = [str(error)]
        return _page(session_id, Shown(422, form))
    flash(ngettext("Moved. %(num)d person is told.", "Moved. %(num)d people are told.", told), "done")
    return _back(session_id)


@blueprint.post("/manage/sessions/<int:session_id>/cancel")
@requires(may_organise)
def cancel_session(session_id: int) -> Response:
    """Call it off, and tell each person with a seat."""
    with transaction() as db:
        told = services.cancel_session(db, session_id=session_id)
    flash(ngettext("Cancelled. %(num)d person is told.", "Cancelled. %(num)d people are told.", told), "done")
    return _back(session_id)


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
