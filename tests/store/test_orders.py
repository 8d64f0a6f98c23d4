import pytest
import sqlalchemy as sa

from portal.kernel import clock, ids
from portal.store import jobs
from portal.store.errors import (
    AlreadyOrderedError,
    BasketChangedError,
    EmptyBasketError,
    OutOfStockError,
    ShopNotFoundError,
)
from portal.store.models import (
    Basket,
    Fulfilment,
    Order,
    OrderLine,
    OrderState,
    PayMethod,
    ProductState,
    ReservationState,
    StockReservation,
)
from portal.store.queries.baskets import contents
from portal.store.services import baskets, orders, stock
from portal.store.services.orders import Checkout
from tests.builders.store import customer, fill_basket, make_draft, make_product, pay, press


def stock_of(db, product):
    db.refresh(product, ["stock"])
    return product.stock


def count_orders(db):
    return db.scalar(sa.select(sa.func.count()).select_from(Order))


def test_an_order_freezes_what_was_bought(db, shop, honey):
    basket_id, _token = fill_basket(db, shop, {honey.id: 2}, Fulfilment.DELIVERY)
    order = press(db, shop, basket_id, customer(address="3 rue Haute", postcode="34200", city="Sète"))
    assert (order.items_minor, order.delivery_minor, order.total_minor) == (1780, 390, 2170)
    assert (order.fee_basis_points, order.fee_fixed_minor, order.fee_minor) == (150, 25, 58)
    assert (order.state, order.number, order.city) == (OrderState.PENDING_PAYMENT, None, "Sète")
    honey.price_minor, honey.name = 1, "Other"
    db.flush()
    line = db.scalars(sa.select(OrderLine).where(OrderLine.order_id == order.id)).one()
    assert (line.name, line.unit_price_minor, line.quantity, line.vat_basis_points) == ("Miel", 890, 2, 550)


def test_an_address_is_kept_for_deliveries_only(db, shop, honey):
    basket_id, _token = fill_basket(db, shop, {honey.id: 1}, Fulfilment.PICKUP)
    assert press(db, shop, basket_id, customer(address="3 rue Haute", city="Sète")).address == ""


def test_stock_is_reserved_until_a_moment(db, shop, honey):
    basket_id, _token = fill_basket(db, shop, {honey.id: 2})
    order = press(db, shop, basket_id)
    assert stock_of(db, honey) == 3
    kept = db.scalars(sa.select(StockReservation)).one()
    assert (kept.order_id, kept.quantity, kept.state) == (order.id, 2, ReservationState.ACTIVE)
    assert kept.expires_at > clock.now()


def test_pressing_twice_is_one_order(db, shop, honey):
    basket_id, _token = fill_basket(db, shop, {honey.id: 2})
    key = ids.token()
    first = press(db, shop, basket_id, key=key)
    again = press(db, shop, basket_id, key=key)
    assert (first.id, first.attempt, count_orders(db), stock_of(db, honey)) == (again.id, 1, 1, 3)


def test_two_tabs_are_one_order(db, shop, honey):
    basket_id, _token = fill_basket(db, shop, {honey.id: 2})
    assert press(db, shop, basket_id).id == press(db, shop, basket_id).id
    assert (count_orders(db), stock_of(db, honey)) == (1, 3)


def test_a_paid_basket_leads_to_its_receipt(db, shop, honey):
    basket_id, _token = fill_basket(db, shop, {honey.id: 1})
    key = ids.token()
    order = press(db, shop, basket_id, key=key)
    pay(db, order)
    with pytest.raises(AlreadyOrderedError) as paid:
        press(db, shop, basket_id)
    assert paid.value.public_token == order.public_token
    # The old form sent again when the cookie already holds another basket.
    other, _token = fill_basket(db, shop, {honey.id: 1})
    with pytest.raises(AlreadyOrderedError):
        press(db, shop, other, key=key)
    assert count_orders(db) == 1


def test_somebody_elses_form_key_orders_nothing(db, shop, honey):
    basket_id, _token = fill_basket(db, shop, {honey.id: 1})
    key = ids.token()
    press(db, shop, basket_id, key=key)
    other, _token = fill_basket(db, shop, {honey.id: 1})
    with pytest.raises(BasketChangedError):
        press(db, shop, other, key=key)


@pytest.mark.parametrize("change", ["price", "quantity", "way", "delivery"])
def test_what_changed_since_the_page_was_shown_is_not_paid(db, shop, honey, change):
    basket_id, _token = fill_basket(db, shop, {honey.id: 1}, Fulfilment.DELIVERY)
    seen = contents(db, basket_id=basket_id, shop=shop).fingerprint
    if change == "price":
        honey.price_minor += 1
    elif change == "quantity":
        baskets.set_quantity(db, basket_id=basket_id, shop=shop, product_id=honey.id, quantity=2)
    elif change == "way":
        baskets.choose_fulfilment(db, basket_id=basket_id, shop=shop, way=Fulfilment.PICKUP)
    else:
        shop.delivery_price_minor += 1
    db.flush()
    with pytest.raises(BasketChangedError):
        press(db, shop, basket_id, seen=seen)
    assert count_orders(db) == 0


def test_a_changed_basket_brings_its_unpaid_order_up_to_date(db, shop, honey):
    jam = make_product(db, shop, "Confiture", 500, stock=4)
    basket_id, _token = fill_basket(db, shop, {honey.id: 3})
    first = press(db, shop, basket_id)
    key = orders.payment_key(first)
    baskets.set_quantity(db, basket_id=basket_id, shop=shop, product_id=honey.id, quantity=1)
    baskets.add_item(db, basket_id=basket_id, shop=shop, product_id=jam.id, quantity=2)
    again = press(db, shop, basket_id)
    assert (again.id, again.total_minor, again.attempt) == (first.id, 1890, 2)
    assert orders.payment_key(again) != key
    assert (stock_of(db, honey), stock_of(db, jam)) == (4, 2)


