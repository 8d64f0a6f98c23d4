"""An organiser edits a lesson's words: three languages at once, looked at as slides, saved as a version."""

from dataclasses import dataclass, field
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.kernel.db import transaction
from portal.kernel.errors import NotFoundError
from portal.training import content
from portal.training.content import LANGUAGES, LessonText, Slide
from portal.training.errors import BadWordsError, EditedMeanwhileError, NoSuchVersionError
from portal.training.forms.editing import BasedForm, LessonForm, filled
from portal.training.policies import may_organise
from portal.training.queries.feedback import SessionOpinion, feedback_of_lesson, mean, summed
from portal.training.queries.lessons import (
    Version,
    VersionLine,
    edited_lessons,
    newest_version,
    version_history,
    version_of,
)
from portal.training.services.lessons import restore_words, save_words
from portal.training.views._blueprint import blueprint
from portal.web.access import requires
from portal.web.database import read_db
from portal.web.languages import LANGUAGES as LANGUAGE_NAMES
from portal.web.languages import language

Page = tuple[str, int] | Response
_PREVIEW = "preview-"


@dataclass(frozen=True, slots=True)
class EditPage:
    """A lesson being edited.

    `preview` holds the slides of one language as typed; `theirs` what somebody else saved meanwhile, by field.
    """

    lesson: LessonText
    newest: Version
    history: list[VersionLine]
    opinions: list[SessionOpinion]
    open_language: str
    preview_language: str = ""
    preview: tuple[Slide, ...] = ()
    theirs: dict[str, str] = field(default_factory=dict)

    @property
    def spread(self) -> tuple[int, int, int, int, int]:
        """How many gave 1 to 5 stars, in all its sessions."""
        return summed(self.opinions)

    @property
    def mean(self) -> float:
        """The mean of all of them."""
        return mean(self.spread)


def _lesson(number: int) -> LessonText:
    try:
        return content.lesson(number)
    except LookupError as error:
        raise NotFoundError from error


def _show(number: int, form: LessonForm, status: int = 200, **more: Any) -> tuple[str, int]:
    db = read_db()
    wrong = next((code for code in LANGUAGES if form[code].errors), "")
    page = EditPage(
        lesson=_lesson(number),
        newest=newest_version(db, number),
        history=version_history(db, number),
        opinions=feedback_of_lesson(db, number),
        open_language=wrong or more.get("preview_language") or language(),
        **more,
    )
    return render_template("training/lesson_edit.html", page=page, form=form, languages=LANGUAGE_NAMES), status


def _form_of(version: Version) -> LessonForm:
    values: dict[str, Any] = {code: filled(version.words[code]) for code in LANGUAGES}
    return LessonForm(formdata=None, data={**values, "based_on": str(version.number)})


def _meanwhile(form: LessonForm, newest: Version) -> dict[str, str]:
    """What the newest version has where it differs from what was typed, by the field's id."""
    return {
        form[code].form[name].id: value
        for code in LANGUAGES
        for name, value in filled(newest.words[code]).items()
        if form[code].form[name].data != value
    }


@blueprint.get("/manage/lessons")
@requires(may_organise)
def lessons_to_edit() -> str:
    """The 25 lessons, and when each was last edited."""
    edited = edited_lessons(read_db())
    return render_template("training/lessons_edit.html", chapters=content.chapters(), edited=edited)


@blueprint.get("/manage/lessons/<int:number>")
@requires(may_organise)
def edit_lesson(number: int) -> Page:
    """Its words as they are shown now."""
    _lesson(number)
    return _show(number, _form_of(newest_version(read_db(), number)))


@blueprint.post("/manage/lessons/<int:number>")
@requires(may_organise)
def save_lesson(number: int) -> Page:
    """Look at the slides, or save what was typed as the next version."""
    _lesson(number)
    form, step = LessonForm(), request.form.get("step", "")
    is_valid = form.validate_on_submit()
    form.mark(content.problems(form.entries()))
    code = step.removeprefix(_PREVIEW)
    if step.startswith(_PREVIEW) and code in LANGUAGES:
        slides = content.split_slides(form[code].form.text.data or "")
        return _show(number, form, 422 if form.errors else 200, preview_language=code, preview=slides)
    return _save(number, form) if is_valid and not form.errors else _show(number, form, 422)


def _save(number: int, form: LessonForm) -> Page:
    base = form.base()
    try:
        with transaction() as db:
            saved = save_words(db, organiser=current_user, number=number, words=form.entries(), based_on=base)
    except EditedMeanwhileError as error:
        newest = newest_version(read_db(), number)
        # Saved again, it follows what is shown beside it now.
        form.based_on.data = str(newest.number)
        form.form_errors.append(str(error))
        return _show(number, form, error.status, theirs=_meanwhile(form, newest))
    words = _("Nothing was changed.") if saved == base else _("Saved. It is shown from now on, in all languages.")
    flash(words, "done")
    return redirect(url_for("training.edit_lesson", number=number), code=303)


@blueprint.get("/manage/lessons/<int:number>/versions/<int:version>")
@requires(may_organise)
def lesson_version(number: int, version: int) -> str:
    """An older version, with what differs from what is shown; number 0 is what it was first."""
    db, lesson = read_db(), _lesson(number)
    found = version_of(db, number, version)
    if found is None:
        raise NoSuchVersionError
    newest = newest_version(db, number)
    line = next((one for one in version_history(db, number) if one.number == version), None)
    return render_template(
        "training/lesson_version.html",
        lesson=lesson,
        version=found,
        newest=newest,
        line=line,
        languages=LANGUAGE_NAMES,
        slides_of=content.split_slides,
    )


@blueprint.post("/manage/lessons/<int:number>/versions/<int:version>")
@requires(may_organise)
def restore_version(number: int, version: int) -> Response:
    """Show an older version again: it is saved as a new one."""
    _lesson(number)
    form = BasedForm()
    base = form.base() if form.validate_on_submit() else -1
    try:
        with transaction() as db:
            restore_words(db, organiser=current_user, number=number, version=version, based_on=base)
        flash(_("It is shown again from now on."), "done")
    except (EditedMeanwhileError, BadWordsError) as error:
        flash(str(error), "warning")
    return redirect(url_for("training.edit_lesson", number=number), code=303)
