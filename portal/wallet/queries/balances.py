"""What a wallet holds."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from portal import config
from portal.kernel.money import Money
from portal.ledger.kinds import AccountKind
from portal.ledger.queries import balances


@dataclass(frozen=True, slots=True)
class WalletBalance:
    """Available to send; held for a withdrawal or an order; incoming from cards; waiting for people to join."""

    available: Money
    held: Money
    incoming: Money
    waiting: Money


def balance(db: Session, user_id: int) -> WalletBalance:
    """What a user's wallet holds, in one statement; zeros for one that was never used."""
    currency = config.current().currency
    kinds = balances(db, user_id, currency)
    nothing = Money.zero(currency)
    return WalletBalance(
        available=kinds.get(AccountKind.WALLET_AVAILABLE, nothing),
        held=kinds.get(AccountKind.WALLET_HELD, nothing),
        incoming=kinds.get(AccountKind.WALLET_INCOMING, nothing),
        waiting=kinds.get(AccountKind.TRANSFER_WAITING, nothing),
    )
