"""Settings of a shop, one decision a page: its face, who sells, how orders leave it, when it is open."""

from collections.abc import Callable

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from portal.kernel.db import transaction
from portal.kernel.money import MINOR_DIGITS, Money
from portal.store import opening
from portal.store.errors import SlugTakenError
from portal.store.forms import AddressForm, FaceForm, HoursForm, SellerForm, WaysForm
from portal.store.models import Storefront, StorefrontState
from portal.store.services import storefronts
from portal.store.services.storefronts import Seller, Ways
from portal.store.views.blueprints import blueprint, own_shop
from portal.store.views.shop import shop_facts
from portal.web.access import requires, signed_in

Page = str | tuple[str, int] | Response


def _page(form: FlaskForm, template: str) -> str:
    return render_template(f"store/{template}.html", **shop_facts(own_shop()), form=form)


def _keep(form: FlaskForm, template: str, change: Callable[[Session, Storefront], None]) -> Page:
    """Keep a valid form and go back to the shop; show an invalid one again."""
    if not form.validate_on_submit():
        return _page(form, template), 422
    with transaction() as db:
        mine = storefronts.owned_shop(db, current_user.id, lock=True)
        change(db, mine)
    if mine.state is StorefrontState.PUBLISHED:
        flash(_("It is kept."), "done")
        return redirect(url_for("store.settings"), code=303)
    return redirect(url_for("store.shop"), code=303)


@blueprint.get("/shop/settings")
@requires(signed_in)
def settings() -> str:
    """The list of what can be changed."""
    return render_template("store/settings.html", **shop_facts(own_shop()))


@blueprint.get("/shop/address")
@requires(signed_in)
def address() -> Page:
    """Where the shop will be found; it is chosen before it is published."""
    mine = own_shop()
    if mine.state is StorefrontState.PUBLISHED:
        return redirect(url_for("store.settings"), code=303)
    return _page(AddressForm(obj=mine), "address")


@blueprint.post("/shop/address")
@requires(signed_in)
def change_address() -> Page:
    """Keep it, if nobody has it."""
    form = AddressForm()
    try:
        return _keep(form, "address", lambda db, mine: storefronts.change_slug(db, mine, wanted=form.slug.data or ""))
    except SlugTakenError as error:
        form.slug.errors = [str(error)]
        return _page(form, "address"), 409


@blueprint.get("/shop/face")
@requires(signed_in)
def face() -> str:
    """Name, words and awning."""
    return _page(FaceForm(obj=own_shop()), "face")


@blueprint.post("/shop/face")
@requires(signed_in)
def change_face() -> Page:
    """Keep them."""
    form = FaceForm()

    def change(db: Session, mine: Storefront) -> None:
        storefronts.change_face(
            db, mine, name=form.name.data or "", description=form.description.data or "", awning=form.awning.data
        )

    return _keep(form, "face", change)


@blueprint.get("/shop/seller")
@requires(signed_in)
def seller() -> str:
    """Who sells."""
    return _page(SellerForm(obj=own_shop()), "seller")


@blueprint.post("/shop/seller")
@requires(signed_in)
def change_seller() -> Page:
    """Keep it."""
    form = SellerForm()

    def change(db: Session, mine: Storefront) -> None:
        fields = ("legal_name", "legal_address", "siret", "contact_email", "contact_phone", "mediator")
        storefronts.change_seller(db, mine, Seller(**{name: form[name].data or "" for name in fields}))

    return _keep(form, "seller", change)


@blueprint.get("/shop/ways")
@requires(signed_in)
def ways() -> str:
    """How orders leave the shop."""
    mine = own_shop()
    digits = MINOR_DIGITS[mine.currency]
    price = f"{Money(mine.delivery_price_minor, mine.currency).major:.{digits}f}".replace(".", ",")
    form = WaysForm(
        pickup=mine.offers_pickup,
        pickup_text=mine.pickup_text,
        delivery=mine.offers_delivery,
        delivery_text=mine.delivery_text,
        delivery_price=price,
        nothing_to_ship=mine.offers_nothing_to_ship,
    )
    return _page(form, "ways")


@blueprint.post("/shop/ways")
@requires(signed_in)
def change_ways() -> Page:
    """Keep them."""
    form = WaysForm()
    form.delivery_price.currency = own_shop().currency

    def change(db: Session, mine: Storefront) -> None:
        chosen = Ways(
            offered=form.offered,
            pickup_text=form.pickup_text.data or "",
            delivery_text=form.delivery_text.data or "",
            delivery_price_minor=form.delivery_price.minor,
        )
        storefronts.change_ways(db, mine, chosen)

    return _keep(form, "ways", change)


@blueprint.get("/shop/hours")
@requires(signed_in)
def hours() -> str:
    """When the shop is open."""
    week = own_shop().opening_hours
    return _page(HoursForm(data={f"day_{day}": opening.print_day(week[day]) for day in range(7)}), "hours")


@blueprint.post("/shop/hours")
@requires(signed_in)
def change_hours() -> Page:
    """Keep them."""
    form = HoursForm()
    return _keep(form, "hours", lambda db, mine: storefronts.change_hours(db, mine, form.parsed))
