"""Who is in a cohort, who holds a seat, and who is in line for one."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock, ids
from portal.kernel.db import Base, BigId, Id, str_enum


class EnrolmentState(StrEnum):
    """A person's part in a cohort."""

    ACTIVE = "active"
    LEFT = "left"


class SeatState(StrEnum):
    """A person's place in one session."""

    HELD = "held"
    RELEASED = "released"


class WaitlistState(StrEnum):
    """Where a person stands in the line for a full cohort or session."""

    WAITING = "waiting"
    OFFERED = "offered"
    TAKEN = "taken"
    LEFT = "left"
    EXPIRED = "expired"


class OfferOutcome(StrEnum):
    """What became of a seat that was offered; `given` ones need no yes."""

    OPEN = "open"
    TAKEN = "taken"
    DECLINED = "declined"
    EXPIRED = "expired"
    GIVEN = "given"
    WITHDRAWN = "withdrawn"


class Enrolment(Base):
    """A person in a cohort; counted in `Cohort.seats_taken` while active."""

    __tablename__ = "enrolments"
    __table_args__ = (sa.UniqueConstraint("cohort_id", "user_id"),)

    id: Mapped[Id]
    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohorts.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    state: Mapped[EnrolmentState] = mapped_column(str_enum(EnrolmentState, "state"), default=EnrolmentState.ACTIVE)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    left_at: Mapped[datetime | None]


class Seat(Base):
    """A place in one session: through an enrolment, or alone as a guest of that session."""

    __tablename__ = "seats"
    __table_args__ = (
        sa.UniqueConstraint("session_id", "user_id"),
        sa.Index("ix_seats_user_id_state", "user_id", "state"),
        sa.Index("ix_seats_enrolment_id", "enrolment_id"),
        sa.Index(
            "ix_seats_confirm_by",
            "confirm_by",
            postgresql_where=sa.text("confirm_by IS NOT NULL"),
            sqlite_where=sa.text("confirm_by IS NOT NULL"),
        ),
    )

    id: Mapped[Id]
    session_id: Mapped[int] = mapped_column(sa.ForeignKey("sessions.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    enrolment_id: Mapped[int | None] = mapped_column(sa.ForeignKey("enrolments.id"))
    # Added to the session's SEQUENCE in this person's calendar: leaving and coming back must each count one up.
    calendar_offset: Mapped[int] = mapped_column(default=0)
    # After a move of more than 15 minutes: until when it waits for its holder's yes.
    confirm_by: Mapped[datetime | None]
    state: Mapped[SeatState] = mapped_column(str_enum(SeatState, "state"), default=SeatState.HELD)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    released_at: Mapped[datetime | None]


class WaitlistEntry(Base):
    """A place in line for a full cohort, or for one full session: exactly one of the two."""

    __tablename__ = "waitlist_entries"
    __table_args__ = (
        sa.UniqueConstraint("cohort_id", "user_id"),
        sa.UniqueConstraint("session_id", "user_id"),
        sa.CheckConstraint("(cohort_id IS NULL) <> (session_id IS NULL)", name="one_line"),
        sa.CheckConstraint("(state = 'offered') = (offer_expires_at IS NOT NULL)", name="offer"),
        sa.Index("ix_waitlist_entries_state_queued_at", "state", "queued_at"),
        sa.Index("ix_waitlist_entries_cohort_id_line", "cohort_id", "state", "priority", "queued_at"),
        sa.Index("ix_waitlist_entries_session_id_line", "session_id", "state", "priority", "queued_at"),
    )

    id: Mapped[Id]
    cohort_id: Mapped[int | None] = mapped_column(sa.ForeignKey("cohorts.id"))
    session_id: Mapped[int | None] = mapped_column(sa.ForeignKey("sessions.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    state: Mapped[WaitlistState] = mapped_column(str_enum(WaitlistState, "state"), default=WaitlistState.WAITING)
    # Who comes first: the higher, by the cohort's rule or by an organiser's hand, who says why.
    priority: Mapped[int] = mapped_column(default=0)
    priority_reason: Mapped[str] = mapped_column(sa.String(200), default="")
    # The order of the line; an offer that expires moves it to the tail, once.
    queued_at: Mapped[datetime] = mapped_column(default=clock.now)
    expired_offers: Mapped[int] = mapped_column(default=0)
    offer_expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class WaitlistOffer(Base):
    """A freed seat, offered to one person in line and held for them meanwhile: kept, so that anyone can see why."""

    __tablename__ = "waitlist_offers"
    __table_args__ = (
        sa.Index(
            "uq_waitlist_offers_open",
            "entry_id",
            unique=True,
            postgresql_where=sa.text("outcome = 'open'"),
            sqlite_where=sa.text("outcome = 'open'"),
        ),
        sa.Index("ix_waitlist_offers_entry_id", "entry_id"),
    )

    id: Mapped[Id]
    entry_id: Mapped[int] = mapped_column(sa.ForeignKey("waitlist_entries.id"))
    offered_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime | None]
    outcome: Mapped[OfferOutcome] = mapped_column(str_enum(OfferOutcome, "outcome"), default=OfferOutcome.OPEN)
    settled_at: Mapped[datetime | None]


class CalendarFeed(Base):
    """The secret address of a person's calendar: their phone reads it without signing in."""

    __tablename__ = "calendar_feeds"

    user_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("users.id"), primary_key=True)
    token: Mapped[str] = mapped_column(sa.String(43), unique=True, default=ids.token)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
