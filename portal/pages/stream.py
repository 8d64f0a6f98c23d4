"""Listening to a room: where nginx with nchan stands in front, it holds the connection and asks here once."""

from hmac import compare_digest

from portal.pages.blueprint import blueprint
from portal.pages.room import public_key
from portal.training.errors import NoSuchSessionError
from portal.web.access import public

_NO_CONTENT = 204


@blueprint.get("/sessions/<int:session_id>/stream/<key>")
@public
def room_stream(session_id: int, key: str) -> tuple[str, int]:
    """Whether the key opens this room. To a browser that comes without nginx it says: nothing here, poll instead."""
    if not compare_digest(key.encode(), public_key(session_id).encode()):
        raise NoSuchSessionError
    return "", _NO_CONTENT
