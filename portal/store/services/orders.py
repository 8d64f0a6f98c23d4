"""Placing an order: one for each basket, prices and stock read again, everything frozen."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import config
from portal.kernel import clock, ids
from portal.kernel.money import Money
from portal.payments.flows import CHECKOUT_LIFETIME
from portal.store import pricing
from portal.store.errors import AlreadyOrderedError, BasketChangedError, EmptyBasketError, ShopNotFoundError
from portal.store.models import (
    Basket,
    Fulfilment,
    Order,
    OrderEvent,
    OrderEventKind,
    OrderLine,
    OrderState,
    PayMethod,
    StorefrontState,
)
from portal.store.policies import Shop
from portal.store.queries.baskets import Contents, contents
from portal.store.services import stock

# Longer than the payment page stays open, so that who pays in time gets the goods.
RESERVED_FOR = CHECKOUT_LIFETIME + timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Customer:
    """Who orders, as they typed it; a guest has no `user_id`."""

    name: str
    email: str
    phone: str
    language: str
    address: str = ""
    postcode: str = ""
    city: str = ""
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class Checkout:
    """One press of the pay button: the form's key, the fingerprint of what its page showed, and who pays."""

    key: str
    seen: str
    customer: Customer
    method: PayMethod = PayMethod.CARD


def place(db: Session, *, shop: Shop, basket_id: int | None, checkout: Checkout) -> Order:
    """The order of a basket, its stock reserved; pressed twice, sent again or from two tabs: one order.

    An order not yet paid is brought up to date with its basket. Raises AlreadyOrderedError (with the
    receipt's address) when it is paid, EmptyBasketError, BasketChangedError when the total is not what
    the page showed, OutOfStockError, ShopNotFoundError for a shop that is closed for good.
    """
    if shop.state is not StorefrontState.PUBLISHED:
        raise ShopNotFoundError
    if basket_id is not None:
        # All presses for one basket stand in line here.
        db.execute(sa.select(Basket.id).where(Basket.id == basket_id).with_for_update())
    _refuse_used_key(db, shop, basket_id, checkout.key)
    if basket_id is None:
        raise EmptyBasketError
    order = db.scalar(sa.select(Order).where(Order.basket_id == basket_id).with_for_update())
    if order is not None and order.state is not OrderState.PENDING_PAYMENT:
        raise AlreadyOrderedError(order.public_token)
    basket = contents(db, basket_id=basket_id, shop=shop)
    if not basket.items or basket.fulfilment is None:
        raise EmptyBasketError
    if basket.fingerprint != checkout.seen:
        raise BasketChangedError
    return _write(db, shop, order, basket, checkout)


def _refuse_used_key(db: Session, shop: Shop, basket_id: int | None, key: str) -> None:
    """A form sent again after its order was paid leads to the receipt, whatever is in the basket by now."""
    order = db.execute(
        sa.select(Order.public_token, Order.storefront_id, Order.basket_id, Order.state).where(
            Order.checkout_key == key
        )
    ).first()
    if order is None:
        return
    if order.storefront_id == shop.id and order.state is not OrderState.PENDING_PAYMENT:
        raise AlreadyOrderedError(order.public_token)
    if order.basket_id != basket_id:
        raise BasketChangedError


def _write(db: Session, shop: Shop, order: Order | None, basket: Contents, checkout: Checkout) -> Order:
    is_new = order is None
    if order is None:
        order = Order(public_token=ids.token(), storefront_id=shop.id, basket_id=basket.basket_id)
    before = (order.total_minor, order.method, order.customer_email, order.customer_language)
    _freeze(order, basket, checkout)
    if is_new:
        db.add(order)
    db.flush()
    wanted = {item.product_id: item.quantity for item in basket.items}
    taken = stock.reserve(db, order_id=order.id, wanted=wanted, expires_at=clock.now() + RESERVED_FOR)
    lines_changed = _freeze_lines(db, order, basket)
    if is_new:
        db.add(OrderEvent(order_id=order.id, kind=OrderEventKind.PLACED, amount_minor=order.total_minor))
    else:
        after = (order.total_minor, order.method, order.customer_email, order.customer_language)
        if taken or lines_changed or after != before:
            order.attempt += 1
    db.flush()
    return order


