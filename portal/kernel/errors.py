"""The one base of every error a person can be told about."""

from http import HTTPStatus


class PortalError(Exception):
    """Something a person asked for cannot be done; `message` says what to do instead.

    `message` may be a lazy translation. Leaf classes live in `<feature>/errors.py` and set `status`
    and a default `message`.
    """

    status: HTTPStatus = HTTPStatus.BAD_REQUEST
    message: object = ""

    def __init__(self, message: object | None = None) -> None:
        """Keep the given message, or the class's own."""
        if message is not None:
            self.message = message
        super().__init__(self.message)

    def __str__(self) -> str:
        """The message, in the language of whoever reads it."""
        return str(self.message)


class NotFoundError(PortalError):
    """Unknown, or not this person's: the two look the same from outside."""

    status = HTTPStatus.NOT_FOUND


class ForbiddenError(PortalError):
    """Known and visible, but not allowed to this person."""

    status = HTTPStatus.FORBIDDEN


class ConflictError(PortalError):
    """The thing changed meanwhile, or was already done otherwise."""

    status = HTTPStatus.CONFLICT


class TooManyAttemptsError(PortalError):
    """A limit that guards something was reached."""

    status = HTTPStatus.TOO_MANY_REQUESTS
