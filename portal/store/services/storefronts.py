"""Opening a shop, saying who sells and how, publishing it, and the switch at its door."""

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session
from stdnum.exceptions import ValidationError
from stdnum.fr import siret as stdnum_siret

from portal import config
from portal.certificates.queries import valid_certificate
from portal.kernel import clock, text
from portal.kernel.db import conflict_insert
from portal.store import opening
from portal.store.errors import (
    AddressStaysError,
    BadSiretError,
    CertificateNeededError,
    IncompleteShopError,
    ShopNotFoundError,
    SlugTakenError,
)
from portal.store.models import Awning, Fulfilment, Product, ProductState, Storefront, StorefrontState

# Words of our own addresses under /b.
RESERVED_SLUGS = frozenset({"follow", "media", "-"})


@dataclass(frozen=True, slots=True)
class Seller:
    """Who sells, as the law wants it said (LCEN; Code de la consommation L111-1, L612-1)."""

    legal_name: str
    legal_address: str
    siret: str
    contact_email: str
    contact_phone: str
    mediator: str


@dataclass(frozen=True, slots=True)
class Ways:
    """How orders leave the shop; the delivery price in minor units."""

    offered: frozenset[Fulfilment]
    pickup_text: str
    delivery_text: str
    delivery_price_minor: int


def open_shop(db: Session, *, merchant_id: int, name: str, contact_email: str, time_zone: str) -> Storefront:
    """A draft storefront for a merchant who holds a valid certificate; asked again, the one they have.

    Raises CertificateNeededError without one.
    """
    if valid_certificate(db, merchant_id) is None:
        raise CertificateNeededError
    kept = db.scalar(sa.select(Storefront).where(Storefront.merchant_id == merchant_id))
    if kept is not None:
        return kept
    values = {
        "merchant_id": merchant_id,
        "name": name,
        "currency": config.current().currency,
        "time_zone": time_zone,
        "contact_email": contact_email,
    }
    insert = conflict_insert(db, Storefront).on_conflict_do_nothing()
    base = text.slugify(name, longest=48)
    for slug in _candidates(base):
        db.execute(insert.values(**values, slug=slug))
        shop = db.scalar(sa.select(Storefront).where(Storefront.merchant_id == merchant_id))
        if shop is not None:
            return shop
    raise SlugTakenError


def _candidates(base: str) -> list[str]:
    numbered = [f"{base}-{number}" for number in range(2, 1000)]
    return numbered if base in RESERVED_SLUGS else [base, *numbered]


def owned_shop(db: Session, merchant_id: int, *, lock: bool = False) -> Storefront:
    """The merchant's own storefront; ShopNotFoundError when they have none."""
    query = sa.select(Storefront).where(Storefront.merchant_id == merchant_id)
    shop = db.scalar(query.with_for_update() if lock else query)
    if shop is None:
        raise ShopNotFoundError
    return shop


def change_face(db: Session, shop: Storefront, *, name: str, description: str, awning: Awning) -> None:
    """What shoppers see first. The address stays: it is printed on cards and flyers by now."""
    shop.name, shop.description, shop.awning = name, description, awning
    db.flush()


def change_slug(db: Session, shop: Storefront, *, wanted: str) -> None:
    """Another address, while the shop is still a draft.

    Raises SlugTakenError when somebody has it, AddressStaysError once published.
    """
    if shop.state is StorefrontState.PUBLISHED:
        raise AddressStaysError
    slug = text.slugify(wanted)
    taken = sa.exists().where(Storefront.slug == slug, Storefront.id != shop.id)
    if slug in RESERVED_SLUGS or db.scalar(sa.select(taken)):
        raise SlugTakenError
    shop.slug = slug
    db.flush()


def checked_siret(typed: str) -> str | None:
    """The 14 digits of a SIRET, its check digit verified; None for an empty field. BadSiretError otherwise."""
    if not typed:
        return None
    try:
        checked: str = stdnum_siret.validate(typed)
    except ValidationError:
        raise BadSiretError from None
    return checked


def change_seller(db: Session, shop: Storefront, seller: Seller) -> None:
    """Who sells. Raises BadSiretError for a number that does not add up."""
    shop.siret = checked_siret(seller.siret)
    shop.legal_name, shop.legal_address = seller.legal_name, seller.legal_address
    shop.contact_email, shop.contact_phone = seller.contact_email.lower(), seller.contact_phone
    shop.mediator = seller.mediator
    db.flush()


def change_ways(db: Session, shop: Storefront, ways: Ways) -> None:
    """How orders leave the shop. IncompleteShopError when nothing is offered."""
    if not ways.offered:
        raise IncompleteShopError
    shop.offers_pickup = Fulfilment.PICKUP in ways.offered
    shop.offers_delivery = Fulfilment.DELIVERY in ways.offered
    shop.offers_nothing_to_ship = Fulfilment.NOTHING_TO_SHIP in ways.offered
    shop.pickup_text, shop.delivery_text = ways.pickup_text, ways.delivery_text
    shop.delivery_price_minor = ways.delivery_price_minor
    db.flush()


def change_hours(db: Session, shop: Storefront, days: list[list[list[int]]]) -> None:
    """The weekly hours: seven lists, Monday first, as `opening.parse_day` reads them."""
    shop.opening_hours = days
    shop.switched_open = shop.switched_until = None
    db.flush()


def missing(db: Session, shop: Storefront) -> list[str]:
    """What is still needed to publish: "product" and "seller", in the order they are asked for."""
    on_sale = sa.exists().where(Product.storefront_id == shop.id, Product.state == ProductState.ON_SALE)
    needs: list[tuple[str, Callable[[], bool]]] = [
        ("product", lambda: bool(db.scalar(sa.select(on_sale)))),
        ("seller", lambda: bool(shop.legal_name and shop.legal_address)),
    ]
    return [name for name, is_there in needs if not is_there()]


def publish(db: Session, shop: Storefront) -> None:
    """Open to the public. IncompleteShopError while something is missing; a second time changes nothing."""
    if shop.state is StorefrontState.PUBLISHED:
        return
    if missing(db, shop):
        raise IncompleteShopError
    if valid_certificate(db, shop.merchant_id) is None:
        raise CertificateNeededError
    shop.state = StorefrontState.PUBLISHED
    shop.published_at = shop.published_at or clock.now()
    db.flush()


def switch(db: Session, shop: Storefront, *, to_open: bool) -> None:
    """Turn the sign at the door. It lets go by itself at the end of the opening, or at midnight."""
    now = clock.now()
    shop.switched_open = to_open
    shop.switched_until = opening.switch_end(shop.opening_hours, shop.time_zone, now, to_open=to_open)
    db.flush()


def see_first_sale(db: Session, shop: Storefront) -> None:
    """The merchant has seen the note about their first sale; it is shown once."""
    if shop.first_sale_at is not None and shop.first_sale_seen_at is None:
        shop.first_sale_seen_at = clock.now()
        db.flush()
