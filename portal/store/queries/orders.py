"""An order as its shopper and its merchant see it, and the merchant's list of orders."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.kernel import text
from portal.kernel.money import Money
from portal.payments.models import OPEN_STATES, Payment
from portal.store import policies, pricing
from portal.store.errors import OrderNotFoundError
from portal.store.models import (
    Awning,
    Fulfilment,
    Order,
    OrderEvent,
    OrderEventKind,
    OrderLine,
    OrderRefund,
    OrderRefundState,
    OrderState,
    Storefront,
)

ORDERS_PAGE = 30
_TO_DO = (OrderState.PAID, OrderState.READY)
_SOLD = (*_TO_DO, OrderState.HANDED_OVER, OrderState.REFUNDED)


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it was ordered."""

    name: str
    photo_hash: str | None
    quantity: int
    unit: Money
    total: Money
    vat_basis_points: int


@dataclass(frozen=True, slots=True)
class Happened:
    """A line of the order's history."""

    kind: OrderEventKind
    at: datetime
    amount: Money | None


@dataclass(frozen=True, slots=True)
class GivenBack:
    """A refund and where it is."""

    amount: Money
    state: OrderRefundState
    at: datetime


@dataclass(frozen=True, slots=True)
class OrderPage:
    """Everything a page about one order shows."""

    order: Order
    shop: Storefront
    lines: tuple[Line, ...]
    events: tuple[Happened, ...]
    refunds: tuple[GivenBack, ...]

    @property
    def total(self) -> Money:
        """What was to be paid."""
        return Money(self.order.total_minor, self.order.currency)

    @property
    def delivery(self) -> Money:
        """The delivery's part of the total."""
        return Money(self.order.delivery_minor, self.order.currency)

    @property
    def fee(self) -> Money:
        """The portal's fee."""
        return Money(self.order.fee_minor, self.order.currency)

    @property
    def net(self) -> Money:
        """What remains for the merchant, refunds and the fees returned with them counted."""
        given = self.order.refunded_minor - self.order.fee_refunded_minor
        return self.total - self.fee - Money(given, self.order.currency)

    @property
    def refundable(self) -> Money:
        """What can still be given back."""
        return Money(policies.refundable_minor(self.order), self.order.currency)

    @property
    def vat(self) -> list[pricing.VatPart]:
        """The VAT contained in the total, by rate."""
        return pricing.vat_inside([(line.total, line.vat_basis_points) for line in self.lines], self.delivery)

    def at(self, kind: OrderEventKind) -> datetime | None:
        """When something last happened to it."""
        return next((event.at for event in reversed(self.events) if event.kind is kind), None)


@dataclass(frozen=True, slots=True)
class Listed:
    """An order in the merchant's list."""

    number: int
    customer: str
    state: OrderState
    fulfilment: Fulfilment
    total: Money
    paid_at: datetime
    summary: tuple[tuple[str, int], ...]

    @property
    def initials(self) -> str:
        """For the customer's face."""
        return text.initials(self.customer)


@dataclass(frozen=True, slots=True)
class MyOrder:
    """An order in a shopper's own list."""

    public_token: str
    shop: str
    awning: Awning
    state: OrderState
    fulfilment: Fulfilment
    total: Money
    paid_at: datetime | None

    @property
    def initials(self) -> str:
        """For the shop's tile."""
        return text.initials(self.shop)


def order_page(db: Session, public_token: str) -> OrderPage:
    """The order at an unguessable address; OrderNotFoundError otherwise."""
    return _page(db, Order.public_token == public_token)


def merchant_order_page(db: Session, shop: Storefront, number: int) -> OrderPage:
    """A paid order of this shop by its number; OrderNotFoundError for another's."""
    return _page(db, sa.and_(Order.storefront_id == shop.id, Order.number == number))


def _page(db: Session, which: sa.ColumnElement[bool]) -> OrderPage:
    found = db.execute(
        sa.select(Order, Storefront).join(Storefront, Storefront.id == Order.storefront_id).where(which)
    ).first()
    if found is None:
        raise OrderNotFoundError
    order, shop = found
    lines = db.execute(
        sa.select(
            OrderLine.name,
            OrderLine.photo_hash,
            OrderLine.quantity,
            OrderLine.unit_price_minor,
            OrderLine.total_minor,
            OrderLine.vat_basis_points,
        )
        .where(OrderLine.order_id == order.id)
        .order_by(OrderLine.id)
    )
    events = db.execute(
        sa.select(OrderEvent.kind, OrderEvent.at, OrderEvent.amount_minor)
        .where(OrderEvent.order_id == order.id)
        .order_by(OrderEvent.id)
    )
    refunds = db.execute(
        sa.select(OrderRefund.amount_minor, OrderRefund.state, OrderRefund.done_at, OrderRefund.created_at)
        .where(OrderRefund.order_id == order.id)
        .order_by(OrderRefund.id)
    )
    money = order.currency
    return OrderPage(
        order,
        shop,
        tuple(
            Line(name, photo, quantity, Money(unit, money), Money(total, money), vat)
            for name, photo, quantity, unit, total, vat in lines
        ),
        tuple(Happened(kind, at, Money(amount, money) if amount is not None else None) for kind, at, amount in events),
        tuple(
            GivenBack(Money(amount, money), state, done_at or created_at)
            for amount, state, done_at, created_at in refunds
        ),
    )


