"""Telling the portal: signed events, sent by a thread of their own, again and again until they are taken."""

import hashlib
import hmac
import http.client
import json
import logging
import threading
from datetime import timedelta
from urllib.parse import urlsplit

from portal.payments.simulator.state import Ledger, Object, State, now, now_ms

logger = logging.getLogger(__name__)

# Stripe goes on for three days; the wait doubles, up to five minutes.
_GIVE_UP_MS = 3 * 24 * 3600 * 1000
_LONGEST_WAIT_MS = 300_000
_SCRAMBLED_MS, _STEP_MS = 1200, 200
_ANSWER_SECONDS = 10


def tell(ledger: Ledger, kind: str, body: Object) -> None:
    """Queue an event about an object, in the transaction that changed it."""
    event = ledger.add("event", "evt", {"type": kind, "data": {"object": body}, "pending_webhooks": 1})
    whole = json.dumps(event)
    due = [now_ms()]
    if ledger.switch("events") == "scrambled":
        # Each later event goes out before the earlier ones, and all of them once more.
        waiting = ledger.connection.execute("SELECT count(*) FROM deliveries WHERE delivered = 0").fetchone()[0]
        first = due[0] + max(_SCRAMBLED_MS - _STEP_MS * waiting, 0)
        due = [first, first + _SCRAMBLED_MS]
    for moment in due:
        ledger.connection.execute(
            "INSERT INTO deliveries (event_id, body, first_due, due) VALUES (?, ?, ?, ?)",
            (event["id"], whole, moment, moment),
        )


def sign(payload: bytes, secret: str, moment: int) -> str:
    """The Stripe-Signature header: HMAC-SHA-256 over the time and the body.

    Source: https://docs.stripe.com/webhooks/signatures, "Verify webhook signatures manually".
    """
    mac = hmac.new(secret.encode(), f"{moment}.".encode() + payload, hashlib.sha256)
    return f"t={moment},v1={mac.hexdigest()}"


class Sender:
    """Sends what is due, on a thread that ends with the process."""

    def __init__(self, state: State, url: str, secret: str, every: timedelta = timedelta(milliseconds=200)) -> None:
        """Send the events kept in `state` to `url`."""
        self._state, self._secret, self._every = state, secret, every
        self._parts = urlsplit(url)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="payment events", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, once what is being sent has been."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            for delivery_id, body in self._due():
                self._send(delivery_id, body)
            self._stop.wait(self._every.total_seconds())

    def _due(self) -> list[tuple[int, bytes]]:
        """Take what is due now; another process that looks finds it due later."""
        with self._state.writing() as ledger:
            if ledger.switch("events") == "off":
                return []
            moment = now_ms()
            rows = ledger.connection.execute(
                "SELECT id, body, attempts FROM deliveries WHERE delivered = 0 AND due <= ? AND first_due > ?"
                " ORDER BY due, id LIMIT 50",
                (moment, moment - _GIVE_UP_MS),
            ).fetchall()
            for delivery_id, _body, attempts in rows:
                wait = min(1000 << min(attempts, 10), _LONGEST_WAIT_MS)
                ledger.connection.execute(
                    "UPDATE deliveries SET attempts = attempts + 1, due = ? WHERE id = ?", (moment + wait, delivery_id)
                )
        return [(row[0], row[1].encode()) for row in rows]

    def _send(self, delivery_id: int, body: bytes) -> None:
        secure = self._parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._parts.hostname or "", self._parts.port, timeout=_ANSWER_SECONDS)
        headers = {"Content-Type": "application/json", "Stripe-Signature": sign(body, self._secret, now())}
        try:
            connection.request("POST", self._parts.path, body, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            logger.info("the portal does not take events yet: %s", error)
            return
        finally:
            connection.close()
        if status // 100 == 2:  # noqa: PLR2004 (any success)
            with self._state.writing() as ledger:
                ledger.connection.execute("UPDATE deliveries SET delivered = 1 WHERE id = ?", (delivery_id,))
        else:
            logger.warning("the portal answered an event with %s", status)
