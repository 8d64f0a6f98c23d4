"""What is to change about public sessions, and the sessions themselves as their organiser edits them."""

from dataclasses import dataclass, replace
from datetime import date, datetime, time

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel import clock, ids
from portal.training.models import (
    Cohort,
    CohortState,
    Lesson,
    RoomKind,
    Seat,
    SeatState,
    Session,
    SessionChange,
    SessionState,
)
from portal.training.planning import Conflict, ConflictKind, Draft, conflict_of
from portal.training.policies import answer_by
from portal.training.queries.planning import as_draft, cohort_inputs


@dataclass(frozen=True, slots=True)
class Terms:
    """What an organiser may change about a session: when, who and where."""

    local_date: date
    local_time: time
    starts_at: datetime
    ends_at: datetime
    expert_id: int
    room_kind: RoomKind
    video_url: str

    @property
    def when(self) -> tuple[datetime, datetime]:
        """The span."""
        return self.starts_at, self.ends_at

    @property
    def where(self) -> tuple[RoomKind, str]:
        """The room."""
        return self.room_kind, self.video_url


def terms_of(row: Session | SessionChange) -> Terms:
    """How a session is, or how a change will make it."""
    return Terms(
        row.local_date, row.local_time, row.starts_at, row.ends_at, row.expert_id, row.room_kind, row.video_url
    )


@dataclass(frozen=True, slots=True)
class Change:
    """A change that waits for its release: how the session is, how it will be, and who is told."""

    id: int
    session_id: int
    number: int
    zone: str
    cancel: bool
    now: Terms
    new: Terms
    expert: str
    new_expert: str
    seats: int
    conflict: Conflict | None

    @property
    def moved(self) -> bool:
        """Whether its time changes."""
        return self.now.when != self.new.when

    @property
    def asks(self) -> bool:
        """Whether those with a seat are asked if the new time suits, were it released now."""
        return not self.cancel and answer_by(self.now.starts_at, self.new.starts_at, clock.now()) is not None

    @property
    def room_changed(self) -> bool:
        """Whether its room changes."""
        return self.now.where != self.new.where

    @property
    def expert_changed(self) -> bool:
        """Whether somebody else leads it."""
        return self.now.expert_id != self.new.expert_id


@dataclass(frozen=True, slots=True)
class WaitingChanges:
    """All changes of a cohort that wait, and a mark that says whether they are still those an organiser saw."""

    rows: tuple[Change, ...]
    seen: str

    @property
    def messages(self) -> int:
        """How many messages people with a seat will get: one for each seat in a changed session."""
        return sum(row.seats for row in self.rows)

    @property
    def refused(self) -> tuple[Change, ...]:
        """Those that cannot be released as they are."""
        return tuple(row for row in self.rows if row.conflict and row.conflict.refused)

    def of(self, session_id: int) -> Change | None:
        """The change of one session."""
        return next((row for row in self.rows if row.session_id == session_id), None)


def mark_of(change: SessionChange | None) -> str:
    """A short mark of what a change says now; another one as soon as anybody edits it. Empty without a change."""
    if change is None:
        return ""
    # Moments, not the stored words: what is read back may be another object of the same value.
    said = (change.id, change.cancel, *terms_of(change).when, *terms_of(change).where, change.expert_id)
    return ids.digest(repr([str(one) for one in said]))[:22]


def mark_of_all(changes: list[SessionChange]) -> str:
    """One mark for several changes."""
    return ids.digest(" ".join(mark_of(one) for one in sorted(changes, key=lambda one: one.id)))[:22] if changes else ""


