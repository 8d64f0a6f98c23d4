"""The ledger accounts behind a wallet, and those of the portal it deals with."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from portal import config
from portal.ledger.kinds import AccountKind
from portal.ledger.services import account_for


def currency() -> str:
    """The one currency of this installation's wallets."""
    return config.current().currency


@dataclass(frozen=True, slots=True)
class WalletAccounts:
    """Ledger account ids of one person's wallet in one currency, made at their first use."""

    db: Session
    user_id: int
    currency: str

    def _id(self, kind: AccountKind) -> int:
        return account_for(self.db, kind=kind, currency=self.currency, owner_id=self.user_id)

    @property
    def available(self) -> int:
        """What can be sent now."""
        return self._id(AccountKind.WALLET_AVAILABLE)

    @property
    def incoming(self) -> int:
        """Sales by card that the provider has not released yet."""
        return self._id(AccountKind.WALLET_INCOMING)

    @property
    def held(self) -> int:
        """Set aside for a withdrawal or an order."""
        return self._id(AccountKind.WALLET_HELD)

    @property
    def waiting(self) -> int:
        """Sent to people who are not users yet."""
        return self._id(AccountKind.TRANSFER_WAITING)


def provider_balance(db: Session, currency: str) -> int:
    """What the payment provider keeps for the portal."""
    return account_for(db, kind=AccountKind.PROVIDER_BALANCE, currency=currency, owner_id=None)


def platform_fees(db: Session, currency: str) -> int:
    """What merchants have paid in fees."""
    return account_for(db, kind=AccountKind.PLATFORM_FEES, currency=currency, owner_id=None)
