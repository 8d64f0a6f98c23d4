"""A shopper's way from the shelf to the receipt, against the payment simulator over HTTP."""

import re

import pytest
import sqlalchemy as sa

from portal import config
from portal.kernel import clock, ids
from portal.payments import gateway
from portal.payments.models import Payment
from portal.store import jobs
from portal.store.models import Fulfilment, OrderRefund, OrderRefundState, OrderState
from portal.store.services import orders, refunds, storefronts
from portal.store.services.storefronts import Ways
from portal.wallet.queries import balance
from tests.builders import wallet as wallets
from tests.builders.store import make_paid_order, pay
from tests.store.shopping import (
    ENGLISH,
    SHOP,
    WHO,
    checkout_page,
    hidden,
    orders_now,
    pay_at_provider,
    press,
    put,
    type_card,
)

pytestmark = pytest.mark.usefixtures("shop", "honey")


def test_from_the_shelf_to_the_receipt(client, db, shop, honey, merchant, provider):
    answer = put(client, buy="1")
    assert answer.location == f"{SHOP}/basket"
    answer = client.post(f"{SHOP}/basket/order", data={"way": "pickup"}, headers=ENGLISH)
    assert answer.location == f"{SHOP}/checkout"
    page = checkout_page(client)
    assert "Pay €17.80" in page
    assert "obligation to pay" in page
    answer = press(client, page)
    assert (answer.status_code, answer.location.startswith(provider)) == (303, True)
    receipt = pay_at_provider(answer.location, client)
    (order,) = orders_now(db)
    assert receipt == f"/o/{order.public_token}"
    assert (order.state, order.number) == (OrderState.PAID, 1)
    text = client.get(receipt, headers=ENGLISH).text
    for words in (
        "Thank you Élise, it is ordered",
        "Order 1",
        "€17.80",
        "Card ending in 4242",
        "VAT 5.5 %",
        "Test money",
    ):
        assert words in text
    assert balance(db, merchant.id).available.amount_minor == 1780 - 52
    # The basket is used up; the old form sent again leads to the receipt.
    assert "Your basket is empty" in client.get(f"{SHOP}/basket", headers=ENGLISH).text
    assert press(client, page).location == receipt
    assert len(orders_now(db)) == 1


def test_who_comes_back_later_can_have_the_provider_asked_again(client, db, provider):
    put(client)
    answer = press(client)
    (order,) = orders_now(db)
    path = f"/o/{order.public_token}"
    text = client.get(path, headers=ENGLISH).text
    assert "Not paid yet" in text
    again = re.search(r"/payments/[^/\"]+/return", text)[0]
    type_card(answer.location)
    for _again in range(3):
        assert client.get(again).location == path
        assert "it is ordered" in client.get(path, headers=ENGLISH).text
    assert orders_now(db)[0].number == 1


def test_cancelled_at_the_provider_everything_is_kept(client, db, honey, provider):
    put(client)
    page = checkout_page(client)
    first = press(client, page, phone="06 12 34 56 78")
    payment = db.scalars(sa.select(Payment)).one()
    back = client.get(f"/payments/{payment.public_id}/cancel")
    assert back.location == f"{SHOP}/checkout"
    page = checkout_page(client)
    for typed in ("Élise Garnier", "elise@example.org", "06 12 34 56 78"):
        assert f'value="{typed}"' in page
    # The same order, the same payment page.
    assert press(client, page, phone="06 12 34 56 78").location == first.location
    db.refresh(honey)
    assert (len(orders_now(db)), honey.stock) == (1, 3)


def test_a_changed_basket_closes_the_earlier_payment_page(client, db, provider):
    put(client)
    first = press(client)
    put(client, quantity=1)
    second = press(client)
    assert first.location != second.location
    states = list(db.scalars(sa.select(Payment.state).order_by(Payment.id)))
    assert [state.value for state in states] == ["expired", "pending"]
    (order,) = orders_now(db)
    assert (order.total_minor, order.attempt) == (2670, 2)


def test_a_changed_basket_whose_earlier_page_was_paid_leads_to_its_receipt(client, db, provider):
    put(client)
    first = press(client)
    put(client, quantity=1)
    page = checkout_page(client)
    type_card(first.location)
    answer = press(client, page)
    (order,) = orders_now(db)
    assert answer.location == f"/o/{order.public_token}"
    assert (order.state, order.total_minor) == (OrderState.PAID, 1780)
    assert db.scalar(sa.select(OrderRefund)) is None


def test_pressing_twice_leads_to_the_same_page(client, db, provider):
    put(client)
    page = checkout_page(client)
    assert press(client, page).location == press(client, page).location
    assert len(orders_now(db)) == 1


