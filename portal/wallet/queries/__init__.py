"""What a wallet's pages show. These names are what other features use."""

from portal.wallet.queries.balances import WalletBalance, balance
from portal.wallet.queries.overview import waiting_count

__all__ = ["WalletBalance", "balance", "waiting_count"]
