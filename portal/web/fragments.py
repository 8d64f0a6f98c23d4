"""Parts of a page that are asked for again and again: 304 when nothing changed."""

from flask import Response, make_response, request


def fragment(html: str) -> Response:
    """An answer that holds a part of a page, with an ETag; empty with 304 when the reader has it already."""
    response = make_response(html)
    response.add_etag()
    return _conditional(response)


def is_known(tag: str) -> bool:
    """Whether the reader has this version already: then there is no need to render it again."""
    return request.if_none_match.contains_weak(tag)


def weak(tag: str) -> str:
    """A tag as it stands in a header: weak, so that compression leaves it as it is."""
    return f'W/"{tag}"'


def tagged(html: str, tag: str) -> Response:
    """As `fragment`, with a tag made from the data: for parts with forms, whose tokens differ each time."""
    response = make_response(html)
    # Weak, so that compression leaves it as it is.
    response.set_etag(tag, weak=True)
    return _conditional(response)


def _conditional(response: Response) -> Response:
    response.cache_control.private = True
    response.cache_control.no_cache = True
    response.make_conditional(request)
    return response
