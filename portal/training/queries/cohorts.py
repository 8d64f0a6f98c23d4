"""Cohorts as pages read them: the open ones, one timetable, and what organisers see."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import BigId, UTCDateTime
from portal.training.models import (
    Cohort,
    CohortState,
    Enrolment,
    EnrolmentState,
    Lesson,
    Session,
    SessionState,
    WaitlistEntry,
    WaitlistState,
)
from portal.training.planning import weekdays_of


@dataclass(frozen=True, slots=True)
class CohortCard:
    """A cohort in a list."""

    id: int
    name: str
    language: str
    first_on: date
    last_on: date
    local_time: time
    weekdays_mask: int
    zone: str
    capacity: int
    seats_taken: int
    state: CohortState

    @property
    def places(self) -> int:
        """Seats left."""
        return self.capacity - self.seats_taken

    @property
    def weekdays(self) -> list[int]:
        """Its days in order; 0 is Monday."""
        return sorted(weekdays_of(self.weekdays_mask))


_cohorts, _enrolments = Cohort.__table__.c, Enrolment.__table__.c
_sessions, _lessons = Session.__table__.c, Lesson.__table__.c
# The columns of a CohortCard.
CARD: tuple[sa.ColumnElement[Any], ...] = (
    _cohorts.id,
    _cohorts.name,
    _cohorts.language,
    _cohorts.first_on,
    _cohorts.last_on,
    _cohorts.local_time,
    _cohorts.weekdays,
    _cohorts.zone,
    _cohorts.capacity,
    _cohorts.seats_taken,
    _cohorts.state,
)
# Built once: the programme page runs them for everyone.
_OPEN: sa.Select[Any] = (
    sa.select(*CARD)
    .where(_cohorts.state == CohortState.RELEASED, _cohorts.last_on >= sa.bindparam("today", type_=sa.Date))
    .order_by(
        _cohorts.language != sa.bindparam("language", type_=sa.String),
        _cohorts.first_on <= sa.bindparam("today", type_=sa.Date),
        _cohorts.first_on,
        _cohorts.id,
    )
    .limit(sa.bindparam("cards", type_=sa.Integer))
)
_MINE: sa.Select[Any] = (
    sa.select(*CARD)
    .where(
        _enrolments.cohort_id == _cohorts.id,
        _enrolments.user_id == sa.bindparam("user_id", type_=BigId),
        _enrolments.state == EnrolmentState.ACTIVE,
        _cohorts.state == CohortState.RELEASED,
    )
    .order_by(_enrolments.created_at.desc())
    .limit(1)
)
_LESSON_DATES: sa.Select[Any] = sa.select(
    _lessons.number,
    sa.select(sa.func.min(_sessions.starts_at))
    .where(
        _sessions.lesson_id == _lessons.id,
        _sessions.state == SessionState.SCHEDULED,
        _sessions.starts_at > sa.bindparam("now", type_=UTCDateTime),
    )
    .correlate(Lesson.__table__)
    .scalar_subquery()
    .label("starts_at"),
)


def open_cohorts(db: DbSession, *, language: str, limit: int = 6) -> list[CohortCard]:
    """Public cohorts that go on: in this language first, then those that have not begun, then by their first day."""
    given = {"today": clock.now().date(), "language": language, "cards": limit}
    return [CohortCard(*row) for row in db.execute(_OPEN, given)]


@dataclass(frozen=True, slots=True)
class CohortsPage:
    """Some cohorts, the latest to begin first; `older` is the one to go on from, None at the end."""

    cohorts: list[CohortCard]
    older: int | None


def cohorts_page(db: DbSession, *, ended: bool, before: int | None = None, limit: int) -> CohortsPage:
    """Cohorts for organisers: those that have ended, or all others, drafts included; one statement."""
    is_ended = _cohorts.state == CohortState.FINISHED
    query = sa.select(*CARD).where(is_ended if ended else ~is_ended)
    if before is not None:
        place = sa.select(_cohorts.first_on, _cohorts.id).where(_cohorts.id == before).subquery()
        earlier = (_cohorts.first_on == place.c.first_on) & (_cohorts.id < place.c.id)
        query = query.join(place, (_cohorts.first_on < place.c.first_on) | earlier)
    rows = db.execute(query.order_by(_cohorts.first_on.desc(), _cohorts.id.desc()).limit(limit + 1))
    found = [CohortCard(*row) for row in rows]
    return CohortsPage(found[:limit], found[limit - 1].id if len(found) > limit else None)


def cohort_card(db: DbSession, cohort_id: int) -> CohortCard | None:
    """One cohort, draft or not: check `may_see_cohort`."""
    row = db.execute(sa.select(*CARD).where(Cohort.id == cohort_id)).first()
    return CohortCard(*row) if row else None


@dataclass(frozen=True, slots=True)
class TimetableRow:
    """One dated session of a cohort."""

    session_id: int
    number: int
    local_date: date
    starts_at: datetime
    ends_at: datetime
    zone: str
    state: SessionState
    expert_id: int
    expert: str
    # Where it stood before it was last moved.
    moved_from: datetime | None


def timetable(db: DbSession, cohort_id: int) -> list[TimetableRow]:
    """The sessions of a cohort in the order of their lessons."""
    query: sa.Select[*tuple[Any, ...]] = (
        sa.select(
            Session.id,
            Lesson.number,
            Session.local_date,
            Session.starts_at,
            Session.ends_at,
            Session.zone,
            Session.state,
            Session.expert_id,
            User.display_name,
            Session.moved_from,
        )
        .join(Lesson, Lesson.id == Session.lesson_id)
        .join(User, User.id == Session.expert_id)
        .where(Session.cohort_id == cohort_id)
        .order_by(Lesson.number)
    )
    return [TimetableRow(*row) for row in db.execute(query)]


def is_enrolled(db: DbSession, user_id: int, cohort_id: int) -> bool:
    """Whether this user is in a cohort."""
    found = sa.select(Enrolment.id).where(
        Enrolment.user_id == user_id, Enrolment.cohort_id == cohort_id, Enrolment.state == EnrolmentState.ACTIVE
    )
    return db.scalar(found) is not None


def is_waiting(db: DbSession, user_id: int, cohort_id: int) -> bool:
    """Whether this user is in line for a cohort."""
    found = sa.select(WaitlistEntry.id).where(
        WaitlistEntry.user_id == user_id,
        WaitlistEntry.cohort_id == cohort_id,
        WaitlistEntry.state.in_((WaitlistState.WAITING, WaitlistState.OFFERED)),
    )
    return db.scalar(found) is not None


def my_cohort(db: DbSession, user_id: int) -> CohortCard | None:
    """The cohort this user is in that goes on; the latest joined when there are several."""
    row = db.execute(_MINE, {"user_id": user_id}).first()
    return CohortCard(*row) if row else None


def lesson_dates(db: DbSession) -> dict[int, datetime]:
    """The next date of each lesson in any public cohort, by the lesson's number."""
    rows = db.execute(_LESSON_DATES, {"now": clock.now()})
    return {row.number: row.starts_at for row in rows if row.starts_at is not None}


def waiting_for_news(db: DbSession, *, cohort_id: int) -> int:
    """How many people publishing this draft will write to: those in line for a full cohort in its language."""
    draft = sa.select(Cohort.programme_id, Cohort.language).where(Cohort.id == cohort_id).subquery()
    return (
        db.scalar(
            sa.select(sa.func.count(sa.distinct(WaitlistEntry.user_id)))
            .join(Cohort, Cohort.id == WaitlistEntry.cohort_id)
            .join(draft, (draft.c.programme_id == Cohort.programme_id) & (draft.c.language == Cohort.language))
            .where(WaitlistEntry.state == WaitlistState.WAITING)
        )
        or 0
    )
