"""The shopper's order: a receipt, where it stands, what happens next."""

from flask import render_template

from portal.kernel import text
from portal.payments.errors import ProviderError
from portal.payments.flows import sync_payment
from portal.store.models import Fulfilment, OrderState
from portal.store.queries.orders import OrderPage, card_of, open_payment, order_page
from portal.store.views.blueprints import order_blueprint
from portal.store.views.steps import steps
from portal.store.views.storefront import photo_url, way_words
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
    """The order at its unguessable address; asks the provider once more while its payment is open."""
    page = order_page(read_db(), token)
    if page.order.state is OrderState.PENDING_PAYMENT and _ask_provider(token):
        page = order_page(read_db(), token)
    return render_template("store/order.html", **_context(page))


def _ask_provider(token: str) -> bool:
    """Apply what the provider says of the order's payment, as its own event does; False when it cannot say."""
    payment = open_payment(read_db(), token)
    if payment is None:
        return False
    try:
        sync_payment(payment)
    except ProviderError:
        return False
    read_db().expire_all()
    return True


def _context(page: OrderPage) -> dict[str, object]:
    delivered = page.order.fulfilment is Fulfilment.DELIVERY
    return {
        "page": page,
        "order": page.order,
        "shop": page.shop,
        "initials": text.initials(page.shop.name),
        "awning": page.shop.awning.value,
        "steps": steps(page),
        "status": _STATUS.get(page.order.state, "delivered" if delivered else "collected"),
        "way": way_words(page.order.fulfilment),
        "card": card_of(read_db(), page.order.payment_id),
        "first_name": page.order.customer_name.split(" ")[0],
        "photo_url": photo_url,
        "State": OrderState,
        "Fulfilment": Fulfilment,
    }
