"""Certificates: what was issued never changes, and is never deleted."""

import sqlalchemy as sa
from alembic import op

revision = "20261123_certificates"
down_revision = "20261123_forum"
branch_labels = None
depends_on = None

# What is printed, signed and verified. The state, its dates and the holder's link are the rest.
_SNAPSHOT = (
    "id, serial, code, programme_id, supersedes_id, printed_name, printed_shop, language, programme_title, "
    "training_minutes, counted, needed, first_on, last_on, lessons, issued_at"
)
# Only a valid certificate changes state; the holder can be taken away (erasure), never exchanged.
_FORBIDDEN = """
    (NEW.user_id IS NOT NULL AND (OLD.user_id IS NULL OR NEW.user_id <> OLD.user_id))
    OR (OLD.state <> 'valid' AND (
        NEW.state <> OLD.state
        OR COALESCE(NEW.revocation_reason, '') <> COALESCE(OLD.revocation_reason, '')
        OR (NEW.revoked_at <> OLD.revoked_at)
    ))
"""
_TRIGGERS = (
    ("certificates", "snapshot", f"UPDATE OF {_SNAPSHOT}", "", "an issued certificate never changes"),
    ("certificates", "life", "UPDATE", _FORBIDDEN, "a certificate only goes from valid to superseded or revoked"),
    ("certificates", "kept", "DELETE", "", "a certificate is never deleted"),
    ("certificate_documents", "snapshot", "UPDATE", "OLD.state = 'ready'", "an issued document never changes"),
    ("certificate_documents", "kept", "DELETE", "", "an issued document is never deleted"),
)


def upgrade() -> None:
    """Build."""
    op.create_table(
        "certificate_serials",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.CheckConstraint("last_number >= 0", name=op.f("ck_certificate_serials_last_number")),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_certificate_serials")),
    )
    op.create_table(
        "certificates",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("serial", sa.String(length=20), nullable=False),
        sa.Column("code", sa.String(length=26), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("programme_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("printed_name", sa.String(length=160), nullable=False),
        sa.Column("printed_shop", sa.String(length=120), nullable=False),
        sa.Column(
            "language",
            sa.Enum("fr", "en", "ar", name="language", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("programme_title", sa.String(length=200), nullable=False),
        sa.Column("training_minutes", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("needed", sa.Integer(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("lessons", sa.JSON(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "valid",
                "superseded",
                "revoked",
                name="certificate_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "revocation_reason",
            sa.Enum(
                "error",
                "attendance",
                "holder",
                name="revocation_reason_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("revoked_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint(
            "(state = 'revoked') = (revocation_reason IS NOT NULL)", name=op.f("ck_certificates_revocation_reason")
        ),
        sa.CheckConstraint("(state = 'revoked') = (revoked_at IS NOT NULL)", name=op.f("ck_certificates_revoked_at")),
        sa.CheckConstraint("counted >= needed AND needed > 0", name=op.f("ck_certificates_rule_met")),
        sa.CheckConstraint("first_on <= last_on", name=op.f("ck_certificates_dates")),
        sa.CheckConstraint("length(code) = 26", name=op.f("ck_certificates_code_length")),
        sa.CheckConstraint("training_minutes > 0", name=op.f("ck_certificates_training_minutes")),
        sa.ForeignKeyConstraint(
            ["revoked_by_id"], ["users.id"], name=op.f("fk_certificates_revoked_by_id_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["certificates.id"], name=op.f("fk_certificates_supersedes_id_certificates")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_certificates_user_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificates")),
        sa.UniqueConstraint("code", name=op.f("uq_certificates_code")),
        sa.UniqueConstraint("serial", name=op.f("uq_certificates_serial")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_certificates_supersedes_id")),
    )
    op.create_index(op.f("ix_certificates_user_id"), "certificates", ["user_id"], unique=False)
    op.create_index(
        "uq_certificates_one_valid",
        "certificates",
        ["user_id", "programme_id"],
        unique=True,
        sqlite_where=sa.text("state = 'valid'"),
        postgresql_where=sa.text("state = 'valid'"),
    )
    op.create_table(
        "certificate_documents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("certificate_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "state",
            sa.Enum("to_render", "ready", name="document_state", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claim", sa.String(length=43), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("size_bytes", sa.Integer(), nullable=True),
        sa.Column("rendered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'ready') = (rendered_at IS NOT NULL)", name=op.f("ck_certificate_documents_rendered_at")
        ),
        sa.CheckConstraint("(state = 'ready') = (sha256 IS NOT NULL)", name=op.f("ck_certificate_documents_sha256")),
        sa.CheckConstraint(
            "(state = 'ready') = (size_bytes IS NOT NULL)", name=op.f("ck_certificate_documents_size_bytes")
        ),
        sa.ForeignKeyConstraint(
            ["certificate_id"], ["certificates.id"], name=op.f("fk_certificate_documents_certificate_id_certificates")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate_documents")),
        sa.UniqueConstraint("certificate_id", name=op.f("uq_certificate_documents_certificate_id")),
    )
    op.create_index(
        "ix_certificate_documents_waiting",
        "certificate_documents",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'to_render'"),
        postgresql_where=sa.text("state = 'to_render'"),
    )
    _create_triggers()


def _create_triggers() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    if postgresql:
        # check_violation, so that both databases answer with an integrity error.
        op.execute("""
            CREATE FUNCTION certificates_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'check_violation';
            END $$
        """)
    for table, name, moment, condition, message in _TRIGGERS:
        when = f"WHEN ({condition})" if condition else ""
        start = f"CREATE TRIGGER {table}_{name} BEFORE {moment} ON {table} FOR EACH ROW {when}"
        if postgresql:
            op.execute(f"{start} EXECUTE FUNCTION certificates_refuse('{message}')")
        else:
            op.execute(f"{start} BEGIN SELECT RAISE(ABORT, '{message}'); END")


def _drop_triggers() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table, name, _, _, _ in _TRIGGERS:
        op.execute(f"DROP TRIGGER {table}_{name}" + (f" ON {table}" if postgresql else ""))
    if postgresql:
        op.execute("DROP FUNCTION certificates_refuse()")


def downgrade() -> None:
    """Take down."""
    _drop_triggers()
    op.drop_index(
        "ix_certificate_documents_waiting",
        table_name="certificate_documents",
        sqlite_where=sa.text("state = 'to_render'"),
        postgresql_where=sa.text("state = 'to_render'"),
    )
    op.drop_table("certificate_documents")
    op.drop_index(
        "uq_certificates_one_valid",
        table_name="certificates",
        sqlite_where=sa.text("state = 'valid'"),
        postgresql_where=sa.text("state = 'valid'"),
    )
    op.drop_index(op.f("ix_certificates_user_id"), table_name="certificates")
    op.drop_table("certificates")
    op.drop_table("certificate_serials")
