"""Many shoppers at once, on real transactions: nothing sold twice, nothing paid twice."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa

from portal.identity.services import create_user
from portal.kernel import ids
from portal.kernel.db import transaction
from portal.kernel.errors import PortalError
from portal.kernel.money import Money
from portal.ledger.errors import InsufficientFundsError
from portal.store.errors import AlreadyOrderedError, OutOfStockError, RefundTooLargeError, WrongStateError
from portal.store.models import Order, OrderRefund, OrderState, Product, Storefront
from portal.store.queries.baskets import contents
from portal.store.queries.storefronts import front
from portal.store.services import orders, refunds, sales, storefronts
from portal.store.services.orders import Checkout
from portal.wallet.queries import balance
from tests.builders import store as builders

pytestmark = pytest.mark.usefixtures("fresh_database")

SLUG = "epicerie-du-port"


@pytest.fixture
def rounds(full_counts) -> int:
    return 20 if full_counts else 4


def make_shop(stock: int) -> int:
    """A shop that sells so many jars of honey; returns the product's id."""
    with transaction() as db:
        merchant = create_user(db, email="merchant@example.org", display_name="Merchant")
        shop = builders.make_draft(db, merchant)
        product = builders.make_product(db, shop, stock=stock)
        storefronts.publish(db, shop)
        return product.id


def at_once(work, arguments) -> list[object]:
    """Run `work` for each argument at the same moment; what it returned or the portal error it raised."""
    barrier = Barrier(len(arguments))

    def run(argument):
        barrier.wait()
        try:
            return work(argument)
        except PortalError as error:
            return error

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(run, arguments))


def full_basket(product_id: int, quantity: int = 1) -> tuple[int, str]:
    """A basket, and the fingerprint of what its page shows."""
    with transaction() as db:
        shop = front(db, SLUG)
        basket_id, _token = builders.fill_basket(db, shop, {product_id: quantity})
        return basket_id, contents(db, basket_id=basket_id, shop=shop).fingerprint


def press(basket: tuple[int, str], key: str | None = None) -> int:
    """Press the pay button, in a transaction of its own."""
    with transaction() as db:
        checkout = Checkout(key or ids.token(), basket[1], builders.customer())
        return orders.place(db, shop=front(db, SLUG), basket_id=basket[0], checkout=checkout).id


def pay(order_id: int) -> None:
    with transaction() as db:
        builders.pay(db, db.get_one(Order, order_id))


def test_the_last_item_is_sold_to_one(rounds):
    product_id = make_shop(stock=1)
    for number in range(rounds):
        with transaction() as db:
            db.execute(sa.update(Product).values(stock=1))
        rivals = [full_basket(product_id) for _rival in range(5)]
        results = at_once(press, rivals)
        winners = [result for result in results if isinstance(result, int)]
        assert len(winners) == 1
        assert sum(isinstance(result, OutOfStockError) for result in results) == 4
        pay(winners[0])
        with transaction() as db:
            paid = sa.select(sa.func.count()).where(Order.state == OrderState.PAID)
            assert db.scalar(paid) == number + 1
            assert db.scalar(sa.select(Product.stock)) == 0


def test_two_products_in_opposite_order_do_not_block_each_other(rounds):
    first = make_shop(stock=1000)
    with transaction() as db:
        second = builders.make_product(db, db.scalars(sa.select(Storefront)).one(), "Sel", stock=1000).id
    for _round in range(rounds):
        rivals = []
        for lines in ({first: 1, second: 2}, {second: 2, first: 1}) * 3:
            with transaction() as db:
                shop = front(db, SLUG)
                basket_id, _token = builders.fill_basket(db, shop, lines)
                rivals.append((basket_id, contents(db, basket_id=basket_id, shop=shop).fingerprint))
        assert all(isinstance(result, int) for result in at_once(press, rivals))
    with transaction() as db:
        assert db.execute(sa.select(Product.stock).order_by(Product.id)).scalars().all() == [
            1000 - 6 * rounds,
            1000 - 12 * rounds,
        ]


@pytest.mark.parametrize("same_form", [True, False])
def test_pressing_many_times_at_once_is_one_order(rounds, same_form):
    product_id = make_shop(stock=1000)
    for number in range(rounds):
        basket, key = full_basket(product_id, 2), ids.token()
        results = at_once(lambda _press, b=basket, k=key: press(b, k if same_form else None), range(6))
        assert len(set(results)) == 1
        with transaction() as db:
            assert db.scalar(sa.select(sa.func.count()).select_from(Order)) == number + 1
            assert db.scalar(sa.select(Product.stock)) == 1000 - 2 * (number + 1)


def test_a_payment_told_by_many_at_once_fulfils_once(rounds):
    product_id = make_shop(stock=1000)
    for number in range(rounds):
        order_id = press(full_basket(product_id))
        with transaction() as db:
            order = db.get_one(Order, order_id)
            token, payment_id = order.public_token, builders.make_payment(db, order).id

        def settle(_again, token=token, payment_id=payment_id):
            with transaction() as db:
                sales.settle_payment(
                    db, public_token=token, payment_id=payment_id, paid=Money(890, "EUR"), funds_available=True
                )

        at_once(settle, range(6))
        with transaction() as db:
            merchant_id = db.scalars(sa.select(Storefront.merchant_id)).one()
            assert balance(db, merchant_id).available == Money((890 - 38) * (number + 1), "EUR")
            assert db.scalar(sa.select(sa.func.max(Order.number))) == number + 1
            assert db.scalar(sa.select(sa.func.count()).select_from(OrderRefund)) == 0


def test_orders_paid_at_once_are_numbered_without_gaps():
    product_id = make_shop(stock=1000)
    placed = [press(full_basket(product_id)) for _order in range(8)]
    at_once(pay, placed)
    with transaction() as db:
        numbers = db.scalars(sa.select(Order.number).order_by(Order.number)).all()
    assert list(numbers) == list(range(1, 9))


def test_refunds_at_once_never_give_back_more_than_was_paid(rounds):
    product_id = make_shop(stock=1000)
    for _round in range(rounds):
        order_id = press(full_basket(product_id))
        pay(order_id)

        def give_back(key, order_id=order_id):
            with transaction() as db:
                refunds.ask(db, order_id=order_id, amount=Money(300, "EUR"), key=key)

        results = at_once(give_back, [ids.token() for _refund in range(5)])
        refused = [result for result in results if result is not None]
        assert len(refused) == 3
        assert all(isinstance(one, RefundTooLargeError | WrongStateError | InsufficientFundsError) for one in refused)
        with transaction() as db:
            assert db.get_one(Order, order_id).refunded_minor == 600


def test_paying_while_the_reservation_runs_out_sells_what_is_there(rounds):
    product_id = make_shop(stock=1000)
    for number in range(rounds):
        order_id = press(full_basket(product_id))

        def sweep():
            with transaction() as db:
                if orders.hold(db, order_id):  # noqa: B023 (run at once)
                    from portal.store.services import stock

                    stock.release(db, order_id=order_id)  # noqa: B023

        at_once(lambda act: act(), [lambda: pay(order_id), sweep])  # noqa: B023
        with transaction() as db:
            assert db.get_one(Order, order_id).state is OrderState.PAID
            assert db.scalar(sa.select(Product.stock)) == 1000 - (number + 1)


def test_a_paid_basket_pressed_again_by_many_leads_to_the_receipt():
    product_id = make_shop(stock=1000)
    basket = full_basket(product_id)
    pay(press(basket))
    results = at_once(lambda _again: press(basket), range(4))
    assert all(isinstance(result, AlreadyOrderedError) for result in results)
