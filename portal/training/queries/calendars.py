"""Whose calendar a secret address is."""

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.kernel.db import BigId
from portal.training.models import CalendarFeed

_feeds = CalendarFeed.__table__.c
_TOKEN = sa.select(_feeds.token).where(_feeds.user_id == sa.bindparam("user_id", type_=BigId))


def feed_owner(db: DbSession, token: str) -> int | None:
    """The user whose calendar this token opens."""
    return db.scalar(sa.select(CalendarFeed.user_id).where(CalendarFeed.token == token))


def feed_token(db: DbSession, user_id: int) -> str | None:
    """The token of this user's calendar, once they have asked for one."""
    return db.scalar(_TOKEN, {"user_id": user_id})
