"""Cohorts, sessions and people in them, built through the services."""

from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.identity.services import create_user
from portal.kernel import clock, ids
from portal.training import services
from portal.training.models import Cohort, Enrolment, Lesson, Seat, Session
from portal.training.services import CohortRequest

# 12:30 in Paris on the first Tuesday after the tests' today (Monday 23 November 2026, 09:00 UTC).
FIRST_ON = date(2026, 11, 24)
BEFORE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def request(*team: User, **changes: object) -> CohortRequest:
    """A plain request: Tuesdays and Thursdays at 12:30 in Paris."""
    values: dict[str, object] = {
        "name": "Midi",
        "language": "fr",
        "first_on": FIRST_ON,
        "weekdays": frozenset({1, 3}),
        "local_time": time(12, 30),
        "zone": "Europe/Paris",
        "country": "FR",
        "team": tuple(one.id for one in team),
        "capacity": 30,
    }
    return CohortRequest(**{**values, **changes})


def make_expert(db: DbSession, name: str = "Nora") -> User:
    """One more expert."""
    return create_user(db, email=f"{name.lower()}-{ids.digits(6)}@example.org", display_name=name, is_expert=True)


def make_draft(db: DbSession, organiser: User, *team: User, **changes: object) -> Cohort:
    """A draft cohort, planned a day before its first session."""
    with clock.at(BEFORE):
        return services.create_cohort(db, organiser=organiser, request=request(*team, **changes))


def make_cohort(db: DbSession, organiser: User, *team: User, **changes: object) -> Cohort:
    """A released cohort."""
    cohort = make_draft(db, organiser, *team, **changes)
    with clock.at(BEFORE):
        services.release(db, cohort_id=cohort.id)
    return db.get_one(Cohort, cohort.id, populate_existing=True)


def session_of(db: DbSession, cohort: Cohort, number: int = 1) -> Session:
    """The cohort's session of a lesson, fresh from the database."""
    return db.scalars(
        sa.select(Session)
        .join(Lesson, Lesson.id == Session.lesson_id)
        .where(Session.cohort_id == cohort.id, Lesson.number == number)
        .execution_options(populate_existing=True)
    ).one()


def attend(db: DbSession, session: Session, user: User, *, minutes: float, device: str = "page") -> None:
    """Ping every 20 seconds from the start of a session, for so many minutes."""
    moment, until = session.starts_at, session.starts_at + timedelta(minutes=minutes)
    while moment < until:
        with clock.at(moment):
            services.ping(db, user=user, session_id=session.id, device=device)
        moment += timedelta(seconds=20)
    with clock.at(until):
        services.ping(db, user=user, session_id=session.id, device=device)


def run_session(db: DbSession, session: Session, *present: User, minutes: float = 30) -> None:
    """Start a session on time, let people attend it, and end it at its planned end."""
    with clock.at(session.starts_at):
        services.start_session(db, session_id=session.id)
    for user in present:
        attend(db, session, user, minutes=minutes)
    with clock.at(session.ends_at):
        services.end_session(db, session_id=session.id)


def crowd(db: DbSession, cohort: Cohort, count: int, **facts: object) -> list[int]:
    """Enrol so many new people at once, without their mails; returns their user ids."""
    users = [
        {
            "email": f"crowd-{number}@example.org",
            "handle": f"crowd{number}",
            "display_name": f"Crowd {number}",
            "created_at": BEFORE,
            **facts,
        }
        for number in range(count)
    ]
    user_ids = list(db.scalars(sa.insert(User).returning(User.id), users))
    enrolments = [{"cohort_id": cohort.id, "user_id": user_id, "created_at": BEFORE} for user_id in user_ids]
    enrolled = dict(db.execute(sa.insert(Enrolment).returning(Enrolment.user_id, Enrolment.id), enrolments).all())
    seats = [
        {"session_id": session_id, "user_id": user_id, "enrolment_id": enrolled[user_id], "created_at": BEFORE}
        for session_id in db.scalars(sa.select(Session.id).where(Session.cohort_id == cohort.id)).all()
        for user_id in user_ids
    ]
    db.execute(sa.insert(Seat), seats)
    db.execute(sa.update(Cohort).where(Cohort.id == cohort.id).values(seats_taken=Cohort.seats_taken + count))
    return user_ids
