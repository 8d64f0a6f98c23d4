import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.config import Fees
from portal.kernel.money import Money
from portal.store import pricing
from portal.store.models import VAT_RATES, PayMethod


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


@pytest.mark.parametrize(
    ("gross", "method", "fee"),
    [
        (2490, PayMethod.CARD, 62),  # 37.35 rounds to 37, and 25
        (2490, PayMethod.WALLET, 30),  # 29.88
        (100, PayMethod.CARD, 27),  # 1.5 rounds to the even 2
        (300, PayMethod.CARD, 29),  # 4.5 rounds to the even 4
        (10, PayMethod.CARD, 10),  # never more than the sale
    ],
)
def test_the_fee(gross, method, fee):
    assert pricing.fee_on(euros(gross), method, Fees()).amount == euros(fee)


def test_the_rate_is_the_configured_one():
    fee = pricing.fee_on(euros(1000), PayMethod.CARD, Fees(card_basis_points=200, card_fixed_minor=10))
    assert (fee.basis_points, fee.fixed_minor, fee.amount) == (200, 10, euros(30))


def test_vat_is_inside_the_price():
    assert pricing.vat_inside([(euros(2130), 550)], euros(0)) == [pricing.VatPart(550, euros(111))]


def test_delivery_follows_the_goods():
    parts = pricing.vat_inside([(euros(1000), 2000), (euros(3000), 550)], euros(400))
    # 100 of the delivery at 20 %: 1100 × 20/120; 300 at 5.5 %: 3300 × 5.5/105.5
    assert parts == [pricing.VatPart(2000, euros(183)), pricing.VatPart(550, euros(172))]


def test_below_the_threshold_there_is_no_vat():
    assert pricing.vat_inside([(euros(1000), 0)], euros(300)) == []


@given(
    st.lists(st.tuples(st.integers(1, 10**7), st.sampled_from(VAT_RATES)), min_size=1, max_size=6),
    st.integers(0, 10**5),
)
def test_vat_is_always_a_part_of_what_was_paid(lines, delivery):
    parts = pricing.vat_inside([(euros(total), rate) for total, rate in lines], euros(delivery))
    assert all(part.amount.amount_minor >= 0 for part in parts)
    assert sum(part.amount.amount_minor for part in parts) <= sum(total for total, _rate in lines) + delivery
