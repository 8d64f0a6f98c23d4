"""Messages to a group of a cohort: a draft, looked at as it will be mailed, then sent once to each person."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel import clock, text
from portal.kernel.db import conflict_insert, rows_changed
from portal.notifications.services import Mail, send_mails
from portal.training.errors import GroupChangedError, NobodyToTellError, NoSuchMessageError, SentAlreadyError
from portal.training.models import Cohort, GroupAudience, GroupMessage
from portal.training.queries.groups import group, message

MAIL_KIND = "training.group"


@dataclass(frozen=True, slots=True)
class Words:
    """What an organiser writes, and to whom: a subject on one line, and plain text."""

    audience: GroupAudience
    subject: str
    text: str


def _values(words: Words) -> dict[str, object]:
    # Cleaned here too: a line feed in a subject would begin another header.
    return {
        "audience": words.audience,
        "subject": text.clean_line(words.subject),
        "text": text.clean_text(words.text),
    }


def draft_message(db: DbSession, *, organiser: User, cohort_id: int, words: Words, key: str) -> GroupMessage:
    """A message that nobody gets yet. The same `key` again is the same draft, as it was first written."""
    insert = conflict_insert(db, GroupMessage).values(
        cohort_id=cohort_id, created_by=organiser.id, idempotency_key=key, told=0, **_values(words)
    )
    db.execute(insert.on_conflict_do_nothing(index_elements=["idempotency_key"]))
    found = db.scalar(
        sa.select(GroupMessage).where(
            GroupMessage.idempotency_key == key,
            GroupMessage.cohort_id == cohort_id,
            GroupMessage.created_by == organiser.id,
        )
    )
    if found is None:
        raise NoSuchMessageError
    return found


def rewrite_message(db: DbSession, *, cohort_id: int, message_id: int, words: Words) -> None:
    """Change a draft. SentAlreadyError once it has left, NoSuchMessageError when it is not this cohort's."""
    if message(db, cohort_id, message_id) is None:
        raise NoSuchMessageError
    changed = rows_changed(
        db,
        sa.update(GroupMessage)
        .where(GroupMessage.id == message_id, GroupMessage.sent_at.is_(None))
        .values(**_values(words))
        .execution_options(synchronize_session=False),
    )
    if not changed:
        raise SentAlreadyError


def discard_message(db: DbSession, *, cohort_id: int, message_id: int) -> None:
    """Throw a draft away. SentAlreadyError once it has left; one that is gone already is no error."""
    found = message(db, cohort_id, message_id)
    if found is None:
        return
    gone = rows_changed(
        db, sa.delete(GroupMessage).where(GroupMessage.id == message_id, GroupMessage.sent_at.is_(None))
    )
    if not gone:
        raise SentAlreadyError


def mail_params(db: DbSession, written: GroupMessage) -> dict[str, object]:
    """What the mails of a message are written from: the same for its preview."""
    name, writer = db.execute(
        sa.select(Cohort.name, User.display_name)
        .select_from(GroupMessage)
        .join(Cohort, Cohort.id == GroupMessage.cohort_id)
        .join(User, User.id == GroupMessage.created_by)
        .where(GroupMessage.id == written.id)
    ).one()
    return {
        "cohort_id": written.cohort_id,
        "cohort": name,
        "writer": writer,
        "waiting": written.audience is GroupAudience.WAITING,
        "subject": written.subject,
        "text": written.text,
    }


def send_message(db: DbSession, *, cohort_id: int, message_id: int, seal: str) -> int:
    """Send a draft to each person of its group as it is now, once; returns how many people it went to.

    `seal` is the previewed group's: GroupChangedError when it has become another, and nothing is sent. Sending twice
    sends once. Raises NoSuchMessageError, NobodyToTellError.
    """
    sent = rows_changed(
        db,
        sa.update(GroupMessage)
        .where(GroupMessage.id == message_id, GroupMessage.cohort_id == cohort_id, GroupMessage.sent_at.is_(None))
        .values(sent_at=clock.now())
        .execution_options(synchronize_session=False),
    )
    written = db.get(GroupMessage, message_id, populate_existing=True)
    if written is None or written.cohort_id != cohort_id:
        raise NoSuchMessageError
    if not sent:
        return written.told
    people = group(db, cohort_id, written.audience)
    if people.seal != seal:
        raise GroupChangedError
    if not people.members:
        raise NobodyToTellError
    params = mail_params(db, written)
    send_mails(
        db,
        [
            Mail(to=one, kind=MAIL_KIND, params=params, dedupe_key=f"{MAIL_KIND}:{message_id}:{user_id}")
            for user_id, one in people.members.items()
        ],
    )
    written.told = people.size
    db.flush()
    return people.size
