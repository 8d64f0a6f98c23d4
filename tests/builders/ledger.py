"""Money for tests: it comes in through the provider's account, as in life."""

from itertools import count

from sqlalchemy.orm import Session

from portal.kernel.money import Money
from portal.ledger.kinds import AccountKind
from portal.ledger.services import Line, account_for, post

_keys = count()


def euros(amount: int, cents: int = 0) -> Money:
    """An amount in euros."""
    return Money(amount * 100 + cents, "EUR")


def new_key() -> str:
    """An idempotency key that was never used before."""
    return f"test-{next(_keys)}"


def wallet(db: Session, owner_id: int, currency: str = "EUR") -> int:
    """The account of what this owner can spend."""
    return account_for(db, kind=AccountKind.WALLET_AVAILABLE, currency=currency, owner_id=owner_id)


def held(db: Session, owner_id: int, currency: str = "EUR") -> int:
    """The account of what this owner has set aside."""
    return account_for(db, kind=AccountKind.WALLET_HELD, currency=currency, owner_id=owner_id)


def provider(db: Session, currency: str = "EUR") -> int:
    """The account of what the payment provider keeps for the portal."""
    return account_for(db, kind=AccountKind.PROVIDER_BALANCE, currency=currency, owner_id=None)


def give(db: Session, owner_id: int, amount: Money) -> int:
    """Put `amount` into the owner's wallet; returns the wallet's account."""
    account = wallet(db, owner_id, amount.currency)
    post(db, key=new_key(), kind="top_up", lines=[Line(provider(db, amount.currency), account, amount)])
    return account
