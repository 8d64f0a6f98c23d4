"""What experts and organisers do with live questions, and hiding."""

from collections.abc import Callable

from flask import redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.forum import queries, services
from portal.forum.errors import QuestionNotFoundError
from portal.forum.forms import ReasonForm
from portal.forum.models import Question
from portal.forum.queries import question as reads
from portal.forum.queries.question import QuestionPage
from portal.forum.views.blueprint import blueprint
from portal.forum.views.question import address_of
from portal.kernel.db import transaction
from portal.web.access import is_expert, requires
from portal.web.database import read_db

View = str | tuple[str, int] | Response
Change = Callable[..., Question]


def _change(change: Change, question_id: int) -> Response:
    with transaction() as db:
        question = change(db, user=current_user, question_id=question_id)
        return redirect(_place(question), code=303)


def _place(question: Question) -> str:
    if question.session_id is not None:
        return url_for("pages.room", session_id=question.session_id, _anchor="questions")
    return address_of(question)


@blueprint.post("/q/<int:question_id>/publish")
@requires(is_expert)
def publish(question_id: int) -> Response:
    """Show a pending question to the room."""
    return _change(services.publish, question_id)


@blueprint.post("/q/<int:question_id>/highlight")
@requires(is_expert)
def highlight(question_id: int) -> Response:
    """Answer this one now."""
    return _change(services.highlight, question_id)


@blueprint.post("/q/<int:question_id>/answered")
@requires(is_expert)
def mark_answered(question_id: int) -> Response:
    """It was answered aloud."""
    return _change(services.mark_answered, question_id)


def _asked(question_id: int) -> QuestionPage:
    page = queries.question_page(read_db(), question_id=question_id, user_id=current_user.id)
    if page is None:
        raise QuestionNotFoundError
    return page


@blueprint.get("/q/<int:question_id>/hide")
@requires(is_expert)
def hide_form(question_id: int) -> View:
    """Why is it hidden? Its asker reads the answer."""
    page = _asked(question_id)
    return render_template("forum/hide.html", form=ReasonForm(None), title=page.title, back=address_of(page))


@blueprint.post("/q/<int:question_id>/hide")
@requires(is_expert)
def hide(question_id: int) -> View:
    """Hide a question."""
    form = ReasonForm()
    if not form.validate():
        page = _asked(question_id)
        return render_template("forum/hide.html", form=form, title=page.title, back=address_of(page)), 422
    with transaction() as db:
        question = services.hide(db, user=current_user, question_id=question_id, reason=form.reason.data or "")
        return redirect(_place(question), code=303)


@blueprint.get("/answers/<int:answer_id>/hide")
@requires(is_expert)
def hide_answer_form(answer_id: int) -> View:
    """Why is it hidden? Its author reads the answer."""
    question = reads.question_of_answer(read_db(), answer_id)
    return render_template("forum/hide.html", form=ReasonForm(None), title=question.title, back=address_of(question))


@blueprint.post("/answers/<int:answer_id>/hide")
@requires(is_expert)
def hide_answer(answer_id: int) -> View:
    """Hide an answer."""
    form = ReasonForm()
    if not form.validate():
        question = reads.question_of_answer(read_db(), answer_id)
        return render_template("forum/hide.html", form=form, title=question.title, back=address_of(question)), 422
    with transaction() as db:
        services.hide_answer(db, user=current_user, answer_id=answer_id, reason=form.reason.data or "")
        return redirect(address_of(reads.question_of_answer(db, answer_id)), code=303)
