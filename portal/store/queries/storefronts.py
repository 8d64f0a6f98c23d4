"""What shoppers see: a shop, its shelf, one product. Core columns only: these are the busiest pages."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.certificates.models import Certificate, CertificateState
from portal.identity.models import User
from portal.kernel.db import BigId
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


@dataclass(frozen=True, slots=True)
class Front:
    """A shop as its pages need it; `followers` is how many asked to be told.

    `handle` is its merchant's; `is_certified`: its merchant holds a valid certificate of the programme now.
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
    handle: str
    followers: int
    is_certified: bool

    @property
    def delivery_price(self) -> Money:
        """What delivery costs."""
        return Money(self.delivery_price_minor, self.currency)


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


# Built once, on tables rather than entities: the shop's pages are looked at more than all others together.
_shops, _products, _photos = Storefront.__table__.c, Product.__table__.c, ProductPhoto.__table__.c
_followers, _certificates = StorefrontFollower.__table__.c, Certificate.__table__.c
_users = User.__table__.c

_COUNTED: dict[str, Any] = {
    "handle": sa.select(_users.handle).where(_users.id == _shops.merchant_id).scalar_subquery(),
    "followers": sa.select(sa.func.count())
    .where(_followers.storefront_id == _shops.id, _followers.confirmed_at.is_not(None))
    .scalar_subquery(),
    "is_certified": sa.exists().where(
        _certificates.user_id == _shops.merchant_id, _certificates.state == CertificateState.VALID
    ),
}
_FRONT: sa.Select[Any] = sa.select(
    *(_COUNTED[name] if name in _COUNTED else _shops[name] for name in Front.__dataclass_fields__)
).where(_shops.slug == sa.bindparam("slug", type_=sa.String))

_ON_SALE = (
    _products.storefront_id == sa.bindparam("shop", type_=BigId),
    _products.state == ProductState.ON_SALE,
)
_WITH_PHOTO = Product.__table__.outerjoin(ProductPhoto.__table__, _photos.id == _products.photo_id)
_SECTIONS = (
    sa.select(_products.section)
    .where(*_ON_SALE, _products.section != "")
    .group_by(_products.section)
    .order_by(sa.func.min(_products.position))
)
_SHELF = (
    sa.select(
        _products.id,
        _products.slug,
        _products.name,
        _products.price_minor,
        _products.stock,
        _photos.content_hash,
        _products.position,
        _products.section,
    )
    .select_from(_WITH_PHOTO)
    .where(*_ON_SALE, _products.position > sa.bindparam("after", type_=sa.Integer))
    .order_by(_products.position)
    .limit(SHELF_PAGE + 1)
)
_SECTION = _SHELF.where(_products.section == sa.bindparam("section", type_=sa.String))
_PRODUCT = (
    sa.select(
        _products.id,
        _products.slug,
        _products.name,
        _products.text,
        _products.section,
        _products.price_minor,
        _products.stock,
        _photos.content_hash,
        _photos.width,
        _photos.height,
    )
    .select_from(_WITH_PHOTO)
    .where(*_ON_SALE, _products.slug == sa.bindparam("slug", type_=sa.String))
)


def front(db: Session, slug: str, *, viewer_id: int | None = None) -> Front:
    """The published shop at this address, or the viewer's own draft; ShopNotFoundError otherwise."""
    row = db.execute(_FRONT, {"slug": slug}).first()
    if row is None or (row.state is StorefrontState.DRAFT and row.merchant_id != viewer_id):
        raise ShopNotFoundError
    return Front(*row)


def shelf(db: Session, shop: Front, *, section: str = "", after: int = 0) -> Shelf:
    """A page of what the shop sells, from the position `after` on, in one section or in all.

    One statement while everything fits on a page; its sections are then known from it.
    """
    rows = db.execute(_SHELF, {"shop": shop.id, "after": after}).all()
    if after or len(rows) > SHELF_PAGE:
        sections = tuple(db.execute(_SECTIONS, {"shop": shop.id}).scalars())
        if section in sections:
            rows = db.execute(_SECTION, {"shop": shop.id, "after": after, "section": section}).all()
    else:
        sections = tuple(dict.fromkeys(row.section for row in rows if row.section))
        if section in sections:
            rows = [row for row in rows if row.section == section]
    currency = shop.currency
    shown = tuple(
        Shown(id_, slug, name, Money(price, currency), stock, photo)
        for id_, slug, name, price, stock, photo, _position, _section in rows[:SHELF_PAGE]
    )
    return Shelf(shown, sections, rows[SHELF_PAGE - 1].position if len(rows) > SHELF_PAGE else None)


def product_page(db: Session, shop: Front, slug: str) -> ProductPage:
    """A product that is on sale in this shop; ProductNotFoundError otherwise."""
    row = db.execute(_PRODUCT, {"shop": shop.id, "slug": slug}).first()
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
