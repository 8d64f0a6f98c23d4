"""What keeps somebody out of a room; the session goes on here all the same."""

from http import HTTPStatus

from flask_babel import lazy_gettext as _l

from portal.kernel.errors import PortalError


class RoomError(PortalError):
    """The video room's server did not do what it was asked."""

    status = HTTPStatus.BAD_GATEWAY
    message = _l("The video room did not open. The session goes on here, with its slides and questions.")


class RoomUnavailableError(RoomError):
    """No answer, or none that can be read: asking again later is right."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    message = _l("The video cannot be reached just now. The session goes on here, with its slides and questions.")


class RoomRefusedError(RoomError):
    """The server understood and said no; `code` is its own word for the reason."""

    def __init__(self, code: str) -> None:
        """Keep the server's word for the reason."""
        super().__init__()
        self.code = code
