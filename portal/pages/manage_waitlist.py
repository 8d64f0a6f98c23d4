"""A cohort's line for its organisers: who is in it, in which order and why, and why nobody was moved up."""

from dataclasses import dataclass

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.kernel.db import transaction
from portal.kernel.errors import ConflictError
from portal.pages.blueprint import blueprint
from portal.training import content, services
from portal.training.errors import NoSuchCohortError, ReasonNeededError
from portal.training.forms.waitlist import BY_RULE, HAND_FIRST, HAND_LAST, PriorityForm, RuleForm
from portal.training.models import WaitlistRule
from portal.training.policies import may_organise
from portal.training.queries.lines import CohortLine, InLine, SessionLine, cohort_line, session_lines, whole_line
from portal.training.services.priorities import FIRST, LAST
from portal.web.access import requires
from portal.web.database import read_db
from portal.web.languages import language

Page = tuple[str, int] | Response
_BY_HAND = {HAND_FIRST: FIRST, HAND_LAST: LAST, BY_RULE: None}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in line, their number in it while they wait, and the form that moves them."""

    who: InLine
    number: int | None
    form: PriorityForm


@dataclass(frozen=True, slots=True)
class WaitlistPage:
    """The line, and the lines of single sessions with their lessons' names."""

    line: CohortLine
    rule: RuleForm
    people: list[Person]
    past: list[InLine]
    sessions: list[tuple[SessionLine, str]]
    refused: int


def _form(entry_id: int) -> PriorityForm:
    return PriorityForm(prefix=f"e{entry_id}")


def _place_of(one: InLine) -> str:
    if not one.reason:
        return BY_RULE
    return HAND_FIRST if one.priority > 0 else HAND_LAST


def _people(line: list[InLine], refused: PriorityForm | None, refused_id: int) -> list[Person]:
    people, number = [], 0
    for one in line:
        if not one.in_line:
            continue
        waiting = one.offer_expires_at is None
        number += waiting
        form = refused if refused is not None and one.entry_id == refused_id else _form(one.entry_id)
        if form is not refused:
            form.place.data, form.reason.data = _place_of(one), one.reason
        people.append(Person(one, number if waiting else None, form))
    return people


def _page(cohort_id: int, refused: PriorityForm | None = None, refused_id: int = 0) -> tuple[str, int]:
    db = read_db()
    line = cohort_line(db, cohort_id)
    if line is None:
        raise NoSuchCohortError
    everyone = whole_line(db, cohort_id)
    page = WaitlistPage(
        line=line,
        rule=RuleForm(rule=str(line.rule)),
        people=_people(everyone, refused, refused_id),
        past=[one for one in everyone if not one.in_line],
        sessions=[(one, content.lesson(one.number).title(language())) for one in session_lines(db, cohort_id)],
        refused=refused_id,
    )
    return render_template("pages/manage_waitlist.html", page=page), 422 if refused else 200


def _back(cohort_id: int) -> Response:
    return redirect(url_for("pages.manage_waitlist", cohort_id=cohort_id), code=303)


@blueprint.get("/manage/cohorts/<int:cohort_id>/waitlist")
@requires(may_organise)
def manage_waitlist(cohort_id: int) -> Page:
    """The line in its order, with each person's offers."""
    return _page(cohort_id)


@blueprint.post("/manage/cohorts/<int:cohort_id>/waitlist/rule")
@requires(may_organise)
def waitlist_rule(cohort_id: int) -> Page:
    """Another rule, at once for all who wait."""
    form = RuleForm()
    if form.validate_on_submit():
        with transaction() as db:
            services.choose_rule(db, cohort_id=cohort_id, rule=WaitlistRule(form.rule.data))
        flash(_("The line has its new order."), "done")
    return _back(cohort_id)


@blueprint.post("/manage/cohorts/<int:cohort_id>/waitlist/<int:entry_id>")
@requires(may_organise)
def waitlist_priority(cohort_id: int, entry_id: int) -> Page:
    """One person first or last by hand, with the reason beside their name."""
    form = _form(entry_id)
    if not form.validate_on_submit():
        return _page(cohort_id, form, entry_id)
    try:
        with transaction() as db:
            services.set_priority(
                db,
                cohort_id=cohort_id,
                entry_id=entry_id,
                priority=_BY_HAND[form.place.data],
                reason=form.reason.data or "",
            )
    except ReasonNeededError:
        form.reason.errors = [_("Say in a few words why: other organisers will read it.")]
        return _page(cohort_id, form, entry_id)
    except ConflictError as error:
        flash(str(error), "warning")
        return _back(cohort_id)
    flash(_("The line has its new order."), "done")
    return _back(cohort_id)
