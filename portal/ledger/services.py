"""Moving money: every amount that changes hands in the portal goes through these functions.

All are idempotent by `key`: the same key with the same body returns the first transaction's id, with another
body it raises IdempotencyConflictError. None commits. Lines apply in the order given, so an account must be
able to pay each one at its turn. What is refused leaves nothing behind, and the caller's transaction usable.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from portal.kernel import clock
from portal.kernel.db import conflict_insert, rows_changed
from portal.kernel.money import Money
from portal.ledger.errors import HoldSettledError, NotReversibleError, TransactionNotFoundError
from portal.ledger.kinds import AccountKind, TransactionState
from portal.ledger.models import Account, Posting, Transaction
from portal.ledger.writers import Draft, Line, write

__all__ = ["AccountKind", "Line", "account_for", "hold", "post", "post_hold", "reverse", "void_hold"]


def account_for(db: Session, *, kind: AccountKind, currency: str, owner_id: int | None) -> int:
    """The id of the one account of this kind and currency of this owner, made when it is missing.

    The portal's own kinds have no owner; the database refuses an owner there, and none elsewhere.
    """
    owned = Account.owner_id.is_(None) if owner_id is None else Account.owner_id == owner_id
    query = sa.select(Account.id).where(owned, Account.kind == kind, Account.currency == currency)
    found = db.scalar(query)
    if found is None:
        values = {"kind": kind, "currency": currency, "owner_id": owner_id, "created_at": clock.now()}
        db.execute(conflict_insert(db, Account).values(values).on_conflict_do_nothing())
        found = db.execute(query).scalar_one()
    return found


def post(
    db: Session, *, key: str, kind: str, lines: Sequence[Line], reference: str = "", occurred_at: datetime | None = None
) -> int:
    """Move money at once; returns the transaction's id.

    Raises InsufficientFundsError, IdempotencyConflictError, UnknownAccountError; ValueError for no lines.
    """
    return write(db, Draft(key, kind, tuple(lines), occurred_at or clock.now(), reference))


def hold(db: Session, *, key: str, kind: str, line: Line, reference: str = "") -> int:
    """Set an amount aside: from the account `line.debit` to `line.credit`, until it is posted or voided.

    Returns the hold's id. Raises as `post` does.
    """
    return write(db, Draft(key, kind, (line,), clock.now(), reference, state=TransactionState.PENDING))


@dataclass(frozen=True, slots=True)
class _Hold:
    id: int
    kind: str
    reference: str
    source: int
    held: int
    amount: Money


def _settled_by_another(transaction_id: int) -> sa.Exists:
    settling = aliased(Transaction)
    return sa.select(settling.id).where(settling.settles_id == transaction_id).exists()


def _hold(db: Session, hold_id: int) -> _Hold:
    """A hold is written as pending; once posted it is told from other transactions by the one that settled it."""
    row = db.execute(
        sa.select(
            Transaction.kind,
            Transaction.reference,
            Posting.debit_id,
            Posting.credit_id,
            Posting.amount_minor,
            Posting.currency,
        )
        .join(Posting, Posting.transaction_id == Transaction.id)
        .where(
            Transaction.id == hold_id,
            sa.or_(Transaction.state != TransactionState.POSTED, _settled_by_another(hold_id)),
        )
    ).one_or_none()
    if row is None:
        raise TransactionNotFoundError
    amount = Money(row.amount_minor, row.currency)
    return _Hold(hold_id, row.kind, row.reference, row.debit_id, row.credit_id, amount)


def _settle(db: Session, held: _Hold, state: TransactionState, draft: Draft) -> int:
    transaction_id = write(db, draft)
    ended = rows_changed(
        db,
        sa.update(Transaction)
        .where(Transaction.id == held.id, Transaction.state == TransactionState.PENDING)
        .values(state=state)
        .execution_options(synchronize_session=False),
    )
    if not ended:
        # A repeat of the same key finds the state it left; anything else would be a settlement without its hold.
        now = db.execute(sa.select(Transaction.state).where(Transaction.id == held.id)).scalar_one()
        if now is not state:
            raise HoldSettledError
    return transaction_id


def post_hold(
    db: Session, *, key: str, hold_id: int, to: int, amount: Money | None = None, kind: str | None = None
) -> int:
    """Complete a hold: `amount` of it (by default all) goes to the account `to`, the rest back to its source.

    Returns the id of the settling transaction. Raises HoldSettledError when the hold was posted or voided under
    another key, TransactionNotFoundError when it is no hold, ValueError when `amount` exceeds it.
    """
    held = _hold(db, hold_id)
    taken = held.amount if amount is None else amount
    if held.amount < taken:
        msg = "a hold cannot be posted for more than it holds"
        raise ValueError(msg)
    lines = [Line(held.held, to, taken)]
    rest = held.amount - taken
    if rest:
        lines.append(Line(held.held, held.source, rest))
    kind = kind or f"{held.kind}.posted"
    draft = Draft(key, kind, tuple(lines), clock.now(), held.reference, settles_id=hold_id)
    return _settle(db, held, TransactionState.POSTED, draft)


def void_hold(db: Session, *, key: str, hold_id: int, kind: str | None = None) -> int:
    """Give a hold up: all of it goes back to its source. Returns the id of the settling transaction.

    Raises as `post_hold` does.
    """
    held = _hold(db, hold_id)
    lines = (Line(held.held, held.source, held.amount),)
    draft = Draft(key, kind or f"{held.kind}.voided", lines, clock.now(), held.reference, settles_id=hold_id)
    return _settle(db, held, TransactionState.VOIDED, draft)


def reverse(
    db: Session, *, key: str, transaction_id: int, kind: str | None = None, reference: str | None = None
) -> int:
    """Undo a transaction by its mirror image, once; returns the reversal's id.

    The settling of a hold is undone to where the hold had come from. Raises AlreadyReversedError,
    NotReversibleError (a hold, or its voiding), TransactionNotFoundError, InsufficientFundsError (the receiver
    has spent it) and IdempotencyConflictError.
    """
    original = db.execute(
        sa.select(
            Transaction.kind,
            Transaction.reference,
            Transaction.settles_id,
            sa.or_(Transaction.state != TransactionState.POSTED, _settled_by_another(transaction_id)).label("is_hold"),
        ).where(Transaction.id == transaction_id)
    ).one_or_none()
    if original is None:
        raise TransactionNotFoundError
    if original.is_hold:
        raise NotReversibleError
    held = None if original.settles_id is None else _hold(db, original.settles_id)
    postings = db.execute(
        sa.select(Posting.debit_id, Posting.credit_id, Posting.amount_minor, Posting.currency)
        .where(Posting.transaction_id == transaction_id)
        .order_by(Posting.position.desc())
    )
    pairs = [(p, held.source if held is not None and p.debit_id == held.held else p.debit_id) for p in postings]
    lines = [
        Line(posting.credit_id, back_to, Money(posting.amount_minor, posting.currency))
        for posting, back_to in pairs
        if posting.credit_id != back_to
    ]
    if not lines:
        raise NotReversibleError
    return write(
        db,
        Draft(
            key,
            kind or f"{original.kind}.reversed",
            tuple(lines),
            clock.now(),
            original.reference if reference is None else reference,
            reverses_id=transaction_id,
        ),
    )
