"""Putting mails in the outbox and notices in the page, in the transaction that causes them."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import config
from portal.kernel import clock, ids
from portal.kernel.db import conflict_insert, rows_changed
from portal.kernel.worker import wake_after_commit
from portal.notifications.models import Notice, OutboxMail, OutboxState

SEND_JOB = "send_mails"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where and how somebody is written to: plain data, whoever they are."""

    email: str
    name: str
    language: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail. `method` is a calendar's METHOD, as mail clients want it in the type."""

    file_name: str
    content_type: str
    content: bytes
    method: str = ""

    def as_json(self) -> dict[str, str]:
        """As the outbox row keeps it."""
        return {
            "file_name": self.file_name,
            "content_type": self.content_type,
            "content": base64.b64encode(self.content).decode(),
            "method": self.method,
        }


def send_mail(  # noqa: PLR0913 (each is a property of the mail)
    db: Session,
    *,
    to: Recipient,
    kind: str,
    params: Mapping[str, Any],
    attachments: Sequence[Attachment] = (),
    dedupe_key: str | None = None,
    due_at: datetime | None = None,
    subject_key: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> bool:
    """Put a mail in the outbox; the worker sends it once it is due.

    With a `dedupe_key` the mail is written once, however often it is asked for; returns whether it was new.
    `subject_key` says what it is about, so that `withdraw_mails` can take it back.
    """
    host = urlsplit(config.current().base_url).hostname
    values = {
        "dedupe_key": dedupe_key,
        "kind": kind,
        "email": to.email,
        "name": to.name,
        "language": to.language,
        "time_zone": to.time_zone,
        "params": dict(params),
        "attachments": [attachment.as_json() for attachment in attachments],
        "headers": dict(headers or {}),
        "subject_key": subject_key,
        "message_id": f"<{ids.token()}@{host}>",
        "due_at": due_at or clock.now(),
    }
    insert = conflict_insert(db, OutboxMail).values(values).on_conflict_do_nothing(index_elements=["dedupe_key"])
    written = db.scalar(insert.returning(OutboxMail.id)) is not None
    if written and (due_at is None or due_at <= clock.now()):
        wake_after_commit(db, SEND_JOB)
    return written


def withdraw_mails(db: Session, *, subject_key: str) -> int:
    """Take back the mails about something that have not left yet; returns how many."""
    return rows_changed(
        db,
        sa.delete(OutboxMail).where(OutboxMail.subject_key == subject_key, OutboxMail.state == OutboxState.PENDING),
    )


def notify(
    db: Session,
    *,
    user_id: int,
    kind: str,
    params: Mapping[str, Any],
    path: str,
    dedupe_key: str | None = None,
) -> None:
    """Leave a notice on a user's own page; once for a `dedupe_key`."""
    values = {"user_id": user_id, "kind": kind, "params": dict(params), "path": path, "dedupe_key": dedupe_key}
    db.execute(conflict_insert(db, Notice).values(values).on_conflict_do_nothing(index_elements=["dedupe_key"]))


def read_notice(db: Session, *, user_id: int, notice_id: int) -> str | None:
    """Mark one of the user's own notices read; returns the path it leads to, None for another's."""
    notice = db.scalar(sa.select(Notice).where(Notice.id == notice_id, Notice.user_id == user_id))
    if notice is None:
        return None
    notice.read_at = notice.read_at or clock.now()
    return notice.path
