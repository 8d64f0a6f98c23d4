"""What can go wrong with a certificate, and what to do about it."""

from http import HTTPStatus

from flask_babel import lazy_gettext as _l

from portal.kernel.errors import ConflictError, NotFoundError, PortalError


class RuleNotMetError(ConflictError):
    """The programme's rule is not met yet."""

    message = _l("Some lessons are still missing. Your certificate page says which.")


class NameRefusedError(PortalError):
    """The name cannot be printed as it was typed; the message says why."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class CertificateBarredError(ConflictError):
    """The last certificate was revoked because attendance was not genuine: no new one by oneself."""

    message = _l("Your certificate was revoked. Write to us before asking for another one.")


class NotValidError(ConflictError):
    """Only a valid certificate can be corrected or revoked."""

    message = _l("This certificate is not valid any more.")


class CertificateNotFoundError(NotFoundError):
    """No such certificate, or not this person's."""


class DocumentNotReadyError(NotFoundError):
    """The signed PDF is still being prepared."""

    message = _l("Your certificate is still being prepared. It will be here in a moment.")


class BlockedResourceError(RuntimeError):
    """The document asked for something outside its allow-list: it is not stored."""


class SigningIdentityError(RuntimeError):
    """The signing key or its certificate is missing or does not fit; the message says which."""
