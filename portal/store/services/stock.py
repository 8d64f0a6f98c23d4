"""Stock: reserved when an order is placed, kept for good when it is paid, given back otherwise.

`products.stock` is what can still be sold. Every change is a conditional update, products in the order
of their ids, so that two orders never wait for each other and nothing is sold twice.
"""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.kernel.db import rows_changed
from portal.store.errors import OutOfStockError
from portal.store.models import Product, ReservationState, StockReservation


def reserve(db: Session, *, order_id: int, wanted: Mapping[int, int], expires_at: datetime) -> bool:
    """Reserve `wanted` (quantity by product) for an order, whatever it had reserved before.

    Returns whether anything was taken that the order did not hold already. Raises OutOfStockError when
    too little is left: the caller's transaction then takes nothing. Products whose stock is not counted
    need no reservation.
    """
    held = _held(db, order_id)
    counted = _counted(db, set(wanted) | set(held))
    taken = False
    for product_id in sorted(set(wanted) | set(held)):
        quantity = wanted.get(product_id, 0)
        more = quantity - held.get(product_id, 0)
        if product_id not in counted and product_id not in held:
            continue
        if more > 0:
            _take(db, product_id, more)
            taken = True
        elif more < 0:
            _give_back(db, product_id, -more)
        _note(db, order_id, product_id, quantity, expires_at)
    return taken


def retake(db: Session, *, order_id: int) -> bool:
    """Take again what an order had reserved and lost; all of it or nothing. Returns whether it could."""
    lost = db.execute(
        sa.select(StockReservation.product_id, StockReservation.quantity)
        .where(StockReservation.order_id == order_id, StockReservation.state == ReservationState.RELEASED)
        .order_by(StockReservation.product_id)
    ).all()
    try:
        with db.begin_nested():
            for product_id, quantity in lost:
                _take(db, product_id, quantity)
    except OutOfStockError:
        return False
    return True


def consume(db: Session, *, order_id: int) -> None:
    """The order is paid: what was reserved is sold."""
    db.execute(
        sa.update(StockReservation)
        .where(StockReservation.order_id == order_id)
        .values(state=ReservationState.CONSUMED)
        .execution_options(synchronize_session=False)
    )


def release(db: Session, *, order_id: int) -> int:
    """Give back what an order still has reserved; returns how many products that were. Twice is once."""
    held = _held(db, order_id)
    for product_id, quantity in sorted(held.items()):
        active = sa.update(StockReservation).where(
            StockReservation.order_id == order_id,
            StockReservation.product_id == product_id,
            StockReservation.state == ReservationState.ACTIVE,
        )
        if rows_changed(db, active.values(state=ReservationState.RELEASED)):
            _give_back(db, product_id, quantity)
    return len(held)


def expired(db: Session, *, at: datetime, limit: int = 100) -> list[int]:
    """Ids of orders whose reservation has run out, the oldest first."""
    return list(
        db.scalars(
            sa.select(StockReservation.order_id)
            .where(StockReservation.state == ReservationState.ACTIVE, StockReservation.expires_at <= at)
            .group_by(StockReservation.order_id)
            .order_by(sa.func.min(StockReservation.expires_at))
            .limit(limit)
        )
    )


def _held(db: Session, order_id: int) -> dict[int, int]:
    rows = db.execute(
        sa.select(StockReservation.product_id, StockReservation.quantity).where(
            StockReservation.order_id == order_id, StockReservation.state == ReservationState.ACTIVE
        )
    )
    return {row.product_id: row.quantity for row in rows}


def _counted(db: Session, product_ids: set[int]) -> set[int]:
    return set(db.scalars(sa.select(Product.id).where(Product.id.in_(product_ids), Product.stock.is_not(None))))


def _take(db: Session, product_id: int, quantity: int) -> None:
    """Off the shelf, if that many are there; a product no longer counted has enough."""
    there = sa.update(Product).where(Product.id == product_id, Product.stock >= quantity)
    if rows_changed(db, there.values(stock=Product.stock - quantity)):
        return
    if not db.scalar(sa.select(sa.exists().where(Product.id == product_id, Product.stock.is_(None)))):
        raise OutOfStockError


def _give_back(db: Session, product_id: int, quantity: int) -> None:
    """Back on the shelf; a product no longer counted stays so (NULL + n is NULL)."""
    db.execute(sa.update(Product).where(Product.id == product_id).values(stock=Product.stock + quantity))


def _note(db: Session, order_id: int, product_id: int, quantity: int, expires_at: datetime) -> None:
    row = db.scalar(
        sa.select(StockReservation).where(
            StockReservation.order_id == order_id, StockReservation.product_id == product_id
        )
    )
    if row is not None and quantity == 0:
        db.delete(row)
    elif row is not None:
        row.quantity, row.expires_at, row.state = quantity, expires_at, ReservationState.ACTIVE
    elif quantity:
        db.add(StockReservation(order_id=order_id, product_id=product_id, quantity=quantity, expires_at=expires_at))
    db.flush()
