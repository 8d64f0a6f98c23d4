"""Storefronts, products and their photos, baskets, orders, reserved stock, refunds, followers."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock
from portal.kernel.db import Base, BigId, Id, str_enum

# Digits of the photo's SHA-256 kept in its name: 128 bits, enough to never meet another one.
HASH_LENGTH = 32

# CGI 278, 278-0 bis, 279, 281 quater; 0 is a business below the threshold (CGI 293 B).
VAT_RATES = (2000, 1000, 550, 210, 0)


class Awning(StrEnum):
    """The colour the owner picks for the awning and the shop's tile."""

    SAPIN = "sapin"
    MER = "mer"
    TOMATE = "tomate"
    PRUNE = "prune"
    OCRE = "ocre"
    ARDOISE = "ardoise"


class StorefrontState(StrEnum):
    """A draft is seen by its merchant alone."""

    DRAFT = "draft"
    PUBLISHED = "published"


class ProductState(StrEnum):
    """Shown and sold, or kept aside."""

    ON_SALE = "on_sale"
    HIDDEN = "hidden"


class Fulfilment(StrEnum):
    """How an order reaches the shopper."""

    PICKUP = "pickup"
    DELIVERY = "delivery"
    NOTHING_TO_SHIP = "nothing_to_ship"


class PayMethod(StrEnum):
    """What an order is paid with; the fee depends on it."""

    CARD = "card"
    WALLET = "wallet"


class OrderState(StrEnum):
    """The life of an order; a refunded one was given back whole."""

    PENDING_PAYMENT = "pending_payment"
    PAID = "paid"
    READY = "ready"
    HANDED_OVER = "handed_over"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


class OrderEventKind(StrEnum):
    """A line of an order's history."""

    PLACED = "placed"
    PAYMENT_FAILED = "payment_failed"
    PAID = "paid"
    READY = "ready"
    HANDED_OVER = "handed_over"
    CANCELLED = "cancelled"
    REFUND_ASKED = "refund_asked"
    REFUNDED = "refunded"


class ReservationState(StrEnum):
    """Reserved stock is taken off the product at once; released, it goes back."""

    ACTIVE = "active"
    CONSUMED = "consumed"
    RELEASED = "released"


class RefundReason(StrEnum):
    """Why money goes back."""

    MERCHANT = "merchant"
    OUT_OF_STOCK = "out_of_stock"
    CANCELLED = "cancelled"
    PAID_TWICE = "paid_twice"
    WRONG_AMOUNT = "wrong_amount"


