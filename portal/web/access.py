"""Who may open what: deny by default, one decorator on every view.

It knows the current user as Flask-Login gives them, never the tables of identity.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, current_app, redirect, request, url_for
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from portal import config
from portal.kernel.errors import ForbiddenError, NotFoundError


class Viewer(Protocol):
    """What access rules know of whoever is looking."""

    is_authenticated: bool
    is_expert: bool
    is_organiser: bool


Policy = Callable[[Any], bool]
View = TypeVar("View", bound=Callable[..., Any])

_ACCESS = "portal_access"
_SAME_ORIGIN = "portal_same_origin"


def signed_in(user: Viewer) -> bool:
    """Anyone who has signed in."""
    return user.is_authenticated


def is_expert(user: Viewer) -> bool:
    """Experts, and organisers who stand in for them."""
    return user.is_authenticated and (user.is_expert or user.is_organiser)


def is_organiser(user: Viewer) -> bool:
    """Organisers."""
    return user.is_authenticated and user.is_organiser


def public(view: View) -> View:
    """Open to everybody."""
    setattr(view, _ACCESS, None)
    return view


def requires(policy: Policy) -> Callable[[View], View]:
    """Open to those `policy` accepts; others are asked to sign in, or find no such page."""

    def mark(view: View) -> View:
        setattr(view, _ACCESS, policy)
        return view

    return mark


def access_of(view: Callable[..., Any]) -> tuple[bool, Policy | None]:
    """Whether a view says who may open it, and the policy (None for everybody)."""
    return hasattr(view, _ACCESS), getattr(view, _ACCESS, None)


def same_origin(view: View) -> View:
    """For forms on cacheable pages, which carry no token: the POST must come from this very portal."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if request.method == "POST" and not _comes_from_here():
            raise ForbiddenError(_l("This form was sent from another site. Open the page here and try again."))
        return view(*args, **kwargs)

    setattr(checked, _SAME_ORIGIN, True)
    return cast("View", checked)


def signed_by_sender(view: View) -> View:
    """For messages from another machine: no form, no cookie, no token; the view verifies their signature itself."""
    setattr(view, _SAME_ORIGIN, True)
    return view


def is_same_origin_checked(view: Callable[..., Any]) -> bool:
    """Whether a view checks by itself where a request comes from, instead of a CSRF token."""
    return getattr(view, _SAME_ORIGIN, False)


def _comes_from_here() -> bool:
    origin = request.headers.get("Origin")
    if origin:
        given, own = urlsplit(origin), urlsplit(config.current().base_url)
        return (given.scheme, given.netloc) == (own.scheme, own.netloc) or given.netloc == request.host
    return request.headers.get("Sec-Fetch-Site") == "same-origin"


def _enforce() -> Any:
    """Before each request: refuse what no decorator opens."""
    if request.endpoint is None or request.endpoint == "static":
        return None
    view = current_app.view_functions[request.endpoint]
    declared, policy = access_of(view)
    if not declared:
        raise ForbiddenError
    if policy is None or policy(current_user):
        return None
    if not current_user.is_authenticated:
        target = request.full_path.rstrip("?") if request.method == "GET" else ""
        return redirect(url_for("identity.sign_in", next=target or None), code=303)
    raise NotFoundError


def init_app(app: Flask) -> None:
    """Check every request of this app."""
    app.before_request(_enforce)
