"""Places in cohorts and seats in sessions as rows: what joining, single seats and the waitlist all stand on.

Whoever changes them locks first, always in this order: the cohort, then its sessions by their ids. The counts
`Cohort.seats_taken` and `Session.guests_taken` include what is held for somebody with an open offer.
"""

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.identity.services import recipient_of
from portal.kernel import clock
from portal.kernel.db import conflict_insert, rows_changed
from portal.notifications.services import Attachment, send_mail
from portal.training import calendars
from portal.training.calendars import CalendarEntry
from portal.training.errors import CohortOverError, NoSuchCohortError, NoSuchSessionError
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
)
from portal.training.services.cohorts import cohort_params

TO_COME = (SessionState.SCHEDULED, SessionState.LIVE)


def seat_key(seat_id: int) -> str:
    """What a seat's mails are filed under, so that giving it back withdraws them."""
    return f"seat:{seat_id}"


def lock_cohort(db: DbSession, cohort_id: int) -> Cohort:
    """A public cohort, whose places nobody else changes until this transaction ends. Raises NoSuchCohortError."""
    cohort = db.get(Cohort, cohort_id, populate_existing=True, with_for_update={"key_share": True})
    if cohort is None or cohort.state is CohortState.DRAFT:
        raise NoSuchCohortError
    return cohort


def lock_session(db: DbSession, session_id: int) -> Session:
    """A public session, whose seats nobody else changes until this transaction ends. Raises NoSuchSessionError."""
    session = db.get(Session, session_id, populate_existing=True, with_for_update={"key_share": True})
    if session is None or session.state is SessionState.DRAFT:
        raise NoSuchSessionError
    return session


def lock_to_come(db: DbSession, cohort_id: int) -> list[int]:
    """The ids of a locked cohort's sessions to come, each locked too."""
    return list(
        db.scalars(
            sa.select(Session.id)
            .where(Session.cohort_id == cohort_id, Session.state.in_(TO_COME))
            .order_by(Session.id)
            .with_for_update(key_share=True)
        )
    )


def change_count(db: DbSession, column: InstrumentedAttribute[int], row_ids: Sequence[int], by: int) -> None:
    """Add to a count of cohorts or sessions (a column of either), in the database."""
    model = column.class_
    db.execute(
        sa.update(model)
        .where(model.id.in_(row_ids))
        .values({column: column + by})
        .execution_options(synchronize_session=False)
    )


def take_place(db: DbSession, cohort_id: int) -> bool:
    """Count one more place taken; False when there is none."""
    return (
        rows_changed(
            db,
            sa.update(Cohort)
            .where(Cohort.id == cohort_id, Cohort.state == CohortState.RELEASED, Cohort.seats_taken < Cohort.capacity)
            .values(seats_taken=Cohort.seats_taken + 1)
            .execution_options(synchronize_session=False),
        )
        == 1
    )


def take_guest_seat(db: DbSession, session_id: int) -> bool:
    """Count one more guest seat taken; False when there is none."""
    return (
        rows_changed(
            db,
            sa.update(Session)
            .where(Session.id == session_id, Session.guests_taken < Session.guest_capacity)
            .values(guests_taken=Session.guests_taken + 1)
            .execution_options(synchronize_session=False),
        )
        == 1
    )


def lend_back(db: DbSession, session_ids: Sequence[int]) -> int:
    """Take back the seats lent to guests, where they are free; returns in how many sessions."""
    return rows_changed(
        db,
        sa.update(Session)
        .where(Session.id.in_(session_ids), Session.guests_taken < Session.guest_capacity)
        .values(guest_capacity=Session.guest_capacity - 1)
        .execution_options(synchronize_session=False),
    )


def activate(db: DbSession, cohort_id: int, user_id: int) -> Enrolment | None:
    """Make the enrolment active; None when it was already. The row's uniqueness settles a double tap."""
    insert = conflict_insert(db, Enrolment).values(cohort_id=cohort_id, user_id=user_id)
    insert = insert.on_conflict_do_nothing(index_elements=["cohort_id", "user_id"])
    enrolment_id = db.scalar(insert.returning(Enrolment.id))
    if enrolment_id is None:
        enrolment_id = db.scalar(
            sa.update(Enrolment)
            .where(
                Enrolment.cohort_id == cohort_id, Enrolment.user_id == user_id, Enrolment.state == EnrolmentState.LEFT
            )
            .values(state=EnrolmentState.ACTIVE, created_at=clock.now(), left_at=None)
            .returning(Enrolment.id)
            .execution_options(synchronize_session=False)
        )
    return db.get_one(Enrolment, enrolment_id, populate_existing=True) if enrolment_id is not None else None


def active_enrolment(db: DbSession, cohort_id: int, user_id: int) -> int | None:
    """The id of this user's active enrolment in a cohort."""
    return db.scalar(
        sa.select(Enrolment.id).where(
            Enrolment.cohort_id == cohort_id, Enrolment.user_id == user_id, Enrolment.state == EnrolmentState.ACTIVE
        )
    )


