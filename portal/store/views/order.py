"""The shopper's order: a receipt, where it stands, what happens next."""

from flask import render_template
from flask_login import current_user

from portal.identity.queries import people
from portal.kernel import text
from portal.store.models import Fulfilment, OrderState
from portal.store.queries.orders import OrderPage, card_of, open_payment, order_page, orders_of
from portal.store.views.blueprints import blueprint, order_blueprint, viewer_id
from portal.store.views.steps import steps, with_year
from portal.store.views.storefront import contact, isolated, photo_url, way_words
from portal.web.access import public, requires, signed_in
from portal.web.database import read_db

# In the words of the status macro.
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


@blueprint.get("/orders")
@requires(signed_in)
def my_orders() -> str:
    """What I have bought, here and as a guest."""
    mine = orders_of(read_db(), user_id=current_user.id, email=current_user.email)
    return render_template("store/my_orders.html", orders=mine, status_of=status_of)


def status_of(state: OrderState, fulfilment: Fulfilment) -> str:
    """The status macro's word; handed over is collected, or delivered."""
    over = "delivered" if fulfilment is Fulfilment.DELIVERY else "collected"
    return _STATUS.get(state, over)


def _context(page: OrderPage) -> dict[str, object]:
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
        "status": status_of(page.order.state, page.order.fulfilment),
        "way": way_words(page.order.fulfilment),
        "card": card_of(read_db(), page.order.payment_id),
        "first_name": page.order.customer_name.split(" ")[0],
        "photo_url": photo_url,
        "isolated": isolated,
        "contact": contact(handle_of(page.shop.merchant_id), page.shop.contact_email),
        "State": OrderState,
        "Fulfilment": Fulfilment,
    }


def handle_of(user_id: int | None) -> str | None:
    """A user's handle, for who is signed in and could write to them."""
    person = people(read_db(), [user_id]).get(user_id) if user_id is not None and viewer_id() is not None else None
    return person.handle if person is not None else None
