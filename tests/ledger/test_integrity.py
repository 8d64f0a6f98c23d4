"""What the database itself refuses, whatever the code above it does; and that `check` sees what got past it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from portal.identity.models import User
from portal.kernel import clock
from portal.ledger import queries
from portal.ledger.kinds import NEVER_NEGATIVE, OF_THE_PORTAL, AccountKind
from portal.ledger.models import Account, Balance, Posting, Transaction
from portal.ledger.services import Line, account_for, hold, post, post_hold
from tests.builders.ledger import euros, give, held, new_key, provider, wallet

HASH = "0" * 64


@pytest.fixture
def transfer(db: Session, alice: User, bob: User) -> int:
    mine, theirs = give(db, alice.id, euros(10)), wallet(db, bob.id)
    return post(db, key="t", kind="transfer", lines=[Line(mine, theirs, euros(4))])


def _run(db: Session, statement: sa.Executable) -> None:
    with db.begin_nested():
        db.execute(statement, execution_options={"synchronize_session": False})


def _sqlite(db: Session) -> bool:
    return db.connection().dialect.name == "sqlite"


@pytest.mark.parametrize(
    "statement",
    [
        sa.update(Posting).values(amount_minor=Posting.amount_minor + 1),
        sa.update(Posting).values(credit_id=Posting.debit_id, debit_id=Posting.credit_id),
        sa.delete(Posting),
        sa.update(Transaction).values(kind="other"),
        sa.update(Transaction).values(state="pending"),
        sa.update(Transaction).values(state="voided"),
        sa.update(Transaction).values(reverses_id=1),
        sa.delete(Transaction),
        sa.update(Balance).values(amount_minor=Balance.amount_minor + 1),
        sa.update(Balance).values(amount_minor=Balance.amount_minor),
        sa.update(Balance).values(kind="provider_balance"),
        sa.delete(Balance),
        sa.update(Account).values(owner_id=None),
        sa.update(Account).values(kind="wallet_held"),
        sa.delete(Account),
    ],
    ids=str,
)
def test_what_was_written_is_not_changed(db: Session, transfer: int, statement: sa.Executable) -> None:
    with pytest.raises(DBAPIError, match="ledger: "):
        _run(db, statement)
    assert queries.check(db) == []


def test_tables_are_not_emptied_or_replaced(db: Session, transfer: int) -> None:
    for table in ("postings", "transactions", "balances", "accounts"):
        statement = (
            f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"  # noqa: S608 (a constant)
            if _sqlite(db)
            else f"TRUNCATE {table} CASCADE"
        )
        with pytest.raises(DBAPIError, match="ledger: "):
            _run(db, sa.text(statement))
    assert queries.check(db) == []


def _transaction(db: Session, lines: int = 1) -> int:
    values = {"key": new_key(), "body_hash": HASH, "kind": "raw", "reference": "", "state": "posted"}
    insert = sa.insert(Transaction).values(**values, line_count=lines, occurred_at=clock.now())
    return db.execute(insert.returning(Transaction.id)).scalar_one()


def _posting(debit: int, credit: int, transaction: int, *, amount: int = 1, position: int = 0, currency: str = "EUR"):
    return sa.insert(Posting).values(
        transaction_id=transaction,
        position=position,
        debit_id=debit,
        credit_id=credit,
        currency=currency,
        amount_minor=amount,
        occurred_at=clock.now(),
    )


def test_a_posting_moves_both_balances_by_itself(db: Session, alice: User, bob: User) -> None:
    mine, theirs = give(db, alice.id, euros(10)), wallet(db, bob.id)
    _run(db, _posting(mine, theirs, _transaction(db), amount=1000))
    assert queries.balance(db, theirs) == euros(10)
    with pytest.raises(DBAPIError, match="insufficient funds"):
        _run(db, _posting(mine, theirs, _transaction(db)))
    assert queries.balance(db, theirs) == euros(10)


def test_a_finished_transaction_takes_no_more_postings(db: Session, alice: User, bob: User, transfer: int) -> None:
    with pytest.raises(DBAPIError, match="is complete"):
        _run(db, _posting(wallet(db, bob.id), wallet(db, alice.id), transfer, position=1))
    with pytest.raises(DBAPIError):
        _run(db, _posting(wallet(db, bob.id), wallet(db, alice.id), transfer, position=0))


def test_nonsense_is_refused(db: Session, alice: User, bob: User) -> None:
    mine, theirs = give(db, alice.id, euros(10)), wallet(db, bob.id)
    dirhams = wallet(db, bob.id, "MAD")
    for statement in (
        _posting(mine, theirs, _transaction(db), amount=0),
        _posting(mine, theirs, _transaction(db), amount=-1),
        _posting(mine, mine, _transaction(db)),
        _posting(mine, dirhams, _transaction(db)),
        _posting(mine, dirhams, _transaction(db), currency="MAD"),
        _posting(mine, theirs, _transaction(db), currency="MAD"),
        _posting(mine, theirs, _transaction(db), position=-1),
    ):
        with pytest.raises(DBAPIError):
            _run(db, statement)
    assert queries.balance(db, theirs) == euros(0)


def test_a_balance_begins_at_zero(db: Session, alice: User) -> None:
    account = wallet(db, alice.id)
    for amount in (5, 0):
        values = {"account_id": account, "currency": "MAD", "kind": "wallet_available", "amount_minor": amount}
        with pytest.raises(DBAPIError):
            _run(db, sa.insert(Balance).values(**values))


def test_the_portal_owns_its_accounts_and_nobody_else_s(db: Session, alice: User) -> None:
    for kind in AccountKind:
        wrong = alice.id if kind in OF_THE_PORTAL else None
        with pytest.raises(IntegrityError), db.begin_nested():
            account_for(db, kind=kind, currency="EUR", owner_id=wrong)


def test_there_is_one_account_of_each(db: Session, alice: User) -> None:
    wallet(db, alice.id)
    provider(db)
    for kind, owner in (("wallet_available", alice.id), ("provider_balance", None)):
        values = {"kind": kind, "currency": "EUR", "owner_id": owner, "created_at": clock.now()}
        with pytest.raises(IntegrityError):
            _run(db, sa.insert(Account).values(**values))


def test_a_hold_ends_only_with_what_settles_it(db: Session, alice: User, bob: User) -> None:
    mine, aside = give(db, alice.id, euros(10)), held(db, alice.id)
    hold_id = hold(db, key="h", kind="withdrawal", line=Line(mine, aside, euros(4)))
    end = sa.update(Transaction).where(Transaction.id == hold_id).values(state="posted")
    with pytest.raises(DBAPIError, match="ledger: "):
        _run(db, end)
    post_hold(db, key="p", hold_id=hold_id, to=wallet(db, bob.id))
    for state in ("pending", "voided"):
        with pytest.raises(DBAPIError, match="ledger: "):
            _run(db, end.values(state=state))


def test_a_transaction_is_reversed_and_settled_once(db: Session, transfer: int) -> None:
    for column in ("reverses_id", "settles_id"):
        values = {"body_hash": HASH, "kind": "x", "state": "posted", "line_count": 1, "occurred_at": clock.now()}
        _run(db, sa.insert(Transaction).values(key=new_key(), **{column: transfer}, **values))
        with pytest.raises(IntegrityError):
            _run(db, sa.insert(Transaction).values(key=new_key(), **{column: transfer}, **values))
    with pytest.raises(IntegrityError):
        _run(db, sa.insert(Transaction).values(key="t", **values))


@contextmanager
def _unguarded(db: Session) -> Iterator[None]:
    """Without the triggers: what is behind them, and what someone with the keys to the server could do."""
    if _sqlite(db):
        names = db.scalars(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all()
        statements = [f'DROP TRIGGER "{name}"' for name in names]
    else:
        statements = [
            f'ALTER TABLE {table} DISABLE TRIGGER "{name}"'
            for table, name in db.execute(
                sa.text(
                    "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal AND"
                    " tgrelid::regclass::text IN ('accounts', 'balances', 'transactions', 'postings')"
                )
            )
        ]
    assert statements
    with db.begin_nested() as savepoint:
        for statement in statements:
            db.execute(sa.text(statement))
        yield
        savepoint.rollback()


def test_behind_the_triggers_stand_check_and_foreign_key(db: Session, alice: User, bob: User) -> None:
    mine, dirhams = give(db, alice.id, euros(10)), wallet(db, bob.id, "MAD")
    wallet(db, bob.id)
    transaction = _transaction(db)
    with _unguarded(db):
        for currency in ("EUR", "MAD"):
            with pytest.raises(IntegrityError):
                _run(db, _posting(mine, dirhams, transaction, currency=currency))
        with pytest.raises(IntegrityError, match="never_negative"):
            _run(db, sa.update(Balance).where(Balance.account_id == mine).values(amount_minor=-1))
        for kind in NEVER_NEGATIVE:
            with pytest.raises(IntegrityError):
                _run(db, sa.update(Balance).where(Balance.account_id == mine).values(kind=kind, amount_minor=-1))


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE balances SET amount_minor = amount_minor + 5 WHERE account_id = :mine", "add up to 5"),
        ("UPDATE balances SET amount_minor = 0", "but postings of"),
        ("DELETE FROM balances WHERE account_id = :idle", "has the balance None"),
        ("DELETE FROM postings", "declared 1 postings and has 0"),
        ("UPDATE transactions SET line_count = 2 WHERE id = :transfer", "declared 2 postings and has 1"),
        ("UPDATE transactions SET state = 'pending' WHERE id = :settled", "is pending but settled by"),
        ("UPDATE transactions SET state = 'voided' WHERE id = :transfer", "is voided but settled by None"),
    ],
)
def test_check_finds_damage(db: Session, alice: User, bob: User, transfer: int, damage: str, found: str) -> None:
    mine, theirs, aside = wallet(db, alice.id), wallet(db, bob.id), held(db, alice.id)
    idle = held(db, bob.id)
    settled = hold(db, key="h", kind="withdrawal", line=Line(mine, aside, euros(1)))
    post_hold(db, key="p", hold_id=settled, to=theirs)
    names = {"mine": mine, "idle": idle, "transfer": transfer, "settled": settled}
    with _unguarded(db):
        db.execute(sa.text(damage), {name: value for name, value in names.items() if f":{name}" in damage})
        assert any(found in problem for problem in queries.check(db))
    assert queries.check(db) == []
