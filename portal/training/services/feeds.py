"""The secret address of a person's calendar."""

from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel import clock, ids
from portal.kernel.db import conflict_insert
from portal.training.models import CalendarFeed


def calendar_feed(db: DbSession, *, user: User) -> None:
    """Make it at first use; afterwards it stays the same, because phones keep it."""
    insert = conflict_insert(db, CalendarFeed).values(user_id=user.id)
    db.execute(insert.on_conflict_do_nothing(index_elements=["user_id"]))


def reset_feed(db: DbSession, *, user: User) -> None:
    """Another address: whoever has the old one sees nothing any more, and one's own devices subscribe again."""
    fresh = {"token": ids.token(), "created_at": clock.now()}
    insert = conflict_insert(db, CalendarFeed).values(user_id=user.id, **fresh)
    db.execute(insert.on_conflict_do_update(index_elements=["user_id"], set_=fresh))
