"""Asking to be told when a shop opens, confirming it, and ending it by one tap."""

from datetime import timedelta

from flask import redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.kernel import ids, throttle
from portal.kernel.db import transaction
from portal.kernel.errors import TooManyAttemptsError
from portal.store.forms import FollowForm
from portal.store.queries.storefronts import Front, front
from portal.store.services import followers
from portal.store.views.blueprints import plain_blueprint, viewer_id
from portal.store.views.storefront import shop_context
from portal.web.access import public, same_origin
from portal.web.database import read_db
from portal.web.languages import language

_HOUR = timedelta(hours=1)
_ASKED_FROM_ONE_PLACE, _ASKED_OF_ONE_ADDRESS = 20, 3

Page = str | tuple[str, int] | Response


@plain_blueprint.get("/<slug>/follow")
@public
def follow(slug: str) -> str:
    """One field, or one button for who is signed in."""
    return _page(slug, FollowForm())


def _page(slug: str, form: FollowForm) -> str:
    shop = front(read_db(), slug, viewer_id=viewer_id())
    follows = current_user.is_authenticated and followers.follows(read_db(), shop_id=shop.id, email=current_user.email)
    return render_template("store/follow.html", **shop_context(shop), form=form, follows=follows)


@plain_blueprint.post("/<slug>/follow")
@public
@same_origin
def start_following(slug: str) -> Page:
    """Send the mail that confirms it; at once for who is signed in."""
    shop = front(read_db(), slug)
    if current_user.is_authenticated:
        return _follow_as_user(shop)
    form = FollowForm(request.form)
    if not form.validate():
        return _page(slug, form), 422
    try:
        _ask_to_confirm(shop, form.email.data or "")
    except TooManyAttemptsError:
        form.email.errors = [_("That is a lot at once. Try again in an hour.")]
        return _page(slug, form), 429
    return redirect(url_for("storefront.follow", slug=slug, asked=1), code=303)


def _follow_as_user(shop: Front) -> Response:
    with transaction() as db:
        change = followers.stop_as if request.form.get("value") == "0" else followers.follow_as
        change(db, shop_id=shop.id, user=current_user)
    return redirect(url_for("storefront.follow", slug=shop.slug), code=303)


def _ask_to_confirm(shop: Front, email: str) -> None:
    """Mail the link that confirms; counted first, since anybody can type anybody's address."""
    with transaction() as db:
        throttle.hit(db, f"follow:from:{request.remote_addr}", limit=_ASKED_FROM_ONE_PLACE, window=_HOUR)
        throttle.hit(db, f"follow:to:{ids.digest(email)}", limit=_ASKED_OF_ONE_ADDRESS, window=_HOUR)
    with transaction() as db:
        followers.follow(
            db, shop_id=shop.id, shop_name=shop.name, email=email, language=language(), time_zone=shop.time_zone
        )


@plain_blueprint.get("/follow/<token>")
@public
def following(token: str) -> str:
    """What a mail's link opens: a page with buttons, since mail scanners open links."""
    follower, shop = followers.by_token(read_db(), token)
    return render_template("store/following.html", follower=follower, shop=shop, awning=shop.awning.value)


@plain_blueprint.post("/follow/<token>")
@public
@same_origin
def change_following(token: str) -> Response:
    """Confirm it, or end it."""
    stops = request.form.get("value") == "0"
    with transaction() as db:
        shop = followers.stop(db, token) if stops else followers.confirm(db, token)
    if stops:
        return redirect(url_for("storefront.storefront", slug=shop.slug), code=303)
    return redirect(url_for("storefront.following", token=token), code=303)
