"""Who may do what in a shop; pure predicates."""

from datetime import datetime
from typing import Protocol

from portal.store.models import Fulfilment, Order, OrderState, Storefront, StorefrontState


class Shop(Protocol):
    """What selling needs to know of a shop: its row, or the plain values of its public page."""

    @property
    def id(self) -> int:
        """Which one."""

    @property
    def slug(self) -> str:
        """Its address."""

    @property
    def currency(self) -> str:
        """Of all its prices."""

    @property
    def state(self) -> StorefrontState:
        """Draft or published."""

    @property
    def offers_pickup(self) -> bool:
        """One collects at the shop."""

    @property
    def offers_delivery(self) -> bool:
        """It delivers."""

    @property
    def offers_nothing_to_ship(self) -> bool:
        """It sells what needs no shipping."""

    @property
    def delivery_price_minor(self) -> int:
        """In minor units."""


def fulfilments(shop: Shop) -> list[Fulfilment]:
    """The ways an order can leave this shop, in the order they are offered."""
    offered = (
        (shop.offers_pickup, Fulfilment.PICKUP),
        (shop.offers_delivery, Fulfilment.DELIVERY),
        (shop.offers_nothing_to_ship, Fulfilment.NOTHING_TO_SHIP),
    )
    return [way for offers, way in offered if offers]


def next_state(state: OrderState, fulfilment: Fulfilment) -> OrderState | None:
    """What the merchant can say next about an order; None when nothing is left to do.

    With nothing to ship there is nothing to make ready: paid goes straight to handed over.
    """
    if state is OrderState.PAID:
        return OrderState.HANDED_OVER if fulfilment is Fulfilment.NOTHING_TO_SHIP else OrderState.READY
    return OrderState.HANDED_OVER if state is OrderState.READY else None


def refundable_minor(order: Order) -> int:
    """How much of an order can still be given back, in minor units."""
    sold = order.paid_at is not None and order.state is not OrderState.CANCELLED
    return order.total_minor - order.refunded_minor if sold else 0


def may_tell_followers(storefront: Storefront, moment: datetime) -> bool:
    """Followers hear of an opening at most once a day."""
    told = storefront.told_open_at
    return told is None or (moment - told).total_seconds() >= 20 * 3600
