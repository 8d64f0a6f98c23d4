"""Storefronts, products, orders."""

import sqlalchemy as sa
from alembic import op

revision = "20261123_store"
down_revision = "20261123_certificates"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build."""
    op.create_table(
        "storefronts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("merchant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column(
            "awning",
            sa.Enum(
                "sapin",
                "mer",
                "tomate",
                "prune",
                "ocre",
                "ardoise",
                name="awning",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("description", sa.String(length=600), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column(
            "state",
            sa.Enum("draft", "published", name="state", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("legal_name", sa.String(length=120), nullable=False),
        sa.Column("legal_address", sa.String(length=300), nullable=False),
        sa.Column("siret", sa.String(length=14), nullable=True),
        sa.Column("contact_email", sa.String(length=254), nullable=False),
        sa.Column("contact_phone", sa.String(length=32), nullable=False),
        sa.Column("mediator", sa.String(length=300), nullable=False),
        sa.Column("opening_hours", sa.JSON(), nullable=False),
        sa.Column("switched_open", sa.Boolean(), nullable=True),
        sa.Column("switched_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_open_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("followers_told_up_to", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("offers_pickup", sa.Boolean(), nullable=False),
        sa.Column("offers_delivery", sa.Boolean(), nullable=False),
        sa.Column("offers_nothing_to_ship", sa.Boolean(), nullable=False),
        sa.Column("pickup_text", sa.String(length=120), nullable=False),
        sa.Column("delivery_text", sa.String(length=120), nullable=False),
        sa.Column("delivery_price_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("next_order_number", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_sale_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_sale_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state = 'draft' OR (published_at IS NOT NULL AND name <> '' AND legal_name <> '' AND legal_address <> '' AND (offers_pickup OR offers_delivery OR offers_nothing_to_ship))",
            name=op.f("ck_storefronts_published_is_complete"),
        ),
        sa.CheckConstraint(
            "(switched_open IS NULL) = (switched_until IS NULL)", name=op.f("ck_storefronts_switch_has_end")
        ),
        sa.CheckConstraint("delivery_price_minor >= 0", name=op.f("ck_storefronts_delivery_price")),
        sa.CheckConstraint("next_order_number > 0", name=op.f("ck_storefronts_next_order_number")),
        sa.ForeignKeyConstraint(["merchant_id"], ["users.id"], name=op.f("fk_storefronts_merchant_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_storefronts")),
        sa.UniqueConstraint("merchant_id", name=op.f("uq_storefronts_merchant_id")),
        sa.UniqueConstraint("slug", name=op.f("uq_storefronts_slug")),
    )
    op.create_index(op.f("ix_storefronts_followers_told_up_to"), "storefronts", ["followers_told_up_to"], unique=False)
    op.create_table(
        "baskets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("storefront_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "fulfilment",
            sa.Enum(
                "pickup",
                "delivery",
                "nothing_to_ship",
                name="fulfilment",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["storefront_id"], ["storefronts.id"], name=op.f("fk_baskets_storefront_id_storefronts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_baskets")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_baskets_token_hash")),
    )
    op.create_index(op.f("ix_baskets_changed_at"), "baskets", ["changed_at"], unique=False)
    op.create_table(
        "product_photos",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("storefront_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("content_hash", sa.String(length=32), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("width > 0 AND height > 0", name=op.f("ck_product_photos_size")),
        sa.ForeignKeyConstraint(
            ["storefront_id"], ["storefronts.id"], name=op.f("fk_product_photos_storefront_id_storefronts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_photos")),
        sa.UniqueConstraint("storefront_id", "content_hash", name=op.f("uq_product_photos_storefront_id_content_hash")),
    )
    op.create_table(
        "storefront_followers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("storefront_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("token", sa.String(length=43), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_storefront_followers_email_lower")),
        sa.ForeignKeyConstraint(
            ["storefront_id"], ["storefronts.id"], name=op.f("fk_storefront_followers_storefront_id_storefronts")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_storefront_followers_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_storefront_followers")),
        sa.UniqueConstraint("storefront_id", "email", name=op.f("uq_storefront_followers_storefront_id_email")),
        sa.UniqueConstraint("token", name=op.f("uq_storefront_followers_token")),
    )
    op.create_index(op.f("ix_storefront_followers_user_id"), "storefront_followers", ["user_id"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_token", sa.String(length=43), nullable=False),
        sa.Column("storefront_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("basket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("checkout_key", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "pending_payment",
                "paid",
                "ready",
                "handed_over",
                "cancelled",
                "refunded",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("items_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("delivery_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("total_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fee_basis_points", sa.Integer(), nullable=False),
        sa.Column("fee_fixed_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fee_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fee_refunded_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "method",
            sa.Enum("card", "wallet", name="method", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("customer_name", sa.String(length=80), nullable=False),
        sa.Column("customer_email", sa.String(length=254), nullable=False),
        sa.Column("customer_phone", sa.String(length=32), nullable=False),
        sa.Column("customer_language", sa.String(length=2), nullable=False),
        sa.Column(
            "fulfilment",
            sa.Enum(
                "pickup",
                "delivery",
                "nothing_to_ship",
                name="fulfilment",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("postcode", sa.String(length=16), nullable=False),
        sa.Column("city", sa.String(length=80), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state NOT IN ('paid', 'ready', 'handed_over') OR (number IS NOT NULL AND paid_at IS NOT NULL AND basket_id IS NOT NULL)",
            name=op.f("ck_orders_paid_has_number"),
        ),
        sa.CheckConstraint("attempt > 0", name=op.f("ck_orders_attempt")),
        sa.CheckConstraint("fee_basis_points >= 0 AND fee_fixed_minor >= 0", name=op.f("ck_orders_fee_rate")),
        sa.CheckConstraint("fee_minor >= 0 AND fee_minor <= total_minor", name=op.f("ck_orders_fee")),
        sa.CheckConstraint(
            "fee_refunded_minor >= 0 AND fee_refunded_minor <= fee_minor", name=op.f("ck_orders_fee_refunded")
        ),
        sa.CheckConstraint("items_minor > 0 AND delivery_minor >= 0", name=op.f("ck_orders_amounts")),
        sa.CheckConstraint("refunded_minor >= 0 AND refunded_minor <= total_minor", name=op.f("ck_orders_refunded")),
        sa.CheckConstraint("total_minor = items_minor + delivery_minor", name=op.f("ck_orders_total")),
        sa.ForeignKeyConstraint(["basket_id"], ["baskets.id"], name=op.f("fk_orders_basket_id_baskets")),
        sa.ForeignKeyConstraint(["customer_id"], ["users.id"], name=op.f("fk_orders_customer_id_users")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_orders_payment_id_payments")),
        sa.ForeignKeyConstraint(
            ["storefront_id"], ["storefronts.id"], name=op.f("fk_orders_storefront_id_storefronts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("basket_id", name=op.f("uq_orders_basket_id")),
        sa.UniqueConstraint("checkout_key", name=op.f("uq_orders_checkout_key")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_orders_payment_id")),
        sa.UniqueConstraint("public_token", name=op.f("uq_orders_public_token")),
        sa.UniqueConstraint("storefront_id", "number", name=op.f("uq_orders_storefront_id_number")),
    )
    op.create_index(op.f("ix_orders_customer_email"), "orders", ["customer_email"], unique=False)
    op.create_index(op.f("ix_orders_customer_id"), "orders", ["customer_id"], unique=False)
    op.create_index("ix_orders_state_placed_at", "orders", ["state", "placed_at"], unique=False)
    op.create_index(
        "ix_orders_storefront_id_state_paid_at", "orders", ["storefront_id", "state", "paid_at"], unique=False
    )
    op.create_table(
        "products",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("storefront_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("text", sa.String(length=2000), nullable=False),
        sa.Column("section", sa.String(length=30), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("price_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stock", sa.Integer(), nullable=True),
        sa.Column("vat_basis_points", sa.Integer(), nullable=False),
        sa.Column("photo_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "state",
            sa.Enum("on_sale", "hidden", name="state", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("price_minor > 0", name=op.f("ck_products_price")),
        sa.CheckConstraint("stock IS NULL OR stock >= 0", name=op.f("ck_products_stock")),
        sa.CheckConstraint("vat_basis_points IN (2000, 1000, 550, 210, 0)", name=op.f("ck_products_vat")),
        sa.ForeignKeyConstraint(["photo_id"], ["product_photos.id"], name=op.f("fk_products_photo_id_product_photos")),
        sa.ForeignKeyConstraint(
            ["storefront_id"], ["storefronts.id"], name=op.f("fk_products_storefront_id_storefronts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sa.UniqueConstraint("storefront_id", "slug", name=op.f("uq_products_storefront_id_slug")),
    )
    op.create_index(
        "ix_products_storefront_id_state_position", "products", ["storefront_id", "state", "position"], unique=False
    )
    op.create_table(
        "basket_lines",
        sa.Column("basket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_basket_lines_quantity")),
        sa.ForeignKeyConstraint(
            ["basket_id"], ["baskets.id"], name=op.f("fk_basket_lines_basket_id_baskets"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_basket_lines_product_id_products")),
        sa.PrimaryKeyConstraint("basket_id", "product_id", name=op.f("pk_basket_lines")),
    )
    op.create_table(
        "order_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "placed",
                "payment_failed",
                "paid",
                "ready",
                "handed_over",
                "cancelled",
                "refund_asked",
                "refunded",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("amount_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_events_order_id_orders"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_events")),
    )
    op.create_index(op.f("ix_order_events_order_id"), "order_events", ["order_id"], unique=False)
    op.create_table(
        "order_lines",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("photo_hash", sa.String(length=32), nullable=True),
        sa.Column("unit_price_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("total_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("vat_basis_points", sa.Integer(), nullable=False),
        sa.CheckConstraint("total_minor = unit_price_minor * quantity", name=op.f("ck_order_lines_total")),
        sa.CheckConstraint("unit_price_minor > 0 AND quantity > 0", name=op.f("ck_order_lines_amounts")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_lines_order_id_orders"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_order_lines_product_id_products")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_lines")),
        sa.UniqueConstraint("order_id", "product_id", name=op.f("uq_order_lines_order_id_product_id")),
    )
    op.create_table(
        "order_refunds",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("amount_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fee_back_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "merchant",
                "out_of_stock",
                "cancelled",
                "paid_twice",
                "wrong_amount",
                name="reason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "queued", "succeeded", "failed", name="state", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("was_credited", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_minor > 0 AND fee_back_minor >= 0", name=op.f("ck_order_refunds_amounts")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_refunds_order_id_orders")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_order_refunds_payment_id_payments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_refunds")),
        sa.UniqueConstraint("key", name=op.f("uq_order_refunds_key")),
    )
    op.create_index(op.f("ix_order_refunds_order_id"), "order_refunds", ["order_id"], unique=False)
    op.create_index(op.f("ix_order_refunds_payment_id"), "order_refunds", ["payment_id"], unique=False)
    op.create_index("ix_order_refunds_state_id", "order_refunds", ["state", "id"], unique=False)
    op.create_table(
        "stock_reservations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "active", "consumed", "released", name="state", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_stock_reservations_quantity")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_stock_reservations_order_id_orders"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_stock_reservations_product_id_products")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_reservations")),
        sa.UniqueConstraint("order_id", "product_id", name=op.f("uq_stock_reservations_order_id_product_id")),
    )
    op.create_index(
        "ix_stock_reservations_state_expires_at", "stock_reservations", ["state", "expires_at"], unique=False
    )


def downgrade() -> None:
    """Take down."""
    op.drop_index("ix_stock_reservations_state_expires_at", table_name="stock_reservations")
    op.drop_table("stock_reservations")
    op.drop_index("ix_order_refunds_state_id", table_name="order_refunds")
    op.drop_index(op.f("ix_order_refunds_payment_id"), table_name="order_refunds")
    op.drop_index(op.f("ix_order_refunds_order_id"), table_name="order_refunds")
    op.drop_table("order_refunds")
    op.drop_table("order_lines")
    op.drop_index(op.f("ix_order_events_order_id"), table_name="order_events")
    op.drop_table("order_events")
    op.drop_table("basket_lines")
    op.drop_index("ix_products_storefront_id_state_position", table_name="products")
    op.drop_table("products")
    op.drop_index("ix_orders_storefront_id_state_paid_at", table_name="orders")
    op.drop_index("ix_orders_state_placed_at", table_name="orders")
    op.drop_index(op.f("ix_orders_customer_id"), table_name="orders")
    op.drop_index(op.f("ix_orders_customer_email"), table_name="orders")
    op.drop_table("orders")
    op.drop_index(op.f("ix_storefront_followers_user_id"), table_name="storefront_followers")
    op.drop_table("storefront_followers")
    op.drop_table("product_photos")
    op.drop_index(op.f("ix_baskets_changed_at"), table_name="baskets")
    op.drop_table("baskets")
    op.drop_index(op.f("ix_storefronts_followers_told_up_to"), table_name="storefronts")
    op.drop_table("storefronts")
