import pytest
import sqlalchemy as sa

from portal.kernel import clock, ids
from portal.kernel.money import Money
from portal.notifications.models import Notice, OutboxMail
from portal.payments import services as payments
from portal.payments.gateway import Found, Outcome
from portal.store import jobs
from portal.store.errors import OrderNotFoundError, OutOfStockError, WrongStateError
from portal.store.models import (
    OrderEvent,
    OrderEventKind,
    OrderRefund,
    OrderState,
    PayMethod,
    RefundReason,
    ReservationState,
    StockReservation,
)
from portal.store.services import orders, sales, storefronts
from portal.wallet.queries import balance
from tests.builders import wallet as wallets
from tests.builders.store import (
    customer,
    fill_basket,
    make_paid_order,
    make_payment,
    pay,
    press,
    succeed,
)


def mails(db) -> list[tuple[str, str]]:
    rows = db.execute(sa.select(OutboxMail.kind, OutboxMail.email).order_by(OutboxMail.id))
    return [(kind, email) for kind, email in rows]


def refunds(db) -> list[tuple[RefundReason, int, bool]]:
    rows = db.scalars(sa.select(OrderRefund).order_by(OrderRefund.id))
    return [(row.reason, row.amount_minor, row.was_credited) for row in rows]


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


@pytest.fixture
def order(db, shop, honey):
    basket_id, _token = fill_basket(db, shop, {honey.id: 2})
    return press(db, shop, basket_id)


def test_a_payment_fulfils_the_order(db, shop, honey, merchant, order):
    payment = pay(db, order)
    assert (order.state, order.number, order.payment_id) == (OrderState.PAID, 1, payment.id)
    db.refresh(honey)
    assert honey.stock == 3
    assert db.scalars(sa.select(StockReservation.state)).one() is ReservationState.CONSUMED
    # 17.80 less 1.5 % and 0.25.
    assert balance(db, merchant.id).available == euros(1780 - 52)
    assert mails(db) == [("store.order_paid", "elise@example.org"), ("store.new_sale", merchant.email)]
    assert db.scalars(sa.select(Notice.user_id)).one() == merchant.id


def test_the_same_payment_told_again_changes_nothing(db, merchant, order):
    payment = pay(db, order)
    for _again in range(3):
        sales.settle_payment(
            db, public_token=order.public_token, payment_id=payment.id, paid=payment.amount, funds_available=True
        )
    assert balance(db, merchant.id).available == euros(1780 - 52)
    assert (len(mails(db)), refunds(db)) == (2, [])


def test_the_first_sale_is_told_as_such_once(db, shop, honey, merchant, order):
    pay(db, order)
    make_paid_order(db, shop, honey)
    flags = [
        params["is_first"]
        for params in db.scalars(
            sa.select(OutboxMail.params).where(OutboxMail.kind == "store.new_sale").order_by(OutboxMail.id)
        )
    ]
    assert flags == [True, False]
    storefronts.see_first_sale(db, shop)
    assert shop.first_sale_seen_at is not None


def test_numbers_have_no_gaps(db, shop, honey):
    abandoned, _token = fill_basket(db, shop, {honey.id: 1})
    press(db, shop, abandoned)
    assert [make_paid_order(db, shop, honey).number for _order in range(3)] == [1, 2, 3]


def test_money_is_incoming_until_the_provider_releases_it(db, merchant, order):
    payment = pay(db, order, funds_available=False)
    assert (balance(db, merchant.id).available, balance(db, merchant.id).incoming) == (euros(0), euros(1728))
    released = Found(
        public_id=payment.public_id, outcome=Outcome.PAID, payment_id=payment.provider_payment_id, funds_available=True
    )
    for _twice in range(2):
        payments.record_funds(db, payment_id=payment.id, found=released)
        sales.settle(db, payment_id=payment.id)
    assert (balance(db, merchant.id).available, balance(db, merchant.id).incoming) == (euros(1728), euros(0))


def test_a_second_payment_goes_back(db, merchant, order):
    pay(db, order)
    second = make_payment(db, order, key=ids.token())
    succeed(db, second)
    assert refunds(db) == [(RefundReason.PAID_TWICE, 1780, False)]
    assert balance(db, merchant.id).available == euros(1728)
    assert mails(db)[2:] == [("store.money_back", "elise@example.org")]
    assert order.state is OrderState.PAID


def test_another_amount_than_the_orders_goes_back(db, merchant, order):
    succeed(db, make_payment(db, order, amount_minor=1000))
    assert refunds(db) == [(RefundReason.WRONG_AMOUNT, 1000, False)]
    assert order.state is OrderState.PENDING_PAYMENT
    assert balance(db, merchant.id).available == euros(0)


