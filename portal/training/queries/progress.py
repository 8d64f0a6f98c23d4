"""How far somebody is: each lesson's state, what counts, what comes next. Three statements, whoever asks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import BigId, UTCDateTime
from portal.training.models import (
    LESSONS,
    PROGRAMME_SLUG,
    Attendance,
    AttendanceState,
    Cohort,
    Lesson,
    Programme,
    Seat,
    SeatState,
    Session,
    SessionState,
)
from portal.training.policies import room_is_open

PRESENT, REPLAY, EXCUSED, TECHNICAL, PARTIAL, MISSED = (
    "present",
    "replay",
    "excused",
    "technical",
    "partial",
    "missed",
)
LIVE, SEAT, OPEN = "live", "seat", "open"
COUNTED = frozenset({PRESENT, REPLAY})
TO_CATCH_UP = frozenset({MISSED, PARTIAL, TECHNICAL})
_BEST_FIRST = (PRESENT, REPLAY, EXCUSED, TECHNICAL, PARTIAL, MISSED)
_WORD = {AttendanceState.ABSENT: MISSED}
DEFAULT_NEEDED = 20


@dataclass(frozen=True, slots=True)
class SeatedSession:
    """A session to come, or live, in which somebody has a seat."""

    session_id: int
    number: int
    starts_at: datetime
    ends_at: datetime
    zone: str
    live: bool
    began_at: datetime
    bar_percent: int
    cohort_id: int
    cohort: str
    expert: str
    guest: bool

    def room_open(self, moment: datetime) -> bool:
        """Whether the join button leads somewhere now."""
        state = SessionState.LIVE if self.live else SessionState.SCHEDULED
        return room_is_open(state, self.starts_at, moment)


@dataclass(frozen=True, slots=True)
class LessonState:
    """Where somebody is with one lesson; `state` is one of the words above, `at` the moment it speaks of."""

    number: int
    state: str
    session_id: int | None = None
    at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Everything the card, the programme page and the certificate ask about one person."""

    states: dict[int, LessonState]
    counted: int
    needed: int
    to_come: tuple[SeatedSession, ...]

    @property
    def reached(self) -> bool:
        """True when the programme's rule is met."""
        return self.counted >= self.needed

    @property
    def missing(self) -> int:
        """Lessons still needed for the certificate."""
        return max(self.needed - self.counted, 0)

    @property
    def next(self) -> SeatedSession | None:
        """The one session that comes first, the live one before all."""
        return self.to_come[0] if self.to_come else None

    @property
    def to_catch_up(self) -> tuple[LessonState, ...]:
        """Lessons missed, in order."""
        return tuple(one for one in self.states.values() if one.state in TO_CATCH_UP)

    @property
    def goal_at(self) -> datetime | None:
        """When the rule would be met if every seat held is used; None when the seats do not suffice."""
        dates = sorted(
            {
                one.number: one.starts_at
                for one in reversed(self.to_come)
                if self.states[one.number].state not in COUNTED
            }.values()
        )
        return dates[self.missing - 1] if 0 < self.missing <= len(dates) else None


# Plain columns of statements built once: the pages that show progress are the ones a merchant opens most.
_lessons, _sessions, _seats, _cohorts = (kind.__table__.c for kind in (Lesson, Session, Seat, Cohort))
_attendances, _users, _programmes = Attendance.__table__.c, User.__table__.c, Programme.__table__.c
_USER_ID = sa.bindparam("user_id", type_=BigId)
_ATTENDED: sa.Select[Any] = (
    sa.select(_lessons.number, _attendances.state, _sessions.id, _sessions.starts_at)
    .where(
        _attendances.user_id == _USER_ID,
        _sessions.id == _attendances.session_id,
        _lessons.id == _sessions.lesson_id,
    )
    .order_by(_sessions.starts_at)
)
_SEATED: sa.Select[Any] = (
    sa.select(
        _sessions.id,
        _lessons.number,
        _sessions.starts_at,
        _sessions.ends_at,
        _sessions.zone,
        _sessions.state,
        _sessions.started_at,
        _sessions.bar_percent,
        _cohorts.id.label("cohort_id"),
        _cohorts.name.label("cohort"),
        _users.display_name,
        _seats.enrolment_id,
    )
    .where(
        _seats.user_id == _USER_ID,
        _seats.state == SeatState.HELD,
        _sessions.id == _seats.session_id,
        _sessions.state.in_((SessionState.SCHEDULED, SessionState.LIVE)),
        (_sessions.state == SessionState.LIVE) | (_sessions.ends_at > sa.bindparam("now", type_=UTCDateTime)),
        _lessons.id == _sessions.lesson_id,
        _cohorts.id == _sessions.cohort_id,
        _users.id == _sessions.expert_id,
    )
    .order_by(_sessions.starts_at)
)
_NEEDED = sa.select(_programmes.needed_lessons).where(_programmes.slug == PROGRAMME_SLUG)


def _attended(db: DbSession, user_id: int) -> dict[int, LessonState]:
    rows = db.execute(_ATTENDED, {"user_id": user_id})
    best: dict[int, LessonState] = {}
    for number, state, session_id, starts_at in rows:
        word = _WORD.get(state, str(state))
        known = best.get(number)
        if known is None or _BEST_FIRST.index(word) <= _BEST_FIRST.index(known.state):
            best[number] = LessonState(number, word, session_id, starts_at)
    return best


def seated_sessions(db: DbSession, user_id: int) -> tuple[SeatedSession, ...]:
    """The sessions to come in which this user has a seat: live ones first, then by time."""
    rows = db.execute(_SEATED, {"user_id": user_id, "now": clock.now()})
    found = [
        SeatedSession(
            row.id,
            row.number,
            row.starts_at,
            row.ends_at,
            row.zone,
            row.state is SessionState.LIVE,
            row.started_at or row.starts_at,
            row.bar_percent,
            row.cohort_id,
            row.cohort,
            row.display_name,
            row.enrolment_id is None,
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda one: (not one.live, one.starts_at)))


def needed_lessons(db: DbSession) -> int:
    """How many lessons the certificate asks for."""
    return db.scalar(_NEEDED) or DEFAULT_NEEDED


def progress(db: DbSession, user_id: int) -> Progress:
    """The state of each of the 25 lessons for one user; a lesson that counts is never shown as less."""
    attended = _attended(db, user_id)
    to_come = seated_sessions(db, user_id)
    states = {number: attended.get(number, LessonState(number, OPEN)) for number in range(1, LESSONS + 1)}
    for one in reversed(to_come):
        known = states[one.number].state
        # What was missed is shown as such, with its replay, until it counts or a seat was booked for it.
        if one.live or one.guest or known not in TO_CATCH_UP:
            word = LIVE if one.live else SEAT
            if known not in COUNTED:
                states[one.number] = LessonState(one.number, word, one.session_id, one.starts_at, one.ends_at)
    counted = sum(1 for one in states.values() if one.state in COUNTED)
    return Progress(states, counted, needed_lessons(db), to_come)
