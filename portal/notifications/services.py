"""Putting mails in the outbox and notices in the page, in the transaction that causes them."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
# One INSERT of so many rows: SQLite allows 32,766 values in a statement.
_ROWS_AT_ONCE = 500


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


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to put in the outbox. Once for a `dedupe_key`; `subject_key` says what `withdraw_mails` takes it back by.

    It leaves from `due_at` on (at once without one), and never after `useful_until`: a reminder of what has begun
    helps nobody.
    """

    to: Recipient
    kind: str
    params: Mapping[str, Any]
    attachments: Sequence[Attachment] = ()
    dedupe_key: str | None = None
    due_at: datetime | None = None
    useful_until: datetime | None = None
    subject_key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_row(self, now: datetime, host: str) -> dict[str, Any]:
        """As the outbox keeps it."""
        return {
            "dedupe_key": self.dedupe_key,
            "kind": self.kind,
            "email": self.to.email,
            "name": self.to.name,
            "language": self.to.language,
            "time_zone": self.to.time_zone,
            "params": dict(self.params),
            "attachments": [attachment.as_json() for attachment in self.attachments],
            "headers": dict(self.headers),
            "subject_key": self.subject_key,
            "message_id": f"<{ids.token()}@{host}>",
            "due_at": self.due_at or now,
            "useful_until": self.useful_until,
        }


def send_mails(db: Session, mails: Iterable[Mail]) -> int:
    """Put mails in the outbox with few statements; the worker sends each once it is due, several after single ones.

    Returns how many were new: those whose `dedupe_key` is there already are left as they are.
    """
    now, host = clock.now(), urlsplit(config.current().base_url).hostname or ""
    rows = [mail.as_row(now, host) for mail in mails]
    for row in rows:
        row["bulk"] = len(rows) > 1
    written = 0
    for begin in range(0, len(rows), _ROWS_AT_ONCE):
        insert = conflict_insert(db, OutboxMail).on_conflict_do_nothing(index_elements=["dedupe_key"])
        added = db.scalars(insert.returning(OutboxMail.id), rows[begin : begin + _ROWS_AT_ONCE])
        written += len(added.all())
    if written and any(row["due_at"] <= now for row in rows):
        wake_after_commit(db, SEND_JOB)
    return written


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
    """Put one mail in the outbox, as `send_mails` does many; returns whether it was new."""
    mail = Mail(
        to=to,
        kind=kind,
        params=params,
        attachments=attachments,
        dedupe_key=dedupe_key,
        due_at=due_at,
        subject_key=subject_key,
        headers=headers or {},
    )
    return send_mails(db, [mail]) == 1


def withdraw_mails(db: Session, *, subject_key: str) -> int:
    """Take back the mails about something that have not left yet; returns how many."""
    return rows_changed(
        db,
        sa.delete(OutboxMail).where(OutboxMail.subject_key == subject_key, OutboxMail.state == OutboxState.PENDING),
    )


def withdraw_mails_of(db: Session, *, subject_keys: Sequence[str]) -> int:
    """As `withdraw_mails`, about many things with few statements."""
    gone = 0
    for begin in range(0, len(subject_keys), _ROWS_AT_ONCE):
        keys = subject_keys[begin : begin + _ROWS_AT_ONCE]
        gone += rows_changed(
            db,
            sa.delete(OutboxMail)
            .where(OutboxMail.subject_key.in_(keys), OutboxMail.state == OutboxState.PENDING)
            .execution_options(synchronize_session=False),
        )
    return gone


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
