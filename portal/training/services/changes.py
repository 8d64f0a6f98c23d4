"""Changing public sessions: what is private until it is released, and the release of all of it together.

One change waits for each session at most. Releasing changes the sessions, raises SEQUENCE by one where the time, the
place or the session itself changed, and writes one message to each person with a seat (product: Scheduling).
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as DbSession
from sqlalchemy.orm.attributes import flag_modified

from portal.identity.models import User
from portal.kernel import clock, events
from portal.kernel.db import rows_changed
from portal.training.errors import (
    BegunMeanwhileError,
    ChangedMeanwhileError,
    CohortTakenError,
    ExpertTakenError,
    NoSuchSessionError,
    NothingWaitingError,
    PastTimeError,
    PlanRefusedError,
    WrongStateError,
)
from portal.training.events import RoomChanged
from portal.training.models import Cohort, RoomKind, Session, SessionChange, SessionState
from portal.training.planning import ConflictKind, moments
from portal.training.queries.changes import (
    Terms,
    conflicts_of,
    draft_of,
    mark_of,
    mark_of_all,
    terms_of,
    waiting_of,
)
from portal.training.services import places, telling
from portal.training.services.cohorts import lock_draft, note_span
from portal.training.services.room import finish_cohort
from portal.training.services.telling import Told

_LONGEST = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class When:
    """A new local date and time; `fold` answers which one where it happens twice (0 the earlier, 1 the later)."""

    on: date
    at: time
    fold: int | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a session is to be. `until` is on the same clock as `when`; None keeps its length."""

    when: When
    expert_id: int
    room_kind: RoomKind = RoomKind.LINK
    video_url: str = ""
    until: time | None = None


def _start(when: When, zone: str) -> datetime:
    found = moments(when.on, when.at, zone)
    if len(found) == 1:
        return found[0]
    if not found or when.fold is None:
        raise PlanRefusedError
    return found[when.fold]


def _terms(wanted: Wanted, session: Session) -> Terms:
    """A request as dates. Raises PlanRefusedError, PastTimeError; NoSuchSessionError for who is no expert."""
    starts_at = _start(wanted.when, session.zone)
    length = session.ends_at - session.starts_at
    if wanted.until is not None:
        begin = datetime.combine(wanted.when.on, wanted.when.at)
        length = datetime.combine(wanted.when.on, wanted.until) - begin
    if not timedelta(0) < length <= _LONGEST:
        raise PlanRefusedError
    if starts_at < clock.now().replace(second=0, microsecond=0):
        raise PastTimeError
    return Terms(
        wanted.when.on,
        wanted.when.at,
        starts_at,
        starts_at + length,
        wanted.expert_id,
        wanted.room_kind,
        wanted.video_url,
    )


def _check_expert(db: DbSession, expert_id: int) -> None:
    if not db.scalar(sa.select(User.is_expert).where(User.id == expert_id)):
        raise NoSuchSessionError


def _write(row: Session | SessionChange, terms: Terms) -> None:
    row.local_date, row.local_time = terms.local_date, terms.local_time
    row.starts_at, row.ends_at = terms.starts_at, terms.ends_at
    row.expert_id, row.room_kind, row.video_url = terms.expert_id, terms.room_kind, terms.video_url


def _scheduled(db: DbSession, session_id: int) -> tuple[Cohort, Session]:
    """A public session and its cohort, both locked, in the order in which everybody locks them."""
    cohort_id = db.scalar(sa.select(Session.cohort_id).where(Session.id == session_id))
    if cohort_id is None:
        raise NoSuchSessionError
    cohort = places.lock_cohort(db, cohort_id)
    session = places.lock_session(db, session_id)
    if session.state is not SessionState.SCHEDULED:
        raise WrongStateError
    return cohort, session


def _waiting(db: DbSession, session_id: int, seen: str | None) -> SessionChange | None:
    """The change that waits. ChangedMeanwhileError when it is not the one an organiser saw (None: whatever it is)."""
    change = db.scalar(
        sa.select(SessionChange)
        .where(SessionChange.session_id == session_id, SessionChange.released_at.is_(None))
        .execution_options(populate_existing=True)
    )
    if seen is not None and mark_of(change) != seen:
        raise ChangedMeanwhileError
    return change


def _check_fits(db: DbSession, cohort: Cohort, session: Session, terms: Terms) -> None:
    """As things will be once everything that waits is released: ExpertTakenError, CohortTakenError."""
    rows = [row for row in waiting_of(db, cohort.id) if row[1].id != session.id]
    drafts = {row[1].id: draft_of(terms_of(row[0]), row[1], row[2]) for row in rows if not row[0].cancel}
    drafts[session.id] = draft_of(terms, session, telling.number_of(db, session))
    conflict = conflicts_of(db, cohort, drafts).get(session.id)
    kinds = {one.kind for one in conflict.problems} if conflict else set()
    if ConflictKind.EXPERT_BUSY in kinds:
        raise ExpertTakenError
    if ConflictKind.SAME_TIME in kinds:
        raise CohortTakenError