def waiting_of(db: DbSession, cohort_id: int) -> list[tuple[SessionChange, Session, int]]:
    """(change, session, lesson's number) for each change of a cohort that waits, in lesson order."""
    rows = db.execute(
        sa.select(SessionChange, Session, Lesson.number)
        .join(Session, Session.id == SessionChange.session_id)
        .join(Lesson, Lesson.id == Session.lesson_id)
        .where(Session.cohort_id == cohort_id, SessionChange.released_at.is_(None))
        .order_by(Lesson.number)
        .execution_options(populate_existing=True)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def seats_held(db: DbSession, session_ids: list[int]) -> dict[int, int]:
    """How many people hold a seat in each session."""
    rows = db.execute(
        sa.select(Seat.session_id, sa.func.count())
        .where(Seat.session_id.in_(session_ids), Seat.state == SeatState.HELD)
        .group_by(Seat.session_id)
    )
    return {row[0]: row[1] for row in rows}


def draft_of(new: Terms, session: Session, number: int) -> Draft:
    """A session as a change will make it, as planning sees it."""
    return Draft(number, new.local_date, new.local_time, session.zone, new.starts_at, new.ends_at, new.expert_id)


def conflicts_of(db: DbSession, cohort: Cohort, drafts: dict[int, Draft]) -> dict[int, Conflict]:
    """What stands in the way of sessions (by their ids) as they will be, once these are all released together."""
    if not drafts:
        return {}
    inputs = cohort_inputs(db, cohort, drafts.values(), without=tuple(drafts))
    to_come = db.execute(
        sa.select(Session, Lesson.number)
        .join(Lesson, Lesson.id == Session.lesson_id)
        .where(Session.cohort_id == cohort.id, Session.state.in_((SessionState.SCHEDULED, SessionState.LIVE)))
        .where(Session.id.not_in(_cancelled(cohort.id)))
    )
    series = {row[0].id: as_draft(row[0], row[1]) for row in to_come} | drafts
    taken = frozenset(one.local_date for one in series.values())
    found = {}
    for session_id, draft in drafts.items():
        others = tuple(other for key, other in series.items() if key != session_id)
        conflict = conflict_of(draft, inputs, taken, others)
        if conflict is not None:
            found[session_id] = conflict
    return found


def _cancelled(cohort_id: int) -> sa.Select[int]:
    """The sessions of a cohort that are to be cancelled with the next release."""
    return (
        sa.select(SessionChange.session_id)
        .join(Session, Session.id == SessionChange.session_id)
        .where(Session.cohort_id == cohort_id, SessionChange.cancel, SessionChange.released_at.is_(None))
    )


def away_conflicts(db: DbSession, cohort: Cohort) -> dict[int, Conflict]:
    """The public sessions to come, by their ids, whose expert has said since that they are away."""
    rows = db.execute(
        sa.select(Session, Lesson.number)
        .join(Lesson, Lesson.id == Session.lesson_id)
        .where(Session.cohort_id == cohort.id, Session.state == SessionState.SCHEDULED)
    ).all()
    found = conflicts_of(db, cohort, {row[0].id: as_draft(row[0], row[1]) for row in rows})
    return {
        session_id: replace(conflict, problems=away)
        for session_id, conflict in found.items()
        if (away := tuple(one for one in conflict.problems if one.kind is ConflictKind.EXPERT_AWAY))
    }


def waiting_changes(db: DbSession, cohort: Cohort) -> WaitingChanges:
    """What waits for its release in a cohort, with what stands in its way and how many are told."""
    rows = waiting_of(db, cohort.id) if cohort.state is not CohortState.DRAFT else []
    if not rows:
        return WaitingChanges((), "")
    seats = seats_held(db, [session.id for _change, session, _number in rows])
    people = {change.expert_id for change, _session, _number in rows} | {row[1].expert_id for row in rows}
    names = {
        row.id: row.display_name for row in db.execute(sa.select(User.id, User.display_name).where(User.id.in_(people)))
    }
    drafts = {
        session.id: draft_of(terms_of(change), session, number) for change, session, number in rows if not change.cancel
    }
    conflicts = conflicts_of(db, cohort, drafts)
    found = tuple(
        Change(
            id=change.id,
            session_id=session.id,
            number=number,
            zone=session.zone,
            cancel=change.cancel,
            now=terms_of(session),
            new=terms_of(change),
            expert=names.get(session.expert_id, ""),
            new_expert=names.get(change.expert_id, ""),
            seats=seats.get(session.id, 0),
            conflict=conflicts.get(session.id),
        )
        for change, session, number in rows
    )
    return WaitingChanges(found, mark_of_all([change for change, _session, _number in rows]))


@dataclass(frozen=True, slots=True)
class EditableSession:
    """A session as its organiser edits it, draft or public; with the change that waits, and its mark."""

    id: int
    number: int
    cohort_id: int
    cohort: str
    zone: str
    state: SessionState
    terms: Terms
    change: SessionChange | None

    @property
    def shown(self) -> Terms:
        """What the form begins with: the waiting change, else how it is."""
        return terms_of(self.change) if self.change else self.terms


def editable_session(db: DbSession, session_id: int) -> EditableSession | None:
    """A session that is a draft or to come, for the form that changes it; None for any other."""
    row = db.execute(
        sa.select(Session, Lesson.number, Cohort.name, SessionChange)
        .join(Lesson, Lesson.id == Session.lesson_id)
        .join(Cohort, Cohort.id == Session.cohort_id)
        .outerjoin(SessionChange, (SessionChange.session_id == Session.id) & SessionChange.released_at.is_(None))
        .where(Session.id == session_id, Session.state.in_((SessionState.DRAFT, SessionState.SCHEDULED)))
    ).first()
    if row is None:
        return None
    session = row[0]
    return EditableSession(
        session.id, row[1], session.cohort_id, row[2], session.zone, session.state, terms_of(session), row[3]
    )
