"""Asking, in the forum and beside a live session."""

from urllib.parse import quote

from flask import make_response, redirect, render_template, request, url_for
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.forum import queries, services
from portal.forum.errors import QuestionNotFoundError, TooManyPostsError
from portal.forum.forms import AskForm, LiveAskForm
from portal.forum.queries.lists import SimilarRow
from portal.forum.queries.live import LivePanel
from portal.forum.views.blueprint import blueprint
from portal.forum.views.question import address_of
from portal.forum.views.words import ids_given, next_promise
from portal.kernel.db import transaction
from portal.web.access import requires, signed_in
from portal.web.database import read_db
from portal.web.fragments import is_known, tagged
from portal.web.languages import language

View = str | tuple[str, int] | Response


def _ask_page(form: AskForm, similar: tuple[SimilarRow, ...] = ()) -> str:
    return render_template("forum/ask.html", form=form, similar=similar, promise=next_promise())


@blueprint.get("/questions/new")
@requires(signed_in)
def ask() -> View:
    """One sentence, the lesson, and by when an answer comes."""
    given = {"title": request.args.get("q", ""), "lesson": request.args.get("lesson", "")}
    return _ask_page(AskForm(None, data=given))


@blueprint.post("/questions/new")
@requires(signed_in)
def ask_now() -> View:
    """Ask it; without scripting, what was answered before is shown first, once."""
    form = AskForm()
    if not form.validate():
        return _ask_page(form), 422
    if not form.anyway.data:
        similar = queries.similar_answered(read_db(), form.title.data or "")
        if similar:
            form.anyway.data = "1"
            return _ask_page(form, similar)
    try:
        return redirect(_ask(form), code=303)
    except TooManyPostsError as error:
        form.title.errors = [str(error)]
        return _ask_page(form), error.status


def _ask(form: AskForm) -> str:
    with transaction() as db:
        question = services.ask(
            db,
            user=current_user,
            title=form.title.data or "",
            text=form.text.data or "",
            lesson_number=form.lesson_number,
            anonymous=form.anonymous.data,
            language=language(),
        )
        return address_of(question)


def _panel(session_id: int) -> LivePanel:
    panel = queries.live_panel(
        read_db(),
        session_id=session_id,
        user=current_user,
        order=request.args.get("order", ""),
        shown=ids_given("shown"),
    )
    if panel is None:
        raise QuestionNotFoundError
    return panel


@blueprint.get("/sessions/<int:session_id>/questions")
@requires(signed_in)
def live_panel(session_id: int) -> Response:
    """The questions of a session for the next poll; 304 when nothing changed, 410 after the session's end."""
    panel = _panel(session_id)
    if panel.is_over:
        return make_response("", 410)
    if is_known(panel.tag):
        return tagged("", panel.tag)
    response = tagged(render_template("forum/_live_list.html", panel=panel), panel.tag)
    words = ngettext("%(num)d new one", "%(num)d new ones", panel.new_count) if panel.new_count else "0"
    response.headers["X-New"] = quote(words)
    return response


@blueprint.post("/sessions/<int:session_id>/questions")
@requires(signed_in)
def ask_live(session_id: int) -> View:
    """Ask in the session, then back to the room."""
    form = LiveAskForm()
    if not form.validate():
        return _live_ask_page(form, session_id), 422
    try:
        with transaction() as db:
            services.ask_live(
                db, user=current_user, session_id=session_id, title=form.title.data or "", language=language()
            )
    except TooManyPostsError as error:
        form.title.errors = [str(error)]
        return _live_ask_page(form, session_id), error.status
    return redirect(url_for("pages.room", session_id=session_id, _anchor="questions"), code=303)


def _live_ask_page(form: LiveAskForm, session_id: int) -> str:
    room = queries.room_of(read_db(), session_id=session_id, user_id=current_user.id)
    if room is None:
        raise QuestionNotFoundError
    return render_template("forum/ask_live.html", form=form, room=room)
