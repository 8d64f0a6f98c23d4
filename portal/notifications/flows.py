"""Sending what is due: claim, deliver, record, each mail by itself."""

import logging
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.kernel import clock
from portal.kernel.db import rows_changed, transaction
from portal.kernel.jobs import job
from portal.notifications.channels import Channel, channel
from portal.notifications.compose import compose
from portal.notifications.models import OutboxMail, OutboxState
from portal.notifications.services import SEND_JOB

logger = logging.getLogger(__name__)

BATCH = 50
MOST_ATTEMPTS = 8
# While a mail is being delivered nobody else may claim it; a worker killed meanwhile frees it after this.
CLAIM_LASTS = timedelta(minutes=2)
TOO_LATE = "too late to be of use"
# Whatever could ask for the same mail again (its dedupe key) is long past by then.
KEPT = timedelta(days=90)
_FORGOTTEN_AT_ONCE = 5_000


def _claim(db: Session, *, most: int) -> list[OutboxMail]:
    """Take mails that are due by moving their due time: a second worker finds them not due."""
    now = clock.now()
    due = (
        sa.select(OutboxMail)
        .where(
            OutboxMail.state == OutboxState.PENDING,
            OutboxMail.due_at <= now,
            sa.func.coalesce(OutboxMail.useful_until > now, sa.true()),
        )
        .order_by(OutboxMail.bulk, OutboxMail.due_at, OutboxMail.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    claimed = list(db.scalars(due))
    for mail in claimed:
        mail.due_at = now + CLAIM_LASTS
        mail.attempts += 1
    return claimed


def _give_up_late(db: Session) -> int:
    """Let go of the mails that would arrive too late to be of use."""
    late = (OutboxMail.state == OutboxState.PENDING, OutboxMail.useful_until <= clock.now())
    given_up = sa.update(OutboxMail).where(*late).values(state=OutboxState.FAILED, last_error=TOO_LATE)
    return rows_changed(db, given_up.execution_options(synchronize_session=False))


def _record(mail: OutboxMail, error: Exception | None) -> None:
    with transaction() as db:
        if error is None:
            values = {"state": OutboxState.SENT, "sent_at": clock.now(), "last_error": ""}
        elif mail.attempts >= MOST_ATTEMPTS:
            values = {"state": OutboxState.FAILED, "last_error": repr(error)[:500]}
        else:
            values = {"due_at": clock.now() + timedelta(minutes=2**mail.attempts), "last_error": repr(error)[:500]}
        rows_changed(db, sa.update(OutboxMail).where(OutboxMail.id == mail.id).values(values))


def _deliver(mail: OutboxMail, through: Channel) -> None:
    try:
        through.deliver(compose(mail))
    except (OSError, KeyError) as error:
        logger.warning("mail %s of kind %s was not sent: %r", mail.id, mail.kind, error)
        _record(mail, error)
    else:
        _record(mail, None)


@job(SEND_JOB, every_minutes=1)
def send_due_mails() -> int:
    """Send every mail that is due; returns how many were tried. Safe to be killed and to run twice."""
    tried = 0
    through = channel()
    with transaction() as db:
        _give_up_late(db)
    while True:
        with transaction() as db:
            claimed = _claim(db, most=BATCH)
        if not claimed:
            return tried
        for mail in claimed:
            _deliver(mail, through)
            tried += 1


@job("forget_mails", every_minutes=60)
def forget_old_mails() -> int:
    """Delete mails some time after they were sent or given up, a batch in each transaction; returns how many."""
    over = (OutboxMail.state != OutboxState.PENDING, OutboxMail.created_at < clock.now() - KEPT)
    batch = sa.select(OutboxMail.id).where(*over).limit(_FORGOTTEN_AT_ONCE)
    forgotten = 0
    while True:
        with transaction() as db:
            deleted = rows_changed(db, sa.delete(OutboxMail).where(OutboxMail.id.in_(batch)))
        if not deleted:
            return forgotten
        forgotten += deleted
