"""Wallets, transfers, PINs and approvals."""

import sqlalchemy as sa
from alembic import op

revision = "20261123_wallet"
down_revision = "20261123_payments"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build."""
    op.create_table(
        "approvals",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("payee", sa.String(length=260), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("binding", sa.String(length=64), nullable=False),
        sa.Column(
            "state",
            sa.Enum("pending", "used", "void", name="state", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'used') = (used_at IS NOT NULL)", name=op.f("ck_approvals_used_at")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_approvals_amount")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_approvals_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        sa.UniqueConstraint("public_id", name=op.f("uq_approvals_public_id")),
    )
    op.create_index("ix_approvals_kind_reference", "approvals", ["kind", "reference"], unique=False)
    op.create_index("ix_approvals_user_id_used_at", "approvals", ["user_id", "used_at"], unique=False)
    op.create_index(
        "uq_approvals_kind_reference_used",
        "approvals",
        ["kind", "reference"],
        unique=True,
        sqlite_where=sa.text("state = 'used'"),
        postgresql_where=sa.text("state = 'used'"),
    )
    op.create_table(
        "pin_resets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("tries BETWEEN 0 AND 5", name=op.f("ck_pin_resets_tries")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_pin_resets_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pin_resets")),
    )
    op.create_index(op.f("ix_pin_resets_user_id"), "pin_resets", ["user_id"], unique=False)
    op.create_table(
        "pins",
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hash", sa.String(length=200), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("locks", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("new_payees_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("locks >= 0", name=op.f("ck_pins_locks")),
        sa.CheckConstraint("tries BETWEEN 0 AND 5", name=op.f("ck_pins_tries")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_pins_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_pins")),
    )
    op.create_table(
        "top_ups",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending", "completed", "failed", name="state", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("form_key", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_top_ups_amount")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_top_ups_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_top_ups")),
        sa.UniqueConstraint("public_id", name=op.f("uq_top_ups_public_id")),
        sa.UniqueConstraint("user_id", "form_key", name=op.f("uq_top_ups_user_id_form_key")),
    )
    op.create_table(
        "money_requests",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("requester_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("payer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("note", sa.String(length=140), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "requested",
                "paid",
                "declined",
                "cancelled",
                "expired",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("pay_by", sa.Date(), nullable=False),
        sa.Column("conversation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("form_key", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_money_requests_amount")),
        sa.CheckConstraint("requester_id <> payer_id", name=op.f("ck_money_requests_two_people")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_money_requests_conversation_id_conversations")
        ),
        sa.ForeignKeyConstraint(["payer_id"], ["users.id"], name=op.f("fk_money_requests_payer_id_users")),
        sa.ForeignKeyConstraint(["requester_id"], ["users.id"], name=op.f("fk_money_requests_requester_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_money_requests")),
        sa.UniqueConstraint("public_id", name=op.f("uq_money_requests_public_id")),
        sa.UniqueConstraint("requester_id", "form_key", name=op.f("uq_money_requests_requester_id_form_key")),
    )
    op.create_index("ix_money_requests_payer_id_state", "money_requests", ["payer_id", "state"], unique=False)
    op.create_index("ix_money_requests_state_pay_by", "money_requests", ["state", "pay_by"], unique=False)
    op.create_table(
        "transfers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("sender_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("payee_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("payee_email", sa.String(length=254), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("note", sa.String(length=140), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "awaiting_approval",
                "completed",
                "waiting",
                "declined",
                "cancelled",
                "expired",
                "returned",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("money_request_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("conversation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("form_key", sa.String(length=64), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state <> 'completed' OR payee_id IS NOT NULL", name=op.f("ck_transfers_completed_to_someone")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_transfers_amount")),
        sa.CheckConstraint("payee_id IS NOT NULL OR payee_email IS NOT NULL", name=op.f("ck_transfers_payee")),
        sa.CheckConstraint("payee_id IS NULL OR payee_id <> sender_id", name=op.f("ck_transfers_two_people")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_transfers_conversation_id_conversations")
        ),
        sa.ForeignKeyConstraint(
            ["money_request_id"], ["money_requests.id"], name=op.f("fk_transfers_money_request_id_money_requests")
        ),
        sa.ForeignKeyConstraint(["payee_id"], ["users.id"], name=op.f("fk_transfers_payee_id_users")),
        sa.ForeignKeyConstraint(["sender_id"], ["users.id"], name=op.f("fk_transfers_sender_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
        sa.UniqueConstraint("public_id", name=op.f("uq_transfers_public_id")),
        sa.UniqueConstraint(
            "sender_id", "form_key", "request_hash", name=op.f("uq_transfers_sender_id_form_key_request_hash")
        ),
    )
    op.create_index(op.f("ix_transfers_money_request_id"), "transfers", ["money_request_id"], unique=False)
    op.create_index(op.f("ix_transfers_payee_email"), "transfers", ["payee_email"], unique=False)
    op.create_index(op.f("ix_transfers_payee_id"), "transfers", ["payee_id"], unique=False)
    op.create_index("ix_transfers_sender_id_payee_id", "transfers", ["sender_id", "payee_id"], unique=False)
    op.create_index("ix_transfers_state_created_at", "transfers", ["state", "created_at"], unique=False)
    op.create_index(
        "uq_transfers_money_request_id_completed",
        "transfers",
        ["money_request_id"],
        unique=True,
        sqlite_where=sa.text("state = 'completed'"),
        postgresql_where=sa.text("state = 'completed'"),
    )


def downgrade() -> None:
    """Take down."""
    op.drop_index(
        "uq_transfers_money_request_id_completed",
        table_name="transfers",
        sqlite_where=sa.text("state = 'completed'"),
        postgresql_where=sa.text("state = 'completed'"),
    )
    op.drop_index("ix_transfers_state_created_at", table_name="transfers")
    op.drop_index("ix_transfers_sender_id_payee_id", table_name="transfers")
    op.drop_index(op.f("ix_transfers_payee_id"), table_name="transfers")
    op.drop_index(op.f("ix_transfers_payee_email"), table_name="transfers")
    op.drop_index(op.f("ix_transfers_money_request_id"), table_name="transfers")
    op.drop_table("transfers")
    op.drop_index("ix_money_requests_state_pay_by", table_name="money_requests")
    op.drop_index("ix_money_requests_payer_id_state", table_name="money_requests")
    op.drop_table("money_requests")
    op.drop_table("top_ups")
    op.drop_table("pins")
    op.drop_index(op.f("ix_pin_resets_user_id"), table_name="pin_resets")
    op.drop_table("pin_resets")
    op.drop_index(
        "uq_approvals_kind_reference_used",
        table_name="approvals",
        sqlite_where=sa.text("state = 'used'"),
        postgresql_where=sa.text("state = 'used'"),
    )
    op.drop_index("ix_approvals_user_id_used_at", table_name="approvals")
    op.drop_index("ix_approvals_kind_reference", table_name="approvals")
    op.drop_table("approvals")
