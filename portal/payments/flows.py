"""Payments from end to end. Each step that calls the provider stands between two transactions.

Record the intent with its key, call, record the result: whatever is killed in between is found again by the
payment event, by the payer's return, or by the sweep, and all of them apply the same thing once.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta

from portal import config
from portal.kernel import clock
from portal.kernel.db import reading, transaction
from portal.kernel.money import Money
from portal.payments import gateway, queries, services
from portal.payments.errors import (
    PaymentClosedError,
    ProviderBrokenError,
    ProviderRefusedError,
    ProviderUnavailableError,
)
from portal.payments.gateway import CheckoutItem, Found, FoundRefund
from portal.payments.models import OPEN_STATES, Payment, PaymentEvent, PaymentState, Refund
from portal.payments.services import Intent

__all__ = ["CheckoutItem", "cancel_checkout", "refund", "start_checkout", "sync_payment"]

logger = logging.getLogger(__name__)

# How long a payment page stays open; the provider allows 30 minutes to 24 hours.
CHECKOUT_LIFETIME = timedelta(minutes=60)
_UNTOUCHED = timedelta(minutes=5)


def start_checkout(  # noqa: PLR0913 (what a payment page needs; all by name)
    *,
    purpose: str,
    reference: str,
    items: Sequence[CheckoutItem],
    customer_email: str,
    success_path: str,
    cancel_path: str,
    key: str,
    language: str,
) -> str:
    """Ask for a payment and return the address to send the payer to.

    Called again with the same `key` it gives the same payment: the open page, or `success_path` once it is paid.
    Raises PaymentClosedError when that payment is over without being paid (use a new key), PaymentConflictError
    when the key belongs to another request, ProviderUnavailableError (try again with the same key) and
    ProviderRefusedError; ValueError for no items.
    """
    amount = sum((item.unit * item.quantity for item in items[1:]), start=items[0].unit * items[0].quantity)
    request = {
        "items": [[item.name, item.unit.amount_minor, item.quantity] for item in items],
        "email": customer_email,
        "language": language,
    }
    intent = Intent(purpose, reference, amount, key, request, success_path, cancel_path)
    with transaction() as db:
        payment = services.record_intent(db, intent)
    if payment.state in OPEN_STATES and payment.created_at + CHECKOUT_LIFETIME <= clock.now():
        sync_payment(payment.public_id)
        with reading() as db:
            payment = queries.payment_by_id(db, payment.id)
    if payment.state is PaymentState.SUCCEEDED:
        return payment.success_path
    if payment.state not in OPEN_STATES:
        raise PaymentClosedError
    return payment.checkout_url or _open_checkout(payment).url


def _open_checkout(payment: Payment) -> gateway.Checkout:
    """Ask the provider for the payment's page, word for word as the first time, and record it."""
    base_url = config.current().base_url
    expires_at = payment.created_at + CHECKOUT_LIFETIME
    request = gateway.CheckoutRequest(
        public_id=payment.public_id,
        items=[
            CheckoutItem(name, Money(unit_minor, payment.currency), quantity)
            for name, unit_minor, quantity in payment.request["items"]
        ],
        customer_email=payment.request["email"],
        language=payment.request["language"],
        success_url=f"{base_url}/payments/{payment.public_id}/return",
        cancel_url=f"{base_url}/payments/{payment.public_id}/cancel",
        expires_at=expires_at,
    )
    try:
        checkout = gateway.create_checkout(request, key=f"checkout:{payment.key}:{payment.attempt}")
    except ProviderBrokenError:
        with transaction() as db:
            services.record_new_page_attempt(db, payment)
        raise
    except ProviderRefusedError as error:
        with transaction() as db:
            # Too late to make a page that it never made: the payment has expired.
            late = expires_at - clock.now() < CHECKOUT_LIFETIME // 2
            services.record_refusal(db, payment_id=payment.id, code=error.code, expired=late)
        raise
    with transaction() as db:
        services.record_checkout(db, payment_id=payment.id, checkout=checkout)
    return checkout


def sync_payment(public_id: str) -> PaymentState:
    """Ask the provider what became of a payment and apply it, once; returns the payment's state now.

    For the page a payer returns to, and for the worker. Raises PaymentNotFoundError, ProviderUnavailableError.
    """
    with reading() as db:
        payment = queries.payment_by_public_id(db, public_id)
    if payment.state not in OPEN_STATES:
        return payment.state
    if payment.provider_session_id is None:
        return _close_unopened(payment)
    return _apply(payment.id, gateway.fetch_checkout(payment.provider_session_id))


def _close_unopened(payment: Payment) -> PaymentState:
    """A payment whose page was never handed out. Once its time is over, learn of the page, and close it."""
    if payment.created_at + CHECKOUT_LIFETIME > clock.now():
        return payment.state
    try:
        checkout = _open_checkout(payment)
    except ProviderRefusedError:
        with reading() as db:
            return queries.payment_by_id(db, payment.id).state
    return _apply(payment.id, gateway.expire_checkout(checkout.session_id))


def cancel_checkout(public_id: str) -> PaymentState:
    """Close the payment page so that it can no longer be paid; returns the state now, which may be succeeded.

    For when the thing is paid otherwise, or given up. Raises PaymentNotFoundError, ProviderUnavailableError.
    """
    with reading() as db:
        payment = queries.payment_by_public_id(db, public_id)
    if payment.state not in OPEN_STATES:
        return payment.state
    session_id = payment.provider_session_id or _open_checkout(payment).session_id
    return _apply(payment.id, gateway.expire_checkout(session_id))


