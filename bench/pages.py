"""What a page costs: CPU per request through WSGI in one process on PostgreSQL, against a bare Flask hello.

Each figure is the CPU of the hello divided by the CPU of the page, in the same run: 0.05 means that twenty hellos
cost as much as the page. Medians of five interleaved rounds. Then, for information, how the same pages do behind the
web server with two workers, against the same hello there.
"""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from bench import measure
from portal import config, create_app, demo
from portal.demo.people import CLAIRE, KARIM, demo_user
from portal.forum import services as forum
from portal.forum.queries.lists import ROWS
from portal.identity.models import User
from portal.identity.services import create_user, start_login_session
from portal.kernel.db import database, transaction
from portal.store.models import Product, Storefront
from portal.store.services import products
from tests import postgres
from tests.databases import migrate

ANSWERS = 30
PRODUCTS = 24
SENTENCE = "Oui : ouvrez votre boutique, ajoutez un produit, puis *partagez le lien* avec vos clients du quartier. "


@dataclass(frozen=True)
class Pages:
    """Addresses of the pages that are measured, and the cookie of who looks at them."""

    paths: dict[str, str]
    cookies: dict[str, str]


def _questions(db: Session, asker: User) -> str:
    """As many questions as the list shows, the newest with 30 answers; returns its address."""
    for number in range(ROWS):
        # One person asks ten questions an hour at most.
        writer = asker if number == ROWS - 1 else create_user(db, email=f"asker-{number}@example.org")
        newest = forum.ask(
            db, user=writer, title=f"Comment encaisser à distance ? ({number + 1})", text=SENTENCE * 2, lesson_number=12
        )
    for number in range(ANSWERS):
        neighbour = create_user(db, email=f"neighbour-{number}@example.org", display_name=f"Voisin {number + 1}")
        forum.answer(db, user=neighbour, question_id=newest.id, text=SENTENCE * 3)
    return f"/fr/q/{newest.id}-{newest.slug}"


def _products(db: Session, merchant: User) -> str:
    """Fill the demo shop up to 24 products; returns its slug."""
    shop = db.scalars(sa.select(Storefront).where(Storefront.merchant_id == merchant.id)).one()
    known = db.scalar(sa.select(sa.func.count()).where(Product.storefront_id == shop.id)) or 0
    for number in range(known, PRODUCTS):
        facts = products.ProductFacts(
            name=f"Article {number + 1}",
            text=SENTENCE,
            section="",
            price_minor=1290 + number,
            vat_basis_points=2000,
            stock=100,
        )
        products.add_product(db, shop, facts)
    return shop.slug


def _cookie(app: Flask, user: User) -> str:
    """The cookie of a browser in which this user has signed in."""
    with transaction() as db:
        token = start_login_session(db, user=user, user_agent="bench")
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = token
        session["_fresh"] = True
        # As after their first page with a form.
        session["csrf_token"] = secrets.token_hex(20)
    cookie = client.get_cookie(app.config["SESSION_COOKIE_NAME"])
    assert cookie is not None
    return f"{cookie.key}={cookie.value}"


def build(app: Flask) -> Pages:
    """The demo data, and on top of it what the pages' stated sizes need, all through the services."""
    demo.load()
    with transaction() as db:
        claire, karim = demo_user(db, CLAIRE), demo_user(db, KARIM)
        question = _questions(db, claire)
        slug = _products(db, karim)
    with database().engine.begin() as connection:
        connection.execute(sa.text("ANALYZE"))
    claires = _cookie(app, claire)
    return Pages(
        paths={
            "programme": "/fr/programme",
            "questions": "/fr/questions",
            "question": question,
            "storefront": f"/b/{slug}",
            "sign_in": "/fr/sign-in",
        },
        cookies={"programme": claires, "questions": claires, "question": claires},
    )


def _check(app: Flask, pages: Pages) -> None:
    """What is timed is the page it claims to be: 200, with its rows."""
    wanted = {"programme": ("/programme/", 25), "questions": ("/q/", ROWS), "storefront": ("/p/", PRODUCTS)}
    for name, path in pages.paths.items():
        status, body = measure.get(app, measure.environ(path, pages.cookies.get(name, "")))
        assert status.startswith("200"), f"{path} answers {status}"
        part, times = wanted.get(name, ("</html>", 1))
        found = body.decode().count(f'href="/fr{part}' if part.startswith(("/programme", "/q")) else part)
        assert found >= times, f"{path} holds {part} {found} times, not {times}"


@contextmanager
def _portal() -> Iterator[tuple[Flask, dict[str, str]]]:
    """The portal on a PostgreSQL of its own, and the environment that gives another process the same one."""
    server = postgres.start()
    try:
        server.run("createdb", "-h", str(server.data), "-U", "postgres", "bench")
        with tempfile.TemporaryDirectory() as folder:
            environment = {
                "COMPTOIR_DATABASE_URL": server.url("bench"),
                "COMPTOIR_INSTANCE": folder,
                "COMPTOIR_BASE_URL": f"http://{measure.HOST}",
            }
            migrate(environment["COMPTOIR_DATABASE_URL"])
            app = create_app(config.load(environment))
            yield app, environment
            database().dispose()
    finally:
        server.stop()


def _figures_of_cpu(app: Flask, pages: Pages) -> Iterator[dict[str, object]]:
    reference = partial(measure.get, measure.hello(), measure.environ("/"))
    works = {
        name: partial(measure.get, app, measure.environ(path, pages.cookies.get(name, "")))
        for name, path in pages.paths.items()
    }
    hello_seconds = measure.cpu_seconds(reference)
    for name, (share, seconds) in measure.ratios(reference, works).items():
        yield {
            "name": f"page.{name}",
            "value": round(share, 4),
            "unit": "CPU of the reference ÷ CPU of the page, more is better",
            "reference": f"bare Flask hello, {hello_seconds * 1e6:.0f} µs; the page {seconds * 1e3:.2f} ms",
        }


def _figures_of_server(pages: Pages, environment: dict[str, str]) -> Iterator[dict[str, object]]:
    with measure.granian("bench.hello:app", {}) as port:
        reference = measure.per_second(port, "/")
    with measure.granian("wsgi:app", environment) as port:
        for name, path in pages.paths.items():
            rate = measure.per_second(port, path, pages.cookies.get(name, ""))
            yield {
                "name": f"server.{name}",
                "value": round(rate / reference, 4),
                "unit": "requests/s ÷ requests/s of the reference, for information",
                "reference": f"bare Flask hello, granian with 2 workers, {reference:.0f}/s; the page {rate:.0f}/s",
            }


def run() -> Iterator[dict[str, object]]:
    """The figures of this group, each as soon as it is known."""
    with _portal() as (app, environment):
        pages = build(app)
        _check(app, pages)
        yield from _figures_of_cpu(app, pages)
        yield from _figures_of_server(pages, environment)
