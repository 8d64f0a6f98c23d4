"""Reminders: a mail a day before a session and ten minutes before, to whoever holds a seat then.

They are put in the outbox in batches of one transaction each. What stands in the outbox says how far it has come: a
worker that is killed goes on where it was, and nobody is reminded twice.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel import clock
from portal.notifications.models import OutboxMail
from portal.notifications.services import Mail, Recipient, send_mails
from portal.training.models import Cohort, Lesson, Seat, SeatState, Session, SessionChange, SessionState
from portal.training.services.enrolment import seat_key

DAY_BEFORE = timedelta(hours=24)
SOON_BEFORE = timedelta(minutes=10)
# A worker that was down for half a day still sends the day's reminder; later, the one ten minutes before says it.
_DAY_BEFORE_UNTIL = timedelta(hours=12)
BATCH = 1000


@dataclass(frozen=True, slots=True)
class _Reminder:
    """One of the two: its kind of mail, the session's mark, and how long before the start it is due and of use."""

    kind: str
    mark: InstrumentedAttribute[Any]
    before: timedelta
    until: timedelta
    useful_until: timedelta


_TOMORROW = _Reminder("training.tomorrow", Session.day_reminder_at, DAY_BEFORE, _DAY_BEFORE_UNTIL, SOON_BEFORE)
_SOON = _Reminder("training.soon", Session.soon_reminder_at, SOON_BEFORE, timedelta(0), timedelta(0))


def _is_due(reminder: _Reminder) -> sa.ColumnElement[bool]:
    now = clock.now()
    due = sa.and_(
        Session.state.in_((SessionState.SCHEDULED, SessionState.LIVE)),
        Session.starts_at > now + reminder.until,
        Session.starts_at <= now + reminder.before,
        reminder.mark.is_(None),
    )
    if reminder is _SOON:
        return due
    # A change told within the last day has just said when it is: the day's reminder would only repeat it.
    just_told = sa.exists().where(
        SessionChange.session_id == Session.id, SessionChange.released_at > now - reminder.before
    )
    return sa.and_(due, ~just_told)


def sessions_to_remind(db: DbSession, *, soon: bool) -> list[int]:
    """The sessions whose reminder is due and not yet written, or not to everyone."""
    due = sa.select(Session.id).where(_is_due(_SOON if soon else _TOMORROW))
    return list(db.scalars(due.order_by(Session.starts_at, Session.id)))


def _without(reminder: _Reminder, session: sa.Row[*tuple[Any, ...]]) -> sa.Select[*tuple[Any, ...]]:
    """The seats held in a session whose reminder is not in the outbox."""
    first, last = f"{reminder.kind}:", f":{session.calendar_sequence}"
    key = sa.literal(first).concat(sa.cast(Seat.id, sa.String)).concat(last)
    seats = (
        sa.select(Seat.id, User.email, User.display_name, User.language, User.time_zone, key.label("key"))
        .join(User, User.id == Seat.user_id)
        .where(
            Seat.session_id == session.id,
            Seat.state == SeatState.HELD,
            ~sa.exists().where(OutboxMail.dedupe_key == key),
        )
    )
    if reminder is _TOMORROW:
        # Whoever took the seat later than that has just been written to, with the date.
        seats = seats.where(Seat.created_at <= session.starts_at - reminder.before)
    return seats


def remind(db: DbSession, *, session_id: int, soon: bool) -> int:
    """Put the next batch of one session's reminders in the outbox; returns how many, 0 once everyone has theirs."""
    reminder = _SOON if soon else _TOMORROW
    # The lock: a move or a cancellation comes before, and nothing is due any more, or after, and withdraws these.
    session = db.execute(
        sa.select(
            Session.id,
            Session.starts_at,
            Session.zone,
            Session.calendar_sequence,
            Lesson.number,
            Cohort.name.label("cohort"),
        )
        .join(Lesson, Lesson.id == Session.lesson_id)
        .join(Cohort, Cohort.id == Session.cohort_id)
        .where(Session.id == session_id, _is_due(reminder))
        .with_for_update(of=Session, key_share=True)
    ).first()
    if session is None:
        return 0
    without = _without(reminder, session)
    # A seat that is being given back now is skipped, and looked at again: waiting for it could be a deadlock.
    seats = db.execute(
        without.order_by(Seat.id).limit(BATCH).with_for_update(of=Seat, read=True, skip_locked=True)
    ).all()
    params = {
        "session_id": session.id,
        "number": session.number,
        "cohort": session.cohort,
        "starts_at": session.starts_at.isoformat(),
        "zone": session.zone,
    }
    written = send_mails(
        db,
        [
            Mail(
                to=Recipient(seat.email, seat.display_name, str(seat.language), seat.time_zone),
                kind=reminder.kind,
                params={**params, "seat_id": seat.id},
                dedupe_key=seat.key,
                subject_key=seat_key(seat.id),
                useful_until=session.starts_at - reminder.useful_until,
            )
            for seat in seats
        ],
    )
    if db.scalar(sa.select(without.exists())) is False:
        done = sa.update(Session).where(Session.id == session_id).values({reminder.mark: clock.now()})
        db.execute(done.execution_options(synchronize_session=False))
    return written
