"""A merchant's sales: gross credited, fee taken on its own, released, refunded; each once."""

import pytest

from portal.ledger.errors import IdempotencyConflictError, InsufficientFundsError
from portal.ledger.queries import check, entries
from portal.ledger.services import AccountKind, account_for
from portal.wallet.queries import balance
from portal.wallet.queries.statements import available_account
from portal.wallet.services import credit_sale, refund_sale, settle_sale
from tests.builders.wallet import euros, fund


def fees(db):
    account = account_for(db, kind=AccountKind.PLATFORM_FEES, currency="EUR", owner_id=None)
    return sum(entry.amount.amount_minor for entry in entries(db, account))


def sell(db, merchant, *, available=True, payer=None, gross=100, fee=2, key="order:1"):
    return credit_sale(
        db,
        merchant_id=merchant.id,
        gross=euros(gross),
        fee=euros(fee),
        key=key,
        reference="K7-2041",
        available=available,
        payer_id=payer.id if payer else None,
    )


def give_back(db, merchant, amount, *, fee=0, available=True, payer=None, key="refund:1"):
    return refund_sale(
        db,
        merchant_id=merchant.id,
        amount=euros(amount),
        fee_back=euros(fee),
        key=key,
        reference="K7-2041",
        available=available,
        payer_id=payer.id if payer else None,
    )


def test_a_sale_by_card_is_incoming_until_it_is_released(db, merchant):
    sell(db, merchant, available=False)
    assert (balance(db, merchant.id).incoming, balance(db, merchant.id).available) == (euros(98), euros(0))
    settle_sale(db, merchant_id=merchant.id, net=euros(98), key="settle:1", reference="K7-2041")
    assert (balance(db, merchant.id).incoming, balance(db, merchant.id).available) == (euros(0), euros(98))
    assert fees(db) == 200
    assert check(db) == []


def test_a_sale_from_a_wallet_leaves_it_and_is_available_at_once(db, merchant, alice):
    fund(alice, 150)
    sell(db, merchant, payer=alice)
    assert (balance(db, alice.id).available, balance(db, merchant.id).available) == (euros(50), euros(98))


def test_a_sale_from_a_wallet_that_holds_less_is_refused_whole(db, merchant, alice):
    fund(alice, 99)
    with pytest.raises(InsufficientFundsError):
        sell(db, merchant, payer=alice)
    assert (balance(db, alice.id).available, balance(db, merchant.id).available, fees(db)) == (euros(99), euros(0), 0)


def test_the_fee_is_a_line_of_its_own(db, merchant):
    sell(db, merchant)
    lines = entries(db, available_account(db, merchant.id))
    assert sorted((entry.other_kind, entry.amount) for entry in lines) == [
        (AccountKind.PLATFORM_FEES, -euros(2)),
        (AccountKind.PROVIDER_BALANCE, euros(100)),
    ]


def test_each_happens_once_and_never_otherwise(db, merchant):
    for _ in range(2):
        sell(db, merchant, available=False)
        settle_sale(db, merchant_id=merchant.id, net=euros(98), key="settle:1", reference="K7-2041")
        give_back(db, merchant, 40)
    assert balance(db, merchant.id).available == euros(58)
    with pytest.raises(IdempotencyConflictError):
        sell(db, merchant, available=False, gross=101)
    with pytest.raises(IdempotencyConflictError):
        give_back(db, merchant, 41)


def test_a_refund_before_release_comes_from_incoming(db, merchant):
    sell(db, merchant, available=False)
    give_back(db, merchant, 100, fee=2, available=False)
    assert balance(db, merchant.id).incoming == euros(0)
    assert fees(db) == 0
    assert check(db) == []


def test_a_refund_of_a_wallet_sale_returns_to_the_wallet(db, merchant, alice):
    fund(alice, 100)
    sell(db, merchant, payer=alice)
    give_back(db, merchant, 30, payer=alice)
    assert (balance(db, alice.id).available, balance(db, merchant.id).available) == (euros(30), euros(68))


def test_money_that_is_spent_cannot_be_given_back(db, merchant):
    sell(db, merchant)
    with pytest.raises(InsufficientFundsError):
        give_back(db, merchant, 99)


def test_a_fee_never_exceeds_its_sale(db, merchant):
    with pytest.raises(ValueError, match="exceed"):
        sell(db, merchant, gross=1, fee=2)
    with pytest.raises(ValueError, match="given back"):
        give_back(db, merchant, 1, fee=2)
