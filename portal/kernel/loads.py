"""Data that is loaded once into a database: which loads are done."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.kernel import clock
from portal.kernel.db import Base


class DataLoad(Base):
    """A load that is done, by its name."""

    __tablename__ = "data_loads"

    name: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    done_at: Mapped[datetime] = mapped_column(default=clock.now)


def is_done(db: Session, name: str) -> bool:
    """Whether this load was done before."""
    return db.get(DataLoad, name) is not None


def mark_done(db: Session, name: str) -> None:
    """Note that this load is done; a second note of the same name is refused by the database."""
    db.add(DataLoad(name=name))
    db.flush()
