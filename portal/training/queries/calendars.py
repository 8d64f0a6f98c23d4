"""Sessions for calendars, and whose calendar a secret address is."""

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.kernel.db import BigId
from portal.training.calendars import CalendarEntry
from portal.training.models import CalendarFeed, Cohort, Lesson, Seat, SeatState, Session, SessionState

_feeds = CalendarFeed.__table__.c
_TOKEN = sa.select(_feeds.token).where(_feeds.user_id == sa.bindparam("user_id", type_=BigId))


def feed_owner(db: DbSession, token: str) -> int | None:
    """The user whose calendar this token opens."""
    return db.scalar(sa.select(CalendarFeed.user_id).where(CalendarFeed.token == token))


def feed_token(db: DbSession, user_id: int) -> str | None:
    """The token of this user's calendar, once they have asked for one."""
    return db.scalar(_TOKEN, {"user_id": user_id})


def calendar_entries(
    db: DbSession, *, cohort_id: int | None = None, session_id: int | None = None, user_id: int | None = None
) -> list[CalendarEntry]:
    """Public sessions for an .ics file, cancelled ones too: of a cohort, one alone, or a person's own.

    A person's own are those they have a seat in and those they lead.
    """
    query = (
        sa.select(
            Session.id,
            Session.calendar_uid,
            Session.calendar_sequence,
            Lesson.number,
            Session.starts_at,
            Session.ends_at,
            Cohort.name,
            Session.zone,
            Session.state,
        )
        .join(Lesson, Lesson.id == Session.lesson_id)
        .join(Cohort, Cohort.id == Session.cohort_id)
        .where(Session.state != SessionState.DRAFT)
        .order_by(Session.starts_at, Session.id)
    )
    if cohort_id is not None:
        query = query.where(Session.cohort_id == cohort_id)
    if session_id is not None:
        query = query.where(Session.id == session_id)
    if user_id is not None:
        # Both halves by their own index: one condition with OR would look at every session there ever was.
        mine = sa.union(
            sa.select(Seat.session_id).where(Seat.user_id == user_id, Seat.state == SeatState.HELD),
            sa.select(Session.id).where(Session.expert_id == user_id, Session.state != SessionState.DRAFT),
        )
        query = query.add_columns(sa.func.coalesce(Seat.calendar_offset, 0).label("calendar_offset"))
        query = query.outerjoin(Seat, (Seat.session_id == Session.id) & (Seat.user_id == user_id))
        query = query.where(Session.id.in_(mine))
    return [
        CalendarEntry(
            row.id,
            row.calendar_uid,
            row.calendar_sequence + (row.calendar_offset if user_id is not None else 0),
            row.number,
            row.starts_at,
            row.ends_at,
            row.name,
            row.zone,
            row.state is SessionState.CANCELLED,
        )
        for row in db.execute(query)
    ]