def change_draft_session(db: DbSession, *, session_id: int, wanted: Wanted) -> None:
    """Change a session of a draft at once: nobody sees it yet, and what stands in its way is shown there.

    Raises NotADraftError once it is published, PlanRefusedError, PastTimeError.
    """
    cohort_id = db.scalar(sa.select(Session.cohort_id).where(Session.id == session_id))
    if cohort_id is None:
        raise NoSuchSessionError
    lock_draft(db, cohort_id)
    session = db.get_one(Session, session_id, populate_existing=True)
    _check_expert(db, wanted.expert_id)
    _write(session, _terms(wanted, session))
    db.flush()
    note_span(db, cohort_id)


def propose_change(
    db: DbSession, *, organiser_id: int, session_id: int, wanted: Wanted, seen: str | None = None
) -> SessionChange | None:
    """Keep how a public session is to be, privately; in place of what waited before. None when nothing would change.

    `seen`: the mark of the change the organiser saw. Raises ChangedMeanwhileError, WrongStateError once it is live or
    over, PastTimeError, PlanRefusedError for a time that does not exist (or happens twice, without `fold`),
    ExpertTakenError when the expert leads another session then, CohortTakenError.
    """
    cohort, session = _scheduled(db, session_id)
    change = _waiting(db, session_id, seen)
    _check_expert(db, wanted.expert_id)
    terms = _terms(wanted, session)
    if terms == terms_of(session):
        if change is not None:
            db.delete(change)
            db.flush()
        return None
    _check_fits(db, cohort, session, terms)
    return _keep(db, change or SessionChange(session_id=session_id), terms, organiser_id=organiser_id)


def _keep(
    db: DbSession, change: SessionChange, terms: Terms, *, organiser_id: int, cancel: bool = False
) -> SessionChange:
    _write(change, terms)
    change.cancel, change.created_by, change.created_at = cancel, organiser_id, clock.now()
    db.add(change)
    db.flush()
    return change


def propose_cancel(db: DbSession, *, organiser_id: int, session_id: int, seen: str | None = None) -> SessionChange:
    """Keep that a public session is to be cancelled, privately. Raises ChangedMeanwhileError, WrongStateError."""
    _cohort, session = _scheduled(db, session_id)
    change = _waiting(db, session_id, seen) or SessionChange(session_id=session_id)
    return _keep(db, change, terms_of(session), organiser_id=organiser_id, cancel=True)


def discard_changes(db: DbSession, *, cohort_id: int, session_id: int | None = None) -> int:
    """Forget what waits, of one session or of the whole cohort; returns how many changes that were."""
    places.lock_cohort(db, cohort_id)
    of = sa.select(Session.id).where(Session.cohort_id == cohort_id)
    gone = sa.delete(SessionChange).where(SessionChange.session_id.in_(of), SessionChange.released_at.is_(None))
    if session_id is not None:
        gone = gone.where(SessionChange.session_id == session_id)
    return rows_changed(db, gone.execution_options(synchronize_session=False))


def _history(session: Session) -> dict[str, Any]:
    """How a session was, as its history keeps it."""
    return {
        "local_date": session.local_date.isoformat(),
        "local_time": session.local_time.isoformat("minutes"),
        "starts_at": session.starts_at.isoformat(),
        "ends_at": session.ends_at.isoformat(),
        "expert_id": session.expert_id,
        "room_kind": str(session.room_kind),
        "video_url": session.video_url,
        "sequence": session.calendar_sequence,
    }


def _apply(session: Session, change: SessionChange) -> None:
    """Make a session what a change says. SEQUENCE counts changes of time, place or cancellation, not of the expert."""
    old, new = terms_of(session), terms_of(change)
    change.before = _history(session)
    if change.cancel:
        session.state = SessionState.CANCELLED
        session.calendar_sequence += 1
        return
    _write(session, new)
    session.state = SessionState.SCHEDULED
    if old.where != new.where:
        # A provider's room belongs to the place it was made for: the new one is made when it is first needed.
        session.room_id = ""
    if old.when != new.when or old.where != new.where:
        session.calendar_sequence += 1
    if old.when != new.when:
        session.moved_from = old.starts_at
        session.day_reminder_at = session.soon_reminder_at = None


