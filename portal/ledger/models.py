"""The ledger's tables. Private to the ledger: other features use its services and queries.

A balance is what its account is owed: credits less debits. Money that the provider keeps for the portal is
therefore a negative balance of `provider_balance`, and all balances together are zero.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, BigId, Id, str_enum
from portal.ledger.kinds import NEVER_NEGATIVE, OF_THE_PORTAL, AccountKind, TransactionState


def _listed(kinds: tuple[AccountKind, ...]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)


class Account(Base):
    """One pot of one currency. Its id never changes hands; its balance is in `balances`."""

    __tablename__ = "accounts"
    __table_args__ = (
        sa.UniqueConstraint("id", "currency", "kind"),
        sa.Index("uq_accounts_owner_id_kind_currency", "owner_id", "kind", "currency", unique=True),
        sa.Index(
            "uq_accounts_kind_currency",
            "kind",
            "currency",
            unique=True,
            sqlite_where=sa.text("owner_id IS NULL"),
            postgresql_where=sa.text("owner_id IS NULL"),
        ),
        sa.CheckConstraint("length(currency) = 3", name="currency"),
        sa.CheckConstraint(f"(owner_id IS NULL) = (kind IN ({_listed(OF_THE_PORTAL)}))", name="owner"),
    )

    id: Mapped[Id]
    kind: Mapped[AccountKind] = mapped_column(str_enum(AccountKind, "account_kind"))
    currency: Mapped[str] = mapped_column(sa.String(3))
    owner_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[datetime]


class Balance(Base):
    """Credits less debits of an account. It is made with its account; then only the trigger on postings writes it."""

    __tablename__ = "balances"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["account_id", "currency", "kind"], ["accounts.id", "accounts.currency", "accounts.kind"]
        ),
        sa.CheckConstraint(f"amount_minor >= 0 OR kind NOT IN ({_listed(NEVER_NEGATIVE)})", name="never_negative"),
        {"postgresql_with": {"fillfactor": 70}},
    )

    account_id: Mapped[Id]
    currency: Mapped[str] = mapped_column(sa.String(3), primary_key=True)
    kind: Mapped[AccountKind] = mapped_column(sa.String(32))
    amount_minor: Mapped[int] = mapped_column(sa.BigInteger())
    last_posting_id: Mapped[int | None] = mapped_column(sa.BigInteger())


class Transaction(Base):
    """What happened, once: its key is unique, and its body is remembered to tell a repeat from a mistake."""

    __tablename__ = "transactions"
    __table_args__ = (
        sa.CheckConstraint("reverses_id IS NULL OR settles_id IS NULL", name="one_purpose"),
        sa.CheckConstraint("length(body_hash) = 64", name="body_hash"),
        sa.CheckConstraint("line_count > 0", name="line_count"),
        # Partial: nearly every transaction is neither, and would cost two entries of nothing.
        *(
            sa.Index(
                f"uq_transactions_{column}",
                column,
                unique=True,
                sqlite_where=sa.text(f"{column} IS NOT NULL"),
                postgresql_where=sa.text(f"{column} IS NOT NULL"),
            )
            for column in ("reverses_id", "settles_id")
        ),
    )

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(sa.String(120), unique=True)
    body_hash: Mapped[str] = mapped_column(sa.String(64))
    kind: Mapped[str] = mapped_column(sa.String(40))
    reference: Mapped[str] = mapped_column(sa.String(120), default="")
    state: Mapped[TransactionState] = mapped_column(str_enum(TransactionState, "transaction_state"))
    reverses_id: Mapped[int | None] = mapped_column(sa.ForeignKey("transactions.id"))
    settles_id: Mapped[int | None] = mapped_column(sa.ForeignKey("transactions.id"))
    line_count: Mapped[int] = mapped_column(sa.SmallInteger())
    occurred_at: Mapped[datetime]


class Posting(Base):
    """An amount moved from the debited account to the credited one, in their currency.

    The foreign keys go to the balances: that row is locked by the posting anyway, so checking them costs no
    other lock, and an account of another currency has no such row.
    """

    __tablename__ = "postings"
    __table_args__ = (
        sa.ForeignKeyConstraint(["debit_id", "currency"], ["balances.account_id", "balances.currency"]),
        sa.ForeignKeyConstraint(["credit_id", "currency"], ["balances.account_id", "balances.currency"]),
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.CheckConstraint("debit_id <> credit_id", name="two_accounts"),
        sa.CheckConstraint("position >= 0", name="position"),
        sa.UniqueConstraint("transaction_id", "position"),
        sa.Index(None, "debit_id", "occurred_at", "id"),
        sa.Index(None, "credit_id", "occurred_at", "id"),
    )

    id: Mapped[Id]
    transaction_id: Mapped[int] = mapped_column(sa.ForeignKey("transactions.id"))
    position: Mapped[int] = mapped_column(sa.SmallInteger())
    debit_id: Mapped[int] = mapped_column(BigId)
    credit_id: Mapped[int] = mapped_column(BigId)
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount_minor: Mapped[int] = mapped_column(sa.BigInteger())
    occurred_at: Mapped[datetime]
