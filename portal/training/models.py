"""Programme, lessons, cohorts, their sessions, who holds a seat, and who was there."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock, ids
from portal.kernel.db import Base, BigId, Id, str_enum

PROGRAMME_SLUG = "vendre-en-ligne"
LESSONS = 25


class CohortState(StrEnum):
    """A draft is seen by organisers only; released is public; finished has no session to come."""

    DRAFT = "draft"
    RELEASED = "released"
    FINISHED = "finished"


class SessionState(StrEnum):
    """The life of one dated run of a lesson."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    LIVE = "live"
    ENDED = "ended"
    CANCELLED = "cancelled"


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


class PresenceSource(StrEnum):
    """How we know that someone was there."""

    PAGE = "page"
    BUTTON = "button"
    ROSTER = "roster"


class AttendanceState(StrEnum):
    """What a session counts for, for one person; `replay` is completed by replay and quiz."""

    PRESENT = "present"
    PARTIAL = "partial"
    EXCUSED = "excused"
    ABSENT = "absent"
    TECHNICAL = "technical"
    REPLAY = "replay"


# The states that count towards the certificate.
COUNTED = (AttendanceState.PRESENT, AttendanceState.REPLAY)


class Programme(Base):
    """The 25 lessons and the rule of the certificate."""

    __tablename__ = "programmes"
    __table_args__ = (
        sa.CheckConstraint("needed_lessons BETWEEN 1 AND 25", name="needed_lessons"),
        sa.CheckConstraint("bar_percent BETWEEN 1 AND 100", name="bar_percent"),
        sa.CheckConstraint("session_minutes BETWEEN 5 AND 240", name="session_minutes"),
    )

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(sa.String(60), unique=True)
    needed_lessons: Mapped[int] = mapped_column(default=20)
    bar_percent: Mapped[int] = mapped_column(default=70)
    session_minutes: Mapped[int] = mapped_column(default=30)


class Lesson(Base):
    """One of the 25, by number; its words are in the content files."""

    __tablename__ = "lessons"
    __table_args__ = (
        sa.UniqueConstraint("programme_id", "number"),
        sa.CheckConstraint("number BETWEEN 1 AND 25", name="number"),
    )

    id: Mapped[Id]
    programme_id: Mapped[int] = mapped_column(sa.ForeignKey("programmes.id"))
    number: Mapped[int]
    slug: Mapped[str] = mapped_column(sa.String(60))


class Cohort(Base):
    """A run of the programme: 25 sessions on the same weekdays at the same local time."""

    __tablename__ = "cohorts"
    __table_args__ = (
        sa.CheckConstraint("capacity > 0", name="capacity"),
        sa.CheckConstraint("seats_taken BETWEEN 0 AND capacity", name="seats_taken"),
        sa.CheckConstraint("weekdays BETWEEN 1 AND 127", name="weekdays"),
        sa.Index("ix_cohorts_state_first_on", "state", "first_on"),
    )

    id: Mapped[Id]
    programme_id: Mapped[int] = mapped_column(sa.ForeignKey("programmes.id"))
    name: Mapped[str] = mapped_column(sa.String(80))
    language: Mapped[str] = mapped_column(sa.String(2))
    first_on: Mapped[date]
    last_on: Mapped[date]
    local_time: Mapped[time]
    # Bit n is weekday n, Monday = bit 0.
    weekdays: Mapped[int]
    zone: Mapped[str] = mapped_column(sa.String(64))
    country: Mapped[str] = mapped_column(sa.String(2))
    # Days off: [{"on": "2027-05-06", "name": "Ascension"}], as they were skipped when it was planned.
    days_off: Mapped[list[dict[str, str]]] = mapped_column(sa.JSON, default=list)
    capacity: Mapped[int]
    seats_taken: Mapped[int] = mapped_column(default=0)
    state: Mapped[CohortState] = mapped_column(str_enum(CohortState, "state"), default=CohortState.DRAFT)
    video_url: Mapped[str] = mapped_column(sa.String(500), default="")
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    released_at: Mapped[datetime | None]


class CohortExpert(Base):
    """The team of a cohort, in the order of its rotation."""

    __tablename__ = "cohort_experts"
    __table_args__ = (sa.UniqueConstraint("cohort_id", "position"),)

    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohorts.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), primary_key=True)
    position: Mapped[int]