def test_paid_late_but_still_on_the_shelf(db, honey, order):
    with clock.at(clock.now() + orders.RESERVED_FOR):
        jobs.release_expired()
    db.expire_all()
    pay(db, order)
    db.refresh(honey)
    assert (order.state, honey.stock) == (OrderState.PAID, 3)


def test_paid_late_and_sold_meanwhile(db, shop, honey, merchant, order):
    with clock.at(clock.now() + orders.RESERVED_FOR):
        jobs.release_expired()
    db.expire_all()
    make_paid_order(db, shop, honey, 4, email="faster@example.org")
    before = len(mails(db))
    pay(db, order)
    db.refresh(honey)
    assert (order.state, honey.stock, order.basket_id) == (OrderState.CANCELLED, 1, None)
    assert refunds(db) == [(RefundReason.OUT_OF_STOCK, 1780, False)]
    assert mails(db)[before:] == [("store.money_back", "elise@example.org"), ("store.sale_lost", merchant.email)]


def test_paid_after_it_was_cancelled(db, merchant, order):
    payment = make_payment(db, order)
    with clock.at(clock.now() + jobs.ABANDONED_AFTER * 2):
        jobs.clean_up()
    db.expire_all()
    succeed(db, payment)
    assert refunds(db) == [(RefundReason.CANCELLED, 1780, False)]
    assert order.state is OrderState.CANCELLED
    assert balance(db, merchant.id).available == euros(0)


def test_a_payment_page_that_closed_gives_the_items_back(db, honey, order):
    payment = make_payment(db, order)
    payments.record_refusal(db, payment_id=payment.id, code="expired", expired=True)
    db.refresh(honey)
    db.refresh(order)
    assert (honey.stock, order.state, order.attempt) == (5, OrderState.PENDING_PAYMENT, 2)
    kinds = list(db.scalars(sa.select(OrderEvent.kind).order_by(OrderEvent.id)))
    assert kinds == [OrderEventKind.PLACED, OrderEventKind.PAYMENT_FAILED]


def test_an_older_page_that_closes_takes_nothing_from_the_newer_one(db, shop, honey, order):
    old = make_payment(db, order)
    press(db, shop, order.basket_id, customer("other@example.org"))
    payments.record_refusal(db, payment_id=old.id, code="expired", expired=True)
    db.refresh(honey)
    assert honey.stock == 3


def test_a_payment_for_no_order_of_ours_is_not_swallowed(db, order):
    with pytest.raises(OrderNotFoundError):
        sales.settle_payment(db, public_token="none", payment_id=1, paid=euros(5), funds_available=True)


def test_ready_then_handed_over_each_told_once(db, shop, order):
    pay(db, order)
    for state in (OrderState.READY, OrderState.HANDED_OVER):
        sales.move_on(db, shop=shop, number=1, to=state)
        with pytest.raises(WrongStateError):
            sales.move_on(db, shop=shop, number=1, to=state)
    assert [kind for kind, _email in mails(db)[2:]] == ["store.order_ready", "store.order_handed_over"]
    with pytest.raises(WrongStateError):
        sales.move_on(db, shop=shop, number=1, to=OrderState.READY)


def test_out_of_turn_and_unpaid_orders_do_not_move_on(db, shop, order):
    with pytest.raises(OrderNotFoundError):
        sales.move_on(db, shop=shop, number=1, to=OrderState.READY)
    pay(db, order)
    with pytest.raises(WrongStateError):
        sales.move_on(db, shop=shop, number=1, to=OrderState.HANDED_OVER)


def test_an_order_is_paid_from_a_wallet_by_approval(db, shop, honey, merchant, alice):
    wallets.fund(alice, 100)
    wallets.give_pin(alice)
    basket_id, _token = fill_basket(db, shop, {honey.id: 2})
    order = press(db, shop, basket_id, customer(user_id=alice.id), method=PayMethod.WALLET)
    approval = wallets.approvals.ask(db, kind="order", reference=order.public_token)
    wallets.flows.approve(payer=alice, approval_id=approval.public_id, pin=wallets.PIN)
    db.expire_all()
    assert (order.state, order.number, order.payment_id) == (OrderState.PAID, 1, None)
    assert balance(db, alice.id).available == euros(10_000 - 1780)
    assert balance(db, merchant.id).available == euros(1780 - 21)


def test_what_is_sold_out_is_not_paid_from_a_wallet(db, shop, honey, alice):
    wallets.fund(alice, 100)
    basket_id, _token = fill_basket(db, shop, {honey.id: 5})
    order = press(db, shop, basket_id, customer(user_id=alice.id), method=PayMethod.WALLET)
    with clock.at(clock.now() + orders.RESERVED_FOR):
        jobs.release_expired()
    make_paid_order(db, shop, honey)
    db.expire_all()
    with pytest.raises(OutOfStockError), db.begin_nested():
        sales.settle_wallet_payment(db, public_token=order.public_token)
    assert balance(db, alice.id).available == euros(10_000)
