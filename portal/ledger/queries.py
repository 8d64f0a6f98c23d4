"""Reading the ledger: balances, the entries of an account, and whether all of it is sound."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from portal.kernel.db import UTCDateTime
from portal.kernel.money import Money
from portal.ledger.errors import UnknownAccountError
from portal.ledger.kinds import AccountKind, TransactionState
from portal.ledger.models import Account, Balance, Posting, Transaction


def balances(db: Session, owner_id: int, currency: str) -> dict[AccountKind, Money]:
    """What each account of this owner holds in one currency; a kind never used is absent."""
    rows = db.execute(
        sa.select(Account.kind, Balance.amount_minor)
        .join(Balance, sa.and_(Balance.account_id == Account.id, Balance.currency == Account.currency))
        .where(Account.owner_id == owner_id, Account.currency == currency)
    )
    return {AccountKind(row.kind): Money(row.amount_minor, currency) for row in rows}


def balance(db: Session, account_id: int) -> Money:
    """What one account holds: credits less debits. Raises UnknownAccountError."""
    row = db.execute(
        sa.select(Balance.amount_minor, Balance.currency).where(Balance.account_id == account_id)
    ).one_or_none()
    if row is None:
        raise UnknownAccountError(account_id)
    return Money(row.amount_minor, row.currency)


class Cursor(NamedTuple):
    """Where a page of entries ended; `str()` of it goes into an address."""

    occurred_at: datetime
    posting_id: int

    def __str__(self) -> str:
        """As text: `2026-11-23T09:00:00+00:00_17`."""
        return f"{self.occurred_at.isoformat()}_{self.posting_id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it back; ValueError for anything else."""
        moment, _, posting_id = text.rpartition("_")
        occurred_at = datetime.fromisoformat(moment)
        if occurred_at.tzinfo is None or not posting_id.isdecimal():
            msg = "not a cursor"
            raise ValueError(msg)
        return cls(occurred_at, int(posting_id))


@dataclass(frozen=True, slots=True)
class Entry:
    """A posting seen from one account: positive when it received, negative when it paid."""

    posting_id: int
    transaction_id: int
    kind: str
    reference: str
    state: TransactionState
    occurred_at: datetime
    amount: Money
    other_account_id: int
    other_kind: AccountKind
    other_owner_id: int | None

    @property
    def cursor(self) -> Cursor:
        """Give it as `before` to have what came earlier."""
        return Cursor(self.occurred_at, self.posting_id)


def entries(
    db: Session,
    account_id: int,
    before: Cursor | None = None,
    limit: int = 50,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Entry]:
    """The entries of an account, latest first: those before a cursor, and inside [since, until).

    A page costs the same however long the history is: each side is read from its own index.
    """
    other = aliased(Account)
    page = sa.union_all(
        _side(account_id, before, limit, (since, until), paid=True),
        _side(account_id, before, limit, (since, until), paid=False),
    ).subquery()
    rows = db.execute(
        sa.select(
            page.c.id,
            page.c.transaction_id,
            Transaction.kind,
            Transaction.reference,
            Transaction.state,
            page.c.occurred_at,
            page.c.amount_minor,
            page.c.currency,
            page.c.other_id,
            other.kind.label("other_kind"),
            other.owner_id,
        )
        .join(Transaction, Transaction.id == page.c.transaction_id)
        .join(other, other.id == page.c.other_id)
        .order_by(page.c.occurred_at.desc(), page.c.id.desc())
        .limit(limit)
    )
    return [
        Entry(
            posting_id=row.id,
            transaction_id=row.transaction_id,
            kind=row.kind,
            reference=row.reference,
            state=row.state,
            occurred_at=row.occurred_at,
            amount=Money(row.amount_minor, row.currency),
            other_account_id=row.other_id,
            other_kind=row.other_kind,
            other_owner_id=row.owner_id,
        )
        for row in rows
    ]


def _side(
    account_id: int,
    before: Cursor | None,
    limit: int,
    span: tuple[datetime | None, datetime | None],
    *,
    paid: bool,
) -> sa.Select[tuple[object, ...]]:
    """One side of an account's postings, latest first, from the index on that side."""
    here, there = (Posting.debit_id, Posting.credit_id) if paid else (Posting.credit_id, Posting.debit_id)
    sign = -1 if paid else 1
    query = sa.select(
        Posting.id,
        Posting.transaction_id,
        Posting.occurred_at,
        (Posting.amount_minor * sign).label("amount_minor"),
        Posting.currency,
        there.label("other_id"),
    ).where(here == account_id)
    since, until = span
    if since is not None:
        query = query.where(Posting.occurred_at >= since)
    if until is not None:
        query = query.where(Posting.occurred_at < until)
    if before is not None:
        moment = sa.literal(before.occurred_at, UTCDateTime())
        query = query.where(
            sa.tuple_(Posting.occurred_at, Posting.id) < sa.tuple_(moment, sa.literal(before.posting_id))
        )
    page = query.order_by(Posting.occurred_at.desc(), Posting.id.desc()).limit(limit).subquery()
    return sa.select(*page.c)


