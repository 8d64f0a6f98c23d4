"""What changes a wallet. Each module holds one kind of change; these names are what other features use."""

from portal.wallet.services.sales import credit_sale, refund_sale, settle_sale

__all__ = ["credit_sale", "refund_sale", "settle_sale"]