def _apply_all(db: DbSession, rows: list[tuple[SessionChange, Session, int]]) -> None:
    """Change the sessions, in two steps: two of them may trade places, which one after the other cannot.

    Raises ExpertTakenError: the database has the last word, as another cohort may be released at this very moment.
    """
    try:
        with db.begin_nested():
            # As drafts they take nobody's time; nobody sees them so, since it is one transaction.
            db.execute(
                sa.update(Session)
                .where(Session.id.in_([session.id for _change, session, _number in rows]))
                .values(state=SessionState.DRAFT)
                .execution_options(synchronize_session=False)
            )
            for change, session, _number in rows:
                _apply(session, change)
                # SQLAlchemy has not seen the step before, and would leave a state that is the same out.
                flag_modified(session, "state")
            db.flush()
    except IntegrityError as error:
        raise ExpertTakenError from error


def _check_apart(db: DbSession, cohort_id: int) -> None:
    """No two sessions of a cohort at once. Raises CohortTakenError."""
    spans = db.execute(
        sa.select(Session.starts_at, Session.ends_at)
        .where(Session.cohort_id == cohort_id, Session.state.in_(places.TO_COME))
        .order_by(Session.starts_at)
    ).all()
    if any(later.starts_at < earlier.ends_at for earlier, later in pairwise(spans)):
        raise CohortTakenError


def release_changes(
    db: DbSession, *, organiser_id: int, cohort_id: int, seen: str | None = None, session_id: int | None = None
) -> Told:
    """Make what waits in a cohort public (of one session when asked), and write to each person it concerns, once.

    `seen`: the mark of the changes the organiser saw. Raises NothingWaitingError when somebody else was first,
    ChangedMeanwhileError, BegunMeanwhileError, PastTimeError, ExpertTakenError, CohortTakenError; nothing is changed
    then, once the transaction rolls back.
    """
    cohort = places.lock_cohort(db, cohort_id)
    session_ids = sa.select(SessionChange.session_id).where(SessionChange.released_at.is_(None))
    db.execute(
        sa.select(Session.id)
        .where(Session.cohort_id == cohort_id, Session.id.in_(session_ids))
        .order_by(Session.id)
        .with_for_update(key_share=True)
    ).all()
    rows = [row for row in waiting_of(db, cohort_id) if session_id in {None, row[1].id}]
    if not rows:
        raise NothingWaitingError
    if seen is not None and mark_of_all([row[0] for row in rows]) != seen:
        raise ChangedMeanwhileError
    now = clock.now()
    if any(session.state is not SessionState.SCHEDULED for _change, session, _number in rows):
        raise BegunMeanwhileError
    if any(not row[0].cancel and row[0].starts_at < now.replace(second=0, microsecond=0) for row in rows):
        raise PastTimeError
    old = {session.id: terms_of(session) for _change, session, _number in rows}
    _apply_all(db, rows)
    _check_apart(db, cohort_id)
    told = Told()
    for change, session, number in rows:
        change.released_at, change.released_by = now, organiser_id
        # Told of each change: those with a seat, and whoever leads or led it.
        one = telling.tell(db, cohort=cohort, session=session, change=change, old=old[session.id], number=number)
        change.told = one.people
        told = replace(told, people=told.people + one.people, experts=told.experts + one.experts)
        events.publish(db, RoomChanged(session.id))
    db.flush()
    note_span(db, cohort_id)
    finish_cohort(db, cohort_id)
    return told


def _organiser(db: DbSession, session_id: int) -> int:
    found = db.scalar(
        sa.select(Cohort.created_by).join(Session, Session.cohort_id == Cohort.id).where(Session.id == session_id)
    )
    if found is None:
        raise NoSuchSessionError
    return found


def move_session(db: DbSession, *, session_id: int, when: When, expert_id: int | None = None) -> int:
    """Move a public session at once, in its cohort's organiser's name; returns how many people were told.

    Raises what `propose_change` and `release_changes` raise.
    """
    _cohort, session = _scheduled(db, session_id)
    organiser_id = _organiser(db, session_id)
    wanted = Wanted(when, expert_id or session.expert_id, session.room_kind, session.video_url)
    propose_change(db, organiser_id=organiser_id, session_id=session_id, wanted=wanted)
    told = release_changes(db, organiser_id=organiser_id, cohort_id=session.cohort_id, session_id=session_id)
    return told.people


def cancel_session(db: DbSession, *, session_id: int) -> int:
    """Cancel a public session at once; returns how many people were told. WrongStateError once it is live or over."""
    organiser_id = _organiser(db, session_id)
    change = propose_cancel(db, organiser_id=organiser_id, session_id=session_id)
    cohort_id = db.get_one(Session, change.session_id).cohort_id
    return release_changes(db, organiser_id=organiser_id, cohort_id=cohort_id, session_id=session_id).people
