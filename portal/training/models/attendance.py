"""Who was there, what it counts for, the quiz, the feedback, and tasks done."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock
from portal.kernel.db import Base, BigId, Id, str_enum


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


class SessionFeedback(Base):
    """How a session was for somebody: one tap of 1 to 5 and a line. No stars: they would rather not say."""

    __tablename__ = "session_feedbacks"
    __table_args__ = (sa.CheckConstraint("stars BETWEEN 1 AND 5", name="stars"),)

    session_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("sessions.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("users.id"), primary_key=True, index=True)
    stars: Mapped[int | None]
    text: Mapped[str] = mapped_column(sa.String(300), default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class TaskTick(Base):
    """A lesson's shop task that a merchant ticked by hand; what the shop itself shows done needs no tick."""

    __tablename__ = "task_ticks"

    user_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("users.id"), primary_key=True)
    lesson_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("lessons.id"), primary_key=True)
    ticked_at: Mapped[datetime] = mapped_column(default=clock.now)


class Recomputation(Base):
    """How far a long piece of work over all sessions has come, so that it goes on where it was stopped."""

    __tablename__ = "recomputations"

    name: Mapped[str] = mapped_column(sa.String(60), primary_key=True)
    position: Mapped[int] = mapped_column(BigId, default=0)
    changed: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime] = mapped_column(default=clock.now)
    finished_at: Mapped[datetime | None]
