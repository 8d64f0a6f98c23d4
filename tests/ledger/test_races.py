"""Many at once, with real commits: no cent is spent twice, no key used twice, and nobody waits for ever."""

import random
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
import sqlalchemy as sa

from portal.identity.services import create_user
from portal.kernel.db import Database, reading, transaction
from portal.kernel.errors import PortalError
from portal.ledger import queries
from portal.ledger.errors import AlreadyReversedError, HoldSettledError, InsufficientFundsError
from portal.ledger.kinds import AccountKind
from portal.ledger.services import Line, account_for, hold, post, post_hold, reverse, void_hold
from tests.builders.ledger import euros, give, held, new_key, wallet

# How often each race is run with --full-counts; once otherwise.
ROUNDS = 20


Spend = Callable[[int, int, int], None]


@pytest.fixture
def rounds(full_counts: bool) -> int:
    return ROUNDS if full_counts else 1


def race(act: Callable[[int], object], runners: int) -> list[Exception]:
    """Let `act(0)` … `act(runners - 1)` begin together; returns what the portal refused. Other errors are raised."""
    barrier = threading.Barrier(runners)
    refused: list[Exception] = []
    broken: list[BaseException] = []

    def run(at: int) -> None:
        try:
            barrier.wait()
            act(at)
        except PortalError as error:
            refused.append(error)
        except BaseException as error:  # noqa: BLE001 (raised below)
            broken.append(error)

    threads = [threading.Thread(target=run, args=(at,)) for at in range(runners)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]
    return refused


def _people(count: int) -> list[int]:
    with transaction() as db:
        users = [create_user(db, email=f"p{at}-{new_key()}@example.org", display_name=f"P{at}") for at in range(count)]
        db.flush()
        return [user.id for user in users]


def _sound() -> bool:
    with reading() as db:
        return queries.check(db) == []


def _balance(account: int) -> int:
    with reading() as db:
        return queries.balance(db, account).amount_minor


def spend_by_post(source: int, target: int, at: int) -> None:
    """One euro, as the portal spends it."""
    with transaction() as db:
        post(db, key=f"spend-{source}-{at}", kind="transfer", lines=[Line(source, target, euros(1))])


def overspends(spend: Spend, runners: int = 50, *, prepare: Callable[[], None] = lambda: None) -> str:
    """Let many spend one euro each from a wallet that holds ten; what went wrong, in words, or nothing."""
    payer, payee = _people(2)
    with transaction() as db:
        source, target = give(db, payer, euros(10)), wallet(db, payee)
    prepare()
    refused = race(lambda at: spend(source, target, at), runners)
    with reading() as db:
        problems = queries.check(db)
        amounts = [entry.amount.amount_minor for entry in queries.entries(db, target, limit=100)]
    spent = sum(amounts)
    if (spent, _balance(source), _balance(target), len(refused)) != (1000, 0, 1000, runners - 10):
        problems.append(f"{spent} cents were spent of 1000, and {len(refused)} payments refused")
    return "; ".join(problems)


def test_a_wallet_is_never_overspent(fresh_database: Database, rounds: int) -> None:
    for _ in range(rounds):
        assert overspends(spend_by_post) == ""


def _take_the_guards_away() -> None:
    with transaction() as db:
        if db.connection().dialect.name == "sqlite":
            db.execute(sa.text("DROP TRIGGER postings_apply"))
            db.execute(sa.text("DROP TRIGGER balances_follow_postings"))
        else:
            db.execute(sa.text('DROP TRIGGER "A_postings_apply" ON postings'))
            db.execute(sa.text("DROP TRIGGER balances_kept ON balances"))


def test_reading_a_balance_and_then_writing_it_is_caught(fresh_database: Database) -> None:
    """The same race finds the mistake it is there for."""
    all_have_read = threading.Barrier(50)
    write = sa.text("UPDATE balances SET amount_minor = :amount WHERE account_id = :account")

    def spend_by_reading_first(source: int, target: int, at: int) -> None:
        mine, theirs = _balance(source), _balance(target)
        all_have_read.wait()
        if mine < 100:
            raise InsufficientFundsError(source)
        spend_by_post(source, target, at)
        with transaction() as db:
            db.execute(write, {"amount": mine - 100, "account": source})
            db.execute(write, {"amount": theirs + 100, "account": target})

    found = overspends(spend_by_reading_first, prepare=_take_the_guards_away)
    assert "but postings of" in found
    assert "5000 cents were spent of 1000, and 0 payments refused" in found


