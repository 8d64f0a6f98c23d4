"""From the basket to the payment page."""

from flask import redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from portal.kernel.db import transaction
from portal.kernel.errors import PortalError
from portal.payments.errors import PaymentClosedError, ProviderError
from portal.store import flows, policies
from portal.store.errors import (
    AlreadyOrderedError,
    BasketChangedError,
    EmptyBasketError,
    OutOfStockError,
    ProductNotFoundError,
)
from portal.store.forms import CheckoutForm, LineForm, WayForm
from portal.store.models import Fulfilment, PayMethod
from portal.store.queries.baskets import Contents, basket_id_of
from portal.store.queries.orders import pending_customer
from portal.store.queries.storefronts import Front, front
from portal.store.services import baskets
from portal.store.services.orders import Checkout, Customer
from portal.store.views.blueprints import basket_token, plain_blueprint, viewer_id
from portal.store.views.storefront import basket_of, shop_context, way_words
from portal.wallet.queries import balance
from portal.web.access import public, same_origin
from portal.web.database import read_db
from portal.web.languages import language

Page = str | tuple[str, int] | Response


@plain_blueprint.get("/<slug>/basket")
@public
def basket(slug: str) -> str:
    """What is in the basket, how to receive it, what it comes to."""
    return _basket_page(front(read_db(), slug))


def _basket_page(shop: Front, problem: str = "") -> str:
    found = basket_of(shop)
    form = WayForm(data={"way": found.fulfilment if found else None})
    form.offer(policies.fulfilments(shop))
    return render_template(
        "store/basket.html",
        **shop_context(shop),
        basket=found,
        way=way_words(found.fulfilment) if found and found.fulfilment else "",
        form=form,
        problem=problem,
        most=baskets.MOST_OF_ONE,
    )


@plain_blueprint.post("/<slug>/basket")
@public
@same_origin
def change_line(slug: str) -> Page:
    """One more, one less, or none of a product."""
    shop = front(read_db(), slug)
    form = LineForm(request.form)
    if form.validate():
        try:
            with transaction() as db:
                basket_id = _open_basket(db, shop)
                line = {"product_id": form.product.data or 0, "quantity": form.quantity.data or 0}
                baskets.set_quantity(db, basket_id=basket_id, shop=shop, **line)
        except (OutOfStockError, ProductNotFoundError, EmptyBasketError) as error:
            return _basket_page(shop, str(error)), error.status
    return redirect(url_for("storefront.basket", slug=slug), code=303)


@plain_blueprint.post("/<slug>/basket/order")
@public
@same_origin
def choose_way(slug: str) -> Page:
    """Keep how the order is to be received, and go on to paying."""
    shop = front(read_db(), slug)
    form = WayForm(request.form)
    form.offer(policies.fulfilments(shop))
    if not form.validate():
        return _basket_page(shop, _("Choose how to receive your order.")), 422
    try:
        with transaction() as db:
            baskets.choose_fulfilment(db, basket_id=_open_basket(db, shop), shop=shop, way=form.way.data)
    except EmptyBasketError as error:
        return _basket_page(shop, str(error)), error.status
    return redirect(url_for("storefront.checkout", slug=slug), code=303)


def _open_basket(db: Session, shop: Front) -> int:
    basket_id = basket_id_of(db, basket_token(shop.id), shop.id)
    if basket_id is None:
        raise EmptyBasketError
    return basket_id


@plain_blueprint.get("/<slug>/checkout")
@public
def checkout(slug: str) -> Page:
    """One page: who orders, where to, what it comes to, and the button that obliges to pay."""
    shop = front(read_db(), slug)
    found = basket_of(shop)
    if found is None or not found.items:
        return redirect(url_for("storefront.basket", slug=slug), code=303)
    return _checkout_page(shop, found, CheckoutForm(MultiDict(_known(found))))


def _known(found: Contents) -> dict[str, str]:
    """What was typed before going to pay; else what we know of who is signed in."""
    typed = pending_customer(read_db(), found.basket_id)
    if typed is not None:
        return typed
    if current_user.is_authenticated:
        return {"name": current_user.display_name, "email": current_user.email}
    return {}


def _checkout_page(shop: Front, found: Contents, form: CheckoutForm, problem: str = "") -> str:
    form.seen.data = found.fingerprint
    wallet = None
    if current_user.is_authenticated and current_user.id != shop.merchant_id:
        wallet = balance(read_db(), current_user.id).available
    else:
        form.method.data = PayMethod.CARD
    return render_template(
        "store/checkout.html",
        **shop_context(shop),
        basket=found,
        form=form,
        way=way_words(found.fulfilment) if found.fulfilment else "",
        delivered=found.fulfilment is Fulfilment.DELIVERY,
        wallet=wallet,
        problem=problem,
    )


@plain_blueprint.post("/<slug>/checkout")
@public
@same_origin
def pay(slug: str) -> Page:
    """Place the order and go to pay; an order that is paid already leads to its receipt."""
    shop = front(read_db(), slug)
    found = basket_of(shop)
    form = CheckoutForm(request.form)
    form.delivered = found is not None and found.fulfilment is Fulfilment.DELIVERY
    if found is not None and found.items and not form.validate():
        return _checkout_page(shop, found, form), 422
    try:
        return redirect(_start(shop, form), code=303)
    except AlreadyOrderedError as error:
        return redirect(url_for("order.order", token=error.public_token), code=303)
    except EmptyBasketError:
        return redirect(url_for("storefront.basket", slug=slug), code=303)
    except (BasketChangedError, OutOfStockError, PaymentClosedError, ProviderError) as error:
        return _not_paid(shop, form, error)


def _start(shop: Front, form: CheckoutForm) -> str:
    """The address where the order is paid: the provider's page, or the wallet's approval."""
    customer = Customer(
        name=form.name.data or "",
        email=form.email.data or "",
        phone=form.phone.data or "",
        language=language(),
        address=form.address.data or "",
        postcode=form.postcode.data or "",
        city=form.city.data or "",
        user_id=viewer_id(),
    )
    from_wallet = form.method.data is PayMethod.WALLET and viewer_id() not in {None, shop.merchant_id}
    pressed = Checkout(
        key=form.key.data or "",
        seen=form.seen.data or "",
        customer=customer,
        method=PayMethod.WALLET if from_wallet else PayMethod.CARD,
    )
    token = basket_token(shop.id)
    if from_wallet:
        approval = flows.pay_from_wallet(slug=shop.slug, basket_token=token, checkout=pressed)
        return url_for("wallet.approval", approval_id=approval)
    return flows.pay(slug=shop.slug, basket_token=token, checkout=pressed, delivery=_("Delivery"))


def _not_paid(shop: Front, form: CheckoutForm, error: PortalError) -> Page:
    """The page again, with what was typed, the present total, and what to do."""
    found = basket_of(shop)
    if found is None or not found.items:
        return redirect(url_for("storefront.basket", slug=shop.slug), code=303)
    return _checkout_page(shop, found, form, str(error)), error.status
