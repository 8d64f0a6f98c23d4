"""From payment to hand-over: an order is paid once, made ready, handed over; each step is told once."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.identity.queries import user_by_id
from portal.identity.services import recipient_of
from portal.kernel import clock
from portal.kernel.db import rows_changed
from portal.kernel.money import Money
from portal.notifications.services import Recipient, notify, send_mail
from portal.store import policies
from portal.store.errors import OrderNotFoundError, OutOfStockError, WrongStateError
from portal.store.models import (
    Order,
    OrderEvent,
    OrderEventKind,
    OrderLine,
    OrderState,
    PayMethod,
    RefundReason,
    Storefront,
)
from portal.store.services import orders, refunds, stock
from portal.wallet.services import credit_sale, settle_sale

_EVENT_OF = {OrderState.READY: OrderEventKind.READY, OrderState.HANDED_OVER: OrderEventKind.HANDED_OVER}


def shopper_of(order: Order, shop: Storefront) -> Recipient:
    """Where the shopper of an order is written to: in their language, at the shop's time."""
    return Recipient(order.customer_email, order.customer_name, order.customer_language, shop.time_zone)


def facts(order: Order, shop: Storefront) -> dict[str, Any]:
    """What mails and notices say of an order: plain values that can wait in the outbox."""
    return {
        "shop": shop.name,
        "slug": shop.slug,
        "number": order.number,
        "token": order.public_token,
        "order_id": order.id,
        "customer": order.customer_name,
        "total_minor": order.total_minor,
        "fee_minor": order.fee_minor,
        "currency": order.currency,
        "fulfilment": order.fulfilment.value,
    }


def settle_payment(db: Session, *, public_token: str, payment_id: int, paid: Money, funds_available: bool) -> None:
    """A payment for an order succeeded: fulfil it once, or queue the money's way back.

    Called by the payment event and by the shopper's return alike, in the transaction that records the
    payment; the order's row is held, so the second call finds it done. What cannot be fulfilled (paid
    twice, another amount, cancelled, out of stock) is given back whole, and both sides are told.
    Raises OrderNotFoundError for a payment that names no order of ours.
    """
    order = orders.lock_order(db, public_token)
    if order is None:
        raise OrderNotFoundError
    if order.payment_id == payment_id:
        return
    reason = _why_not(db, order, paid)
    if reason is not None:
        _send_back(db, order, payment_id, paid, reason)
        return
    if order.method is not PayMethod.CARD:
        # Its shopper had turned to the wallet, and paid the card's page all the same.
        orders.freeze_fee(order, PayMethod.CARD)
    order.payment_id = payment_id
    _fulfil(db, order, available=funds_available)


def settle_wallet_payment(db: Session, *, public_token: str) -> None:
    """An order is paid from its shopper's wallet, in the transaction that uses their approval.

    Raises WrongStateError when it can no longer be paid, OutOfStockError when its items are gone, and the
    ledger's InsufficientFundsError: then nothing has moved.
    """
    order = orders.lock_order(db, public_token)
    if order is None:
        raise OrderNotFoundError
    payer_id = order.customer_id
    if order.state is not OrderState.PENDING_PAYMENT or order.method is not PayMethod.WALLET or payer_id is None:
        raise WrongStateError
    if not stock.retake(db, order_id=order.id):
        raise OutOfStockError
    _fulfil(db, order, available=True, payer_id=payer_id)


def _fulfil(db: Session, order: Order, *, available: bool, payer_id: int | None = None) -> None:
    """The order is paid: sold, numbered, credited, told. Its row is held and was pending until now."""
    now = clock.now()
    stock.consume(db, order_id=order.id)
    shop = db.scalars(sa.select(Storefront).where(Storefront.id == order.storefront_id).with_for_update()).one()
    order.state, order.paid_at = OrderState.PAID, now
    order.settled_at = now if available else None
    order.number = shop.next_order_number
    shop.next_order_number += 1
    is_first = shop.first_sale_at is None
    shop.first_sale_at = shop.first_sale_at or now
    db.add(OrderEvent(order_id=order.id, kind=OrderEventKind.PAID, amount_minor=order.total_minor))
    db.flush()
    credit_sale(
        db,
        merchant_id=shop.merchant_id,
        gross=Money(order.total_minor, order.currency),
        fee=Money(order.fee_minor, order.currency),
        key=f"order:{order.id}",
        reference=order.public_token,
        available=available,
        payer_id=payer_id,
    )
    _tell_of_sale(db, order, shop, is_first=is_first)


