"""The merchant's own pages: its orders, its door, its settings, and whose they are."""

import pytest
import sqlalchemy as sa

from portal.kernel import clock, ids
from portal.notifications.models import OutboxMail
from portal.store import jobs
from portal.store.models import (
    Fulfilment,
    OrderRefund,
    OrderState,
)
from portal.store.services import followers, storefronts
from tests.builders.store import (
    make_paid_order,
    make_shop,
)
from tests.store.pages import PRODUCT, SELLER, page, send
from tests.store.test_opening import WEEK, at


def test_the_day(own, db, shop, honey, merchant):
    make_paid_order(db, shop, honey, 2)
    text = page(own, "/shop")
    for words in (
        "Your first sale!",
        "To prepare",
        "Élise Garnier",
        "<bdi>Miel</bdi>\u00a0×\u00a02",
        "€17.80",
        "Sales, 7 days",
        "€17.28",
    ):
        assert words in text
    send(own, "/shop/first-sale")
    assert "Your first sale!" not in page(own, "/shop")
    assert shop.merchant_id == merchant.id


def test_orders_to_do_come_first_then_ready_then_handed_over(own, db, shop, honey):
    make_paid_order(db, shop, honey)
    make_paid_order(db, shop, honey, email="b@example.org", name="Bea")
    text = page(own, "/shop/orders/1")
    assert "It is ready" in text
    send(own, "/shop/orders/1/next", {"to": "ready"})
    send(own, "/shop/orders/1/next", {"to": "ready"})
    assert "It was collected" in page(own, "/shop/orders/1")
    send(own, "/shop/orders/1/next", {"to": "handed_over"})
    text = page(own, "/shop/orders")
    assert text.index("Bea") < text.index("Élise")
    kinds = db.scalars(sa.select(OutboxMail.kind).where(OutboxMail.kind.startswith("store.order_")))
    assert sorted(kinds) == ["store.order_handed_over", "store.order_paid", "store.order_paid", "store.order_ready"]


@pytest.mark.parametrize("to", ["", "paid", "cancelled", "pending_payment", "x", "handed_over"])
def test_steps_out_of_turn_change_nothing(own, db, shop, honey, to):
    order = make_paid_order(db, shop, honey)
    send(own, "/shop/orders/1/next", {"to": to})
    db.refresh(order)
    assert order.state is OrderState.PAID
    assert "This order has moved on" in page(own, "/shop/orders/1")


def test_giving_back_a_part(own, db, shop, honey):
    order = make_paid_order(db, shop, honey)
    text = page(own, "/shop/orders/1/refund")
    assert 'value="8,90"' in text
    key = ids.token()
    for _twice in range(2):
        send(own, "/shop/orders/1/refund", {"amount": "3", "key": key})
    db.expire_all()
    assert order.refunded_minor == 300
    assert "Refund on its way" in page(own, "/shop/orders/1")
    text = send(own, "/shop/orders/1/refund", {"amount": "6", "key": ids.token()}, 409)
    assert "more than was paid" in text
    for amount in ("0", "-1", "x", ""):
        send(own, "/shop/orders/1/refund", {"amount": amount, "key": ids.token()}, 422)
    assert db.scalar(sa.select(sa.func.count()).select_from(OrderRefund)) == 1


def test_the_switch_and_those_who_asked_to_be_told(own, db, shop, bob):
    storefronts.change_hours(db, shop, WEEK)
    followers.follow_as(db, shop_id=shop.id, user=bob)
    followers.follow(
        db, shop_id=shop.id, shop_name="x", email="never@example.org", language="fr", time_zone="Europe/Paris"
    )
    with clock.at(at(23, 13)):
        assert "Closed now" in page(own, "/shop")
        send(own, "/shop/switch", {"value": "1"})
        assert "Open now" in page(own, "/shop")
        send(own, "/shop/switch", {"value": "0"})
        send(own, "/shop/switch", {"value": "1"})
        jobs.tell_followers()
        jobs.tell_followers()
    told = list(db.scalars(sa.select(OutboxMail.email).where(OutboxMail.kind == "store.open_now")))
    assert told == [bob.email]
    with clock.at(at(24, 13)):
        send(own, "/shop/switch", {"value": "1"})
        jobs.tell_followers()
    assert db.scalar(sa.select(sa.func.count()).where(OutboxMail.kind == "store.open_now")) == 2


def test_followers_are_told_in_portions(db, shop):
    for number in range(7):
        db.add(
            followers.StorefrontFollower(
                storefront_id=shop.id,
                email=f"f{number}@example.org",
                language="fr",
                token=ids.token(),
                confirmed_at=clock.now(),
            )
        )
    db.flush()
    followers.tell_open(db, shop)
    assert [followers.tell_some(db, limit=3) for _portion in range(4)] == [3, 3, 1, 0]
    assert db.scalar(sa.select(sa.func.count()).where(OutboxMail.kind == "store.open_now")) == 7


def test_settings(own, db, shop):
    send(own, "/shop/face", {"name": "Le Port", "description": "On goûte tout.", "awning": "mer"})
    send(own, "/shop/ways", {"pickup": "y", "pickup_text": "2 h", "delivery": "y", "delivery_price": "4,50"})
    send(own, "/shop/hours", {"day_0": "9h-12h30, 14h-19h30"})
    db.refresh(shop)
    assert (shop.name, shop.awning.value, shop.slug) == ("Le Port", "mer", "epicerie-du-port")
    assert (shop.offers_delivery, shop.delivery_price_minor, shop.offers_nothing_to_ship) == (True, 450, False)
    assert shop.opening_hours == [[[540, 750], [840, 1170]], [], [], [], [], [], []]
    text = page(own, "/shop/hours")
    assert 'value="9:00-12:30, 14:00-19:30"' in text
    for path in ("settings", "face", "seller", "ways"):
        page(own, f"/shop/{path}")


