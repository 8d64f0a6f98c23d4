"""What payments tell the features above: each event once, in the transaction that records it."""

from dataclasses import dataclass

from portal.kernel.events import Event


@dataclass(frozen=True, slots=True)
class PaymentSucceeded(Event):
    """The payer has paid. `funds_available`: the provider lets us use the money already.

    When it is False, FundsAvailable follows for the same payment; when it is True it never does.
    """

    payment_id: int
    purpose: str
    reference: str
    amount_minor: int
    currency: str
    funds_available: bool


@dataclass(frozen=True, slots=True)
class PaymentFailed(Event):
    """The payment can no longer be paid: the provider refused it for good."""

    payment_id: int
    purpose: str
    reference: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class PaymentExpired(Event):
    """The payment page was left until it closed, or was cancelled."""

    payment_id: int
    purpose: str
    reference: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class FundsAvailable(Event):
    """Money of a payment that had succeeded earlier can now be used."""

    payment_id: int
    purpose: str
    reference: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class RefundSucceeded(Event):
    """`amount_minor` of the payment is on its way back to the card; `key` is the one given to `refund()`."""

    refund_id: int
    payment_id: int
    key: str
    purpose: str
    reference: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class RefundFailed(Event):
    """The provider could not give the money back; it can be refunded again."""

    refund_id: int
    payment_id: int
    key: str
    purpose: str
    reference: str
    amount_minor: int
    currency: str
