"""Double entry: accounts, balances, transactions, postings."""

import sqlalchemy as sa
from alembic import op

revision = "20261123_ledger"
down_revision = "20261123_identity"
branch_labels = None
depends_on = None

# Balances that may not go below zero; the CHECK on `balances` says the same.
_GUARDED = "'wallet_available', 'wallet_incoming', 'wallet_held', 'transfer_waiting'"

_POSTGRESQL = (
    """
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'ledger: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'LG000';
END $$
""",
    # A hold ends with the transaction that settles it, never by itself.
    """
CREATE FUNCTION ledger_end_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM transactions WHERE settles_id = OLD.id) THEN
    RAISE EXCEPTION 'ledger: hold % is not settled', OLD.id USING ERRCODE = 'LG000';
  END IF;
  RETURN NEW;
END $$
""",
    # An account's balance row is made with it: nothing else inserts balances.
    """
CREATE FUNCTION ledger_open_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO balances (account_id, currency, kind, amount_minor) VALUES (NEW.id, NEW.currency, NEW.kind, 0);
  RETURN NULL;
END $$
""",
    # The conditional update: it waits for whoever holds the row and then judges the newest amount. Of the two
    # rows the one with the lower id comes first, so that two opposite transfers never wait for each other.
    f"""
CREATE FUNCTION ledger_apply_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.position >= (SELECT line_count FROM transactions WHERE id = NEW.transaction_id) THEN
    RAISE EXCEPTION 'ledger: transaction % is complete', NEW.transaction_id USING ERRCODE = 'LG000';
  END IF;
  FOR side IN 1..2 LOOP
    IF (side = 1) = (NEW.debit_id < NEW.credit_id) THEN
      UPDATE balances SET amount_minor = amount_minor - NEW.amount_minor, last_posting_id = NEW.id
       WHERE account_id = NEW.debit_id AND currency = NEW.currency
         AND (amount_minor >= NEW.amount_minor OR kind NOT IN ({_GUARDED}));
      IF NOT FOUND AND EXISTS (SELECT FROM balances WHERE account_id = NEW.debit_id AND currency = NEW.currency) THEN
        RAISE EXCEPTION 'ledger: insufficient funds' USING ERRCODE = 'LG001', DETAIL = NEW.debit_id::text;
      END IF;
    ELSE
      UPDATE balances SET amount_minor = amount_minor + NEW.amount_minor, last_posting_id = NEW.id
       WHERE account_id = NEW.credit_id AND currency = NEW.currency;
    END IF;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'ledger: no account of this currency' USING ERRCODE = 'LG002';
    END IF;
  END LOOP;
  RETURN NULL;
END $$
""",
    # One call writes a whole transaction: key, hash, kind, reference, state, what it reverses or settles, when, and
    # lines of debit, credit, currency and amount. What it refuses leaves nothing behind and does not abort the
    # caller's transaction, so that both engines answer alike.
    """
CREATE FUNCTION ledger_post(draft jsonb, OUT outcome text, OUT found_id bigint) LANGUAGE plpgsql AS $$
DECLARE
  lines CONSTANT jsonb := draft -> 8;
  line jsonb := lines -> 0;
  line_count CONSTANT int := jsonb_array_length(lines);
  moment CONSTANT timestamptz := draft ->> 7;
  found_hash text;
  detail text;
BEGIN
  INSERT INTO transactions (key, body_hash, kind, reference, state, reverses_id, settles_id, line_count, occurred_at)
  VALUES (draft ->> 0, draft ->> 1, draft ->> 2, draft ->> 3, draft ->> 4, (draft ->> 5)::bigint,
          (draft ->> 6)::bigint, line_count, moment)
  ON CONFLICT DO NOTHING RETURNING id INTO found_id;
  IF found_id IS NULL THEN
    SELECT id, body_hash INTO found_id, found_hash FROM transactions WHERE key = draft ->> 0;
    outcome := CASE WHEN found_id IS NULL THEN 'taken' WHEN found_hash = draft ->> 1 THEN 'repeat' ELSE 'conflict' END;
    RETURN;
  END IF;
  IF line_count > 1 THEN
    PERFORM FROM balances
      WHERE account_id IN (SELECT (value -> side)::bigint FROM jsonb_array_elements(lines), generate_series(0, 1) AS side)
      ORDER BY account_id FOR NO KEY UPDATE;
  END IF;
  FOR position IN 0..line_count - 1 LOOP
    line := lines -> position;
    INSERT INTO postings (transaction_id, position, debit_id, credit_id, currency, amount_minor, occurred_at)
    VALUES (found_id, position, (line -> 0)::bigint, (line -> 1)::bigint, line ->> 2, (line -> 3)::bigint, moment);
  END LOOP;
  outcome := 'posted';
EXCEPTION
  WHEN SQLSTATE 'LG001' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    outcome := 'insufficient';
    found_id := detail::bigint;
  WHEN SQLSTATE 'LG002' THEN
    outcome := 'no_account';
    found_id := NULL;
END $$
""",
    "CREATE TRIGGER accounts_open_balance AFTER INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION ledger_open_balance()",
    "CREATE TRIGGER accounts_kept BEFORE UPDATE OR DELETE ON accounts FOR EACH ROW EXECUTE FUNCTION ledger_refuse()",
    # Inside a trigger the depth is 1 or more: a statement of its own cannot write a balance.
    (
        "CREATE TRIGGER balances_kept BEFORE INSERT OR UPDATE OR DELETE ON balances FOR EACH ROW"
        " WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger_refuse()"
    ),
    # "A_" sorts before the foreign keys' own triggers: they then find the balances already locked by us.
    'CREATE TRIGGER "A_postings_apply" AFTER INSERT ON postings FOR EACH ROW EXECUTE FUNCTION ledger_apply_posting()',
    "CREATE TRIGGER postings_kept BEFORE UPDATE OR DELETE ON postings FOR EACH ROW EXECUTE FUNCTION ledger_refuse()",
    "CREATE TRIGGER transactions_kept BEFORE DELETE ON transactions FOR EACH ROW EXECUTE FUNCTION ledger_refuse()",
    # Only one thing may change in a transaction: a pending hold ends, once.
    (
        "CREATE TRIGGER transactions_unchanged BEFORE UPDATE ON transactions FOR EACH ROW"
        " WHEN (NOT (OLD.state = 'pending' AND NEW.state IN ('posted', 'voided')"
        " AND (OLD.id, OLD.key, OLD.body_hash, OLD.kind, OLD.reference, OLD.line_count, OLD.occurred_at)"
        " = (NEW.id, NEW.key, NEW.body_hash, NEW.kind, NEW.reference, NEW.line_count, NEW.occurred_at)"
        " AND NEW.reverses_id IS NOT DISTINCT FROM OLD.reverses_id"
        " AND NEW.settles_id IS NOT DISTINCT FROM OLD.settles_id)) EXECUTE FUNCTION ledger_refuse()"
    ),
    "CREATE TRIGGER transactions_settled BEFORE UPDATE ON transactions FOR EACH ROW EXECUTE FUNCTION ledger_end_hold()",
    *(
        f"CREATE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table} EXECUTE FUNCTION ledger_refuse()"
        for table in ("accounts", "balances", "transactions", "postings")
    ),
)