def _why_not(db: Session, order: Order, paid: Money) -> RefundReason | None:
    """Why a payment cannot become this order's, if it cannot; retakes stock whose reservation has run out."""
    if order.payment_id is not None:
        return RefundReason.PAID_TWICE
    if order.state is not OrderState.PENDING_PAYMENT:
        return RefundReason.CANCELLED
    if paid != Money(order.total_minor, order.currency):
        return RefundReason.WRONG_AMOUNT
    return None if stock.retake(db, order_id=order.id) else RefundReason.OUT_OF_STOCK


def _send_back(db: Session, order: Order, payment_id: int, paid: Money, reason: RefundReason) -> None:
    is_new = refunds.queue_uncredited(db, order, payment_id=payment_id, amount=paid, reason=reason)
    if not is_new:
        return
    if reason is RefundReason.OUT_OF_STOCK:
        orders.cancel_unpaid(db, order)
    shop = db.scalars(sa.select(Storefront).where(Storefront.id == order.storefront_id)).one()
    params = {**facts(order, shop), "amount_minor": paid.amount_minor, "reason": reason.value}
    send_mail(
        db,
        to=shopper_of(order, shop),
        kind="store.money_back",
        params=params,
        dedupe_key=f"store:money-back:{payment_id}",
    )
    if reason not in {RefundReason.OUT_OF_STOCK, RefundReason.CANCELLED}:
        return
    merchant = user_by_id(db, shop.merchant_id)
    if merchant is not None:
        send_mail(
            db,
            to=recipient_of(merchant),
            kind="store.sale_lost",
            params=params,
            dedupe_key=f"store:sale-lost:{payment_id}",
        )


def _tell_of_sale(db: Session, order: Order, shop: Storefront, *, is_first: bool) -> None:
    lines = db.execute(
        sa.select(OrderLine.name, OrderLine.quantity, OrderLine.total_minor)
        .where(OrderLine.order_id == order.id)
        .order_by(OrderLine.id)
    )
    params = {**facts(order, shop), "lines": [list(line) for line in lines], "is_first": is_first}
    params["delivery_minor"] = order.delivery_minor
    send_mail(
        db,
        to=shopper_of(order, shop),
        kind="store.order_paid",
        params=params,
        dedupe_key=f"store:paid:{order.id}",
    )
    merchant = user_by_id(db, shop.merchant_id)
    if merchant is None:
        return
    send_mail(db, to=recipient_of(merchant), kind="store.new_sale", params=params, dedupe_key=f"store:sale:{order.id}")
    notify(
        db,
        user_id=shop.merchant_id,
        kind="store.new_sale",
        params=params,
        path=f"/{merchant.language}/shop/orders/{order.number}",
        dedupe_key=f"store:sale:{order.id}",
    )


def settle(db: Session, *, payment_id: int) -> None:
    """The provider released the money of a sale: what is left of it becomes available to the merchant. Once."""
    order = db.scalar(sa.select(Order).where(Order.payment_id == payment_id).with_for_update())
    if order is None or order.settled_at is not None:
        return
    order.settled_at = clock.now()
    db.flush()
    fee = order.fee_minor - order.fee_refunded_minor
    net = Money(order.total_minor - order.refunded_minor - fee, order.currency)
    if not net:
        return
    merchant_id = db.scalars(sa.select(Storefront.merchant_id).where(Storefront.id == order.storefront_id)).one()
    settle_sale(db, merchant_id=merchant_id, net=net, key=f"order-settled:{order.id}", reference=order.public_token)


def move_on(db: Session, *, shop: Storefront, number: int, to: OrderState) -> Order:
    """The merchant says that an order is ready, or handed over; the shopper is told.

    Pressed twice it happens once: the second press raises WrongStateError, as does a step out of turn.
    OrderNotFoundError for another shop's number.
    """
    order = owned_order(db, shop, number)
    if policies.next_state(order.state, order.fulfilment) is not to:
        raise WrongStateError
    moved = rows_changed(
        db,
        sa.update(Order)
        .where(Order.id == order.id, Order.state == order.state)
        .values(state=to)
        .execution_options(synchronize_session=False),
    )
    if not moved:
        raise WrongStateError
    db.refresh(order)
    db.add(OrderEvent(order_id=order.id, kind=_EVENT_OF[to]))
    send_mail(
        db,
        to=shopper_of(order, shop),
        kind="store.order_ready" if to is OrderState.READY else "store.order_handed_over",
        params={**facts(order, shop), "address": shop.legal_address},
        dedupe_key=f"store:{to}:{order.id}",
    )
    db.flush()
    return order


def owned_order(db: Session, shop: Storefront, number: int) -> Order:
    """A paid order of this shop by its number; OrderNotFoundError for another's."""
    order = db.scalar(sa.select(Order).where(Order.storefront_id == shop.id, Order.number == number))
    if order is None:
        raise OrderNotFoundError
    return order