def balance_at(db: Session, account_id: int, moment: datetime) -> Money:
    """What an account held just before `moment`: its balance now, less what has moved since.

    Raises UnknownAccountError.
    """
    now = balance(db, account_id)
    later = Posting.occurred_at >= moment
    received = sa.select(sa.func.coalesce(sa.func.sum(Posting.amount_minor), 0)).where(
        Posting.credit_id == account_id, later
    )
    paid = sa.select(sa.func.coalesce(sa.func.sum(Posting.amount_minor), 0)).where(
        Posting.debit_id == account_id, later
    )
    moved = int(db.scalar(received) or 0) - int(db.scalar(paid) or 0)
    return Money(now.amount_minor - moved, now.currency)


@dataclass(frozen=True, slots=True)
class Moved:
    """What came into an account and what left it, both positive."""

    received: Money
    paid: Money


def moved(db: Session, account_id: int, *, currency: str, since: datetime, until: datetime) -> Moved:
    """What an account received and paid inside [since, until), each side summed from its own index."""
    inside = sa.and_(Posting.occurred_at >= since, Posting.occurred_at < until)
    total = sa.func.coalesce(sa.func.sum(Posting.amount_minor), 0)
    received = sa.select(total).where(Posting.credit_id == account_id, inside).scalar_subquery()
    paid = sa.select(total).where(Posting.debit_id == account_id, inside).scalar_subquery()
    row = db.execute(sa.select(received, paid)).one()
    return Moved(Money(int(row[0]), currency), Money(int(row[1]), currency))


@dataclass(frozen=True, slots=True)
class Posted:
    """A transaction as other features see it."""

    id: int
    key: str
    kind: str
    reference: str
    state: TransactionState
    occurred_at: datetime


def transaction_by_key(db: Session, key: str) -> Posted | None:
    """The transaction that was written under an idempotency key, if any."""
    return _posted(db, Transaction.key == key)


def transaction_by_id(db: Session, transaction_id: int) -> Posted | None:
    """A transaction or hold, if it exists."""
    return _posted(db, Transaction.id == transaction_id)


def _posted(db: Session, condition: sa.ColumnElement[bool]) -> Posted | None:
    row = db.execute(
        sa.select(
            Transaction.id,
            Transaction.key,
            Transaction.kind,
            Transaction.reference,
            Transaction.state,
            Transaction.occurred_at,
        ).where(condition)
    ).one_or_none()
    return None if row is None else Posted(*row)


def check(db: Session) -> list[str]:
    """What is wrong with the ledger, in words for an operator; empty when it is sound.

    Balances together are zero in each currency; each is the sum of its postings; none that may not be is
    negative; a transaction has the postings it declared; a hold ended exactly when something settled it.
    Reads every posting: for tests, demonstrations and a nightly run.
    """
    return [*_check_sums(db), *_check_balances(db), *_check_transactions(db)]


def _check_sums(db: Session) -> list[str]:
    rows = db.execute(sa.select(Balance.currency, sa.func.sum(Balance.amount_minor)).group_by(Balance.currency))
    return [f"all balances in {currency} add up to {total}, not 0" for currency, total in rows if total != 0]


def _check_balances(db: Session) -> list[str]:
    moves = sa.union_all(
        sa.select(Posting.credit_id.label("account_id"), Posting.currency, Posting.amount_minor.label("moved")),
        sa.select(Posting.debit_id, Posting.currency, -Posting.amount_minor),
    ).subquery()
    sums = (
        sa.select(moves.c.account_id, moves.c.currency, sa.func.sum(moves.c.moved).label("total"))
        .group_by(moves.c.account_id, moves.c.currency)
        .subquery()
    )
    total = sa.func.coalesce(sums.c.total, 0)
    rows = db.execute(
        sa.select(Account.id, Balance.amount_minor, total)
        .outerjoin(Balance, sa.and_(Balance.account_id == Account.id, Balance.currency == Account.currency))
        .outerjoin(sums, sa.and_(sums.c.account_id == Account.id, sums.c.currency == Account.currency))
        .where(Balance.amount_minor.is_distinct_from(total))
        .order_by(Account.id)
    )
    return [f"account {account_id} has the balance {held} but postings of {sum_}" for account_id, held, sum_ in rows]


def _check_transactions(db: Session) -> list[str]:
    settling = aliased(Transaction)
    lines = sa.select(sa.func.count()).where(Posting.transaction_id == Transaction.id).scalar_subquery()
    rows = db.execute(
        sa.select(Transaction.id, Transaction.line_count, lines.label("found"))
        .where(Transaction.line_count != lines)
        .order_by(Transaction.id)
    )
    problems = [f"transaction {id_} declared {declared} postings and has {found}" for id_, declared, found in rows]
    holds = db.execute(
        sa.select(Transaction.id, Transaction.state, settling.id)
        .outerjoin(settling, settling.settles_id == Transaction.id)
        .where(
            sa.or_(
                sa.and_(Transaction.state == TransactionState.PENDING, settling.id.is_not(None)),
                sa.and_(Transaction.state == TransactionState.VOIDED, settling.id.is_(None)),
            )
        )
        .order_by(Transaction.id)
    )
    problems += [f"hold {id_} is {state} but settled by {by}" for id_, state, by in holds]
    return problems
