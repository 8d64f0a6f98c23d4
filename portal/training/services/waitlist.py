"""The line for a full cohort, or for one full session: seats that come free are offered in its order.

A freed seat is offered to the first in line at once, and held for them for the smaller of 24 hours and half the time
left. An offer that expires goes once to the tail; a second one ends the wait. Inside the last two hours the seat is
given, with a one-tap decline; in the last fifteen minutes nobody is moved up (product: Scheduling).
What is held for an open offer is counted in `Cohort.seats_taken` and `Session.guests_taken`.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import conflict_insert
from portal.notifications.services import withdraw_mails
from portal.training.errors import CohortOverError, OfferOverError, SessionBegunError
from portal.training.models import (
    Cohort,
    CohortState,
    OfferOutcome,
    Seat,
    SeatState,
    Session,
    SessionState,
    WaitlistEntry,
    WaitlistOffer,
    WaitlistState,
)
from portal.training.policies import NONE_WITHIN
from portal.training.services import places
from portal.training.services.lines import Line, notice_of, offer_key, write
from portal.training.services.priorities import lowest_priority, priorities

HELD_AT_MOST = timedelta(hours=24)
GIVEN_WITHIN = timedelta(hours=2)
# So many offers may expire before the wait ends.
_LAPSES = 2
IN_LINE = (WaitlistState.WAITING, WaitlistState.OFFERED)


def lock(db: DbSession, line: Line) -> Cohort | Session:
    """The cohort or session a line is for, locked. Raises NoSuchCohortError, NoSuchSessionError."""
    if line.cohort_id is not None:
        return places.lock_cohort(db, line.cohort_id)
    return places.lock_session(db, line.session_id or 0)


def next_start(db: DbSession, line: Line) -> datetime | None:
    """When the line's session, or its cohort's next one, begins; None when none is to come."""
    one = Session.cohort_id == line.cohort_id if line.cohort_id is not None else Session.id == line.session_id
    return db.scalar(
        sa.select(Session.starts_at)
        .where(one, Session.state == SessionState.SCHEDULED, Session.starts_at > clock.now())
        .order_by(Session.starts_at)
        .limit(1)
    )


def held_until(starts_at: datetime, moment: datetime) -> datetime:
    """Until when a seat that is free at `moment` is held for the one it is offered to."""
    return moment + min(HELD_AT_MOST, (starts_at - moment) / 2)


def _free(db: DbSession, line: Line) -> int:
    if line.cohort_id is not None:
        free = sa.select(Cohort.capacity - Cohort.seats_taken).where(Cohort.id == line.cohort_id)
    else:
        free = sa.select(Session.guest_capacity - Session.guests_taken).where(Session.id == line.session_id)
    return db.scalar(free) or 0


def _count(db: DbSession, line: Line, by: int) -> None:
    if line.cohort_id is not None:
        places.change_count(db, Cohort.seats_taken, [line.cohort_id], by)
    else:
        places.change_count(db, Session.guests_taken, [line.session_id or 0], by)


def anyone_waiting(db: DbSession, line: Line) -> bool:
    """Whether somebody in line has no offer yet."""
    waiting = sa.select(WaitlistEntry.id).where(line.is_of, WaitlistEntry.state == WaitlistState.WAITING)
    return db.scalar(waiting.limit(1)) is not None


def entry_of(db: DbSession, line: Line, user_id: int) -> WaitlistEntry | None:
    """This user's entry in a line, whatever its state."""
    return db.scalar(
        sa.select(WaitlistEntry)
        .where(line.is_of, WaitlistEntry.user_id == user_id)
        .execution_options(populate_existing=True)
    )


def line_of(entry: WaitlistEntry) -> Line:
    """The line an entry stands in."""
    return Line(cohort_id=entry.cohort_id, session_id=entry.session_id)


def open_offer(db: DbSession, entry_id: int) -> WaitlistOffer | None:
    """The offer that waits for an answer, if any."""
    return db.scalar(
        sa.select(WaitlistOffer)
        .where(WaitlistOffer.entry_id == entry_id, WaitlistOffer.outcome == OfferOutcome.OPEN)
        .execution_options(populate_existing=True)
    )


def settle(
    db: DbSession, entry: WaitlistEntry, offer: WaitlistOffer, outcome: OfferOutcome, state: WaitlistState
) -> None:
    """Close an open offer and put its entry into a state; the mail that has not left yet is taken back."""
    offer.outcome, offer.settled_at = outcome, clock.now()
    entry.state, entry.offer_expires_at = state, None
    db.flush()
    withdraw_mails(db, subject_key=offer_key(offer.id))


