from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from consortium.documents.codes import MINOR_UNITS, UNITS
from consortium.documents.money import decimal_text, exact_decimal, minor_units, too_precise


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("1", "1"),
        ("1.50", "1.5"),
        ("-0", "0"),
        ("-0.00", "0"),
        ("007.10", "7.1"),
        ("1." + "0" * 40, "1"),
        ("0" * 30 + "5", "5"),
        (Decimal("1E+2"), "100"),
        (Decimal("100.00"), "100"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("0E+900"), "0"),
        (-3, "-3"),
        (0, "0"),
        ("999999999999999999.9999999999", "999999999999999999.9999999999"),
    ],
)
def test_equal_numbers_are_written_alike(written: object, text: str) -> None:
    assert decimal_text(exact_decimal(written)) == text


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        (0.1, "NUMBER_IMPRECISE"),
        (float("nan"), "NUMBER_IMPRECISE"),
        (Decimal("NaN"), "NUMBER_NOT_FINITE"),
        (Decimal("-Infinity"), "NUMBER_NOT_FINITE"),
        ("NaN", "NUMBER_NOT_FINITE"),
        ("-inf", "NUMBER_NOT_FINITE"),
        ("1e3", "NUMBER_INVALID"),
        ("1,000.00", "NUMBER_INVALID"),
        ("", "NUMBER_INVALID"),
        (" 1", "NUMBER_INVALID"),
        ("+1", "NUMBER_INVALID"),
        (".5", "NUMBER_INVALID"),
        ("１２", "NUMBER_INVALID"),
        (True, "NUMBER_INVALID"),
        (None, "NUMBER_INVALID"),
        ("1" * 19, "NUMBER_TOO_LARGE"),
        (10**18, "NUMBER_TOO_LARGE"),
        (Decimal("1E+999999"), "NUMBER_TOO_LARGE"),
        ("0.12345678901", "NUMBER_TOO_PRECISE"),
        (Decimal("1E-999999"), "NUMBER_TOO_PRECISE"),
    ],
)
def test_what_is_no_exact_number_is_refused_with_its_reason(written: object, rule: str) -> None:
    with pytest.raises(PydanticCustomError) as raised:
        exact_decimal(written)
    assert raised.value.type == rule


@given(st.decimals(min_value=-(10**15), max_value=10**15, places=8))
def test_a_number_keeps_its_value_and_has_one_writing(number: Decimal) -> None:
    kept = exact_decimal(number)
    assert kept == number
    text = decimal_text(kept)
    assert Decimal(text) == number
    assert "E" not in text
    assert not (text.endswith("0") and "." in text)
    assert decimal_text(exact_decimal(f"{number:.10f}")) == text


def test_precision_counts_digits_that_matter_only() -> None:
    assert not too_precise(Decimal("1.500"), 2)
    assert not too_precise(Decimal("1E+5"), 0)
    assert too_precise(Decimal("1.505"), 2)
    assert too_precise(Decimal("0.5"), 0)
    assert too_precise(Decimal("NaN"), 2)


def test_currencies_have_their_minor_units() -> None:
    assert [minor_units(code) for code in ("CNY", "JPY", "KWD", "CLF")] == [2, 0, 3, 4]
    assert not {"XAU", "XXX", "XTS", "DEM"} & set(MINOR_UNITS)
    with pytest.raises(KeyError):
        minor_units("XAU")


def test_units_are_codes_of_recommendations_20_and_21() -> None:
    assert {"C62", "KGM", "MTR", "EA", "H87", "XPP", "MON", "ZZ"} <= UNITS
    assert not {"件", "kg", "c62", ""} & UNITS
