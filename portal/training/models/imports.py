"""Files of people to enrol: looked at first, then worked through line by line."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock
from portal.kernel.db import Base, Id, str_enum


class ImportState(StrEnum):
    """`checked` waits for an organiser's yes; `running` is worked through by the worker; then `done`."""

    CHECKED = "checked"
    RUNNING = "running"
    DONE = "done"


class PeopleImport(Base):
    """A file of people for a cohort. Its lines are kept until it is done, or for a day when nobody says yes."""

    __tablename__ = "people_imports"
    __table_args__ = (
        sa.CheckConstraint("position >= 0", name="position"),
        sa.CheckConstraint("(state = 'done') = (finished_at IS NOT NULL)", name="finished"),
        sa.Index("ix_people_imports_state", "state"),
    )

    id: Mapped[Id]
    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohorts.id"), index=True)
    state: Mapped[ImportState] = mapped_column(str_enum(ImportState, "state"), default=ImportState.CHECKED)
    file_name: Mapped[str] = mapped_column(sa.String(120))
    # As they stand in the file: [{"number": 2, "email": "…", "name": "…", "language": "…"}].
    lines: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON)
    # How many lines have been worked through; it moves in the transaction that enrols them.
    position: Mapped[int] = mapped_column(default=0)
    enrolled: Mapped[int] = mapped_column(default=0)
    waiting: Mapped[int] = mapped_column(default=0)
    # Already in, or already in line: nothing to do.
    unchanged: Mapped[int] = mapped_column(default=0)
    # Left out: the line was wrong, or the cohort ended meanwhile.
    refused: Mapped[int] = mapped_column(default=0)
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    finished_at: Mapped[datetime | None]
