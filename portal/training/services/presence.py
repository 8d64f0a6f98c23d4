"""Presence signals: pings while the page is visible, and the button for those without scripts."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import conflict_insert, rows_changed
from portal.training.errors import NoSuchSessionError, NotInSessionError, WrongStateError
from portal.training.models import PresencePing, PresenceSource, Seat, SeatState, Session, SessionState
from portal.training.policies import room_is_open

PING_COVERS = timedelta(seconds=30)
BUTTON_COVERS = timedelta(minutes=5)
_BUTTON = "button"


def _check_open(db: DbSession, session_id: int, user_id: int) -> None:
    row = db.execute(
        sa.select(Session.state, Session.starts_at, Seat.id.label("seat"))
        .outerjoin(Seat, (Seat.session_id == Session.id) & (Seat.user_id == user_id) & (Seat.state == SeatState.HELD))
        .where(Session.id == session_id, Session.state != SessionState.DRAFT)
    ).first()
    if row is None:
        raise NoSuchSessionError
    if row.seat is None:
        raise NotInSessionError
    if not room_is_open(row.state, row.starts_at, clock.now()):
        raise WrongStateError


def _begin(db: DbSession, session_id: int, user_id: int, device: str, span: tuple[datetime, datetime]) -> None:
    source = PresenceSource.BUTTON if device == _BUTTON else PresenceSource.PAGE
    insert = conflict_insert(db, PresencePing).values(
        session_id=session_id, user_id=user_id, device=device, source=source, from_at=span[0], until_at=span[1]
    )
    # Two pings of one device in one instant are one ping.
    db.execute(insert.on_conflict_do_nothing(index_elements=["session_id", "user_id", "device", "from_at"]))


def ping(db: DbSession, *, user: User, session_id: int, device: str) -> None:
    """Somebody's page is visible now. It covers the time since this device's last ping, 30 seconds at most.

    Raises NoSuchSessionError, NotInSessionError without a seat, WrongStateError while the room is closed.
    """
    _check_open(db, session_id, user.id)
    now = clock.now()
    mine = (
        PresencePing.session_id == session_id,
        PresencePing.user_id == user.id,
        PresencePing.device == device,
    )
    extended = rows_changed(
        db,
        sa.update(PresencePing)
        .where(*mine, PresencePing.until_at >= now - PING_COVERS, PresencePing.until_at <= now)
        .values(until_at=now)
        .execution_options(synchronize_session=False),
    )
    if extended:
        return
    last = db.scalar(sa.select(sa.func.max(PresencePing.until_at)).where(*mine))
    if last is not None and last > now:
        return
    # After a silence only the last 30 seconds are vouched for; a first ping vouches for nothing yet.
    _begin(db, session_id, user.id, device, (now if last is None else now - PING_COVERS, now))


def press_button(db: DbSession, *, user: User, session_id: int) -> None:
    """The button "I am here": counts for the next five minutes; pressing again sooner adds only what is new.

    Raises as `ping`.
    """
    _check_open(db, session_id, user.id)
    now = clock.now()
    _begin(db, session_id, user.id, _BUTTON, (now, now + BUTTON_COVERS))
