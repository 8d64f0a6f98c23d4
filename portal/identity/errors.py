"""What can go wrong while someone comes in."""

from http import HTTPStatus

from flask_babel import lazy_gettext as _l

from portal.kernel.errors import PortalError, TooManyAttemptsError


class SignInExpiredError(PortalError):
    """The link or code is used, too old or unknown; the three look the same."""

    status = HTTPStatus.GONE
    message = _l("This link is no longer valid. Ask for a new one: it takes ten seconds.")


class WrongCodeError(PortalError):
    """The code does not match; nothing more is said."""

    message = _l("That code did not work. Check the e-mail, or ask for a new code.")


class TooManySignInsError(TooManyAttemptsError):
    """Ten tries in an hour for an address, or for a source."""

    message = _l("That was a lot of tries. Wait an hour, or use the link in the e-mail.")


class HandleTakenError(PortalError):
    """Another user has this handle."""

    message = _l("Someone already has this name. Try another one.")
