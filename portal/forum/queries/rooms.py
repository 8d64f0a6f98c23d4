"""What the forum needs to know of a session: its lesson, its expert, its times, and who holds a seat."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.forum.models import DONE_STATES, LARGEST_ID, Question
from portal.identity.models import User
from portal.kernel.db import BigId
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
    answered_count: int

    @property
    def has_ended(self) -> bool:
        """Whether the session is over: its questions live in the forum."""
        return self.state is training.SessionState.ENDED

    def minute_at(self, moment: datetime) -> int | None:
        """Whole minutes since the session began; None before it did, or after it ended."""
        if self.state is not training.SessionState.LIVE or moment < self.starts_at:
            return None
        return int((moment - self.starts_at).total_seconds() // 60)


_sessions, _lessons, _seats = (
    training.Session.__table__.c,
    training.Lesson.__table__.c,
    training.Seat.__table__.c,
)
_questions, _users = Question.__table__.c, User.__table__.c
_ROOM: sa.Select[Any] = (
    sa.select(
        _sessions.id,
        _lessons.number,
        _sessions.expert_id,
        _users.display_name,
        _sessions.state,
        sa.func.coalesce(_sessions.started_at, _sessions.starts_at, type_=_sessions.starts_at.type),
        sa.exists().where(
            _seats.session_id == _sessions.id,
            _seats.user_id == sa.bindparam("user_id", type_=BigId),
            _seats.state == training.SeatState.HELD,
        ),
        sa.select(sa.func.count())
        .where(_questions.session_id == _sessions.id, _questions.state.in_(DONE_STATES))
        .scalar_subquery(),
    )
    .join_from(training.Session.__table__, training.Lesson.__table__, _lessons.id == _sessions.lesson_id)
    .join(User.__table__, _users.id == _sessions.expert_id)
    .where(_sessions.id == sa.bindparam("session_id", type_=BigId), _sessions.state.in_(_ANNOUNCED))
)


def room_of(db: Session, *, session_id: int, user_id: int | None) -> Room | None:
    """The announced session with this id; None for a draft, a cancelled or an unknown one. One statement."""
    if not 0 < session_id <= LARGEST_ID:
        return None
    row = db.execute(_ROOM, {"session_id": session_id, "user_id": user_id}).first()
    return Room(*row) if row else None
