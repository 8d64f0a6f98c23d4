"""That a room has changed, noted where its changes are sent to its viewers; and who sends them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.kernel import clock
from portal.kernel.db import conflict_insert, rows_changed
from portal.training.models import RoomPublication, Session, SessionState

# Whoever is killed between claiming a room and publishing it leaves it to the next one after this.
CLAIM_LASTS = timedelta(seconds=5)
_publications = RoomPublication.__table__.c
_WAITING = (
    sa.select(_publications.session_id, _publications.version)
    .where(
        _publications.published < _publications.version,
        sa.func.coalesce(
            _publications.claimed_until <= sa.bindparam("now", type_=_publications.claimed_until.type), True
        ),
    )
    .order_by(_publications.session_id)
)
_LIVE = sa.select(Session.id).where(Session.state == SessionState.LIVE).order_by(Session.id)


@dataclass(frozen=True, slots=True)
class Change:
    """A room to publish, and the version that this makes known."""

    session_id: int
    version: int


def note_change(db: DbSession, *, session_id: int) -> None:
    """Count the room's version up, in the transaction of the change."""
    insert = conflict_insert(db, RoomPublication).values(session_id=session_id)
    db.execute(
        insert.on_conflict_do_update(
            index_elements=["session_id"], set_={"version": RoomPublication.__table__.c.version + 1}
        )
    )


def waiting_changes(db: DbSession) -> list[Change]:
    """The rooms whose viewers have not been sent the newest, unless somebody is sending it now."""
    return [Change(*row) for row in db.execute(_WAITING, {"now": clock.now()})]


def live_rooms(db: DbSession) -> list[int]:
    """The sessions whose rooms are being looked at."""
    return list(db.scalars(_LIVE))


def claim(db: DbSession, change: Change) -> bool:
    """Take it on oneself to publish a room; False when somebody else has."""
    now = clock.now()
    free = sa.or_(RoomPublication.claimed_until.is_(None), RoomPublication.claimed_until <= now)
    claimed = (
        sa.update(RoomPublication)
        .where(
            RoomPublication.session_id == change.session_id, RoomPublication.published < RoomPublication.version, free
        )
        .values(claimed_until=now + CLAIM_LASTS)
    )
    return rows_changed(db, claimed.execution_options(synchronize_session=False)) == 1


def settle(db: DbSession, change: Change, *, published: bool) -> None:
    """Let go of a room again; what changed after it was read is a higher version, and waits for the next round."""
    values: dict[str, Any] = {"claimed_until": None}
    if published:
        newer = RoomPublication.published < change.version
        values["published"] = sa.case((newer, change.version), else_=RoomPublication.published)
    settled = sa.update(RoomPublication).where(RoomPublication.session_id == change.session_id).values(values)
    db.execute(settled.execution_options(synchronize_session=False))
