"""Parts of a page that are asked for again and again: 304 when nothing changed."""

from flask import Response, make_response, request


def fragment(html: str) -> Response:
    """An answer that holds a part of a page, with an ETag; empty with 304 when the reader has it already."""
    response = make_response(html)
    response.add_etag()
    response.cache_control.private = True
    response.cache_control.no_cache = True
    return response.make_conditional(request)
