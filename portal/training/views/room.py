"""The room's signals: presence, what it shows now, and what its expert does. The page itself is in pages."""

from dataclasses import dataclass

from flask import flash, redirect, session, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session as DbSession
from werkzeug.wrappers import Response as AnyResponse

from portal.kernel import clock, ids
from portal.kernel.db import transaction
from portal.training import content, flows, presence, queries, services
from portal.training.content import LessonText, LessonWords, Slide
from portal.training.errors import NoSuchSessionError, WrongStateError
from portal.training.forms import SlideForm
from portal.training.models import SessionState
from portal.training.policies import Member, may_run
from portal.training.presence import Reach
from portal.training.queries.lessons import lesson_words
from portal.training.queries.sessions import PresentPerson, SessionPage, people_of_session
from portal.training.rooms import RoomError
from portal.training.views._blueprint import blueprint
from portal.web.access import requires, signed_in
from portal.web.database import read_db

_GONE = 410
_NO_CONTENT = 204


@dataclass(frozen=True, slots=True)
class RoomState:
    """What the room shows to everybody in it at this moment, in one language."""

    page: SessionPage
    lesson: LessonText
    words: LessonWords
    slide: Slide
    slide_number: int
    slides: int
    minutes_left: int


def room_state_of(db: DbSession, page: SessionPage, code: str) -> RoomState:
    """The slide and the time left: one statement, none for words that were never edited and are stamped."""
    lesson = content.lesson(page.number)
    words = lesson_words(db, page.number, code, page.version_id)
    index = min(page.slide, len(words.slides) - 1)
    return RoomState(
        page=page,
        lesson=lesson,
        words=words,
        slide=words.slides[index],
        slide_number=index + 1,
        slides=len(words.slides),
        minutes_left=page.minutes_left(clock.now()),
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """One person's own part of the room: `reach` for those whose presence counts, `people` for those who lead it."""

    present: int
    reach: Reach | None
    runs: bool
    people: list[PresentPerson]


def standing_of(db: DbSession, page: SessionPage, user: Member) -> Standing:
    """Who is there, and how one's own presence stands: two statements."""
    roster = page.roster_seen_at is not None
    reach = None
    if page.seated and page.state is SessionState.LIVE:
        reach = presence.reach(
            queries.presence_so_far(db, session_id=page.id, user_id=user.id, from_at=page.began_at, roster=roster),
            planned=page.ends_at - page.starts_at,
            left=page.ends_at - clock.now(),
            bar_percent=page.bar_percent,
        )
    runs = may_run(user, page.expert_id)
    return Standing(
        present=queries.present_count(db, page.id, roster=roster),
        reach=reach,
        runs=runs,
        people=people_of_session(db, page.id, roster=roster) if runs else [],
    )


def visible_page(db: DbSession, session_id: int, user: Member) -> SessionPage:
    """The session for somebody with a seat in it or who runs it; NoSuchSessionError for anybody else."""
    page = queries.session_page(db, session_id, user.id)
    if page is None or not (page.seated or may_run(user, page.expert_id)):
        raise NoSuchSessionError
    return page


def _own_page(session_id: int) -> SessionPage:
    """The session, for whoever runs it; for others it does not exist."""
    page = queries.session_page(read_db(), session_id, current_user.id)
    if page is None or not may_run(current_user, page.expert_id):
        raise NoSuchSessionError
    return page


def _to_room(session_id: int) -> AnyResponse:
    return redirect(url_for("pages.room", session_id=session_id), code=303)


@blueprint.get("/sessions/<int:session_id>/enter")
@requires(signed_in)
def enter_room(session_id: int) -> AnyResponse:
    """Into the video room, under one's own name; if it cannot be reached, back to where the session goes on."""
    try:
        return redirect(flows.enter_room(session_id=session_id, user=current_user), code=303)
    except RoomError as error:
        flash(str(error), "bad")
        return _to_room(session_id)


@blueprint.post("/sessions/<int:session_id>/presence")
@requires(signed_in)
def ping(session_id: int) -> tuple[str, int]:
    """This page is being looked at; 410 once there is nothing to be present at."""
    device = ids.digest(str(session.get("_user_id", "")))[:16]
    try:
        with transaction() as db:
            services.ping(db, user=current_user, session_id=session_id, device=device)
    except WrongStateError:
        return "", _GONE
    return "", _NO_CONTENT


@blueprint.post("/sessions/<int:session_id>/here")
@requires(signed_in)
def here(session_id: int) -> AnyResponse:
    """The button of those without scripts: "I am here"."""
    with transaction() as db:
        services.press_button(db, user=current_user, session_id=session_id)
    flash(_("Noted: you are here. Press again in five minutes."), "done")
    return _to_room(session_id)


@blueprint.post("/sessions/<int:session_id>/start")
@requires(signed_in)
def start(session_id: int) -> AnyResponse:
    """Begin."""
    _own_page(session_id)
    with transaction() as db:
        services.start_session(db, session_id=session_id)
    return _to_room(session_id)


@blueprint.post("/sessions/<int:session_id>/slide")
@requires(signed_in)
def slide(session_id: int) -> AnyResponse:
    """Show another slide to everybody."""
    _own_page(session_id)
    form = SlideForm()
    if form.validate_on_submit():
        with transaction() as db:
            services.turn_slide(db, session_id=session_id, to=form.to.data or 0)
    return _to_room(session_id)


@blueprint.post("/sessions/<int:session_id>/end")
@requires(signed_in)
def end(session_id: int) -> AnyResponse:
    """End, and work out who was there."""
    _own_page(session_id)
    flows.end_room(session_id)
    flash(_("The session is over. Attendance is recorded, and the open questions go on in the forum."), "done")
    return _to_room(session_id)
