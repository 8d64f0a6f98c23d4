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
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

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
        """Refuse a key that could not be stored, a time without a zone, and a transaction that moves nothing."""
        if not 0 < len(self.key) <= _LONGEST_KEY:
            msg = f"an idempotency key has 1 to {_LONGEST_KEY} characters"
            raise ValueError(msg)
        if self.occurred_at.tzinfo is None:
            msg = "a transaction occurs at an aware time"
            raise ValueError(msg)
        if not self.lines:
            msg = "a transaction has at least one line"
            raise ValueError(msg)

    def body_hash(self) -> str:
        """SHA-256 over all that a repeat under the same key must have in common."""
        body = [self.kind, self.reference, self.state, self.reverses_id, self.settles_id, self.moves()]
        return hashlib.sha256(json.dumps(body, separators=(",", ":")).encode()).hexdigest()

    def moves(self) -> list[list[int | str]]:
        """The lines as plain data: debit, credit, currency, minor units."""
        return [[line.debit, line.credit, line.amount.currency, line.amount.amount_minor] for line in self.lines]


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


# One parameter, and the driver's own form of it: what this costs here is most of what a transfer costs.
CALL = "SELECT outcome, found_id FROM ledger_post(%s)"


def _write_postgresql(connection: Connection, draft: Draft) -> int:
    document = [
        draft.key,
        draft.body_hash(),
        draft.kind,
        draft.reference,
        draft.state,
        draft.reverses_id,
        draft.settles_id,
        draft.occurred_at.isoformat(),
        draft.moves(),
    ]
    outcome, found_id = connection.exec_driver_sql(CALL, (json.dumps(document),)).one()
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
_INSERT = sqlite.insert(Transaction).on_conflict_do_nothing().returning(Transaction.id)
_INSERT_POSTINGS = sa.insert(Posting)


def _write_sqlite(connection: Connection, draft: Draft) -> int:
    values = {
        "key": draft.key,
        "body_hash": draft.body_hash(),
        "kind": draft.kind,
        "reference": draft.reference,
        "state": draft.state,
        "reverses_id": draft.reverses_id,
        "settles_id": draft.settles_id,
        "line_count": len(draft.lines),
        "occurred_at": draft.occurred_at,
    }
    connection.exec_driver_sql("SAVEPOINT ledger")
    try:
        transaction_id = connection.execute(_INSERT, values).scalar()
        if transaction_id is not None:
            connection.execute(_INSERT_POSTINGS, _rows(draft, transaction_id))
    except BaseException as error:
        connection.exec_driver_sql("ROLLBACK TO ledger")
        connection.exec_driver_sql("RELEASE ledger")
        refusal = _refusal(error, draft)
        if refusal is not None:
            raise refusal from error
        raise
    connection.exec_driver_sql("RELEASE ledger")
    return _existing(connection, draft) if transaction_id is None else int(transaction_id)


def _existing(connection: Connection, draft: Draft) -> int:
    """The transaction that stood in the way: a repeat of this one, or one that had the key or the purpose first."""
    found = connection.execute(_BY_KEY, {"key": draft.key}).one_or_none()
    if found is None:
        raise _taken(draft)
    if found.body_hash != draft.body_hash():
        raise IdempotencyConflictError
    return int(found.id)


def _refusal(error: BaseException, draft: Draft) -> Exception | None:
    """What the trigger on postings refused, in our words; None for any other error."""
    words = str(error.orig) if isinstance(error, IntegrityError) else ""
    if "ledger: insufficient funds" in words:
        return InsufficientFundsError()
    if "ledger: no account of this currency" in words:
        return UnknownAccountError(draft.lines)
    return None


def _rows(draft: Draft, transaction_id: int) -> list[dict[str, object]]:
    return [
        {
            "transaction_id": transaction_id,
            "position": position,
            "debit_id": line.debit,
            "credit_id": line.credit,
            "currency": line.amount.currency,
            "amount_minor": line.amount.amount_minor,
            "occurred_at": draft.occurred_at,
        }
        for position, line in enumerate(draft.lines)
    ]
