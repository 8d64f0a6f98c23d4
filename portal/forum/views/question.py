"""One question: its page, its answers, and what readers do with them."""

from urllib.parse import quote

from flask import abort, redirect, render_template, request, url_for
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.forum import policies, queries, services
from portal.forum.addresses import question_path
from portal.forum.errors import QuestionNotFoundError, TooManyPostsError
from portal.forum.forms import AnswerForm, CommentForm
from portal.forum.models import TEXT_LONGEST, Question, QuestionState
from portal.forum.queries import question as reads
from portal.forum.queries.lists import related
from portal.forum.queries.question import Answers, QuestionPage
from portal.forum.views import words
from portal.forum.views.answers import answers_part
from portal.forum.views.blueprint import blueprint
from portal.kernel.db import transaction
from portal.web.access import public, requires, signed_in
from portal.web.database import read_db
from portal.web.fragments import is_known, tagged
from portal.web.headers import cacheable
from portal.web.languages import language

View = str | tuple[str, int] | Response


def address_of(question: Question | QuestionPage, anchor: str = "") -> str:
    """Where a question is, in the page's language."""
    return question_path(language(), question.id, question.slug) + (f"#{anchor}" if anchor else "")


@blueprint.get("/q/<int:question_id>-<slug>")
@public
@cacheable(60)
def question(question_id: int, slug: str) -> View:
    """The question with its answers; another slug or a merged question leads to the right address."""
    page = _page_for_reader(question_id)
    if page.merged_into_id is not None:
        return redirect(url_for("forum.question_by_id", question_id=page.merged_into_id), code=302)
    if slug != page.slug:
        return redirect(address_of(page), code=301)
    return show(page)


@blueprint.get("/q/<int:question_id>")
@public
def question_by_id(question_id: int) -> Response:
    """The short address leads to the full one."""
    return redirect(address_of(_page_for_reader(question_id)), code=301)


def _page_for_reader(question_id: int) -> QuestionPage:
    page = queries.question_page(read_db(), question_id=question_id, user_id=words.reader_id())
    if page is None or not policies.may_see(current_user, page):
        raise QuestionNotFoundError
    return page


def show(page: QuestionPage, *, answer: AnswerForm | None = None, reply: CommentForm | None = None) -> str:
    """Render a question's page, with the forms as they were sent when one was refused."""
    db, reader = read_db(), words.reader_id()
    answers = queries.answers_of(db, question_id=page.id, user_id=reader)
    public = page.state not in {QuestionState.PENDING, QuestionState.HIDDEN}
    return render_template(
        "forum/question.html",
        page=page,
        part=answers_part(page, answers),
        structured=words.structured(page, answers) if public and answers.rows else None,
        public=public,
        # A form object only when one was refused: the empty one costs more than all else on the page but its answers.
        answer_form=answer,
        reply_form=reply or (CommentForm(None) if current_user.is_authenticated and page.paused_at else None),
        comments=reads.comments_of(db, question_id=page.id) if page.has_comments else (),
        merged=reads.merged_titles(db, question_id=page.id) if policies.is_moderator(current_user) else (),
        related=related(db, question_id=page.id, title=page.title, lesson_number=page.lesson_number),
        may=policies,
        words=words,
        longest=TEXT_LONGEST,
        next_promise=words.next_promise(),
    )


@blueprint.get("/q/<int:question_id>/answers")
@public
def answers(question_id: int) -> Response:
    """The answers for the next poll; 304 when nothing changed. New ones wait behind a button."""
    page = _page_for_reader(question_id)
    reader = words.reader_id()
    found = queries.answers_of(read_db(), question_id=question_id, user_id=reader)
    if is_known(found.tag):
        return tagged("", found.tag)
    html = render_template("forum/_answers.html", part=answers_part(page, found))
    response = tagged(html, found.tag)
    response.headers["X-New"] = quote(_new_words(found, reader))
    return response


def _new_words(found: Answers, reader: int | None) -> str:
    new = found.unknown_to(words.ids_given("shown") or (), reader_id=reader)
    return str(ngettext("%(num)d new answer", "%(num)d new answers", new)) if new else "0"


@blueprint.post("/q/<int:question_id>/answers")
@requires(signed_in)
def answer(question_id: int) -> View:
    """Answer; what was refused stays typed."""
    form = AnswerForm()
    if not form.validate():
        return show(_page_for_reader(question_id), answer=form), 422
    try:
        with transaction() as db:
            written = services.answer(db, user=current_user, question_id=question_id, text=form.text.data or "")
            target = db.get_one(Question, written.question_id)
            address = address_of(target, f"a{written.id}")
    except TooManyPostsError as error:
        form.text.errors = [str(error)]
        return show(_page_for_reader(question_id), answer=form), error.status
    return redirect(address, code=303)


@blueprint.post("/q/<int:question_id>/comments")
@requires(signed_in)
def comment(question_id: int) -> View:
    """Reply to an expert's question back, or remark on an answer."""
    form = CommentForm()
    if not form.validate():
        return show(_page_for_reader(question_id), reply=form), 422
    try:
        return redirect(_comment(question_id, form.text.data or ""), code=303)
    except TooManyPostsError as error:
        form.text.errors = [str(error)]
        return show(_page_for_reader(question_id), reply=form), error.status


def _comment(question_id: int, text: str) -> str:
    answer_id = words.as_id(request.form.get("answer_id"))
    with transaction() as db:
        written = services.comment(db, user=current_user, question_id=question_id, text=text, answer_id=answer_id)
        return address_of(db.get_one(Question, written.question_id), "comments")


@blueprint.post("/q/<int:question_id>/vote")
@requires(signed_in)
def vote(question_id: int) -> Response:
    """Vote for a question, or take it back."""
    with transaction() as db:
        services.vote(db, user=current_user, question_id=question_id, wanted=_wanted())
        return _back(db.get_one(Question, question_id))


@blueprint.post("/q/<int:question_id>/follow")
@requires(signed_in)
def follow(question_id: int) -> Response:
    """Be told of answers, or no longer."""
    with transaction() as db:
        services.follow(db, user=current_user, question_id=question_id, wanted=_wanted())
        return _back(db.get_one(Question, question_id))


@blueprint.post("/answers/<int:answer_id>/help")
@requires(signed_in)
def help_vote(answer_id: int) -> Response:
    """Say that an answer helps, or no longer."""
    with transaction() as db:
        services.help_vote(db, user=current_user, answer_id=answer_id, wanted=_wanted())
        return _back(reads.question_of_answer(db, answer_id), f"a{answer_id}")


@blueprint.post("/answers/<int:answer_id>/accept")
@requires(signed_in)
def accept(answer_id: int) -> Response:
    """Accept an answer."""
    with transaction() as db:
        services.accept(db, user=current_user, answer_id=answer_id)
        return _back(reads.question_of_answer(db, answer_id), "answers")


def _wanted() -> bool:
    value = request.form.get("value", "1")
    if value not in {"0", "1"}:
        abort(400)
    return value == "1"


def _back(question: Question, anchor: str = "") -> Response:
    """To the room when the form stood there, else to the question's page."""
    if request.form.get("back") == "room" and question.session_id is not None:
        order = request.form.get("order") or None
        room = url_for("pages.room", session_id=question.session_id, order=order, _anchor=f"q{question.id}")
        return redirect(room, code=303)
    return redirect(address_of(question, anchor), code=303)
