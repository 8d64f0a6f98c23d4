"""What the shop does when a payment comes in, fails, is released or given back: in that same transaction."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.kernel.events import subscribe
from portal.kernel.money import Money
from portal.payments.events import (
    FundsAvailable,
    PaymentExpired,
    PaymentFailed,
    PaymentSucceeded,
    RefundFailed,
    RefundSucceeded,
)
from portal.payments.models import Payment
from portal.store.flows import PURPOSE
from portal.store.services import orders, refunds, sales
from portal.store.services.wallet_payment import OrderPayments
from portal.wallet.services import approvals


def payment_succeeded(db: Session, event: PaymentSucceeded) -> None:
    """Fulfil the order, once."""
    if event.purpose == PURPOSE:
        sales.settle_payment(
            db,
            public_token=event.reference,
            payment_id=event.payment_id,
            paid=Money(event.amount_minor, event.currency),
            funds_available=event.funds_available,
        )


def payment_ended(db: Session, event: PaymentFailed | PaymentExpired) -> None:
    """Give the reserved items back."""
    if event.purpose == PURPOSE:
        key = db.scalars(sa.select(Payment.key).where(Payment.id == event.payment_id)).one()
        orders.note_payment_failed(db, public_token=event.reference, key=key)


def funds_available(db: Session, event: FundsAvailable) -> None:
    """The merchant's money can be used."""
    if event.purpose == PURPOSE:
        sales.settle(db, payment_id=event.payment_id)


def refund_succeeded(db: Session, event: RefundSucceeded) -> None:
    """Note it on the order, and tell the shopper."""
    refund = refunds.by_key(db, event.key) if event.purpose == PURPOSE else None
    if refund is not None:
        refunds.finish(db, refund)


def refund_failed(db: Session, event: RefundFailed) -> None:
    """The merchant has the money again."""
    refund = refunds.by_key(db, event.key) if event.purpose == PURPOSE else None
    if refund is not None:
        refunds.give_up(db, refund)


_order_payments = OrderPayments()


def register() -> None:
    """Subscribe to what payments tell, and answer for orders paid from a wallet."""
    approvals.register(PURPOSE, _order_payments)
    subscribe(PaymentSucceeded, payment_succeeded)
    subscribe(PaymentFailed, payment_ended)
    subscribe(PaymentExpired, payment_ended)
    subscribe(FundsAvailable, funds_available)
    subscribe(RefundSucceeded, refund_succeeded)
    subscribe(RefundFailed, refund_failed)
