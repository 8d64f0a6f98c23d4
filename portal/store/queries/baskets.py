"""What is in a basket, at this moment's prices."""

import hashlib
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.kernel import ids
from portal.kernel.money import Money
from portal.store import policies
from portal.store.models import (
    Basket,
    BasketLine,
    Fulfilment,
    Order,
    OrderState,
    Product,
    ProductPhoto,
    ProductState,
    ReservationState,
    StockReservation,
)
from portal.store.policies import Shop


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a basket at today's price; `left` None when stock is not counted."""

    product_id: int
    slug: str
    name: str
    photo_hash: str | None
    unit: Money
    vat_basis_points: int
    quantity: int
    left: int | None

    @property
    def total(self) -> Money:
        """Quantity times price."""
        return self.unit * self.quantity


@dataclass(frozen=True, slots=True)
class Contents:
    """A basket as it stands: its lines, how it is to be received, and what that comes to."""

    basket_id: int
    items: tuple[Item, ...]
    fulfilment: Fulfilment | None
    items_total: Money
    delivery: Money

    @property
    def total(self) -> Money:
        """What is to be paid."""
        return self.items_total + self.delivery

    @property
    def count(self) -> int:
        """How many pieces."""
        return sum(item.quantity for item in self.items)

    @property
    def fingerprint(self) -> str:
        """What a page showed, so that paying something else is noticed: lines, prices, way, delivery."""
        lines = [(item.product_id, item.quantity, item.unit.amount_minor) for item in self.items]
        seen = (self.basket_id, lines, self.fulfilment, self.delivery.amount_minor)
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:32]


def basket_id_of(db: Session, token: str | None, storefront_id: int) -> int | None:
    """The open basket that a cookie's token belongs to in this shop; None when it was paid or is unknown."""
    if not token:
        return None
    settled = sa.exists().where(Order.basket_id == Basket.id, Order.state != OrderState.PENDING_PAYMENT)
    return db.scalar(
        sa.select(Basket.id).where(
            Basket.token_hash == ids.digest(token), Basket.storefront_id == storefront_id, ~settled
        )
    )


def contents(db: Session, *, basket_id: int, shop: Shop) -> Contents:
    """The basket at this moment's prices, in two statements.

    What the shop no longer sells is not in it. Without a choice, or with one no longer offered, the
    first way of the shop stands.
    """
    offered = policies.fulfilments(shop)
    chosen = db.scalar(sa.select(Basket.fulfilment).where(Basket.id == basket_id))
    way = chosen if chosen in offered else (offered[0] if offered else None)
    items = tuple(_items(db, basket_id, shop.currency))
    goods = sum((item.total.amount_minor for item in items), 0)
    delivery = shop.delivery_price_minor if way is Fulfilment.DELIVERY else 0
    return Contents(basket_id, items, way, Money(goods, shop.currency), Money(delivery, shop.currency))


def sellable_stock(basket_id: int) -> sa.ColumnElement[int | None]:
    """What this basket can still have of a product: what is left, and what its own order has reserved.

    NULL when stock is not counted.
    """
    own = (
        sa.select(sa.func.coalesce(sa.func.sum(StockReservation.quantity), 0))
        .join(Order, Order.id == StockReservation.order_id)
        .where(
            Order.basket_id == basket_id,
            StockReservation.product_id == Product.id,
            StockReservation.state == ReservationState.ACTIVE,
        )
        .correlate(Product)
        .scalar_subquery()
    )
    return Product.stock + own


def _items(db: Session, basket_id: int, currency: str) -> list[Item]:
    rows = db.execute(
        sa.select(
            Product.id,
            Product.slug,
            Product.name,
            ProductPhoto.content_hash,
            Product.price_minor,
            Product.vat_basis_points,
            BasketLine.quantity,
            sellable_stock(basket_id),
        )
        .join(BasketLine, BasketLine.product_id == Product.id)
        .outerjoin(ProductPhoto, ProductPhoto.id == Product.photo_id)
        .where(BasketLine.basket_id == basket_id, Product.state == ProductState.ON_SALE)
        .order_by(BasketLine.added_at, Product.id)
    )
    return [
        Item(product_id, slug, name, photo, Money(price, currency), vat, quantity, left)
        for product_id, slug, name, photo, price, vat, quantity, left in rows
    ]
