"""How was it? One tap, from the lesson's page or the mail; a line, if they like. The link is signed: no sign-in."""

from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.kernel.db import transaction
from portal.kernel.errors import NotFoundError
from portal.training import content, links
from portal.training.content import LessonText
from portal.training.forms.feedback import LineForm, StarsForm
from portal.training.queries.feedback import Asked, asked
from portal.training.services import feedback as services
from portal.training.services.feedback import LINK
from portal.training.views._blueprint import blueprint
from portal.web.access import public, same_origin
from portal.web.database import read_db


@dataclass(frozen=True, slots=True)
class FeedbackPage:
    """The session that is asked about."""

    token: str
    asked: Asked
    lesson: LessonText


def _page(token: str) -> FeedbackPage:
    found = asked(read_db(), links.read(LINK, token))
    if found is None:
        raise NotFoundError
    return FeedbackPage(token, found, content.lesson(found.number))


def _shown(page: FeedbackPage, form: LineForm, status: int = 200) -> tuple[str, int]:
    return render_template("training/feedback.html", page=page, form=form), status


def _to_lesson(page: FeedbackPage) -> Response:
    return redirect(url_for("training.lesson", address=page.lesson.address), code=303)


@blueprint.get("/feedback/<token>")
@public
def feedback(token: str) -> tuple[str, int]:
    """The five numbers; once one was tapped, the line."""
    page = _page(token)
    return _shown(page, LineForm(text=page.asked.text))


@blueprint.post("/feedback/<token>")
@public
@same_origin
def rate(token: str) -> tuple[str, int] | Response:
    """Keep the tap."""
    page, form = _page(token), StarsForm(request.form)
    if not form.validate():
        return _shown(page, LineForm(text=page.asked.text), 422)
    with transaction() as db:
        services.rate(db, attendance_id=page.asked.attendance_id, stars=form.stars.data or 0)
    return redirect(url_for("training.feedback", token=token), code=303)


@blueprint.post("/feedback/<token>/line")
@public
@same_origin
def comment(token: str) -> tuple[str, int] | Response:
    """Keep the line."""
    page, form = _page(token), LineForm(request.form)
    if not form.validate():
        return _shown(page, form, 422)
    with transaction() as db:
        services.comment(db, attendance_id=page.asked.attendance_id, text=form.text.data or "")
    flash(_("Thank you. It makes the next session better."), "done")
    return _to_lesson(page)


@blueprint.post("/feedback/<token>/later")
@public
@same_origin
def decline(token: str) -> Response:
    """Not now: it is not asked again."""
    page = _page(token)
    with transaction() as db:
        services.decline(db, attendance_id=page.asked.attendance_id)
    return _to_lesson(page)
