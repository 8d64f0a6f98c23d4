"""Who is told what when a change of a session is released: each person with a seat once, and whoever leads it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.identity.services import recipient_of
from portal.kernel import clock
from portal.notifications.services import Attachment, Mail, send_mails, withdraw_mails_of
from portal.training import calendars
from portal.training.calendars import CalendarEntry
from portal.training.models import Cohort, Lesson, Seat, SeatState, Session, SessionChange
from portal.training.policies import ANSWER_WITHIN, answer_by
from portal.training.queries.changes import Terms, terms_of
from portal.training.services.places import seat_key


@dataclass(frozen=True, slots=True)
class Told:
    """How many were written to."""

    people: int = 0
    experts: int = 0


@dataclass(frozen=True, slots=True)
class _Told:
    """One released change, as mails about it are written."""

    kind: str
    method: str
    change: SessionChange
    session: Session
    cohort: Cohort
    number: int
    params: dict[str, Any]

    def calendar(self, offset: int, user: User) -> Attachment | None:
        """The session as this person's calendar should have it now; None where nothing in it changes."""
        if not self.method:
            return None
        entry = CalendarEntry(
            self.session.id,
            self.session.calendar_uid,
            self.session.calendar_sequence + offset,
            self.number,
            self.session.starts_at,
            self.session.ends_at,
            self.cohort.name,
            self.session.zone,
        )
        ics = calendars.build([entry], language=str(user.language), method=self.method, attendee=user.email)
        return Attachment("comptoir.ics", calendars.CONTENT_TYPE, ics, self.method)


def number_of(db: DbSession, session: Session) -> int:
    """The number of a session's lesson."""
    return db.scalars(sa.select(Lesson.number).where(Lesson.id == session.lesson_id)).one()


def _ask(db: DbSession, session: Session, old: Terms) -> datetime | None:
    """Set until when each seat of a moved session waits for its holder's yes; returns it."""
    now = clock.now()
    until = answer_by(old.starts_at, session.starts_at, now)
    if until is None and session.starts_at - now >= ANSWER_WITHIN:
        # A small move: a question asked before it still stands.
        return None
    _wait_until(db, session, until)
    return until


def _wait_until(db: DbSession, session: Session, until: datetime | None) -> None:
    held = sa.update(Seat).where(Seat.session_id == session.id, Seat.state == SeatState.HELD)
    db.execute(held.values(confirm_by=until).execution_options(synchronize_session=False))


def _about(db: DbSession, change: SessionChange, session: Session, old: Terms) -> tuple[str, str, dict[str, Any]]:
    """(kind of mail, METHOD of its calendar, what it is written from)."""
    new = terms_of(change)
    if change.cancel:
        _wait_until(db, session, None)
        return "training.cancelled", calendars.CANCEL, {}
    moved, elsewhere, other = old.when != new.when, old.where != new.where, old.expert_id != new.expert_id
    params: dict[str, Any] = {"room_changed": elsewhere, "expert": ""}
    if other:
        params["expert"] = db.scalar(sa.select(User.display_name).where(User.id == new.expert_id)) or ""
    if moved:
        until = _ask(db, session, old)
        return "training.moved", calendars.REQUEST, {**params, "answer_by": until.isoformat() if until else None}
    # The calendar has no expert in it: there is nothing to change there.
    return "training.changed", calendars.REQUEST if elsewhere else "", params


def _mail_seats(db: DbSession, told: _Told) -> int:
    seats = db.execute(
        sa.select(Seat.id, Seat.calendar_offset, User)
        .join(User, User.id == Seat.user_id)
        .where(Seat.session_id == told.session.id, Seat.state == SeatState.HELD)
        .order_by(Seat.id)
    ).all()
    if told.kind != "training.changed":
        withdraw_mails_of(db, subject_keys=[seat_key(seat_id) for seat_id, _offset, _user in seats])
    mails = []
    for seat_id, offset, user in seats:
        calendar = told.calendar(offset, user)
        mails.append(
            Mail(
                to=recipient_of(user),
                kind=told.kind,
                params={**told.params, "seat_id": seat_id},
                attachments=[calendar] if calendar else [],
                dedupe_key=f"change:{told.change.id}:{seat_id}",
            )
        )
    return send_mails(db, mails)


def _mail_experts(db: DbSession, told: _Told, old: Terms) -> int:
    """Whoever leads it, and whoever led it until now."""
    change, now = told.change, told.session.expert_id
    what = "cancelled" if change.cancel else "moved" if told.kind == "training.moved" else "room"
    roles = {now: what} if now == old.expert_id else {now: "given", old.expert_id: "taken"}
    users = db.scalars(sa.select(User).where(User.id.in_(roles)).order_by(User.id))
    return send_mails(
        db,
        [
            Mail(
                to=recipient_of(user),
                kind="training.leads",
                params={**told.params, "what": roles[user.id]},
                dedupe_key=f"change:{change.id}:expert:{user.id}",
            )
            for user in users
        ],
    )


def tell(db: DbSession, *, cohort: Cohort, session: Session, change: SessionChange, old: Terms, number: int) -> Told:
    """Write to everyone a released change concerns. `old`: how the session was; `session` is how it is now.

    Reminders of the old time are withdrawn; after a real move each seat waits for a yes (`Seat.confirm_by`).
    """
    kind, method, more = _about(db, change, session, old)
    params = {
        "session_id": session.id,
        "cohort_id": cohort.id,
        "number": number,
        "cohort": cohort.name,
        "before": old.starts_at.isoformat(),
        "starts_at": session.starts_at.isoformat(),
        "zone": session.zone,
        **more,
    }
    told = _Told(kind, method, change, session, cohort, number, params)
    return Told(_mail_seats(db, told), _mail_experts(db, told, old))
