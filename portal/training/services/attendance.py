"""What a session counts for, worked out from the log of presence, and what an organiser corrects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.identity.services import recipient_of
from portal.kernel import clock
from portal.kernel.db import conflict_insert
from portal.notifications.services import Mail, send_mails
from portal.training import presence
from portal.training.errors import NoSuchSessionError, ReasonNeededError, WrongStateError
from portal.training.models import (
    Attendance,
    AttendanceOverride,
    AttendanceState,
    Cohort,
    Lesson,
    PresencePing,
    PresenceSource,
    Seat,
    SeatState,
    Session,
    SessionState,
)
from portal.training.queries.attendance import CONCERNED_BY_FAULT

_BATCH = 500
_SHORTEST_REASON = 3


def _presence_by_user(db: DbSession, session: Session, ran: presence.Span) -> Iterator[tuple[int, timedelta]]:
    """(user id, time present) for everyone who was seen, within the session as it ran.

    Once the provider said who is in the room, its roster alone counts: a page left open elsewhere is not attendance.
    """
    query = sa.select(PresencePing.user_id, PresencePing.from_at, PresencePing.until_at).where(
        PresencePing.session_id == session.id
    )
    if session.roster_seen_at is not None:
        query = query.where(PresencePing.source == PresenceSource.ROSTER)
    rows = db.execute(query.order_by(PresencePing.user_id))
    for user_id, group in groupby(rows, key=lambda row: row.user_id):
        spans = [(row.from_at, row.until_at) for row in group]
        yield user_id, presence.merged(spans, from_at=ran[0], until_at=ran[1])


def _insert(db: DbSession, rows: Sequence[dict[str, Any]]) -> None:
    for begin in range(0, len(rows), _BATCH):
        insert = conflict_insert(db, Attendance).values(rows[begin : begin + _BATCH])
        db.execute(insert.on_conflict_do_nothing(index_elements=["session_id", "user_id"]))


@dataclass(frozen=True, slots=True)
class _Measured:
    """What a session's log says of everyone in it."""

    seen: dict[int, timedelta]
    of: timedelta
    bar_percent: int

    def values(self, user_id: int) -> dict[str, Any]:
        """What the log alone makes of somebody's attendance."""
        present = self.seen.get(user_id, timedelta(0))
        return {
            "state": presence.state_of(present, self.of, self.bar_percent),
            "seconds": int(min(present, self.of).total_seconds()),
            "session_seconds": int(self.of.total_seconds()),
        }


def _measure(db: DbSession, session: Session, ended_at: datetime) -> _Measured:
    ran = (session.started_at or session.starts_at, ended_at)
    of = presence.length(planned=(session.starts_at, session.ends_at), ran=ran)
    return _Measured(dict(_presence_by_user(db, session, ran)), of, session.bar_percent)


def _corrected(db: DbSession, session_id: int) -> set[int]:
    """The attendances of a session that an organiser corrected."""
    corrections = (
        sa.select(AttendanceOverride.attendance_id)
        .join(Attendance, Attendance.id == AttendanceOverride.attendance_id)
        .where(Attendance.session_id == session_id)
    )
    return set(db.scalars(corrections))


