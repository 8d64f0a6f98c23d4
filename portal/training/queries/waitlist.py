"""The line as its people see it, the next chances to have a lesson, and what the links in mails open."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession
from sqlalchemy.orm import aliased

from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import BigId, UTCDateTime
from portal.training.models import (
    Cohort,
    CohortState,
    Enrolment,
    EnrolmentState,
    Lesson,
    OfferOutcome,
    Seat,
    SeatState,
    Session,
    SessionState,
    WaitlistEntry,
    WaitlistOffer,
    WaitlistState,
)

_IN_LINE = (WaitlistState.WAITING, WaitlistState.OFFERED)
_ahead = aliased(WaitlistEntry, name="ahead")


def _before(own: Any) -> sa.ColumnElement[bool]:
    """Whoever waits before an entry, in the order in which seats are offered."""
    return sa.and_(
        _ahead.state == WaitlistState.WAITING,
        (_ahead.priority > own.priority)
        | (
            (_ahead.priority == own.priority)
            & ((_ahead.queued_at < own.queued_at) | ((_ahead.queued_at == own.queued_at) & (_ahead.id < own.id)))
        ),
    )


@dataclass(frozen=True, slots=True)
class LinePlace:
    """Where somebody stands in a line: how many wait before them, and until when a seat is held for them."""

    state: WaitlistState
    ahead: int
    offer_expires_at: datetime | None
    expired_offers: int

    @property
    def position(self) -> int:
        """1 for the next to be offered a seat."""
        return self.ahead + 1

    @property
    def waiting(self) -> bool:
        """In line, without an offer."""
        return self.state is WaitlistState.WAITING

    @property
    def offered(self) -> bool:
        """A seat is held for them now."""
        return self.offer_expires_at is not None and self.offer_expires_at > clock.now()


def place_in_line(db: DbSession, user_id: int, cohort_id: int) -> LinePlace | None:
    """This user's place in a cohort's line, also one that has ended; None when they never were in it."""
    ahead = sa.select(sa.func.count()).select_from(_ahead).where(_ahead.cohort_id == cohort_id, _before(WaitlistEntry))
    row = db.execute(
        sa.select(
            WaitlistEntry.state,
            ahead.correlate(WaitlistEntry).scalar_subquery(),
            WaitlistEntry.offer_expires_at,
            WaitlistEntry.expired_offers,
        ).where(WaitlistEntry.cohort_id == cohort_id, WaitlistEntry.user_id == user_id)
    ).first()
    return LinePlace(*row) if row else None


def waiting_count(db: DbSession, cohort_id: int) -> int:
    """How many wait for a place in a cohort, without an offer."""
    return (
        db.scalar(
            sa.select(sa.func.count())
            .select_from(WaitlistEntry)
            .where(WaitlistEntry.cohort_id == cohort_id, WaitlistEntry.state == WaitlistState.WAITING)
        )
        or 0
    )


@dataclass(frozen=True, slots=True)
class Chance:
    """A session in which to have a lesson: `free` guest seats, `places` in its cohort, what one has there already."""

    session_id: int
    cohort_id: int
    cohort: str
    language: str
    starts_at: datetime
    ends_at: datetime
    zone: str
    live: bool
    expert: str
    free: int
    places: int
    seated: bool
    line: LinePlace | None

    @property
    def state(self) -> str:
        """One of: seat (booked), offered (held for them), waiting (in line), free, full."""
        if self.seated:
            return "seat"
        if self.line and self.line.offered:
            return "offered"
        if self.free:
            return "free"
        return "waiting" if self.line and self.line.waiting else "full"


# A session that began so long ago has ended.
_SURELY_OVER = timedelta(days=1)
_USER_ID = sa.bindparam("user_id", type_=BigId)
# Which they are is settled first, by an index of sessions alone; who is in them is asked of those few.
_SOONEST = (
    sa.select(Session.id)
    .join(Cohort, Cohort.id == Session.cohort_id)
    .where(
        Session.lesson_id.in_(
            sa.select(Lesson.id).where(Lesson.number == sa.bindparam("lesson_number", type_=sa.Integer))
        ),
        Cohort.state != CohortState.DRAFT,
        Session.state.in_((SessionState.SCHEDULED, SessionState.LIVE)),
        # What began before cannot still go on: so far back the index is read, and no further.
        Session.starts_at > sa.bindparam("earliest", type_=UTCDateTime),
        Session.ends_at > sa.bindparam("now", type_=UTCDateTime),
    )
    .order_by(Cohort.language != sa.bindparam("language", type_=sa.String), Session.starts_at, Session.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
    .subquery("soonest")
)
_CHANCES = (
    sa.select(
        Session.id,
        Cohort.id.label("cohort_id"),
        Cohort.name.label("cohort"),
        Cohort.language,
        Session.starts_at,
        Session.ends_at,
        Session.zone,
        Session.state,
        User.display_name,
        (Session.guest_capacity - Session.guests_taken).label("free"),
        (Cohort.capacity - Cohort.seats_taken).label("places"),
        Seat.id.label("seat_id"),
        WaitlistEntry.state.label("line_state"),
        sa.select(sa.func.count())
        .select_from(_ahead)
        .where(_ahead.session_id == Session.id, _before(WaitlistEntry))
        .correlate(Session, WaitlistEntry)
        .scalar_subquery()
        .label("ahead"),
        WaitlistEntry.offer_expires_at,
        WaitlistEntry.expired_offers,
    )
    .join(_SOONEST, _SOONEST.c.id == Session.id)
    .join(Cohort, Cohort.id == Session.cohort_id)
    .join(User, User.id == Session.expert_id)
    .outerjoin(Seat, (Seat.session_id == Session.id) & (Seat.user_id == _USER_ID) & (Seat.state == SeatState.HELD))
    .outerjoin(
        WaitlistEntry,
        (WaitlistEntry.session_id == Session.id)
        & (WaitlistEntry.user_id == _USER_ID)
        & WaitlistEntry.state.in_(_IN_LINE),
    )
    .order_by(Cohort.language != sa.bindparam("language", type_=sa.String), Session.starts_at, Session.id)
)


def next_chances(
    db: DbSession, *, lesson_number: int, user_id: int | None, language: str, limit: int = 4
) -> list[Chance]:
    """The next sessions of a lesson in any cohort, whoever is in them: in this language first, then by time."""
    given = {
        "lesson_number": lesson_number,
        "user_id": user_id or 0,
        "language": language,
        "earliest": clock.now() - _SURELY_OVER,
        "now": clock.now(),
        "most": limit,
    }
    rows = db.execute(_CHANCES, given)
    return [
        Chance(
            session_id=row.id,
            cohort_id=row.cohort_id,
            cohort=row.cohort,
            language=row.language,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            zone=row.zone,
            live=row.state is SessionState.LIVE,
            expert=row.display_name,
            free=row.free,
            places=row.places,
            seated=row.seat_id is not None,
            line=LinePlace(row.line_state, row.ahead, row.offer_expires_at, row.expired_offers)
            if row.line_state is not None
            else None,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class SeatPage:
    """One seat, as the link in a mail finds it."""

    id: int
    held: bool
    confirm_by: datetime | None
    session_id: int
    state: SessionState
    number: int
    starts_at: datetime
    ends_at: datetime
    zone: str
    cohort_id: int
    cohort: str

    @property
    def begun(self) -> bool:
        """Too late to give it back."""
        return self.state is not SessionState.SCHEDULED


def seat_page(db: DbSession, seat_id: int) -> SeatPage | None:
    """A seat with its session; None when there is none."""
    row = db.execute(
        sa.select(
            Seat.id,
            Seat.state == SeatState.HELD,
            Seat.confirm_by,
            Session.id,
            Session.state,
            Lesson.number,
            Session.starts_at,
            Session.ends_at,
            Session.zone,
            Cohort.id,
            Cohort.name,
        )
        .join(Session, Session.id == Seat.session_id)
        .join(Lesson, Lesson.id == Session.lesson_id)
        .join(Cohort, Cohort.id == Session.cohort_id)
        .where(Seat.id == seat_id)
    ).first()
    return SeatPage(*row) if row else None


@dataclass(frozen=True, slots=True)
class EnrolmentPage:
    """An enrolment, as the link in a mail finds it; `sessions` to come in which it holds a seat."""

    id: int
    active: bool
    cohort_id: int
    cohort: str
    sessions: int


def enrolment_page(db: DbSession, enrolment_id: int) -> EnrolmentPage | None:
    """An enrolment with its cohort; None when there is none."""
    held = (
        sa.select(sa.func.count())
        .select_from(Seat)
        .join(Session, Session.id == Seat.session_id)
        .where(Seat.enrolment_id == Enrolment.id, Seat.state == SeatState.HELD, Session.state == SessionState.SCHEDULED)
    )
    row = db.execute(
        sa.select(
            Enrolment.id,
            Enrolment.state == EnrolmentState.ACTIVE,
            Cohort.id,
            Cohort.name,
            held.correlate(Enrolment).scalar_subquery(),
        )
        .join(Cohort, Cohort.id == Enrolment.cohort_id)
        .where(Enrolment.id == enrolment_id)
    ).first()
    return EnrolmentPage(*row) if row else None


def number_of(db: DbSession, session_id: int) -> int | None:
    """The number of the lesson that a public session runs; None when unknown or a draft."""
    return db.scalar(
        sa.select(Lesson.number)
        .join(Session, Session.lesson_id == Lesson.id)
        .where(Session.id == session_id, Session.state != SessionState.DRAFT)
    )


@dataclass(frozen=True, slots=True)
class OfferPage:
    """An offer, as the link in its mail finds it; `session_id` only when it is for one session."""

    id: int
    outcome: OfferOutcome
    expires_at: datetime | None
    expired_offers: int
    session_id: int | None
    cohort_id: int
    cohort: str
    number: int
    starts_at: datetime
    ends_at: datetime
    zone: str
    sessions: int

    @property
    def open(self) -> bool:
        """Whether it can still be taken."""
        return self.outcome is OfferOutcome.OPEN and self.expires_at is not None and self.expires_at > clock.now()

    @property
    def whole_cohort(self) -> bool:
        """A place in a cohort, with a seat in each of its sessions to come."""
        return self.session_id is None


def offer_page(db: DbSession, offer_id: int) -> OfferPage | None:
    """An offer with its session, or its cohort's next one; None when there is none."""
    row = db.execute(
        sa.select(
            WaitlistOffer.id,
            WaitlistOffer.outcome,
            WaitlistOffer.expires_at,
            WaitlistEntry.expired_offers,
            WaitlistEntry.session_id,
            WaitlistEntry.cohort_id,
        )
        .join(WaitlistEntry, WaitlistEntry.id == WaitlistOffer.entry_id)
        .where(WaitlistOffer.id == offer_id)
    ).first()
    if row is None:
        return None
    one = Session.id == row.session_id if row.session_id else Session.cohort_id == row.cohort_id
    sessions = db.execute(
        sa.select(Cohort.id, Cohort.name, Lesson.number, Session.starts_at, Session.ends_at, Session.zone)
        .join(Lesson, Lesson.id == Session.lesson_id)
        .join(Cohort, Cohort.id == Session.cohort_id)
        .where(one)
        .order_by(Session.starts_at)
    ).all()
    to_come = [session for session in sessions if session.starts_at > clock.now()]
    first = (to_come or sessions)[0]
    return OfferPage(
        id=row.id,
        outcome=row.outcome,
        expires_at=row.expires_at,
        expired_offers=row.expired_offers,
        session_id=row.session_id,
        cohort_id=first.id,
        cohort=first.name,
        number=first.number,
        starts_at=first.starts_at,
        ends_at=first.ends_at,
        zone=first.zone,
        sessions=len(to_come),
    )