def test_the_provider_is_away(client, db, honey):
    settings = config.current()
    config.use(type(settings)(**{**_fields(settings), "payment_simulator_url": "http://127.0.0.1:9"}))
    try:
        put(client)
        answer = press(client, address="x")
    finally:
        config.use(settings)
    assert answer.status_code == 503
    assert "cannot be reached" in answer.text
    assert 'value="elise@example.org"' in answer.text
    assert len(orders_now(db)) == 1


def _fields(settings) -> dict[str, object]:
    return {name: getattr(settings, name) for name in settings.__dataclass_fields__}


def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_lost(client, db):
    put(client)
    answer = press(client, email="elise.garnier@poste", name="")
    assert answer.status_code == 422
    text = answer.text
    assert "<title>Error: " in text
    assert 'value="elise.garnier@poste"' in text
    assert 'href="#email"' in text
    assert "The end of the address is missing" in text
    assert "2 things left to put right" in text
    assert orders_now(db) == []


def test_a_delivery_needs_an_address(client, db, provider):
    put(client)
    client.post(f"{SHOP}/basket/order", data={"way": "delivery"}, headers=ENGLISH)
    page = checkout_page(client)
    assert "Pay €21.70" in page
    answer = press(client, page)
    assert answer.status_code == 422
    assert "Type the address to deliver to." in answer.text
    answer = press(client, page, address="3 rue Haute", postcode="34200", city="Sète")
    assert answer.location.startswith(provider)
    (order,) = orders_now(db)
    assert (order.fulfilment, order.delivery_minor, order.city) == (Fulfilment.DELIVERY, 390, "Sète")
    names = [name for name, _unit, _quantity in db.scalars(sa.select(Payment.request)).one()["items"]]
    assert names == ["Miel", "Delivery"]


def test_a_new_price_is_shown_before_it_is_paid(client, db, honey):
    put(client)
    page = checkout_page(client)
    honey.price_minor = 1000
    db.flush()
    answer = press(client, page)
    assert answer.status_code == 409
    assert "Something changed in your basket" in answer.text
    assert "Pay €20.00" in answer.text
    assert orders_now(db) == []


def test_gone_while_typing(client, db, shop, honey):
    put(client)
    page = checkout_page(client)
    make_paid_order(db, shop, honey, 4)
    answer = press(client, page)
    assert answer.status_code == 409
    assert "Somebody was faster" in answer.text
    assert "Only one left" in client.get(f"{SHOP}/basket", headers=ENGLISH).text