def _apply(payment_id: int, found: Found) -> PaymentState:
    with transaction() as db:
        return services.record_outcome(db, payment_id=payment_id, found=found)


def refund(*, payment_id: int, amount: Money, key: str, reason: str) -> Refund:
    """Give `amount` of a payment back to its card, and return the refund as it stands now.

    When the provider cannot be reached the refund stays `created` and the sweep sends it. Events tell how it
    ended. Raises RefundTooLargeError, PaymentConflictError, PaymentNotFoundError.
    """
    with transaction() as db:
        recorded = services.record_refund(db, payment_id=payment_id, amount=amount, key=key, reason=reason)
        payment = queries.payment_by_id(db, payment_id)
    if recorded.provider_refund_id is None and recorded.ended_at is None:
        _send_refund(payment, recorded)
    with reading() as db:
        return queries.refund_by_id(db, recorded.id) or recorded


def _send_refund(payment: Payment, recorded: Refund) -> None:
    try:
        found = gateway.create_refund(
            payment_id=payment.provider_payment_id or "",
            amount=recorded.amount,
            public_id=recorded.public_id,
            key=f"refund:{recorded.key}:{recorded.attempt}",
        )
    except ProviderUnavailableError:
        logger.warning("refund %s was not answered; the sweep goes on with it", recorded.id)
        return
    except ProviderRefusedError as error:
        found = FoundRefund(recorded.public_id, "", "failed", error.code)
    with transaction() as db:
        services.record_refund_outcome(db, refund_id=recorded.id, found=found)


def resume_refund(refund_id: int) -> None:
    """Go on with a refund whose answer was lost: look for it at the provider, and send it again only if absent.

    Raises ProviderUnavailableError.
    """
    with reading() as db:
        recorded = queries.refund_by_id(db, refund_id)
        if recorded is None:
            return
        payment = queries.payment_by_id(db, recorded.payment_id)
    if recorded.provider_refund_id is not None:
        found: FoundRefund | None = gateway.fetch_refund(recorded.provider_refund_id)
    else:
        found = gateway.find_refund(payment_id=payment.provider_payment_id or "", public_id=recorded.public_id)
    if found is not None:
        with transaction() as db:
            services.record_refund_outcome(db, refund_id=refund_id, found=found)
        return
    with transaction() as db:
        if not services.record_new_attempt(db, recorded):
            return
        recorded = queries.refund_by_id(db, refund_id) or recorded
    _send_refund(payment, recorded)


def handle_events() -> int:
    """Apply what the provider has told since: returns how many events had their effect."""
    with reading() as db:
        waiting = queries.unhandled_events(db, at=clock.now())
    return sum(_handle(event) for event in waiting)


def _handle(event: PaymentEvent) -> bool:
    try:
        _handle_object(event)
    except Exception:
        # Whatever it was must not keep the next events waiting; this one is tried again later.
        with transaction() as db:
            retry_at = services.postpone_event(db, event)
        logger.exception("payment event %s (%s) waits until %s", event.provider_event_id, event.type, retry_at)
        return False
    return True


def _handle_object(event: PaymentEvent) -> None:
    """Fetch the object the event is about, then apply it and mark the event, in one transaction."""
    found = _fetch(event)
    with transaction() as db:
        if isinstance(found, FoundRefund):
            known = queries.refund_by_public_id(db, found.public_id or "")
            if known is not None:
                services.record_refund_outcome(db, refund_id=known.id, found=found)
        elif found is not None:
            known_id = queries.payment_id_of(db, found.public_id or "")
            if known_id is not None:
                services.record_outcome(db, payment_id=known_id, found=found)
        services.finish_event(db, event.id)


def _fetch(event: PaymentEvent) -> Found | FoundRefund | None:
    """The object of an event as it is now; None for kinds that say nothing new, and for what is not there."""
    try:
        if event.type.startswith("checkout.session."):
            return gateway.fetch_checkout(event.object_id)
        if event.type.startswith("payment_intent."):
            return gateway.fetch_payment(event.object_id)
        if event.type.startswith("refund."):
            return gateway.fetch_refund(event.object_id)
    except ProviderRefusedError as error:
        logger.warning("event %s names %s: %s", event.provider_event_id, event.object_id, error.code)
    return None


def sweep() -> None:
    """Find what was left: payments and refunds without an end, and money that should be available by now.

    Stops at once when the provider cannot be reached; the next sweep begins again.
    """
    try:
        _sweep_payments()
        _sweep_refunds()
        _sweep_funds()
    except ProviderUnavailableError:
        logger.warning("the payment provider cannot be reached; the sweep stops here")


def _sweep_payments() -> None:
    last_id = 0
    while True:
        with reading() as db:
            batch = queries.open_payments(db, older_than=_UNTOUCHED, after_id=last_id)
        if not batch:
            return
        for payment in batch:
            sync_payment(payment.public_id)
        last_id = batch[-1].id


def _sweep_refunds() -> None:
    last_id = 0
    while True:
        with reading() as db:
            batch = queries.open_refunds(db, older_than=_UNTOUCHED, after_id=last_id)
        if not batch:
            return
        for recorded in batch:
            resume_refund(recorded.id)
        last_id = batch[-1].id


def _sweep_funds() -> None:
    last_id = 0
    while True:
        with reading() as db:
            batch = queries.payments_awaiting_funds(db, after_id=last_id)
        if not batch:
            return
        for payment in batch:
            found = gateway.fetch_payment(payment.provider_payment_id or "")
            with transaction() as db:
                services.record_funds(db, payment_id=payment.id, found=found)
        last_id = batch[-1].id
