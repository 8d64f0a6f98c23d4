"""What moves between people, what they ask of each other, and how they approve it. The money itself is the ledger's."""

from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock
from portal.kernel.db import Base, Id, str_enum
from portal.kernel.money import Money


class TransferState(StrEnum):
    """Where a transfer is. Only `completed` and `waiting` ones have moved money."""

    AWAITING_APPROVAL = "awaiting_approval"
    COMPLETED = "completed"
    WAITING = "waiting"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    RETURNED = "returned"


class Transfer(Base):
    """Money on its way from one person to another, or to an e-mail address that is not yet a user's.

    The same form sent twice is the same transfer: its key and the hash of what it says are unique for a sender.
    """

    __tablename__ = "transfers"
    __table_args__ = (
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.CheckConstraint("payee_id IS NOT NULL OR payee_email IS NOT NULL", name="payee"),
        sa.CheckConstraint("payee_id IS NULL OR payee_id <> sender_id", name="two_people"),
        sa.CheckConstraint("state <> 'completed' OR payee_id IS NOT NULL", name="completed_to_someone"),
        sa.UniqueConstraint("sender_id", "form_key", "request_hash"),
        sa.Index("ix_transfers_sender_id_payee_id", "sender_id", "payee_id"),
        sa.Index("ix_transfers_state_created_at", "state", "created_at"),
        # A money request is paid once.
        sa.Index(
            "uq_transfers_money_request_id_completed",
            "money_request_id",
            unique=True,
            sqlite_where=sa.text("state = 'completed'"),
            postgresql_where=sa.text("state = 'completed'"),
        ),
    )

    id: Mapped[Id]
    public_id: Mapped[str] = mapped_column(sa.String(26), unique=True)
    sender_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    payee_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"), index=True)
    payee_email: Mapped[str | None] = mapped_column(sa.String(254), index=True)
    amount_minor: Mapped[int] = mapped_column(sa.BigInteger)
    currency: Mapped[str] = mapped_column(sa.String(3))
    note: Mapped[str] = mapped_column(sa.String(140), default="")
    state: Mapped[TransferState] = mapped_column(
        str_enum(TransferState, "state"), default=TransferState.AWAITING_APPROVAL
    )
    money_request_id: Mapped[int | None] = mapped_column(sa.ForeignKey("money_requests.id"), index=True)
    conversation_id: Mapped[int | None] = mapped_column(sa.ForeignKey("conversations.id"))
    form_key: Mapped[str] = mapped_column(sa.String(64))
    request_hash: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    # When the money left the sender, and when it found its end: arrived, taken back or returned.
    sent_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    @property
    def amount(self) -> Money:
        """What is sent."""
        return Money(self.amount_minor, self.currency)


class RequestState(StrEnum):
    """What became of a money request."""

    REQUESTED = "requested"
    PAID = "paid"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class MoneyRequest(Base):
    """Someone asks someone for money. It moves nothing: paying it is a transfer like any other."""

    __tablename__ = "money_requests"
    __table_args__ = (
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.CheckConstraint("requester_id <> payer_id", name="two_people"),
        sa.UniqueConstraint("requester_id", "form_key"),
        sa.Index("ix_money_requests_payer_id_state", "payer_id", "state"),
        sa.Index("ix_money_requests_state_pay_by", "state", "pay_by"),
    )

    id: Mapped[Id]
    public_id: Mapped[str] = mapped_column(sa.String(26), unique=True)
    requester_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    payer_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    amount_minor: Mapped[int] = mapped_column(sa.BigInteger)
    currency: Mapped[str] = mapped_column(sa.String(3))
    note: Mapped[str] = mapped_column(sa.String(140), default="")
    state: Mapped[RequestState] = mapped_column(str_enum(RequestState, "state"), default=RequestState.REQUESTED)
    pay_by: Mapped[date]
    conversation_id: Mapped[int] = mapped_column(sa.ForeignKey("conversations.id"))
    form_key: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    ended_at: Mapped[datetime | None]

    @property
    def amount(self) -> Money:
        """What is asked for."""
        return Money(self.amount_minor, self.currency)


