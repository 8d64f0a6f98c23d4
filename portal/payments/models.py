"""Payments by card: what was asked of the provider, what came of it, and what was given back.

Each row that leads to a call of the provider is written before the call, with the idempotency key of that call.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock, ids
from portal.kernel.db import Base, Id, str_enum
from portal.kernel.money import Money


class PaymentState(StrEnum):
    """Only ever forwards: created, then pending at the provider, then one of the three ends."""

    CREATED = "created"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"


OPEN_STATES = (PaymentState.CREATED, PaymentState.PENDING)


class RefundState(StrEnum):
    """Only ever forwards, as a payment's."""

    CREATED = "created"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


OPEN_REFUND_STATES = (RefundState.CREATED, RefundState.PENDING)


class Payment(Base):
    """One amount asked of a payer on the provider's page, for one purpose."""

    __tablename__ = "payments"
    __table_args__ = (
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.CheckConstraint("attempt > 0", name="attempt"),
        sa.CheckConstraint("refunded_minor BETWEEN 0 AND amount_minor", name="refunded_at_most_the_amount"),
        sa.CheckConstraint("refunded_minor = 0 OR state = 'succeeded'", name="refunded_only_what_succeeded"),
        sa.CheckConstraint("(state = 'succeeded') = (succeeded_at IS NOT NULL)", name="succeeded_at"),
        sa.CheckConstraint("funds_available_at IS NULL OR state = 'succeeded'", name="funds_of_a_success"),
        sa.Index(None, "purpose", "reference"),
        sa.Index(None, "state", "created_at"),
        sa.Index(
            "ix_payments_funds_awaited",
            "available_on",
            sqlite_where=sa.text("state = 'succeeded' AND funds_available_at IS NULL"),
            postgresql_where=sa.text("state = 'succeeded' AND funds_available_at IS NULL"),
        ),
    )

    id: Mapped[Id]
    public_id: Mapped[str] = mapped_column(sa.String(43), unique=True, default=ids.token)
    purpose: Mapped[str] = mapped_column(sa.String(32))
    reference: Mapped[str] = mapped_column(sa.String(120))
    amount_minor: Mapped[int] = mapped_column(sa.BigInteger())
    currency: Mapped[str] = mapped_column(sa.String(3))
    state: Mapped[PaymentState] = mapped_column(str_enum(PaymentState, "payment_state"), default=PaymentState.CREATED)
    refunded_minor: Mapped[int] = mapped_column(sa.BigInteger(), default=0)
    # The caller's key, which is also the provider's: the request can be repeated word for word.
    key: Mapped[str] = mapped_column(sa.String(120), unique=True)
    # The provider repeats its stored answer to a key, a failure of its own too: a new attempt needs a new key.
    attempt: Mapped[int] = mapped_column(default=1)
    request: Mapped[dict[str, Any]] = mapped_column(sa.JSON())
    success_path: Mapped[str] = mapped_column(sa.String(500))
    cancel_path: Mapped[str] = mapped_column(sa.String(500))
    provider_session_id: Mapped[str | None] = mapped_column(sa.String(255), unique=True)
    provider_payment_id: Mapped[str | None] = mapped_column(sa.String(255), unique=True)
    checkout_url: Mapped[str | None] = mapped_column(sa.Text())
    card_brand: Mapped[str | None] = mapped_column(sa.String(32))
    card_last4: Mapped[str | None] = mapped_column(sa.String(4))
    failure_code: Mapped[str | None] = mapped_column(sa.String(64))
    provider_fee_minor: Mapped[int | None] = mapped_column(sa.BigInteger())
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    succeeded_at: Mapped[datetime | None]
    available_on: Mapped[datetime | None]
    funds_available_at: Mapped[datetime | None]

    @property
    def amount(self) -> Money:
        """What was asked."""
        return Money(self.amount_minor, self.currency)

    @property
    def refundable(self) -> Money:
        """What can still be given back."""
        captured = self.amount_minor if self.state is PaymentState.SUCCEEDED else 0
        return Money(captured - self.refunded_minor, self.currency)


class Refund(Base):
    """An amount given back to the card it came from. Its share of the payment is reserved before the call."""

    __tablename__ = "refunds"
    __table_args__ = (
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.CheckConstraint("attempt > 0", name="attempt"),
        sa.Index(None, "state", "created_at"),
    )

    id: Mapped[Id]
    public_id: Mapped[str] = mapped_column(sa.String(43), unique=True, default=ids.token)
    payment_id: Mapped[int] = mapped_column(sa.ForeignKey("payments.id"), index=True)
    amount_minor: Mapped[int] = mapped_column(sa.BigInteger())
    currency: Mapped[str] = mapped_column(sa.String(3))
    reason: Mapped[str] = mapped_column(sa.String(200), default="")
    state: Mapped[RefundState] = mapped_column(str_enum(RefundState, "refund_state"), default=RefundState.CREATED)
    key: Mapped[str] = mapped_column(sa.String(120), unique=True)
    attempt: Mapped[int] = mapped_column(default=1)
    provider_refund_id: Mapped[str | None] = mapped_column(sa.String(255), unique=True)
    failure_code: Mapped[str | None] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    ended_at: Mapped[datetime | None]

    @property
    def amount(self) -> Money:
        """What is given back."""
        return Money(self.amount_minor, self.currency)


class PaymentEvent(Base):
    """Something the provider told us, once. It is only a hint: the worker fetches the object itself."""

    __tablename__ = "payment_events"
    __table_args__ = (
        sa.Index(
            "ix_payment_events_unhandled",
            "retry_at",
            sqlite_where=sa.text("handled_at IS NULL"),
            postgresql_where=sa.text("handled_at IS NULL"),
        ),
    )

    id: Mapped[Id]
    provider_event_id: Mapped[str] = mapped_column(sa.String(255), unique=True)
    type: Mapped[str] = mapped_column(sa.String(80))
    object_id: Mapped[str] = mapped_column(sa.String(255))
    attempts: Mapped[int] = mapped_column(default=0)
    received_at: Mapped[datetime] = mapped_column(default=clock.now)
    retry_at: Mapped[datetime] = mapped_column(default=clock.now)
    handled_at: Mapped[datetime | None]
