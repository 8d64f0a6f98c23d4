"""Posting, holding and reversing."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy.orm import Session

from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.money import Money
from portal.ledger import queries
from portal.ledger.errors import (
    AlreadyReversedError,
    HoldSettledError,
    IdempotencyConflictError,
    InsufficientFundsError,
    NotReversibleError,
    TransactionNotFoundError,
    UnknownAccountError,
)
from portal.ledger.kinds import AccountKind, TransactionState
from portal.ledger.services import Line, account_for, hold, post, post_hold, reverse, void_hold
from tests.builders.ledger import euros, give, held, new_key, provider, wallet
from tests.conftest import TODAY


def _balance(db: Session, account_id: int) -> int:
    return queries.balance(db, account_id).amount_minor


def _state(db: Session, transaction_id: int) -> TransactionState:
    found = queries.transaction_by_id(db, transaction_id)
    assert found is not None
    return found.state


def test_an_account_is_made_once(db: Session, alice: User, bob: User) -> None:
    first = wallet(db, alice.id)
    assert wallet(db, alice.id) == first
    assert len({first, wallet(db, bob.id), held(db, alice.id), wallet(db, alice.id, "MAD"), provider(db)}) == 5
    assert provider(db) == provider(db)
    assert _balance(db, first) == 0


def test_a_transfer_moves_the_amount(db: Session, alice: User, bob: User) -> None:
    mine, theirs = give(db, alice.id, euros(30)), wallet(db, bob.id)
    post(db, key=new_key(), kind="transfer", lines=[Line(mine, theirs, euros(12, 50))])
    assert (_balance(db, mine), _balance(db, theirs), _balance(db, provider(db))) == (1750, 1250, -3000)
    assert queries.balances(db, alice.id, "EUR") == {AccountKind.WALLET_AVAILABLE: euros(17, 50)}
    assert queries.check(db) == []


def test_the_whole_balance_can_be_spent_and_not_a_cent_more(db: Session, alice: User, bob: User) -> None:
    mine, theirs = give(db, alice.id, euros(10)), wallet(db, bob.id)
    with pytest.raises(InsufficientFundsError):
        post(db, key="too-much", kind="transfer", lines=[Line(mine, theirs, euros(10, 1))])
    assert queries.transaction_by_key(db, "too-much") is None
    post(db, key="all", kind="transfer", lines=[Line(mine, theirs, euros(10))])
    assert _balance(db, mine) == 0
    assert queries.check(db) == []


def test_what_is_refused_leaves_nothing_and_the_transaction_goes_on(db: Session, alice: User, bob: User) -> None:
    mine, theirs = give(db, alice.id, euros(10)), wallet(db, bob.id)
    lines = [Line(mine, theirs, euros(8)), Line(mine, theirs, euros(3))]
    with pytest.raises(InsufficientFundsError):
        post(db, key=new_key(), kind="transfer", lines=lines)
    assert (_balance(db, mine), _balance(db, theirs)) == (1000, 0)
    with pytest.raises(UnknownAccountError):
        post(db, key=new_key(), kind="transfer", lines=[Line(mine, 10**9, euros(1))])
    post(db, key=new_key(), kind="transfer", lines=[Line(mine, theirs, euros(8))])
    assert (_balance(db, mine), _balance(db, theirs)) == (200, 800)
    assert queries.check(db) == []


def test_lines_apply_in_the_order_given(db: Session, alice: User, bob: User) -> None:
    mine, fees = wallet(db, alice.id), account_for(db, kind=AccountKind.PLATFORM_FEES, currency="EUR", owner_id=None)
    gross, fee = Line(provider(db), mine, euros(100)), Line(mine, fees, euros(2))
    with pytest.raises(InsufficientFundsError):
        post(db, key="sale", kind="sale", lines=[fee, gross])
    post(db, key="sale", kind="sale", lines=[gross, fee])
    assert (_balance(db, mine), _balance(db, fees)) == (9800, 200)
    assert queries.check(db) == []


def test_the_same_key_and_body_is_the_same_transaction(db: Session, alice: User, bob: User) -> None:
    mine, theirs = give(db, alice.id, euros(10)), wallet(db, bob.id)
    first = post(db, key="again", kind="transfer", lines=[Line(mine, theirs, euros(7))], reference="r")
    with clock.at(TODAY + timedelta(days=1)):
        assert post(db, key="again", kind="transfer", lines=[Line(mine, theirs, euros(7))], reference="r") == first
    assert _balance(db, mine) == 300


@pytest.mark.parametrize("changed", ["amount", "kind", "reference", "direction", "more", "hold"])
def test_the_same_key_and_another_body_is_refused(db: Session, alice: User, bob: User, changed: str) -> None:
    mine, theirs = give(db, alice.id, euros(10)), give(db, bob.id, euros(10))
    line = Line(mine, theirs, euros(2))
    post(db, key="k", kind="transfer", lines=[line], reference="r")
    body: dict[str, Any] = {"kind": "transfer", "lines": [line], "reference": "r"}
    changes: dict[str, dict[str, Any]] = {
        "amount": {"lines": [Line(mine, theirs, euros(3))]},
        "kind": {"kind": "other"},
        "reference": {"reference": "other"},
        "direction": {"lines": [Line(theirs, mine, euros(2))]},
        "more": {"lines": [line, line]},
    }
    act = partial(hold, line=line, kind="transfer", reference="r") if changed == "hold" else partial(post, **body)
    with pytest.raises(IdempotencyConflictError):
        act(db, key="k", **changes.get(changed, {}))
    assert _balance(db, mine) == 800


def test_currencies_do_not_mix(db: Session, alice: User, bob: User) -> None:
    mine, theirs = give(db, alice.id, euros(10)), wallet(db, bob.id, "MAD")
    for amount in (euros(1), Money(100, "MAD")):
        with pytest.raises(UnknownAccountError):
            post(db, key=new_key(), kind="transfer", lines=[Line(mine, theirs, amount)])
    assert queries.check(db) == []


def test_nonsense_is_refused_before_the_database(db: Session, alice: User, bob: User) -> None:
    mine, theirs = wallet(db, alice.id), wallet(db, bob.id)
    for make in (
        lambda: Line(mine, theirs, euros(0)),
        lambda: Line(mine, theirs, -euros(1)),
        lambda: Line(mine, mine, euros(1)),
        lambda: post(db, key=new_key(), kind="transfer", lines=[]),
        lambda: post(db, key="", kind="transfer", lines=[Line(mine, theirs, euros(1))]),
        lambda: post(db, key="k" * 121, kind="transfer", lines=[Line(mine, theirs, euros(1))]),
    ):
        with pytest.raises(ValueError, match=r"amount|accounts|line|key"):
            make()


def test_a_hold_is_posted_once(db: Session, alice: User, bob: User) -> None:
    mine, aside, theirs = give(db, alice.id, euros(10)), held(db, alice.id), wallet(db, bob.id)
    hold_id = hold(db, key="h", kind="withdrawal", line=Line(mine, aside, euros(6)), reference="w1")
    assert (_balance(db, mine), _balance(db, aside)) == (400, 600)
    assert _state(db, hold_id) is TransactionState.PENDING
    settled = post_hold(db, key="p", hold_id=hold_id, to=theirs)
    assert post_hold(db, key="p", hold_id=hold_id, to=theirs) == settled
    assert _state(db, hold_id) is TransactionState.POSTED
    for again in (
        lambda: post_hold(db, key="p2", hold_id=hold_id, to=theirs),
        lambda: void_hold(db, key="v", hold_id=hold_id),
    ):
        with pytest.raises(HoldSettledError):
            again()
    with pytest.raises(IdempotencyConflictError):
        post_hold(db, key="p", hold_id=hold_id, to=theirs, amount=euros(5))
    assert (_balance(db, mine), _balance(db, aside), _balance(db, theirs)) == (400, 0, 600)
    assert queries.check(db) == []


def test_a_hold_is_voided_once(db: Session, alice: User, bob: User) -> None:
    mine, aside = give(db, alice.id, euros(10)), held(db, alice.id)
    hold_id = hold(db, key="h", kind="withdrawal", line=Line(mine, aside, euros(6)))
    voided = void_hold(db, key="v", hold_id=hold_id)
    assert void_hold(db, key="v", hold_id=hold_id) == voided
    assert _state(db, hold_id) is TransactionState.VOIDED
    with pytest.raises(HoldSettledError):
        post_hold(db, key="p", hold_id=hold_id, to=wallet(db, bob.id))
    assert (_balance(db, mine), _balance(db, aside)) == (1000, 0)
    assert queries.check(db) == []


def test_a_hold_posted_in_part_returns_the_rest(db: Session, alice: User, bob: User) -> None:
    mine, aside, theirs = give(db, alice.id, euros(10)), held(db, alice.id), wallet(db, bob.id)
    hold_id = hold(db, key="h", kind="order", line=Line(mine, aside, euros(6)))
    with pytest.raises(ValueError, match="more than it holds"):
        post_hold(db, key="p", hold_id=hold_id, to=theirs, amount=euros(7))
    settled = post_hold(db, key="p", hold_id=hold_id, to=theirs, amount=euros(4))
    assert (_balance(db, mine), _balance(db, aside), _balance(db, theirs)) == (600, 0, 400)
    reverse(db, key="r", transaction_id=settled)
    assert (_balance(db, mine), _balance(db, aside), _balance(db, theirs)) == (1000, 0, 0)
    assert queries.check(db) == []


def test_only_a_hold_is_settled(db: Session, alice: User, bob: User) -> None:
    mine, theirs = give(db, alice.id, euros(10)), wallet(db, bob.id)
    plain = post(db, key=new_key(), kind="transfer", lines=[Line(mine, theirs, euros(1))])
    for transaction_id in (plain, 10**9):
        with pytest.raises(TransactionNotFoundError):
            void_hold(db, key=new_key(), hold_id=transaction_id)


def test_a_transaction_is_reversed_once(db: Session, alice: User, bob: User) -> None:
    mine, theirs = give(db, alice.id, euros(10)), wallet(db, bob.id)
    paid = post(db, key=new_key(), kind="transfer", lines=[Line(mine, theirs, euros(7))])
    back = reverse(db, key="r", transaction_id=paid)
    assert reverse(db, key="r", transaction_id=paid) == back
    with pytest.raises(AlreadyReversedError):
        reverse(db, key="r2", transaction_id=paid)
    assert (_balance(db, mine), _balance(db, theirs)) == (1000, 0)
    assert queries.check(db) == []


def test_several_lines_are_reversed_from_the_last(db: Session, alice: User) -> None:
    mine, fees = wallet(db, alice.id), account_for(db, kind=AccountKind.PLATFORM_FEES, currency="EUR", owner_id=None)
    sale = post(db, key="s", kind="sale", lines=[Line(provider(db), mine, euros(100)), Line(mine, fees, euros(100))])
    reverse(db, key="r", transaction_id=sale)
    assert (_balance(db, mine), _balance(db, fees), _balance(db, provider(db))) == (0, 0, 0)
    assert queries.check(db) == []


def test_what_was_spent_cannot_be_taken_back(db: Session, alice: User, bob: User, charlie: User) -> None:
    mine, theirs = give(db, alice.id, euros(10)), wallet(db, bob.id)
    paid = post(db, key=new_key(), kind="transfer", lines=[Line(mine, theirs, euros(7))])
    post(db, key=new_key(), kind="transfer", lines=[Line(theirs, wallet(db, charlie.id), euros(1))])
    with pytest.raises(InsufficientFundsError):
        reverse(db, key="r", transaction_id=paid)
    assert _balance(db, theirs) == 600


def test_a_hold_and_its_voiding_are_not_reversed(db: Session, alice: User) -> None:
    mine, aside = give(db, alice.id, euros(10)), held(db, alice.id)
    hold_id = hold(db, key="h", kind="withdrawal", line=Line(mine, aside, euros(6)))
    with pytest.raises(NotReversibleError):
        reverse(db, key=new_key(), transaction_id=hold_id)
    voided = void_hold(db, key="v", hold_id=hold_id)
    for transaction_id in (hold_id, voided):
        with pytest.raises(NotReversibleError):
            reverse(db, key=new_key(), transaction_id=transaction_id)
    with pytest.raises(TransactionNotFoundError):
        reverse(db, key=new_key(), transaction_id=10**9)