@pytest.mark.parametrize(
    ("path", "data", "words"),
    [
        ("seller", {**SELLER, "siret": "73282932000075"}, "SIRET is not right"),
        ("seller", {**SELLER, "siret": "123"}, "SIRET is not right"),
        ("seller", {**SELLER, "legal_name": ""}, "Type the name of the business"),
        ("seller", {**SELLER, "contact_email": "contact@epicerie"}, "end of the address is missing"),
        ("ways", {"delivery_price": "4"}, "Choose at least one way"),
        ("ways", {"pickup": "y", "delivery_price": "dear"}, "Write an amount"),
        ("hours", {"day_0": "12-9"}, "must end after it begins"),
        ("hours", {"day_6": "all day"}, "must end after it begins"),
        ("face", {"name": "", "awning": "mer"}, "Type the name of your shop"),
        ("face", {"name": "x", "awning": "pink"}, "Invalid Choice"),
    ],
)
def test_settings_that_make_no_sense(own, db, shop, path, data, words):
    text = send(own, f"/shop/{path}", data, 422)
    assert words in text
    db.refresh(shop)
    assert shop.legal_name == "Épicerie du Port SARL"


OWN_PAGES = (
    "/shop/products",
    "/shop/products/new",
    "/shop/products/{product}",
    "/shop/orders",
    "/shop/orders/1",
    "/shop/orders/1/refund",
    "/shop/publish",
    "/shop/settings",
    "/shop/face",
    "/shop/address",
    "/shop/seller",
    "/shop/ways",
    "/shop/hours",
)
OWN_FORMS = (
    "/shop/products/new",
    "/shop/products/{product}",
    "/shop/orders/1/next",
    "/shop/orders/1/refund",
    "/shop/publish",
    "/shop/switch",
    "/shop/first-sale",
    "/shop/face",
    "/shop/address",
    "/shop/seller",
    "/shop/ways",
    "/shop/hours",
)


@pytest.mark.parametrize("path", OWN_PAGES)
def test_visitors_are_asked_to_sign_in(client, shop, honey, path):
    answer = client.get("/en" + path.format(product=honey.id))
    assert answer.status_code == 303
    assert "/sign-in" in answer.location


@pytest.mark.parametrize("path", OWN_PAGES)
def test_who_has_no_shop_finds_nothing(client, sign_in, db, shop, honey, bob, path):
    make_paid_order(db, shop, honey)
    sign_in(client, bob)
    page(client, path.format(product=honey.id), 404)


@pytest.mark.parametrize("path", OWN_FORMS)
def test_who_has_no_shop_changes_nothing(client, sign_in, db, shop, honey, bob, path):
    make_paid_order(db, shop, honey)
    sign_in(client, bob)
    data = {**PRODUCT, **SELLER, "to": "ready", "amount": "1", "key": ids.token(), "awning": "mer", "pickup": "y"}
    assert client.post("/en" + path.format(product=honey.id), data=data).status_code == 404


@pytest.mark.parametrize("path", ["/shop/products/{product}", "/shop/orders/1", "/shop/orders/1/refund"])
def test_another_merchant_sees_nothing_of_this_shop(client, sign_in, db, shop, honey, alice, path):
    make_paid_order(db, shop, honey)
    make_shop(db, alice, "Autre")
    sign_in(client, alice)
    page(client, path.format(product=honey.id), 404)


def test_another_merchant_changes_nothing_of_this_shop(client, sign_in, db, shop, honey, alice):
    order = make_paid_order(db, shop, honey)
    make_shop(db, alice, "Autre")
    sign_in(client, alice)
    send(client, f"/shop/products/{honey.id}", PRODUCT, 404)
    send(client, "/shop/orders/1/next", {"to": "ready"}, 404)
    send(client, "/shop/orders/1/refund", {"amount": "1", "key": ids.token()}, 404)
    db.expire_all()
    assert (honey.name, order.state, order.refunded_minor) == ("Miel", OrderState.PAID, 0)


@pytest.mark.parametrize(
    "path", ["", "/products", "/products/new", "/orders", "/settings", "/face", "/seller", "/ways", "/hours"]
)
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_in_french_and_arabic(own, db, shop, honey, path, language):
    make_paid_order(db, shop, honey)
    assert own.get(f"/{language}/shop{path}").status_code == 200


@pytest.mark.parametrize("way", list(Fulfilment))
def test_each_way_of_receiving_has_its_words(own, db, shop, honey, way):
    from portal.store.services.storefronts import Ways
    from tests.builders.store import customer, fill_basket, pay, press

    storefronts.change_ways(db, shop, Ways(frozenset(Fulfilment), "", "", 0))
    basket_id, _token = fill_basket(db, shop, {honey.id: 1}, way)
    order = press(db, shop, basket_id, customer(address="3 rue Haute", postcode="34200", city="Sète"))
    pay(db, order)
    text = page(own, "/shop/orders/1") + own.get(f"/o/{order.public_token}?lang=en").text
    words = {"pickup": "Ready to collect", "delivery": "3 rue Haute", "nothing_to_ship": "Nothing to ship"}
    assert words[way.value] in text