def recompute_attendance(db: DbSession, session_id: int) -> int:
    """Work out an ended session's attendance from the log again; returns how many rows it added or changed.

    The same log gives the same answer, however often: the second time nothing changes. Seconds always follow the log;
    the state does too, except where an organiser corrected it or a replay completed it. Every held seat has a row.
    """
    session = db.get(Session, session_id, populate_existing=True)
    if session is None or session.state is not SessionState.ENDED or session.ended_at is None:
        return 0
    measured = _measure(db, session, session.ended_at)
    # Locked, so that a quiz passed or a correction made at this moment is not overwritten with what was read before.
    known = db.execute(
        sa.select(Attendance.id, Attendance.user_id, Attendance.state, Attendance.seconds, Attendance.session_seconds)
        .where(Attendance.session_id == session_id)
        .order_by(Attendance.id)
        .with_for_update()
    ).all()
    corrected = _corrected(db, session_id)
    holders = set(
        db.scalars(sa.select(Seat.user_id).where(Seat.session_id == session_id, Seat.state == SeatState.HELD))
    )
    changed: list[dict[str, Any]] = []
    for row in known:
        if not row.session_seconds and row.user_id not in holders:
            continue  # a replay alone: they had no seat, and there is nothing to measure
        values = measured.values(row.user_id)
        if row.id in corrected or row.state is AttendanceState.REPLAY:
            values["state"] = row.state
        if any(getattr(row, key) != value for key, value in values.items()):
            changed.append({"id": row.id, **values})
    if changed:
        db.execute(sa.update(Attendance), changed)
    new = sorted(holders - {row.user_id for row in known})
    fixed = {"session_id": session_id, "recorded_at": clock.now()}
    _insert(db, [{**fixed, "user_id": user_id, **measured.values(user_id)} for user_id in new])
    return len(changed) + len(new)


def _reason(text: str) -> str:
    reason = text.strip()
    if len(reason) < _SHORTEST_REASON:
        raise ReasonNeededError
    return reason


def override_attendance(
    db: DbSession, *, organiser: User, attendance_id: int, after: AttendanceState, reason: str
) -> None:
    """Correct somebody's attendance, and keep who did it and why for good.

    Raises ReasonNeededError without a reason, NoSuchSessionError for an unknown attendance.
    """
    reason = _reason(reason)
    attendance = db.get(Attendance, attendance_id, populate_existing=True, with_for_update=True)
    if attendance is None:
        raise NoSuchSessionError
    db.add(
        AttendanceOverride(
            attendance_id=attendance_id,
            organiser_id=organiser.id,
            before=attendance.state,
            after=after,
            reason=reason,
        )
    )
    attendance.state = after
    db.flush()


def mark_our_fault(db: DbSession, *, organiser: User, session_id: int, reason: str) -> int:
    """The session failed through us: whoever had a seat, and for whom it does not count, gets `technical` and a mail.

    Attendance that counts, or was excused, stays. The reason is kept for good with each, and told. Returns how many
    people are told; a second time nobody is. Raises ReasonNeededError, NoSuchSessionError, WrongStateError before the
    end.
    """
    reason = _reason(reason)
    session = db.execute(
        sa.select(Session.id, Session.state, Session.starts_at, Lesson.number, Cohort.name, Cohort.zone)
        .join(Lesson, Lesson.id == Session.lesson_id)
        .join(Cohort, Cohort.id == Session.cohort_id)
        .where(Session.id == session_id, Session.state != SessionState.DRAFT)
    ).first()
    if session is None:
        raise NoSuchSessionError
    if session.state is not SessionState.ENDED:
        raise WrongStateError
    rows = db.execute(
        sa.select(Attendance, User)
        .join(User, User.id == Attendance.user_id)
        .where(Attendance.session_id == session_id, CONCERNED_BY_FAULT)
        .order_by(Attendance.id)
        .with_for_update(of=Attendance)
        .execution_options(populate_existing=True)
    ).all()
    for attendance, _user in rows:
        db.add(
            AttendanceOverride(
                attendance_id=attendance.id,
                organiser_id=organiser.id,
                before=attendance.state,
                after=AttendanceState.TECHNICAL,
                reason=reason,
            )
        )
        attendance.state = AttendanceState.TECHNICAL
    db.flush()
    params = {
        "session_id": session_id,
        "number": session.number,
        "cohort": session.name,
        "starts_at": session.starts_at.isoformat(),
        "zone": session.zone,
        "reason": reason,
    }
    return send_mails(
        db,
        [
            Mail(
                to=recipient_of(user),
                kind="training.technical",
                params=params,
                dedupe_key=f"training.technical:{session_id}:{user.id}",
            )
            for _attendance, user in rows
        ],
    )
