"""The merchant's own pages: opening a shop, filling its shelf, its orders, its settings."""

import re

import pytest
import sqlalchemy as sa

from portal.store.models import (
    Product,
    ProductPhoto,
    ProductState,
    Storefront,
    StorefrontState,
)
from portal.store.services import products
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
from tests.store.pages import PRODUCT, SELLER, page, send
from tests.store.test_photos import bomb


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


def test_the_address_is_chosen_while_the_shop_is_a_draft(client, sign_in, db, shop, alice):
    draft = make_draft(db, alice, "Chez Léa")
    sign_in(client, alice)
    assert 'value="chez-lea"' in page(client, "/shop/address")
    assert "Another shop already has" in send(client, "/shop/address", {"slug": "Épicerie du port"}, 409)
    assert "Another shop already has" in send(client, "/shop/address", {"slug": "media"}, 409)
    send(client, "/shop/address", {"slug": ""}, 422)
    send(client, "/shop/address", {"slug": "Léa & filles"})
    db.refresh(draft)
    assert draft.slug == "lea-filles"


def test_the_address_of_a_published_shop_stays(own, db, shop):
    assert own.get("/en/shop/address").status_code == 303
    assert "cards and flyers" in send(own, "/shop/address", {"slug": "other"}, 409)
    db.refresh(shop)
    assert shop.slug == "epicerie-du-port"