def test_one_key_is_one_transaction(fresh_database: Database, rounds: int) -> None:
    payer, payee = _people(2)
    with transaction() as db:
        source, target = give(db, payer, euros(100)), wallet(db, payee)
    for at in range(rounds):
        ids: set[int] = set()

        def send(_at: int, key: str = f"once-{at}", ids: set[int] = ids) -> None:
            with transaction() as db:
                ids.add(post(db, key=key, kind="transfer", lines=[Line(source, target, euros(1))]))

        assert race(send, 20) == []
        assert len(ids) == 1
        assert _balance(target) == 100 * (at + 1)
    assert _sound()


def test_opposite_transfers_do_not_wait_for_each_other_for_ever(fresh_database: Database, full_counts: bool) -> None:
    people = _people(4)
    with transaction() as db:
        accounts = [give(db, person, euros(100)) for person in people]
    each = 100 if full_counts else 15

    def send(at: int) -> None:
        chooser = random.Random(at)
        for turn in range(each):
            a, b, c = chooser.sample(accounts, 3)
            lines = [Line(a, b, euros(0, 5)), Line(b, c, euros(0, 3))][: 1 + turn % 2]
            with transaction() as db:
                post(db, key=f"{at}-{turn}", kind="transfer", lines=lines)

    assert race(send, 8) == []
    assert sum(_balance(account) for account in accounts) == 40_000
    assert _sound()


def test_a_hold_ends_once(fresh_database: Database, rounds: int) -> None:
    payer, payee = _people(2)
    with transaction() as db:
        source, aside, target = give(db, payer, euros(1000)), held(db, payer), wallet(db, payee)
    for at in range(rounds):
        before = _balance(target)
        with transaction() as db:
            hold_id = hold(db, key=f"hold-{at}", kind="withdrawal", line=Line(source, aside, euros(5)))

        def end(runner: int, hold_id: int = hold_id, at: int = at) -> None:
            with transaction() as db:
                if runner % 2:
                    post_hold(db, key=f"post-{at}-{runner}", hold_id=hold_id, to=target)
                else:
                    void_hold(db, key=f"void-{at}-{runner}", hold_id=hold_id)

        refused = race(end, 10)
        assert [type(error) for error in refused] == [HoldSettledError] * 9
        assert _balance(aside) == 0
        assert _balance(target) - before in {0, 500}
    assert _sound()


def test_a_repeat_of_ending_a_hold_is_no_error(fresh_database: Database) -> None:
    payer, payee = _people(2)
    with transaction() as db:
        source, aside, target = give(db, payer, euros(10)), held(db, payer), wallet(db, payee)
        hold_id = hold(db, key="hold", kind="withdrawal", line=Line(source, aside, euros(5)))
    ids: set[int] = set()

    def end(_at: int) -> None:
        with transaction() as db:
            ids.add(post_hold(db, key="post", hold_id=hold_id, to=target))

    assert race(end, 10) == []
    assert len(ids) == 1
    assert _balance(target) == 500


def test_a_transaction_is_reversed_once(fresh_database: Database, rounds: int) -> None:
    payer, payee = _people(2)
    with transaction() as db:
        source, target = give(db, payer, euros(100)), wallet(db, payee)
    for at in range(rounds):
        with transaction() as db:
            paid = post(db, key=f"pay-{at}", kind="transfer", lines=[Line(source, target, euros(5))])

        def back(runner: int, paid: int = paid, at: int = at) -> None:
            with transaction() as db:
                reverse(db, key=f"back-{at}-{runner}", transaction_id=paid)

        refused = race(back, 10)
        # After the one that won, the receiver may also simply not have the money any more.
        assert len(refused) == 9
        assert {type(error) for error in refused} <= {AlreadyReversedError, InsufficientFundsError}
        assert (_balance(source), _balance(target)) == (10_000, 0)
    assert _sound()


def test_an_account_is_opened_once(fresh_database: Database, rounds: int) -> None:
    for _ in range(rounds):
        (owner,) = _people(1)
        ids: set[int] = set()

        def open_it(_at: int, owner: int = owner, ids: set[int] = ids) -> None:
            with transaction() as db:
                kind = AccountKind.WALLET_INCOMING
                ids.add(account_for(db, kind=kind, currency="EUR", owner_id=owner))

        assert race(open_it, 10) == []
        assert len(ids) == 1


def test_a_refused_payment_leaves_the_rest_of_its_transaction(fresh_database: Database) -> None:
    payer, payee = _people(2)
    with transaction() as db:
        source, target = give(db, payer, euros(1)), wallet(db, payee)
        with suppress(InsufficientFundsError):
            post(db, key="too-much", kind="transfer", lines=[Line(source, target, euros(2))])
        post(db, key="enough", kind="transfer", lines=[Line(source, target, euros(1))])
    assert (_balance(source), _balance(target)) == (0, 100)
    with reading() as db:
        assert queries.transaction_by_key(db, "too-much") is None
