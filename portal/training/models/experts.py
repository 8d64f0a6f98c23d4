"""When experts can lead sessions, and in which languages."""

from datetime import date, time

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, BigId, Id


class ExpertLanguage(Base):
    """A language in which an expert leads sessions; without a row it is the language of their own pages."""

    __tablename__ = "expert_languages"

    user_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("users.id"), primary_key=True)
    language: Mapped[str] = mapped_column(sa.String(2), primary_key=True)


class ExpertAvailability(Base):
    """A weekly window in which an expert leads sessions, on the wall clock of `zone`; without rows, always."""

    __tablename__ = "expert_availabilities"
    __table_args__ = (
        sa.UniqueConstraint("user_id", "weekday", "from_time"),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        sa.CheckConstraint("until_time > from_time", name="span"),
    )

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    weekday: Mapped[int]
    from_time: Mapped[time]
    until_time: Mapped[time]
    zone: Mapped[str] = mapped_column(sa.String(64))


class ExpertAbsence(Base):
    """Days on which an expert leads nothing, both ends included."""

    __tablename__ = "expert_absences"
    __table_args__ = (
        sa.CheckConstraint("last_on >= first_on", name="span"),
        sa.Index("ix_expert_absences_user_id_first_on", "user_id", "first_on"),
    )

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    first_on: Mapped[date]
    last_on: Mapped[date]
    note: Mapped[str] = mapped_column(sa.String(120), default="")
