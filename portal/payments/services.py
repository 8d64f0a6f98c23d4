"""What is recorded of payments: each change once, by a conditional update, with its event in the same transaction."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.kernel import clock, ids
from portal.kernel.db import conflict_insert, rows_changed
from portal.kernel.events import publish
from portal.kernel.money import Money
from portal.kernel.worker import wake_after_commit
from portal.payments import queries
from portal.payments.errors import PaymentConflictError, RefundTooLargeError
from portal.payments.events import (
    FundsAvailable,
    PaymentExpired,
    PaymentFailed,
    PaymentSucceeded,
    RefundFailed,
    RefundSucceeded,
)
from portal.payments.gateway import Checkout, EventHint, Found, FoundRefund, Outcome
from portal.payments.models import (
    OPEN_STATES,
    Payment,
    PaymentEvent,
    PaymentState,
    Refund,
    RefundState,
)

logger = logging.getLogger(__name__)

EVENTS_JOB = "payments.events"
_LONGEST_CODE = 64
_FIRST_RETRY = timedelta(minutes=1)
_LAST_RETRY = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Intent:
    """A payment that is about to be asked for."""

    purpose: str
    reference: str
    amount: Money
    key: str
    request: Mapping[str, Any]
    success_path: str
    cancel_path: str


def record_intent(db: Session, intent: Intent) -> Payment:
    """Write the payment down before the provider is called; under a key used before, the same payment.

    Raises PaymentConflictError when the key belongs to another payment.
    """
    values = {
        "public_id": ids.token(),
        "purpose": intent.purpose,
        "reference": intent.reference,
        "amount_minor": intent.amount.amount_minor,
        "currency": intent.amount.currency,
        "state": PaymentState.CREATED,
        "refunded_minor": 0,
        "key": intent.key,
        "attempt": 1,
        "request": dict(intent.request),
        "success_path": intent.success_path,
        "cancel_path": intent.cancel_path,
        "created_at": clock.now(),
    }
    db.execute(conflict_insert(db, Payment).values(values).on_conflict_do_nothing(index_elements=["key"]))
    payment = queries.payment_by_key(db, intent.key)
    if payment is None or (payment.purpose, payment.reference, payment.amount, payment.request) != (
        intent.purpose,
        intent.reference,
        intent.amount,
        dict(intent.request),
    ):
        raise PaymentConflictError
    return payment


def record_checkout(db: Session, *, payment_id: int, checkout: Checkout) -> None:
    """The provider has a page for this payment; a repeat changes nothing."""
    rows_changed(
        db,
        _update(Payment)
        .where(Payment.id == payment_id, Payment.state == PaymentState.CREATED)
        .values(state=PaymentState.PENDING, provider_session_id=checkout.session_id, checkout_url=checkout.url),
    )


def record_outcome(db: Session, *, payment_id: int, found: Found) -> PaymentState:
    """Bring a payment to what the provider says of it; publishes what changed, once. Returns the state now."""
    payment = queries.payment_by_id(db, payment_id)
    if found.outcome is Outcome.PAID:
        _succeed(db, payment, found)
    elif found.session_id and payment.provider_session_id and found.session_id != payment.provider_session_id:
        # A page whose making was answered with a failure, and that was therefore never handed out.
        logger.info("payment %s has another page than %s", payment.id, found.session_id)
    elif found.outcome is Outcome.OPEN:
        _note_open(db, payment, found)
    else:
        failed = found.outcome is Outcome.FAILED
        _end(db, payment, PaymentState.FAILED if failed else PaymentState.EXPIRED, found.failure_code)
    return queries.payment_by_id(db, payment_id).state


def record_new_page_attempt(db: Session, payment: Payment) -> None:
    """The provider failed by itself: the next time the page is asked for under a new key."""
    rows_changed(
        db,
        _update(Payment)
        .where(Payment.id == payment.id, Payment.attempt == payment.attempt, Payment.state == PaymentState.CREATED)
        .values(attempt=Payment.attempt + 1),
    )


def record_refusal(db: Session, *, payment_id: int, code: str, expired: bool) -> None:
    """The provider never made a page for this payment, or says it will not."""
    payment = queries.payment_by_id(db, payment_id)
    _end(db, payment, PaymentState.EXPIRED if expired else PaymentState.FAILED, code)


def _update(model: type[Payment | Refund | PaymentEvent]) -> sa.Update:
    return sa.update(model).execution_options(synchronize_session=False)


def _succeed(db: Session, payment: Payment, found: Found) -> None:
    now = clock.now()
    if found.received != payment.amount:
        msg = f"payment {payment.id} asked for {payment.amount} and the provider received {found.received}"
        raise ValueError(msg)
    changed = rows_changed(
        db,
        _update(Payment)
        .where(Payment.id == payment.id, Payment.state.in_(OPEN_STATES))
        .values(
            state=PaymentState.SUCCEEDED,
            succeeded_at=now,
            provider_session_id=sa.func.coalesce(Payment.provider_session_id, found.session_id),
            provider_payment_id=found.payment_id,
            card_brand=found.card_brand,
            card_last4=found.card_last4,
            failure_code=None,
            provider_fee_minor=found.fee_minor,
            available_on=found.available_on,
            funds_available_at=now if found.funds_available else None,
        ),
    )
    if changed:
        publish(
            db,
            PaymentSucceeded(
                payment.id,
                payment.purpose,
                payment.reference,
                payment.amount_minor,
                payment.currency,
                funds_available=found.funds_available,
            ),
        )
    elif payment.state is PaymentState.SUCCEEDED:
        record_funds(db, payment_id=payment.id, found=found)
    else:
        logger.error("payment %s is %s here, and paid at the provider", payment.id, payment.state)


def _note_open(db: Session, payment: Payment, found: Found) -> None:
    """Still to be paid: keep why the last card was declined, and the page if its making was not recorded."""
    values: dict[str, Any] = {"state": PaymentState.PENDING}
    if found.failure_code:
        values["failure_code"] = found.failure_code[:_LONGEST_CODE]
    if found.session_id:
        values["provider_session_id"] = sa.func.coalesce(Payment.provider_session_id, found.session_id)
    rows_changed(db, _update(Payment).where(Payment.id == payment.id, Payment.state.in_(OPEN_STATES)).values(values))


def _end(db: Session, payment: Payment, state: PaymentState, code: str | None) -> None:
    values: dict[str, Any] = {"state": state}
    if code:
        values["failure_code"] = code[:_LONGEST_CODE]
    changed = rows_changed(
        db, _update(Payment).where(Payment.id == payment.id, Payment.state.in_(OPEN_STATES)).values(values)
    )
    if changed:
        event = PaymentFailed if state is PaymentState.FAILED else PaymentExpired
        publish(db, event(payment.id, payment.purpose, payment.reference, payment.amount_minor, payment.currency))


def record_funds(db: Session, *, payment_id: int, found: Found) -> None:
    """Note when the money of a succeeded payment can be used; publishes FundsAvailable, once, when it can."""
    payment = queries.payment_by_id(db, payment_id)
    awaited = _update(Payment).where(
        Payment.id == payment_id,
        Payment.state == PaymentState.SUCCEEDED,
        Payment.funds_available_at.is_(None),
    )
    if not found.funds_available:
        rows_changed(db, awaited.values(available_on=found.available_on))
    elif rows_changed(db, awaited.values(available_on=found.available_on, funds_available_at=clock.now())):
        publish(
            db,
            FundsAvailable(payment.id, payment.purpose, payment.reference, payment.amount_minor, payment.currency),
        )


def record_refund(db: Session, *, payment_id: int, amount: Money, key: str, reason: str) -> Refund:
    """Write a refund down, and its share of the payment, before the provider is called.

    Under a key used before, the same refund. Raises RefundTooLargeError when less than `amount` was captured and
    not given back, PaymentConflictError when the key belongs to another refund, PaymentNotFoundError.
    """
    payment = queries.payment_by_id(db, payment_id)
    existing = queries.refund_by_key(db, key)
    if existing is None:
        if amount.currency != payment.currency or amount.amount_minor <= 0:
            raise RefundTooLargeError
        reserved = rows_changed(
            db,
            _update(Payment)
            .where(
                Payment.id == payment_id,
                Payment.state == PaymentState.SUCCEEDED,
                Payment.refunded_minor + amount.amount_minor <= Payment.amount_minor,
            )
            .values(refunded_minor=Payment.refunded_minor + amount.amount_minor),
        )
        # The update may have waited for the same refund, sent twice: then that one has reserved the amount.
        existing = queries.refund_by_key(db, key)
        if existing is None:
            if not reserved:
                raise RefundTooLargeError
            return _insert_refund(db, payment, amount, key, reason)
        if reserved:
            _release(db, payment_id, amount.amount_minor)
    if (existing.payment_id, existing.amount) != (payment_id, amount):
        raise PaymentConflictError
    return existing


def _insert_refund(db: Session, payment: Payment, amount: Money, key: str, reason: str) -> Refund:
    refund = Refund(
        payment_id=payment.id,
        amount_minor=amount.amount_minor,
        currency=payment.currency,
        reason=reason,
        key=key,
    )
    db.add(refund)
    db.flush()
    return refund


def _release(db: Session, payment_id: int, amount_minor: int) -> None:
    rows_changed(
        db,
        _update(Payment).where(Payment.id == payment_id).values(refunded_minor=Payment.refunded_minor - amount_minor),
    )


def record_new_attempt(db: Session, refund: Refund) -> bool:
    """Count another attempt at a refund that the provider does not have; False when someone else just did."""
    return bool(
        rows_changed(
            db,
            _update(Refund)
            .where(Refund.id == refund.id, Refund.attempt == refund.attempt, Refund.state == RefundState.CREATED)
            .values(attempt=Refund.attempt + 1),
        )
    )


def record_refund_outcome(db: Session, *, refund_id: int, found: FoundRefund) -> None:
    """Bring a refund to what the provider says of it; publishes RefundSucceeded or RefundFailed, each once."""
    known = queries.refund_by_id(db, refund_id)
    if known is None:
        return
    state = RefundState(found.state)
    # A bank may send money back after the provider had called the refund a success.
    before = {
        RefundState.PENDING: (RefundState.CREATED,),
        RefundState.SUCCEEDED: (RefundState.CREATED, RefundState.PENDING),
        RefundState.FAILED: (RefundState.CREATED, RefundState.PENDING, RefundState.SUCCEEDED),
    }[state]
    changed = rows_changed(
        db,
        _update(Refund)
        .where(Refund.id == refund_id, Refund.state.in_(before))
        .values(
            state=state,
            provider_refund_id=found.refund_id or None,
            failure_code=found.failure_code[:_LONGEST_CODE] if found.failure_code else None,
            ended_at=None if state is RefundState.PENDING else clock.now(),
        ),
    )
    if not changed or state is RefundState.PENDING:
        return
    payment = queries.payment_by_id(db, known.payment_id)
    if state is RefundState.FAILED:
        _release(db, payment.id, known.amount_minor)
    kind = RefundFailed if state is RefundState.FAILED else RefundSucceeded
    publish(
        db,
        kind(
            known.id,
            payment.id,
            known.key,
            payment.purpose,
            payment.reference,
            known.amount_minor,
            known.currency,
        ),
    )


def receive_event(db: Session, hint: EventHint) -> bool:
    """Keep a verified event for the worker; False when it was here before."""
    now = clock.now()
    values = {
        "provider_event_id": hint.event_id,
        "type": hint.type[:80],
        "object_id": hint.object_id,
        "attempts": 0,
        "received_at": now,
        "retry_at": now,
    }
    insert = conflict_insert(db, PaymentEvent).values(values).on_conflict_do_nothing()
    new = db.scalar(insert.returning(PaymentEvent.id)) is not None
    if new:
        wake_after_commit(db, EVENTS_JOB)
    return new


def finish_event(db: Session, event_id: int) -> None:
    """The event has had its effect, in this same transaction."""
    unhandled = _update(PaymentEvent).where(PaymentEvent.id == event_id, PaymentEvent.handled_at.is_(None))
    rows_changed(db, unhandled.values(handled_at=clock.now()))


def postpone_event(db: Session, event: PaymentEvent) -> datetime:
    """The event could not be handled now: later, each time twice as late, at most six hours. Returns when."""
    delay: timedelta = min(_FIRST_RETRY * (1 << min(event.attempts, 10)), _LAST_RETRY)
    retry_at = clock.now() + delay
    unhandled = _update(PaymentEvent).where(PaymentEvent.id == event.id, PaymentEvent.handled_at.is_(None))
    rows_changed(db, unhandled.values(attempts=PaymentEvent.attempts + 1, retry_at=retry_at))
    return retry_at
