"""The shopper's order: a receipt, where it stands, what happens next."""

from flask import render_template

from portal.kernel import text
from portal.store.models import Fulfilment, OrderState
from portal.store.queries.orders import OrderPage, card_of, open_payment, order_page
from portal.store.views.blueprints import order_blueprint
from portal.store.views.steps import steps, with_year
from portal.store.views.storefront import isolated, photo_url, way_words
from portal.web.access import public
from portal.web.database import read_db

# In the words of the status macro; "handed over" depends on how it was received.
_STATUS = {
    OrderState.PENDING_PAYMENT: "pending",
    OrderState.PAID: "paid",
    OrderState.READY: "ready",
    OrderState.CANCELLED: "cancelled",
    OrderState.REFUNDED: "refunded",
}


@order_blueprint.get("/<token>")
@public
def order(token: str) -> str:
    """The order at its unguessable address.

    It changes nothing: coming back from the provider leads through the payment's own return address, and
    an unpaid order offers that address again.
    """
    return render_template("store/order.html", **_context(order_page(read_db(), token)))


def _context(page: OrderPage) -> dict[str, object]:
    delivered = page.order.fulfilment is Fulfilment.DELIVERY
    unpaid = page.order.state is OrderState.PENDING_PAYMENT
    return {
        "page": page,
        "open_payment": open_payment(read_db(), page.order.public_token) if unpaid else None,
        "order": page.order,
        "shop": page.shop,
        "initials": text.initials(page.shop.name),
        "awning": page.shop.awning.value,
        "steps": steps(page),
        "paid_at": with_year(page.order.paid_at, page.shop.time_zone) if page.order.paid_at else "",
        "status": _STATUS.get(page.order.state, "delivered" if delivered else "collected"),
        "way": way_words(page.order.fulfilment),
        "card": card_of(read_db(), page.order.payment_id),
        "first_name": page.order.customer_name.split(" ")[0],
        "photo_url": photo_url,
        "isolated": isolated,
        "State": OrderState,
        "Fulfilment": Fulfilment,
    }