def _freeze(order: Order, basket: Contents, checkout: Checkout) -> None:
    customer = checkout.customer
    delivered = basket.fulfilment is Fulfilment.DELIVERY
    values = {
        "checkout_key": checkout.key,
        "currency": basket.total.currency,
        "items_minor": basket.items_total.amount_minor,
        "delivery_minor": basket.delivery.amount_minor,
        "total_minor": basket.total.amount_minor,
        "fulfilment": basket.fulfilment,
        "customer_id": customer.user_id,
        "customer_name": customer.name,
        "customer_email": customer.email.lower(),
        "customer_phone": customer.phone,
        "customer_language": customer.language,
        "address": customer.address if delivered else "",
        "postcode": customer.postcode if delivered else "",
        "city": customer.city if delivered else "",
        "placed_at": clock.now(),
    }
    for name, value in values.items():
        setattr(order, name, value)
    freeze_fee(order, checkout.method)


def freeze_fee(order: Order, method: PayMethod) -> None:
    """Freeze the fee of an order at today's rate for the way it is paid."""
    fee = pricing.fee_on(Money(order.total_minor, order.currency), method, config.current().fees)
    order.method = method
    order.fee_basis_points, order.fee_fixed_minor = fee.basis_points, fee.fixed_minor
    order.fee_minor = fee.amount.amount_minor


def _freeze_lines(db: Session, order: Order, basket: Contents) -> bool:
    """Write the lines as they stand; returns whether they differ from what the order had."""
    old = list(db.scalars(sa.select(OrderLine).where(OrderLine.order_id == order.id)))
    had = sorted((line.product_id, line.name, line.unit_price_minor, line.quantity) for line in old)
    has = sorted((item.product_id, item.name, item.unit.amount_minor, item.quantity) for item in basket.items)
    if had == has:
        return False
    db.execute(sa.delete(OrderLine).where(OrderLine.order_id == order.id))
    db.add_all(
        OrderLine(
            order_id=order.id,
            product_id=item.product_id,
            name=item.name,
            photo_hash=item.photo_hash,
            unit_price_minor=item.unit.amount_minor,
            quantity=item.quantity,
            total_minor=item.total.amount_minor,
            vat_basis_points=item.vat_basis_points,
        )
        for item in basket.items
    )
    db.flush()
    return bool(had)


def lock_order(db: Session, public_token: str) -> Order | None:
    """The order at this address, held for the rest of the transaction."""
    return db.scalar(sa.select(Order).where(Order.public_token == public_token).with_for_update())


def hold(db: Session, order_id: int) -> bool:
    """Hold an unpaid order for the rest of the transaction; False when it is not, or no longer, unpaid."""
    pending = sa.select(Order.id).where(Order.id == order_id, Order.state == OrderState.PENDING_PAYMENT)
    return db.scalar(pending.with_for_update()) is not None


def payment_key(order: Order) -> str:
    """The key of the order's present payment page; a changed order has another one."""
    return f"order:{order.public_token}:{order.attempt}"


def note_payment_failed(db: Session, *, public_token: str, key: str) -> None:
    """A payment page came to nothing: the items go back, the order waits for another try.

    Only its present page counts; an older one that closes late changes nothing.
    """
    order = lock_order(db, public_token)
    if order is None or order.state is not OrderState.PENDING_PAYMENT or payment_key(order) != key:
        return
    stock.release(db, order_id=order.id)
    order.attempt += 1
    db.add(OrderEvent(order_id=order.id, kind=OrderEventKind.PAYMENT_FAILED))
    db.flush()


def stale(db: Session, *, before: datetime, limit: int = 100) -> list[str]:
    """Addresses of orders placed before a moment and never paid, the oldest first."""
    return list(
        db.scalars(
            sa.select(Order.public_token)
            .where(Order.state == OrderState.PENDING_PAYMENT, Order.placed_at < before)
            .order_by(Order.placed_at)
            .limit(limit)
        )
    )


def cancel_unpaid(db: Session, order: Order) -> None:
    """Give up an order that nobody paid: items back, its basket free for another order."""
    if order.state is not OrderState.PENDING_PAYMENT:
        return
    stock.release(db, order_id=order.id)
    order.state = OrderState.CANCELLED
    order.basket_id = None
    db.add(OrderEvent(order_id=order.id, kind=OrderEventKind.CANCELLED))
    db.flush()
