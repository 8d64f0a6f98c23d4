"""What shoppers see: the shop, a product, pictures, the seller's legal notice."""

import re

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from portal.kernel import clock
from portal.kernel.db import database
from portal.notifications.models import OutboxMail
from portal.store.models import Fulfilment, ProductState, Storefront
from portal.store.services import followers, storefronts
from portal.store.services.storefronts import Seller, Ways
from tests.builders.store import give_photo, make_draft, make_product, picture
from tests.store.test_opening import WEEK, at

SHOP = "/b/epicerie-du-port"
FRENCH = {"Accept-Language": "fr"}


def page(client, path, status=200, **headers) -> str:
    answer = client.get(path, headers={**FRENCH, **headers})
    assert answer.status_code == status, answer.text
    return answer.text


def test_the_shop_shows_who_it_is_and_what_it_sells(client, shop, honey):
    text = page(client, SHOP)
    for words in ("Épicerie du Port", "12 quai des Pêcheurs", "Miel", "8,90", "awning-sapin", f"{SHOP}/p/miel"):
        assert words in text


def test_anyone_may_keep_it_for_a_minute_and_nobody_gets_a_cookie(client, shop):
    answer = client.get(SHOP, headers=FRENCH)
    assert (answer.cache_control.public, answer.cache_control.max_age) == (True, 60)
    assert "Set-Cookie" not in answer.headers
    assert "csrf" not in answer.text
    assert {"Cookie", "Accept-Language"} <= set(answer.vary)


@pytest.mark.parametrize("path", ["", "/p/miel", "/terms", "/basket", "/follow"])
@pytest.mark.parametrize(("language", "direction"), [("fr", "ltr"), ("en", "ltr"), ("ar", "rtl")])
def test_three_languages(client, shop, honey, path, language, direction):
    text = page(client, f"{SHOP}{path}?lang={language}")
    assert f'<html lang="{language}" dir="{direction}">' in text


def test_the_chosen_language_goes_on_in_the_links(client, shop, honey):
    assert f"{SHOP}/p/miel?lang=ar" in page(client, f"{SHOP}?lang=ar")
    assert f"{SHOP}/p/miel?" not in page(client, SHOP)


def test_open_and_closed(client, db, shop):
    storefronts.change_hours(db, shop, WEEK)
    with clock.at(at(23, 10)):
        assert "Open until 12:30" in page(client, f"{SHOP}?lang=en")
    with clock.at(at(23, 13)):
        assert "Closed, opens at 14:00" in page(client, f"{SHOP}?lang=en")
    with clock.at(at(28, 20)):
        assert "Closed, opens 30 Nov, 09:00" in page(client, f"{SHOP}?lang=en")


def test_what_is_sold_out_or_nearly_says_so(client, db, shop, honey):
    make_product(db, shop, "Sel", 300, stock=0)
    make_product(db, shop, "Poivre", 300, stock=1)
    make_product(db, shop, "Cours", 3000, stock=None)
    honey.stock = 3
    db.flush()
    text = page(client, f"{SHOP}?lang=en")
    assert [text.count(words) for words in ("Sold out", "Last one", "Only 3 left")] == [1, 1, 1]


def test_what_is_kept_aside_is_not_shown(client, db, shop, honey):
    honey.state = ProductState.HIDDEN
    db.flush()
    assert "Miel" not in page(client, SHOP)
    page(client, f"{SHOP}/p/miel", 404)


def test_sections_and_pages(client, db, shop):
    for number in range(30):
        make_product(db, shop, f"Thé {number}", 300, section="Épicerie")
    make_product(db, shop, "Bougie", 900, section="Maison")
    text = page(client, SHOP)
    assert text.count('class="product"') == 24
    following = re.search(r"/b/epicerie-du-port\?after=\d+", text)
    assert following
    rest = page(client, following[0])
    assert rest.count('class="product"') == 8
    assert "Bougie" in rest
    assert page(client, f"{SHOP}?section=Maison").count('class="product"') == 1
    assert page(client, f"{SHOP}?section=nowhere").count('class="product"') == 24


def test_a_draft_is_its_merchants_to_see(client, new_client, sign_in, db, alice, bob):
    make_draft(db, alice, "Secret")
    page(client, "/b/secret", 404)
    sign_in(client, alice)
    answer = client.get("/b/secret")
    assert answer.status_code == 200
    assert answer.cache_control.no_store
    assert 'name="robots" content="noindex"' in answer.text
    other = new_client()
    sign_in(other, bob)
    page(other, "/b/secret", 404)


def test_a_product_page(client, db, shop, honey):
    honey.text = "Pot de 250 g."
    db.flush()
    text = page(client, f"{SHOP}/p/miel?lang=en")
    for words in ("Pot de 250 g.", "€8.90", "Add to the basket", "Buy now", "Pickup at the shop", "Delivery"):
        assert words in text


def test_what_is_sold_out_cannot_be_put_into_a_basket(client, db, shop, honey):
    honey.stock = 0
    db.flush()
    text = page(client, f"{SHOP}/p/miel?lang=en")
    assert "Sold out" in text
    assert "Add to the basket" not in text


def test_shared_links_show_a_picture_and_a_price(client, db, shop, honey):
    photo = give_photo(db, shop, honey)
    text = page(client, f"{SHOP}/p/miel")
    assert f'property="og:image" content="http://localhost/b/media/{photo}-800.webp"' in text
    assert 'property="product:price:amount" content="8.90"' in text
    assert f'property="og:image" content="http://localhost/b/media/{photo}-400.webp"' in page(client, SHOP)


