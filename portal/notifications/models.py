"""What is to be told to whom: the outbox of mails, the sandbox's mailbox, notices in the page."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock
from portal.kernel.db import Base, BigId, Id, str_enum


class OutboxState(StrEnum):
    """Where a mail is on its way."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"


class OutboxMail(Base):
    """A mail to send, written in the transaction that causes it; the worker sends what is due.

    `kind` and `params` say what to write; it is rendered when sent, in the recipient's language and zone.
    """

    __tablename__ = "outbox_mails"
    __table_args__ = (sa.Index("ix_outbox_mails_state_bulk_due_at", "state", "bulk", "due_at"),)

    id: Mapped[Id]
    dedupe_key: Mapped[str | None] = mapped_column(sa.String(200), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(64))
    email: Mapped[str] = mapped_column(sa.String(254))
    name: Mapped[str] = mapped_column(sa.String(80))
    language: Mapped[str] = mapped_column(sa.String(2))
    time_zone: Mapped[str] = mapped_column(sa.String(64))
    params: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    attachments: Mapped[list[dict[str, str]]] = mapped_column(sa.JSON, default=list)
    headers: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)
    # What the mail is about, so that it can be withdrawn: "seat:12" and its reminders.
    subject_key: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    message_id: Mapped[str] = mapped_column(sa.String(120), unique=True)
    state: Mapped[OutboxState] = mapped_column(str_enum(OutboxState, "state"), default=OutboxState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    due_at: Mapped[datetime] = mapped_column(default=clock.now)
    # After this moment it would help nobody, and is not sent.
    useful_until: Mapped[datetime | None]
    # One of many written at once: it leaves after those that one person waits for, such as a sign-in code.
    bulk: Mapped[bool] = mapped_column(default=False)
    sent_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(sa.String(500), default="")


class SandboxMail(Base):
    """A mail as it would have left, shown at /dev/mail; a message id arrives once."""

    __tablename__ = "sandbox_mails"

    id: Mapped[Id]
    message_id: Mapped[str] = mapped_column(sa.String(120), unique=True)
    recipient: Mapped[str] = mapped_column(sa.String(254), index=True)
    subject: Mapped[str] = mapped_column(sa.String(300))
    source: Mapped[str] = mapped_column(sa.Text)
    received_at: Mapped[datetime] = mapped_column(default=clock.now)


class Notice(Base):
    """Something that happened to a user, shown in the page until read."""

    __tablename__ = "notices"
    __table_args__ = (sa.Index("ix_notices_user_id_id", "user_id", "id"),)

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(BigId)
    dedupe_key: Mapped[str | None] = mapped_column(sa.String(200), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(64))
    params: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    path: Mapped[str] = mapped_column(sa.String(500))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    read_at: Mapped[datetime | None]
