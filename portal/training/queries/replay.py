"""An ended session as its replay shows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel.db import BigId
from portal.training.models import Cohort, CohortState, Lesson, Session, SessionState, SlideTurn

_sessions, _lessons, _cohorts, _users, _turns = (
    kind.__table__.c for kind in (Session, Lesson, Cohort, User, SlideTurn)
)
_SESSION_ID = sa.bindparam("session_id", type_=BigId)
_ENDED: sa.Select[Any] = sa.select(
    _sessions.id,
    _lessons.number,
    _sessions.starts_at,
    _sessions.started_at,
    _sessions.ended_at,
    _sessions.ends_at,
    _sessions.zone,
    _cohorts.name,
    _users.display_name,
    _sessions.replay_url,
    _sessions.replay_from_seconds,
    _sessions.lesson_version_id,
).where(
    _sessions.id == _SESSION_ID,
    _sessions.state == SessionState.ENDED,
    _lessons.id == _sessions.lesson_id,
    _cohorts.id == _sessions.cohort_id,
    _cohorts.state != CohortState.DRAFT,
    _users.id == _sessions.expert_id,
)
_TURNS: sa.Select[Any] = (
    sa.select(_turns.slide, _turns.at).where(_turns.session_id == _SESSION_ID).order_by(_turns.at, _turns.id)
)


@dataclass(frozen=True, slots=True)
class ReplaySession:
    """A session that is over, its recording if there is one, and the version of the words it showed."""

    id: int
    number: int
    starts_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    ends_at: datetime
    zone: str
    cohort: str
    expert: str
    replay_url: str
    replay_from_seconds: int
    lesson_version_id: int | None

    @property
    def began_at(self) -> datetime:
        """When it began."""
        return self.started_at or self.starts_at

    @property
    def over_at(self) -> datetime:
        """When it was over."""
        return self.ended_at or self.ends_at

    @property
    def minutes(self) -> int:
        """How long it ran, in whole minutes."""
        return round((self.over_at - self.began_at).total_seconds() / 60)


def replay_session(db: DbSession, session_id: int) -> ReplaySession | None:
    """An ended session; None when unknown, not over yet, or of a draft."""
    row = db.execute(_ENDED, {"session_id": session_id}).first()
    return ReplaySession(*row) if row else None


def slide_turns(db: DbSession, session_id: int) -> list[tuple[int, datetime]]:
    """(slide, moment) in the order in which they were shown."""
    return [(row.slide, row.at) for row in db.execute(_TURNS, {"session_id": session_id})]
