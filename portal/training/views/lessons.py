"""One lesson: before its session the date, during it the room, after it the replay and the questions."""

from dataclasses import dataclass

from flask import redirect, render_template, url_for
from flask_login import current_user
from sqlalchemy.orm import Session as DbSession
from werkzeug.wrappers import Response

from portal.kernel import clock
from portal.kernel.errors import NotFoundError
from portal.training import content, queries
from portal.training.content import LessonText, LessonWords
from portal.training.queries.progress import OPEN, LessonState, SeatedSession
from portal.training.queries.sessions import EndedSession, UpcomingSession
from portal.training.views._blueprint import blueprint
from portal.web.access import public
from portal.web.database import read_db
from portal.web.headers import cacheable
from portal.web.languages import language

_CACHED_SECONDS = 60


@dataclass(frozen=True, slots=True)
class LessonPage:
    """A lesson as one person finds it; `mine` is their seat in its next session."""

    lesson: LessonText
    words: LessonWords
    chapter: str
    state: LessonState
    mine: SeatedSession | None
    room_open: bool
    sessions: list[UpcomingSession]
    ended: EndedSession | None


def lesson_of(address: str) -> LessonText:
    """The lesson an address names by the number it begins with; NotFoundError when there is none."""
    number = address.partition("-")[0]
    if not number.isascii() or not number.isdecimal() or not 1 <= int(number[:3]) <= content.LESSONS:
        raise NotFoundError
    return content.lesson(int(number[:3]))


def lesson_page(db: DbSession, lesson: LessonText, user_id: int | None, code: str) -> LessonPage:
    """Everything on a lesson's page, in a bounded number of statements."""
    far = queries.progress(db, user_id) if user_id is not None else None
    mine = next((one for one in far.to_come if one.number == lesson.number), None) if far else None
    return LessonPage(
        lesson=lesson,
        words=lesson.words[code],
        chapter=content.chapters()[lesson.chapter - 1].title(code),
        state=far.states[lesson.number] if far else LessonState(lesson.number, OPEN),
        mine=mine,
        room_open=mine is not None and mine.room_open(clock.now()),
        sessions=queries.sessions_of_lesson(db, lesson.number),
        ended=queries.last_ended(db, lesson.number),
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
