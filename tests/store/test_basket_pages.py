"""The basket: its cookie, its quantities, another shop's."""

import pytest
import sqlalchemy as sa

from portal.store.models import Basket, BasketLine
from tests.builders.store import make_product
from tests.store.shopping import ENGLISH, SHOP, put

pytestmark = pytest.mark.usefixtures("shop", "honey")


def test_the_basket(client, db, shop, honey):
    make_product(db, shop, "Sel", 300)
    answer = put(client, quantity=2)
    assert answer.location == SHOP
    cookie = answer.headers["Set-Cookie"]
    assert all(words in cookie for words in ("HttpOnly", "SameSite=Lax", "Path=/b"))
    put(client, "sel", 1)
    answer = client.get(SHOP, headers=ENGLISH)
    assert "See my basket" in answer.text
    assert "20.80" in answer.text
    assert answer.cache_control.no_store
    text = client.get(f"{SHOP}/basket", headers=ENGLISH).text
    for words in ("Miel", "Sel", "3 items", "€20.80", "Pickup at the shop", "Delivery"):
        assert words in text
    client.post(f"{SHOP}/basket", data={"product": honey.id, "quantity": 0})
    assert "Miel" not in client.get(f"{SHOP}/basket", headers=ENGLISH).text


def test_another_shop_has_another_basket(client, db, alice):
    from tests.builders.store import make_shop

    make_shop(db, alice, "Autre")
    put(client)
    assert "Your basket is empty" in client.get("/b/autre/basket", headers=ENGLISH).text
    client.post("/b/autre/p/miel", data={"quantity": 1})
    assert db.scalar(sa.select(sa.func.count()).select_from(Basket)) == 2


def test_a_cookie_we_did_not_sign_is_no_basket(client, db, shop):
    put(client)
    client.set_cookie(f"basket_{shop.id}", "x" * 43 + ".forged", path="/b")
    assert "Your basket is empty" in client.get(f"{SHOP}/basket", headers=ENGLISH).text


@pytest.mark.parametrize("quantity", ["0", "-1", "100", "x", "", "1.5", "9" * 40])
def test_quantities_that_make_no_sense(client, db, quantity):
    assert put(client, quantity=quantity).status_code == 422
    assert db.scalar(sa.select(BasketLine)) is None


def test_more_than_there_is_becomes_what_there_is(client, db):
    put(client, quantity=50)
    assert db.scalars(sa.select(BasketLine.quantity)).one() == 5


def test_sold_out_while_looking(client, db, honey):
    honey.stock = 0
    db.flush()
    answer = put(client)
    assert answer.status_code == 409
    assert "Somebody was faster" in answer.text
