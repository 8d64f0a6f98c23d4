"""What the clock does for rooms at a provider: who is in them, closing them, and their recordings."""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

import sqlalchemy as sa

from portal.kernel import clock
from portal.kernel.db import reading
from portal.kernel.jobs import job
from portal.training import flows, rooms
from portal.training.models import Cohort, RoomKind, Session, SessionState
from portal.training.policies import ROOM_OPENS
from portal.training.queries.sessions import ROOM_KIND
from portal.training.rooms import RoomRefusedError, RoomUnavailableError

logger = logging.getLogger(__name__)

# A room is asked to close for this long after its session; then the provider has long closed it by itself.
_CLOSED_WITHIN = timedelta(minutes=30)
# A recording is looked for until then: the provider cuts it in the hours after the session.
_RECORDED_WITHIN = timedelta(days=7)


def _sessions(*conditions: sa.ColumnElement[bool]) -> list[int]:
    """Sessions with a room at the provider; none where this installation has no provider."""
    if RoomKind.BIGBLUEBUTTON not in rooms.available_kinds():
        return []
    with reading() as db:
        return list(
            db.scalars(
                sa.select(Session.id)
                .join(Cohort, Cohort.id == Session.cohort_id)
                .where(ROOM_KIND.element == RoomKind.BIGBLUEBUTTON, *conditions)
                .order_by(Session.starts_at, Session.id)
            )
        )


def _each(session_ids: Sequence[int], ask: Callable[[int], object]) -> None:
    """Ask about each session; a refusal concerns one of them, silence all: then the next sweep asks again."""
    for session_id in session_ids:
        try:
            ask(session_id)
        except RoomRefusedError as error:
            logger.warning("session %s: the room's server refused (%s)", session_id, error.code)
        except RoomUnavailableError:
            logger.warning("session %s: the room's server does not answer", session_id)
            return


@job("training.rooms", every_minutes=1)
def watch_rooms() -> None:
    """Note who is in the rooms that are open, and close those whose session is over."""
    now = clock.now()
    opened = (
        (Session.state == SessionState.SCHEDULED) & (Session.starts_at <= now + ROOM_OPENS) & (Session.ends_at > now)
    )
    _each(_sessions((Session.state == SessionState.LIVE) | opened), flows.poll_roster)
    _each(_sessions(Session.state == SessionState.ENDED, Session.ended_at > now - _CLOSED_WITHIN), flows.close_room)


@job("training.recordings", every_minutes=15)
def find_recordings() -> None:
    """Take over the recordings that are ready."""
    recent = Session.ended_at > clock.now() - _RECORDED_WITHIN
    _each(_sessions(Session.state == SessionState.ENDED, Session.replay_url == "", recent), flows.find_recording)