class OrderRefundState(StrEnum):
    """Queued in our own transaction; the worker asks the provider for it."""

    QUEUED = "queued"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Storefront(Base):
    """One merchant's shop: its face, who sells, when it is open, how orders leave it."""

    __tablename__ = "storefronts"
    __table_args__ = (
        sa.CheckConstraint("delivery_price_minor >= 0", name="delivery_price"),
        sa.CheckConstraint("next_order_number > 0", name="next_order_number"),
        sa.CheckConstraint("(switched_open IS NULL) = (switched_until IS NULL)", name="switch_has_end"),
        sa.CheckConstraint(
            "state = 'draft' OR (published_at IS NOT NULL AND name <> '' AND legal_name <> ''"
            " AND legal_address <> '' AND (offers_pickup OR offers_delivery OR offers_nothing_to_ship))",
            name="published_is_complete",
        ),
    )

    id: Mapped[Id]
    merchant_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), unique=True)
    slug: Mapped[str] = mapped_column(sa.String(60), unique=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    awning: Mapped[Awning] = mapped_column(str_enum(Awning, "awning"), default=Awning.SAPIN)
    description: Mapped[str] = mapped_column(sa.String(600), default="")
    currency: Mapped[str] = mapped_column(sa.String(3))
    time_zone: Mapped[str] = mapped_column(sa.String(64))
    state: Mapped[StorefrontState] = mapped_column(str_enum(StorefrontState, "state"), default=StorefrontState.DRAFT)

    # Who sells: LCEN (loi 2004-575), Code de la consommation L111-1 and L612-1.
    legal_name: Mapped[str] = mapped_column(sa.String(120), default="")
    legal_address: Mapped[str] = mapped_column(sa.String(300), default="")
    siret: Mapped[str | None] = mapped_column(sa.String(14))
    contact_email: Mapped[str] = mapped_column(sa.String(254))
    contact_phone: Mapped[str] = mapped_column(sa.String(32), default="")
    mediator: Mapped[str] = mapped_column(sa.String(300), default="")

    # Seven lists, Monday first, of [opens, closes] in minutes after midnight.
    opening_hours: Mapped[list[list[list[int]]]] = mapped_column(sa.JSON, default=lambda: [[] for _ in range(7)])
    # The "open now" switch wins over the hours until it ends.
    switched_open: Mapped[bool | None]
    switched_until: Mapped[datetime | None]
    # Followers are told at most once a day that the shop is open.
    told_open_at: Mapped[datetime | None]
    # While they are being told: the id of the last one told.
    followers_told_up_to: Mapped[int | None] = mapped_column(BigId, index=True)

    offers_pickup: Mapped[bool] = mapped_column(default=True)
    offers_delivery: Mapped[bool] = mapped_column(default=False)
    offers_nothing_to_ship: Mapped[bool] = mapped_column(default=False)
    pickup_text: Mapped[str] = mapped_column(sa.String(120), default="")
    delivery_text: Mapped[str] = mapped_column(sa.String(120), default="")
    delivery_price_minor: Mapped[int] = mapped_column(BigId, default=0)

    # Counts up only when an order is paid: the numbers have no gaps.
    next_order_number: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    published_at: Mapped[datetime | None]
    first_sale_at: Mapped[datetime | None]
    first_sale_seen_at: Mapped[datetime | None]


class ProductPhoto(Base):
    """A picture re-encoded by us, in two sizes, named by its content."""

    __tablename__ = "product_photos"
    __table_args__ = (
        sa.UniqueConstraint("storefront_id", "content_hash"),
        sa.CheckConstraint("width > 0 AND height > 0", name="size"),
    )

    id: Mapped[Id]
    storefront_id: Mapped[int] = mapped_column(sa.ForeignKey("storefronts.id"))
    content_hash: Mapped[str] = mapped_column(sa.String(HASH_LENGTH))
    # Of the large size, in pixels.
    width: Mapped[int]
    height: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Product(Base):
    """Something on the shelf. `stock` is what can still be sold, reserved items already taken off."""

    __tablename__ = "products"
    __table_args__ = (
        sa.UniqueConstraint("storefront_id", "slug"),
        sa.CheckConstraint("price_minor > 0", name="price"),
        sa.CheckConstraint("stock IS NULL OR stock >= 0", name="stock"),
        sa.CheckConstraint(f"vat_basis_points IN {VAT_RATES}", name="vat"),
        sa.Index("ix_products_storefront_id_state_position", "storefront_id", "state", "position"),
    )

    id: Mapped[Id]
    storefront_id: Mapped[int] = mapped_column(sa.ForeignKey("storefronts.id"))
    slug: Mapped[str] = mapped_column(sa.String(60))
    name: Mapped[str] = mapped_column(sa.String(80))
    text: Mapped[str] = mapped_column(sa.String(2000), default="")
    # The shelf it stands on ("Épicerie"); empty for none.
    section: Mapped[str] = mapped_column(sa.String(30), default="")
    position: Mapped[int] = mapped_column(default=0)
    price_minor: Mapped[int] = mapped_column(BigId)
    # NULL: not counted (made to order, a service).
    stock: Mapped[int | None]
    vat_basis_points: Mapped[int] = mapped_column(default=2000)
    photo_id: Mapped[int | None] = mapped_column(sa.ForeignKey("product_photos.id"))
    state: Mapped[ProductState] = mapped_column(str_enum(ProductState, "state"), default=ProductState.ON_SALE)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Basket(Base):
    """What a shopper has picked in one shop. The cookie holds a signed token; only its hash is here."""

    __tablename__ = "baskets"

    id: Mapped[Id]
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    storefront_id: Mapped[int] = mapped_column(sa.ForeignKey("storefronts.id"))
    fulfilment: Mapped[Fulfilment | None] = mapped_column(str_enum(Fulfilment, "fulfilment"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    changed_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)


class BasketLine(Base):
    """A product and how many of it."""

    __tablename__ = "basket_lines"
    __table_args__ = (sa.CheckConstraint("quantity > 0", name="quantity"),)

    basket_id: Mapped[int] = mapped_column(sa.ForeignKey("baskets.id", ondelete="CASCADE"), primary_key=True)
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("products.id"), primary_key=True)
    quantity: Mapped[int]
    added_at: Mapped[datetime] = mapped_column(default=clock.now)


class Order(Base):
    """One purchase: prices, VAT rates and the fee's rate frozen when it was placed."""

    __tablename__ = "orders"
    __table_args__ = (
        sa.UniqueConstraint("storefront_id", "number"),
        sa.CheckConstraint("items_minor > 0 AND delivery_minor >= 0", name="amounts"),
        sa.CheckConstraint("total_minor = items_minor + delivery_minor", name="total"),
        sa.CheckConstraint("fee_minor >= 0 AND fee_minor <= total_minor", name="fee"),
        sa.CheckConstraint("fee_basis_points >= 0 AND fee_fixed_minor >= 0", name="fee_rate"),
        sa.CheckConstraint("refunded_minor >= 0 AND refunded_minor <= total_minor", name="refunded"),
        sa.CheckConstraint("fee_refunded_minor >= 0 AND fee_refunded_minor <= fee_minor", name="fee_refunded"),
        sa.CheckConstraint("attempt > 0", name="attempt"),
        sa.CheckConstraint(
            "state NOT IN ('paid', 'ready', 'handed_over')"
            " OR (number IS NOT NULL AND paid_at IS NOT NULL AND basket_id IS NOT NULL)",
            name="paid_has_number",
        ),
        sa.Index("ix_orders_storefront_id_state_paid_at", "storefront_id", "state", "paid_at"),
        sa.Index("ix_orders_state_placed_at", "state", "placed_at"),
    )

    id: Mapped[Id]
    public_token: Mapped[str] = mapped_column(sa.String(43), unique=True)
    storefront_id: Mapped[int] = mapped_column(sa.ForeignKey("storefronts.id"))
    # One order for each basket; a cancelled order lets its basket go.
    basket_id: Mapped[int | None] = mapped_column(sa.ForeignKey("baskets.id"), unique=True)
    # The form that placed it: pressed twice or sent again, it finds the same order.
    checkout_key: Mapped[str] = mapped_column(sa.String(64), unique=True)
    number: Mapped[int | None]
    state: Mapped[OrderState] = mapped_column(str_enum(OrderState, "state"), default=OrderState.PENDING_PAYMENT)
    # Counts the payment pages made for it; a changed order gets another one.
    attempt: Mapped[int] = mapped_column(default=1)

    currency: Mapped[str] = mapped_column(sa.String(3))
    items_minor: Mapped[int] = mapped_column(BigId)
    delivery_minor: Mapped[int] = mapped_column(BigId)
    total_minor: Mapped[int] = mapped_column(BigId)
    fee_basis_points: Mapped[int]
    fee_fixed_minor: Mapped[int] = mapped_column(BigId)
    fee_minor: Mapped[int] = mapped_column(BigId)
    # Given back so far, and the part of the fee that went back to the merchant with it.
    refunded_minor: Mapped[int] = mapped_column(BigId, default=0)
    fee_refunded_minor: Mapped[int] = mapped_column(BigId, default=0)
    method: Mapped[PayMethod] = mapped_column(str_enum(PayMethod, "method"), default=PayMethod.CARD)
    # The card payment that paid it; none when a wallet did.
    payment_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payments.id"), unique=True)

    customer_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"), index=True)
    customer_name: Mapped[str] = mapped_column(sa.String(80))
    customer_email: Mapped[str] = mapped_column(sa.String(254), index=True)
    customer_phone: Mapped[str] = mapped_column(sa.String(32), default="")
    customer_language: Mapped[str] = mapped_column(sa.String(2))
    fulfilment: Mapped[Fulfilment] = mapped_column(str_enum(Fulfilment, "fulfilment"))
    address: Mapped[str] = mapped_column(sa.String(200), default="")
    postcode: Mapped[str] = mapped_column(sa.String(16), default="")
    city: Mapped[str] = mapped_column(sa.String(80), default="")

    placed_at: Mapped[datetime] = mapped_column(default=clock.now)
    paid_at: Mapped[datetime | None]
    # When the provider released the money: from incoming to available in the merchant's wallet.
    settled_at: Mapped[datetime | None]


class OrderLine(Base):
    """A product as it was when ordered: name, price, VAT and picture are a snapshot."""

    __tablename__ = "order_lines"
    __table_args__ = (
        sa.UniqueConstraint("order_id", "product_id"),
        sa.CheckConstraint("unit_price_minor > 0 AND quantity > 0", name="amounts"),
        sa.CheckConstraint("total_minor = unit_price_minor * quantity", name="total"),
    )

    id: Mapped[Id]
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id", ondelete="CASCADE"))
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("products.id"))
    name: Mapped[str] = mapped_column(sa.String(80))
    photo_hash: Mapped[str | None] = mapped_column(sa.String(HASH_LENGTH))
    unit_price_minor: Mapped[int] = mapped_column(BigId)
    quantity: Mapped[int]
    total_minor: Mapped[int] = mapped_column(BigId)
    vat_basis_points: Mapped[int]