def test_other_sites_cannot_order(client, db):
    put(client)
    page = checkout_page(client)
    answer = client.post(f"{SHOP}/checkout", data={**WHO, **hidden(page)}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert orders_now(db) == []


def test_nothing_in_the_basket_nothing_to_pay(client):
    assert client.get(f"{SHOP}/checkout").location == f"{SHOP}/basket"
    answer = client.post(f"{SHOP}/checkout", data={**WHO, "key": ids.token(), "seen": "x"})
    assert answer.location == f"{SHOP}/basket"


def test_an_order_has_an_address_nobody_guesses(client, db, shop, honey):
    order = make_paid_order(db, shop, honey)
    assert len(order.public_token) == 43
    assert client.get(f"/o/{order.id}").status_code == 404
    assert client.get(f"/o/{order.public_token[:-1]}").status_code == 404
    answer = client.get(f"/o/{order.public_token}")
    assert answer.cache_control.no_store
    assert "noindex" in answer.text


def test_paid_from_the_wallet(client, sign_in, db, merchant, alice):
    wallets.fund(alice, 50)
    wallets.give_pin(alice)
    sign_in(client, alice)
    put(client)
    page = checkout_page(client)
    assert "€50.00 available" in page
    assert 'value="alice@example.org"' in page
    answer = press(client, page, method="wallet")
    assert "/wallet/approve/" in answer.location
    answer = client.post(answer.location, data={"pin": wallets.PIN})
    (order,) = orders_now(db)
    assert answer.location.split("?")[0] == f"/o/{order.public_token}"
    assert "Comptoir wallet" in client.get(answer.location, headers=ENGLISH).text
    assert (order.state, order.fee_minor) == (OrderState.PAID, 21)
    assert balance(db, merchant.id).available.amount_minor == 1780 - 21


def test_a_visitor_cannot_pay_from_a_wallet(client, db, provider):
    put(client)
    answer = press(client, method="wallet")
    assert answer.location.startswith(provider)
    assert orders_now(db)[0].fee_fixed_minor == 25


def test_merchants_do_not_buy_from_themselves_by_wallet(client, sign_in, merchant, provider):
    sign_in(client, merchant)
    put(client)
    page = checkout_page(client)
    assert "available" not in page
    assert press(client, page, method="wallet").location.startswith(provider)


def test_the_worker_asks_the_provider_for_a_refund_once(client, db, shop, merchant, provider):
    put(client)
    pay_at_provider(press(client).location, client)
    (order,) = orders_now(db)
    refunds.ask(db, order_id=order.id, amount=orders.Money(500, "EUR"), key=ids.token())
    db.flush()
    for _again in range(2):
        jobs.ask_refunds()
    db.expire_all()
    payment = db.scalars(sa.select(Payment)).one()
    assert payment.refunded_minor == 500
    assert db.scalars(sa.select(OrderRefund.state)).one() is OrderRefundState.SUCCEEDED
    assert "Refunded on" in client.get(f"/o/{order.public_token}", headers=ENGLISH).text


def test_more_than_the_provider_has_left_is_the_merchants_again(client, db, merchant, provider):
    put(client)
    pay_at_provider(press(client).location, client)
    (order,) = orders_now(db)
    refunds.ask(db, order_id=order.id, amount=orders.Money(1780, "EUR"), key=ids.token())
    db.execute(sa.update(Payment).values(refunded_minor=Payment.amount_minor))
    db.flush()
    jobs.ask_refunds()
    db.expire_all()
    assert db.scalars(sa.select(OrderRefund.state)).one() is OrderRefundState.FAILED
    assert balance(db, merchant.id).available.amount_minor == 1728


def test_paid_late_when_all_is_gone_is_refunded_and_said(client, db, shop, honey, provider):
    put(client)
    provider_page = press(client).location
    with clock.at(clock.now() + orders.RESERVED_FOR):
        jobs.release_expired()
    db.expire_all()
    make_paid_order(db, shop, honey, 5, email="faster@example.org")
    receipt = pay_at_provider(provider_page, client)
    text = client.get(receipt, headers=ENGLISH).text
    assert "This order was cancelled" in text
    assert "goes back to your card" in text
    jobs.ask_refunds()
    assert "Refunded on" in client.get(receipt, headers=ENGLISH).text
    found = db.scalars(sa.select(Payment).where(Payment.refunded_minor > 0)).one()
    assert gateway.fetch_payment(found.provider_payment_id).received.amount_minor == 1780


def test_only_the_offered_ways(client, db, shop):
    storefronts.change_ways(db, shop, Ways(frozenset({Fulfilment.PICKUP}), "", "", 0))
    put(client)
    answer = client.post(f"{SHOP}/basket/order", data={"way": "delivery"}, headers=ENGLISH)
    assert answer.status_code == 422
    assert "Choose how to receive" in answer.text


def test_the_timeline_follows_the_order(client, db, shop, honey):
    from portal.store.services import sales

    order = make_paid_order(db, shop, honey)
    path = f"/o/{order.public_token}"
    assert "Being prepared" in client.get(path, headers=ENGLISH).text
    sales.move_on(db, shop=shop, number=1, to=OrderState.READY)
    assert "Ready to collect" in client.get(path, headers=ENGLISH).text
    sales.move_on(db, shop=shop, number=1, to=OrderState.HANDED_OVER)
    assert "Collected" in client.get(path, headers=ENGLISH).text
    assert pay


def test_a_shopper_finds_their_orders_those_made_as_a_guest_too(
    client, new_client, sign_in, db, shop, honey, alice, bob
):
    as_guest = make_paid_order(db, shop, honey, email="alice@example.org")
    as_user = make_paid_order(db, shop, honey, email="office@example.org", user_id=alice.id)
    somebody_elses = make_paid_order(db, shop, honey, email="else@example.org")
    assert "/sign-in" in client.get("/en/orders").location
    sign_in(client, alice)
    text = client.get("/en/orders").text
    assert [order.public_token in text for order in (as_guest, as_user, somebody_elses)] == [True, True, False]
    sign_in(other := new_client(), bob)
    assert "No order yet" in other.get("/en/orders").text


def test_who_is_signed_in_writes_here_a_guest_by_mail(client, sign_in, db, shop, honey, merchant, alice):
    order = make_paid_order(db, shop, honey, email="alice@example.org", user_id=alice.id)
    paths = (SHOP, f"{SHOP}/p/miel", f"/o/{order.public_token}")
    assert all(f"mailto:{merchant.email}" in client.get(path).text for path in paths)
    sign_in(client, alice)
    assert all(f"/wallet/with/{merchant.handle}" in client.get(path).text for path in paths)
    sign_in(client, merchant)
    assert f"/wallet/with/{alice.handle}" in client.get("/en/shop/orders/1").text
    assert f"mailto:{merchant.email}" in client.get(SHOP).text
