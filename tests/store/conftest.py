"""A shop that sells honey, and what is asked of it."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from portal import config
from portal.identity.models import User
from portal.payments.simulator import create_simulator
from portal.store.models import Product, Storefront
from tests.builders import store as builders


@pytest.fixture
def shop(db: Session, merchant: User) -> Storefront:
    """A published shop."""
    return builders.make_shop(db, merchant)


@pytest.fixture
def honey(db: Session, shop: Storefront) -> Product:
    """Its one product: 8.90 €, five left."""
    return db.scalars(sa.select(Product).where(Product.storefront_id == shop.id)).one()


@pytest.fixture
def provider(app: Flask, tmp_path: Path) -> Iterator[str]:
    """The payment simulator over real HTTP; its address. Its events are not sent: the tests decide what is told."""
    settings = config.current()
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    simulator = create_simulator(replace(settings, payment_simulator_url=url, instance=tmp_path))
    simulator.extensions["simulator_sender"].stop()
    config.use(replace(settings, payment_simulator_url=url))
    server = make_server("127.0.0.1", port, simulator, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield url
    server.shutdown()
    thread.join()
    server.server_close()
    config.use(settings)


@pytest.fixture
def own(client, sign_in, shop, merchant):
    """The merchant's browser."""
    sign_in(client, merchant)
    return client
