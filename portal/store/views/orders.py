"""The merchant's orders: what to prepare, one order, giving money back."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.kernel.db import transaction
from portal.kernel.money import Money
from portal.ledger.errors import InsufficientFundsError
from portal.store import policies
from portal.store.errors import RefundTooLargeError, WrongStateError
from portal.store.forms import ActForm, RefundForm
from portal.store.models import OrderState
from portal.store.queries import orders as queries
from portal.store.services import refunds, sales
from portal.store.services.storefronts import owned_shop
from portal.store.views.blueprints import blueprint, own_shop
from portal.store.views.order import handle_of
from portal.store.views.shop import shop_facts
from portal.store.views.steps import steps
from portal.store.views.storefront import contact, way_words
from portal.web.access import requires, signed_in
from portal.web.database import read_db
from portal.web.requests import id_argument

Page = str | tuple[str, int] | Response


@blueprint.get("/shop/orders")
@requires(signed_in)
def orders() -> str:
    """First what is to be done, then what is done."""
    mine = own_shop()
    before = id_argument("before")
    done = queries.done(read_db(), mine, before=before)
    return render_template(
        "store/orders.html",
        **shop_facts(mine),
        to_do=[] if before else queries.to_do(read_db(), mine),
        done=done,
        older=done[-1].number if len(done) == queries.ORDERS_PAGE else None,
        newer=before is not None,
    )


@blueprint.get("/shop/orders/<int:number>")
@requires(signed_in)
def order(number: int) -> str:
    """One order: what to prepare, for whom, and the next step."""
    mine = own_shop()
    page = queries.merchant_order_page(read_db(), mine, number)
    return render_template(
        "store/merchant_order.html",
        **shop_facts(mine),
        page=page,
        order=page.order,
        steps=steps(page),
        way=way_words(page.order.fulfilment),
        contact=contact(handle_of(page.order.customer_id), page.order.customer_email),
        next_state=policies.next_state(page.order.state, page.order.fulfilment),
        form=ActForm(),
    )


@blueprint.post("/shop/orders/<int:number>/next")
@requires(signed_in)
def move_on(number: int) -> Response:
    """Say that it is ready, or handed over; pressed twice, it is said once."""
    try:
        with transaction() as db:
            to = OrderState(request.form.get("to", ""))
            sales.move_on(db, shop=owned_shop(db, current_user.id), number=number, to=to)
    except (WrongStateError, ValueError):
        flash(str(WrongStateError()), "warning")
    return redirect(url_for("store.order", number=number), code=303)


@blueprint.get("/shop/orders/<int:number>/refund")
@requires(signed_in)
def refund(number: int) -> Page:
    """How much to give back; all of it to begin with."""
    mine = own_shop()
    page = queries.merchant_order_page(read_db(), mine, number)
    if not page.refundable:
        return redirect(url_for("store.order", number=number), code=303)
    form = RefundForm(amount=f"{page.refundable.major}".replace(".", ","))
    return _refund_page(number, form)


def _refund_page(number: int, form: RefundForm) -> str:
    mine = own_shop()
    page = queries.merchant_order_page(read_db(), mine, number)
    return render_template("store/refund.html", **shop_facts(mine), page=page, order=page.order, form=form)


@blueprint.post("/shop/orders/<int:number>/refund")
@requires(signed_in)
def give_back(number: int) -> Page:
    """Give it back to where it came from, once for a form."""
    mine = own_shop()
    form = RefundForm()
    form.amount.currency = mine.currency
    if not form.validate_on_submit():
        return _refund_page(number, form), 422
    try:
        _ask(number, amount=Money(form.amount.minor, mine.currency), key=form.key.data or "")
    except (RefundTooLargeError, InsufficientFundsError) as error:
        form.amount.errors = [str(error)]
        return _refund_page(number, form), 409
    flash(_("It is on its way back. Your customer is told once it has left."), "done")
    return redirect(url_for("store.order", number=number), code=303)


def _ask(number: int, *, amount: Money, key: str) -> None:
    with transaction() as db:
        found = sales.owned_order(db, owned_shop(db, current_user.id), number)
        refunds.ask(db, order_id=found.id, amount=amount, key=key)
