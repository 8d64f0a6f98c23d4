"""What a plan must know: when experts are taken, who they are, and how a draft stands."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.training.models import Cohort, CohortExpert, Lesson, Session, SessionState
from portal.training.planning import (
    Busy,
    Conflict,
    Draft,
    PlanInputs,
    conflict_of,
    public_holidays,
    weekdays_of,
)
from portal.training.queries.experts import rotas

# Ways out are looked for this far ahead of a session.
SHIFTED_AT_MOST = timedelta(days=15)
# States in which a session takes its expert's time.
FIRM = (SessionState.SCHEDULED, SessionState.LIVE, SessionState.ENDED)


@dataclass(frozen=True, slots=True)
class Expert:
    """Somebody who can be in a team."""

    id: int
    name: str


def experts(db: DbSession) -> list[Expert]:
    """Everyone who can lead sessions, by name."""
    rows = db.execute(sa.select(User.id, User.display_name).where(User.is_expert).order_by(User.display_name, User.id))
    return [Expert(row.id, row.display_name) for row in rows]


def busy_spans(
    db: DbSession,
    expert_ids: Collection[int],
    from_at: datetime,
    until_at: datetime,
    *,
    without: Collection[int] = (),
) -> tuple[Busy, ...]:
    """The published sessions of these experts that touch a span of time, but those `without`."""
    rows = db.execute(
        sa.select(Session.expert_id, Session.starts_at, Session.ends_at, Cohort.name, Lesson.number)
        .join(Cohort, Cohort.id == Session.cohort_id)
        .join(Lesson, Lesson.id == Session.lesson_id)
        .where(
            Session.expert_id.in_(expert_ids),
            Session.state.in_(FIRM),
            Session.starts_at < until_at,
            Session.ends_at > from_at,
            Session.id.not_in(without),
        )
        .order_by(Session.starts_at)
    )
    return tuple(Busy(row.expert_id, row.starts_at, row.ends_at, row.name, row.number) for row in rows)


def team(db: DbSession, cohort_id: int) -> list[Expert]:
    """The experts of a cohort in the order of its rotation."""
    rows = db.execute(
        sa.select(User.id, User.display_name)
        .join(CohortExpert, CohortExpert.user_id == User.id)
        .where(CohortExpert.cohort_id == cohort_id)
        .order_by(CohortExpert.position)
    )
    return [Expert(row.id, row.display_name) for row in rows]


def closed_days(cohort: Cohort) -> dict[date, str]:
    """The days off of a cohort: the public holidays of its country, and those it was planned around."""
    days = public_holidays(cohort.country, cohort.first_on, cohort.language) if cohort.country else {}
    return days | {date.fromisoformat(entry["on"]): entry["name"] for entry in cohort.days_off}


def as_draft(session: Session, number: int) -> Draft:
    """A session as planning sees it."""
    return Draft(
        number,
        session.local_date,
        session.local_time,
        session.zone,
        session.starts_at,
        session.ends_at,
        session.expert_id,
    )


def cohort_inputs(
    db: DbSession, cohort: Cohort, drafts: Collection[Draft], *, without: Collection[int] = ()
) -> PlanInputs:
    """What these dated sessions of a cohort are checked against: its team, its days off, and the experts' time.

    `without`: the ids of these very sessions, when they are public and stand in nobody's way.
    """
    members = tuple(one.id for one in team(db, cohort.id))
    wanted = {*members, *(draft.expert_id for draft in drafts)}
    from_at, until_at = min(draft.starts_at for draft in drafts), max(draft.ends_at for draft in drafts)
    return PlanInputs(
        first_on=cohort.first_on,
        weekdays=weekdays_of(cohort.weekdays),
        local_time=cohort.local_time,
        zone=cohort.zone,
        team=members,
        closed=closed_days(cohort),
        busy=busy_spans(db, wanted, from_at, until_at + SHIFTED_AT_MOST, without=without),
        rotas=rotas(db, wanted),
        language=cohort.language,
    )


def draft_conflicts(db: DbSession, cohort: Cohort) -> list[tuple[int, Conflict]]:
    """(session id, conflict) for each session of a draft that something stands in the way of, in lesson order."""
    rows = db.execute(
        sa.select(Session, Lesson.number)
        .join(Lesson, Lesson.id == Session.lesson_id)
        .where(Session.cohort_id == cohort.id, Session.state == SessionState.DRAFT)
        .order_by(Lesson.number)
    ).all()
    if not rows:
        return []
    drafts = {row[0].id: as_draft(row[0], row[1]) for row in rows}
    inputs = cohort_inputs(db, cohort, drafts.values())
    taken = frozenset(draft.local_date for draft in drafts.values())
    found = []
    for session_id, draft in drafts.items():
        others = tuple(other for key, other in drafts.items() if key != session_id)
        conflict = conflict_of(draft, inputs, taken, others)
        if conflict is not None:
            found.append((session_id, conflict))
    return found
