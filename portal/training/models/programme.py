"""The programme, its lessons and their words, and the cohorts that run it."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock
from portal.kernel.db import Base, Id, str_enum

PROGRAMME_SLUG = "vendre-en-ligne"
LESSONS = 25


class CohortState(StrEnum):
    """A draft is seen by organisers only; released is public; finished has no session to come."""

    DRAFT = "draft"
    RELEASED = "released"
    FINISHED = "finished"


class RoomKind(StrEnum):
    """Who keeps the room: a plain link leads to any; Jitsi Meet by its address; BigBlueButton by its API."""

    LINK = "link"
    JITSI = "jitsi"
    BIGBLUEBUTTON = "bigbluebutton"


class WaitlistRule(StrEnum):
    """Who comes first in a cohort's line: whoever came first; newcomers to the programme; or those closest to 20."""

    FIRST_COME = "first_come"
    NEWCOMERS = "newcomers"
    NEAR_CERTIFICATE = "near_certificate"


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


class LessonVersion(Base):
    """A lesson's words as an organiser edited them, in all languages at once; the highest number is shown.

    Rows are only ever added: a past session and whoever had it keep what they had.
    """

    __tablename__ = "lesson_versions"
    __table_args__ = (
        sa.UniqueConstraint("lesson_id", "number"),
        sa.CheckConstraint("number > 0", name="number"),
    )

    id: Mapped[Id]
    lesson_id: Mapped[int] = mapped_column(sa.ForeignKey("lessons.id"))
    number: Mapped[int]
    # {"fr": {"summary": …, "aims": […], "task": …, "text": …}, "en": …, "ar": …}
    words: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


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
    room_kind: Mapped[RoomKind] = mapped_column(str_enum(RoomKind, "room_kind"), default=RoomKind.LINK)
    video_url: Mapped[str] = mapped_column(sa.String(500), default="")
    waitlist_rule: Mapped[WaitlistRule] = mapped_column(
        str_enum(WaitlistRule, "waitlist_rule"), default=WaitlistRule.FIRST_COME
    )
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


class GroupAudience(StrEnum):
    """Whom a message to a cohort goes to."""

    EVERYONE = "everyone"
    NOT_STARTED = "not_started"
    MISSED_TWO = "missed_two"
    WAITING = "waiting"


class GroupMessage(Base):
    """What an organiser wrote to a group of a cohort: a draft until sent, then one mail a person through the outbox."""

    __tablename__ = "group_messages"

    id: Mapped[Id]
    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohorts.id"), index=True)
    audience: Mapped[GroupAudience] = mapped_column(str_enum(GroupAudience, "audience"))
    subject: Mapped[str] = mapped_column(sa.String(120))
    text: Mapped[str] = mapped_column(sa.String(2000))
    # A form sent twice is one message.
    idempotency_key: Mapped[str] = mapped_column(sa.String(43), unique=True)
    told: Mapped[int] = mapped_column(default=0)
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    sent_at: Mapped[datetime | None]
