"""The merchant's shelf: the list, adding a product, changing one."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from portal.kernel.db import transaction
from portal.kernel.money import MINOR_DIGITS, Money
from portal.store import photos
from portal.store.errors import BadPhotoError, OutOfStockError
from portal.store.forms import ProductForm
from portal.store.models import HASH_LENGTH, Product, ProductPhoto, Storefront, StorefrontState
from portal.store.queries import shop as queries
from portal.store.services import products as services
from portal.store.services.products import ProductFacts
from portal.store.services.storefronts import owned_shop
from portal.store.views.blueprints import blueprint, own_shop
from portal.store.views.shop import shop_facts
from portal.web.access import requires, signed_in
from portal.web.database import read_db

Page = str | tuple[str, int] | Response


@blueprint.get("/shop/products")
@requires(signed_in)
def products() -> str:
    """Everything on the shelf, and what is kept aside."""
    mine = own_shop()
    return render_template("store/products.html", **shop_facts(mine), products=queries.owned_products(read_db(), mine))


@blueprint.get("/shop/products/new")
@requires(signed_in)
def new_product() -> str:
    """An empty form."""
    return _page(own_shop(), ProductForm())


@blueprint.post("/shop/products/new")
@requires(signed_in)
def add_product() -> Page:
    """Put it on the shelf."""
    mine = own_shop()
    form = ProductForm()
    if not _check(mine, form):
        return _page(mine, form), 422
    with transaction() as db:
        shop = owned_shop(db, current_user.id)
        services.add_product(db, shop, _facts(form), photo_id=_photo_id(db, shop, form))
    if mine.state is StorefrontState.DRAFT:
        return redirect(url_for("store.shop"), code=303)
    flash(_("It is on the shelf."), "done")
    return redirect(url_for("store.products"), code=303)


@blueprint.get("/shop/products/<int:product_id>")
@requires(signed_in)
def edit_product(product_id: int) -> str:
    """The form with what is known."""
    mine = own_shop()
    return _page(mine, *_form_of(mine, services.owned_product(read_db(), mine, product_id)))


@blueprint.post("/shop/products/<int:product_id>")
@requires(signed_in)
def change_product(product_id: int) -> Page:
    """Keep what was changed."""
    mine = own_shop()
    product = services.owned_product(read_db(), mine, product_id)
    form = ProductForm()
    if not _check(mine, form):
        return _page(mine, form, product), 422
    try:
        _change(product_id, form)
    except OutOfStockError:
        form.stock.errors = [_("Some were sold meanwhile. Count again, please.")]
        return _page(mine, form, product), 409
    flash(_("It is kept."), "done")
    return redirect(url_for("store.products"), code=303)


def _change(product_id: int, form: ProductForm) -> None:
    with transaction() as db:
        shop = owned_shop(db, current_user.id)
        own = services.owned_product(db, shop, product_id)
        photo_id = _photo_id(db, shop, form)
        services.change_product(db, own, _facts(form), stock_seen=form.seen, photo_id=photo_id)


def _page(mine: Storefront, form: ProductForm, product: Product | None = None) -> str:
    return render_template("store/product_form.html", **shop_facts(mine), form=form, product=product)


def _form_of(mine: Storefront, product: Product) -> tuple[ProductForm, Product]:
    digits = MINOR_DIGITS[mine.currency]
    price = f"{Money(product.price_minor, mine.currency).major:.{digits}f}".replace(".", ",")
    photo = read_db().get(ProductPhoto, product.photo_id) if product.photo_id else None
    form = ProductForm(
        name=product.name,
        price=price,
        text=product.text,
        section=product.section,
        stock=product.stock,
        stock_seen="" if product.stock is None else product.stock,
        vat=product.vat_basis_points,
        hidden=product.state.value == "hidden",
        photo_hash=photo.content_hash if photo else "",
    )
    return form, product


def _check(mine: Storefront, form: ProductForm) -> bool:
    """Validate all fields, the photo too; a good photo is kept even when something else is wrong."""
    form.price.currency = mine.currency
    valid = bool(form.validate_on_submit())
    upload = request.files.get("photo")
    if upload is None or not upload.filename:
        return valid
    sent = upload.stream.read()
    upload.close()
    try:
        prepared = photos.prepare(sent)
    except BadPhotoError as error:
        form.photo.errors = [*form.photo.errors, str(error)]
        return False
    with transaction() as db:
        services.keep_photo(db, owned_shop(db, current_user.id), prepared)
    form.photo_hash.data = prepared.content_hash
    return valid


def _photo_id(db: Session, shop: Storefront, form: ProductForm) -> int | None:
    sent = form.photo_hash.data or ""
    return services.photo_by_hash(db, shop, sent) if len(sent) == HASH_LENGTH else None


def _facts(form: ProductForm) -> ProductFacts:
    return ProductFacts(
        name=form.name.data or "",
        text=form.text.data or "",
        section=form.section.data or "",
        price_minor=form.price.minor,
        vat_basis_points=form.vat.data,
        stock=form.stock.data,
        state=form.state,
    )
