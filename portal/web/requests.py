"""What no address of the portal can hold, refused once for all of them."""

from flask import Flask, abort, request
from werkzeug.routing import IntegerConverter

_LARGEST_ID = 2**63 - 1


class IdConverter(IntegerConverter):
    """A whole number that fits the database's ids; a larger one is simply not found."""

    def __init__(self, map, max: int = _LARGEST_ID, **kwargs) -> None:  # type: ignore[no-untyped-def]  # noqa: A002, ANN001, ANN003 (Werkzeug's own names)
        """As Werkzeug's, with a bound."""
        super().__init__(map, max=max, **kwargs)


def id_argument(name: str) -> int | None:
    """A whole number of the query or the form that fits the database's ids; None for anything else."""
    text = request.values.get(name, "")
    if not text.isascii() or not text.isdecimal() or len(text) > len(str(_LARGEST_ID)):
        return None
    number = int(text)
    return number if number <= _LARGEST_ID else None


def _refuse_nul() -> None:
    """PostgreSQL keeps no NUL in text, and no person types one: 400."""
    if "\x00" in request.path or any("\x00" in value for values in request.args.listvalues() for value in values):
        abort(400)


def init_app(app: Flask) -> None:
    """Bound the addresses of this app."""
    app.url_map.converters["int"] = IdConverter
    app.before_request(_refuse_nul)
