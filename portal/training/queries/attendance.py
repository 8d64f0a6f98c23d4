"""Who was there: one person's own, a session's people, a cohort's counts."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.training.models import COUNTED, Attendance, AttendanceState, Session


@dataclass(frozen=True, slots=True)
class MyAttendance:
    """What one session counts for, for one person."""

    state: AttendanceState
    seconds: int
    session_seconds: int

    @property
    def percent(self) -> int:
        """Whole percent of the session attended."""
        return min(self.seconds * 100 // self.session_seconds, 100) if self.session_seconds else 0


def my_attendance(db: DbSession, session_id: int, user_id: int) -> MyAttendance | None:
    """This user's attendance of a session that ended."""
    row = db.execute(
        sa.select(Attendance.state, Attendance.seconds, Attendance.session_seconds).where(
            Attendance.session_id == session_id, Attendance.user_id == user_id
        )
    ).first()
    return MyAttendance(*row) if row else None


@dataclass(frozen=True, slots=True)
class AttendanceCount:
    """How many people a session counted for, of those who had a seat."""

    counted: int
    people: int


def attendance_counts(db: DbSession, cohort_id: int) -> dict[int, AttendanceCount]:
    """By session, for the sessions of a cohort that ended."""
    counted = sa.func.sum(sa.case((Attendance.state.in_(COUNTED), 1), else_=0))
    rows = db.execute(
        sa.select(Session.id, counted, sa.func.count())
        .join(Attendance, Attendance.session_id == Session.id)
        .where(Session.cohort_id == cohort_id)
        .group_by(Session.id)
    )
    return {session_id: AttendanceCount(int(present), people) for session_id, present, people in rows}


@dataclass(frozen=True, slots=True)
class AttendanceRow:
    """One person's attendance of a session, for organisers."""

    id: int
    user_id: int
    name: str
    state: AttendanceState
    seconds: int
    session_seconds: int

    @property
    def minutes(self) -> int:
        """Whole minutes present."""
        return self.seconds // 60


def session_attendance(db: DbSession, session_id: int, *, limit: int = 1000) -> list[AttendanceRow]:
    """Everyone who had a seat in a session that ended, by name."""
    rows = db.execute(
        sa.select(
            Attendance.id,
            Attendance.user_id,
            User.display_name,
            Attendance.state,
            Attendance.seconds,
            Attendance.session_seconds,
        )
        .join(User, User.id == Attendance.user_id)
        .where(Attendance.session_id == session_id)
        .order_by(User.display_name, User.id)
        .limit(limit)
    )
    return [AttendanceRow(*row) for row in rows]


# What "it was our fault" leaves alone: it counts already, it was said already, or they were not to come. Whoever never
# had a seat, and completed the lesson by its replay, lost nothing either.
_SETTLED = (AttendanceState.PRESENT, AttendanceState.REPLAY, AttendanceState.TECHNICAL, AttendanceState.EXCUSED)
CONCERNED_BY_FAULT = Attendance.state.not_in(_SETTLED) & (Attendance.session_seconds > 0)


def concerned_by_fault(db: DbSession, session_id: int) -> int:
    """How many had a seat in a session that does not count for them: whom it concerns if the session failed."""
    people = sa.select(sa.func.count()).where(Attendance.session_id == session_id, CONCERNED_BY_FAULT)
    return db.scalar(people) or 0
