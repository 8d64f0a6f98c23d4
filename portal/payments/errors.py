"""What payments refuse, and what the provider answers."""

from http import HTTPStatus

from flask_babel import lazy_gettext as _l

from portal.kernel.errors import ConflictError, NotFoundError, PortalError


class ProviderError(PortalError):
    """The payment provider did not do what it was asked."""

    status = HTTPStatus.BAD_GATEWAY
    message = _l("The payment service did not answer as it should. Nothing was charged. Try again in a moment.")


class ProviderUnavailableError(ProviderError):
    """No answer, or one that says nothing about the request: asking again is right."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    message = _l("The payment service cannot be reached. Nothing was charged. Try again in a moment.")


class ProviderBrokenError(ProviderUnavailableError):
    """The provider answered with a failure of its own, which it will repeat for as long as the key is the same."""


class ProviderRefusedError(ProviderError):
    """The provider understood and said no: asking the same again is useless."""

    message = _l("The payment service refused this payment. Nothing was charged. Start the payment again.")

    def __init__(self, code: str) -> None:
        """Keep the provider's word for the reason."""
        super().__init__()
        self.code = code


class ForgedEventError(PortalError):
    """An event whose signature is missing, wrong or too old."""

    message = _l("This message is not from the payment service.")


class PaymentNotFoundError(NotFoundError):
    """No such payment."""

    message = _l("This payment does not exist.")


class PaymentConflictError(ConflictError):
    """The key was used before for another payment or refund."""

    message = _l("This was already sent with other details. Reload the page and check before sending again.")


class PaymentClosedError(ConflictError):
    """The payment was begun under this key, and is over."""

    message = _l("This payment page has closed. Start the payment again.")


class RefundTooLargeError(ConflictError):
    """More than was captured and not given back yet."""

    message = _l("This is more than what can still be refunded. Reload the page to see how much that is.")
