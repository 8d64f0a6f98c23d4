"""`url_for()` of the templates: the address of a page without arguments is built once for each language.

The frame of every page links to a dozen of them.
"""

from functools import cache
from typing import Any

from flask import Flask

from portal.web.languages import has_language_in_path, language


def init_app(app: Flask) -> None:
    """Give this app's templates `url_for()`."""

    @cache
    def kept(endpoint: str, code: str) -> str:
        return app.url_for(endpoint, language=code) if code else app.url_for(endpoint)

    def url_for(endpoint: str, **values: Any) -> str:
        if values or endpoint.startswith("."):
            return app.url_for(endpoint, **values)
        return kept(endpoint, language() if has_language_in_path(endpoint) else "")

    app.jinja_env.globals["url_for"] = url_for
