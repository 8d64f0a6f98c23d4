"""Reminders: a mail a day before a session and ten minutes before, to whoever holds a seat then."""

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.identity.services import recipient_of
from portal.kernel import clock
from portal.kernel.db import rows_changed
from portal.notifications.services import send_mail
from portal.training.models import Cohort, Lesson, Seat, SeatState, Session, SessionState
from portal.training.services.enrolment import seat_key

DAY_BEFORE = timedelta(hours=24)
SOON_BEFORE = timedelta(minutes=10)
# A seat taken this late has just been confirmed by mail: the day-before reminder would only repeat it.
_DAY_BEFORE_UNTIL = timedelta(hours=20)


def _marks(*, soon: bool) -> tuple[InstrumentedAttribute[object], timedelta, timedelta]:
    if soon:
        return Session.soon_reminder_at, SOON_BEFORE, timedelta(0)
    return Session.day_reminder_at, DAY_BEFORE, _DAY_BEFORE_UNTIL


def sessions_to_remind(db: DbSession, *, soon: bool) -> list[int]:
    """The sessions whose reminder is due and not yet written."""
    mark, before, until = _marks(soon=soon)
    now = clock.now()
    return list(
        db.scalars(
            sa.select(Session.id)
            .where(
                Session.state.in_((SessionState.SCHEDULED, SessionState.LIVE)),
                Session.starts_at > now + until,
                Session.starts_at <= now + before,
                mark.is_(None),
            )
            .order_by(Session.starts_at)
        )
    )


def remind(db: DbSession, *, session_id: int, soon: bool) -> int:
    """Write the reminder of one session for everyone who holds a seat; once, however often it is called."""
    mark, _before, _until = _marks(soon=soon)
    marked = rows_changed(
        db,
        sa.update(Session)
        .where(Session.id == session_id, mark.is_(None))
        .values({mark: clock.now()})
        .execution_options(synchronize_session=False),
    )
    if not marked:
        return 0
    session = db.execute(
        sa.select(Session.starts_at, Session.zone, Session.calendar_sequence, Lesson.number, Cohort.name)
        .join(Lesson, Lesson.id == Session.lesson_id)
        .join(Cohort, Cohort.id == Session.cohort_id)
        .where(Session.id == session_id)
    ).one()
    kind = "training.soon" if soon else "training.tomorrow"
    holders = db.execute(
        sa.select(Seat.id, User)
        .join(User, User.id == Seat.user_id)
        .where(Seat.session_id == session_id, Seat.state == SeatState.HELD)
        .order_by(Seat.id)
    )
    written = 0
    for seat_id, user in holders:
        written += send_mail(
            db,
            to=recipient_of(user),
            kind=kind,
            params={
                "session_id": session_id,
                "number": session.number,
                "cohort": session.name,
                "starts_at": session.starts_at.isoformat(),
                "zone": session.zone,
            },
            dedupe_key=f"{kind}:{seat_id}:{session.calendar_sequence}",
            subject_key=seat_key(seat_id),
        )
    return written
