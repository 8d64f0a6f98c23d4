"""What the database itself refuses, whoever writes."""

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from portal.store.models import Order, OrderLine, OrderRefund, Product, StockReservation, Storefront, StorefrontState
from tests.builders.store import fill_basket, make_draft, make_paid_order, press

pytestmark = pytest.mark.usefixtures("honey")


def refused(db, statement) -> None:
    with pytest.raises(IntegrityError), db.begin_nested():
        db.execute(statement)


@pytest.mark.parametrize(
    "values",
    [{"price_minor": 0}, {"price_minor": -1}, {"stock": -1}, {"vat_basis_points": 1900}, {"state": "gone"}],
)
def test_products(db, values):
    refused(db, sa.update(sa.table("products", *[sa.column(name) for name in values])).values(values))


@pytest.mark.parametrize(
    "values",
    [
        {"total_minor": 1},
        {"items_minor": 0, "total_minor": 0},
        {"fee_minor": 10**6},
        {"refunded_minor": 10**6},
        {"refunded_minor": -1},
        {"fee_refunded_minor": 10**6},
        {"number": None},
        {"basket_id": None},
        {"paid_at": None},
    ],
)
def test_orders(db, shop, honey, values):
    make_paid_order(db, shop, honey)
    refused(db, sa.update(Order).values(values))


def test_one_order_for_a_basket(db, shop, honey):
    basket_id, _token = fill_basket(db, shop, {honey.id: 1})
    press(db, shop, basket_id)
    other, _token = fill_basket(db, shop, {honey.id: 1})
    second = press(db, shop, other)
    refused(db, sa.update(Order).where(Order.id == second.id).values(basket_id=basket_id))


def test_one_number_for_an_order_of_a_shop(db, shop, honey):
    make_paid_order(db, shop, honey)
    second = make_paid_order(db, shop, honey)
    refused(db, sa.update(Order).where(Order.id == second.id).values(number=1))
    refused(db, sa.update(Order).where(Order.id == second.id).values(payment_id=10**9))


def test_lines_add_up(db, shop, honey):
    make_paid_order(db, shop, honey)
    refused(db, sa.update(OrderLine).values(total_minor=1))
    refused(db, sa.update(OrderLine).values(quantity=0, total_minor=0))
    refused(db, sa.update(StockReservation).values(quantity=0))


def test_refunds(db, shop, honey):
    order = make_paid_order(db, shop, honey)
    values = {"order_id": order.id, "key": "k", "reason": "merchant", "state": "queued", "was_credited": True}
    values |= {"fee_back_minor": 0, "created_at": order.placed_at}
    refused(db, sa.insert(OrderRefund).values(**values, amount_minor=0))
    db.execute(sa.insert(OrderRefund).values(**values, amount_minor=1))
    refused(db, sa.insert(OrderRefund).values(**values, amount_minor=1))


def test_one_shop_for_a_merchant_and_one_address_for_a_shop(db, shop, alice):
    draft = make_draft(db, alice, "Autre")
    refused(db, sa.update(Storefront).where(Storefront.id == draft.id).values(merchant_id=shop.merchant_id))
    refused(db, sa.update(Storefront).where(Storefront.id == draft.id).values(slug=shop.slug))


@pytest.mark.parametrize("values", [{"legal_name": ""}, {"legal_address": ""}, {"name": ""}, {"published_at": None}])
def test_a_published_shop_says_who_sells(db, shop, values):
    assert shop.state is StorefrontState.PUBLISHED
    refused(db, sa.update(Storefront).where(Storefront.id == shop.id).values(values))


def test_a_published_shop_has_a_way_out(db, shop):
    none = {"offers_pickup": False, "offers_delivery": False, "offers_nothing_to_ship": False}
    refused(db, sa.update(Storefront).values(none))


def test_the_switch_always_ends(db):
    refused(db, sa.update(Storefront).values(switched_open=True))


def test_a_product_has_one_address_in_its_shop(db, shop, honey):
    same = {"storefront_id": shop.id, "slug": honey.slug, "name": "x", "text": "", "section": "", "position": 9}
    same |= {"price_minor": 1, "vat_basis_points": 0, "state": "on_sale", "created_at": honey.created_at}
    refused(db, sa.insert(Product).values(same))
