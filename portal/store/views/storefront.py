"""What shoppers see before they pay: the shop, a product, its pictures, the seller's legal notice."""

import re
from typing import Any
from urllib.parse import quote

from flask import Response, redirect, render_template, request, send_file, url_for
from flask_babel import get_locale, get_translations
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal import config
from portal.kernel import clock, text
from portal.kernel.db import transaction
from portal.store import opening, policies
from portal.store.errors import OutOfStockError, PhotoNotFoundError
from portal.store.forms import WAYS, AddForm
from portal.store.models import HASH_LENGTH, Fulfilment
from portal.store.photos import SIZES, photo_path
from portal.store.queries.baskets import Contents, basket_id_of, contents
from portal.store.queries.storefronts import Front, ProductPage, Shown, front, product_page, shelf
from portal.store.services import baskets
from portal.store.views.blueprints import (
    basket_token,
    cacheable_without_basket,
    plain_blueprint,
    remember_basket,
    viewer_id,
)
from portal.web.access import public, same_origin
from portal.web.database import read_db
from portal.web.formats import money_in
from portal.web.headers import cacheable
from portal.web.requests import id_argument

Page = str | tuple[str, int] | AnyResponse

FEW_LEFT = 5
_IN_FIRST_VIEWPORT = 2
_YEAR_SECONDS = 365 * 24 * 3600
_HASH = re.compile(rf"^[0-9a-f]{{{HASH_LENGTH}}}$")


def photo_url(content_hash: str | None, size: int) -> str | None:
    """The address of one size of a photo; None without one."""
    return f"/b/media/{content_hash}-{size}.webp" if content_hash else None


def isolated(words: str) -> str:
    """What a user wrote, kept apart inside a sentence of the other direction (Unicode's FSI and PDI)."""
    return f"\u2068{words}\u2069" if words else ""


def contact(handle: str | None, email: str) -> str:
    """How to write to somebody: here, for who is signed in and is not them; by e-mail for a guest."""
    here = handle is not None and current_user.is_authenticated and current_user.handle != handle
    return url_for("wallet.conversation", handle=handle) if here else f"mailto:{email}"


def door(shop: Front) -> opening.Opening:
    """Whether the shop is open now, and until when."""
    return opening.opening(
        shop.opening_hours,
        shop.time_zone,
        clock.now(),
        switched_open=shop.switched_open,
        switched_until=shop.switched_until,
    )


def shop_context(shop: Front) -> dict[str, Any]:
    """What every page of a shop shows."""
    return {
        "shop": shop,
        "initials": text.initials(shop.name),
        "door": door(shop),
        "ways": policies.fulfilments(shop),
        "Fulfilment": Fulfilment,
        "awning": shop.awning.value,
        "photo_url": photo_url,
        "isolated": isolated,
        "contact": contact(shop.handle, shop.contact_email),
        "site": config.current().base_url,
    }


def basket_of(shop: Front) -> Contents | None:
    """The shopper's open basket in this shop."""
    token = basket_token(shop.id)
    if token is None:
        return None
    db = read_db()
    basket_id = basket_id_of(db, token, shop.id)
    return contents(db, basket_id=basket_id, shop=shop) if basket_id is not None else None


def _cards(shop: Front, products: tuple[Shown, ...]) -> list[dict[str, Any]]:
    """The products as the page draws them; addresses and words are looked up once, not for each."""
    before, after = url_for("storefront.product", slug=shop.slug, product="PRODUCT").split("PRODUCT")
    ngettext, locale = get_translations().ungettext, str(get_locale())
    return [
        {
            "href": f"{before}{quote(product.slug)}{after}",
            "name": product.name,
            "price": money_in(product.price, locale),
            "photo": photo_url(product.photo_hash, SIZES[1]),
            "first": index < _IN_FIRST_VIEWPORT,
            "sold_out": product.stock == 0,
            "left": ngettext("Last one", "Only %(num)d left", product.stock) % {"num": product.stock}
            if product.stock is not None and 0 < product.stock <= FEW_LEFT
            else "",
        }
        for index, product in enumerate(products)
    ]


