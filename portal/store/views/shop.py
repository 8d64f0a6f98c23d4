"""The merchant's shop: what to do next, today's orders, the shelf, the week; setting it up and publishing it."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import format_date
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import config
from portal.certificates.queries import valid_certificate
from portal.kernel import clock, text
from portal.kernel.db import transaction
from portal.kernel.money import Money
from portal.store import opening, pricing
from portal.store.errors import CertificateNeededError, IncompleteShopError
from portal.store.forms import ActForm, NameForm
from portal.store.models import PayMethod, Storefront, StorefrontState
from portal.store.queries import orders as order_queries
from portal.store.queries import shop as queries
from portal.store.services import followers, storefronts
from portal.store.views.blueprints import blueprint, own_shop
from portal.store.views.storefront import isolated, photo_url
from portal.web.access import requires, signed_in
from portal.web.database import read_db
from portal.web.formats import money_text

Page = str | tuple[str, int] | Response

_SHOWN = 3
# A price most shops have something for: the fees are shown on it before anything is published.
_EXAMPLE_MINOR = 2000
# Round figures for the top of the chart, in minor units: 20, 40, 60, 100, 200 … of the currency.
_STEPS_MINOR = [step * 10**power for power in range(3, 10) for step in (2, 4, 6, 10)]


@blueprint.get("/shop")
@requires(signed_in)
def shop() -> str:
    """The shop's first page: how to get one, how far its set-up is, or the day's work."""
    mine = queries.shop_of(read_db(), current_user.id)
    if mine is None:
        certificate = valid_certificate(read_db(), current_user.id)
        return render_template("store/begin.html", certificate=certificate, form=_name_form())
    if mine.state is StorefrontState.DRAFT:
        return render_template("store/setup.html", **shop_facts(mine), missing=storefronts.missing(read_db(), mine))
    return render_template("store/shop.html", **shop_facts(mine), **_day(mine))


def shop_facts(mine: Storefront) -> dict[str, Any]:
    """What every page of the merchant shows of their shop."""
    return {
        "shop": mine,
        "initials": text.initials(mine.name),
        "address": f"{config.current().base_url}/b/{mine.slug}",
        "tab_counts": {"shop": order_queries.to_do_count(read_db(), mine.merchant_id)},
        "photo_url": photo_url,
        "isolated": isolated,
    }


def _round_words(amount: Money) -> str:
    """A round amount without its empty decimals: `60 €`."""
    return money_text(amount).replace(",00", "").replace(".00", "")


def _chart(week: queries.Week) -> dict[str, Any]:
    """The seven bars and the two lines behind them, at a round figure above the highest bar and its half."""
    highest = max(day.amount.amount_minor for day in week.days)
    top = next(step for step in _STEPS_MINOR if step >= highest or step == _STEPS_MINOR[-1])
    rules = [(value, _round_words(Money(value, week.gross.currency))) for value in (top, top // 2)]
    days = [
        {
            "label": _("today") if day.today else format_date(day.day, "EEE"),
            "amount": day.amount,
            "value": day.amount.amount_minor,
            "closed": day.closed,
            "today": day.today,
        }
        for day in week.days
    ]
    return {"chart_days": days, "chart_rules": rules}


def _day(mine: Storefront) -> dict[str, Any]:
    db = read_db()
    week = queries.week(db, mine)
    return {
        "door": opening.opening(
            mine.opening_hours,
            mine.time_zone,
            clock.now(),
            switched_open=mine.switched_open,
            switched_until=mine.switched_until,
        ),
        "to_do": order_queries.to_do(db, mine, limit=5),
        "products": queries.owned_products(db, mine, running_low=True, limit=_SHOWN),
        "product_count": queries.product_count(db, mine),
        "followers": queries.follower_count(db, mine),
        "week": week,
        **_chart(week),
        "first_sale": mine.first_sale_at is not None and mine.first_sale_seen_at is None,
    }


def _name_form() -> NameForm:
    return NameForm(name=current_user.display_name)


@blueprint.post("/shop")
@requires(signed_in)
def open_shop() -> Page:
    """The first step: a name, and there is a draft."""
    form = NameForm()
    if not form.validate_on_submit():
        certificate = valid_certificate(read_db(), current_user.id)
        return render_template("store/begin.html", certificate=certificate, form=form), 422
    with transaction() as db:
        storefronts.open_shop(
            db,
            merchant_id=current_user.id,
            name=form.name.data or "",
            contact_email=current_user.email,
            time_zone=current_user.time_zone,
        )
    return redirect(url_for("store.shop"), code=303)


@blueprint.get("/shop/publish")
@requires(signed_in)
def publish() -> Page:
    """What it costs, before anything is public."""
    mine = own_shop()
    missing = storefronts.missing(read_db(), mine)
    if missing or mine.state is StorefrontState.PUBLISHED:
        return redirect(url_for("store.shop"), code=303)
    return render_template("store/publish.html", **shop_facts(mine), form=ActForm(), **_example(mine))


def _example(mine: Storefront) -> dict[str, Any]:
    """Gross, fee and net of an example price, by card and from a wallet."""
    fees = config.current().fees
    prices = [item.price for item in queries.owned_products(read_db(), mine, limit=1)]
    gross = prices[0] if prices else Money(_EXAMPLE_MINOR, mine.currency)
    return {
        "gross": gross,
        "fixed": Money(fees.card_fixed_minor, mine.currency),
        "card": pricing.fee_on(gross, PayMethod.CARD, fees),
        "wallet": pricing.fee_on(gross, PayMethod.WALLET, fees),
    }


@blueprint.post("/shop/publish")
@requires(signed_in)
def publish_shop() -> Page:
    """Open to the public."""
    try:
        with transaction() as db:
            storefronts.publish(db, storefronts.owned_shop(db, current_user.id, lock=True))
    except (IncompleteShopError, CertificateNeededError) as error:
        flash(str(error), "error")
        return redirect(url_for("store.shop"), code=303)
    flash(_("Your shop is open. Send its address to three good customers."), "done")
    return redirect(url_for("store.shop"), code=303)


@blueprint.post("/shop/switch")
@requires(signed_in)
def switch() -> Response:
    """Turn the sign at the door; opening tells the followers, once a day."""
    with transaction() as db:
        mine = storefronts.owned_shop(db, current_user.id, lock=True)
        to_open = request.form.get("value") == "1"
        storefronts.switch(db, mine, to_open=to_open)
        if to_open:
            followers.tell_open(db, mine)
    return redirect(url_for("store.shop"), code=303)


@blueprint.post("/shop/first-sale")
@requires(signed_in)
def see_first_sale() -> Response:
    """The note about the first sale has been read."""
    with transaction() as db:
        storefronts.see_first_sale(db, storefronts.owned_shop(db, current_user.id))
    return redirect(url_for("store.shop"), code=303)
