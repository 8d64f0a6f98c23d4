"""Calendars to download, and one's own to subscribe to."""

from flask import Response, flash, make_response, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.kernel.db import transaction
from portal.training import calendars, queries, services
from portal.training.errors import NoSuchCohortError, NoSuchSessionError
from portal.training.models import CohortState
from portal.training.queries.calendars import feed_owner
from portal.training.views._blueprint import blueprint
from portal.web.access import is_expert, public, requires, signed_in
from portal.web.database import read_db
from portal.web.languages import language


def _ics(content: bytes, file_name: str) -> Response:
    response = make_response(content)
    response.headers["Content-Type"] = f"{calendars.CONTENT_TYPE}; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return response


@blueprint.get("/cohorts/<int:cohort_id>/calendar.ics")
@public
def cohort_calendar(cohort_id: int) -> Response:
    """The 25 sessions of a public cohort."""
    cohort = queries.cohort_card(read_db(), cohort_id)
    if cohort is None or cohort.state is CohortState.DRAFT:
        raise NoSuchCohortError
    entries = queries.calendar_entries(read_db(), cohort_id=cohort_id)
    return _ics(calendars.build(entries, language=language(), name=cohort.name), f"comptoir-{cohort_id}.ics")


@blueprint.get("/sessions/<int:session_id>/session.ics")
@public
def session_calendar(session_id: int) -> Response:
    """One public session."""
    entries = queries.calendar_entries(read_db(), session_id=session_id)
    if not entries:
        raise NoSuchSessionError
    return _ics(calendars.build(entries, language=language()), f"comptoir-session-{session_id}.ics")


@blueprint.get("/calendar/<token>.ics")
@public
def feed(token: str) -> Response:
    """The sessions somebody has seats in or leads; the address is the secret."""
    user_id = feed_owner(read_db(), token)
    if user_id is None:
        raise NoSuchSessionError
    entries = queries.calendar_entries(read_db(), user_id=user_id)
    return _ics(calendars.build(entries, language=language(), name="Comptoir"), "comptoir.ics")


def _back() -> AnyResponse:
    """To the page that shows the address: an expert's own, or the programme."""
    if request.form.get("page") == "expert" and is_expert(current_user):
        return redirect(url_for("training.availability", _anchor="calendar"), code=303)
    return redirect(url_for("training.programme", _anchor="calendar"), code=303)


@blueprint.post("/calendar")
@requires(signed_in)
def make_feed() -> AnyResponse:
    """Make the secret address of one's own calendar, and show it."""
    with transaction() as db:
        services.calendar_feed(db, user=current_user)
    return _back()


@blueprint.post("/calendar/reset")
@requires(signed_in)
def reset_feed() -> AnyResponse:
    """Another secret address, when somebody else has seen the old one."""
    with transaction() as db:
        services.reset_feed(db, user=current_user)
    flash(_("Your calendar has a new address. The old one shows nothing any more."), "done")
    return _back()
