"""Where an order stands, as the steps of a timeline: done, now, to come, failed."""

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from flask_babel import get_locale
from flask_babel import gettext as _

from portal.store.models import Fulfilment, OrderEventKind, OrderState
from portal.store.queries.orders import OrderPage
from portal.store.views.storefront import isolated
from portal.web.formats import date_time

Step = dict[str, str]

_RANK = {OrderState.PENDING_PAYMENT: -1, OrderState.PAID: 1, OrderState.READY: 2, OrderState.HANDED_OVER: 4}


def with_year(moment: datetime, zone: str) -> str:
    """`24 nov. 2026, 13:42`, as a receipt says it, at the shop's local time."""
    return format_datetime(moment, "d MMM y, HH:mm", tzinfo=ZoneInfo(zone), locale=get_locale() or "fr_FR")


def _when(page: OrderPage, kind: OrderEventKind) -> str:
    moment = page.at(kind)
    return date_time(moment, page.shop.time_zone) if moment else ""


def _ended(page: OrderPage) -> list[Step]:
    """A cancelled or refunded order: how it ended, and nothing to come."""
    steps = []
    if page.at(OrderEventKind.PAID):
        steps.append({"title": _("Paid"), "text": _when(page, OrderEventKind.PAID), "state": "done"})
    if page.order.state is OrderState.REFUNDED:
        steps.append({"title": _("Refunded"), "text": _when(page, OrderEventKind.REFUNDED), "state": "done"})
    else:
        steps.append({"title": _("Cancelled"), "text": _when(page, OrderEventKind.CANCELLED), "state": "failed"})
    return steps


def _planned(page: OrderPage) -> list[Step]:
    """What an order goes through in its way of being received; `text` says when, or what will happen."""
    order, shop = page.order, page.shop
    ready_at = _when(page, OrderEventKind.READY)
    over_at = _when(page, OrderEventKind.HANDED_OVER)
    preparing = {"title": _("Being prepared"), "text": _("%(shop)s is on it.", shop=isolated(shop.name))}
    if order.fulfilment is Fulfilment.PICKUP:
        return [
            preparing,
            {"title": _("Ready to collect"), "text": ready_at or _("We write to you.")},
            {"title": _("Collected"), "text": over_at or isolated(shop.legal_address)},
        ]
    if order.fulfilment is Fulfilment.DELIVERY:
        address = ", ".join(filter(None, (order.address, f"{order.postcode} {order.city}".strip())))
        return [
            preparing,
            {"title": _("On its way"), "text": ready_at or _("We write to you.")},
            {"title": _("Delivered"), "text": over_at or isolated(address)},
        ]
    return [preparing, {"title": _("Done"), "text": over_at or _("Nothing to ship: the shop writes to you.")}]


def steps(page: OrderPage) -> list[Step]:
    """The timeline of an order, at the shop's local time."""
    state = page.order.state
    if state in {OrderState.CANCELLED, OrderState.REFUNDED}:
        return _ended(page)
    paid = {"title": _("Paid"), "text": _when(page, OrderEventKind.PAID)}
    if state is OrderState.PENDING_PAYMENT:
        paid["text"] = _("We wait for the payment.")
    line = [paid, *_planned(page)]
    rank = len(line) if state is OrderState.HANDED_OVER else _RANK[state]
    now = max(rank, 0)
    for index, step in enumerate(line):
        step["state"] = "done" if index < now else "now" if index == now else "next"
    return line
