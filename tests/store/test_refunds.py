import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.config import Fees
from portal.kernel import ids
from portal.kernel.money import Money
from portal.ledger.errors import InsufficientFundsError
from portal.notifications.models import OutboxMail
from portal.payments import services as payments
from portal.payments.gateway import Found, FoundRefund, Outcome
from portal.store import pricing
from portal.store.errors import RefundTooLargeError, WrongStateError
from portal.store.models import Order, OrderRefund, OrderRefundState, OrderState, PayMethod
from portal.store.services import refunds
from portal.wallet.queries import balance
from tests.builders import wallet as wallets
from tests.builders.store import customer, fill_basket, make_payment, pay, press, succeed


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


def provider_does(db, state: str) -> None:
    """The worker asked for every queued refund, and this is what the provider answered."""
    for refund in refunds.queued(db):
        asked = payments.record_refund(
            db, payment_id=refund.payment_id, amount=euros(refund.amount_minor), key=refund.key, reason="x"
        )
        found = FoundRefund(asked.public_id, f"re_{asked.public_id}", state, None)
        payments.record_refund_outcome(db, refund_id=asked.id, found=found)
    db.expire_all()


@pytest.fixture
def order(db, shop, honey):
    """17.80 € paid, fee 0.52 €."""
    basket_id, _token = fill_basket(db, shop, {honey.id: 2})
    order = press(db, shop, basket_id)
    pay(db, order)
    return order


def test_all_of_it(db, merchant, order):
    refunds.ask(db, order_id=order.id, amount=euros(1780), key=ids.token())
    assert balance(db, merchant.id).available == euros(0)
    assert order.state is OrderState.PAID
    provider_does(db, "succeeded")
    assert (order.state, order.refunded_minor, order.fee_refunded_minor) == (OrderState.REFUNDED, 1780, 52)
    kinds = list(db.scalars(sa.select(OutboxMail.kind).order_by(OutboxMail.id)))
    assert kinds[2:] == ["store.refunded"]


def test_in_parts_the_fee_comes_back_in_proportion(db, merchant, order):
    refunds.ask(db, order_id=order.id, amount=euros(500), key=ids.token())
    assert (order.refunded_minor, order.fee_refunded_minor) == (500, 14)
    assert balance(db, merchant.id).available == euros(1728 - 500 + 14)
    provider_does(db, "succeeded")
    assert order.state is OrderState.PAID
    refunds.ask(db, order_id=order.id, amount=euros(1280), key=ids.token())
    provider_does(db, "succeeded")
    assert order.state is OrderState.REFUNDED
    assert balance(db, merchant.id).available == euros(0)


def test_never_more_than_was_paid(db, order):
    refunds.ask(db, order_id=order.id, amount=euros(1000), key=ids.token())
    with pytest.raises(RefundTooLargeError):
        refunds.ask(db, order_id=order.id, amount=euros(781), key=ids.token())
    refunds.ask(db, order_id=order.id, amount=euros(780), key=ids.token())
    with pytest.raises(WrongStateError):
        refunds.ask(db, order_id=order.id, amount=euros(1), key=ids.token())


def test_the_same_form_asks_once(db, merchant, order):
    key = ids.token()
    for _twice in range(2):
        refunds.ask(db, order_id=order.id, amount=euros(500), key=key)
    assert db.scalar(sa.select(sa.func.count()).select_from(OrderRefund)) == 1
    assert balance(db, merchant.id).available == euros(1728 - 500 + 14)


def test_not_what_the_merchant_no_longer_has(db, merchant, alice, order):
    wallets.give_pin(merchant)
    wallets.send(merchant, alice, "15.00")
    db.expire_all()
    with pytest.raises(InsufficientFundsError), db.begin_nested():
        refunds.ask(db, order_id=order.id, amount=euros(1780), key=ids.token())
    db.expire_all()
    assert order.refunded_minor == 0
    assert refunds.queued(db) == []


def test_the_provider_says_no_and_the_merchant_has_it_again(db, merchant, order):
    refunds.ask(db, order_id=order.id, amount=euros(500), key=ids.token())
    provider_does(db, "failed")
    assert (order.refunded_minor, order.fee_refunded_minor) == (0, 0)
    assert balance(db, merchant.id).available == euros(1728)
    assert db.scalars(sa.select(OrderRefund.state)).one() is OrderRefundState.FAILED
    refunds.ask(db, order_id=order.id, amount=euros(1780), key=ids.token())


def test_before_the_money_is_released(db, shop, honey, merchant):
    basket_id, _token = fill_basket(db, shop, {honey.id: 2})
    order = press(db, shop, basket_id)
    payment = pay(db, order, funds_available=False)
    refunds.ask(db, order_id=order.id, amount=euros(500), key=ids.token())
    assert balance(db, merchant.id).incoming == euros(1728 - 500 + 14)
    released = Found(
        public_id=payment.public_id, outcome=Outcome.PAID, payment_id=payment.provider_payment_id, funds_available=True
    )
    payments.record_funds(db, payment_id=payment.id, found=released)
    assert (balance(db, merchant.id).incoming, balance(db, merchant.id).available) == (euros(0), euros(1242))


def test_a_payment_that_was_never_a_sale_goes_back_without_the_merchant(db, merchant, order):
    second = make_payment(db, order, key=ids.token())
    succeed(db, second)
    provider_does(db, "succeeded")
    assert balance(db, merchant.id).available == euros(1728)
    assert (order.state, order.refunded_minor) == (OrderState.PAID, 0)


def test_a_wallet_gets_it_back_at_once(db, shop, honey, merchant, alice):
    wallets.fund(alice, 100)
    wallets.give_pin(alice)
    basket_id, _token = fill_basket(db, shop, {honey.id: 2})
    order = press(db, shop, basket_id, customer(user_id=alice.id), method=PayMethod.WALLET)
    approval = wallets.approvals.ask(db, kind="order", reference=order.public_token)
    wallets.flows.approve(payer=alice, approval_id=approval.public_id, pin=wallets.PIN)
    db.expire_all()
    refunds.ask(db, order_id=order.id, amount=euros(1780), key=ids.token())
    db.expire_all()
    assert (balance(db, alice.id).available, balance(db, merchant.id).available) == (euros(10_000), euros(0))
    assert order.state is OrderState.REFUNDED


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 10**7), st.lists(st.integers(1, 10**7), min_size=1, max_size=8))
def test_whatever_the_parts_the_fee_returned_adds_up(total, parts):
    fee = pricing.fee_on(euros(total), PayMethod.CARD, Fees()).amount.amount_minor
    order = Order(total_minor=total, fee_minor=fee, refunded_minor=0, fee_refunded_minor=0, currency="EUR")
    for part in [*parts, total]:
        amount = min(part, total - order.refunded_minor)
        if not amount:
            break
        back = refunds._fee_back(order, euros(amount)).amount_minor
        assert 0 <= back <= amount
        order.refunded_minor += amount
        order.fee_refunded_minor += back
    assert order.fee_refunded_minor == fee
