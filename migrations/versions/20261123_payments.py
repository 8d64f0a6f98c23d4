"""Payments and payment events."""

import sqlalchemy as sa
from alembic import op

revision = "20261123_payments"
down_revision = "20261123_messaging"
branch_labels = None
depends_on = None

# An end is final, and what was asked is never changed afterwards: states go forwards only.
_FORWARD = {
    "payments": (
        "OLD.state IN ('succeeded', 'failed', 'expired') AND NEW.state <> OLD.state"
        " OR OLD.state = 'pending' AND NEW.state = 'created'"
        " OR (OLD.id, OLD.public_id, OLD.purpose, OLD.reference, OLD.amount_minor, OLD.currency, OLD.key)"
        " <> (NEW.id, NEW.public_id, NEW.purpose, NEW.reference, NEW.amount_minor, NEW.currency, NEW.key)"
    ),
    "refunds": (
        # A bank may send a refund back after it had succeeded.
        "OLD.state = 'failed' AND NEW.state <> 'failed'"
        " OR OLD.state = 'succeeded' AND NEW.state NOT IN ('succeeded', 'failed')"
        " OR OLD.state = 'pending' AND NEW.state = 'created'"
        " OR (OLD.id, OLD.public_id, OLD.payment_id, OLD.amount_minor, OLD.currency, OLD.key)"
        " <> (NEW.id, NEW.public_id, NEW.payment_id, NEW.amount_minor, NEW.currency, NEW.key)"
    ),
}

_REFUSE = """
CREATE FUNCTION payments_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'payments: this change of % is refused', TG_TABLE_NAME USING ERRCODE = 'PY000';
END $$
"""


def _create_triggers() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    if postgresql:
        op.execute(sa.text(_REFUSE))
    for table, refused in _FORWARD.items():
        if postgresql:
            op.execute(
                f"CREATE TRIGGER {table}_forward BEFORE UPDATE ON {table} FOR EACH ROW"
                f" WHEN ({refused}) EXECUTE FUNCTION payments_refuse()"
            )
        else:
            op.execute(
                f"CREATE TRIGGER {table}_forward BEFORE UPDATE ON {table} WHEN {refused} BEGIN"
                f" SELECT RAISE(ABORT, 'payments: this change of {table} is refused'); END"
            )


def upgrade() -> None:
    """Build."""
    op.create_table(
        "payment_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("provider_event_id", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("object_id", sa.String(length=255), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_events")),
        sa.UniqueConstraint("provider_event_id", name=op.f("uq_payment_events_provider_event_id")),
    )
    op.create_index(
        "ix_payment_events_unhandled",
        "payment_events",
        ["retry_at"],
        unique=False,
        sqlite_where=sa.text("handled_at IS NULL"),
        postgresql_where=sa.text("handled_at IS NULL"),
    )
    op.create_table(
        "payments",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=43), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=120), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "created",
                "pending",
                "succeeded",
                "failed",
                "expired",
                name="payment_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("success_path", sa.String(length=500), nullable=False),
        sa.Column("cancel_path", sa.String(length=500), nullable=False),
        sa.Column("provider_session_id", sa.String(length=255), nullable=True),
        sa.Column("provider_payment_id", sa.String(length=255), nullable=True),
        sa.Column("checkout_url", sa.Text(), nullable=True),
        sa.Column("card_brand", sa.String(length=32), nullable=True),
        sa.Column("card_last4", sa.String(length=4), nullable=True),
        sa.Column("failure_code", sa.String(length=64), nullable=True),
        sa.Column("provider_fee_minor", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("available_on", sa.DateTime(timezone=True), nullable=True),
        sa.Column("funds_available_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'succeeded') = (succeeded_at IS NOT NULL)", name=op.f("ck_payments_succeeded_at")),
        sa.CheckConstraint(
            "funds_available_at IS NULL OR state = 'succeeded'", name=op.f("ck_payments_funds_of_a_success")
        ),
        sa.CheckConstraint(
            "refunded_minor = 0 OR state = 'succeeded'", name=op.f("ck_payments_refunded_only_what_succeeded")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payments_amount")),
        sa.CheckConstraint("attempt > 0", name=op.f("ck_payments_attempt")),
        sa.CheckConstraint(
            "refunded_minor BETWEEN 0 AND amount_minor", name=op.f("ck_payments_refunded_at_most_the_amount")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("key", name=op.f("uq_payments_key")),
        sa.UniqueConstraint("provider_payment_id", name=op.f("uq_payments_provider_payment_id")),
        sa.UniqueConstraint("provider_session_id", name=op.f("uq_payments_provider_session_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_payments_public_id")),
    )
    op.create_index(
        "ix_payments_funds_awaited",
        "payments",
        ["available_on"],
        unique=False,
        sqlite_where=sa.text("state = 'succeeded' AND funds_available_at IS NULL"),
        postgresql_where=sa.text("state = 'succeeded' AND funds_available_at IS NULL"),
    )
    op.create_index(op.f("ix_payments_purpose_reference"), "payments", ["purpose", "reference"], unique=False)
    op.create_index(op.f("ix_payments_state_created_at"), "payments", ["state", "created_at"], unique=False)
    op.create_table(
        "refunds",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=43), nullable=False),
        sa.Column("payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "created",
                "pending",
                "succeeded",
                "failed",
                name="refund_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("provider_refund_id", sa.String(length=255), nullable=True),
        sa.Column("failure_code", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refunds_amount")),
        sa.CheckConstraint("attempt > 0", name=op.f("ck_refunds_attempt")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id_payments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("key", name=op.f("uq_refunds_key")),
        sa.UniqueConstraint("provider_refund_id", name=op.f("uq_refunds_provider_refund_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_refunds_public_id")),
    )
    op.create_index(op.f("ix_refunds_payment_id"), "refunds", ["payment_id"], unique=False)
    op.create_index(op.f("ix_refunds_state_created_at"), "refunds", ["state", "created_at"], unique=False)
    _create_triggers()


def downgrade() -> None:
    """Take down."""
    op.drop_index(op.f("ix_refunds_state_created_at"), table_name="refunds")
    op.drop_index(op.f("ix_refunds_payment_id"), table_name="refunds")
    op.drop_table("refunds")
    op.drop_index(op.f("ix_payments_state_created_at"), table_name="payments")
    op.drop_index(op.f("ix_payments_purpose_reference"), table_name="payments")
    op.drop_index(
        "ix_payments_funds_awaited",
        table_name="payments",
        sqlite_where=sa.text("state = 'succeeded' AND funds_available_at IS NULL"),
        postgresql_where=sa.text("state = 'succeeded' AND funds_available_at IS NULL"),
    )
    op.drop_table("payments")
    op.drop_index(
        "ix_payment_events_unhandled",
        table_name="payment_events",
        sqlite_where=sa.text("handled_at IS NULL"),
        postgresql_where=sa.text("handled_at IS NULL"),
    )
    op.drop_table("payment_events")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION payments_refuse")
