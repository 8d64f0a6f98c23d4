"""Parts of a page that are asked for again and again: 304 when nothing changed."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from flask import Response, current_app, make_response, request

_BRIEFLY_SECONDS = 0.5
_MOST_KEPT = 1000


def fragment(html: str) -> Response:
    """An answer that holds a part of a page, with an ETag; empty with 304 when the reader has it already."""
    response = make_response(html)
    response.add_etag()
    return _conditional(response)


def is_known(tag: str) -> bool:
    """Whether the reader has this version already: then there is no need to render it again."""
    return request.if_none_match.contains_weak(tag)


def tagged(html: str, tag: str) -> Response:
    """As `fragment`, with a tag made from the data: for parts with forms, whose tokens differ each time."""
    response = make_response(html)
    # Weak, so that compression leaves it as it is.
    response.set_etag(tag, weak=True)
    return _conditional(response)


@dataclass(slots=True)
class Kept:
    """A version of a part that is the same for all: its tag, and its content once somebody needed it."""

    tag: str
    until: float
    html: str | None = None


class Briefly:
    """Keeps for half a second what thousands ask for every few seconds: one of them pays, the others share."""

    def __init__(self) -> None:
        """Nothing is kept yet."""
        self._kept: dict[Hashable, Kept] = {}

    def answer(self, key: Hashable, tag_of: Callable[[], str], html_of: Callable[[], str]) -> Response:
        """As `tagged`, for a part that is the same for everybody who asks for `key`; always fresh under test."""
        now = time.monotonic()
        kept = self._kept.get(key)
        if kept is None or now >= kept.until or current_app.testing:
            tag = tag_of()
            kept = Kept(tag, now + _BRIEFLY_SECONDS, kept.html if kept and kept.tag == tag else None)
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = kept
        if kept.html is None and not is_known(kept.tag):
            kept.html = html_of()
        return tagged(kept.html or "", kept.tag)


def _conditional(response: Response) -> Response:
    response.cache_control.private = True
    response.cache_control.no_cache = True
    response.make_conditional(request)
    return response
