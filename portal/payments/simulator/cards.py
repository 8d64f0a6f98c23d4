"""The only cards the simulator takes: numbers that Stripe publishes for tests, and that no bank has issued.

Source: https://docs.stripe.com/testing, "Cards by brand", "Declined payments" and "Authentication and setup".
"""

from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    """What the bank of a test card says."""

    PAID = "paid"
    DECLINED = "declined"
    ASKS_CONFIRMATION = "asks_confirmation"


@dataclass(frozen=True, slots=True)
class Card:
    """A test card; `decline_code` is the provider's word for why its bank says no."""

    number: str
    brand: str
    answer: Answer
    decline_code: str = ""

    @property
    def last4(self) -> str:
        """What a receipt shows of it."""
        return self.number[-4:]

    @property
    def grouped(self) -> str:
        """The number as it stands on a card."""
        return " ".join(self.number[at : at + 4] for at in range(0, len(self.number), 4))


CARDS = {
    card.number: card
    for card in (
        Card("4242424242424242", "visa", Answer.PAID),
        Card("5555555555554444", "mastercard", Answer.PAID),
        Card("4000002500003155", "visa", Answer.ASKS_CONFIRMATION),
        Card("4000000000000002", "visa", Answer.DECLINED, "generic_decline"),
        Card("4000000000009995", "visa", Answer.DECLINED, "insufficient_funds"),
    )
}
