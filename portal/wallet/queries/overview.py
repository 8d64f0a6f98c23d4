"""What a wallet's own page and the pages around a transfer show."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.identity.queries import Person, people
from portal.kernel.money import Money
from portal.messaging.queries import unread_conversations
from portal.wallet.models import MoneyRequest, RequestState, Transfer, TransferState

REQUESTS = 3
RECENT = 6


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request that waits for this user to pay or decline it."""

    public_id: str
    requester: Person
    amount: Money
    note: str


def open_requests(db: Session, user_id: int, *, limit: int = REQUESTS) -> list[OpenRequest]:
    """Requests made to a user and still open, the oldest first: nobody who asked is forgotten."""
    rows = db.scalars(
        sa.select(MoneyRequest)
        .where(MoneyRequest.payer_id == user_id, MoneyRequest.state == RequestState.REQUESTED)
        .order_by(MoneyRequest.id)
        .limit(limit)
    ).all()
    persons = people(db, [row.requester_id for row in rows])
    return [OpenRequest(row.public_id, persons[row.requester_id], row.amount, row.note) for row in rows]


@dataclass(frozen=True, slots=True)
class WaitingTransfer:
    """Money on its way to someone who is not a user yet."""

    public_id: str
    email: str
    amount: Money
    at: datetime


def waiting_transfers(db: Session, user_id: int) -> list[WaitingTransfer]:
    """What a user has sent to people who have not joined yet, latest first."""
    rows = db.scalars(
        sa.select(Transfer)
        .where(Transfer.sender_id == user_id, Transfer.state == TransferState.WAITING)
        .order_by(Transfer.id.desc())
    )
    return [WaitingTransfer(t.public_id, t.payee_email or "", t.amount, t.sent_at or t.created_at) for t in rows]


def exchanges(db: Session, user_a_id: int, user_b_id: int) -> int:
    """How many transfers have gone between two people."""
    pair = (user_a_id, user_b_id)
    counted = sa.select(sa.func.count()).where(
        Transfer.sender_id.in_(pair), Transfer.payee_id.in_(pair), Transfer.state == TransferState.COMPLETED
    )
    return db.scalar(counted) or 0


def recent_people(db: Session, user_id: int, *, limit: int = RECENT) -> list[Person]:
    """Whom a user has sent money to or received it from, the latest first."""
    other = sa.case((Transfer.sender_id == user_id, Transfer.payee_id), else_=Transfer.sender_id).label("other")
    latest = sa.func.max(Transfer.id)
    rows = db.scalars(
        sa.select(other)
        .where(
            sa.or_(Transfer.sender_id == user_id, Transfer.payee_id == user_id),
            Transfer.state == TransferState.COMPLETED,
        )
        .group_by(other)
        .order_by(latest.desc())
        .limit(limit)
    ).all()
    persons = people(db, rows)
    return [persons[id_] for id_ in rows]


def waiting_count(db: Session, user_id: int) -> int:
    """The figure on the Money tab: conversations with something unread."""
    return unread_conversations(db, user_id)