def test_pictures_are_kept_for_ever(client, db, shop, honey):
    photo = give_photo(db, shop, honey)
    answer = client.get(f"/b/media/{photo}-800.webp", buffered=True)
    assert (answer.status_code, answer.mimetype, answer.data[8:12]) == (200, "image/webp", b"WEBP")
    assert (answer.cache_control.public, answer.cache_control.immutable) == (True, True)
    assert answer.cache_control.max_age == 365 * 24 * 3600
    # A basket's cookie must not make a browser fetch every picture again.
    assert "Cookie" not in answer.vary


@pytest.mark.parametrize(
    "name",
    ["0" * 32 + "-800", "0" * 32 + "-1", "..%2f..%2fsecret-800", "g" * 32 + "-800", "A" * 32 + "-400", "x-800", "-800"],
)
def test_no_other_file_is_served(client, name):
    page(client, f"/b/media/{name}.webp", 404)


def test_the_seller_is_named(client, db, shop):
    seller = Seller("Épicerie du Port SARL", "12 quai", "732 829 320 00074", "a@b.fr", "0612345678", "CM2C, cm2c.net")
    storefronts.change_seller(db, shop, seller)
    text = page(client, f"{SHOP}/terms")
    for words in ("Épicerie du Port SARL", "12 quai", "73282932000074", "a@b.fr", "CM2C", "L221-28", "L217-3"):
        assert words in text


def test_ways_and_prices(client, db, shop):
    storefronts.change_ways(db, shop, Ways(frozenset({Fulfilment.DELIVERY}), "", "à vélo le jeudi", 390))
    text = page(client, SHOP)
    assert "à vélo le jeudi" in text
    assert "3,90" in text


@pytest.mark.parametrize("path", ["", "/p/miel", "/terms", "/basket", "/checkout", "/follow"])
def test_no_such_shop(client, path):
    page(client, f"/b/nowhere{path}", 404)


def test_names_are_not_html(client, db, shop, honey):
    honey.name, shop.name = "<script>alert(1)</script>", "<b>Shop</b>"
    db.flush()
    text = page(client, SHOP) + page(client, f"{SHOP}/p/miel")
    assert "<script>alert" not in text
    assert "<b>Shop</b>" not in text


def count_statements(client, path) -> int:
    seen = []
    engine = database().engine

    def note(_connection, _cursor, statement, *_rest):
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        page(client, path)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len([statement for statement in seen if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK"))])


def test_the_shop_takes_two_statements_and_three_when_it_has_several_pages(client, db, shop):
    assert count_statements(client, SHOP) == 2
    for number in range(30):
        give_photo(db, shop, make_product(db, shop, f"Thé {number}"))
    assert count_statements(client, SHOP) == 3
    assert count_statements(client, f"{SHOP}/p/miel") == 2


def test_following_as_a_visitor(client, db, shop):
    answer = client.post(f"{SHOP}/follow", data={"email": "Fan@Example.org"}, headers=FRENCH)
    assert answer.status_code == 303
    assert "asked=1" in answer.location
    row = db.scalars(sa.select(followers.StorefrontFollower)).one()
    assert (row.email, row.confirmed_at) == ("fan@example.org", None)
    path = f"/b/follow/{row.token}"
    page(client, path)
    assert client.post(path, data={"value": "1"}).status_code == 303
    db.expire_all()
    assert row.confirmed_at is not None
    assert "1 " in page(client, SHOP)
    client.post(path, data={"value": "0"})
    assert db.scalar(sa.select(sa.func.count()).select_from(followers.StorefrontFollower)) == 0
    page(client, path, 404)


def test_following_as_a_user(client, sign_in, db, shop, bob):
    sign_in(client, bob)
    client.post(f"{SHOP}/follow", data={"value": "1"})
    assert followers.follows(db, shop_id=shop.id, email=bob.email)
    client.post(f"{SHOP}/follow", data={"value": "0"})
    assert not followers.follows(db, shop_id=shop.id, email=bob.email)


def test_a_bad_address_is_said_beside_the_field(client, shop):
    answer = client.post(f"{SHOP}/follow?lang=en", data={"email": "fan@example"})
    assert answer.status_code == 422
    assert "The end of the address is missing" in answer.text
    assert 'value="fan@example"' in answer.text


def test_forms_of_other_sites_are_refused(client, shop):
    answer = client.post(f"{SHOP}/follow", data={"email": "a@b.fr"}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


def test_pictures_of_a_product_come_in_two_sizes(client, db, shop, honey):
    assert picture()
    photo = give_photo(db, shop, honey)
    text = page(client, f"{SHOP}/p/miel")
    assert f"{photo}-400.webp 400w" in text
    assert db.scalars(sa.select(Storefront.slug)).one() == "epicerie-du-port"


def test_nobody_floods_an_address_with_mails(client, db, shop):
    statuses = [
        client.post(f"{SHOP}/follow", data={"email": "victim@example.org"}, headers=FRENCH).status_code
        for _ in range(5)
    ]
    assert statuses == [303, 303, 303, 429, 429]
    assert db.scalar(sa.select(sa.func.count()).select_from(OutboxMail)) == 1
