"""Putting products on the shelf and changing them."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.kernel import text
from portal.kernel.db import conflict_insert, rows_changed
from portal.store.errors import OutOfStockError, ProductNotFoundError
from portal.store.models import Product, ProductPhoto, ProductState, Storefront
from portal.store.photos import PreparedPhoto


@dataclass(frozen=True, slots=True)
class ProductFacts:
    """What a merchant says of a product: the price in minor units, stock None when it is not counted."""

    name: str
    text: str
    section: str
    price_minor: int
    vat_basis_points: int
    stock: int | None
    state: ProductState = ProductState.ON_SALE


def keep_photo(db: Session, shop: Storefront, photo: PreparedPhoto) -> int:
    """The id of this picture in this shop; the same picture twice is one row."""
    values = {
        "storefront_id": shop.id,
        "content_hash": photo.content_hash,
        "width": photo.width,
        "height": photo.height,
    }
    db.execute(conflict_insert(db, ProductPhoto).on_conflict_do_nothing().values(values))
    return db.scalars(
        sa.select(ProductPhoto.id).where(
            ProductPhoto.storefront_id == shop.id, ProductPhoto.content_hash == photo.content_hash
        )
    ).one()


def photo_by_hash(db: Session, shop: Storefront, content_hash: str) -> int | None:
    """The id of a picture this shop has sent before; None for another's or an unknown one."""
    return db.scalar(
        sa.select(ProductPhoto.id).where(
            ProductPhoto.storefront_id == shop.id, ProductPhoto.content_hash == content_hash
        )
    )


def add_product(db: Session, shop: Storefront, facts: ProductFacts, *, photo_id: int | None = None) -> Product:
    """A new product at the end of the shelf, with an address of its own in the shop."""
    last = db.scalar(sa.select(sa.func.max(Product.position)).where(Product.storefront_id == shop.id)) or 0
    product = Product(
        storefront_id=shop.id,
        slug=_free_slug(db, shop.id, facts.name),
        name=facts.name,
        text=facts.text,
        section=facts.section,
        position=last + 1,
        price_minor=facts.price_minor,
        vat_basis_points=facts.vat_basis_points,
        stock=facts.stock,
        state=facts.state,
        photo_id=photo_id,
    )
    db.add(product)
    db.flush()
    return product


def _free_slug(db: Session, shop_id: int, name: str) -> str:
    base = text.slugify(name, longest=48)
    taken = set(
        db.scalars(
            sa.select(Product.slug).where(
                Product.storefront_id == shop_id, Product.slug.startswith(base, autoescape=True)
            )
        )
    )
    if base not in taken and base != "-":
        return base
    stem = "" if base == "-" else f"{base}-"
    number = 2
    while f"{stem}{number}" in taken:
        number += 1
    return f"{stem}{number}"


def owned_product(db: Session, shop: Storefront, product_id: int) -> Product:
    """A product of this shop; ProductNotFoundError for another's."""
    product = db.scalar(sa.select(Product).where(Product.id == product_id, Product.storefront_id == shop.id))
    if product is None:
        raise ProductNotFoundError
    return product


def change_product(
    db: Session, product: Product, facts: ProductFacts, *, stock_seen: int | None, photo_id: int | None
) -> None:
    """Change what is said of a product; its address stays, orders keep what they were.

    The stock is moved by the difference to `stock_seen`, what the merchant's page showed: items sold
    meanwhile stay sold. OutOfStockError when that would leave less than nothing. `photo_id` None keeps
    the photo.
    """
    _change_stock(db, product, seen=stock_seen, wanted=facts.stock)
    product.name, product.text, product.section = facts.name, facts.text, facts.section
    product.price_minor, product.vat_basis_points = facts.price_minor, facts.vat_basis_points
    product.state = facts.state
    product.photo_id = photo_id or product.photo_id
    db.flush()


def _change_stock(db: Session, product: Product, *, seen: int | None, wanted: int | None) -> None:
    if wanted == seen:
        return
    if wanted is None or seen is None:
        rows_changed(db, sa.update(Product).where(Product.id == product.id).values(stock=wanted))
    else:
        moved = sa.update(Product).where(Product.id == product.id, Product.stock + (wanted - seen) >= 0)
        if not rows_changed(db, moved.values(stock=Product.stock + (wanted - seen))):
            raise OutOfStockError
    db.refresh(product, ["stock"])
