"""Giving money back: asked for in our own transaction, carried out by the worker, told when it is done."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.kernel import clock
from portal.kernel.db import conflict_insert, rows_changed
from portal.kernel.money import Money
from portal.kernel.worker import wake_after_commit
from portal.notifications.services import Recipient, send_mail
from portal.store import policies
from portal.store.errors import RefundTooLargeError, WrongStateError
from portal.store.models import (
    Order,
    OrderEvent,
    OrderEventKind,
    OrderRefund,
    OrderRefundState,
    OrderState,
    RefundReason,
    Storefront,
)
from portal.wallet.services import credit_sale, refund_sale

REFUND_JOB = "store_refunds"


def _insert(db: Session, values: dict[str, object]) -> bool:
    insert = conflict_insert(db, OrderRefund).on_conflict_do_nothing(index_elements=["key"])
    is_new = db.scalar(insert.values(values).returning(OrderRefund.id)) is not None
    if is_new:
        wake_after_commit(db, REFUND_JOB)
    return is_new


def queue_uncredited(db: Session, order: Order, *, payment_id: int, amount: Money, reason: RefundReason) -> bool:
    """Queue the whole of a payment that never became the merchant's; once for a payment."""
    values = {
        "order_id": order.id,
        "key": f"store-payment:{payment_id}",
        "payment_id": payment_id,
        "amount_minor": amount.amount_minor,
        "reason": reason,
        "state": OrderRefundState.QUEUED,
        "was_credited": False,
        "created_at": clock.now(),
    }
    is_new = _insert(db, values)
    if is_new:
        event = OrderEvent(order_id=order.id, kind=OrderEventKind.REFUND_ASKED, amount_minor=amount.amount_minor)
        db.add(event)
        db.flush()
    return is_new


def ask(db: Session, *, order_id: int, amount: Money, key: str) -> None:
    """The merchant gives back a part or the whole of an order; the same form sent twice asks once.

    The money leaves the merchant's wallet at once, with its share of the fee returned; what a card paid,
    the worker then asks of the provider: nothing is given back that the merchant no longer has.
    Raises WrongStateError when
    nothing is left to give back, RefundTooLargeError for more than that, the ledger's
    InsufficientFundsError when the wallet holds too little.
    """
    order = db.scalars(sa.select(Order).where(Order.id == order_id).with_for_update()).one()
    if by_key(db, f"store-refund:{key}") is not None:
        return
    left = policies.refundable_minor(order)
    if left <= 0:
        raise WrongStateError
    if amount.amount_minor > left:
        raise RefundTooLargeError
    fee_back = _fee_back(order, amount)
    refund = OrderRefund(
        order_id=order.id,
        key=f"store-refund:{key}",
        payment_id=order.payment_id,
        amount_minor=amount.amount_minor,
        fee_back_minor=fee_back.amount_minor,
        reason=RefundReason.MERCHANT,
        was_credited=True,
    )
    db.add(refund)
    order.refunded_minor += amount.amount_minor
    order.fee_refunded_minor += fee_back.amount_minor
    db.add(OrderEvent(order_id=order.id, kind=OrderEventKind.REFUND_ASKED, amount_minor=amount.amount_minor))
    db.flush()
    refund_sale(
        db,
        merchant_id=_shop(db, order).merchant_id,
        amount=amount,
        fee_back=fee_back,
        key=f"order-refund:{refund.id}",
        reference=order.public_token,
        available=order.settled_at is not None,
        payer_id=order.customer_id if order.payment_id is None else None,
    )
    if order.payment_id is None:
        finish(db, refund)
    else:
        wake_after_commit(db, REFUND_JOB)


def _fee_back(order: Order, amount: Money) -> Money:
    """The fee's part that goes back with `amount`: in proportion, and all of it once all is given back."""
    given = order.refunded_minor + amount.amount_minor
    return Money(order.fee_minor * given // order.total_minor - order.fee_refunded_minor, order.currency)


def _shop(db: Session, order: Order) -> Storefront:
    return db.scalars(sa.select(Storefront).where(Storefront.id == order.storefront_id)).one()


def _end(db: Session, refund: OrderRefund, state: OrderRefundState) -> bool:
    """From queued to its end, once; returns whether this call did it."""
    waiting = sa.update(OrderRefund).where(OrderRefund.id == refund.id, OrderRefund.state == OrderRefundState.QUEUED)
    ended = waiting.values(state=state, done_at=clock.now()).execution_options(synchronize_session=False)
    return rows_changed(db, ended) == 1


def finish(db: Session, refund: OrderRefund) -> None:
    """The provider gave the money back: it is in the order's history, the shopper is told. Twice is once."""
    order = db.scalars(sa.select(Order).where(Order.id == refund.order_id).with_for_update()).one()
    if not _end(db, refund, OrderRefundState.SUCCEEDED):
        return
    db.add(OrderEvent(order_id=order.id, kind=OrderEventKind.REFUNDED, amount_minor=refund.amount_minor))
    db.flush()
    if not refund.was_credited:
        return
    given = db.scalars(
        sa.select(sa.func.sum(OrderRefund.amount_minor)).where(
            OrderRefund.order_id == order.id,
            OrderRefund.was_credited,
            OrderRefund.state == OrderRefundState.SUCCEEDED,
        )
    ).one()
    if given == order.total_minor:
        order.state = OrderState.REFUNDED
    shop = _shop(db, order)
    send_mail(
        db,
        to=Recipient(order.customer_email, order.customer_name, order.customer_language, shop.time_zone),
        kind="store.refunded",
        params={
            "shop": shop.name,
            "number": order.number,
            "token": order.public_token,
            "amount_minor": refund.amount_minor,
            "currency": order.currency,
        },
        dedupe_key=f"store:refunded:{refund.id}",
    )
    db.flush()


def give_up(db: Session, refund: OrderRefund) -> None:
    """The provider refuses for good: the money is the merchant's again, and can be asked for again."""
    order = db.scalars(sa.select(Order).where(Order.id == refund.order_id).with_for_update()).one()
    if not _end(db, refund, OrderRefundState.FAILED) or not refund.was_credited:
        return
    order.refunded_minor -= refund.amount_minor
    order.fee_refunded_minor -= refund.fee_back_minor
    db.flush()
    credit_sale(
        db,
        merchant_id=_shop(db, order).merchant_id,
        gross=Money(refund.amount_minor, order.currency),
        fee=Money(refund.fee_back_minor, order.currency),
        key=f"order-refund-failed:{refund.id}",
        reference=order.public_token,
        available=order.settled_at is not None,
    )


def queued(db: Session, *, limit: int = 50) -> list[OrderRefund]:
    """Refunds still to be asked of the provider, the oldest first."""
    return list(
        db.scalars(
            sa.select(OrderRefund)
            .where(OrderRefund.state == OrderRefundState.QUEUED)
            .order_by(OrderRefund.id)
            .limit(limit)
        )
    )


def by_key(db: Session, key: str) -> OrderRefund | None:
    """The refund that was asked of the provider with this key."""
    return db.scalar(sa.select(OrderRefund).where(OrderRefund.key == key))