def take(db: DbSession, line: Line, user: User, *, offer_id: int | None = None) -> list[int]:
    """Turn a counted place of a locked line into seats; `offer_id` when it is given without a question.

    Returns the sessions in which a guest seat is free by that.
    """
    if line.cohort_id is None:
        session = places.lock_session(db, line.session_id or 0)
        places.take_guest(db, session=session, user=user, kind="training.seat_booked", offer_id=offer_id)
        return []
    cohort = places.lock_cohort(db, line.cohort_id)
    session_ids = places.lock_to_come(db, cohort.id)
    freed = places.enter_cohort(db, cohort=cohort, user=user, session_ids=session_ids, offer_id=offer_id)
    if freed is None:
        # Enrolled already: what was held for them is free.
        _count(db, line, -1)
        return []
    return sorted({*freed, *leave_session_lines(db, user_id=user.id, session_ids=session_ids)})


def leave_session_lines(db: DbSession, *, user_id: int, session_ids: list[int]) -> list[int]:
    """Whoever has a seat waits no longer; returns the (locked) sessions in which that frees a seat held for them."""
    entries = db.scalars(
        sa.select(WaitlistEntry)
        .where(
            WaitlistEntry.user_id == user_id,
            WaitlistEntry.session_id.in_(session_ids),
            WaitlistEntry.state.in_(IN_LINE),
        )
        .execution_options(populate_existing=True)
    ).all()
    freed = []
    for entry in entries:
        offer = open_offer(db, entry.id)
        if offer is None:
            entry.state = WaitlistState.TAKEN
            continue
        settle(db, entry, offer, OfferOutcome.WITHDRAWN, WaitlistState.TAKEN)
        _count(db, line_of(entry), -1)
        freed.append(entry.session_id or 0)
    db.flush()
    return freed


def _offer(db: DbSession, line: Line, entry: WaitlistEntry, starts_at: datetime) -> list[int]:
    """Offer or give a seat, already counted, to one entry; returns the sessions in which a seat is free by that."""
    now, user = clock.now(), db.get_one(User, entry.user_id)
    given = starts_at - now <= GIVEN_WITHIN
    offer = WaitlistOffer(
        entry_id=entry.id,
        expires_at=None if given else held_until(starts_at, now),
        outcome=OfferOutcome.GIVEN if given else OfferOutcome.OPEN,
        settled_at=now if given else None,
    )
    db.add(offer)
    entry.state = WaitlistState.TAKEN if given else WaitlistState.OFFERED
    entry.offer_expires_at = offer.expires_at
    db.flush()
    notice_of(db, line, user, offer)
    if given:
        return take(db, line, user, offer_id=offer.id)
    expires_at = held_until(starts_at, now).isoformat()
    write(db, line, user, "training.seat_offered", offer, expires_at=expires_at)
    return []


def pass_on(db: DbSession, line: Line) -> int:
    """Offer what is free in a locked line to the first in it; returns how many were offered or given a seat."""
    starts_at, told = next_start(db, line), 0
    if starts_at is None or starts_at - clock.now() <= NONE_WITHIN:
        return 0
    while free := _free(db, line):
        first = db.scalars(
            sa.select(WaitlistEntry)
            .where(line.is_of, WaitlistEntry.state == WaitlistState.WAITING)
            .order_by(WaitlistEntry.priority.desc(), WaitlistEntry.queued_at, WaitlistEntry.id)
            .limit(free)
            .execution_options(populate_existing=True)
        ).all()
        if not first:
            break
        _count(db, line, len(first))
        freed = [session_id for entry in first for session_id in _offer(db, line, entry, starts_at)]
        told += len(first)
        for session_id in sorted(set(freed)):
            pass_on(db, Line(session_id=session_id))
    return told


def _lapse(db: DbSession, line: Line, entry: WaitlistEntry, offer: WaitlistOffer) -> None:
    lapses = entry.expired_offers + 1
    over = lapses >= _LAPSES
    settle(db, entry, offer, OfferOutcome.EXPIRED, WaitlistState.EXPIRED if over else WaitlistState.WAITING)
    entry.expired_offers, entry.queued_at = lapses, clock.now()
    # The tail is the tail, whoever's rule or hand had put them further up.
    entry.priority, entry.priority_reason = lowest_priority(db, line.is_of, entry.priority), ""
    db.flush()
    _count(db, line, -1)
    write(db, line, db.get_one(User, entry.user_id), "training.offer_expired", offer, over=over)