def _tabs(shop: Front, sections: tuple[str, ...], current: str) -> list[tuple[str, str, bool]]:
    """The whole shelf and each of its sections, as links."""
    own = [(name, url_for("storefront.storefront", slug=shop.slug, section=name), name == current) for name in sections]
    return [(_("Everything"), url_for("storefront.storefront", slug=shop.slug), current not in sections), *own]


@plain_blueprint.get("/<slug>")
@public
@cacheable_without_basket
def storefront(slug: str) -> str:
    """The shop: who it is, whether it is open, what it sells."""
    db = read_db()
    shop = front(db, slug, viewer_id=viewer_id())
    section = request.args.get("section", "")
    page = shelf(db, shop, section=section, after=id_argument("after") or 0)
    return render_template(
        "store/storefront.html",
        **shop_context(shop),
        shelf=page,
        section=section if section in page.sections else "",
        cards=_cards(shop, page.products),
        tabs=_tabs(shop, page.sections, section),
        sold_out=_("Sold out"),
        basket=basket_of(shop),
    )


@plain_blueprint.get("/<slug>/p/<product>")
@public
@cacheable_without_basket
def product(slug: str, product: str) -> str:
    """One product: its picture, words, price, what is left of it."""
    shop = front(read_db(), slug, viewer_id=viewer_id())
    return _product_page(shop, product_page(read_db(), shop, product), AddForm())


def _product_page(shop: Front, item: ProductPage, form: AddForm) -> str:
    return render_template(
        "store/product.html", **shop_context(shop), product=item, form=form, basket=basket_of(shop), few=FEW_LEFT
    )


@plain_blueprint.post("/<slug>/p/<product>")
@public
@same_origin
def add_to_basket(slug: str, product: str) -> Page:
    """Put it into the basket, and back to the shelf; or on to paying at once."""
    shop = front(read_db(), slug)
    item = product_page(read_db(), shop, product)
    form = AddForm(request.form)
    if not form.validate():
        return _product_page(shop, item, form), 422
    try:
        token = _add(shop, item.id, form.quantity.data or 1)
    except OutOfStockError as error:
        form.quantity.errors = [str(error)]
        return _product_page(shop, item, form), error.status
    endpoint = "storefront.basket" if form.buy.data else "storefront.storefront"
    response = redirect(url_for(endpoint, slug=slug), code=303)
    if token is not None:
        remember_basket(response, shop.id, token)
    return response


def _add(shop: Front, product_id: int, quantity: int) -> str | None:
    """Add to the open basket, or to a new one whose token is returned."""
    with transaction() as db:
        token = None
        basket_id = basket_id_of(db, basket_token(shop.id), shop.id)
        if basket_id is None:
            basket_id, token = baskets.start_basket(db, shop)
        baskets.add_item(db, basket_id=basket_id, shop=shop, product_id=product_id, quantity=quantity)
    return token


@plain_blueprint.get("/<slug>/terms")
@public
@cacheable(seconds=300)
def terms(slug: str) -> str:
    """Who sells, how one may change one's mind, and who settles a dispute."""
    shop = front(read_db(), slug, viewer_id=viewer_id())
    return render_template("store/terms.html", **shop_context(shop))


@plain_blueprint.get("/media/<content_hash>-<int:size>.webp")
@public
def photo(content_hash: str, size: int) -> Response:
    """One size of a photo; its name is its content, so it never changes."""
    path = photo_path(content_hash, size) if _HASH.match(content_hash) and size in SIZES else None
    if path is None or not path.is_file():
        raise PhotoNotFoundError
    response = send_file(path, mimetype="image/webp", max_age=_YEAR_SECONDS)
    response.cache_control.public = True
    response.cache_control.no_cache = None
    response.cache_control.immutable = True
    return response


def way_words(way: Fulfilment) -> str:
    """How an order is received, as a line of a receipt."""
    return str(WAYS[way])
