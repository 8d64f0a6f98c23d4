"""Importing people into a cohort: choose a file, see what would become of each line, say yes, watch it go."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from flask import Response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.kernel.db import transaction
from portal.kernel.errors import NotFoundError, PortalError
from portal.pages.blueprint import blueprint
from portal.pages.manage_people import managed
from portal.training.errors import NoSuchImportError
from portal.training.forms.organiser import PeopleFileForm
from portal.training.models import ImportState, PeopleImport
from portal.training.people_files import Line
from portal.training.policies import may_organise
from portal.training.queries.imports import Outcome, Report, lines_of, people_import, report
from portal.training.services import imports
from portal.web.access import requires
from portal.web.database import read_db
from portal.web.fragments import fragment
from portal.web.requests import id_argument

Page = tuple[str, int] | AnyResponse
_LINES_SHOWN = 100


@dataclass(frozen=True, slots=True)
class ImportPage:
    """A checked file: counts by outcome, and some of its lines; `after` is the line to go on from."""

    found: PeopleImport
    report: Report
    only: Outcome | None
    lines: Sequence[tuple[Line, Outcome]]
    after: int | None


def _form_page(cohort_id: int, form: PeopleFileForm, status: int = 200) -> Page:
    return render_template("pages/manage_import.html", cohort=managed(cohort_id), form=form), status


@blueprint.get("/manage/cohorts/<int:cohort_id>/import")
@requires(may_organise)
def manage_import(cohort_id: int) -> Page:
    """Choose a file."""
    return _form_page(cohort_id, PeopleFileForm())


@blueprint.post("/manage/cohorts/<int:cohort_id>/import")
@requires(may_organise)
def check_import(cohort_id: int) -> Page:
    """Read the file and show what would become of each line; nobody is enrolled yet."""
    form = PeopleFileForm()
    if not form.validate_on_submit():
        return _form_page(cohort_id, form, 422)
    try:
        with transaction() as db:
            found = imports.check_file(
                db, organiser=current_user, cohort_id=cohort_id, file_name=form.file_name, data=form.content()
            )
    except NotFoundError:
        raise
    except PortalError as error:
        form.file.errors = [str(error)]
        return _form_page(cohort_id, form, 422)
    return _to_report(cohort_id, found.id)


def _to_report(cohort_id: int, import_id: int) -> AnyResponse:
    return redirect(url_for("pages.import_report", cohort_id=cohort_id, import_id=import_id), code=303)


def _found(cohort_id: int, import_id: int) -> PeopleImport:
    found = people_import(read_db(), cohort_id, import_id)
    if found is None:
        raise NoSuchImportError
    return found


def _shown(found: PeopleImport) -> ImportPage:
    """The lines of one outcome (or all), so many at a time."""
    said = report(read_db(), found.cohort_id, lines_of(found))
    wanted, after = request.args.get("show", ""), id_argument("after") or 0
    only = Outcome(wanted) if wanted in set(Outcome) else None
    rest = [pair for pair in said.lines if pair[0].number > after and only in {None, pair[1]}]
    more = rest[_LINES_SHOWN - 1][0].number if len(rest) > _LINES_SHOWN else None
    return ImportPage(found, said, only, rest[:_LINES_SHOWN], more)


@blueprint.get("/manage/cohorts/<int:cohort_id>/import/<int:import_id>")
@requires(may_organise)
def import_report(cohort_id: int, import_id: int) -> str:
    """What would become of each line; once confirmed, how far it has come."""
    card, found = managed(cohort_id), _found(cohort_id, import_id)
    if found.state is not ImportState.CHECKED:
        return render_template("pages/manage_import_progress.html", cohort=card, found=found)
    return render_template("pages/manage_import_report.html", cohort=card, page=_shown(found))


@blueprint.get("/manage/cohorts/<int:cohort_id>/import/<int:import_id>/progress")
@requires(may_organise)
def import_progress(cohort_id: int, import_id: int) -> Response:
    """How far it has come, asked for again and again."""
    found = _found(cohort_id, import_id)
    answer = fragment(render_template("pages/_import_progress.html", cohort_id=cohort_id, found=found))
    if found.state is ImportState.DONE and answer.status_code == HTTPStatus.NOT_MODIFIED:
        # It is done, and whoever asks has seen so: no need to ask again.
        answer.status_code = HTTPStatus.GONE
    return answer


@blueprint.post("/manage/cohorts/<int:cohort_id>/import/<int:import_id>/confirm")
@requires(may_organise)
def confirm_import(cohort_id: int, import_id: int) -> AnyResponse:
    """Enrol what is right."""
    with transaction() as db:
        imports.confirm_import(db, cohort_id=cohort_id, import_id=import_id)
    return _to_report(cohort_id, import_id)