_NO_BALANCE = "NOT EXISTS (SELECT 1 FROM balances WHERE account_id = NEW.{side}_id AND currency = NEW.currency)"

_SQLITE = (
    (
        "CREATE TRIGGER accounts_open_balance AFTER INSERT ON accounts BEGIN"
        " INSERT INTO balances (account_id, currency, kind, amount_minor) VALUES (NEW.id, NEW.currency, NEW.kind, 0); END"
    ),
    *(
        f"CREATE TRIGGER {table}_not_{verb} BEFORE {event} ON {table} BEGIN"
        f" SELECT RAISE(ABORT, 'ledger: {event} on {table} is refused'); END"
        for table, verb, event in (
            ("accounts", "changed", "UPDATE"),
            ("accounts", "deleted", "DELETE"),
            ("balances", "deleted", "DELETE"),
            ("postings", "changed", "UPDATE"),
            ("postings", "deleted", "DELETE"),
            ("transactions", "deleted", "DELETE"),
        )
    ),
    # INSERT OR REPLACE deletes without firing DELETE triggers: refuse an id that is there already.
    *(
        f"CREATE TRIGGER {table}_not_replaced BEFORE INSERT ON {table}"
        f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {column} = NEW.{column}) BEGIN"
        f" SELECT RAISE(ABORT, 'ledger: replacing in {table} is refused'); END"
        for table, column in (
            ("accounts", "id"),
            ("balances", "account_id"),
            ("postings", "id"),
            ("transactions", "id"),
        )
    ),
    (
        "CREATE TRIGGER balances_begin_at_zero BEFORE INSERT ON balances"
        " WHEN NEW.amount_minor <> 0 OR NEW.last_posting_id IS NOT NULL BEGIN"
        " SELECT RAISE(ABORT, 'ledger: a balance begins at zero'); END"
    ),
    # A balance changes by exactly one posting that is newer than the last one it took.
    (
        "CREATE TRIGGER balances_follow_postings BEFORE UPDATE ON balances WHEN NOT EXISTS ("
        "SELECT 1 FROM postings AS p WHERE p.id = NEW.last_posting_id AND p.currency = NEW.currency"
        " AND p.id > coalesce(OLD.last_posting_id, 0)"
        " AND NEW.account_id = OLD.account_id AND NEW.currency = OLD.currency AND NEW.kind = OLD.kind"
        " AND ((p.debit_id = NEW.account_id AND NEW.amount_minor = OLD.amount_minor - p.amount_minor)"
        " OR (p.credit_id = NEW.account_id AND NEW.amount_minor = OLD.amount_minor + p.amount_minor))) BEGIN"
        " SELECT RAISE(ABORT, 'ledger: UPDATE on balances is refused'); END"
    ),
    (
        "CREATE TRIGGER postings_apply AFTER INSERT ON postings BEGIN"
        " SELECT RAISE(ABORT, 'ledger: the transaction is complete')"
        " WHERE NEW.position >= (SELECT line_count FROM transactions WHERE id = NEW.transaction_id);"
        f" SELECT RAISE(ABORT, 'ledger: no account of this currency') WHERE {_NO_BALANCE.format(side='debit')}"
        f" OR {_NO_BALANCE.format(side='credit')};"
        " UPDATE balances SET amount_minor = amount_minor - NEW.amount_minor, last_posting_id = NEW.id"
        " WHERE account_id = NEW.debit_id AND currency = NEW.currency"
        f" AND (amount_minor >= NEW.amount_minor OR kind NOT IN ({_GUARDED}));"
        " SELECT RAISE(ABORT, 'ledger: insufficient funds') WHERE changes() = 0;"
        " UPDATE balances SET amount_minor = amount_minor + NEW.amount_minor, last_posting_id = NEW.id"
        " WHERE account_id = NEW.credit_id AND currency = NEW.currency; END"
    ),
    (
        "CREATE TRIGGER transactions_unchanged BEFORE UPDATE ON transactions"
        " WHEN NOT (OLD.state = 'pending' AND NEW.state IN ('posted', 'voided')"
        " AND (OLD.id, OLD.key, OLD.body_hash, OLD.kind, OLD.reference, OLD.line_count, OLD.occurred_at)"
        " = (NEW.id, NEW.key, NEW.body_hash, NEW.kind, NEW.reference, NEW.line_count, NEW.occurred_at)"
        " AND NEW.reverses_id IS OLD.reverses_id AND NEW.settles_id IS OLD.settles_id"
        " AND EXISTS (SELECT 1 FROM transactions WHERE settles_id = OLD.id)) BEGIN"
        " SELECT RAISE(ABORT, 'ledger: UPDATE on transactions is refused'); END"
    ),
)


