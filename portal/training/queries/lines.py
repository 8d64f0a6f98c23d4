"""A cohort's line as its organisers see it: its order, each person's offers, and why nobody was moved up."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel import clock
from portal.training.models import (
    Cohort,
    Lesson,
    OfferOutcome,
    Session,
    SessionState,
    WaitlistEntry,
    WaitlistOffer,
    WaitlistRule,
    WaitlistState,
)
from portal.training.policies import NONE_WITHIN


@dataclass(frozen=True, slots=True)
class Offered:
    """One offer in the history of somebody in line."""

    offered_at: datetime
    expires_at: datetime | None
    outcome: OfferOutcome
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class InLine:
    """Somebody in a line as its organiser sees them, with the offers they had."""

    entry_id: int
    user_id: int
    name: str
    email: str
    state: WaitlistState
    priority: int
    reason: str
    queued_at: datetime
    expired_offers: int
    offer_expires_at: datetime | None
    offers: list[Offered]

    @property
    def in_line(self) -> bool:
        """Waiting, or with an offer."""
        return self.state in {WaitlistState.WAITING, WaitlistState.OFFERED}


def whole_line(db: DbSession, cohort_id: int, *, limit: int = 200) -> list[InLine]:
    """A cohort's line: those with an open offer, those who wait in their order, then those whose wait has ended."""
    order = sa.case(
        (WaitlistEntry.state == WaitlistState.OFFERED, 0), (WaitlistEntry.state == WaitlistState.WAITING, 1), else_=2
    )
    rows = db.execute(
        sa.select(WaitlistEntry, User.display_name, User.email)
        .join(User, User.id == WaitlistEntry.user_id)
        .where(WaitlistEntry.cohort_id == cohort_id)
        .order_by(order, WaitlistEntry.priority.desc(), WaitlistEntry.queued_at, WaitlistEntry.id)
        .limit(limit)
        .execution_options(populate_existing=True)
    ).all()
    history: dict[int, list[Offered]] = {}
    offers = db.execute(
        sa.select(WaitlistOffer)
        .where(WaitlistOffer.entry_id.in_([entry.id for entry, *_who in rows]))
        .order_by(WaitlistOffer.id)
    ).scalars()
    for one in offers:
        history.setdefault(one.entry_id, []).append(
            Offered(one.offered_at, one.expires_at, one.outcome, one.settled_at)
        )
    return [
        InLine(
            entry_id=entry.id,
            user_id=entry.user_id,
            name=name,
            email=email,
            state=entry.state,
            priority=entry.priority,
            reason=entry.priority_reason,
            queued_at=entry.queued_at,
            expired_offers=entry.expired_offers,
            offer_expires_at=entry.offer_expires_at,
            offers=history.get(entry.id, []),
        )
        for entry, name, email in rows
    ]


@dataclass(frozen=True, slots=True)
class LineState:
    """How a line stands, and in one word why nobody is moved up now; `until` is the moment that word speaks of.

    over: no session is to come. empty: nobody is in line. lapsed: whoever was in line has let two offers expire.
    offered: nobody waits beside those who have an offer. full: no seat is free. close: the session begins within
    fifteen minutes. soon: a seat is free, and is offered within a minute.
    """

    capacity: int
    taken: int
    waiting: int
    offered: int
    lapsed: int
    starts_at: datetime | None
    why: str
    until: datetime | None

    @property
    def free(self) -> int:
        """Seats that nobody has and that are held for nobody."""
        return self.capacity - self.taken


def _why(waiting: int, offered: int, lapsed: int, free: int, starts_at: datetime | None) -> str:
    nobody = "offered" if offered else "lapsed" if lapsed else "empty"
    close = starts_at is not None and starts_at - clock.now() <= NONE_WITHIN
    reasons = (
        ("over", starts_at is None),
        (nobody, not waiting),
        ("full", free <= 0),
        ("close", close),
    )
    return next((word for word, holds in reasons if holds), "soon")


def _state(row: sa.Row[Any], starts_at: datetime | None) -> LineState:
    waiting, offered, lapsed = row.waiting or 0, row.offered or 0, row.lapsed or 0
    why = _why(waiting, offered, lapsed, row.capacity - row.taken, starts_at)
    return LineState(
        capacity=row.capacity,
        taken=row.taken,
        waiting=waiting,
        offered=offered,
        lapsed=lapsed,
        starts_at=starts_at,
        why=why,
        until=starts_at if why == "close" else row.next_expiry if offered else None,
    )


def _is(state: WaitlistState) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((WaitlistEntry.state == state, 1), else_=0))


_COUNTS = (
    _is(WaitlistState.WAITING).label("waiting"),
    _is(WaitlistState.OFFERED).label("offered"),
    sa.func.sum(
        sa.case(((WaitlistEntry.state == WaitlistState.EXPIRED) & (WaitlistEntry.expired_offers > 1), 1), else_=0)
    ).label("lapsed"),
    sa.func.min(WaitlistEntry.offer_expires_at).label("next_expiry"),
)


@dataclass(frozen=True, slots=True)
class CohortLine:
    """A cohort's line with the rule of its order."""

    cohort_id: int
    cohort: str
    zone: str
    rule: WaitlistRule
    state: LineState


def cohort_line(db: DbSession, cohort_id: int) -> CohortLine | None:
    """How a cohort's line stands; None for an unknown cohort."""
    next_start = (
        sa.select(sa.func.min(Session.starts_at))
        .where(
            Session.cohort_id == Cohort.id,
            Session.state == SessionState.SCHEDULED,
            Session.starts_at > clock.now(),
        )
        .correlate(Cohort)
        .scalar_subquery()
    )
    row = db.execute(
        sa.select(
            Cohort.id,
            Cohort.name,
            Cohort.zone,
            Cohort.waitlist_rule,
            Cohort.capacity,
            Cohort.seats_taken.label("taken"),
            next_start.label("starts_at"),
            *_COUNTS,
        )
        .outerjoin(WaitlistEntry, WaitlistEntry.cohort_id == Cohort.id)
        .where(Cohort.id == cohort_id)
        .group_by(Cohort.id)
    ).first()
    if row is None:
        return None
    return CohortLine(row.id, row.name, row.zone, row.waitlist_rule, _state(row, row.starts_at))


@dataclass(frozen=True, slots=True)
class SessionLine:
    """The line of one session of a cohort."""

    session_id: int
    number: int
    starts_at: datetime
    zone: str
    state: LineState


def session_lines(db: DbSession, cohort_id: int) -> list[SessionLine]:
    """The sessions to come of a cohort that somebody waits for, in their order."""
    rows = db.execute(
        sa.select(
            Session.id,
            Lesson.number,
            Session.starts_at,
            Session.zone,
            Session.guest_capacity.label("capacity"),
            Session.guests_taken.label("taken"),
            *_COUNTS,
        )
        .join(Lesson, Lesson.id == Session.lesson_id)
        .join(WaitlistEntry, WaitlistEntry.session_id == Session.id)
        .where(Session.cohort_id == cohort_id, Session.state == SessionState.SCHEDULED)
        .group_by(Session.id, Lesson.number)
        .order_by(Session.starts_at)
    )
    return [
        SessionLine(row.id, row.number, row.starts_at, row.zone, _state(row, row.starts_at))
        for row in rows
        if row.waiting or row.offered
    ]
