"""What organisers see of all cohorts: what waits for their decision, and how each lesson was attended."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.training.models import (
    Attendance,
    AttendanceState,
    Cohort,
    CohortState,
    Lesson,
    Session,
    SessionChange,
    SessionState,
    WaitlistEntry,
    WaitlistState,
)
from portal.training.queries.cohorts import CARD, CohortCard

IN_LINE = (WaitlistState.WAITING, WaitlistState.OFFERED)


_IN_ITS_LINE = (WaitlistEntry.cohort_id == Cohort.id) & WaitlistEntry.state.in_(IN_LINE)


def cohorts_to_decide(db: DbSession, *, today: date, soon: date, few: int, limit: int) -> list[CohortCard]:
    """The cohorts, the soonest first, about which an organiser has something to decide.

    Changes wait for their release; people are in line; a draft is to begin by `soon`; or a public one does with fewer
    than one seat in `few` taken.
    """
    is_public = Cohort.state == CohortState.RELEASED
    changes = sa.exists().where(
        Session.id == SessionChange.session_id,
        Session.cohort_id == Cohort.id,
        Session.state == SessionState.SCHEDULED,
        SessionChange.released_at.is_(None),
    )
    empty = Cohort.first_on.between(today, soon) & (Cohort.seats_taken * few < Cohort.capacity)
    asks = sa.or_(changes, sa.exists().where(_IN_ITS_LINE), empty)
    is_late_draft = (Cohort.state == CohortState.DRAFT) & (Cohort.first_on <= soon)
    rows = db.execute(
        sa.select(*CARD).where((is_public & asks) | is_late_draft).order_by(Cohort.first_on, Cohort.id).limit(limit)
    )
    return [CohortCard(*row) for row in rows]


def changes_waiting(db: DbSession, cohort_ids: Collection[int]) -> dict[int, int]:
    """How many changes wait for their release, by cohort."""
    rows = db.execute(
        sa.select(Session.cohort_id, sa.func.count())
        .select_from(SessionChange)
        .join(Session, Session.id == SessionChange.session_id)
        .where(
            SessionChange.released_at.is_(None),
            Session.state == SessionState.SCHEDULED,
            Session.cohort_id.in_(cohort_ids),
        )
        .group_by(Session.cohort_id)
    )
    return dict(rows.all())


def people_in_line(db: DbSession, cohort_ids: Collection[int]) -> dict[int, int]:
    """How many people are in line, by public cohort that goes on."""
    rows = db.execute(
        sa.select(WaitlistEntry.cohort_id, sa.func.count())
        .join(Cohort, Cohort.id == WaitlistEntry.cohort_id)
        .where(_IN_ITS_LINE, Cohort.state == CohortState.RELEASED, Cohort.id.in_(cohort_ids))
        .group_by(WaitlistEntry.cohort_id)
    )
    return {cohort_id: count for cohort_id, count in rows if cohort_id is not None}


@dataclass(frozen=True, slots=True)
class LessonAttendance:
    """How one session of a cohort was attended: people by state, of those who had a seat."""

    session_id: int
    number: int
    state: SessionState
    starts_at: datetime
    people: Mapping[AttendanceState, int]

    @property
    def total(self) -> int:
        """Everyone who had a seat when it ended."""
        return sum(self.people.values())

    @property
    def ended(self) -> bool:
        """Whether there is anything to count."""
        return self.state is SessionState.ENDED


def attendance_by_lesson(db: DbSession, cohort_id: int) -> list[LessonAttendance]:
    """Every session of a cohort in the order of its lessons, in one statement."""
    rows = db.execute(
        sa.select(Session.id, Lesson.number, Session.state, Session.starts_at, Attendance.state, sa.func.count())
        .join(Lesson, Lesson.id == Session.lesson_id)
        .outerjoin(Attendance, Attendance.session_id == Session.id)
        .where(Session.cohort_id == cohort_id)
        .group_by(Session.id, Lesson.number, Session.state, Session.starts_at, Attendance.state)
        .order_by(Lesson.number)
    )
    lessons: dict[int, tuple[int, SessionState, datetime, dict[AttendanceState, int]]] = {}
    for session_id, number, state, starts_at, attendance, count in rows:
        people = lessons.setdefault(number, (session_id, state, starts_at, {}))[3]
        if attendance is not None:
            people[attendance] = count
    return [
        LessonAttendance(session_id, number, state, starts_at, people)
        for number, (session_id, state, starts_at, people) in lessons.items()
    ]
