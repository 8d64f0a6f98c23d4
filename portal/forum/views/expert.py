"""/expert: the queue by promise, the editor beside it; and merging two questions that are one."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.forum import queries, services
from portal.forum.errors import QuestionClosedError, QuestionNotFoundError, TooManyPostsError
from portal.forum.forms import AnswerForm, SureForm
from portal.forum.queries.queue import Queue, Sort
from portal.forum.views import words
from portal.forum.views.blueprint import blueprint
from portal.forum.views.question import address_of
from portal.kernel.db import transaction
from portal.web.access import is_expert, requires
from portal.web.database import read_db

View = str | tuple[str, int] | Response


@blueprint.get("/expert")
@requires(is_expert)
def expert_queue() -> View:
    """What is to be answered, the nearest promise first; on a wide screen with the first one's editor."""
    return _queue_page(_queue(), None)


@blueprint.get("/expert/<int:question_id>")
@requires(is_expert)
def expert_question(question_id: int) -> View:
    """One question of the queue with its editor; one that has moved on leads back to the queue."""
    queue = _queue()
    if queue.find(question_id) is None:
        return redirect(url_for("forum.expert_queue"), code=303)
    return _queue_page(queue, question_id)


def _queue() -> Queue:
    sort = request.args.get("sort", Sort.PROMISE)
    return queries.queue(read_db(), user_id=current_user.id, sort=Sort(sort) if sort in set(Sort) else Sort.PROMISE)


def _queue_page(queue: Queue, question_id: int | None, form: AnswerForm | None = None) -> str:
    chosen = queue.find(question_id)
    sort = request.args.get("sort", Sort.PROMISE)
    near: Any = queries.similar_answered(read_db(), chosen.title, without=chosen.id, limit=1) if chosen else ()
    return render_template(
        "forum/expert.html",
        queue=queue,
        chosen=chosen,
        is_one=question_id is not None,
        form=form or AnswerForm(None),
        near=near[0] if near else None,
        sorts=[
            (_("By due time"), url_for("forum.expert_queue"), sort != Sort.AWAITED),
            (_("Most awaited"), url_for("forum.expert_queue", sort=Sort.AWAITED), sort == Sort.AWAITED),
        ],
        words=words,
        today=words.end_of_today(),
        tab_counts={"questions": len(queue.rows)},
    )


@blueprint.post("/expert/<int:question_id>")
@requires(is_expert)
def expert_answer(question_id: int) -> View:
    """Answer from the queue, or ask the asker back; then the next one."""
    form = AnswerForm()
    if not form.validate():
        return _refused(question_id, form, 422)
    asks_back = request.form.get("act") == "ask_back"
    try:
        _write(question_id, form.text.data or "", asks_back=asks_back)
    except (TooManyPostsError, QuestionClosedError) as error:
        form.text.errors = [str(error)]
        return _refused(question_id, form, error.status)
    flash(_("Sent. Their clock has stopped until they reply.") if asks_back else _("Answered. The asker is told."))
    return redirect(url_for("forum.expert_queue"), code=303)


def _write(question_id: int, text: str, *, asks_back: bool) -> None:
    with transaction() as db:
        if asks_back:
            services.comment(db, user=current_user, question_id=question_id, text=text, is_clarification=True)
        else:
            services.answer(db, user=current_user, question_id=question_id, text=text)


def _refused(question_id: int, form: AnswerForm, status: int) -> View:
    queue = _queue()
    if queue.find(question_id) is None:
        raise QuestionNotFoundError
    return _queue_page(queue, question_id, form), status


@blueprint.post("/expert/<int:question_id>/take")
@requires(is_expert)
def take(question_id: int) -> Response:
    """Take a question that is free, or a colleague's."""
    with transaction() as db:
        services.take(db, user=current_user, question_id=question_id)
    return redirect(url_for("forum.expert_question", question_id=question_id), code=303)


@blueprint.post("/expert/<int:question_id>/pass")
@requires(is_expert)
def pass_on(question_id: int) -> Response:
    """Pass it to the colleague whose turn it is."""
    try:
        with transaction() as db:
            services.pass_on(db, user=current_user, question_id=question_id)
        flash(_("Passed on. Your colleague has been told."))
    except QuestionClosedError:
        flash(_("There is no colleague to pass it to right now."), "warning")
    return redirect(url_for("forum.expert_queue"), code=303)


@blueprint.get("/expert/<int:question_id>/merge/<int:into_id>")
@requires(is_expert)
def compare(question_id: int, into_id: int) -> View:
    """Two questions side by side, before they become one."""
    db = read_db()
    pages = [queries.question_page(db, question_id=number, user_id=None) for number in (question_id, into_id)]
    if None in pages or question_id == into_id or any(page.merged_into_id for page in pages if page):
        raise QuestionNotFoundError
    answers = [queries.answers_of(db, question_id=page.id, user_id=None) for page in pages if page]
    return render_template(
        "forum/merge.html", form=SureForm(), pages=list(zip(pages, answers, strict=True)), words=words
    )


@blueprint.post("/expert/<int:question_id>/merge/<int:into_id>")
@requires(is_expert)
def merge(question_id: int, into_id: int) -> Response:
    """Make them one; for 7 days it can be undone on the page of the one that goes on."""
    with transaction() as db:
        target = services.merge(db, user=current_user, question_id=question_id, into_id=into_id)
        address = address_of(target)
    flash(_("Merged. You can undo it for 7 days, below."))
    return redirect(address, code=303)


@blueprint.post("/q/<int:question_id>/unmerge")
@requires(is_expert)
def undo_merge(question_id: int) -> Response:
    """Make them two again."""
    with transaction() as db:
        question = services.undo_merge(db, user=current_user, question_id=question_id)
        return redirect(address_of(question), code=303)
