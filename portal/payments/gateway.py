"""The payment provider, over HTTP: the only module that knows Stripe's library.

With a secret key it talks to Stripe, without one to the portal's own simulator, by the same code. It neither
reads nor writes the database, and is never called inside a transaction.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from http import HTTPStatus
from typing import Any

import stripe

from portal import config
from portal.kernel.money import Money
from portal.payments.errors import (
    ForgedEventError,
    ProviderBrokenError,
    ProviderRefusedError,
    ProviderUnavailableError,
)

SIMULATOR_KEY = "sk_test_simulator"
_CONNECT_SECONDS, _READ_SECONDS = 4, 20
# Stripe's Checkout speaks no Arabic: there the browser's own language decides.
_LOCALES = {"fr": "fr", "en": "en"}
_PAYMENT_PARTS = "latest_charge.balance_transaction"


@dataclass(frozen=True, slots=True)
class CheckoutItem:
    """A line of what is paid for."""

    name: str
    unit: Money
    quantity: int


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """What a payment page is asked for. The same request under the same key always gives the same page."""

    public_id: str
    items: Sequence[CheckoutItem]
    customer_email: str
    language: str
    success_url: str
    cancel_url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Checkout:
    """A payment page at the provider."""

    session_id: str
    url: str


class Outcome(StrEnum):
    """What became of a payment page."""

    OPEN = "open"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Found:
    """A payment as the provider knows it now."""

    public_id: str | None
    outcome: Outcome
    session_id: str | None = None
    payment_id: str | None = None
    received: Money | None = None
    card_brand: str | None = None
    card_last4: str | None = None
    fee_minor: int | None = None
    funds_available: bool = False
    available_on: datetime | None = None
    failure_code: str | None = None


@dataclass(frozen=True, slots=True)
class FoundRefund:
    """A refund as the provider knows it now; `state` is pending, succeeded or failed."""

    public_id: str | None
    refund_id: str
    state: str
    failure_code: str | None


@dataclass(frozen=True, slots=True)
class EventHint:
    """A verified event: its id, what it is about, and nothing of what it claims."""

    event_id: str
    type: str
    object_id: str


@cache
def _client(secret_key: str, base_url: str) -> stripe.StripeClient:
    addresses: dict[str, Any] = {"base_addresses": {"api": base_url}} if base_url else {}
    return stripe.StripeClient(
        secret_key,
        http_client=stripe.RequestsClient(timeout=(_CONNECT_SECONDS, _READ_SECONDS)),
        # A repeat carries the same idempotency key, which is ours.
        max_network_retries=1,
        **addresses,
    )


def _stripe() -> stripe.StripeClient:
    settings = config.current()
    if settings.stripe_secret_key:
        return _client(settings.stripe_secret_key, "")
    return _client(SIMULATOR_KEY, settings.payment_simulator_url)


@contextmanager
def _told_apart() -> Iterator[None]:
    """Turn the library's errors into ours: ask again, ask again under a new key, or do not."""
    try:
        yield
    except (stripe.APIConnectionError, stripe.RateLimitError, stripe.AuthenticationError) as error:
        raise ProviderUnavailableError from error
    except stripe.StripeError as error:
        if error.http_status is None:
            raise ProviderUnavailableError from error
        if error.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ProviderBrokenError from error
        raise ProviderRefusedError(error.code or type(error).__name__) from error


def create_checkout(request: CheckoutRequest, *, key: str) -> Checkout:
    """Ask for a payment page; under a key used before, the same page again.

    Raises ProviderUnavailableError or ProviderRefusedError.
    """
    marks = {"payment": request.public_id, "language": request.language}
    params: dict[str, Any] = {
        "mode": "payment",
        "client_reference_id": request.public_id,
        "metadata": marks,
        "payment_intent_data": {"metadata": marks},
        "allowed_payment_method_types": ["card"],
        "locale": _LOCALES.get(request.language, "auto"),
        "success_url": request.success_url,
        "cancel_url": request.cancel_url,
        "expires_at": int(request.expires_at.timestamp()),
        "line_items": [
            {
                "quantity": item.quantity,
                "price_data": {
                    "currency": item.unit.currency.lower(),
                    "unit_amount": item.unit.amount_minor,
                    "product_data": {"name": item.name},
                },
            }
            for item in request.items
        ],
    }
    if request.customer_email:
        params["customer_email"] = request.customer_email
    with _told_apart():
        session = _stripe().v1.checkout.sessions.create(params, {"idempotency_key": key})  # type: ignore[arg-type]
    return Checkout(session.id, session.url or "")


def fetch_checkout(session_id: str) -> Found:
    """What became of a payment page. Raises ProviderUnavailableError or ProviderRefusedError."""
    with _told_apart():
        session = _stripe().v1.checkout.sessions.retrieve(session_id, {"expand": [f"payment_intent.{_PAYMENT_PARTS}"]})
    return _found_checkout(session.to_dict())


