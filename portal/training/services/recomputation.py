"""Attendance worked out again each night, session after session, from where it was stopped."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal import config
from portal.kernel import clock
from portal.kernel.db import conflict_insert
from portal.training.models import Recomputation, Session, SessionState
from portal.training.services.attendance import recompute_attendance

# What arrives late (a provider's roster, a device that was offline) arrives within days; later it is settled.
LOOKS_BACK = timedelta(days=35)
# On the portal's own clock: when nobody is in a room.
_NIGHT_BEGINS = timedelta(hours=2)


def night_of(moment: datetime) -> str:
    """The name of the night's work that a moment belongs to: each has one."""
    local = moment.astimezone(ZoneInfo(config.current().time_zone)) - _NIGHT_BEGINS
    return f"attendance {local.date().isoformat()}"


def begin_night(db: DbSession) -> str:
    """The work of this night, begun unless it was; returns its name."""
    name = night_of(clock.now())
    insert = conflict_insert(db, Recomputation).values(name=name)
    db.execute(insert.on_conflict_do_nothing(index_elements=["name"]))
    return name


def recompute_next(db: DbSession, name: str) -> bool:
    """One more session of a night's work; False once there is none left, or while somebody else is at it."""
    work = db.scalar(
        sa.select(Recomputation)
        .where(Recomputation.name == name, Recomputation.finished_at.is_(None))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if work is None:
        return False
    following = db.scalar(
        sa.select(Session.id)
        .where(
            Session.id > work.position,
            Session.state == SessionState.ENDED,
            Session.starts_at > work.started_at - LOOKS_BACK,
        )
        .order_by(Session.id)
        .limit(1)
    )
    if following is None:
        work.finished_at = clock.now()
        return False
    work.changed += recompute_attendance(db, following)
    work.position = following
    return True