def refresh(db: DbSession, line: Line) -> int:
    """Bring a locked line up to date: what has expired goes to the next. Returns how many offers expired."""
    now = clock.now()
    due = WaitlistOffer.expires_at <= now
    if line.session_id is not None:
        # A session that was moved closer, or has begun: nobody can be waited for any more.
        soon = sa.select(Session.id).where(
            Session.id == line.session_id,
            (Session.state != SessionState.SCHEDULED) | (Session.starts_at <= now + NONE_WITHIN),
        )
        due |= soon.exists()
    rows = db.execute(
        sa.select(WaitlistEntry, WaitlistOffer)
        .join(WaitlistOffer, WaitlistOffer.entry_id == WaitlistEntry.id)
        .where(line.is_of, WaitlistOffer.outcome == OfferOutcome.OPEN, due)
        .order_by(WaitlistOffer.id)
        .execution_options(populate_existing=True)
    ).all()
    for entry, offer in rows:
        _lapse(db, line, entry, offer)
    pass_on(db, line)
    return len(rows)


def check_open(target: Cohort | Session) -> None:
    """Nobody waits for what is over. Raises CohortOverError, SessionBegunError."""
    if isinstance(target, Cohort):
        if target.state is CohortState.FINISHED:
            raise CohortOverError
    elif target.state is not SessionState.SCHEDULED or target.starts_at <= clock.now():
        raise SessionBegunError


def _has_seat(db: DbSession, line: Line, user_id: int) -> bool:
    if line.cohort_id is not None:
        return places.active_enrolment(db, line.cohort_id, user_id) is not None
    seat = sa.select(Seat.id).where(
        Seat.session_id == line.session_id, Seat.user_id == user_id, Seat.state == SeatState.HELD
    )
    return db.scalar(seat) is not None


def join_line(db: DbSession, *, user: User, line: Line) -> WaitlistEntry | None:
    """A place at the end of a line (its rule may put it further up); asking twice keeps the first place.

    None when the user has a seat already. What is free is offered at once.
    Raises NoSuchCohortError, NoSuchSessionError, CohortOverError, SessionBegunError.
    """
    target = lock(db, line)
    check_open(target)
    if _has_seat(db, line, user.id):
        return None
    now = clock.now()
    priority = priorities(db, target, [user.id])[user.id] if isinstance(target, Cohort) else 0
    key = "cohort_id" if line.cohort_id is not None else "session_id"
    insert = conflict_insert(db, WaitlistEntry).values(
        cohort_id=line.cohort_id, session_id=line.session_id, user_id=user.id, priority=priority, queued_at=now
    )
    insert = insert.on_conflict_do_update(
        index_elements=[key, "user_id"],
        set_={
            "state": WaitlistState.WAITING,
            "queued_at": now,
            "priority": priority,
            "priority_reason": "",
            "expired_offers": 0,
        },
        where=WaitlistEntry.state.not_in(IN_LINE),
    )
    db.execute(insert)
    refresh(db, line)
    return entry_of(db, line, user.id)


def leave_line(db: DbSession, *, user_id: int, line: Line) -> bool:
    """Wait no longer; what was held goes to the next. False when not in line."""
    lock(db, line)
    entry = entry_of(db, line, user_id)
    if entry is None or entry.state not in IN_LINE:
        return False
    offer = open_offer(db, entry.id)
    if offer is None:
        entry.state = WaitlistState.LEFT
        db.flush()
        return True
    settle(db, entry, offer, OfferOutcome.DECLINED, WaitlistState.LEFT)
    _count(db, line, -1)
    refresh(db, line)
    return True


def claim(db: DbSession, *, user_id: int, line: Line) -> None:
    """Take the seat that is held for this user. Raises OfferOverError once it expired, was declined or taken back."""
    check_open(lock(db, line))
    entry = entry_of(db, line, user_id)
    offer = open_offer(db, entry.id) if entry else None
    if entry is None or offer is None or offer.expires_at is None or offer.expires_at <= clock.now():
        raise OfferOverError
    settle(db, entry, offer, OfferOutcome.TAKEN, WaitlistState.TAKEN)
    for session_id in take(db, line, db.get_one(User, user_id)):
        pass_on(db, Line(session_id=session_id))


def close(db: DbSession, line: Line) -> int:
    """End a line whose session has begun, is over or cancelled, or whose cohort has ended; each person is told once."""
    lock(db, line)
    entries = db.scalars(
        sa.select(WaitlistEntry)
        .where(line.is_of, WaitlistEntry.state.in_(IN_LINE))
        .execution_options(populate_existing=True)
    ).all()
    for entry in entries:
        offer = open_offer(db, entry.id)
        if offer is not None:
            settle(db, entry, offer, OfferOutcome.WITHDRAWN, WaitlistState.EXPIRED)
            _count(db, line, -1)
        entry.state = WaitlistState.EXPIRED
        db.flush()
        write(db, line, db.get_one(User, entry.user_id), "training.line_closed")
    return len(entries)
