"""The merchant's own pages: opening a shop, filling its shelf, its orders, its settings."""

import io
import re

import pytest
import sqlalchemy as sa

from portal.kernel import clock, ids
from portal.notifications.models import OutboxMail
from portal.store import jobs
from portal.store.models import (
    Fulfilment,
    OrderRefund,
    OrderState,
    Product,
    ProductPhoto,
    ProductState,
    Storefront,
    StorefrontState,
)
from portal.store.services import followers, products, storefronts
from portal.store.services.products import ProductFacts
from tests.builders.store import (
    give_certificate,
    give_photo,
    make_draft,
    make_paid_order,
    make_product,
    make_shop,
    picture,
)
from tests.store.test_opening import WEEK, at
from tests.store.test_photos import bomb

PRODUCT = {
    "name": "Miel de garrigue",
    "price": "8,90",
    "text": "Pot",
    "section": "Épicerie",
    "stock": "5",
    "vat": "550",
}
SELLER = {"legal_name": "Épicerie SARL", "legal_address": "12 quai, Sète", "contact_email": "contact@epicerie.fr"}


def page(client, path, status=200) -> str:
    answer = client.get(f"/en{path}")
    assert answer.status_code == status, answer.text
    return answer.text


def send(client, path, data=None, status=303, **files) -> str:
    fields = {name: (io.BytesIO(content), "photo.jpg") for name, content in files.items()}
    answer = client.post(f"/en{path}", data={**(data or {}), **fields}, content_type="multipart/form-data")
    # A large body went through a file of the test client's.
    answer.request.environ["wsgi.input"].close()
    assert answer.status_code == status, answer.text
    return answer.text


@pytest.fixture
def own(client, sign_in, shop, merchant):
    """The merchant's browser."""
    sign_in(client, merchant)
    return client


def test_without_a_certificate_the_page_says_how_to_get_one(client, sign_in, alice):
    sign_in(client, alice)
    text = page(client, "/shop")
    assert "Your shop opens with the certificate" in text
    assert 'href="/en/certificate"' in text
    send(client, "/shop", {"name": "Alice"}, 403)


def test_from_nothing_to_a_published_shop(client, sign_in, db, alice):
    give_certificate(db, alice)
    sign_in(client, alice)
    assert 'value="Alice"' in page(client, "/shop")
    send(client, "/shop", {"name": "Épicerie  d’Alice"})
    assert "A first product" in page(client, "/shop")
    assert client.get("/en/shop/publish").status_code == 303
    send(client, "/shop/products/new", PRODUCT, photo=picture())
    assert "Say who sells" in page(client, "/shop")
    send(client, "/shop/seller", {**SELLER, "siret": "732 829 320 00074"})
    text = page(client, "/shop/publish")
    # 8.90 by card: 0.13 and 0.25; from a wallet 0.11.
    for words in ("€8.90", "−", "€0.38", "€8.52", "€0.11", "€8.79", "1.5 % + €0.25", "1.2 %"):
        assert words in text
    assert client.get("/b/epicerie-d-alice", headers={"Cookie": ""}).status_code in {200, 404}
    send(client, "/shop/publish")
    shop = db.scalars(sa.select(Storefront).execution_options(populate_existing=True)).one()
    assert (shop.state, shop.name, shop.siret) == (StorefrontState.PUBLISHED, "Épicerie d’Alice", "73282932000074")
    text = page(client, "/shop")
    assert "Your shop is open" in text
    assert "The counter is ready" in text


def test_a_shop_is_opened_once(client, sign_in, db, alice):
    give_certificate(db, alice)
    sign_in(client, alice)
    for name in ("One", "Two"):
        send(client, "/shop", {"name": name})
    assert list(db.scalars(sa.select(Storefront.name))) == ["One"]


def test_shops_of_one_name_have_two_addresses(db, alice, bob, charlie):
    slugs = [make_draft(db, user, "Chez Léa").slug for user in (alice, bob)]
    assert slugs == ["chez-lea", "chez-lea-2"]
    assert make_draft(db, charlie, "media").slug == "media-2"


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
def test_a_name_is_needed(client, sign_in, db, alice, name):
    give_certificate(db, alice)
    sign_in(client, alice)
    send(client, "/shop", {"name": name}, 422)


def test_a_revoked_certificate_publishes_nothing(client, sign_in, db, alice):
    from portal.certificates.models import Certificate

    shop = make_draft(db, alice)
    make_product(db, shop)
    db.execute(sa.update(Certificate).values(state="superseded"))
    sign_in(client, alice)
    send(client, "/shop/publish")
    assert "opens with the certificate" in page(client, "/shop")
    assert shop.state is StorefrontState.DRAFT


def test_a_product_with_a_photo(own, db):
    send(own, "/shop/products/new", PRODUCT, photo=picture(900, 600))
    product = db.scalars(sa.select(Product).where(Product.name == "Miel de garrigue")).one()
    assert (product.price_minor, product.stock, product.vat_basis_points, product.slug) == (
        890,
        5,
        550,
        "miel-de-garrigue",
    )
    photo = db.get_one(ProductPhoto, product.photo_id)
    assert (photo.width, photo.height) == (800, 533)
    assert photo.content_hash in page(own, "/shop/products")


