"""How a transaction is written, on each engine, with one result.

PostgreSQL: one call of the function `ledger_post` (see its migration), which takes the locks in the order of
account ids. SQLite: plain statements; its writers are serialised by BEGIN IMMEDIATE. On both the trigger on
postings applies the amounts to the balances, and refuses what would overspend.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.kernel.db import UTCDateTime
from portal.kernel.money import Money
from portal.ledger.errors import (
    AlreadyReversedError,
    HoldSettledError,
    IdempotencyConflictError,
    InsufficientFundsError,
    UnknownAccountError,
)
from portal.ledger.kinds import TransactionState
from portal.ledger.models import Posting, Transaction

_LONGEST_KEY = 120


@dataclass(frozen=True, slots=True)
class Line:
    """An amount that leaves the account `debit` and arrives on the account `credit`."""

    debit: int
    credit: int
    amount: Money

    def __post_init__(self) -> None:
        """Refuse an amount that is not positive, and an account that pays itself."""
        if self.amount.amount_minor <= 0:
            msg = "a line moves a positive amount"
            raise ValueError(msg)
        if self.debit == self.credit:
            msg = "a line needs two accounts"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Draft:
    """A transaction about to be written."""

    key: str
    kind: str
    lines: tuple[Line, ...]
    occurred_at: datetime
    reference: str = ""
    state: TransactionState = TransactionState.POSTED
    reverses_id: int | None = None
    settles_id: int | None = None

    def __post_init__(self) -> None:
        """Refuse a key that could not be stored, and a transaction that moves nothing."""
        if not 0 < len(self.key) <= _LONGEST_KEY:
            msg = f"an idempotency key has 1 to {_LONGEST_KEY} characters"
            raise ValueError(msg)
        if not self.lines:
            msg = "a transaction has at least one line"
            raise ValueError(msg)

    def body_hash(self) -> str:
        """SHA-256 over all that a repeat under the same key must have in common."""
        lines = [[line.debit, line.credit, line.amount.amount_minor, line.amount.currency] for line in self.lines]
        body = [self.kind, self.reference, self.state, self.reverses_id, self.settles_id, lines]
        return hashlib.sha256(json.dumps(body, separators=(",", ":")).encode()).hexdigest()


def write(db: Session, draft: Draft) -> int:
    """Write the transaction once and return its id; a repeat returns the id of the first.

    Raises InsufficientFundsError, IdempotencyConflictError, AlreadyReversedError, HoldSettledError or
    UnknownAccountError; then nothing was written, and `db` can go on.
    """
    connection = db.connection()
    if connection.dialect.name == "postgresql":
        return _write_postgresql(connection, draft)
    return _write_sqlite(connection, draft)


def _taken(draft: Draft) -> Exception:
    return AlreadyReversedError() if draft.reverses_id is not None else HoldSettledError()


_CALL = sa.text(
    "SELECT outcome, found_id FROM ledger_post(:key, :body_hash, :kind, :reference, :state,"
    " CAST(:reverses_id AS bigint), CAST(:settles_id AS bigint), CAST(:occurred_at AS timestamptz),"
    " CAST(:debits AS bigint[]), CAST(:credits AS bigint[]), CAST(:currencies AS text[]), CAST(:amounts AS bigint[]))"
).bindparams(sa.bindparam("occurred_at", type_=UTCDateTime()))


def _write_postgresql(connection: Connection, draft: Draft) -> int:
    outcome, found_id = connection.execute(
        _CALL,
        {
            "key": draft.key,
            "body_hash": draft.body_hash(),
            "kind": draft.kind,
            "reference": draft.reference,
            "state": str(draft.state),
            "reverses_id": draft.reverses_id,
            "settles_id": draft.settles_id,
            "occurred_at": draft.occurred_at,
            "debits": [line.debit for line in draft.lines],
            "credits": [line.credit for line in draft.lines],
            "currencies": [line.amount.currency for line in draft.lines],
            "amounts": [line.amount.amount_minor for line in draft.lines],
        },
    ).one()
    if outcome in {"posted", "repeat"}:
        return int(found_id)
    if outcome == "conflict":
        raise IdempotencyConflictError
    if outcome == "insufficient":
        raise InsufficientFundsError(int(found_id))
    if outcome == "no_account":
        raise UnknownAccountError(draft.lines)
    raise _taken(draft)


_BY_KEY = sa.select(Transaction.id, Transaction.body_hash).where(Transaction.key == sa.bindparam("key"))
_TAKEN = sa.select(Transaction.id).where(
    sa.or_(Transaction.reverses_id == sa.bindparam("reverses_id"), Transaction.settles_id == sa.bindparam("settles_id"))
)
_INSERT = sa.insert(Transaction).returning(Transaction.id)
_INSERT_POSTINGS = sa.insert(Posting)


def _write_sqlite(connection: Connection, draft: Draft) -> int:
    body_hash = draft.body_hash()
    found = connection.execute(_BY_KEY, {"key": draft.key}).one_or_none()
    if found is not None:
        if found.body_hash != body_hash:
            raise IdempotencyConflictError
        return int(found.id)
    purpose = {"reverses_id": draft.reverses_id, "settles_id": draft.settles_id}
    if any(purpose.values()) and connection.execute(_TAKEN, purpose).first():
        raise _taken(draft)
    try:
        with connection.begin_nested():
            transaction_id = int(
                connection.execute(
                    _INSERT,
                    {
                        "key": draft.key,
                        "body_hash": body_hash,
                        "kind": draft.kind,
                        "reference": draft.reference,
                        "state": draft.state,
                        "line_count": len(draft.lines),
                        "occurred_at": draft.occurred_at,
                        **purpose,
                    },
                ).scalar_one()
            )
            connection.execute(_INSERT_POSTINGS, [_row(draft, transaction_id, at) for at in range(len(draft.lines))])
    except IntegrityError as error:
        if "ledger: insufficient funds" in str(error.orig):
            raise InsufficientFundsError from error
        if "ledger: no account of this currency" in str(error.orig):
            raise UnknownAccountError(draft.lines) from error
        raise
    return transaction_id


def _row(draft: Draft, transaction_id: int, position: int) -> dict[str, object]:
    line = draft.lines[position]
    return {
        "transaction_id": transaction_id,
        "position": position,
        "debit_id": line.debit,
        "credit_id": line.credit,
        "currency": line.amount.currency,
        "amount_minor": line.amount.amount_minor,
        "occurred_at": draft.occurred_at,
    }
