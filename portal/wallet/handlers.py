"""What wallets do when something happens elsewhere, and what they draw in conversations."""

from sqlalchemy.orm import Session

from portal.identity.events import UserCreated
from portal.kernel.events import subscribe
from portal.kernel.money import Money
from portal.messaging import cards
from portal.payments.events import FundsAvailable, PaymentExpired, PaymentFailed, PaymentSucceeded
from portal.wallet.queries.cards import request_cards, transfer_cards
from portal.wallet.services import approvals, requests, top_ups, transfers
from portal.wallet.services.payables import TransferPayments

_transfer_payments = TransferPayments()


def _on_user_created(db: Session, event: UserCreated) -> None:
    transfers.claim_for(db, user_id=event.user_id)


def _on_payment_succeeded(db: Session, event: PaymentSucceeded) -> None:
    if event.purpose == top_ups.PURPOSE:
        amount = Money(event.amount_minor, event.currency)
        top_ups.complete(db, public_id=event.reference, amount=amount, available=event.funds_available)


def _on_funds_available(db: Session, event: FundsAvailable) -> None:
    if event.purpose == top_ups.PURPOSE:
        top_ups.settle(db, public_id=event.reference, amount=Money(event.amount_minor, event.currency))


def _on_payment_ended(db: Session, event: PaymentFailed | PaymentExpired) -> None:
    if event.purpose == top_ups.PURPOSE:
        top_ups.fail(db, public_id=event.reference)


def register() -> None:
    """Subscribe to events, and own what wallets own: cards in conversations, transfers to approve."""
    subscribe(UserCreated, _on_user_created)
    subscribe(PaymentSucceeded, _on_payment_succeeded)
    subscribe(FundsAvailable, _on_funds_available)
    subscribe(PaymentFailed, _on_payment_ended)
    subscribe(PaymentExpired, _on_payment_ended)
    cards.register(transfers.CARD, transfer_cards)
    cards.register(requests.CARD, request_cards)
    approvals.register(transfers.KIND, _transfer_payments)
