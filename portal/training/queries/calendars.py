"""Whose calendar a secret address is."""

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.training.models import CalendarFeed


def feed_owner(db: DbSession, token: str) -> int | None:
    """The user whose calendar this token opens."""
    return db.scalar(sa.select(CalendarFeed.user_id).where(CalendarFeed.token == token))


def feed_token(db: DbSession, user_id: int) -> str | None:
    """The token of this user's calendar, once they have asked for one."""
    return db.scalar(sa.select(CalendarFeed.token).where(CalendarFeed.user_id == user_id))
