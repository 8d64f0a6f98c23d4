"""A session to see again: its recording with chapters, the words it had, the questions asked then."""

from dataclasses import dataclass
from http import HTTPStatus

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session as DbSession
from werkzeug.wrappers import Response as AnyResponse

from portal.forum.queries.replay import AskedThen, asked_in_session
from portal.kernel.db import transaction
from portal.pages.blueprint import blueprint
from portal.training import content, replay
from portal.training.content import LessonText, LessonWords, Slide
from portal.training.errors import NoSuchSessionError
from portal.training.forms.recordings import RecordingForm
from portal.training.policies import may_organise
from portal.training.queries.lessons import lesson_words, shown_version
from portal.training.queries.replay import ReplaySession, replay_session, slide_turns
from portal.training.services import recordings
from portal.web.access import public, requires
from portal.web.database import read_db
from portal.web.headers import allow_media, cacheable
from portal.web.languages import language

_CACHED_SECONDS = 60
_MINUTE = 60
_LONGEST_NUMBER = 6


@dataclass(frozen=True, slots=True)
class Chapter:
    """A slide of the session, when it came up, and where a tap on it leads."""

    number: int
    title: str
    time: str
    href: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A question, when it came up, and the link to that moment of the recording; empty without one."""

    question: AskedThen
    time: str
    href: str


@dataclass(frozen=True, slots=True)
class ReplayPage:
    """Everything on the page; `player` is the address of a file that the page itself plays."""

    session: ReplaySession
    lesson: LessonText
    words: LessonWords
    slides: tuple[Slide, ...]
    chapters: list[Chapter]
    moments: list[Moment]
    player: str
    recording: str
    from_time: str


def _url(session: ReplaySession) -> str:
    return session.replay_url if replay.is_on_the_web(session.replay_url) else ""


def _link(session: ReplaySession, seconds: int) -> str:
    """To a second of the session: in our own player, or in the recording's."""
    if not _url(session):
        return ""
    if replay.is_played_here(session.replay_url):
        return url_for("pages.replay", session_id=session.id, t=seconds, _anchor="player")
    return replay.jump(session.replay_url, session.replay_from_seconds + seconds)


def _chapters(db: DbSession, session: ReplaySession, slides: tuple[Slide, ...]) -> list[Chapter]:
    found = replay.marks(slide_turns(db, session.id), began_at=session.began_at, ended_at=session.over_at)
    return [
        Chapter(
            number=mark.slide + 1,
            title=slides[mark.slide].title,
            time=replay.clock_face(mark.seconds),
            href=_link(session, mark.seconds) or f"#s{mark.slide + 1}",
        )
        for mark in found
        if mark.slide < len(slides)
    ]


def replay_page(db: DbSession, session_id: int, code: str, seconds: int) -> ReplayPage | None:
    """An ended session from `seconds` on, in at most four statements; None when there is nothing to see again."""
    session = replay_session(db, session_id)
    if session is None:
        return None
    words = lesson_words(db, session.number, code, shown_version(session.lesson_version_id, began=True))
    url = _url(session)
    here = bool(url) and replay.is_played_here(url)
    from_here = replay.jump(url, session.replay_from_seconds + seconds) if url else ""
    return ReplayPage(
        session=session,
        lesson=content.lesson(session.number),
        words=words,
        slides=words.slides,
        chapters=_chapters(db, session, words.slides),
        moments=[
            Moment(one, replay.clock_face(one.minute * _MINUTE), _link(session, one.minute * _MINUTE))
            for one in asked_in_session(db, session_id)
        ],
        player=from_here if here else "",
        recording="" if here else from_here,
        from_time=replay.clock_face(seconds) if seconds else "",
    )


def _seconds(typed: str) -> int:
    """The second asked for in `?t=`; 0 for anything that is no number of seconds."""
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < _LONGEST_NUMBER else 0


def _shown(session_id: int, form: RecordingForm | None, status: int = 200) -> Response:
    page = replay_page(read_db(), session_id, language(), _seconds(request.args.get("t", "")))
    if page is None:
        raise NoSuchSessionError
    if form is None and may_organise(current_user):
        begins = replay.clock_face(page.session.replay_from_seconds)
        form = RecordingForm(formdata=None, data={"url": page.session.replay_url, "begins": begins})
    response = make_response(render_template("pages/replay.html", page=page, form=form), status)
    if page.player:
        allow_media(response, page.player)
    return response


@blueprint.get("/sessions/<int:session_id>/replay", endpoint="replay")
@public
@cacheable(_CACHED_SECONDS)
def replay_of(session_id: int) -> Response:
    """Open to all, as the lesson is; organisers can also say where its recording is."""
    return _shown(session_id, None)


@blueprint.post("/sessions/<int:session_id>/replay")
@requires(may_organise)
def set_recording(session_id: int) -> AnyResponse:
    """Where the recording is, and where the session begins in it."""
    form = RecordingForm()
    if not form.validate_on_submit():
        return _shown(session_id, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    with transaction() as db:
        recordings.set_recording(db, session_id=session_id, url=form.url.data or "", from_seconds=form.from_seconds())
    flash(_("Kept. Everybody finds it on this page."), "done")
    return redirect(url_for("pages.replay", session_id=session_id), code=303)
