"""The three blueprints of the shop, and what their views share."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Blueprint, has_request_context, request
from flask_login import current_user
from itsdangerous import BadSignature, Signer
from werkzeug.wrappers import Response as AnyResponse

from portal import config
from portal.store.errors import ShopNotFoundError
from portal.store.models import Storefront
from portal.store.queries.shop import shop_of
from portal.web.database import read_db
from portal.web.headers import cacheable
from portal.web.languages import LANGUAGES

blueprint = Blueprint("store", __name__)
plain_blueprint = Blueprint("storefront", __name__, url_prefix="/b")
order_blueprint = Blueprint("order", __name__, url_prefix="/o")

View = TypeVar("View", bound=Callable[..., Any])

# An upload a little above the limit still gets its words beside the field, and what was typed is kept.
_PARSED_BYTES = 32 * 1024 * 1024
_UPLOADS = frozenset({"store.add_product", "store.change_product"})
_CACHED_SECONDS = 60
_BASKET_SECONDS = 30 * 24 * 3600


@blueprint.url_value_preprocessor
def _let_photos_in(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    if endpoint in _UPLOADS:
        request.max_content_length = _PARSED_BYTES


@plain_blueprint.url_defaults
@order_blueprint.url_defaults
def _keep_language(_endpoint: str, values: dict[str, Any]) -> None:
    """A page that caches may keep sets no cookie: the language chosen by `?lang` goes on in its links."""
    if has_request_context() and request.args.get("lang") in LANGUAGES:
        values.setdefault("lang", request.args["lang"])


def viewer_id() -> int | None:
    """The signed-in user's id."""
    return current_user.id if current_user.is_authenticated else None


def own_shop() -> Storefront:
    """The signed-in merchant's storefront; ShopNotFoundError when they have none."""
    shop = shop_of(read_db(), current_user.id)
    if shop is None:
        raise ShopNotFoundError
    return shop


def _cookie(shop_id: int) -> str:
    return f"basket_{shop_id}"


def _signer() -> Signer:
    return Signer(config.current().secret_key, salt="basket")


def basket_token(shop_id: int) -> str | None:
    """The token in the shopper's cookie for this shop, when we signed it."""
    signed = request.cookies.get(_cookie(shop_id))
    if not signed:
        return None
    try:
        return _signer().unsign(signed).decode()
    except BadSignature:
        return None


def remember_basket(response: AnyResponse, shop_id: int, token: str) -> None:
    """Give the shopper the cookie of a new basket."""
    response.set_cookie(
        _cookie(shop_id),
        _signer().sign(token).decode(),
        max_age=_BASKET_SECONDS,
        path="/b",
        secure=config.current().secure,
        httponly=True,
        samesite="Lax",
    )


def cacheable_without_basket(view: View) -> View:
    """Caches may keep the page for a minute, except for whoever has a basket: theirs shows its total."""
    cached = cacheable(_CACHED_SECONDS)(view)

    @wraps(view)
    def answered(*args: Any, **kwargs: Any) -> Any:
        has_basket = any(name.startswith("basket_") for name in request.cookies)
        return view(*args, **kwargs) if has_basket else cached(*args, **kwargs)

    return cast("View", answered)
