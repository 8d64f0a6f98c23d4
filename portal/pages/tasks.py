"""The lessons' tasks that a shop or a wallet shows done by itself: what is there needs no tick."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel.db import BigId
from portal.store.models import Product, ProductState, Storefront, StorefrontFollower, StorefrontState
from portal.training.queries.tasks import register_proof
from portal.wallet.models import Pin

# Lesson 8 asks for the few products to begin with.
_FEW = 3
_shops, _products, _followers = Storefront.__table__.c, Product.__table__.c, StorefrontFollower.__table__.c
_users, _pins = User.__table__.c, Pin.__table__.c
_ON_SALE = (_products.storefront_id == _shops.id) & (_products.state == ProductState.ON_SALE)


def _is_there(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(*conditions)


def _filled(*columns: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return sa.and_(*(sa.func.coalesce(column, "") != "" for column in columns))


@dataclass(frozen=True, slots=True)
class Sign:
    """What a shop shows of one lesson's task: how it is seen, and in which words it is said."""

    shown: sa.ColumnElement[Any]
    words: object
    seen: Callable[[Any], bool] = bool


SIGNS: Mapping[int, Sign] = {
    5: Sign(_is_there(_ON_SALE, _products.photo_id.is_not(None)), _l("A product in your shop has its photo.")),
    6: Sign(_is_there(_ON_SALE, _products.text != ""), _l("A product in your shop has its description.")),
    7: Sign(_is_there(_ON_SALE, _products.price_minor > 0), _l("A product in your shop has its price.")),
    8: Sign(
        sa.select(sa.func.count()).where(_ON_SALE).scalar_subquery() >= _FEW,
        _l("Three products or more are on sale in your shop."),
    ),
    9: Sign(_shops.state == StorefrontState.PUBLISHED, _l("Your shop is online.")),
    10: Sign(sa.and_(_shops.offers_pickup, _filled(_shops.pickup_text)), _l("Your shop says how to collect an order.")),
    11: Sign(_shops.offers_delivery, _l("Your shop delivers.")),
    12: Sign(_shops.first_sale_at.is_not(None), _l("Your shop has made its first sale.")),
    13: Sign(_is_there(_pins.user_id == _users.id), _l("You have chosen your PIN.")),
    # Seven lists, one a day: one with hours in it is enough.
    17: Sign(_shops.opening_hours, _l("Your shop says when it is open."), lambda days: any(days or ())),
    22: Sign(
        _is_there(_followers.storefront_id == _shops.id, _followers.confirmed_at.is_not(None)),
        _l("Somebody follows your shop, and agreed to be written to."),
    ),
    24: Sign(
        _filled(_shops.legal_name, _shops.legal_address, _shops.siret, _shops.mediator),
        _l("Your shop says who sells: name, address, SIRET and mediator."),
    ),
}
_SHOP = (
    sa.select(*(sign.shown.label(f"lesson_{number}") for number, sign in SIGNS.items()))
    .select_from(sa.outerjoin(User.__table__, Storefront.__table__, _shops.merchant_id == _users.id))
    .where(_users.id == sa.bindparam("user_id", type_=BigId))
)


def shop_shows(db: DbSession, user_id: int) -> dict[int, object]:
    """The lessons whose task this merchant's shop and wallet show done, and what they show. One statement."""
    row = db.execute(_SHOP, {"user_id": user_id}).one()
    return {number: sign.words for (number, sign), value in zip(SIGNS.items(), row, strict=True) if sign.seen(value)}


register_proof(frozenset(SIGNS), shop_shows)
