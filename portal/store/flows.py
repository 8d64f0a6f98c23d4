"""What needs the payment provider: paying an order, and giving money back. Never inside a transaction."""

import logging

from portal.kernel.db import reading, transaction
from portal.kernel.money import Money
from portal.payments import flows as payments
from portal.payments.errors import RefundTooLargeError
from portal.payments.flows import CheckoutItem
from portal.payments.models import PaymentState
from portal.store.errors import AlreadyOrderedError
from portal.store.models import Fulfilment, Order, OrderRefund
from portal.store.queries.baskets import basket_id_of
from portal.store.queries.orders import (
    OrderPage,
    open_payments_of_basket,
    order_page,
    other_open_payments,
)
from portal.store.queries.storefronts import front
from portal.store.services import orders, refunds
from portal.store.services.orders import Checkout
from portal.wallet.services import approvals

logger = logging.getLogger(__name__)

PURPOSE = "order"


def pay(*, slug: str, basket_token: str | None, checkout: Checkout, delivery: str) -> str:
    """Place the basket's order, reserve its stock, and return the address of the payment page.

    `delivery` is what that page calls the delivery, in the shopper's language. Raises what
    `orders.place` raises, and the payments' own errors when the provider cannot be reached; the order
    then waits, and the same form can be sent again.
    """
    page = _place(slug=slug, basket_token=basket_token, checkout=checkout)
    order = page.order
    if _close_other_pages(order, keep=orders.payment_key(order)):
        return f"/o/{order.public_token}"
    return payments.start_checkout(
        purpose=PURPOSE,
        reference=order.public_token,
        items=_items(page, delivery),
        customer_email=order.customer_email,
        success_path=f"/o/{order.public_token}",
        cancel_path=f"/b/{slug}/checkout",
        key=orders.payment_key(order),
        language=order.customer_language,
    )


def _close_other_pages(order: Order, *, keep: str = "") -> bool:
    """Close earlier payment pages of an order that has changed; True when one of them was paid meanwhile."""
    with reading() as db:
        others = other_open_payments(db, order.public_token, keep=keep)
    states = [payments.cancel_checkout(public_id) for public_id in others]
    return PaymentState.SUCCEEDED in states


def pay_from_wallet(*, slug: str, basket_token: str | None, checkout: Checkout) -> str:
    """Place the basket's order and ask its payer's approval; returns the approval's public id."""
    page = _place(slug=slug, basket_token=basket_token, checkout=checkout)
    if _close_other_pages(page.order):
        raise AlreadyOrderedError(page.order.public_token)
    with transaction() as db:
        return approvals.ask(db, kind=PURPOSE, reference=page.order.public_token).public_id


def _place(*, slug: str, basket_token: str | None, checkout: Checkout) -> OrderPage:
    _look_for_payment(slug, basket_token)
    with transaction() as db:
        shop = front(db, slug)
        basket_id = basket_id_of(db, basket_token, shop.id)
        order = orders.place(db, shop=shop, basket_id=basket_id, checkout=checkout)
        return order_page(db, order.public_token)


def _look_for_payment(slug: str, basket_token: str | None) -> None:
    """Who presses again may have paid in another tab: learn of it before the order is changed.

    Raises AlreadyOrderedError when they have.
    """
    with reading() as db:
        basket_id = basket_id_of(db, basket_token, front(db, slug).id)
        waiting = open_payments_of_basket(db, basket_id) if basket_id is not None else []
    for public_id, order_token in waiting:
        if payments.sync_payment(public_id) is PaymentState.SUCCEEDED:
            raise AlreadyOrderedError(order_token)


def _items(page: OrderPage, delivery: str) -> list[CheckoutItem]:
    items = [CheckoutItem(name=line.name, unit=line.unit, quantity=line.quantity) for line in page.lines]
    if page.order.fulfilment is Fulfilment.DELIVERY and page.delivery:
        items.append(CheckoutItem(name=delivery, unit=page.delivery, quantity=1))
    return items


def ask_refund(refund: OrderRefund) -> None:
    """Ask the provider to give an amount back; the events it leads to finish the refund, or give it up."""
    if refund.payment_id is None:
        return
    with transaction() as db:
        currency = db.get_one(Order, refund.order_id).currency
    try:
        payments.refund(
            payment_id=refund.payment_id,
            amount=Money(refund.amount_minor, currency),
            key=refund.key,
            reason=refund.reason.value,
        )
    except RefundTooLargeError:
        # Somebody gave it back at the provider by hand: the merchant's wallet gets its part again.
        logger.exception("refund %s of order %s is more than the payment has left", refund.id, refund.order_id)
        with transaction() as db:
            refunds.give_up(db, refund)
