"""How sessions were for those who were there: whom to ask, and what organisers see of it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.kernel import clock
from portal.kernel.db import BigId, UTCDateTime
from portal.training.models import Attendance, Cohort, Lesson, Session, SessionFeedback, SessionState

STARS = (1, 2, 3, 4, 5)
_LINES_SHOWN = 500
# After so long nobody remembers, and nobody is asked.
_ASKED_WITHIN = timedelta(days=30)

_attendances, _sessions, _lessons, _feedbacks, _cohorts = (
    kind.__table__.c for kind in (Attendance, Session, Lesson, SessionFeedback, Cohort)
)
_OWN = (_feedbacks.session_id == _attendances.session_id) & (_feedbacks.user_id == _attendances.user_id)
# Whoever was seen there can say how it was, whatever their presence came to.
_WAS_THERE = _attendances.seconds > 0
_DUE: sa.Select[Any] = (
    sa.select(_attendances.id)
    .select_from(sa.outerjoin(Attendance.__table__, SessionFeedback.__table__, _OWN))
    .join(Session.__table__, _sessions.id == _attendances.session_id)
    .join(Lesson.__table__, _lessons.id == _sessions.lesson_id)
    .where(
        _attendances.user_id == sa.bindparam("user_id", type_=BigId),
        _lessons.number == sa.bindparam("number", type_=sa.Integer),
        _sessions.state == SessionState.ENDED,
        _sessions.ended_at > sa.bindparam("since", type_=UTCDateTime),
        _feedbacks.session_id.is_(None),
        _WAS_THERE,
    )
    .order_by(_sessions.starts_at.desc())
    .limit(1)
)
_ASKED: sa.Select[Any] = (
    sa.select(
        _attendances.id,
        _attendances.session_id,
        _attendances.user_id,
        _lessons.number,
        _sessions.starts_at,
        _sessions.zone,
        _feedbacks.stars,
        sa.func.coalesce(_feedbacks.text, ""),
    )
    .select_from(sa.outerjoin(Attendance.__table__, SessionFeedback.__table__, _OWN))
    .join(Session.__table__, _sessions.id == _attendances.session_id)
    .join(Lesson.__table__, _lessons.id == _sessions.lesson_id)
    .where(_attendances.id == sa.bindparam("attendance_id", type_=BigId), _WAS_THERE)
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A session somebody was in, and what they have said of it: no stars yet, or they would rather not."""

    attendance_id: int
    session_id: int
    user_id: int
    number: int
    starts_at: datetime
    zone: str
    stars: int | None
    text: str


@dataclass(frozen=True, slots=True)
class SessionOpinion:
    """What people said of one session: how many gave 1 to 5 stars, and their lines, the newest first."""

    number: int
    session_id: int
    starts_at: datetime
    zone: str
    cohort: str
    spread: tuple[int, int, int, int, int]
    lines: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many answered with stars."""
        return sum(self.spread)

    @property
    def mean(self) -> float:
        """The mean, from 1.0 to 5.0; 0.0 when nobody gave stars."""
        return mean(self.spread)


def mean(spread: Iterable[int]) -> float:
    """The mean number of stars of a spread (how many gave 1, 2, 3, 4 and 5), to one decimal; 0.0 for none."""
    counts = list(spread)
    total = sum(counts)
    return round(sum(stars * count for stars, count in zip(STARS, counts, strict=True)) / total, 1) if total else 0.0


def summed(opinions: Iterable[SessionOpinion]) -> tuple[int, int, int, int, int]:
    """The spreads of several sessions together."""
    found = [one.spread for one in opinions]
    one, two, three, four, five = (sum(spread[index] for spread in found) for index in range(len(STARS)))
    return (one, two, three, four, five)


def feedback_due(db: DbSession, user_id: int, number: int) -> int | None:
    """The attendance to ask about: the latest ended session of a lesson this user was in and said nothing of yet."""
    found: int | None = db.scalar(_DUE, {"user_id": user_id, "number": number, "since": clock.now() - _ASKED_WITHIN})
    return found


def asked(db: DbSession, attendance_id: int) -> Asked | None:
    """The session of an attendance and what was said of it; None for somebody who was not there."""
    row = db.execute(_ASKED, {"attendance_id": attendance_id}).first()
    return Asked(*row) if row else None


def feedback_by_lesson(db: DbSession, cohort_id: int) -> list[SessionOpinion]:
    """What people said of a cohort's sessions, by lesson: two statements, whatever was said."""
    return _opinions(db, _sessions.cohort_id == cohort_id)


def feedback_of_lesson(db: DbSession, number: int) -> list[SessionOpinion]:
    """What people said of one lesson's sessions in all cohorts, the latest session first."""
    return sorted(_opinions(db, _lessons.number == number), key=lambda one: one.starts_at, reverse=True)


def _opinions(db: DbSession, which: sa.ColumnElement[bool]) -> list[SessionOpinion]:
    of_session = (_sessions.id == _feedbacks.session_id) & (_lessons.id == _sessions.lesson_id)
    counted = db.execute(
        sa.select(
            _lessons.number,
            _sessions.id,
            _sessions.starts_at,
            _sessions.zone,
            _cohorts.name,
            *(sa.func.count().filter(_feedbacks.stars == stars) for stars in STARS),
        )
        .where(which, of_session, _cohorts.id == _sessions.cohort_id, _feedbacks.stars.is_not(None))
        .group_by(_lessons.number, _sessions.id, _sessions.starts_at, _sessions.zone, _cohorts.name)
        .order_by(_lessons.number, _sessions.starts_at)
    ).all()
    written = db.execute(
        sa.select(_feedbacks.session_id, _feedbacks.text)
        .where(which, of_session, _feedbacks.text != "")
        .order_by(_feedbacks.created_at.desc())
        .limit(_LINES_SHOWN)
    )
    lines: defaultdict[int, list[str]] = defaultdict(list)
    for session_id, text in written:
        lines[session_id].append(text)
    return [
        SessionOpinion(row.number, row.id, row.starts_at, row.zone, row.name, row[-5:], tuple(lines[row.id]))
        for row in counted
    ]
