"""What a wallet's pages show. These names are what other features use."""

from portal.wallet.queries.balances import WalletBalance, balance

__all__ = ["WalletBalance", "balance"]
