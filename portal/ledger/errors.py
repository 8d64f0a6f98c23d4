"""What the ledger refuses."""

from http import HTTPStatus

from flask_babel import lazy_gettext as _l

from portal.kernel.errors import ConflictError, NotFoundError, PortalError


class InsufficientFundsError(PortalError):
    """An account that may not go below zero would; nothing was written."""

    status = HTTPStatus.CONFLICT
    message = _l("There is not enough money for this. Add some, or choose a smaller amount.")

    def __init__(self, account_id: int | None = None) -> None:
        """Remember which account was short, where the database told."""
        super().__init__()
        self.account_id = account_id


class IdempotencyConflictError(ConflictError):
    """The key was used before for something else: a mistake in the caller, or a form sent twice and changed."""

    message = _l("This was already sent with other details. Reload the page and check before sending again.")


class HoldSettledError(ConflictError):
    """The hold was posted or voided before, under another key."""

    message = _l("This was already completed or cancelled. Reload the page to see its state.")


class AlreadyReversedError(ConflictError):
    """A transaction is reversed once."""

    message = _l("This was already returned. Reload the page to see its state.")


class NotReversibleError(ConflictError):
    """A hold is voided, not reversed; the voiding of one is final."""

    message = _l("This cannot be returned. Reload the page to see its state.")


class TransactionNotFoundError(NotFoundError):
    """No such transaction, or not one of the kind asked for."""

    message = _l("This transaction does not exist.")


class UnknownAccountError(LookupError):
    """No such account in this currency: the caller's mistake, never a person's."""