def expire_checkout(session_id: str) -> Found:
    """Close an open payment page, so that it cannot be paid any more; then what became of it.

    A page that was paid or closed meanwhile stays as it is. Raises ProviderUnavailableError.
    """
    try:
        with _told_apart():
            _stripe().v1.checkout.sessions.expire(session_id)
    except ProviderRefusedError:
        return fetch_checkout(session_id)
    return fetch_checkout(session_id)


def fetch_payment(payment_id: str) -> Found:
    """A payment by the provider's id of it, as `fetch_checkout`; without its page it is never expired."""
    with _told_apart():
        intent = _stripe().v1.payment_intents.retrieve(payment_id, {"expand": [_PAYMENT_PARTS]}).to_dict()
    outcome = {"succeeded": Outcome.PAID, "canceled": Outcome.FAILED}.get(intent["status"], Outcome.OPEN)
    return _found(intent, outcome=outcome, public_id=_mark(intent, "payment"), session_id=None)


def _found_checkout(session: Mapping[str, Any]) -> Found:
    intent = session.get("payment_intent") or {}
    if session["status"] == "expired":
        outcome = Outcome.EXPIRED
    elif session["status"] == "complete" and session["payment_status"] == "paid":
        outcome = Outcome.PAID
    elif session["status"] == "complete" and intent.get("status") in {"canceled", "requires_payment_method"}:
        outcome = Outcome.FAILED
    else:
        outcome = Outcome.OPEN
    public_id = session.get("client_reference_id")
    return _found(intent, outcome=outcome, public_id=public_id, session_id=session["id"])


def _found(intent: Mapping[str, Any], *, outcome: Outcome, public_id: str | None, session_id: str | None) -> Found:
    charge = intent.get("latest_charge") or {}
    card = (charge.get("payment_method_details") or {}).get("card") or {}
    funds = charge.get("balance_transaction") or {}
    error = intent.get("last_payment_error") or {}
    currency = str(intent.get("currency") or "").upper()
    return Found(
        public_id=public_id,
        outcome=outcome,
        session_id=session_id,
        payment_id=intent.get("id"),
        received=Money(intent["amount_received"], currency) if intent.get("amount_received") else None,
        card_brand=card.get("brand"),
        card_last4=card.get("last4"),
        fee_minor=funds.get("fee"),
        funds_available=funds.get("status") == "available",
        available_on=datetime.fromtimestamp(funds["available_on"], UTC) if funds.get("available_on") else None,
        failure_code=error.get("decline_code") or error.get("code"),
    )


def create_refund(*, payment_id: str, amount: Money, public_id: str, key: str) -> FoundRefund:
    """Give part of a payment back to its card; under a key used before, the same refund again.

    Raises ProviderUnavailableError (it may have been made: look with `find_refund`) or ProviderRefusedError.
    """
    with _told_apart():
        refund = _stripe().v1.refunds.create(
            {
                "payment_intent": payment_id,
                "amount": amount.amount_minor,
                "metadata": {"refund": public_id},
            },
            {"idempotency_key": key},
        )
    return _found_refund(refund.to_dict())


def fetch_refund(refund_id: str) -> FoundRefund:
    """A refund by the provider's id of it. Raises ProviderUnavailableError or ProviderRefusedError."""
    with _told_apart():
        return _found_refund(_stripe().v1.refunds.retrieve(refund_id).to_dict())


def find_refund(*, payment_id: str, public_id: str) -> FoundRefund | None:
    """The refund of a payment that carries our id, if the provider has it: never "the latest one".

    Raises ProviderUnavailableError or ProviderRefusedError.
    """
    with _told_apart():
        for refund in _stripe().v1.refunds.list({"payment_intent": payment_id, "limit": 100}).auto_paging_iter():
            found = _found_refund(refund.to_dict())
            if found.public_id == public_id:
                return found
    return None


def _found_refund(refund: Mapping[str, Any]) -> FoundRefund:
    states = {"succeeded": "succeeded", "failed": "failed", "canceled": "failed"}
    return FoundRefund(
        public_id=_mark(refund, "refund"),
        refund_id=refund["id"],
        state=states.get(refund["status"], "pending"),
        failure_code=refund.get("failure_reason"),
    )


def _mark(found: Mapping[str, Any], name: str) -> str | None:
    """One of the marks that we left on the provider's object."""
    value = (found.get("metadata") or {}).get(name)
    return None if value is None else str(value)


def read_event(payload: bytes, signature: str | None) -> EventHint:
    """Verify an event's signature and age (five minutes) and read which object it is about.

    Raises ForgedEventError. A verified event may still be a repeat: its id and its effect are the caller's.
    """
    try:
        event = _stripe().construct_event(payload, signature, config.current().stripe_webhook_secret)
        return EventHint(event.id, event.type, str(event.data.object.to_dict()["id"]))
    except (stripe.SignatureVerificationError, ValueError, AttributeError, KeyError) as error:
        raise ForgedEventError from error
