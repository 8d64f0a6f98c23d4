"""Joining a cohort, leaving it, and the line for a full one."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.identity.services import recipient_of
from portal.kernel import clock
from portal.kernel.db import conflict_insert, rows_changed
from portal.notifications.services import Attachment, send_mail, withdraw_mails
from portal.training import calendars
from portal.training.calendars import CalendarEntry
from portal.training.errors import CohortFullError, CohortOverError, NoSuchCohortError
from portal.training.models import (
    Cohort,
    CohortState,
    Enrolment,
    EnrolmentState,
    Lesson,
    Seat,
    SeatState,
    Session,
    SessionState,
    WaitlistEntry,
    WaitlistState,
)
from portal.training.services.cohorts import cohort_params

_TO_COME = (SessionState.SCHEDULED, SessionState.LIVE)


def seat_key(seat_id: int) -> str:
    """What a seat's mails are filed under, so that giving it back withdraws them."""
    return f"seat:{seat_id}"


def _open_cohort(db: DbSession, cohort_id: int) -> Cohort:
    cohort = db.get(Cohort, cohort_id)
    if cohort is None or cohort.state is CohortState.DRAFT:
        raise NoSuchCohortError
    if cohort.state is CohortState.FINISHED:
        raise CohortOverError
    return cohort


def _activate(db: DbSession, cohort_id: int, user_id: int) -> bool:
    """Make the enrolment active; False when it was already. The row's uniqueness settles a double tap."""
    insert = conflict_insert(db, Enrolment).values(cohort_id=cohort_id, user_id=user_id)
    insert = insert.on_conflict_do_nothing(index_elements=["cohort_id", "user_id"])
    if db.scalar(insert.returning(Enrolment.id)) is not None:
        return True
    again = (
        sa.update(Enrolment)
        .where(Enrolment.cohort_id == cohort_id, Enrolment.user_id == user_id, Enrolment.state == EnrolmentState.LEFT)
        .values(state=EnrolmentState.ACTIVE, created_at=clock.now(), left_at=None)
    )
    return rows_changed(db, again) == 1


def _take_place(db: DbSession, cohort_id: int) -> None:
    taken = rows_changed(
        db,
        sa.update(Cohort)
        .where(Cohort.id == cohort_id, Cohort.state == CohortState.RELEASED, Cohort.seats_taken < Cohort.capacity)
        .values(seats_taken=Cohort.seats_taken + 1)
        .execution_options(synchronize_session=False),
    )
    if not taken:
        raise CohortFullError


def _hold_seats(db: DbSession, enrolment: Enrolment) -> None:
    """A seat in every session to come; a guest's seat among them becomes the enrolment's own."""
    sessions = db.scalars(
        sa.select(Session.id).where(Session.cohort_id == enrolment.cohort_id, Session.state.in_(_TO_COME))
    ).all()
    if not sessions:
        raise CohortOverError
    guest_of = sa.select(Seat.session_id).where(
        Seat.user_id == enrolment.user_id,
        Seat.session_id.in_(sessions),
        Seat.state == SeatState.HELD,
        Seat.enrolment_id.is_(None),
    )
    db.execute(
        sa.update(Session)
        .where(Session.id.in_(guest_of))
        .values(guests_taken=Session.guests_taken - 1)
        .execution_options(synchronize_session=False)
    )
    now = clock.now()
    rows = [
        {"session_id": session_id, "user_id": enrolment.user_id, "enrolment_id": enrolment.id, "created_at": now}
        for session_id in sessions
    ]
    upsert = conflict_insert(db, Seat).values(rows)
    db.execute(
        upsert.on_conflict_do_update(
            index_elements=["session_id", "user_id"],
            set_={
                "enrolment_id": enrolment.id,
                "state": SeatState.HELD,
                "released_at": None,
                "calendar_offset": Seat.calendar_offset + 1,
            },
        )
    )


def _entries(db: DbSession, enrolment_id: int, state: SeatState) -> list[CalendarEntry]:
    """The sessions to come of an enrolment, as this person's calendar should have them."""
    rows = db.execute(
        sa.select(
            Session.id,
            Session.calendar_uid,
            (Session.calendar_sequence + Seat.calendar_offset).label("sequence"),
            Lesson.number,
            Session.starts_at,
            Session.ends_at,
            Cohort.name,
            Session.zone,
        )
        .join(Seat, Seat.session_id == Session.id)
        .join(Lesson, Lesson.id == Session.lesson_id)
        .join(Cohort, Cohort.id == Session.cohort_id)
        .where(Seat.enrolment_id == enrolment_id, Seat.state == state, Session.state.in_(_TO_COME))
        .order_by(Session.starts_at)
    )
    return [
        CalendarEntry(
            row.id, row.calendar_uid, row.sequence, row.number, row.starts_at, row.ends_at, row.name, row.zone
        )
        for row in rows
    ]


