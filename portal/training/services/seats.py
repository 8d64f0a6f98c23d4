"""One seat in one session: booked as a guest, given back, confirmed after a move; and answers given from a mail."""

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import rows_changed
from portal.kernel.errors import NotFoundError
from portal.notifications.services import withdraw_mails
from portal.training.errors import OfferOverError, SessionBegunError, SessionFullError
from portal.training.models import (
    OfferOutcome,
    Seat,
    SeatState,
    Session,
    SessionState,
    WaitlistEntry,
    WaitlistOffer,
    WaitlistState,
)
from portal.training.services import enrolment, places, waitlist
from portal.training.services.lines import Line
from portal.training.services.places import seat_key


def _seat_of(db: DbSession, session_id: int, user_id: int) -> Seat | None:
    return db.scalar(
        sa.select(Seat)
        .where(Seat.session_id == session_id, Seat.user_id == user_id)
        .execution_options(populate_existing=True)
    )


def _take(db: DbSession, session: Session, user_id: int) -> None:
    """Hold the seat kept for this user, or their own that they gave back, or a guest's. Raises SessionFullError."""
    entry = waitlist.entry_of(db, Line(session_id=session.id), user_id)
    offer = waitlist.open_offer(db, entry.id) if entry else None
    enrolment_id = None
    if entry is not None and offer is not None:
        waitlist.settle(db, entry, offer, OfferOutcome.TAKEN, WaitlistState.TAKEN)
    else:
        enrolment_id = places.active_enrolment(db, session.cohort_id, user_id)
        # Whoever is in line was offered what is free; in the last minutes it goes to who asks first.
        if enrolment_id is not None:
            taken = places.lend_back(db, [session.id]) == 1
        else:
            taken = places.take_guest_seat(db, session.id)
        if not taken:
            raise SessionFullError
        waitlist.leave_session_lines(db, user_id=user_id, session_ids=[session.id])
    places.hold_seats(db, session_ids=[session.id], user_id=user_id, enrolment_id=enrolment_id)


def book_seat(db: DbSession, *, user: User, session_id: int) -> Seat:
    """A seat in one session: one's own again, or a guest's; confirmed by one mail. Booking twice changes nothing.

    Raises NoSuchSessionError, SessionBegunError once it is over or cancelled, SessionFullError.
    """
    session = places.lock_session(db, session_id)
    held = _seat_of(db, session_id, user.id)
    if held is not None and held.state is SeatState.HELD:
        return held
    if session.state not in places.TO_COME or session.ends_at <= clock.now():
        raise SessionBegunError
    line = Line(session_id=session_id)
    if session.state is SessionState.LIVE:
        waitlist.close(db, line)
    else:
        waitlist.refresh(db, line)
    _take(db, session, user.id)
    seat = db.scalars(
        sa.select(Seat)
        .where(Seat.session_id == session_id, Seat.user_id == user.id)
        .execution_options(populate_existing=True)
    ).one()
    places.mail_seat(db, user, seat.id, kind="training.seat_booked")
    return seat


def give_back(db: DbSession, *, seat_id: int, unconfirmed: bool = False) -> bool:
    """Give one seat back before its session begins: its mails go, its calendar is told, the next in line gets it.

    A seat of an enrolment becomes one more for guests. `unconfirmed`: only if it still waits for a yes after a move,
    and that time has passed. No attendance is recorded. False when it was given back already.
    Raises NotFoundError for no such seat, SessionBegunError.
    """
    seat = db.get(Seat, seat_id)
    if seat is None:
        raise NotFoundError
    session = places.lock_session(db, seat.session_id)
    db.refresh(seat)
    if seat.state is not SeatState.HELD:
        return False
    if session.state is not SessionState.SCHEDULED:
        raise SessionBegunError
    if unconfirmed and (seat.confirm_by is None or seat.confirm_by > clock.now()):
        return False
    seat.state, seat.released_at, seat.confirm_by = SeatState.RELEASED, clock.now(), None
    seat.calendar_offset += 1
    db.flush()
    if seat.enrolment_id is None:
        places.change_count(db, Session.guests_taken, [session.id], -1)
    else:
        places.change_count(db, Session.guest_capacity, [session.id], 1)
    withdraw_mails(db, subject_key=seat_key(seat_id))
    kind = "training.seat_lapsed" if unconfirmed else "training.seat_released"
    places.mail_seat(db, db.get_one(User, seat.user_id), seat_id, kind=kind)
    waitlist.refresh(db, Line(session_id=session.id))
    return True


def give_back_own(db: DbSession, *, user_id: int, session_id: int) -> bool:
    """Give back one's own seat in a session. Raises NotFoundError for who has none, SessionBegunError."""
    seat = _seat_of(db, session_id, user_id)
    if seat is None:
        raise NotFoundError
    return give_back(db, seat_id=seat.id)


def confirm_seat(db: DbSession, *, seat_id: int) -> bool:
    """Say yes to a new time; False when the seat was given back meanwhile. A second yes changes nothing."""
    return (
        rows_changed(
            db,
            sa.update(Seat)
            .where(Seat.id == seat_id, Seat.state == SeatState.HELD)
            .values(confirm_by=None)
            .execution_options(synchronize_session=False),
        )
        == 1
    )


def _offer_with_line(db: DbSession, offer_id: int) -> tuple[WaitlistOffer, WaitlistEntry]:
    found = db.execute(
        sa.select(WaitlistOffer, WaitlistEntry)
        .join(WaitlistEntry, WaitlistEntry.id == WaitlistOffer.entry_id)
        .where(WaitlistOffer.id == offer_id)
        .execution_options(populate_existing=True)
    ).first()
    if found is None:
        raise NotFoundError
    return found[0], found[1]


def claim_offer(db: DbSession, *, offer_id: int) -> None:
    """Take the seat of an offer, by the link in its mail. Taking it twice changes nothing. Raises OfferOverError."""
    _offer, entry = _offer_with_line(db, offer_id)
    line = waitlist.line_of(entry)
    waitlist.lock(db, line)
    # Read again under the lock: what was true before may have changed.
    offer, _entry = _offer_with_line(db, offer_id)
    if offer.outcome in {OfferOutcome.TAKEN, OfferOutcome.GIVEN}:
        return
    if offer.outcome is not OfferOutcome.OPEN:
        raise OfferOverError
    waitlist.claim(db, user_id=entry.user_id, line=line)


def decline_offer(db: DbSession, *, offer_id: int) -> bool:
    """Say no to an offer, or give back a seat that was given; it goes to the next. False when it was settled before.

    Raises SessionBegunError for a given seat whose session has begun.
    """
    _offer, entry = _offer_with_line(db, offer_id)
    line = waitlist.line_of(entry)
    waitlist.lock(db, line)
    offer, entry = _offer_with_line(db, offer_id)
    if offer.outcome is OfferOutcome.OPEN:
        return waitlist.leave_line(db, user_id=entry.user_id, line=line)
    if offer.outcome is not OfferOutcome.GIVEN:
        return False
    offer.outcome, offer.settled_at = OfferOutcome.DECLINED, clock.now()
    db.flush()
    if line.cohort_id is not None:
        return enrolment.leave(db, user=db.get_one(User, entry.user_id), cohort_id=line.cohort_id)
    return give_back_own(db, user_id=entry.user_id, session_id=line.session_id or 0)