class StockReservation(Base):
    """Items kept for an order while its shopper pays."""

    __tablename__ = "stock_reservations"
    __table_args__ = (
        sa.UniqueConstraint("order_id", "product_id"),
        sa.CheckConstraint("quantity > 0", name="quantity"),
        sa.Index("ix_stock_reservations_state_expires_at", "state", "expires_at"),
    )

    id: Mapped[Id]
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id", ondelete="CASCADE"))
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("products.id"))
    quantity: Mapped[int]
    state: Mapped[ReservationState] = mapped_column(
        str_enum(ReservationState, "state"), default=ReservationState.ACTIVE
    )
    expires_at: Mapped[datetime]


class OrderEvent(Base):
    """What happened to an order, and when; lines are added, never rewritten."""

    __tablename__ = "order_events"

    id: Mapped[Id]
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id", ondelete="CASCADE"), index=True)
    kind: Mapped[OrderEventKind] = mapped_column(str_enum(OrderEventKind, "kind"))
    amount_minor: Mapped[int | None] = mapped_column(BigId)
    at: Mapped[datetime] = mapped_column(default=clock.now)


class OrderRefund(Base):
    """Money to give back on a payment: written with its cause, carried out by the worker."""

    __tablename__ = "order_refunds"
    __table_args__ = (
        sa.CheckConstraint("amount_minor > 0 AND fee_back_minor >= 0", name="amounts"),
        sa.Index("ix_order_refunds_state_id", "state", "id"),
    )

    id: Mapped[Id]
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id"), index=True)
    # The same form sent twice asks once; the provider is given the same key at each try.
    key: Mapped[str] = mapped_column(sa.String(80), unique=True)
    # None when the money goes back to a wallet.
    payment_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payments.id"), index=True)
    amount_minor: Mapped[int] = mapped_column(BigId)
    fee_back_minor: Mapped[int] = mapped_column(BigId, default=0)
    reason: Mapped[RefundReason] = mapped_column(str_enum(RefundReason, "reason"))
    state: Mapped[OrderRefundState] = mapped_column(
        str_enum(OrderRefundState, "state"), default=OrderRefundState.QUEUED
    )
    # False for money that was never the merchant's: paid twice, too late, out of stock.
    was_credited: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    done_at: Mapped[datetime | None]


class StorefrontFollower(Base):
    """Someone who asked to be told when the shop opens; the token is their one-tap stop."""

    __tablename__ = "storefront_followers"
    __table_args__ = (
        sa.UniqueConstraint("storefront_id", "email"),
        sa.CheckConstraint("email = lower(email)", name="email_lower"),
    )

    id: Mapped[Id]
    storefront_id: Mapped[int] = mapped_column(sa.ForeignKey("storefronts.id"))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"), index=True)
    email: Mapped[str] = mapped_column(sa.String(254))
    language: Mapped[str] = mapped_column(sa.String(2))
    token: Mapped[str] = mapped_column(sa.String(43), unique=True)
    # Prior consent (CPCE L34-5): nothing is sent before the link in the mail was used.
    confirmed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
