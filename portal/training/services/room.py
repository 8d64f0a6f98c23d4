"""The life of a session: it starts, its slides advance, it ends and attendance is worked out."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel import clock, events
from portal.kernel.db import conflict_insert, rows_changed
from portal.training import content, presence
from portal.training.errors import NoSuchSessionError, ReasonNeededError, WrongStateError
from portal.training.events import SessionEnded
from portal.training.models import (
    Attendance,
    AttendanceOverride,
    AttendanceState,
    Cohort,
    CohortState,
    Lesson,
    PresencePing,
    Seat,
    SeatState,
    Session,
    SessionState,
)
from portal.training.policies import ROOM_OPENS

# Nobody ended it: the worker does, this long after the planned end.
ENDS_BY_ITSELF = timedelta(minutes=5)
_BATCH = 500
_SHORTEST_REASON = 3


def _session(db: DbSession, session_id: int) -> Session:
    session = db.get(Session, session_id, populate_existing=True)
    if session is None or session.state is SessionState.DRAFT:
        raise NoSuchSessionError
    return session


def start_session(db: DbSession, *, session_id: int) -> None:
    """Begin now; from ten minutes before the planned start. A second start changes nothing.

    Raises WrongStateError too early, or once it is over.
    """
    session = _session(db, session_id)
    now = clock.now()
    if session.state is SessionState.LIVE:
        return
    if session.state is not SessionState.SCHEDULED or not session.starts_at - ROOM_OPENS <= now < session.ends_at:
        raise WrongStateError
    session.state, session.started_at = SessionState.LIVE, now
    db.flush()


def turn_slide(db: DbSession, *, session_id: int, to: int) -> None:
    """Show slide `to` (from 0) to everybody; beyond either end it stays there. WrongStateError unless live."""
    number = db.scalar(
        sa.select(Lesson.number).join(Session, Session.lesson_id == Lesson.id).where(Session.id == session_id)
    )
    if number is None:
        raise NoSuchSessionError
    last = len(content.lesson(number).words["fr"].slides) - 1
    turned = rows_changed(
        db,
        sa.update(Session)
        .where(Session.id == session_id, Session.state == SessionState.LIVE)
        .values(slide=max(0, min(to, last))),
    )
    if not turned:
        raise WrongStateError


def _presence_by_user(db: DbSession, session_id: int, ran: presence.Span) -> Iterator[tuple[int, timedelta]]:
    """(user id, time present) for everyone who was seen, within the session as it ran."""
    rows = db.execute(
        sa.select(PresencePing.user_id, PresencePing.from_at, PresencePing.until_at)
        .where(PresencePing.session_id == session_id)
        .order_by(PresencePing.user_id)
    )
    for user_id, group in groupby(rows, key=lambda row: row.user_id):
        spans = [(row.from_at, row.until_at) for row in group]
        yield user_id, presence.merged(spans, from_at=ran[0], until_at=ran[1])


def _record_attendance(db: DbSession, session: Session, ran: presence.Span) -> None:
    """One row for each held seat: present, partial or absent; what a replay already earned stays."""
    of = presence.length(planned=(session.starts_at, session.ends_at), ran=ran)
    seen = dict(_presence_by_user(db, session.id, ran))
    holders = db.scalars(
        sa.select(Seat.user_id).where(Seat.session_id == session.id, Seat.state == SeatState.HELD)
    ).all()
    now = clock.now()
    rows = [
        {
            "session_id": session.id,
            "user_id": user_id,
            "state": presence.state_of(seen.get(user_id, timedelta(0)), of, session.bar_percent),
            "seconds": int(min(seen.get(user_id, timedelta(0)), of).total_seconds()),
            "session_seconds": int(of.total_seconds()),
            "recorded_at": now,
        }
        for user_id in holders
    ]
    for begin in range(0, len(rows), _BATCH):
        insert = conflict_insert(db, Attendance).values(rows[begin : begin + _BATCH])
        db.execute(insert.on_conflict_do_nothing(index_elements=["session_id", "user_id"]))


def end_session(db: DbSession, *, session_id: int, by_itself: bool = False) -> None:
    """End a live session and work out who was there; publishes SessionEnded. Ending twice changes nothing.

    `by_itself`: nobody pressed the button, so it ran until its planned end. WrongStateError before it began.
    """
    session = _session(db, session_id)
    if session.state is SessionState.ENDED:
        return
    ended_at = session.ends_at if by_itself else clock.now()
    ended = rows_changed(
        db,
        sa.update(Session)
        .where(Session.id == session_id, Session.state == SessionState.LIVE)
        .values(state=SessionState.ENDED, ended_at=ended_at),
    )
    if not ended:
        raise WrongStateError
    _record_attendance(db, session, (session.started_at or session.starts_at, ended_at))
    finish_cohort(db, session.cohort_id)
    events.publish(db, SessionEnded(session_id))


def finish_cohort(db: DbSession, cohort_id: int) -> None:
    """Call a cohort finished once none of its sessions is to come."""
    to_come = sa.select(Session.id).where(
        Session.cohort_id == cohort_id, Session.state.in_((SessionState.SCHEDULED, SessionState.LIVE))
    )
    db.execute(
        sa.update(Cohort)
        .where(Cohort.id == cohort_id, Cohort.state == CohortState.RELEASED, ~to_come.exists())
        .values(state=CohortState.FINISHED)
        .execution_options(synchronize_session=False)
    )


def start_due(db: DbSession, *, session_id: int) -> bool:
    """Begin a session whose time has come, at its planned time; False when it began already."""
    return (
        rows_changed(
            db,
            sa.update(Session)
            .where(
                Session.id == session_id,
                Session.state == SessionState.SCHEDULED,
                Session.starts_at <= clock.now(),
            )
            .values(state=SessionState.LIVE, started_at=Session.starts_at),
        )
        == 1
    )


def override_attendance(
    db: DbSession, *, organiser: User, attendance_id: int, after: AttendanceState, reason: str
) -> None:
    """Correct somebody's attendance, and keep who did it and why for good.

    Raises ReasonNeededError without a reason, NoSuchSessionError for an unknown attendance.
    """
    if len(reason.strip()) < _SHORTEST_REASON:
        raise ReasonNeededError
    attendance = db.get(Attendance, attendance_id)
    if attendance is None:
        raise NoSuchSessionError
    db.add(
        AttendanceOverride(
            attendance_id=attendance_id,
            organiser_id=organiser.id,
            before=attendance.state,
            after=after,
            reason=reason.strip(),
        )
    )
    attendance.state = after
    db.flush()
