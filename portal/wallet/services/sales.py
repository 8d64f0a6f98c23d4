"""A merchant's sales: credited with their fee, released by the provider, given back."""

from sqlalchemy.orm import Session

from portal.kernel.money import Money
from portal.ledger.services import Line, post
from portal.wallet.services.accounts import WalletAccounts, platform_fees, provider_balance

SALE = "sale"
SALE_RELEASED = "sale_released"
SALE_REFUND = "sale_refund"


def _payer_account(db: Session, payer_id: int | None, currency: str) -> int:
    """Whose money it is: a wallet's, or what a card brought to the provider's balance."""
    if payer_id is None:
        return provider_balance(db, currency)
    return WalletAccounts(db, payer_id, currency).available


def credit_sale(  # noqa: PLR0913 (each is a fact about the sale)
    db: Session,
    *,
    merchant_id: int,
    gross: Money,
    fee: Money,
    key: str,
    reference: str,
    available: bool,
    payer_id: int | None = None,
) -> int:
    """Credit a merchant with a sale, and take its fee as a posting of its own. Returns the ledger transaction's id.

    Paid by card (`payer_id` None) the money is what the provider collected; otherwise it leaves the payer's wallet.
    With `available` it can be spent at once, otherwise it is incoming until `settle_sale`. The same `key` again
    changes nothing.

    Raises InsufficientFundsError when the payer's wallet holds less than `gross`, IdempotencyConflictError for the
    same key with another sale, ValueError for a fee above the gross amount.
    """
    if gross < fee:
        msg = "a fee cannot exceed its sale"
        raise ValueError(msg)
    merchant = WalletAccounts(db, merchant_id, gross.currency)
    credited = merchant.available if available else merchant.incoming
    lines = [Line(_payer_account(db, payer_id, gross.currency), credited, gross)]
    if fee:
        lines.append(Line(credited, platform_fees(db, fee.currency), fee))
    return post(db, key=key, kind=SALE, lines=lines, reference=reference)


def settle_sale(db: Session, *, merchant_id: int, net: Money, key: str, reference: str) -> int:
    """The provider has released a sale by card: its net amount goes from incoming to available.

    Returns the ledger transaction's id; the same `key` again changes nothing. Raises InsufficientFundsError when the
    sale was refunded from incoming meanwhile, IdempotencyConflictError for the same key with another amount.
    """
    merchant = WalletAccounts(db, merchant_id, net.currency)
    lines = [Line(merchant.incoming, merchant.available, net)]
    return post(db, key=key, kind=SALE_RELEASED, lines=lines, reference=reference)


def refund_sale(  # noqa: PLR0913 (each is a fact about the refund)
    db: Session,
    *,
    merchant_id: int,
    amount: Money,
    fee_back: Money,
    key: str,
    reference: str,
    available: bool,
    payer_id: int | None = None,
) -> int:
    """Give `amount` of a sale back to where it came from; `fee_back` of its fee returns to the merchant first.

    `available` as the sale is now: False while it has not been settled. A card refund lowers the provider's balance
    (payments sends it to the card); one paid from a wallet returns to the payer's. Returns the transaction's id.

    Raises InsufficientFundsError when the merchant has spent the money, IdempotencyConflictError for the same key
    with another refund, ValueError for a fee above the amount.
    """
    if amount < fee_back:
        msg = "no more of a fee can be given back than of its sale"
        raise ValueError(msg)
    merchant = WalletAccounts(db, merchant_id, amount.currency)
    debited = merchant.available if available else merchant.incoming
    lines = [Line(debited, _payer_account(db, payer_id, amount.currency), amount)]
    if fee_back:
        lines.insert(0, Line(platform_fees(db, fee_back.currency), debited, fee_back))
    return post(db, key=key, kind=SALE_REFUND, lines=lines, reference=reference)
