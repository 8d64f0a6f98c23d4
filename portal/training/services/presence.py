"""Presence signals: pings while the page is visible, the button for those without scripts, the provider's roster."""

from collections.abc import Collection, Sequence
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
# The roster is asked for each minute. Somebody new in it came since it was last asked for, which vouches for 90
# seconds at most; who was in it before and is in it again stayed, even if it could not be had for some minutes.
ROSTER_VOUCHES = timedelta(seconds=90)
ROSTER_BRIDGES = timedelta(minutes=5)
_BUTTON, _ROSTER = "button", "roster"
_BATCH = 500


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
    last = db.scalar(sa.select(sa.func.max(PresencePing.until_at)).where(*mine))
    if last is not None and last > now:
        return  # the clock went back, or another ping of this device was quicker
    extended = rows_changed(
        db,
        sa.update(PresencePing)
        .where(*mine, PresencePing.until_at >= now - PING_COVERS, PresencePing.until_at <= now)
        .values(until_at=now)
        .execution_options(synchronize_session=False),
    )
    if extended:
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


def record_roster(db: DbSession, *, session_id: int, user_ids: Collection[int], at: datetime) -> int:
    """Who the provider said was in the room at `at`; returns how many of them have a seat.

    From the first roster that names somebody of ours, the roster alone counts. One that is older than the last, or
    from outside the session's time, changes nothing.
    """
    session = db.execute(
        sa.select(Session.state, Session.starts_at, Session.expert_id, Session.roster_seen_at)
        .where(Session.id == session_id)
        .with_for_update()
    ).first()
    if session is None or not room_is_open(session.state, session.starts_at, at):
        return 0
    last = session.roster_seen_at
    if last is not None and at <= last:
        return 0
    present = _holders(db, session_id, sorted(user_ids))
    if last is None and not present and session.expert_id not in user_ids:
        return 0  # an empty room, or names that are not ours: not a roster to count by
    db.execute(sa.update(Session).where(Session.id == session_id).values(roster_seen_at=at))
    stayed = _stayed(db, session_id, present, last, at) if last and at - last <= ROSTER_BRIDGES else set()
    from_at = at if last is None else max(last, at - ROSTER_VOUCHES)
    new = [
        {
            "session_id": session_id,
            "user_id": user_id,
            "device": _ROSTER,
            "source": PresenceSource.ROSTER,
            "from_at": from_at,
            "until_at": at,
        }
        for user_id in present
        if user_id not in stayed
    ]
    for begin in range(0, len(new), _BATCH):
        insert = conflict_insert(db, PresencePing).values(new[begin : begin + _BATCH])
        db.execute(insert.on_conflict_do_nothing(index_elements=["session_id", "user_id", "device", "from_at"]))
    return len(present)


def _holders(db: DbSession, session_id: int, user_ids: Sequence[int]) -> list[int]:
    """Those of these users who hold a seat in the session."""
    found: list[int] = []
    for begin in range(0, len(user_ids), _BATCH):
        some = user_ids[begin : begin + _BATCH]
        seats = sa.select(Seat.user_id).where(
            Seat.session_id == session_id, Seat.state == SeatState.HELD, Seat.user_id.in_(some)
        )
        found += db.scalars(seats)
    return found


def _stayed(db: DbSession, session_id: int, user_ids: Sequence[int], last: datetime, at: datetime) -> set[int]:
    """Stretch the presence of those who were in the last roster too; returns who they are."""
    stretched: set[int] = set()
    for begin in range(0, len(user_ids), _BATCH):
        stretch = (
            sa.update(PresencePing)
            .where(
                PresencePing.session_id == session_id,
                PresencePing.device == _ROSTER,
                PresencePing.until_at == last,
                PresencePing.user_id.in_(user_ids[begin : begin + _BATCH]),
            )
            .values(until_at=at)
            .returning(PresencePing.user_id)
            .execution_options(synchronize_session=False)
        )
        stretched.update(db.scalars(stretch))
    return stretched
