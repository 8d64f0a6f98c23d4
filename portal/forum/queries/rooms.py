"""What the forum needs to know of a session: its lesson, its expert, its times, and who holds a seat."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.forum.models import LARGEST_ID
from portal.identity.models import User
from portal.training import models as training

_ANNOUNCED = (training.SessionState.SCHEDULED, training.SessionState.LIVE, training.SessionState.ENDED)


@dataclass(frozen=True, slots=True)
class Room:
    """A session as its questions see it, for one person."""

    session_id: int
    lesson_number: int
    expert_id: int
    expert_name: str
    state: training.SessionState
    starts_at: datetime
    has_seat: bool

    @property
    def has_ended(self) -> bool:
        """Whether the session is over: its questions live in the forum."""
        return self.state is training.SessionState.ENDED

    def minute_at(self, moment: datetime) -> int | None:
        """Whole minutes since the session began; None before it did, or after it ended."""
        if self.state is not training.SessionState.LIVE or moment < self.starts_at:
            return None
        return int((moment - self.starts_at).total_seconds() // 60)


def room_of(db: Session, *, session_id: int, user_id: int | None) -> Room | None:
    """The announced session with this id; None for a draft, a cancelled or an unknown one."""
    if not 0 < session_id <= LARGEST_ID:
        return None
    session, lesson, seat = training.Session, training.Lesson, training.Seat
    has_seat = (
        sa.exists()
        .where(seat.session_id == session.id, seat.user_id == user_id, seat.state == training.SeatState.HELD)
        .label("has_seat")
    )
    began = sa.func.coalesce(session.started_at, session.starts_at, type_=session.starts_at.type)
    row = db.execute(
        sa.select(
            session.id,
            lesson.number,
            session.expert_id,
            User.display_name,
            session.state,
            began.label("began_at"),
            has_seat,
        )
        .join(lesson, lesson.id == session.lesson_id)
        .join(User, User.id == session.expert_id)
        .where(session.id == session_id, session.state.in_(_ANNOUNCED))
    ).first()
    if row is None:
        return None
    return Room(row.id, row.number, row.expert_id, row.display_name, row.state, row.began_at, row.has_seat)
