"""What a plan must know: when experts are taken, who they are, and how a draft stands."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.training.models import Cohort, CohortExpert, Lesson, Session, SessionState
from portal.training.planning import (
    Busy,
    Conflict,
    ConflictKind,
    Draft,
    PlanInputs,
    first_clash,
    ways_out,
    weekdays_of,
)

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


def busy_spans(db: DbSession, expert_ids: Collection[int], from_at: datetime, until_at: datetime) -> tuple[Busy, ...]:
    """The published sessions of these experts that touch a span of time."""
    rows = db.execute(
        sa.select(Session.expert_id, Session.starts_at, Session.ends_at, Cohort.name, Lesson.number)
        .join(Cohort, Cohort.id == Session.cohort_id)
        .join(Lesson, Lesson.id == Session.lesson_id)
        .where(
            Session.expert_id.in_(expert_ids),
            Session.state.in_(FIRM),
            Session.starts_at < until_at,
            Session.ends_at > from_at,
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


def draft_conflicts(db: DbSession, cohort: Cohort) -> list[tuple[int, Conflict]]:
    """(session id, conflict) for each session of a draft whose expert has been taken meanwhile."""
    rows = db.execute(
        sa.select(Session, Lesson.number)
        .join(Lesson, Lesson.id == Session.lesson_id)
        .where(Session.cohort_id == cohort.id, Session.state == SessionState.DRAFT)
        .order_by(Lesson.number)
    ).all()
    if not rows:
        return []
    members = tuple(one.id for one in team(db, cohort.id))
    from_at, until_at = min(row[0].starts_at for row in rows), max(row[0].ends_at for row in rows)
    wanted = {*members, *(row[0].expert_id for row in rows)}
    inputs = PlanInputs(
        first_on=cohort.first_on,
        weekdays=weekdays_of(cohort.weekdays),
        local_time=cohort.local_time,
        zone=cohort.zone,
        team=members,
        closed={date.fromisoformat(entry["on"]): entry["name"] for entry in cohort.days_off},
        busy=busy_spans(db, wanted, from_at, until_at + (until_at - from_at)),
    )
    taken = frozenset(row[0].local_date for row in rows)
    found = []
    for session, number in rows:
        clash = first_clash(inputs.busy, session.expert_id, session.starts_at, session.ends_at)
        if clash is not None:
            draft = Draft(
                number,
                session.local_date,
                session.local_time,
                session.zone,
                session.starts_at,
                session.ends_at,
                session.expert_id,
            )
            free_expert, free_on = ways_out(draft, inputs, taken)
            conflict = Conflict(ConflictKind.EXPERT_BUSY, number, session.local_date, clash, free_expert, free_on)
            found.append((session.id, conflict))
    return found