class Session(Base):
    """One scheduled live run of a lesson in a cohort.

    Local wall time and zone are what was promised; `starts_at` and `ends_at` are what it means in UTC.
    That no expert is in two sessions at once is an exclusion on PostgreSQL and triggers on SQLite.
    """

    __tablename__ = "sessions"
    __table_args__ = (
        sa.UniqueConstraint("cohort_id", "lesson_id"),
        sa.CheckConstraint("ends_at > starts_at", name="span"),
        sa.CheckConstraint("bar_percent BETWEEN 1 AND 100", name="bar_percent"),
        sa.CheckConstraint("guests_taken BETWEEN 0 AND guest_capacity", name="guests_taken"),
        sa.CheckConstraint("slide >= 0", name="slide"),
        sa.Index("ix_sessions_state_starts_at", "state", "starts_at"),
        sa.Index("ix_sessions_lesson_id_starts_at", "lesson_id", "starts_at"),
        sa.Index("ix_sessions_expert_id_starts_at", "expert_id", "starts_at"),
    )

    id: Mapped[Id]
    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohorts.id"))
    lesson_id: Mapped[int] = mapped_column(sa.ForeignKey("lessons.id"))
    expert_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    local_date: Mapped[date]
    local_time: Mapped[time]
    zone: Mapped[str] = mapped_column(sa.String(64))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[SessionState] = mapped_column(str_enum(SessionState, "state"), default=SessionState.DRAFT)
    # The bar as it was when the session was made: a later change of the rule does not reach it.
    bar_percent: Mapped[int]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    slide: Mapped[int] = mapped_column(default=0)
    video_url: Mapped[str] = mapped_column(sa.String(500), default="")
    replay_url: Mapped[str] = mapped_column(sa.String(500), default="")
    calendar_uid: Mapped[str] = mapped_column(sa.String(80), unique=True, default=lambda: ids.readable_code(20))
    calendar_sequence: Mapped[int] = mapped_column(default=0)
    # Where it stood before it was last moved: the page says so.
    moved_from: Mapped[datetime | None]
    # Seats for people of other cohorts; a seat given back by someone enrolled is added here.
    guest_capacity: Mapped[int] = mapped_column(default=0)
    guests_taken: Mapped[int] = mapped_column(default=0)
    # When its reminders were put in the outbox: a day before, and ten minutes before.
    day_reminder_at: Mapped[datetime | None]
    soon_reminder_at: Mapped[datetime | None]


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
    )

    id: Mapped[Id]
    session_id: Mapped[int] = mapped_column(sa.ForeignKey("sessions.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    enrolment_id: Mapped[int | None] = mapped_column(sa.ForeignKey("enrolments.id"))
    # Added to the session's SEQUENCE in this person's calendar: leaving and coming back must each count one up.
    calendar_offset: Mapped[int] = mapped_column(default=0)
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
    )

    id: Mapped[Id]
    cohort_id: Mapped[int | None] = mapped_column(sa.ForeignKey("cohorts.id"))
    session_id: Mapped[int | None] = mapped_column(sa.ForeignKey("sessions.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    state: Mapped[WaitlistState] = mapped_column(str_enum(WaitlistState, "state"), default=WaitlistState.WAITING)
    # The order of the line; an offer that expires moves it to the tail, once.
    queued_at: Mapped[datetime] = mapped_column(default=clock.now)
    expired_offers: Mapped[int] = mapped_column(default=0)
    offer_expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class PresencePing(Base):
    """A stretch of time that one device's pings cover without a gap; a person's stretches are merged when counted."""

    __tablename__ = "presence_pings"
    __table_args__ = (
        sa.UniqueConstraint("session_id", "user_id", "device", "from_at"),
        sa.CheckConstraint("until_at >= from_at", name="span"),
        sa.Index("ix_presence_pings_session_id_until_at", "session_id", "until_at"),
    )

    id: Mapped[Id]
    session_id: Mapped[int] = mapped_column(sa.ForeignKey("sessions.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    device: Mapped[str] = mapped_column(sa.String(32))
    source: Mapped[PresenceSource] = mapped_column(str_enum(PresenceSource, "source"))
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]


class Attendance(Base):
    """What one session counts for, for one person, worked out at its end."""

    __tablename__ = "attendances"
    __table_args__ = (
        sa.UniqueConstraint("session_id", "user_id"),
        sa.CheckConstraint("seconds >= 0", name="seconds"),
        sa.Index("ix_attendances_user_id_state", "user_id", "state"),
    )

    id: Mapped[Id]
    session_id: Mapped[int] = mapped_column(sa.ForeignKey("sessions.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    state: Mapped[AttendanceState] = mapped_column(str_enum(AttendanceState, "state"))
    # Seconds present, and the seconds they are measured against.
    seconds: Mapped[int]
    session_seconds: Mapped[int]
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)


class AttendanceOverride(Base):
    """An organiser's correction, kept for good: rows are only ever added (triggers refuse the rest)."""

    __tablename__ = "attendance_overrides"
    __table_args__ = (sa.CheckConstraint("length(reason) >= 3", name="reason"),)

    id: Mapped[Id]
    attendance_id: Mapped[int] = mapped_column(sa.ForeignKey("attendances.id"), index=True)
    organiser_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    before: Mapped[AttendanceState] = mapped_column(str_enum(AttendanceState, "before"))
    after: Mapped[AttendanceState] = mapped_column(str_enum(AttendanceState, "after"))
    reason: Mapped[str] = mapped_column(sa.String(500))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class QuizAttempt(Base):
    """One try at a lesson's four questions, after its replay."""

    __tablename__ = "quiz_attempts"
    __table_args__ = (
        sa.Index("ix_quiz_attempts_user_id_lesson_id", "user_id", "lesson_id"),
        sa.CheckConstraint("right_answers BETWEEN 0 AND questions", name="right_answers"),
    )

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    lesson_id: Mapped[int] = mapped_column(sa.ForeignKey("lessons.id"))
    right_answers: Mapped[int]
    questions: Mapped[int]
    answers: Mapped[list[Any]] = mapped_column(sa.JSON)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class CalendarFeed(Base):
    """The secret address of a person's calendar: their phone reads it without signing in."""

    __tablename__ = "calendar_feeds"

    user_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("users.id"), primary_key=True)
    token: Mapped[str] = mapped_column(sa.String(43), unique=True, default=ids.token)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