def open_payment(db: Session, public_token: str) -> str | None:
    """The public id of the order's latest payment, while it may still be paid."""
    return db.scalar(
        sa.select(Payment.public_id)
        .where(Payment.purpose == "order", Payment.reference == public_token, Payment.state.in_(OPEN_STATES))
        .order_by(Payment.id.desc())
        .limit(1)
    )


def open_payments_of_basket(db: Session, basket_id: int) -> list[tuple[str, str]]:
    """The payments that a basket's order may still be paid with: their public ids, and the order's token."""
    rows = db.execute(
        sa.select(Payment.public_id, Order.public_token)
        .join(Order, sa.and_(Payment.purpose == "order", Payment.reference == Order.public_token))
        .where(Order.basket_id == basket_id, Payment.state.in_(OPEN_STATES))
    )
    return [(public_id, token) for public_id, token in rows]


def other_open_payments(db: Session, public_token: str, *, keep: str) -> list[str]:
    """Public ids of the order's payments that may still be paid, but for the one with the key `keep`."""
    return list(
        db.scalars(
            sa.select(Payment.public_id).where(
                Payment.purpose == "order",
                Payment.reference == public_token,
                Payment.state.in_(OPEN_STATES),
                Payment.key != keep,
            )
        )
    )


def card_of(db: Session, payment_id: int | None) -> str | None:
    """The last four digits of the card that paid; None for a wallet, or when the provider does not say."""
    if payment_id is None:
        return None
    return db.scalar(sa.select(Payment.card_last4).where(Payment.id == payment_id))


def pending_customer(db: Session, basket_id: int) -> dict[str, str] | None:
    """What was typed for the unpaid order of a basket, by field; None when it was never ordered."""
    row = (
        db.execute(
            sa.select(
                Order.customer_name.label("name"),
                Order.customer_email.label("email"),
                Order.customer_phone.label("phone"),
                Order.address,
                Order.postcode,
                Order.city,
                Order.method,
            ).where(Order.basket_id == basket_id)
        )
        .mappings()
        .first()
    )
    return {key: str(value) for key, value in row.items()} if row is not None else None


def to_do(db: Session, shop: Storefront, *, limit: int = ORDERS_PAGE) -> list[Listed]:
    """Orders still to be prepared or handed over, the oldest first."""
    return _listed(db, shop, Order.state.in_(_TO_DO), (Order.paid_at, Order.id), limit)


def done(db: Session, shop: Storefront, *, before: int | None = None) -> list[Listed]:
    """Orders with nothing left to do, the latest first; `before` is the number where a page ends."""
    which: sa.ColumnElement[bool] = Order.state.in_((OrderState.HANDED_OVER, OrderState.REFUNDED))
    if before is not None:
        which = sa.and_(which, Order.number < before)
    return _listed(db, shop, which, (Order.number.desc(),), ORDERS_PAGE)


def to_do_count(db: Session, merchant_id: int) -> int:
    """How many orders wait for a merchant: the count on the shop's tab."""
    return db.scalars(
        sa.select(sa.func.count())
        .select_from(Order)
        .join(Storefront, Storefront.id == Order.storefront_id)
        .where(Storefront.merchant_id == merchant_id, Order.state.in_(_TO_DO))
    ).one()


def _listed(
    db: Session, shop: Storefront, which: sa.ColumnElement[bool], order_by: tuple[Any, ...], limit: int
) -> list[Listed]:
    rows = db.execute(
        sa.select(
            Order.id,
            Order.number,
            Order.customer_name,
            Order.state,
            Order.fulfilment,
            Order.total_minor,
            Order.currency,
            Order.paid_at,
        )
        .where(Order.storefront_id == shop.id, which)
        .order_by(*order_by)
        .limit(limit)
    ).all()
    lines = db.execute(
        sa.select(OrderLine.order_id, OrderLine.name, OrderLine.quantity)
        .where(OrderLine.order_id.in_([row.id for row in rows]))
        .order_by(OrderLine.id)
    ).all()
    summaries: dict[int, list[tuple[str, int]]] = {row.id: [] for row in rows}
    for order_id, name, quantity in lines:
        summaries[order_id].append((name, quantity))
    return [
        Listed(
            row.number,
            row.customer_name,
            row.state,
            row.fulfilment,
            Money(row.total_minor, row.currency),
            row.paid_at,
            tuple(summaries[row.id]),
        )
        for row in rows
    ]


def orders_of(db: Session, *, user_id: int, email: str, limit: int = 50) -> list[MyOrder]:
    """A user's paid orders, the latest first: theirs, and those their address made as a guest.

    The address is theirs: they came in by a link sent to it.
    """
    rows = db.execute(
        sa.select(
            Order.public_token,
            Storefront.name,
            Storefront.awning,
            Order.state,
            Order.fulfilment,
            Order.total_minor,
            Order.currency,
            Order.paid_at,
        )
        .join(Storefront, Storefront.id == Order.storefront_id)
        .where(sa.or_(Order.customer_id == user_id, Order.customer_email == email), Order.state.in_(_SOLD))
        .order_by(Order.id.desc())
        .limit(limit)
    )
    return [
        MyOrder(token, shop, awning, state, fulfilment, Money(total, currency), paid_at)
        for token, shop, awning, state, fulfilment, total, currency, paid_at in rows
    ]
