"""Rooms at a provider: what is asked of it stands between two transactions, or after one."""

import logging
from datetime import datetime, timedelta
from typing import Protocol

import sqlalchemy as sa

from portal import config
from portal.kernel import clock
from portal.kernel.db import reading, rows_changed, transaction
from portal.training import content, rooms
from portal.training.errors import NoSuchSessionError, NotInSessionError, WrongStateError
from portal.training.models import RoomKind, Session, SessionState
from portal.training.policies import Member, may_run
from portal.training.queries import session_page
from portal.training.queries.sessions import SessionPage
from portal.training.rooms import Meeting, RoomError, RoomUnavailableError, Visitor
from portal.training.services import end_session
from portal.training.services.presence import record_roster

logger = logging.getLogger(__name__)


class Person(Member, Protocol):
    """Who enters a room."""

    display_name: str


def _meeting(page: SessionPage) -> Meeting:
    """A session's room as the provider is asked for it: the same words each time, in the cohort's language."""
    title = f"{page.number}. {content.lesson(page.number).title(page.language)}"
    leave_url = f"{config.current().base_url}/{page.language}/sessions/{page.id}"
    return Meeting(page.room.name, title, leave_url)


def enter_room(*, session_id: int, user: Person) -> str:
    """The address that takes this person into a session's room, under their own name.

    The provider is asked to open the room first; one that is open stays as it is. Raises NoSuchSessionError,
    NotInSessionError without a seat, WrongStateError while the room is closed, RoomError when there is none to enter.
    """
    with reading() as db:
        page = session_page(db, session_id, user.id)
    if page is None:
        raise NoSuchSessionError
    leads = may_run(user, page.expert_id)
    if not (page.seated or leads):
        raise NotInSessionError
    if not page.open_at(clock.now()):
        raise WrongStateError
    room = page.room
    if not room.is_there:
        raise RoomUnavailableError
    if room.kind is not RoomKind.BIGBLUEBUTTON:
        return room.direct_address(user.display_name)
    server, meeting = rooms.server(), _meeting(page)
    created = server.create(meeting)
    return server.join_address(meeting, Visitor(user.id, user.display_name, leads), created)


def poll_roster(session_id: int) -> int:
    """Ask the provider who is in a session's room and note it; returns how many of them have a seat.

    Raises RoomError when it cannot be asked; what was noted before stands.
    """
    with reading() as db:
        page = session_page(db, session_id, None)
    if page is None or page.room_kind is not RoomKind.BIGBLUEBUTTON or not page.open_at(clock.now()):
        return 0
    roster = rooms.server().roster(page.room.name)
    if roster is None:
        return 0
    if roster.strangers and not roster.user_ids:
        logger.warning("session %s: nobody in the room's roster has an id of ours", session_id)
    with transaction() as db:
        return record_roster(db, session_id=session_id, user_ids=roster.user_ids, at=clock.now())


def end_room(session_id: int) -> None:
    """End a session: a last look at who is there, the end, then the provider's room is closed.

    A provider that does not answer keeps nobody from ending: the room is closed later. Raises as `end_session`.
    """
    try:
        poll_roster(session_id)
    except RoomError as error:
        logger.warning("session %s: no last roster (%s)", session_id, type(error).__name__)
    with transaction() as db:
        end_session(db, session_id=session_id)
    try:
        close_room(session_id)
    except RoomError as error:
        logger.warning("session %s: its room is not closed yet (%s)", session_id, type(error).__name__)


def close_room(session_id: int) -> bool:
    """Close the provider's room of a session that is over; False when it was closed already. Raises RoomError."""
    with reading() as db:
        page = session_page(db, session_id, None)
    over = (SessionState.ENDED, SessionState.CANCELLED)
    if page is None or page.room_kind is not RoomKind.BIGBLUEBUTTON or page.state not in over:
        return False
    server = rooms.server()
    if not server.is_running(page.room.name):
        return False
    server.end(page.room.name)
    return True


def find_recording(session_id: int) -> bool:
    """Take over the provider's recording as the session's replay, once there is one. Raises RoomError."""
    with reading() as db:
        page = session_page(db, session_id, None)
    if page is None or page.room_kind is not RoomKind.BIGBLUEBUTTON or page.state is not SessionState.ENDED:
        return False
    found = rooms.server().recording(page.room.name)
    if found is None:
        return False
    begins = _seconds_between(found.started_at, page.began_at, most=found.seconds)
    with transaction() as db:
        # A replay that an organiser set meanwhile stays.
        taken = (
            sa.update(Session)
            .where(Session.id == session_id, Session.replay_url == "")
            .values(replay_url=found.url, replay_from_seconds=begins)
        )
        return rows_changed(db, taken) == 1


def _seconds_between(begin: datetime, end: datetime, *, most: int) -> int:
    """Whole seconds from one moment to a later one; 0 when it is not later, or lies beyond `most`."""
    seconds = (end - begin) // timedelta(seconds=1)
    return seconds if 0 <= seconds < most else 0
