"""Dated runs of lessons, what is to change about them, and the slides they showed."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock, ids
from portal.kernel.db import Base, BigId, Id, str_enum
from portal.training.models.programme import RoomKind


class SessionState(StrEnum):
    """The life of one dated run of a lesson."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    LIVE = "live"
    ENDED = "ended"
    CANCELLED = "cancelled"


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
        sa.CheckConstraint("replay_from_seconds >= 0", name="replay_from_seconds"),
        sa.Index("ix_sessions_state_starts_at", "state", "starts_at"),
        sa.Index("ix_sessions_lesson_id_starts_at", "lesson_id", "starts_at"),
        sa.Index(
            "ix_sessions_to_come",
            "starts_at",
            "id",
            postgresql_where=sa.text("state IN ('scheduled', 'live')"),
            sqlite_where=sa.text("state IN ('scheduled', 'live')"),
        ),
        sa.Index(
            "ix_sessions_recorded",
            "lesson_id",
            "starts_at",
            postgresql_where=sa.text("replay_url <> ''"),
            sqlite_where=sa.text("replay_url <> ''"),
        ),
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
    # Where it is seen and heard: a link as it is, or a room that a provider keeps under `room_id`.
    room_kind: Mapped[RoomKind] = mapped_column(str_enum(RoomKind, "room_kind"), default=RoomKind.LINK)
    room_id: Mapped[str] = mapped_column(sa.String(80), default="")
    video_url: Mapped[str] = mapped_column(sa.String(500), default="")
    # When the provider last said who is in the room: from then on its roster counts, not the page's pings.
    roster_seen_at: Mapped[datetime | None]
    replay_url: Mapped[str] = mapped_column(sa.String(500), default="")
    # Where the session begins in its recording.
    replay_from_seconds: Mapped[int] = mapped_column(default=0)
    # The words that were shown: stamped when it begins, so that later edits leave it as it was.
    lesson_version_id: Mapped[int | None] = mapped_column(sa.ForeignKey("lesson_versions.id"))
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
    # When those who were there were asked how it was.
    feedback_asked_at: Mapped[datetime | None]


class SessionChange(Base):
    """What an organiser is about to change about a public session: private until released, then kept as its history.

    It holds how the session will be; at most one change waits for each session.
    """

    __tablename__ = "session_changes"
    __table_args__ = (
        sa.CheckConstraint("ends_at > starts_at", name="span"),
        sa.CheckConstraint("(released_at IS NULL) = (released_by IS NULL)", name="release"),
        sa.Index(
            "uq_session_changes_waiting",
            "session_id",
            unique=True,
            postgresql_where=sa.text("released_at IS NULL"),
            sqlite_where=sa.text("released_at IS NULL"),
        ),
        sa.Index("ix_session_changes_session_id", "session_id"),
    )

    id: Mapped[Id]
    session_id: Mapped[int] = mapped_column(sa.ForeignKey("sessions.id"))
    cancel: Mapped[bool] = mapped_column(default=False)
    local_date: Mapped[date]
    local_time: Mapped[time]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    expert_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    room_kind: Mapped[RoomKind] = mapped_column(str_enum(RoomKind, "room_kind"))
    video_url: Mapped[str] = mapped_column(sa.String(500), default="")
    # What it was before, for the history; written at release.
    before: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    released_by: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    released_at: Mapped[datetime | None]
    told: Mapped[int] = mapped_column(default=0)


class SlideTurn(Base):
    """A slide was shown to everybody at a moment: the chapters of the replay."""

    __tablename__ = "slide_turns"
    __table_args__ = (sa.CheckConstraint("slide >= 0", name="slide"),)

    id: Mapped[Id]
    session_id: Mapped[int] = mapped_column(sa.ForeignKey("sessions.id"), index=True)
    slide: Mapped[int]
    at: Mapped[datetime] = mapped_column(default=clock.now)


class RoomPublication(Base):
    """That a room has changed since its viewers were last sent what it shows; kept only where that is sent at all.

    Each change counts `version` up, in its own transaction; whoever publishes brings `published` up to it.
    """

    __tablename__ = "room_publications"
    __table_args__ = (
        sa.CheckConstraint("published <= version", name="published"),
        sa.Index(
            "ix_room_publications_waiting",
            "session_id",
            postgresql_where=sa.text("published < version"),
            sqlite_where=sa.text("published < version"),
        ),
    )

    session_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("sessions.id"), primary_key=True)
    version: Mapped[int] = mapped_column(BigId, default=1)
    published: Mapped[int] = mapped_column(BigId, default=0)
    # While somebody publishes it nobody else does; whoever is killed meanwhile frees it after a few seconds.
    claimed_until: Mapped[datetime | None]
