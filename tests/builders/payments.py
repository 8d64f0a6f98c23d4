"""Payments for tests, over real HTTP: the simulator and the portal each on a port of their own."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import requests
from flask import Flask
from werkzeug.serving import make_server

from portal import config
from portal.kernel.db import reading
from portal.kernel.money import Money
from portal.payments import flows, queries
from portal.payments.gateway import SIMULATOR_KEY
from portal.payments.models import Payment, Refund
from portal.payments.simulator import create_simulator
from tests.builders.ledger import euros

VISA = "4242 4242 4242 4242"
MASTERCARD = "5555555555554444"
DECLINED = "4000000000000002"
TOO_POOR = "4000 0000 0000 9995"
ASKS = "4000002500003155"
PURPOSE = "test"

_keys = count()


@contextmanager
def served(app: Flask, listening: socket.socket) -> Iterator[None]:
    """Serve an app on a socket that already listens, on threads."""
    server = make_server("127.0.0.1", 0, app, threaded=True, fd=listening.fileno())
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def listen() -> tuple[socket.socket, str]:
    """A listening socket on a free port, and its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    return listening, f"http://127.0.0.1:{listening.getsockname()[1]}"


@dataclass(frozen=True)
class Sandbox:
    """A running portal and a running simulator that know each other, and someone who pays."""

    portal_url: str
    simulator_url: str
    app: Flask

    def switch(self, **values: str) -> None:
        """Turn the simulator's switches."""
        self._call("post", "/switches", data=values)

    def end_refund(self, refund_id: str, status: str) -> None:
        """End a pending refund as the bank would."""
        self._call("post", f"/refunds/{refund_id}", data={"status": status})

    def release_funds(self) -> None:
        """The day has come on which the money of every payment is available."""
        with self.app.extensions["simulator_state"].writing() as ledger:
            for funds in ledger.every("balance_transaction"):
                ledger.save({**funds, "available_on": funds["created"]})

    def _call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {SIMULATOR_KEY}"}
        with requests.request(
            method, f"{self.simulator_url}{path}", headers=headers, allow_redirects=False, timeout=10, **options
        ) as response:
            assert response.status_code < 400, response.text
            return response

    def open(self, url: str) -> requests.Response:
        """Look at a page."""
        with requests.get(url, timeout=10, allow_redirects=False) as response:
            return response

    def type_card(self, url: str, number: str, **changes: str) -> requests.Response:
        """Fill in the payment page and send it; redirects are left to the caller."""
        form = {"number": number, "expiry": "12/40", "cvc": "123", **changes}
        with requests.post(url, data=form, timeout=10, allow_redirects=False) as response:
            return response

    def pay(self, url: str, number: str = VISA) -> str:
        """Pay, and return the address that the payer is sent back to."""
        answer = self.type_card(url, number)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def come_back(self, url: str) -> str:
        """Follow the way back into the portal; returns where it leads on to."""
        answer = self.open(url)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def received(self, number: int, seconds: int = 10) -> None:
        """Wait until the portal has received this many events."""
        wait_until(lambda: events_received() >= number, seconds)


def wait_until(holds: Callable[[], bool], seconds: int = 10) -> None:
    """Wait until something holds; fail when it does not within `seconds`."""
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.02)


def events_received() -> int:
    """How many events the portal keeps."""
    with reading() as db:
        return queries.event_count(db)


@contextmanager
def sandbox(app: Flask, instance: Path) -> Iterator[Sandbox]:
    """Run the portal and the simulator beside each other, on the database that is configured now."""
    before = config.current()
    portal_socket, portal_url = listen()
    simulator_socket, simulator_url = listen()
    settings = replace(before, base_url=portal_url, payment_simulator_url=simulator_url, instance=instance)
    config.use(settings)
    simulator = create_simulator(settings)
    try:
        with served(app, portal_socket), served(simulator, simulator_socket):
            yield Sandbox(portal_url, simulator_url, simulator)
            # While the portal still answers: the sender may be in the middle of a delivery.
            simulator.extensions["simulator_sender"].stop()
    finally:
        portal_socket.close()
        simulator_socket.close()
        config.use(before)


def begin(*, key: str | None = None, amount: Money | None = None, language: str = "fr") -> str:
    """Ask for a payment; returns the address of its page."""
    return flows.start_checkout(
        purpose=PURPOSE,
        reference="basket-1",
        items=[
            flows.CheckoutItem("Huile d’olive", amount or euros(10, 50), 2),
            flows.CheckoutItem("Livraison", euros(3, 90), 1),
        ],
        customer_email="payer@example.org",
        success_path="/fr/thanks",
        cancel_path="/fr/basket",
        key=key or f"test-{next(_keys)}",
        language=language,
    )


TOTAL = euros(24, 90)


def latest() -> Payment:
    """The payment that was begun last."""
    with reading() as db:
        return queries.payments_for(db, purpose=PURPOSE, reference="basket-1")[0]


def refunds_of(payment: Payment) -> list[Refund]:
    """A payment's refunds, latest first."""
    with reading() as db:
        return queries.refunds_of(db, payment.id)


def paid(running: Sandbox, *, key: str | None = None) -> Payment:
    """A payment that has succeeded, its payer back in the portal."""
    running.come_back(running.pay(begin(key=key)))
    return latest()


def public_id(url: str) -> str:
    """The payment's id in a return address."""
    found = re.search(r"/payments/([\w-]{43})/", url)
    assert found is not None
    return found[1]


LONG_AGO = timedelta(hours=2)
