"""Four questions after the replay."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.kernel.db import transaction
from portal.training import queries, services
from portal.training.content import LessonText
from portal.training.errors import QuizClosedError
from portal.training.forms import quiz_form
from portal.training.queries.lessons import lesson_words
from portal.training.queries.quiz import tries
from portal.training.services.quiz import QuizResult
from portal.training.views._blueprint import blueprint
from portal.training.views.lessons import lesson_of
from portal.web.access import requires, signed_in
from portal.web.database import read_db
from portal.web.languages import language


def _page(lesson: LessonText, form: Any, result: QuizResult | None = None) -> str:
    db, number = read_db(), lesson.number
    return render_template(
        "training/quiz.html",
        lesson=lesson,
        words=lesson_words(db, number, language()),
        form=form,
        result=result,
        tries=tries(db, user_id=current_user.id, number=number),
    )


def _form(lesson: LessonText) -> Any:
    return quiz_form(lesson.words[language()].quiz)()


@blueprint.get("/programme/<address>/quiz")
@requires(signed_in)
def quiz(address: str) -> str:
    """The questions, once a session of the lesson has ended."""
    lesson = lesson_of(address)
    if queries.last_ended(read_db(), lesson.number) is None:
        raise QuizClosedError
    return _page(lesson, _form(lesson))


@blueprint.post("/programme/<address>/quiz")
@requires(signed_in)
def answer_quiz(address: str) -> tuple[str, int] | Response:
    """Mark them; with three right answers the lesson counts."""
    lesson = lesson_of(address)
    form = _form(lesson)
    if not form.validate_on_submit():
        return _page(lesson, form), 422
    quiz_words = lesson.words[language()].quiz
    answers = [form[f"q{index}"].data for index in range(len(quiz_words))]
    with transaction() as db:
        result = services.answer_quiz(db, user=current_user, number=lesson.number, answers=answers)
    if result.passed:
        flash(_("It is done. Lesson %(number)s counts.", number=lesson.number), "done")
        return redirect(url_for("training.lesson", address=lesson.address), code=303)
    for index in result.wrong:
        form[f"q{index}"].errors = [_("Not this one. %(why)s", why=quiz_words[index].explanation)]
    return _page(lesson, form, result), 422
