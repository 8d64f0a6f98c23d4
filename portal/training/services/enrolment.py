"""Joining a cohort and leaving it. The line for a full one is in `waitlist`, single seats are in `seats`."""

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import rows_changed
from portal.notifications.services import withdraw_mails
from portal.training.errors import CohortFullError, CohortOverError
from portal.training.models import (
    Cohort,
    CohortState,
    Enrolment,
    EnrolmentState,
    OfferOutcome,
    Seat,
    SeatState,
    WaitlistEntry,
    WaitlistState,
)
from portal.training.services import places, waitlist
from portal.training.services.lines import Line
from portal.training.services.places import seat_key

__all__ = ["enrol", "join_waitlist", "leave", "leave_enrolment", "seat_key"]


def _take_place(db: DbSession, cohort: Cohort, user_id: int) -> None:
    """Count a place: the one held for this user, or a free one that nobody in line comes before. CohortFullError."""
    line = Line(cohort_id=cohort.id)
    waitlist.refresh(db, line)
    entry = waitlist.entry_of(db, line, user_id)
    offer = waitlist.open_offer(db, entry.id) if entry else None
    if entry is not None and offer is not None:
        waitlist.settle(db, entry, offer, OfferOutcome.TAKEN, WaitlistState.TAKEN)
        return
    # Close to a session nobody in line is moved up; whoever came later does not overtake them meanwhile.
    if waitlist.anyone_waiting(db, line) or not places.take_place(db, cohort.id):
        raise CohortFullError


def enrol(db: DbSession, *, user: User, cohort_id: int) -> Enrolment:
    """A place in a cohort and a seat in each of its sessions to come, confirmed by one mail with the calendar.

    Joining twice changes nothing; a place that is held for this user is taken. Raises NoSuchCohortError,
    CohortOverError, CohortFullError: let the transaction roll back.
    """
    cohort = places.lock_cohort(db, cohort_id)
    if cohort.state is CohortState.FINISHED:
        raise CohortOverError
    if places.active_enrolment(db, cohort_id, user.id) is None:
        _take_place(db, cohort, user.id)
        for session_id in waitlist.take(db, Line(cohort_id=cohort_id), user):
            waitlist.pass_on(db, Line(session_id=session_id))
    return db.scalars(
        sa.select(Enrolment)
        .where(Enrolment.cohort_id == cohort_id, Enrolment.user_id == user.id)
        .execution_options(populate_existing=True)
    ).one()


def _release_seats(db: DbSession, cohort_id: int, enrolment_id: int) -> list[int]:
    """Release the seats to come of an enrolment, their reminders withdrawn; returns their ids.

    Those it gave back before had been lent to guests: where they are free they go with the rest.
    """
    to_come = places.lock_to_come(db, cohort_id)
    of_enrolment = (Seat.enrolment_id == enrolment_id, Seat.session_id.in_(to_come))
    lent = db.scalars(sa.select(Seat.session_id).where(*of_enrolment, Seat.state == SeatState.RELEASED)).all()
    places.lend_back(db, lent)
    seat_ids = db.scalars(
        sa.update(Seat)
        .where(*of_enrolment, Seat.state == SeatState.HELD)
        .values(
            state=SeatState.RELEASED,
            released_at=clock.now(),
            confirm_by=None,
            calendar_offset=Seat.calendar_offset + 1,
        )
        .returning(Seat.id)
        .execution_options(synchronize_session=False)
    ).all()
    for seat_id in seat_ids:
        withdraw_mails(db, subject_key=seat_key(seat_id))
    return list(seat_ids)


def leave(db: DbSession, *, user: User, cohort_id: int) -> bool:
    """Give the place and all its seats back; their reminders go, the calendar is told, the next in line gets it.

    False when the user is not in it. Raises NoSuchCohortError.
    """
    cohort = places.lock_cohort(db, cohort_id)
    enrolment_id = places.active_enrolment(db, cohort_id, user.id)
    if enrolment_id is None:
        return False
    rows_changed(
        db,
        sa.update(Enrolment)
        .where(Enrolment.id == enrolment_id)
        .values(state=EnrolmentState.LEFT, left_at=clock.now())
        .execution_options(synchronize_session=False),
    )
    places.change_count(db, Cohort.seats_taken, [cohort_id], -1)
    seat_ids = _release_seats(db, cohort_id, enrolment_id)
    entries = places.calendar_of(db, Seat.id.in_(seat_ids))
    if entries:
        places.mail_cohort(db, user, cohort, entries, kind="training.left", enrolment_id=enrolment_id)
    waitlist.refresh(db, Line(cohort_id=cohort_id))
    return True


def leave_enrolment(db: DbSession, *, enrolment_id: int) -> bool:
    """Leave by the link in a mail; False when it was left already."""
    found = db.execute(
        sa.select(User, Enrolment.cohort_id)
        .join(Enrolment, Enrolment.user_id == User.id)
        .where(Enrolment.id == enrolment_id)
    ).first()
    return found is not None and leave(db, user=found[0], cohort_id=found.cohort_id)


def join_waitlist(db: DbSession, *, user: User, cohort_id: int) -> WaitlistEntry | None:
    """A place in the line for a full cohort: see `waitlist.join_line`."""
    return waitlist.join_line(db, user=user, line=Line(cohort_id=cohort_id))
