"""What can go wrong with money, said so that the next step is clear."""

from datetime import datetime
from http import HTTPStatus

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_ngettext
from flask_babel.speaklater import LazyString

from portal.kernel.errors import ConflictError, PortalError, TooManyAttemptsError
from portal.kernel.money import Money
from portal.web.formats import date_time, money_text


def _money(amount: Money) -> LazyString:
    """Written when the message is: an error is raised where no reader is known yet."""
    return LazyString(money_text, amount)


def _when(moment: datetime) -> LazyString:
    return LazyString(date_time, moment)


class AmountError(PortalError):
    """No amount, or not one that can be sent."""

    message = _l("Type an amount, for example 25 or 12,50.")


class UnknownPayeeError(PortalError):
    """Nobody has this name or address."""

    message = _l("Nobody here has this name. Check it, or type an e-mail address.")


class SelfTransferError(PortalError):
    """One's own wallet is not a payee."""

    message = _l("That is your own wallet. Choose someone else.")


class BlockedPayeeError(PortalError):
    """One of the two has blocked the other; it is not said which."""

    status = HTTPStatus.CONFLICT
    message = _l("This conversation is closed. Nothing was sent.")


class NotEnoughError(PortalError):
    """The wallet holds less than is to be sent; `missing` is by how much."""

    status = HTTPStatus.CONFLICT

    def __init__(self, missing: Money) -> None:
        """Say how much is missing, in the reader's language."""
        self.missing = missing
        super().__init__(_l("You are %(amount)s short. Add it to your wallet, then send.", amount=_money(missing)))


class LimitError(PortalError):
    """More than may be sent at once, in a day or in a month."""

    status = HTTPStatus.CONFLICT


def over_payment_limit(limit: Money) -> LimitError:
    """More than one payment may hold."""
    return LimitError(_l("One payment holds %(amount)s at most.", amount=_money(limit)))


def over_new_payee_limit(limit: Money) -> LimitError:
    """More than someone may receive on the first day they are paid."""
    return LimitError(
        _l("You have not paid this person before: %(amount)s at most on the first day.", amount=_money(limit))
    )


def over_day_limit(left: Money) -> LimitError:
    """More than is left of the last 24 hours."""
    return LimitError(_l("You can still send %(amount)s in these 24 hours.", amount=_money(left)))


def over_month_limit(left: Money) -> LimitError:
    """More than is left of the last 30 days."""
    return LimitError(_l("You can still send %(amount)s in these 30 days.", amount=_money(left)))


class NewPayeesPausedError(PortalError):
    """The PIN was reset less than 24 hours ago: only people paid before can be paid."""

    status = HTTPStatus.CONFLICT

    def __init__(self, until: datetime) -> None:
        """Say from when new payees can be paid again."""
        super().__init__(
            _l("Your PIN is new. You can pay people you have not paid before from %(when)s on.", when=_when(until))
        )


class ApprovalGoneError(ConflictError):
    """Used, too old, or what it was for has changed: nothing was sent, and the way is to start again."""

    message = _l("This approval is no longer valid, and nothing was sent. Start again.")


class ApprovalRefusedError(PortalError):
    """The PIN did not pass. What was wrong is not said; how many tries are left is."""

    def __init__(self, left: int) -> None:
        """Say how many tries are left before the lock."""
        self.left = left
        super().__init__(
            lazy_ngettext(
                "That did not go through. %(num)d try left.", "That did not go through. %(num)d tries left.", left
            )
        )


class PinLockedError(TooManyAttemptsError):
    """Approval by PIN is locked, on every device, until `until`."""

    def __init__(self, until: datetime) -> None:
        """Say until when."""
        self.until = until
        super().__init__(_l("Too many tries. Your PIN works again from %(when)s on.", when=_when(until)))


class WeakPinError(PortalError):
    """A PIN that many people choose."""

    message = _l("This PIN is too easy to guess. No dates, repeats or sequences, please.")


class PinSetError(ConflictError):
    """There is a PIN already; a new one needs a code by e-mail."""

    message = _l("You have a PIN already. To choose another, ask for a code by e-mail.")


class ResetCodeError(PortalError):
    """The code is wrong, used, too old or tried too often; the four look the same."""

    message = _l("That code did not work. Check the e-mail, or ask for a new code.")


class TooManyResetsError(TooManyAttemptsError):
    """Three codes an hour are enough."""

    message = _l("Three codes have been sent in this hour. Use the last one, or wait a little.")


class RequestClosedError(ConflictError):
    """The request was paid, declined, cancelled or is too old."""

    message = _l("This request is closed. Nothing was sent.")


class TooManyRequestsError(TooManyAttemptsError):
    """A wallet asks for money 30 times a day at most."""

    message = _l("You have asked for money many times today. Try again tomorrow.")


class TransferClosedError(ConflictError):
    """It has arrived, or was taken back or returned already."""

    message = _l("This transfer has already found its end.")
