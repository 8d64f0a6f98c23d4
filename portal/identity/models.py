"""Users, their login sessions, and the requests that let them in."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock, text
from portal.kernel.db import Base, Id, str_enum


class Language(StrEnum):
    """The languages the portal speaks."""

    FRENCH = "fr"
    ENGLISH = "en"
    ARABIC = "ar"


class User(Base):
    """A person. Roles are plain facts about them; what they may do is each feature's policy."""

    __tablename__ = "users"
    __table_args__ = (
        sa.CheckConstraint("email = lower(email)", name="email_lower"),
        sa.CheckConstraint("handle = lower(handle)", name="handle_lower"),
    )

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(sa.String(254), unique=True)
    handle: Mapped[str] = mapped_column(sa.String(32), unique=True)
    display_name: Mapped[str] = mapped_column(sa.String(80))
    language: Mapped[Language] = mapped_column(str_enum(Language, "language"), default=Language.FRENCH)
    time_zone: Mapped[str] = mapped_column(sa.String(64), default="Europe/Paris")
    is_expert: Mapped[bool] = mapped_column(default=False)
    is_organiser: Mapped[bool] = mapped_column(default=False)
    is_demo: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    @property
    def initials(self) -> str:
        """One or two letters for the avatar."""
        return text.initials(self.display_name)

    # What Flask-Login asks of a user.
    is_authenticated = True
    is_active = True
    is_anonymous = False


class LoginSession(Base):
    """One signed-in browser. The cookie holds a random token; only its hash is here."""

    __tablename__ = "login_sessions"

    id: Mapped[Id]
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    user_agent: Mapped[str] = mapped_column(sa.String(200), default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    last_seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    ended_at: Mapped[datetime | None]


class SignInRequest(Base):
    """One asked-for way in: a link and a six-digit code, good for 15 minutes and for one use."""

    __tablename__ = "sign_in_requests"

    id: Mapped[Id]
    public_id: Mapped[str] = mapped_column(sa.String(43), unique=True)
    email: Mapped[str] = mapped_column(sa.String(254), index=True)
    link_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    code_hash: Mapped[str] = mapped_column(sa.String(64))
    language: Mapped[Language] = mapped_column(str_enum(Language, "language"))
    next_path: Mapped[str] = mapped_column(sa.String(500), default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
