"""What experts said of when they lead sessions, and the sessions they lead."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel import clock
from portal.training.models import (
    Cohort,
    ExpertAbsence,
    ExpertAvailability,
    ExpertLanguage,
    Lesson,
    Session,
    SessionState,
)
from portal.training.rota import Absence, Rota, Window

_LED = (SessionState.SCHEDULED, SessionState.LIVE)


def rotas(db: DbSession, expert_ids: Collection[int]) -> tuple[Rota, ...]:
    """What each of these experts said of themselves; absences that are over are left out. Four statements."""
    languages: defaultdict[int, set[str]] = defaultdict(set)
    for row in db.execute(
        sa.select(ExpertLanguage.user_id, ExpertLanguage.language).where(ExpertLanguage.user_id.in_(expert_ids))
    ):
        languages[row.user_id].add(row.language)
    windows: defaultdict[int, list[Window]] = defaultdict(list)
    for one in db.scalars(sa.select(ExpertAvailability).where(ExpertAvailability.user_id.in_(expert_ids))):
        windows[one.user_id].append(Window(one.weekday, one.from_time, one.until_time, one.zone))
    absences: defaultdict[int, list[Absence]] = defaultdict(list)
    away = sa.select(ExpertAbsence).where(
        ExpertAbsence.user_id.in_(expert_ids), ExpertAbsence.last_on >= clock.now().date()
    )
    for absence in db.scalars(away.order_by(ExpertAbsence.first_on)):
        absences[absence.user_id].append(Absence(absence.first_on, absence.last_on, absence.note))
    people = db.execute(sa.select(User.id, User.language, User.time_zone).where(User.id.in_(expert_ids)))
    return tuple(
        Rota(
            expert_id=row.id,
            # Nothing said: the language of their own pages.
            languages=frozenset(languages[row.id] or {str(row.language)}),
            zone=row.time_zone,
            windows=tuple(windows[row.id]),
            absences=tuple(absences[row.id]),
        )
        for row in people
    )


@dataclass(frozen=True, slots=True)
class LedSession:
    """A session to come, for the expert who leads it."""

    id: int
    number: int
    starts_at: datetime
    ends_at: datetime
    local_date: date
    zone: str
    cohort: str
    live: bool


def led_sessions(db: DbSession, user_id: int, *, limit: int = 60) -> list[LedSession]:
    """The public sessions to come that this user leads, the next one first."""
    rows = db.execute(
        sa.select(
            Session.id,
            Lesson.number,
            Session.starts_at,
            Session.ends_at,
            Session.local_date,
            Session.zone,
            Cohort.name,
            Session.state == SessionState.LIVE,
        )
        .join(Lesson, Lesson.id == Session.lesson_id)
        .join(Cohort, Cohort.id == Session.cohort_id)
        .where(Session.expert_id == user_id, Session.state.in_(_LED), Session.ends_at > clock.now())
        .order_by(Session.starts_at)
        .limit(limit)
    )
    return [LedSession(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Hours:
    """A weekly window as its expert edits it."""

    id: int
    weekday: int
    from_time: time
    until_time: time
    zone: str


@dataclass(frozen=True, slots=True)
class TimeAway:
    """An absence as its expert edits it."""

    id: int
    first_on: date
    last_on: date
    note: str


@dataclass(frozen=True, slots=True)
class ExpertPage:
    """An expert's own page: what they lead, and when they can."""

    sessions: list[LedSession]
    languages: frozenset[str]
    hours: list[Hours]
    away: list[TimeAway]

    def during(self, away: TimeAway) -> list[LedSession]:
        """The sessions they lead in the days they are away."""
        return [one for one in self.sessions if away.first_on <= one.local_date <= away.last_on]


def expert_page(db: DbSession, user: User) -> ExpertPage:
    """What `/expert/availability` shows; absences that are over are left out."""
    hours = db.execute(
        sa.select(
            ExpertAvailability.id,
            ExpertAvailability.weekday,
            ExpertAvailability.from_time,
            ExpertAvailability.until_time,
            ExpertAvailability.zone,
        )
        .where(ExpertAvailability.user_id == user.id)
        .order_by(ExpertAvailability.weekday, ExpertAvailability.from_time)
    )
    away = db.execute(
        sa.select(ExpertAbsence.id, ExpertAbsence.first_on, ExpertAbsence.last_on, ExpertAbsence.note)
        .where(ExpertAbsence.user_id == user.id, ExpertAbsence.last_on >= clock.now().date())
        .order_by(ExpertAbsence.first_on, ExpertAbsence.id)
    )
    languages = db.scalars(sa.select(ExpertLanguage.language).where(ExpertLanguage.user_id == user.id)).all()
    return ExpertPage(
        sessions=led_sessions(db, user.id),
        languages=frozenset(languages or [str(user.language)]),
        hours=[Hours(*row) for row in hours],
        away=[TimeAway(*row) for row in away],
    )
