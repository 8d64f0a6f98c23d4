"""Filling a basket. Prices are not kept here: they are read when it is shown, and again when it is paid."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.kernel import clock, ids
from portal.kernel.db import conflict_insert, rows_changed
from portal.store import policies
from portal.store.errors import OutOfStockError, ProductNotFoundError
from portal.store.models import Basket, BasketLine, Fulfilment, Order, Product, ProductState
from portal.store.policies import Shop
from portal.store.queries.baskets import sellable_stock

MOST_OF_ONE = 99


def start_basket(db: Session, shop: Shop) -> tuple[int, str]:
    """A new empty basket: its id, and the token for the shopper's cookie."""
    token = ids.token()
    basket = Basket(token_hash=ids.digest(token), storefront_id=shop.id)
    db.add(basket)
    db.flush()
    return basket.id, token


def add_item(db: Session, *, basket_id: int, shop: Shop, product_id: int, quantity: int) -> None:
    """Put `quantity` more of a product into the basket, up to what is left and to 99.

    Raises ProductNotFoundError when this shop does not sell it, OutOfStockError when none is left.
    """
    product = _sellable(db, shop, product_id)
    there = db.scalar(
        sa.select(BasketLine.quantity).where(BasketLine.basket_id == basket_id, BasketLine.product_id == product_id)
    )
    _write_line(db, basket_id, product, (there or 0) + quantity)


def set_quantity(db: Session, *, basket_id: int, shop: Shop, product_id: int, quantity: int) -> None:
    """Exactly `quantity` of a product, fewer when fewer are left; 0 takes it out."""
    if quantity <= 0:
        db.execute(sa.delete(BasketLine).where(BasketLine.basket_id == basket_id, BasketLine.product_id == product_id))
        _touch(db, basket_id)
        return
    _write_line(db, basket_id, _sellable(db, shop, product_id), quantity)


def choose_fulfilment(db: Session, *, basket_id: int, shop: Shop, way: Fulfilment) -> None:
    """How this basket is to be received; a way the shop does not offer is a ProductNotFoundError."""
    if way not in policies.fulfilments(shop):
        raise ProductNotFoundError
    db.execute(sa.update(Basket).where(Basket.id == basket_id).values(fulfilment=way, changed_at=clock.now()))


def _sellable(db: Session, shop: Shop, product_id: int) -> Product:
    product = db.scalar(
        sa.select(Product).where(
            Product.id == product_id, Product.storefront_id == shop.id, Product.state == ProductState.ON_SALE
        )
    )
    if product is None:
        raise ProductNotFoundError
    return product


def _write_line(db: Session, basket_id: int, product: Product, quantity: int) -> None:
    possible = min(quantity, MOST_OF_ONE)
    left = db.scalar(sa.select(sellable_stock(basket_id)).where(Product.id == product.id))
    if left is not None:
        possible = min(possible, left)
    if possible <= 0:
        raise OutOfStockError
    insert = conflict_insert(db, BasketLine).values(
        basket_id=basket_id, product_id=product.id, quantity=possible, added_at=clock.now()
    )
    db.execute(insert.on_conflict_do_update(index_elements=["basket_id", "product_id"], set_={"quantity": possible}))
    _touch(db, basket_id)


def _touch(db: Session, basket_id: int) -> None:
    db.execute(sa.update(Basket).where(Basket.id == basket_id).values(changed_at=clock.now()))


def forget(db: Session, *, before: datetime) -> int:
    """Delete baskets left alone since before a moment, unless they became an order; returns how many."""
    ordered = sa.exists().where(Order.basket_id == Basket.id)
    return rows_changed(
        db,
        sa.delete(Basket).where(Basket.changed_at < before, ~ordered).execution_options(synchronize_session=False),
    )
