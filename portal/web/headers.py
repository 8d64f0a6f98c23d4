"""Security headers on every answer, and what may be cached."""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, Response, make_response, request
from flask_login import current_user

from portal import config

View = TypeVar("View", bound=Callable[..., Any])

STRIPE_CHECKOUT = "https://checkout.stripe.com"


def payment_origin() -> str:
    """Where our checkout form redirects to: Chromium wants it in `form-action`."""
    settings = config.current()
    if settings.stripe_secret_key:
        return STRIPE_CHECKOUT
    parts = urlsplit(settings.payment_simulator_url)
    return f"{parts.scheme}://{parts.netloc}"


@cache
def _policy(payment: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            f"form-action 'self' {payment}",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def allow_media(response: Response, url: str) -> None:
    """Let this one page play a video from where `url` is."""
    parts = urlsplit(url)
    policy = f"{_policy(payment_origin())}; media-src {parts.scheme}://{parts.netloc}"
    response.headers["Content-Security-Policy"] = policy


def allow_own_frames(response: Response) -> Response:
    """Let this page show another page of ours inside it; that one must allow it too (`frame-ancestors 'self'`)."""
    response.headers["Content-Security-Policy"] = f"{_policy(payment_origin())}; frame-src 'self'"
    return response


def cacheable(seconds: int) -> Callable[[View], View]:
    """Let caches keep this page for visitors without a login; it must not touch the cookie session."""

    def mark(view: View) -> View:
        @wraps(view)
        def answered(*args: Any, **kwargs: Any) -> Response:
            response = make_response(view(*args, **kwargs))
            if response.status_code == 200 and not current_user.is_authenticated:  # noqa: PLR2004
                response.cache_control.public = True
                response.cache_control.max_age = seconds
                response.vary.update(["Cookie"])
            return response

        return cast("View", answered)

    return mark


def _harden(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _policy(payment_origin()))
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=()"
    if config.current().secure:
        headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    if request.endpoint == "static":
        return response
    if "Cache-Control" not in headers:
        response.cache_control.private = True
        response.cache_control.no_store = True
    return response


def init_app(app: Flask) -> None:
    """Set the headers of every answer of this app."""
    app.after_request(_harden)
