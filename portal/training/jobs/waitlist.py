"""What the clock does for those in line: offers expire, seats are passed on, lines end with their session."""

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.kernel import clock
from portal.kernel.db import reading, transaction
from portal.kernel.jobs import job
from portal.training.models import (
    Cohort,
    CohortState,
    OfferOutcome,
    Session,
    SessionState,
    WaitlistEntry,
    WaitlistOffer,
    WaitlistState,
)
from portal.training.policies import NONE_WITHIN
from portal.training.services import waitlist
from portal.training.services.lines import Line
from portal.training.services.waitlist import IN_LINE

_OF = (WaitlistEntry.cohort_id, WaitlistEntry.session_id)


def _lines(db: DbSession, query: sa.Select[int | None, int | None]) -> list[Line]:
    return [Line(cohort_id=row.cohort_id, session_id=row.session_id) for row in db.execute(query.distinct())]


def _lines_to_refresh(db: DbSession) -> list[Line]:
    """Lines with an offer that is over, or with a free seat and somebody who waits for it."""
    now = clock.now()
    offered = sa.select(*_OF).join(WaitlistOffer, WaitlistOffer.entry_id == WaitlistEntry.id)
    offered = offered.where(WaitlistOffer.outcome == OfferOutcome.OPEN)
    expired = offered.where(WaitlistOffer.expires_at <= now)
    # Its session was moved closer than the offer was to last.
    overtaken = offered.join(Session, Session.id == WaitlistEntry.session_id).where(
        Session.starts_at <= now + NONE_WITHIN
    )
    waiting = sa.select(*_OF).where(WaitlistEntry.state == WaitlistState.WAITING)
    of_cohort = waiting.join(Cohort, Cohort.id == WaitlistEntry.cohort_id).where(
        Cohort.state == CohortState.RELEASED, Cohort.seats_taken < Cohort.capacity
    )
    of_session = waiting.join(Session, Session.id == WaitlistEntry.session_id).where(
        Session.state == SessionState.SCHEDULED,
        Session.guests_taken < Session.guest_capacity,
        Session.starts_at > now + NONE_WITHIN,
    )
    found = {line for query in (expired, overtaken, of_cohort, of_session) for line in _lines(db, query)}
    return sorted(found, key=lambda line: (line.cohort_id or 0, line.session_id or 0))


def _lines_to_close(db: DbSession) -> list[Line]:
    """Lines for what has begun, is over or was cancelled."""
    in_line = sa.select(*_OF).where(WaitlistEntry.state.in_(IN_LINE))
    of_cohort = in_line.join(Cohort, Cohort.id == WaitlistEntry.cohort_id).where(Cohort.state == CohortState.FINISHED)
    of_session = in_line.join(Session, Session.id == WaitlistEntry.session_id).where(
        Session.state.in_((SessionState.LIVE, SessionState.ENDED, SessionState.CANCELLED))
    )
    return _lines(db, of_cohort) + _lines(db, of_session)


@job("training.waitlist", every_minutes=1)
def run_waitlists() -> None:
    """Close the lines that are over, then expire offers and pass seats on. One transaction a line."""
    with reading() as db:
        over = _lines_to_close(db)
    for line in over:
        with transaction() as db:
            waitlist.close(db, line)
    with reading() as db:
        due = _lines_to_refresh(db)
    for line in due:
        with transaction() as db:
            waitlist.lock(db, line)
            waitlist.refresh(db, line)
