"""The arithmetic of a sale: what the portal keeps, what remains, and the VAT inside a price."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from portal.config import Fees
from portal.kernel.money import BASIS_POINTS, Money
from portal.store.models import PayMethod


@dataclass(frozen=True, slots=True)
class Fee:
    """The portal's fee on one sale: its rate as frozen on the order, and what it comes to."""

    basis_points: int
    fixed_minor: int
    amount: Money


@dataclass(frozen=True, slots=True)
class VatPart:
    """The VAT contained in what was paid at one rate."""

    basis_points: int
    amount: Money


def fee_on(gross: Money, method: PayMethod, fees: Fees) -> Fee:
    """The fee on a sale of `gross`: a share, rounded half to even, plus a fixed part; never more than the sale."""
    wallet = method is PayMethod.WALLET
    basis_points = fees.wallet_basis_points if wallet else fees.card_basis_points
    fixed = 0 if wallet else fees.card_fixed_minor
    exact = gross.share(basis_points).amount_minor + fixed
    return Fee(basis_points, fixed, Money(min(exact, gross.amount_minor), gross.currency))


def vat_inside(lines: Iterable[tuple[Money, int]], delivery: Money) -> list[VatPart]:
    """The VAT contained in consumer prices, by rate, highest first (prices include VAT).

    `lines` are (total, rate in basis points). Delivery follows the goods it carries: its price is
    shared among the rates in proportion. Rates of 0 are left out.
    """
    goods: defaultdict[int, int] = defaultdict(int)
    for total, rate in lines:
        goods[rate] += total.amount_minor
    whole = sum(goods.values())
    parts = []
    for rate in sorted(goods, reverse=True):
        gross = Decimal(goods[rate]) + Decimal(delivery.amount_minor) * goods[rate] / whole
        inside = (gross * rate / (BASIS_POINTS + rate)).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
        if rate:
            parts.append(VatPart(rate, Money(int(inside), delivery.currency)))
    return parts