def _mail(db: DbSession, user: User, cohort: Cohort, entries: Sequence[CalendarEntry], *, joined: bool) -> None:
    method = calendars.PUBLISH if joined else calendars.CANCEL
    ics = calendars.build(entries, language=str(user.language), method=method, name=cohort.name)
    first = entries[0]
    send_mail(
        db,
        to=recipient_of(user),
        kind="training.enrolled" if joined else "training.left",
        params={
            **cohort_params(cohort),
            "sessions": len(entries),
            "next_session_id": first.session_id,
            "next_number": first.number,
            "next_starts_at": first.starts_at.isoformat(),
        },
        attachments=[Attachment("comptoir.ics", calendars.CONTENT_TYPE, ics, method)],
    )


def enrol(db: DbSession, *, user: User, cohort_id: int) -> Enrolment:
    """A place in a cohort and a seat in each of its sessions to come, confirmed by one mail with the calendar.

    Joining twice changes nothing. Raises NoSuchCohortError, CohortOverError, CohortFullError: let the
    transaction roll back.
    """
    cohort = _open_cohort(db, cohort_id)
    newly = _activate(db, cohort_id, user.id)
    enrolment = db.scalars(
        sa.select(Enrolment)
        .where(Enrolment.cohort_id == cohort_id, Enrolment.user_id == user.id)
        .execution_options(populate_existing=True)
    ).one()
    if not newly:
        return enrolment
    _take_place(db, cohort_id)
    _hold_seats(db, enrolment)
    db.execute(
        sa.update(WaitlistEntry)
        .where(
            WaitlistEntry.cohort_id == cohort_id,
            WaitlistEntry.user_id == user.id,
            WaitlistEntry.state.in_((WaitlistState.WAITING, WaitlistState.OFFERED)),
        )
        .values(state=WaitlistState.TAKEN, offer_expires_at=None)
    )
    _mail(db, user, cohort, _entries(db, enrolment.id, SeatState.HELD), joined=True)
    return enrolment


def leave(db: DbSession, *, user: User, cohort_id: int) -> bool:
    """Give the place and all its seats back; their reminders go, and the calendar is told. False when not in it."""
    left = rows_changed(
        db,
        sa.update(Enrolment)
        .where(Enrolment.cohort_id == cohort_id, Enrolment.user_id == user.id, Enrolment.state == EnrolmentState.ACTIVE)
        .values(state=EnrolmentState.LEFT, left_at=clock.now())
        .execution_options(synchronize_session=False),
    )
    if not left:
        return False
    cohort = db.get_one(Cohort, cohort_id)
    db.execute(
        sa.update(Cohort)
        .where(Cohort.id == cohort_id)
        .values(seats_taken=Cohort.seats_taken - 1)
        .execution_options(synchronize_session=False)
    )
    enrolment_id = db.scalars(
        sa.select(Enrolment.id).where(Enrolment.cohort_id == cohort_id, Enrolment.user_id == user.id)
    ).one()
    to_come = sa.select(Session.id).where(Session.cohort_id == cohort_id, Session.state.in_(_TO_COME))
    seat_ids = db.scalars(
        sa.update(Seat)
        .where(Seat.enrolment_id == enrolment_id, Seat.state == SeatState.HELD, Seat.session_id.in_(to_come))
        .values(state=SeatState.RELEASED, released_at=clock.now(), calendar_offset=Seat.calendar_offset + 1)
        .returning(Seat.id)
        .execution_options(synchronize_session=False)
    ).all()
    for seat_id in seat_ids:
        withdraw_mails(db, subject_key=seat_key(seat_id))
    entries = _entries(db, enrolment_id, SeatState.RELEASED)
    if entries:
        _mail(db, user, cohort, entries, joined=False)
    return True


def join_waitlist(db: DbSession, *, user: User, cohort_id: int) -> None:
    """A place at the end of the line for a full cohort; asking twice keeps the first place."""
    _open_cohort(db, cohort_id)
    insert = conflict_insert(db, WaitlistEntry).values(cohort_id=cohort_id, user_id=user.id)
    insert = insert.on_conflict_do_nothing(index_elements=["cohort_id", "user_id"])
    if db.scalar(insert.returning(WaitlistEntry.id)) is not None:
        return
    db.execute(
        sa.update(WaitlistEntry)
        .where(
            WaitlistEntry.cohort_id == cohort_id,
            WaitlistEntry.user_id == user.id,
            WaitlistEntry.state.in_((WaitlistState.LEFT, WaitlistState.TAKEN, WaitlistState.EXPIRED)),
        )
        .values(state=WaitlistState.WAITING, queued_at=clock.now())
    )