def upgrade() -> None:
    """Build."""
    op.create_table(
        "transactions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=120), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "posted",
                "voided",
                name="transaction_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reverses_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("settles_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("line_count", sa.SmallInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(body_hash) = 64", name=op.f("ck_transactions_body_hash")),
        sa.CheckConstraint("line_count > 0", name=op.f("ck_transactions_line_count")),
        sa.CheckConstraint("reverses_id IS NULL OR settles_id IS NULL", name=op.f("ck_transactions_one_purpose")),
        sa.ForeignKeyConstraint(
            ["reverses_id"], ["transactions.id"], name=op.f("fk_transactions_reverses_id_transactions")
        ),
        sa.ForeignKeyConstraint(
            ["settles_id"], ["transactions.id"], name=op.f("fk_transactions_settles_id_transactions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transactions")),
        sa.UniqueConstraint("key", name=op.f("uq_transactions_key")),
    )
    for column in ("reverses_id", "settles_id"):
        op.create_index(
            f"uq_transactions_{column}",
            "transactions",
            [column],
            unique=True,
            sqlite_where=sa.text(f"{column} IS NOT NULL"),
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "wallet_available",
                "wallet_incoming",
                "wallet_held",
                "transfer_waiting",
                "platform_fees",
                "platform_losses",
                "provider_balance",
                "provider_fees",
                name="account_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(owner_id IS NULL) = (kind IN ('platform_fees', 'platform_losses', 'provider_balance', 'provider_fees'))",
            name=op.f("ck_accounts_owner"),
        ),
        sa.CheckConstraint("length(currency) = 3", name=op.f("ck_accounts_currency")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_accounts_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("id", "currency", "kind", name=op.f("uq_accounts_id_currency_kind")),
    )
    op.create_index(
        "uq_accounts_kind_currency",
        "accounts",
        ["kind", "currency"],
        unique=True,
        sqlite_where=sa.text("owner_id IS NULL"),
        postgresql_where=sa.text("owner_id IS NULL"),
    )
    op.create_index("uq_accounts_owner_id_kind_currency", "accounts", ["owner_id", "kind", "currency"], unique=True)
    op.create_table(
        "balances",
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("last_posting_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "amount_minor >= 0 OR kind NOT IN ('wallet_available', 'wallet_incoming', 'wallet_held', 'transfer_waiting')",
            name=op.f("ck_balances_never_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "currency", "kind"],
            ["accounts.id", "accounts.currency", "accounts.kind"],
            name=op.f("fk_balances_account_id_currency_kind_accounts"),
        ),
        sa.PrimaryKeyConstraint("account_id", "currency", name=op.f("pk_balances")),
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "postings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("transaction_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("debit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("credit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_postings_amount")),
        sa.CheckConstraint("debit_id <> credit_id", name=op.f("ck_postings_two_accounts")),
        sa.CheckConstraint("position >= 0", name=op.f("ck_postings_position")),
        sa.ForeignKeyConstraint(
            ["credit_id", "currency"],
            ["balances.account_id", "balances.currency"],
            name=op.f("fk_postings_credit_id_currency_balances"),
        ),
        sa.ForeignKeyConstraint(
            ["debit_id", "currency"],
            ["balances.account_id", "balances.currency"],
            name=op.f("fk_postings_debit_id_currency_balances"),
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["transactions.id"], name=op.f("fk_postings_transaction_id_transactions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_postings")),
        sa.UniqueConstraint("transaction_id", "position", name=op.f("uq_postings_transaction_id_position")),
    )
    op.create_index(
        op.f("ix_postings_credit_id_occurred_at_id"), "postings", ["credit_id", "occurred_at", "id"], unique=False
    )
    op.create_index(
        op.f("ix_postings_debit_id_occurred_at_id"), "postings", ["debit_id", "occurred_at", "id"], unique=False
    )
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(sa.text(statement))


def downgrade() -> None:
    """Take down."""
    op.drop_index(op.f("ix_postings_debit_id_occurred_at_id"), table_name="postings")
    op.drop_index(op.f("ix_postings_credit_id_occurred_at_id"), table_name="postings")
    op.drop_table("postings")
    op.drop_table("balances")
    op.drop_index("uq_accounts_owner_id_kind_currency", table_name="accounts")
    op.drop_index(
        "uq_accounts_kind_currency",
        table_name="accounts",
        sqlite_where=sa.text("owner_id IS NULL"),
        postgresql_where=sa.text("owner_id IS NULL"),
    )
    op.drop_table("accounts")
    op.drop_table("transactions")
    if op.get_bind().dialect.name == "postgresql":
        for function in (
            "ledger_post",
            "ledger_apply_posting",
            "ledger_open_balance",
            "ledger_end_hold",
            "ledger_refuse",
        ):
            op.execute(f"DROP FUNCTION {function}")
