"""The merchant's own pages: products, the week's sales."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.kernel import clock
from portal.kernel.money import Money
from portal.store.models import (
    Order,
    OrderLine,
    OrderState,
    Product,
    ProductPhoto,
    ProductState,
    Storefront,
    StorefrontFollower,
)

LOW_STOCK = 3
_SOLD = (OrderState.PAID, OrderState.READY, OrderState.HANDED_OVER)


@dataclass(frozen=True, slots=True)
class Owned:
    """A product in its merchant's list."""

    id: int
    name: str
    price: Money
    stock: int | None
    state: ProductState
    photo_hash: str | None
    sold_in_a_week: int


@dataclass(frozen=True, slots=True)
class Day:
    """One day's sales; `closed` when the weekly hours say so and nothing was sold."""

    day: date
    amount: Money
    closed: bool
    today: bool


@dataclass(frozen=True, slots=True)
class Week:
    """The last seven days, today the last; `before` is what the seven before them came to."""

    days: tuple[Day, ...]
    gross: Money
    fees: Money
    before: Money

    @property
    def net(self) -> Money:
        """What remains for the merchant."""
        return self.gross - self.fees

    @property
    def change_percent(self) -> int | None:
        """Against the week before, rounded; None when there was nothing then."""
        if not self.before:
            return None
        change = self.gross.amount_minor - self.before.amount_minor
        # To the nearest whole, without a fraction on the way.
        return (200 * change + self.before.amount_minor) // (2 * self.before.amount_minor)


def shop_of(db: Session, merchant_id: int) -> Storefront | None:
    """The merchant's storefront, if they have one."""
    return db.scalar(sa.select(Storefront).where(Storefront.merchant_id == merchant_id))


def follower_count(db: Session, shop: Storefront) -> int:
    """How many asked to be told when the shop opens."""
    return db.scalars(
        sa.select(sa.func.count()).where(
            StorefrontFollower.storefront_id == shop.id, StorefrontFollower.confirmed_at.is_not(None)
        )
    ).one()


def owned_products(db: Session, shop: Storefront, *, running_low: bool = False, limit: int = 200) -> list[Owned]:
    """The shop's products in the order of the shelf; `running_low`: those that need a look, emptiest first."""
    week_ago = clock.now() - timedelta(days=7)
    sold = (
        sa.select(sa.func.coalesce(sa.func.sum(OrderLine.quantity), 0))
        .join(Order, Order.id == OrderLine.order_id)
        .where(OrderLine.product_id == Product.id, Order.state.in_(_SOLD), Order.paid_at >= week_ago)
        .correlate(Product)
        .scalar_subquery()
    )
    query = (
        sa.select(
            Product.id,
            Product.name,
            Product.price_minor,
            Product.stock,
            Product.state,
            ProductPhoto.content_hash,
            sold,
        )
        .outerjoin(ProductPhoto, ProductPhoto.id == Product.photo_id)
        .where(Product.storefront_id == shop.id)
        .limit(limit)
    )
    if running_low:
        query = query.where(Product.stock <= LOW_STOCK, Product.state == ProductState.ON_SALE)
        query = query.order_by(Product.stock, Product.position)
    else:
        query = query.order_by(Product.position)
    return [
        Owned(id_, name, Money(price, shop.currency), stock, state, photo, sold_count)
        for id_, name, price, stock, state, photo, sold_count in db.execute(query)
    ]


def product_count(db: Session, shop: Storefront) -> int:
    """How many products the shop has, hidden ones too."""
    return db.scalars(sa.select(sa.func.count()).where(Product.storefront_id == shop.id)).one()


def _starts(shop: Storefront) -> tuple[list[date], list[datetime]]:
    """The last seven days at the shop, and the moments when they and the next one begin."""
    zone = ZoneInfo(shop.time_zone)
    today = clock.now().astimezone(zone).date()
    days = [today - timedelta(days=6 - offset) for offset in range(7)]
    edges = [datetime.combine(day, time(), tzinfo=zone) for day in (*days, today + timedelta(days=1))]
    return days, edges


def week(db: Session, shop: Storefront) -> Week:
    """Sales of the last seven days by the shop's calendar, in one statement."""
    days, edges = _starts(shop)
    before = edges[0] - timedelta(days=7)

    def between(start: datetime, end: datetime) -> sa.ColumnElement[int]:
        inside = sa.and_(Order.paid_at >= start, Order.paid_at < end)
        return sa.func.coalesce(sa.func.sum(sa.case((inside, Order.total_minor), else_=0)), 0)

    this_week = Order.paid_at >= edges[0]
    fees = sa.func.coalesce(sa.func.sum(sa.case((this_week, Order.fee_minor), else_=0)), 0)
    columns = [between(start, end) for start, end in pairwise(edges)]
    row = db.execute(
        sa.select(*columns, between(before, edges[0]), fees).where(
            Order.storefront_id == shop.id, Order.state.in_(_SOLD), Order.paid_at >= before
        )
    ).one()
    amounts = [Money(int(value), shop.currency) for value in row]
    has_hours = any(shop.opening_hours)
    shown = tuple(
        Day(day, amount, has_hours and not shop.opening_hours[day.weekday()] and not amount, index == len(days) - 1)
        for index, (day, amount) in enumerate(zip(days, amounts, strict=False))
    )
    gross = Money(sum(amount.amount_minor for amount in amounts[:7]), shop.currency)
    return Week(shown, gross, fees=amounts[8], before=amounts[7])
