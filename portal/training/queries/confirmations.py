"""The seats of a person that wait for their yes after a move."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.kernel import clock
from portal.kernel.db import BigId, UTCDateTime
from portal.training import links
from portal.training.models import Lesson, Seat, SeatState, Session, SessionState

_seats, _sessions, _lessons = Seat.__table__.c, Session.__table__.c, Lesson.__table__.c
_TO_CONFIRM: sa.Select[*tuple[Any, ...]] = (
    sa.select(
        _seats.id,
        _sessions.id.label("session_id"),
        _lessons.number,
        _sessions.starts_at,
        _sessions.ends_at,
        _sessions.zone,
        _seats.confirm_by,
    )
    .where(
        _seats.session_id == _sessions.id,
        _lessons.id == _sessions.lesson_id,
        _seats.user_id == sa.bindparam("user_id", type_=BigId),
        _seats.state == SeatState.HELD,
        _seats.confirm_by > sa.bindparam("now", type_=UTCDateTime),
        _sessions.state == SessionState.SCHEDULED,
    )
    .order_by(_seats.confirm_by, _sessions.starts_at)
)


@dataclass(frozen=True, slots=True)
class MovedSeat:
    """A seat in a session that was moved, and until when its holder says whether it suits."""

    seat_id: int
    session_id: int
    number: int
    starts_at: datetime
    ends_at: datetime
    zone: str
    confirm_by: datetime

    @property
    def token(self) -> str:
        """What opens the page that asks."""
        return links.sign(links.SEAT, self.seat_id)


def seats_to_confirm(db: DbSession, user_id: int) -> list[MovedSeat]:
    """The seats of this user that wait for a yes, the most pressing first."""
    rows = db.execute(_TO_CONFIRM, {"user_id": user_id, "now": clock.now()})
    return [MovedSeat(*row) for row in rows]
