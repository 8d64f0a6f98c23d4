"""What a shopper's browser does: filling a basket, pressing the pay button, typing a test card."""

import html
import re
from urllib.parse import urlsplit

import requests
import sqlalchemy as sa

from portal.store.models import Order

SHOP = "/b/epicerie-du-port"
ENGLISH = {"Accept-Language": "en"}
WHO = {"name": "Élise Garnier", "email": "elise@example.org", "phone": "", "method": "card"}


def put(client, product="miel", quantity=2, **more):
    return client.post(f"{SHOP}/p/{product}", data={"quantity": quantity, **more}, headers=ENGLISH)


def hidden(text: str) -> dict[str, str]:
    """The key and the fingerprint that a checkout page carries."""
    found = {name: re.search(rf'name="{name}"[^>]*value="([^"]*)"', text) for name in ("key", "seen")}
    return {name: html.unescape(match[1]) for name, match in found.items() if match}


def checkout_page(client) -> str:
    answer = client.get(f"{SHOP}/checkout", headers=ENGLISH)
    assert answer.status_code == 200, answer.location
    return answer.text


def press(client, page: str | None = None, **typed):
    data = {**WHO, **hidden(page or checkout_page(client)), **typed}
    return client.post(f"{SHOP}/checkout", data=data, headers=ENGLISH)


def orders_now(db) -> list[Order]:
    db.expire_all()
    return list(db.scalars(sa.select(Order).order_by(Order.id)))


def type_card(provider_page: str) -> str:
    """Type a test card into the simulator's page; where it sends the payer."""
    card = {"number": "4242 4242 4242 4242", "expiry": "12/34", "cvc": "123"}
    answer = requests.post(provider_page, data=card, allow_redirects=False, timeout=10)
    assert answer.status_code == 303, answer.text
    return urlsplit(answer.headers["Location"]).path


def pay_at_provider(provider_page: str, client) -> str:
    """Pay, and come back to the portal; where that leads."""
    back = client.get(type_card(provider_page))
    assert back.status_code == 303
    return back.location
