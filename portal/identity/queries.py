"""Finding users."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, make_transient_to_detached

from portal.identity.models import LoginSession, User
from portal.kernel import ids, text


@dataclass(frozen=True, slots=True)
class Person:
    """What others see of a user."""

    id: int
    display_name: str
    handle: str
    is_expert: bool

    @property
    def initials(self) -> str:
        """One or two letters for the avatar."""
        return text.initials(self.display_name)


def user_by_id(db: Session, user_id: int) -> User | None:
    """The user with this id."""
    return db.get(User, user_id)


def user_by_handle(db: Session, handle: str) -> User | None:
    """The user with this handle, in any case."""
    return db.scalar(sa.select(User).where(User.handle == handle.strip().lower().lstrip("@")))


def user_by_email(db: Session, email: str) -> User | None:
    """The user with this e-mail address, in any case."""
    return db.scalar(sa.select(User).where(User.email == email.strip().lower()))


def people(db: Session, user_ids: Iterable[int]) -> dict[int, Person]:
    """What a page shows of these users, in one statement."""
    wanted = set(user_ids)
    if not wanted:
        return {}
    columns = (User.id, User.display_name, User.handle, User.is_expert)
    rows = db.execute(sa.select(*columns).where(User.id.in_(wanted)))
    return {row.id: Person(row.id, row.display_name, row.handle, row.is_expert) for row in rows}


def demo_users(db: Session) -> list[User]:
    """The demo people the sandbox offers to sign in as."""
    return list(db.scalars(sa.select(User).where(User.is_demo).order_by(User.id)))


@dataclass(frozen=True, slots=True)
class LiveLogin:
    """A live login session and its user."""

    user: User
    login_session_id: int
    last_seen_at: datetime


_users, _logins = User.__table__.c, LoginSession.__table__.c
# Every page of someone who has signed in begins with this one: built once, and read without the ORM's own loading.
_LIVE_LOGIN: sa.Select[Any] = sa.select(
    *_users, _logins.id.label("login_session_id"), _logins.last_seen_at.label("login_last_seen_at")
).where(
    _logins.token_hash == sa.bindparam("token_hash", type_=sa.String),
    _logins.ended_at.is_(None),
    _users.id == _logins.user_id,
)


def live_login(db: Session, token: str) -> LiveLogin | None:
    """The user whose live login session has this token, in one statement; the user is detached, for reading."""
    row = db.execute(_LIVE_LOGIN, {"token_hash": ids.digest(token)}).mappings().first()
    if row is None:
        return None
    columns = dict(row)
    login_session_id, last_seen_at = columns.pop("login_session_id"), columns.pop("login_last_seen_at")
    user = User()
    user.__dict__.update(columns)
    make_transient_to_detached(user)
    return LiveLogin(user, login_session_id, last_seen_at)


def login_sessions(db: Session, user_id: int) -> list[LoginSession]:
    """A user's live login sessions, the last seen first."""
    return list(
        db.scalars(
            sa.select(LoginSession)
            .where(LoginSession.user_id == user_id, LoginSession.ended_at.is_(None))
            .order_by(LoginSession.last_seen_at.desc())
        )
    )