@pytest.mark.parametrize("facts", [{"email": "other@example.org"}, {"language": "ar"}])
def test_another_payment_page_when_it_would_differ(db, shop, honey, facts):
    basket_id, _token = fill_basket(db, shop, {honey.id: 1})
    press(db, shop, basket_id)
    assert press(db, shop, basket_id, customer(**facts)).attempt == 2


def test_a_phone_number_does_not_need_another_page(db, shop, honey):
    basket_id, _token = fill_basket(db, shop, {honey.id: 1})
    press(db, shop, basket_id)
    assert press(db, shop, basket_id, customer(phone="0612345678")).attempt == 1


def test_the_fee_follows_the_way_of_paying(db, shop, honey):
    basket_id, _token = fill_basket(db, shop, {honey.id: 1})
    order = press(db, shop, basket_id, method=PayMethod.WALLET)
    assert (order.fee_basis_points, order.fee_fixed_minor, order.fee_minor) == (120, 0, 11)


def test_the_last_item_is_reserved_for_one(db, shop, honey):
    honey.stock = 1
    db.flush()
    first, _token = fill_basket(db, shop, {honey.id: 1})
    second, _token = fill_basket(db, shop, {honey.id: 1})
    press(db, shop, first)
    with pytest.raises(OutOfStockError), db.begin_nested():
        press(db, shop, second)
    assert (count_orders(db), stock_of(db, honey)) == (1, 0)
    # The one who has it reserved still sees it as theirs, and can press again.
    assert contents(db, basket_id=first, shop=shop).items[0].left == 1
    press(db, shop, first)


def test_what_is_not_counted_never_runs_out(db, shop):
    lesson = make_product(db, shop, "Cours", 3000, stock=None)
    basket_id, _token = fill_basket(db, shop, {lesson.id: 50})
    press(db, shop, basket_id)
    assert stock_of(db, lesson) is None
    assert db.scalar(sa.select(StockReservation)) is None


def test_an_empty_basket_is_not_ordered(db, shop, honey):
    basket_id, _token = fill_basket(db, shop, {honey.id: 1})
    honey.state = ProductState.HIDDEN
    db.flush()
    with pytest.raises(EmptyBasketError):
        press(db, shop, basket_id)
    with pytest.raises(EmptyBasketError):
        orders.place(db, shop=shop, basket_id=None, checkout=Checkout(ids.token(), "", customer()))


def test_a_draft_sells_nothing(db, alice):
    draft = make_draft(db, alice)
    product = make_product(db, draft)
    basket_id, _token = fill_basket(db, draft, {product.id: 1})
    with pytest.raises(ShopNotFoundError):
        press(db, draft, basket_id)


def test_a_basket_takes_what_there_is(db, shop, honey):
    basket_id, _token = fill_basket(db, shop, {honey.id: 4})
    baskets.add_item(db, basket_id=basket_id, shop=shop, product_id=honey.id, quantity=4)
    assert contents(db, basket_id=basket_id, shop=shop).count == 5
    baskets.set_quantity(db, basket_id=basket_id, shop=shop, product_id=honey.id, quantity=0)
    assert contents(db, basket_id=basket_id, shop=shop).items == ()
    honey.stock = 0
    db.flush()
    with pytest.raises(OutOfStockError):
        baskets.add_item(db, basket_id=basket_id, shop=shop, product_id=honey.id, quantity=1)


def test_reservations_run_out(db, shop, honey):
    basket_id, _token = fill_basket(db, shop, {honey.id: 2})
    press(db, shop, basket_id)
    assert jobs.release_expired() == 0
    with clock.at(clock.now() + orders.RESERVED_FOR):
        assert jobs.release_expired() == 1
        assert jobs.release_expired() == 0
    assert stock_of(db, honey) == 5
    # Whoever comes back afterwards reserves again, and gets another payment page.
    db.expire_all()
    assert press(db, shop, basket_id).attempt == 2
    assert stock_of(db, honey) == 3


def test_an_abandoned_order_is_cancelled_and_its_basket_free(db, shop, honey):
    basket_id, _token = fill_basket(db, shop, {honey.id: 2})
    order = press(db, shop, basket_id)
    with clock.at(clock.now() + jobs.ABANDONED_AFTER * 2):
        assert jobs.clean_up() == 1
    db.expire_all()
    assert (order.state, order.basket_id, stock_of(db, honey)) == (OrderState.CANCELLED, None, 5)
    assert press(db, shop, basket_id).id != order.id


def test_baskets_nobody_came_back_to_are_forgotten(db, shop, honey):
    fill_basket(db, shop, {honey.id: 1})
    kept, _token = fill_basket(db, shop, {honey.id: 1})
    pay(db, press(db, shop, kept))
    with clock.at(clock.now() + jobs.BASKET_LASTS * 2):
        jobs.clean_up()
    assert list(db.scalars(sa.select(Basket.id))) == [kept]


def test_releasing_twice_gives_back_once(db, shop, honey):
    basket_id, _token = fill_basket(db, shop, {honey.id: 2})
    order = press(db, shop, basket_id)
    stock.release(db, order_id=order.id)
    stock.release(db, order_id=order.id)
    assert stock_of(db, honey) == 5
