"""Reading the ledger."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.identity.models import User
from portal.kernel.money import Money
from portal.ledger import queries
from portal.ledger.errors import UnknownAccountError
from portal.ledger.kinds import AccountKind, TransactionState
from portal.ledger.queries import Cursor
from portal.ledger.services import Line, hold, post, void_hold
from tests.builders.ledger import euros, give, held, new_key, provider, wallet
from tests.conftest import TODAY


def _history(db: Session, alice: User, bob: User, count: int = 30) -> tuple[int, int]:
    """Every hour, alternately one in and one out, two of them at the same moment; not written in order."""
    mine, theirs = wallet(db, alice.id), wallet(db, bob.id)
    give(db, bob.id, euros(1000))
    post(db, key="start", kind="top_up", lines=[Line(provider(db), mine, euros(100))], occurred_at=TODAY)
    for at in [*range(0, count, 2), *range(1, count, 2)]:
        moment = TODAY + timedelta(hours=1 + at // 2)
        line = Line(theirs, mine, euros(0, at + 1)) if at % 2 else Line(mine, theirs, euros(0, at + 1))
        post(db, key=f"h{at}", kind="transfer", lines=[line], reference=f"r{at}", occurred_at=moment)
    return mine, theirs


def test_an_entry_says_what_came_from_whom(db: Session, alice: User, bob: User) -> None:
    mine, theirs = _history(db, alice, bob, 2)
    received, paid, start = queries.entries(db, mine)
    assert (received.amount, received.reference, received.other_owner_id) == (euros(0, 2), "r1", bob.id)
    assert (paid.amount, paid.reference, paid.other_account_id) == (-euros(0, 1), "r0", theirs)
    assert (start.kind, start.other_kind, start.other_owner_id) == ("top_up", AccountKind.PROVIDER_BALANCE, None)
    assert {entry.state for entry in (received, paid, start)} == {TransactionState.POSTED}


def test_pages_join_without_gap_or_repeat(db: Session, alice: User, bob: User) -> None:
    mine, _ = _history(db, alice, bob)
    whole = queries.entries(db, mine, limit=100)
    assert len(whole) == 31
    assert [entry.cursor for entry in whole] == sorted((entry.cursor for entry in whole), reverse=True)
    pages, before = [], None
    while page := queries.entries(db, mine, before, 7):
        pages += page
        before = Cursor.parse(str(page[-1].cursor))
    assert pages == whole
    assert sum(entry.amount.amount_minor for entry in whole) == queries.balance(db, mine).amount_minor


def test_a_month_is_opening_plus_entries(db: Session, alice: User, bob: User) -> None:
    mine, _ = _history(db, alice, bob)
    since, until = TODAY + timedelta(hours=3), TODAY + timedelta(hours=9)
    opening, closing = queries.balance_at(db, mine, since), queries.balance_at(db, mine, until)
    inside = queries.entries(db, mine, since=since, until=until)
    assert all(since <= entry.occurred_at < until for entry in inside)
    assert len(inside) == 12
    assert opening.amount_minor + sum(entry.amount.amount_minor for entry in inside) == closing.amount_minor
    assert queries.balance_at(db, mine, TODAY) == euros(0)
    assert queries.balance_at(db, mine, TODAY + timedelta(days=9)) == queries.balance(db, mine)


def test_what_moved_is_told_apart_by_direction(db: Session, alice: User, bob: User) -> None:
    mine, _ = _history(db, alice, bob)
    since, until = TODAY + timedelta(hours=3), TODAY + timedelta(hours=9)
    amounts = [entry.amount.amount_minor for entry in queries.entries(db, mine, since=since, until=until)]
    found = queries.moved(db, mine, currency="EUR", since=since, until=until)
    assert found.received.amount_minor == sum(amount for amount in amounts if amount > 0)
    assert found.paid.amount_minor == -sum(amount for amount in amounts if amount < 0)


def test_a_page_of_entries_is_one_statement(db: Session, alice: User, bob: User) -> None:
    mine, _ = _history(db, alice, bob)
    statements: list[str] = []
    connection = db.connection()
    sa.event.listen(connection, "before_cursor_execute", lambda *args: statements.append(args[2]))
    queries.entries(db, mine)
    queries.balances(db, alice.id, "EUR")
    assert len(statements) == 2


def test_balances_are_told_by_kind_and_currency(db: Session, alice: User, bob: User) -> None:
    give(db, alice.id, euros(5))
    give(db, alice.id, Money(700, "MAD"))
    mine = wallet(db, alice.id)
    hold_id = hold(db, key=new_key(), kind="withdrawal", line=Line(mine, held(db, alice.id), euros(2)))
    assert queries.balances(db, alice.id, "EUR") == {
        AccountKind.WALLET_AVAILABLE: euros(3),
        AccountKind.WALLET_HELD: euros(2),
    }
    assert queries.balances(db, alice.id, "MAD") == {AccountKind.WALLET_AVAILABLE: Money(700, "MAD")}
    assert queries.balances(db, bob.id, "EUR") == {}
    found = queries.transaction_by_id(db, hold_id)
    assert found is not None
    assert (found.state, found.kind) == (TransactionState.PENDING, "withdrawal")
    void_hold(db, key="v", hold_id=hold_id)
    voided = queries.transaction_by_key(db, "v")
    assert voided is not None
    assert voided.kind == "withdrawal.voided"
    assert queries.transaction_by_key(db, "nothing") is None


def test_an_unknown_account_has_no_balance(db: Session) -> None:
    with pytest.raises(UnknownAccountError):
        queries.balance(db, 10**9)
    assert queries.entries(db, 10**9) == []


@pytest.mark.parametrize("text", ["", "_", "x_1", "2026-11-23T09:00:00_1", "2026-11-23T09:00:00+00:00_x", "1"])
def test_a_cursor_that_was_tampered_with_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"cursor|isoformat"):
        Cursor.parse(text)


def test_a_cursor_is_read_back() -> None:
    cursor = Cursor(datetime(2026, 11, 23, 9, 0, 1, 5, tzinfo=UTC), 17)
    assert Cursor.parse(str(cursor)) == cursor
