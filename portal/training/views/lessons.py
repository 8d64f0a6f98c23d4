"""One lesson: before its session the date, during it the room, after it the replay, the words and the questions."""

from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session as DbSession
from werkzeug.wrappers import Response

from portal.kernel import clock
from portal.kernel.db import transaction
from portal.kernel.errors import NotFoundError
from portal.training import content, links, queries
from portal.training.content import LessonText, LessonWords
from portal.training.forms import EmptyForm
from portal.training.queries.feedback import feedback_due
from portal.training.queries.lessons import lesson_words
from portal.training.queries.progress import COUNTED, LIVE, OPEN, SEAT, TO_CATCH_UP, LessonState, SeatedSession
from portal.training.queries.replay import PastSession, past_sessions
from portal.training.queries.tasks import Tasks, tasks
from portal.training.queries.waitlist import Chance
from portal.training.services.feedback import LINK
from portal.training.services.tasks import tick_task, untick_task
from portal.training.views._blueprint import blueprint
from portal.web.access import public, requires, signed_in
from portal.web.database import read_db
from portal.web.headers import cacheable
from portal.web.languages import language

_CACHED_SECONDS = 60


@dataclass(frozen=True, slots=True)
class LessonPage:
    """A lesson as one person finds it.

    `mine` is their seat in its next session; `feedback` the token to say how it was, while they are to be asked.
    """

    lesson: LessonText
    words: LessonWords
    chapter: str
    state: LessonState
    mine: SeatedSession | None
    room_open: bool
    sessions: list[Chance]
    past: list[PastSession]
    tasks: Tasks
    feedback: str

    @property
    def counts(self) -> bool:
        """Whether it counts for the certificate."""
        return self.state.state in COUNTED

    @property
    def to_catch_up(self) -> bool:
        """Whether it was missed, in whole or in part, or failed by us."""
        return self.state.state in TO_CATCH_UP

    @property
    def other(self) -> Chance | None:
        """The next session of the lesson beside one's own: one with a seat to have before one with a line."""
        others = [one for one in self.sessions if not one.seated]
        return next((one for one in others if one.state in {"offered", "free"}), others[0] if others else None)

    @property
    def ended(self) -> PastSession | None:
        """The session to see again: one's own, else one with a recording, else the latest."""
        return self.past[0] if self.past else None

    @property
    def task_done(self) -> bool:
        """Whether its task is done in the shop."""
        return self.tasks.done(self.lesson.number)

    @property
    def task_seen(self) -> object:
        """What the shop shows of it, in words."""
        return self.tasks.why(self.lesson.number)


def lesson_of(address: str) -> LessonText:
    """The lesson an address names by the number it begins with; NotFoundError when there is none."""
    number = address.partition("-")[0]
    if not number.isascii() or not number.isdecimal() or not 1 <= int(number[:3]) <= content.LESSONS:
        raise NotFoundError
    return content.lesson(int(number[:3]))


def _feedback(db: DbSession, state: LessonState, user_id: int) -> str:
    """The token of the session to ask about; nothing is looked up for a lesson that nobody could have been in."""
    if state.state in {OPEN, SEAT, LIVE}:
        return ""
    due = feedback_due(db, user_id, state.number)
    return links.sign(LINK, due) if due else ""


def lesson_page(db: DbSession, lesson: LessonText, user_id: int | None, code: str) -> LessonPage:
    """Everything on a lesson's page, in a bounded number of statements."""
    number = lesson.number
    far = queries.progress(db, user_id) if user_id is not None else None
    mine = next((one for one in far.to_come if one.number == number), None) if far else None
    state = far.states[number] if far else LessonState(number, OPEN)
    return LessonPage(
        lesson=lesson,
        words=lesson_words(db, number, code),
        chapter=content.chapters()[lesson.chapter - 1].title(code),
        state=state,
        mine=mine,
        room_open=mine is not None and mine.room_open(clock.now()),
        sessions=queries.next_chances(db, lesson_number=number, user_id=user_id, language=code),
        past=past_sessions(db, number, user_id),
        tasks=tasks(db, user_id, number=number) if user_id is not None else Tasks(),
        feedback=_feedback(db, state, user_id) if user_id is not None else "",
    )


@blueprint.get("/programme/<address>")
@public
@cacheable(_CACHED_SECONDS)
def lesson(address: str) -> str | Response:
    """Open to all; an old address leads to the present one."""
    found = lesson_of(address)
    if address != found.address:
        return redirect(url_for("training.lesson", address=found.address), code=301)
    user_id = current_user.id if current_user.is_authenticated else None
    page = lesson_page(read_db(), found, user_id, language())
    return render_template("training/lesson.html", page=page)


@blueprint.post("/programme/<address>/task")
@requires(signed_in)
def task(address: str) -> Response:
    """Tick the lesson's task, or take the tick back (`value=0`); then back to where it was pressed."""
    found = lesson_of(address)
    form, undone = EmptyForm(), request.form.get("value") == "0"
    if form.validate_on_submit():
        with transaction() as db:
            (untick_task if undone else tick_task)(db, user=current_user, number=found.number)
        flash(_("Undone.") if undone else _("Well done. That is one more thing your shop has."), "done")
    if request.form.get("from") == "me":
        return redirect(url_for("pages.me", _anchor="tasks"), code=303)
    return redirect(url_for("training.lesson", address=found.address, _anchor="task"), code=303)
