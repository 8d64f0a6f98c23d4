"""Amounts of money: integer minor units and a currency, never a float."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Self

# ISO 4217: digits after the comma, for the currencies the portal may be configured with.
MINOR_DIGITS = {"EUR": 2, "MAD": 2, "TND": 3, "DZD": 2, "CHF": 2, "GBP": 2, "USD": 2}

BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """`amount_minor` minor units (cents) of `currency` (ISO 4217)."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        """Refuse what is not whole minor units of a known currency."""
        if type(self.amount_minor) is not int:  # a bool is an int too
            msg = "an amount is a whole number of minor units"
            raise TypeError(msg)
        if self.currency not in MINOR_DIGITS:
            msg = f"unknown currency {self.currency!r}"
            raise ValueError(msg)

    @classmethod
    def zero(cls, currency: str) -> Self:
        """Nothing, in a currency."""
        return cls(0, currency)

    @property
    def major(self) -> Decimal:
        """The amount in major units (euros), exact."""
        return Decimal(self.amount_minor).scaleb(-MINOR_DIGITS[self.currency])

    def _same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            msg = f"{self.currency} and {other.currency} do not mix"
            raise ValueError(msg)

    def __add__(self, other: "Money") -> "Money":
        """Sum of two amounts of one currency; ValueError otherwise."""
        self._same_currency(other)
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        """Difference of two amounts of one currency; ValueError otherwise."""
        self._same_currency(other)
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def __mul__(self, factor: int) -> "Money":
        """The amount, `factor` times."""
        return Money(self.amount_minor * factor, self.currency)

    def __neg__(self) -> "Money":
        """The same amount with the other sign."""
        return Money(-self.amount_minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        """Compare two amounts of one currency; ValueError otherwise."""
        self._same_currency(other)
        return self.amount_minor < other.amount_minor

    def __le__(self, other: "Money") -> bool:
        """Compare two amounts of one currency; ValueError otherwise."""
        self._same_currency(other)
        return self.amount_minor <= other.amount_minor

    def __bool__(self) -> bool:
        """False for nothing."""
        return self.amount_minor != 0

    def share(self, basis_points: int) -> "Money":
        """A part of the amount in hundredths of a percent, rounded half to even."""
        exact = Decimal(self.amount_minor) * basis_points / BASIS_POINTS
        return Money(int(exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)), self.currency)


def parse_amount(text: str, currency: str) -> Money:
    """Read what a person typed: `25`, `24,90`, `1 234.50`, Arabic-Indic digits too.

    Raises ValueError for anything else: two separators, too many decimals, a sign, a letter.
    """
    plain = text.strip().replace("٫", ".").replace(",", ".")
    for space in (" ", "\u00a0", "\u202f", "€"):
        plain = plain.replace(space, "")
    if not plain or not all(character.isdecimal() or character == "." for character in plain):
        msg = "not an amount"
        raise ValueError(msg)
    try:
        major = Decimal(plain)
    except InvalidOperation as error:
        msg = "not an amount"
        raise ValueError(msg) from error
    minor = major.scaleb(MINOR_DIGITS[currency])
    if minor != minor.to_integral_value() or minor > 10**12:
        msg = "too many decimals, or too much"
        raise ValueError(msg)
    return Money(int(minor), currency)
