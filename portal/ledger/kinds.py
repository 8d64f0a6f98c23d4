"""The words of the ledger that other features use too."""

from enum import StrEnum


class AccountKind(StrEnum):
    """What an account is for. Those of a person or shop have an owner, those of the portal have none."""

    WALLET_AVAILABLE = "wallet_available"
    WALLET_INCOMING = "wallet_incoming"
    WALLET_HELD = "wallet_held"
    TRANSFER_WAITING = "transfer_waiting"
    PLATFORM_FEES = "platform_fees"
    PLATFORM_LOSSES = "platform_losses"
    PROVIDER_BALANCE = "provider_balance"
    PROVIDER_FEES = "provider_fees"


# The portal's own accounts: they have no owner and may be below zero.
OF_THE_PORTAL = (
    AccountKind.PLATFORM_FEES,
    AccountKind.PLATFORM_LOSSES,
    AccountKind.PROVIDER_BALANCE,
    AccountKind.PROVIDER_FEES,
)

# Money of people: never below zero, whatever the code does.
NEVER_NEGATIVE = (
    AccountKind.WALLET_AVAILABLE,
    AccountKind.WALLET_INCOMING,
    AccountKind.WALLET_HELD,
    AccountKind.TRANSFER_WAITING,
)


class TransactionState(StrEnum):
    """A transaction is posted at once; a hold is pending until it is posted or voided."""

    PENDING = "pending"
    POSTED = "posted"
    VOIDED = "voided"
