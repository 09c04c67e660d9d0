"""Amounts in another currency: only by the bank's own rates."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from crossverify.desk import DeskInfo, Rates
from crossverify.exchange import convert, rate, said

DESK = DeskInfo(
    rates=Rates(source="PBoC", as_of=1, rates={"USD/CNY": Decimal("7.10"), "EUR/USD": Decimal("1.2")})
)


@pytest.mark.parametrize(
    ("amount", "currency", "to", "expected"),
    [
        ("100", "CNY", "CNY", Fraction(100)),
        ("100", "USD", "CNY", Fraction(710)),
        ("710", "CNY", "USD", Fraction(100)),
        ("1", "CNY", "USD", Fraction(10, 71)),
        ("1", "EUR", "CNY", None),
        ("1", "JPY", "CNY", None),
    ],
)
def test_conversion_is_exact_or_none(amount: str, currency: str, to: str, expected: Fraction | None) -> None:
    assert convert(DESK, Decimal(amount), currency, to) == expected


def test_without_rates_only_the_same_currency() -> None:
    assert rate(DeskInfo(), "USD", "CNY") is None
    assert convert(DeskInfo(), Decimal(3), "USD", "USD") == 3


def test_the_rate_is_named_with_its_source() -> None:
    assert said(DESK, "CNY", "USD") == "USD/CNY 7.10 (PBoC)"
    assert said(DESK, "CNY", "CNY") == ""
    assert said(DESK, "JPY", "CNY") == ""
    assert said(DeskInfo(), "USD", "CNY") == ""