@pytest.mark.parametrize(
    ("photo", "words"),
    [
        (b"\xff\xd8\xff" + bytes(9 * 1024 * 1024), "Choose one under 8 MB"),
        (b"I am a text file", "cannot read this photo"),
        (picture(400, 300)[:1500], "cannot read this photo"),
        (bomb(6000, 4000), "under 20 megapixels"),
    ],
)
def test_a_bad_photo_is_said_beside_the_field_and_nothing_typed_is_lost(own, db, photo, words):
    text = send(own, "/shop/products/new", PRODUCT, 422, photo=photo)
    assert re.search(rf'id="photo-error"[^§]*{words}', text.split('id="photo"')[1])
    for typed in ('value="Miel de garrigue"', 'value="8,90"', "Pot</textarea>", 'value="Épicerie"', 'value="5"'):
        assert typed in text
    assert db.scalar(sa.select(sa.func.count()).select_from(Product)) == 1


def test_a_good_photo_is_kept_when_something_else_is_wrong(own, db):
    text = send(own, "/shop/products/new", {**PRODUCT, "price": "free"}, 422, photo=picture())
    kept = re.search(r'name="photo_hash"[^>]*value="([0-9a-f]{32})"', text)
    assert kept
    send(own, "/shop/products/new", {**PRODUCT, "photo_hash": kept[1]})
    product = db.scalars(sa.select(Product).where(Product.name == "Miel de garrigue")).one()
    assert db.get_one(ProductPhoto, product.photo_id).content_hash == kept[1]


def test_another_shops_photo_is_not_taken(own, db, alice):
    other = make_shop(db, alice, "Autre")
    theirs = give_photo(db, other, make_product(db, other, "Sel"))
    send(own, "/shop/products/new", {**PRODUCT, "photo_hash": theirs})
    assert db.scalars(sa.select(Product.photo_id).where(Product.name == "Miel de garrigue")).one() is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 81),
        ("price", "0"),
        ("price", "-1"),
        ("price", "1,999"),
        ("price", "1e5"),
        ("price", "100001"),
        ("price", "NaN"),
        ("stock", "-1"),
        ("stock", "many"),
        ("stock", "1000001"),
        ("vat", "1900"),
        ("vat", "x"),
        ("text", "x" * 2001),
    ],
)
def test_what_makes_no_sense_is_said(own, db, field, value):
    text = send(own, "/shop/products/new", {**PRODUCT, field: value}, 422)
    assert "<title>Error: " in text
    assert db.scalar(sa.select(sa.func.count()).select_from(Product)) == 1


def test_amounts_as_people_type_them(own, db):
    for number, typed in enumerate(("12", "12.5", "1 234,50", "١٢٫٥٠")):
        send(own, "/shop/products/new", {**PRODUCT, "name": f"P{number}", "price": typed})
    prices = db.scalars(sa.select(Product.price_minor).where(Product.name.startswith("P")).order_by(Product.id))
    assert list(prices) == [1200, 1250, 123450, 1250]


def test_changing_a_product_keeps_its_address(own, db, honey):
    text = page(own, f"/shop/products/{honey.id}")
    assert 'value="8,90"' in text
    send(own, f"/shop/products/{honey.id}", {**PRODUCT, "price": "9", "stock_seen": "5", "stock": "", "hidden": "y"})
    db.refresh(honey)
    assert (honey.name, honey.price_minor, honey.stock, honey.state, honey.slug) == (
        "Miel de garrigue",
        900,
        None,
        ProductState.HIDDEN,
        "miel",
    )


def test_what_was_sold_while_the_form_was_open_stays_sold(own, db, shop, honey):
    make_paid_order(db, shop, honey, 2)
    send(own, f"/shop/products/{honey.id}", {**PRODUCT, "stock_seen": "5", "stock": "5"})
    db.refresh(honey)
    assert honey.stock == 3
    send(own, f"/shop/products/{honey.id}", {**PRODUCT, "stock_seen": "5", "stock": "8"})
    db.refresh(honey)
    assert honey.stock == 6
    text = send(own, f"/shop/products/{honey.id}", {**PRODUCT, "stock_seen": "8", "stock": "1"}, 409)
    assert "Count again" in text


def test_the_stock_may_begin_or_end_being_counted(db, shop, honey):
    facts = ProductFacts("Miel", "", "", 890, 550, None)
    products.change_product(db, honey, facts, stock_seen=5, photo_id=None)
    assert honey.stock is None
    facts = ProductFacts("Miel", "", "", 890, 550, 7)
    products.change_product(db, honey, facts, stock_seen=None, photo_id=None)
    assert honey.stock == 7


def test_the_day(own, db, shop, honey, merchant):
    make_paid_order(db, shop, honey, 2)
    text = page(own, "/shop")
    for words in ("Your first sale!", "To prepare", "Élise Garnier", "Miel × 2", "€17.80", "Sales, 7 days", "€17.28"):
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
