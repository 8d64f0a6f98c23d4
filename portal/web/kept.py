"""Pieces of the pages' frame that are the same for everyone: rendered once for each language, then kept."""

from typing import Any

from flask import Flask
from markupsafe import Markup


def init_app(app: Flask) -> None:
    """Give `kept(macro, language, …)` to this app's templates.

    What the macro prints may depend on its arguments and on the language alone, which must be one of them when it says
    anything; there are as many pieces as arguments' values, so these are names and flags, never what a person wrote.
    """
    pieces: dict[tuple[Any, ...], Markup] = {}
    always_fresh = app.debug or app.testing

    def kept(macro: Any, *given: str | bool) -> Markup:
        key = (macro.name, *given)
        found = pieces.get(key)
        if found is None or always_fresh:
            found = pieces[key] = macro(*given)
        return found

    app.jinja_env.globals["kept"] = kept
