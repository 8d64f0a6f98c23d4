"""Reading payments, their refunds and the provider's events."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.kernel import clock
from portal.payments.errors import PaymentNotFoundError
from portal.payments.models import (
    OPEN_REFUND_STATES,
    OPEN_STATES,
    Payment,
    PaymentEvent,
    PaymentState,
    Refund,
)

_BATCH = 200


def payment_by_public_id(db: Session, public_id: str) -> Payment:
    """The payment that this unguessable id names. Raises PaymentNotFoundError."""
    return _one(db, Payment.public_id == public_id)


def payment_by_id(db: Session, payment_id: int) -> Payment:
    """A payment. Raises PaymentNotFoundError."""
    return _one(db, Payment.id == payment_id)


def _one(db: Session, condition: sa.ColumnElement[bool]) -> Payment:
    # populate_existing: conditional updates go past the session's copy.
    found = db.scalars(sa.select(Payment).where(condition).execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise PaymentNotFoundError
    return found


def payment_id_of(db: Session, public_id: str) -> int | None:
    """The id behind an unguessable id; None when the payment is not ours."""
    return db.scalar(sa.select(Payment.id).where(Payment.public_id == public_id))


def payment_by_key(db: Session, key: str) -> Payment | None:
    """The payment that was begun under a key, if any."""
    return db.scalars(
        sa.select(Payment).where(Payment.key == key).execution_options(populate_existing=True)
    ).one_or_none()


def payments_for(db: Session, *, purpose: str, reference: str) -> list[Payment]:
    """The payments begun for one thing, latest first."""
    return list(
        db.scalars(
            sa.select(Payment)
            .where(Payment.purpose == purpose, Payment.reference == reference)
            .order_by(Payment.id.desc())
        )
    )


def refund_by_id(db: Session, refund_id: int) -> Refund | None:
    """A refund, if it exists."""
    return db.scalars(
        sa.select(Refund).where(Refund.id == refund_id).execution_options(populate_existing=True)
    ).one_or_none()


def refund_by_public_id(db: Session, public_id: str) -> Refund | None:
    """The refund that carries our id, if it exists."""
    return db.scalars(
        sa.select(Refund).where(Refund.public_id == public_id).execution_options(populate_existing=True)
    ).one_or_none()


def refund_by_key(db: Session, key: str) -> Refund | None:
    """The refund that was begun under a key, if any."""
    return db.scalars(
        sa.select(Refund).where(Refund.key == key).execution_options(populate_existing=True)
    ).one_or_none()


def refunds_of(db: Session, payment_id: int) -> list[Refund]:
    """All refunds of a payment, latest first."""
    return list(db.scalars(sa.select(Refund).where(Refund.payment_id == payment_id).order_by(Refund.id.desc())))


def open_payments(db: Session, *, older_than: timedelta, after_id: int = 0) -> list[Payment]:
    """Payments that have not ended `older_than` after they began: a batch of those with an id above `after_id`."""
    return list(
        db.scalars(
            sa.select(Payment)
            .where(
                Payment.state.in_(OPEN_STATES),
                Payment.created_at < clock.now() - older_than,
                Payment.id > after_id,
            )
            .order_by(Payment.id)
            .limit(_BATCH)
        )
    )


def open_refunds(db: Session, *, older_than: timedelta, after_id: int = 0) -> list[Refund]:
    """Refunds that have not ended `older_than` after they began: a batch of those with an id above `after_id`."""
    return list(
        db.scalars(
            sa.select(Refund)
            .where(
                Refund.state.in_(OPEN_REFUND_STATES),
                Refund.created_at < clock.now() - older_than,
                Refund.id > after_id,
            )
            .order_by(Refund.id)
            .limit(_BATCH)
        )
    )


def payments_awaiting_funds(db: Session, *, after_id: int = 0) -> list[Payment]:
    """Payments whose money should be available by now: a batch of those with an id above `after_id`."""
    return list(
        db.scalars(
            sa.select(Payment)
            .where(
                Payment.state == PaymentState.SUCCEEDED,
                Payment.funds_available_at.is_(None),
                sa.or_(Payment.available_on.is_(None), Payment.available_on <= clock.now()),
                Payment.id > after_id,
            )
            .order_by(Payment.id)
            .limit(_BATCH)
        )
    )


def unhandled_events(db: Session, *, at: datetime) -> list[PaymentEvent]:
    """A batch of events that wait for the worker at this moment, oldest first."""
    return list(
        db.scalars(
            sa.select(PaymentEvent)
            .where(PaymentEvent.handled_at.is_(None), PaymentEvent.retry_at <= at)
            .order_by(PaymentEvent.id)
            .limit(_BATCH)
        )
    )


def event_count(db: Session) -> int:
    """How many events of the provider are kept."""
    return db.scalars(sa.select(sa.func.count()).select_from(PaymentEvent)).one()
