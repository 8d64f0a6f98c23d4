"""What can go wrong in a conversation."""

from http import HTTPStatus

from flask_babel import lazy_gettext as _l

from portal.kernel.errors import PortalError


class EmptyMessageError(PortalError):
    """Nothing was written."""

    message = _l("Write something first.")


class MessageTooLongError(PortalError):
    """More than a message holds."""

    message = _l("That is too long for one message. Send it in two.")


class BlockedError(PortalError):
    """One of the two has blocked the other; it is not said which."""

    status = HTTPStatus.CONFLICT
    message = _l("This conversation is closed. Nothing was sent.")


class NobodyElseError(PortalError):
    """A conversation needs two people."""

    message = _l("That is you. Choose someone else.")
