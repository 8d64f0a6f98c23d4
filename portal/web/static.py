"""Addresses of static files with a fingerprint of their content: cached for a year, never stale."""

import hashlib
from functools import cache
from pathlib import Path

from flask import Flask, Response, request, url_for

_YEAR_SECONDS = 365 * 24 * 3600


@cache
def _fingerprint(path: Path, _modified_ns: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def init_app(app: Flask) -> None:
    """Give `static_url()` to the templates, and long lives to fingerprinted files."""
    folder = Path(app.static_folder or "static")
    always_fresh = app.debug or app.testing

    @cache
    def kept_url(name: str) -> str:
        return static_url(name)

    def static_url(name: str) -> str:
        path = folder / name
        return url_for("static", filename=name, v=_fingerprint(path, path.stat().st_mtime_ns))

    def _long_life(response: Response) -> Response:
        if request.endpoint == "static" and "v" in request.args:
            response.cache_control.public = True
            response.cache_control.no_cache = None
            response.cache_control.max_age = _YEAR_SECONDS
            response.cache_control.immutable = True
        return response

    app.after_request(_long_life)
    app.jinja_env.globals["static_url"] = static_url if always_fresh else kept_url