class ApprovalState(StrEnum):
    """An approval waits for its PIN, was used once, or is void for good."""

    PENDING = "pending"
    USED = "used"
    VOID = "void"


class Approval(Base):
    """Leave to make one payment, bound to amount, currency, payee and source.

    `kind` and `reference` name what is paid (a transfer, an order); its owner executes it. `binding` is a hash of
    everything the payer was shown: it is computed again from the thing itself before it is used.
    Rule: Regulation (EU) 2018/389, articles 4 and 5 (code bound to amount and payee, five failures, five minutes).
    """

    __tablename__ = "approvals"
    __table_args__ = (
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.CheckConstraint("(state = 'used') = (used_at IS NOT NULL)", name="used_at"),
        sa.Index("ix_approvals_user_id_used_at", "user_id", "used_at"),
        sa.Index("ix_approvals_kind_reference", "kind", "reference"),
        # What is paid is paid once, however many approvals were asked for it.
        sa.Index(
            "uq_approvals_kind_reference_used",
            "kind",
            "reference",
            unique=True,
            sqlite_where=sa.text("state = 'used'"),
            postgresql_where=sa.text("state = 'used'"),
        ),
    )

    id: Mapped[Id]
    public_id: Mapped[str] = mapped_column(sa.String(26), unique=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    kind: Mapped[str] = mapped_column(sa.String(32))
    reference: Mapped[str] = mapped_column(sa.String(64))
    payee: Mapped[str] = mapped_column(sa.String(260))
    source: Mapped[str] = mapped_column(sa.String(64))
    amount_minor: Mapped[int] = mapped_column(sa.BigInteger)
    currency: Mapped[str] = mapped_column(sa.String(3))
    binding: Mapped[str] = mapped_column(sa.String(64))
    state: Mapped[ApprovalState] = mapped_column(str_enum(ApprovalState, "state"), default=ApprovalState.PENDING)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    @property
    def amount(self) -> Money:
        """What is approved."""
        return Money(self.amount_minor, self.currency)


class Pin(Base):
    """A user's PIN, as Argon2id over an HMAC whose key is outside the database, and the tries against it.

    `tries` counts those not yet followed by a right one; the fifth locks at once, before it is verified.
    """

    __tablename__ = "pins"
    __table_args__ = (
        sa.CheckConstraint("tries BETWEEN 0 AND 5", name="tries"),
        sa.CheckConstraint("locks >= 0", name="locks"),
    )

    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(sa.String(200))
    tries: Mapped[int] = mapped_column(default=0)
    locks: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    # After a reset nothing goes to a new payee before this.
    new_payees_from: Mapped[datetime | None]
    changed_at: Mapped[datetime] = mapped_column(default=clock.now)


class PinReset(Base):
    """A code sent by e-mail to choose a new PIN: 15 minutes, five tries, used once."""

    __tablename__ = "pin_resets"
    __table_args__ = (sa.CheckConstraint("tries BETWEEN 0 AND 5", name="tries"),)

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    code_hash: Mapped[str] = mapped_column(sa.String(64))
    tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class TopUpState(StrEnum):
    """What became of a top-up."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


class TopUp(Base):
    """Money a person adds to their wallet by card; the payment itself belongs to payments."""

    __tablename__ = "top_ups"
    __table_args__ = (
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.UniqueConstraint("user_id", "form_key"),
    )

    id: Mapped[Id]
    public_id: Mapped[str] = mapped_column(sa.String(26), unique=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    amount_minor: Mapped[int] = mapped_column(sa.BigInteger)
    currency: Mapped[str] = mapped_column(sa.String(3))
    state: Mapped[TopUpState] = mapped_column(str_enum(TopUpState, "state"), default=TopUpState.PENDING)
    form_key: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    ended_at: Mapped[datetime | None]

    @property
    def amount(self) -> Money:
        """What is added."""
        return Money(self.amount_minor, self.currency)
