"""An ended session as its replay shows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel.db import BigId
from portal.training.models import (
    PROGRAMME_SLUG,
    Cohort,
    CohortState,
    Lesson,
    Programme,
    Seat,
    SeatState,
    Session,
    SessionState,
    SlideTurn,
)

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
_seats, _programmes = Seat.__table__.c, Programme.__table__.c
_MINE, _RECORDED, _LATEST = range(3)
_LIMIT = sa.bindparam("limit", type_=sa.Integer)
_LESSON_ID = (
    sa.select(_lessons.id)
    .where(
        _lessons.number == sa.bindparam("number", type_=sa.Integer),
        _lessons.programme_id == _programmes.id,
        _programmes.slug == PROGRAMME_SLUG,
    )
    .scalar_subquery()
)


def _few(kind: int, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The latest of one kind of ended sessions: an index leads to them, however many there have been."""
    found = (
        sa.select(_sessions.id, sa.literal(kind).label("kind"))
        .where(_sessions.lesson_id == _LESSON_ID, _sessions.state == SessionState.ENDED, *conditions)
        .order_by(_sessions.starts_at.desc())
        .limit(_LIMIT)
    )
    return found.subquery().select()


_CHOSEN = sa.union_all(
    _few(
        _MINE,
        _seats.session_id == _sessions.id,
        _seats.user_id == sa.bindparam("user_id", type_=BigId),
        _seats.state == SeatState.HELD,
    ),
    # Written into the statement, not bound: only then does the index of recorded sessions apply.
    _few(_RECORDED, _sessions.replay_url != sa.literal_column("''")),
    _few(_LATEST),
).subquery()
_BEST = sa.select(_CHOSEN.c.id, sa.func.min(_CHOSEN.c.kind).label("kind")).group_by(_CHOSEN.c.id).subquery()
_PAST: sa.Select[Any] = (
    sa.select(
        _sessions.id,
        _sessions.starts_at,
        _sessions.zone,
        _sessions.replay_url,
        _cohorts.name,
        _users.display_name,
        _BEST.c.kind == _MINE,
    )
    .where(
        _sessions.id == _BEST.c.id,
        _cohorts.id == _sessions.cohort_id,
        _users.id == _sessions.expert_id,
    )
    .order_by(_BEST.c.kind != _MINE, _sessions.replay_url == "", _sessions.starts_at.desc())
    .limit(_LIMIT)
)


@dataclass(frozen=True, slots=True)
class PastSession:
    """An ended session of a lesson, and whether the reader had a seat in it."""

    id: int
    starts_at: datetime
    zone: str
    replay_url: str
    cohort: str
    expert: str
    mine: bool


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


def past_sessions(db: DbSession, number: int, user_id: int | None, *, limit: int = 3) -> list[PastSession]:
    """The ended sessions of a lesson: one's own first, then those with a recording, the latest first."""
    rows = db.execute(_PAST, {"number": number, "user_id": user_id or 0, "limit": limit})
    return [PastSession(*row) for row in rows]


def slide_turns(db: DbSession, session_id: int) -> list[tuple[int, datetime]]:
    """(slide, moment) in the order in which they were shown."""
    return [(row.slide, row.at) for row in db.execute(_TURNS, {"session_id": session_id})]
