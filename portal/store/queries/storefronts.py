"""What shoppers see: a shop, its shelf, one product. Core columns only: these are the busiest pages."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.certificates.models import Certificate, CertificateState
from portal.kernel.money import Money
from portal.store.errors import ProductNotFoundError, ShopNotFoundError
from portal.store.models import (
    Awning,
    Product,
    ProductPhoto,
    ProductState,
    Storefront,
    StorefrontFollower,
    StorefrontState,
)

SHELF_PAGE = 24

_FOLLOWERS = (
    sa.select(sa.func.count())
    .select_from(StorefrontFollower)
    .where(StorefrontFollower.storefront_id == Storefront.id, StorefrontFollower.confirmed_at.is_not(None))
    .scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class Front:
    """A shop as its pages need it; `followers` is how many asked to be told.

    `is_certified`: its merchant holds a valid certificate of the programme now.
    """

    id: int
    merchant_id: int
    slug: str
    name: str
    awning: Awning
    description: str
    currency: str
    time_zone: str
    state: StorefrontState
    legal_name: str
    legal_address: str
    siret: str | None
    contact_email: str
    contact_phone: str
    mediator: str
    opening_hours: list[list[list[int]]]
    switched_open: bool | None
    switched_until: datetime | None
    offers_pickup: bool
    offers_delivery: bool
    offers_nothing_to_ship: bool
    pickup_text: str
    delivery_text: str
    delivery_price_minor: int
    published_at: datetime | None
    followers: int
    is_certified: bool

    @property
    def delivery_price(self) -> Money:
        """What delivery costs."""
        return Money(self.delivery_price_minor, self.currency)


_CERTIFIED = sa.exists().where(
    Certificate.user_id == Storefront.merchant_id, Certificate.state == CertificateState.VALID
)
_COUNTED: dict[str, Any] = {"followers": _FOLLOWERS, "is_certified": _CERTIFIED}
_COLUMNS = [_COUNTED[name] if name in _COUNTED else getattr(Storefront, name) for name in Front.__dataclass_fields__]
_FRONT: sa.Select[Any] = sa.select(*_COLUMNS)


@dataclass(frozen=True, slots=True)
class Shown:
    """A product on the shelf; `stock` None when it is not counted."""

    id: int
    slug: str
    name: str
    price: Money
    stock: int | None
    photo_hash: str | None


@dataclass(frozen=True, slots=True)
class Shelf:
    """A page of the shelf; `after` is where the next page begins, None on the last."""

    products: tuple[Shown, ...]
    sections: tuple[str, ...]
    after: int | None


@dataclass(frozen=True, slots=True)
class ProductPage:
    """One product with its words and the size of its picture."""

    id: int
    slug: str
    name: str
    text: str
    section: str
    price: Money
    stock: int | None
    photo_hash: str | None
    photo_width: int | None
    photo_height: int | None


def front(db: Session, slug: str, *, viewer_id: int | None = None) -> Front:
    """The published shop at this address, or the viewer's own draft; ShopNotFoundError otherwise."""
    row = db.execute(_FRONT.where(Storefront.slug == slug)).first()
    if row is None or (row.state is StorefrontState.DRAFT and row.merchant_id != viewer_id):
        raise ShopNotFoundError
    return Front(*row)


def shelf(db: Session, shop: Front, *, section: str = "", after: int = 0) -> Shelf:
    """A page of what the shop sells, from the position `after` on, in one section or in all."""
    on_sale = (Product.storefront_id == shop.id, Product.state == ProductState.ON_SALE)
    sections = tuple(
        db.scalars(
            sa.select(Product.section)
            .where(*on_sale, Product.section != "")
            .group_by(Product.section)
            .order_by(sa.func.min(Product.position))
        )
    )
    query = (
        sa.select(
            Product.id,
            Product.slug,
            Product.name,
            Product.price_minor,
            Product.stock,
            ProductPhoto.content_hash,
            Product.position,
        )
        .outerjoin(ProductPhoto, ProductPhoto.id == Product.photo_id)
        .where(*on_sale, Product.position > after)
        .order_by(Product.position)
        .limit(SHELF_PAGE + 1)
    )
    if section in sections:
        query = query.where(Product.section == section)
    rows = db.execute(query).all()
    currency = shop.currency
    shown = tuple(
        Shown(id_, slug, name, Money(price, currency), stock, photo)
        for id_, slug, name, price, stock, photo, _position in rows[:SHELF_PAGE]
    )
    return Shelf(shown, sections, rows[SHELF_PAGE - 1].position if len(rows) > SHELF_PAGE else None)


def product_page(db: Session, shop: Front, slug: str) -> ProductPage:
    """A product that is on sale in this shop; ProductNotFoundError otherwise."""
    row = db.execute(
        sa.select(
            Product.id,
            Product.slug,
            Product.name,
            Product.text,
            Product.section,
            Product.price_minor,
            Product.stock,
            ProductPhoto.content_hash,
            ProductPhoto.width,
            ProductPhoto.height,
        )
        .outerjoin(ProductPhoto, ProductPhoto.id == Product.photo_id)
        .where(Product.storefront_id == shop.id, Product.slug == slug, Product.state == ProductState.ON_SALE)
    ).first()
    if row is None:
        raise ProductNotFoundError
    return ProductPage(
        id=row.id,
        slug=row.slug,
        name=row.name,
        text=row.text,
        section=row.section,
        price=Money(row.price_minor, shop.currency),
        stock=row.stock,
        photo_hash=row.content_hash,
        photo_width=row.width,
        photo_height=row.height,
    )
