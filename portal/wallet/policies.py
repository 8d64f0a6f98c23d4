"""What may be sent, as pure rules: limits by person and payee, and which PINs are too common."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.kernel.money import MINOR_DIGITS, Money

DAY = timedelta(hours=24)
MONTH = timedelta(days=30)
NEW_USER_FOR = timedelta(days=14)
NEW_PAYEE_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that leaves a wallet: in one payment, in 24 hours, in 30 days. In major units (euros)."""

    payment: int
    day: int
    month: int


USUAL = Limits(payment=1_000, day=2_000, month=5_000)
NEW_USER = Limits(payment=250, day=500, month=1_000)
# Counted over what this one payee was sent, on top of the payer's own limits.
NEW_PAYEE = Limits(payment=250, day=250, month=250)


def limits_of(*, user_since: datetime, now: datetime) -> Limits:
    """The limits of a user: the low ones for their first 14 days."""
    return NEW_USER if now - user_since < NEW_USER_FOR else USUAL


def is_new_payee(first_paid_at: datetime | None, *, now: datetime) -> bool:
    """True until 24 hours after the first payment to them."""
    return first_paid_at is None or now - first_paid_at < NEW_PAYEE_FOR


def major(amount: int, currency: str) -> Money:
    """Whole major units (euros) as money."""
    return Money(amount * 10 ** MINOR_DIGITS[currency], currency)


PIN_LENGTH = 6
_DIGITS = "01234567890123456789"
# Lines and corners of a phone's keypad, and doubles: what studies of leaked PINs find after repeats and sequences.
_KEYPAD = frozenset(
    {"147258", "258369", "147369", "159357", "159753", "357159", "951753", "741852", "852963", "963852"}
)
_FEWEST_DIFFERENT = 3
_MONTHS = 12
_DAYS = 31


def _is_date(pin: str) -> bool:
    """Day, month and year of two digits each, in the three orders people write them."""
    first, second, third = int(pin[:2]), int(pin[2:4]), int(pin[4:])

    def fits(day: int, month: int) -> bool:
        return 1 <= day <= _DAYS and 1 <= month <= _MONTHS

    return fits(first, second) or fits(second, first) or fits(third, second)


def is_common_pin(pin: str) -> bool:
    """True for repeats (000000, 121212, 123123), sequences, doubles, keypad lines and dates."""
    return (
        len(set(pin)) < _FEWEST_DIFFERENT
        or pin in _DIGITS
        or pin[::-1] in _DIGITS
        or pin[:3] in {pin[3:], pin[:2:-1]}
        or pin[::2] == pin[1::2]
        or pin in _KEYPAD
        or _is_date(pin)
    )


# A top-up by card, in major units: below, the card's fixed cost eats it; above, it is a transfer from a bank.
LEAST_TOP_UP = 5
MOST_TOP_UP = 500
