"""Units that can be compared: exact factors, and none where nobody can be certain."""

from __future__ import annotations

import csv
import re
from decimal import Decimal
from fractions import Fraction

import pytest

from consortium.documents.codes import UNITS
from crossverify import units_v1
from crossverify.units import DIMENSIONS, dimension, factor, shown, to_base
from tests.sample_data import DATA, needs_sample_data

_BASE = {
    "mass": ("kg", 1),
    "length": ("m", 1),
    "area": ("m²", 1),
    "volume": ("m³", 1),
    "time": ("s", 1),
    "energy": ("J", 3_600_000),
    "power": ("W", 1),
    "charge": ("C", 1),
    "substance": ("mol", 1),
    "count": ("", 1),
}
"""Unit in which the published list gives the factors of a dimension, and how many make our first one."""
_MISPRINTED = {"APZ"}
"""A troy ounce is 31.1 g, not 3.11 g."""
_DIGITS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


@pytest.mark.parametrize(
    ("unit", "into", "expected"),
    [
        ("TNE", "KGM", Fraction(1000)),
        ("GRM", "KGM", Fraction(1, 1000)),
        ("LBR", "GRM", Fraction("453.59237")),
        ("MTR", "CMT", Fraction(100)),
        ("LTR", "MTQ", Fraction(1, 1000)),
        ("DZN", "EA", Fraction(12)),
        ("C62", "H87", Fraction(1)),
        ("GRO", "DZN", Fraction(12)),
        ("XBX", "XBX", Fraction(1)),
        ("ZZ", "ZZ", Fraction(1)),
        ("KGM", "MTR", None),
        ("XBX", "EA", None),
        ("SET", "C62", None),
        ("DAY", "HUR", None),  # a day of work is no 24 hours
        ("KGM", "LTR", None),
        ("APZ", "GRM", Fraction("31.1034768")),
        ("3B", "KWH", Fraction(10, 36)),
        ("DZP", "NMP", Fraction(12)),
        ("DZP", "DZN", None),  # a pack holds nobody knows how many
        ("MAW", "KWT", Fraction(1000)),
        ("KWT", "KWH", None),
    ],
)
def test_factors(unit: str, into: str, expected: Fraction | None) -> None:
    assert factor(unit, into) == expected


def test_there_and_back_is_one() -> None:
    for codes in DIMENSIONS.values():
        for one in codes:
            for other in codes:
                there, back = factor(one, other), factor(other, one)
                assert there is not None
                assert back is not None
                assert there * back == 1


def test_no_code_is_in_two_dimensions() -> None:
    codes = [code for each in DIMENSIONS.values() for code in each]
    assert len(codes) == len(set(codes))


def test_codes_are_of_the_recommendation() -> None:
    assert {code for each in DIMENSIONS.values() for code in each} - UNITS <= {
        "ARE",
        "HAR",
    }  # withdrawn there


@needs_sample_data
def test_factors_agree_with_the_published_list() -> None:
    assert DATA is not None
    published = {}
    with (DATA / "codes" / "units" / "units-of-measure.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            published[row["CommonCode"]] = row["ConversionFactor"].strip()
    checked = 0
    for name, (base, scale) in _BASE.items():
        for code, first in DIMENSIONS[name].items():
            ours, text = first * scale, published.get(code, "").replace("\xa0", " ")
            number = text.removesuffix(base).replace(" ", "").replace(",", ".")
            plain = re.fullmatch(r"[0-9.]*x?(10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?", number)
            if code in _MISPRINTED or not text or not text.endswith(base) or plain is None:
                continue
            found = re.fullmatch(r"([0-9.]*?)x?(10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?", number)
            assert found, text
            power = int((found[3] or "⁰").translate(_DIGITS))
            theirs = Fraction(found[1] or "1") * Fraction(10) ** power
            places = len((found[1] or "").partition(".")[2])
            last_digit = Fraction(10) ** (power - places)
            assert abs(theirs - ours) <= max(ours / 10**6, last_digit / 2), code
            checked += 1
    assert checked >= 110


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(100), "100"),
        (Fraction(1, 3), "0.333333"),
        (Fraction(-1, 2), "-0.5"),
        (Fraction(-1, 3), "-0.333333"),
        (Fraction(2_000_001, 2), "1000000.5"),
        (Decimal("10.50"), "10.5"),
        (Decimal("100"), "100"),
        (Decimal("0.0"), "0"),
    ],
)
def test_numbers_are_shown_shortly(value: Fraction | Decimal, text: str) -> None:
    assert shown(value) == text


def test_the_first_version_still_compares_what_it_could_and_nothing_else() -> None:
    assert units_v1.factor("TNE", "KGM") == 1000
    assert units_v1.factor("KWT", "KWT") == 1
    assert units_v1.factor("MAW", "KWT") is None
    assert factor("MAW", "KWT") == 1000
    assert units_v1.factor("APZ", "GRM") is None


@pytest.mark.parametrize(
    ("unit", "expected"), [("TNE", "mass"), ("XBX", "XBX"), ("DAY", "DAY"), ("WTT", "power")]
)
def test_a_unit_measures_something_or_only_itself(unit: str, expected: str) -> None:
    assert dimension(unit) == expected
    assert to_base(unit) == (factor(unit, next(iter(DIMENSIONS[expected]))) if expected in DIMENSIONS else 1)
