"""An expert's own page: the sessions they lead, when they can, in which languages, and when they are away."""

from dataclasses import dataclass

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import config
from portal.kernel.db import transaction
from portal.kernel.errors import NotFoundError
from portal.training import content
from portal.training.errors import TooManyRowsError
from portal.training.forms import AbsenceForm, HoursForm, LanguagesForm
from portal.training.queries.calendars import feed_token
from portal.training.queries.experts import expert_page
from portal.training.services import experts
from portal.training.views import words
from portal.training.views._blueprint import blueprint
from portal.web.access import is_expert, requires
from portal.web.database import read_db
from portal.web.languages import language

Page = str | tuple[str, int] | Response


@dataclass(frozen=True, slots=True)
class Forms:
    """The three forms of the page; one of them may be the one that was just refused."""

    languages: LanguagesForm
    hours: HoursForm
    absence: AbsenceForm

    @property
    def refused(self) -> LanguagesForm | HoursForm | AbsenceForm | None:
        """The one with something to put right."""
        return next((form for form in (self.languages, self.hours, self.absence) if form.errors), None)


def _page(
    *,
    languages: LanguagesForm | None = None,
    hours: HoursForm | None = None,
    absence: AbsenceForm | None = None,
    status: int = 200,
) -> Page:
    db = read_db()
    page = expert_page(db, current_user)
    forms = Forms(
        languages or LanguagesForm(None, languages=sorted(page.languages)),
        hours or _hours_form(None),
        absence or AbsenceForm(None),
    )
    token = feed_token(db, current_user.id)
    html = render_template(
        "training/availability.html",
        page=page,
        forms=forms,
        titles={one.number: one.title(language()) for one in content.lessons()},
        weekday=lambda day: words.weekday_list([day]),
        feed=config.current().base_url + url_for("training.feed", token=token) if token else "",
    )
    return html, status


def _hours_form(*formdata: None) -> HoursForm:
    form = HoursForm(*formdata, zone=current_user.time_zone)
    form.offer_zones(current_user.time_zone)
    return form


def _back(anchor: str) -> Response:
    return redirect(url_for("training.availability", _anchor=anchor), code=303)


@blueprint.get("/expert/availability")
@requires(is_expert)
def availability() -> Page:
    """What one leads, and when one can."""
    return _page()


@blueprint.post("/expert/languages")
@requires(is_expert)
def set_languages() -> Page:
    """The languages one leads sessions in."""
    form = LanguagesForm()
    if not form.validate_on_submit():
        return _page(languages=form, status=422)
    with transaction() as db:
        experts.set_languages(db, user=current_user, languages=form.languages.data or [])
    flash(_("Your languages are kept."), "done")
    return _back("languages-part")


@blueprint.post("/expert/hours")
@requires(is_expert)
def add_hours() -> Page:
    """More hours."""
    form = _hours_form()
    if not form.validate_on_submit():
        return _page(hours=form, status=422)
    try:
        with transaction() as db:
            experts.add_hours(db, user=current_user, **form.as_hours())
    except TooManyRowsError as error:
        form.weekdays.errors = [str(error)]
        return _page(hours=form, status=422)
    flash(_("Your hours are kept."), "done")
    return _back("hours")


@blueprint.post("/expert/hours/<int:hours_id>/remove")
@requires(is_expert)
def remove_hours(hours_id: int) -> Page:
    """Fewer hours; without any, one leads at any hour."""
    with transaction() as db:
        if not experts.remove_hours(db, user=current_user, hours_id=hours_id):
            raise NotFoundError
    return _back("hours")


@blueprint.post("/expert/absences")
@requires(is_expert)
def add_absence() -> Page:
    """Days away."""
    form = AbsenceForm()
    if not form.validate_on_submit():
        return _page(absence=form, status=422)
    try:
        with transaction() as db:
            experts.add_absence(db, user=current_user, **form.as_days())
    except TooManyRowsError as error:
        form.first_on.errors = [str(error)]
        return _page(absence=form, status=422)
    flash(_("Your absence is kept. The organisers see it."), "done")
    return _back("away")


@blueprint.post("/expert/absences/<int:absence_id>/remove")
@requires(is_expert)
def remove_absence(absence_id: int) -> Page:
    """One is there after all."""
    with transaction() as db:
        if not experts.remove_absence(db, user=current_user, absence_id=absence_id):
            raise NotFoundError
    return _back("away")