def hold_seats(db: DbSession, *, session_ids: Sequence[int], user_id: int, enrolment_id: int | None) -> list[int]:
    """Hold a seat in each session, through an enrolment or (None) as a guest; their counts are the caller's.

    A guest's seat becomes the enrolment's own: returns the sessions in which one is free again by that.
    """
    freed = list(
        db.scalars(
            sa.select(Seat.session_id)
            .where(
                Seat.user_id == user_id,
                Seat.session_id.in_(session_ids),
                Seat.state == SeatState.HELD,
                Seat.enrolment_id.is_(None),
            )
            .order_by(Seat.session_id)
        )
    )
    if freed:
        change_count(db, Session.guests_taken, freed, -1)
    now = clock.now()
    rows = [
        {"session_id": session_id, "user_id": user_id, "enrolment_id": enrolment_id, "created_at": now}
        for session_id in session_ids
    ]
    db.execute(
        conflict_insert(db, Seat)
        .values(rows)
        .on_conflict_do_update(
            index_elements=["session_id", "user_id"],
            set_={
                "enrolment_id": enrolment_id,
                "state": SeatState.HELD,
                "created_at": now,
                "released_at": None,
                "confirm_by": None,
                "calendar_offset": Seat.calendar_offset + 1,
            },
        )
    )
    return freed


def calendar_of(db: DbSession, *which: sa.ColumnElement[bool]) -> list[CalendarEntry]:
    """The sessions to come of some seats, as their holder's calendar should have them."""
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
        .where(Session.state.in_(TO_COME), *which)
        .order_by(Session.starts_at)
    )
    return [
        CalendarEntry(
            row.id, row.calendar_uid, row.sequence, row.number, row.starts_at, row.ends_at, row.name, row.zone
        )
        for row in rows
    ]


def enter_cohort(
    db: DbSession, *, cohort: Cohort, user: User, session_ids: Sequence[int], offer_id: int | None = None
) -> list[int] | None:
    """An enrolment with a seat in each session to come, and one mail with the calendar; its place is counted before.

    `offer_id`: the seat was given without a question, and the mail says how to decline it. Returns the sessions in
    which a guest seat is free by that; None when the user was enrolled already. Raises CohortOverError.
    """
    if not session_ids:
        raise CohortOverError
    enrolment = activate(db, cohort.id, user.id)
    if enrolment is None:
        return None
    freed = hold_seats(db, session_ids=session_ids, user_id=user.id, enrolment_id=enrolment.id)
    entries = calendar_of(db, Seat.enrolment_id == enrolment.id, Seat.state == SeatState.HELD)
    mail_cohort(db, user, cohort, entries, kind="training.enrolled", enrolment_id=enrolment.id, offer_id=offer_id)
    return freed


def take_guest(db: DbSession, *, session: Session, user: User, kind: str, offer_id: int | None = None) -> None:
    """A seat in one session, as a guest, and one mail with the calendar; it is counted before."""
    hold_seats(db, session_ids=[session.id], user_id=user.id, enrolment_id=None)
    seat_id = db.scalars(sa.select(Seat.id).where(Seat.session_id == session.id, Seat.user_id == user.id)).one()
    mail_seat(db, user, seat_id, kind=kind, offer_id=offer_id)


def mail_cohort(  # noqa: PLR0913 (each is a property of the mail)
    db: DbSession,
    user: User,
    cohort: Cohort,
    entries: Sequence[CalendarEntry],
    *,
    kind: str,
    enrolment_id: int,
    offer_id: int | None = None,
) -> None:
    """One mail about all the seats of an enrolment, with the calendar's change."""
    if kind == "training.left":
        # Not METHOD:CANCEL, whose events must all have one UID (RFC 5546, 3.2.5): published again, as cancelled.
        entries = [replace(entry, cancelled=True) for entry in entries]
    ics = calendars.build(entries, language=str(user.language), name=cohort.name)
    first = entries[0]
    send_mail(
        db,
        to=recipient_of(user),
        kind=kind,
        params={
            **cohort_params(cohort),
            "sessions": len(entries),
            "enrolment_id": enrolment_id,
            "offer_id": offer_id,
            "next_session_id": first.session_id,
            "next_number": first.number,
            "next_starts_at": first.starts_at.isoformat(),
        },
        attachments=[Attachment("comptoir.ics", calendars.CONTENT_TYPE, ics, calendars.PUBLISH)],
    )


def mail_seat(db: DbSession, user: User, seat_id: int, *, kind: str, offer_id: int | None = None) -> None:
    """One mail about one seat, with the calendar's change; nothing once its session is not to come."""
    entries = calendar_of(db, Seat.id == seat_id)
    if not entries:
        return
    method = calendars.PUBLISH if kind == "training.seat_booked" else calendars.CANCEL
    entry = entries[0]
    ics = calendars.build(entries, language=str(user.language), method=method)
    send_mail(
        db,
        to=recipient_of(user),
        kind=kind,
        params={
            "seat_id": seat_id,
            "offer_id": offer_id,
            "session_id": entry.session_id,
            "number": entry.number,
            "cohort": entry.cohort,
            "starts_at": entry.starts_at.isoformat(),
            "zone": entry.zone,
        },
        attachments=[Attachment("comptoir.ics", calendars.CONTENT_TYPE, ics, method)],
        dedupe_key=f"{kind}:{seat_id}:{entry.sequence}",
        subject_key=seat_key(seat_id) if method == calendars.PUBLISH else None,
    )
