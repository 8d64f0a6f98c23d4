"""A session that failed through us: looked at, said with a reason, told to whoever it concerns."""

from flask import flash, redirect, render_template, url_for
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.kernel.db import transaction
from portal.pages.blueprint import blueprint
from portal.training import content, services
from portal.training.errors import NoSuchSessionError, WrongStateError
from portal.training.forms import FaultForm
from portal.training.models import SessionState
from portal.training.policies import may_organise
from portal.training.queries import session_page
from portal.training.queries.attendance import concerned_by_fault
from portal.training.queries.sessions import SessionPage
from portal.web.access import requires
from portal.web.database import read_db
from portal.web.languages import language


def _ended(session_id: int) -> SessionPage:
    page = session_page(read_db(), session_id, current_user.id)
    if page is None:
        raise NoSuchSessionError
    if page.state is not SessionState.ENDED:
        raise WrongStateError
    return page


def _shown(page: SessionPage, form: FaultForm, status: int = 200) -> tuple[str, int]:
    title = content.lesson(page.number).title(language())
    people = concerned_by_fault(read_db(), page.id)
    return render_template("pages/our_fault.html", page=page, title=title, people=people, form=form), status


@blueprint.get("/manage/sessions/<int:session_id>/our-fault")
@requires(may_organise)
def our_fault(session_id: int) -> tuple[str, int]:
    """How many it concerns, and what they will be told."""
    return _shown(_ended(session_id), FaultForm())


@blueprint.post("/manage/sessions/<int:session_id>/our-fault")
@requires(may_organise)
def say_our_fault(session_id: int) -> tuple[str, int] | Response:
    """Say so: nobody loses by it, and each is told once."""
    page, form = _ended(session_id), FaultForm()
    if not form.validate_on_submit():
        return _shown(page, form, 422)
    with transaction() as db:
        told = services.mark_our_fault(db, organiser=current_user, session_id=session_id, reason=form.reason.data or "")
    flash(ngettext("Noted. %(num)d person is told.", "Noted. %(num)d people are told.", told), "done")
    return redirect(url_for("pages.manage_session", session_id=session_id), code=303)
