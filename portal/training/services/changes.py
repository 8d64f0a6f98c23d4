"""Moving or cancelling a published session: one change, one message to each person with a seat."""

from dataclasses import dataclass
from datetime import date, datetime, time

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.identity.services import recipient_of
from portal.kernel import clock
from portal.notifications.services import Attachment, send_mail, withdraw_mails
from portal.training import calendars
from portal.training.calendars import CalendarEntry
from portal.training.errors import (
    ExpertTakenError,
    NoSuchSessionError,
    PastTimeError,
    PlanRefusedError,
    WrongStateError,
)
from portal.training.models import Cohort, Lesson, Seat, SeatState, Session, SessionState
from portal.training.planning import moments
from portal.training.services.cohorts import note_span
from portal.training.services.enrolment import seat_key
from portal.training.services.room import finish_cohort


@dataclass(frozen=True, slots=True)
class When:
    """A new local date and time; `fold` answers which one where it happens twice (0 the earlier, 1 the later)."""

    on: date
    at: time
    fold: int | None = None


def _scheduled(db: DbSession, session_id: int) -> Session:
    session = db.get(Session, session_id, populate_existing=True, with_for_update=True)
    if session is None or session.state is SessionState.DRAFT:
        raise NoSuchSessionError
    if session.state is not SessionState.SCHEDULED:
        raise WrongStateError
    return session


def _start(when: When, zone: str) -> datetime:
    found = moments(when.on, when.at, zone)
    if len(found) == 1:
        return found[0]
    if not found or when.fold is None:
        raise PlanRefusedError
    return found[when.fold]


def _tell(db: DbSession, session: Session, *, kind: str, method: str, before: datetime) -> int:
    """One mail to each person with a seat, with the calendar's change; reminders of the old time are withdrawn."""
    number, cohort = db.execute(
        sa.select(Lesson.number, Cohort.name)
        .join(Cohort, Cohort.id == session.cohort_id)
        .where(Lesson.id == session.lesson_id)
    ).one()
    seats = db.execute(
        sa.select(Seat.id, Seat.calendar_offset, User)
        .join(User, User.id == Seat.user_id)
        .where(Seat.session_id == session.id, Seat.state == SeatState.HELD)
        .order_by(Seat.id)
    ).all()
    for seat_id, offset, user in seats:
        withdraw_mails(db, subject_key=seat_key(seat_id))
        sequence = session.calendar_sequence + offset
        entry = CalendarEntry(
            session.id, session.calendar_uid, sequence, number, session.starts_at, session.ends_at, cohort, session.zone
        )
        ics = calendars.build([entry], language=str(user.language), method=method)
        send_mail(
            db,
            to=recipient_of(user),
            kind=kind,
            params={
                "session_id": session.id,
                "cohort_id": session.cohort_id,
                "number": number,
                "cohort": cohort,
                "before": before.isoformat(),
                "starts_at": session.starts_at.isoformat(),
                "zone": session.zone,
            },
            attachments=[Attachment("comptoir.ics", calendars.CONTENT_TYPE, ics, method)],
            dedupe_key=f"{kind}:{seat_id}:{sequence}",
        )
    return len(seats)


def move_session(db: DbSession, *, session_id: int, when: When, expert_id: int | None = None) -> int:
    """Move a published session, at once and for everybody; returns how many people were told.

    Raises WrongStateError once it is live or over, PastTimeError, PlanRefusedError for a time that does not
    exist (or happens twice, without `fold`), ExpertTakenError when its expert leads another session then.
    """
    session = _scheduled(db, session_id)
    before, length = session.starts_at, session.ends_at - session.starts_at
    starts_at = _start(when, session.zone)
    if starts_at < clock.now().replace(second=0, microsecond=0):
        raise PastTimeError
    try:
        with db.begin_nested():
            session.local_date, session.local_time = when.on, when.at
            session.starts_at, session.ends_at = starts_at, starts_at + length
            session.expert_id = expert_id or session.expert_id
            session.calendar_sequence += 1
            session.moved_from = before
            session.day_reminder_at = session.soon_reminder_at = None
            db.flush()
    except IntegrityError as error:
        raise ExpertTakenError from error
    note_span(db, session.cohort_id)
    return _tell(db, session, kind="training.moved", method=calendars.PUBLISH, before=before)


def cancel_session(db: DbSession, *, session_id: int) -> int:
    """Cancel a published session; returns how many people were told. WrongStateError once it is live or over."""
    session = _scheduled(db, session_id)
    session.state = SessionState.CANCELLED
    session.calendar_sequence += 1
    db.flush()
    told = _tell(db, session, kind="training.cancelled", method=calendars.CANCEL, before=session.starts_at)
    finish_cohort(db, session.cohort_id)
    return told
