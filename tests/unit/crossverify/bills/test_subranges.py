"""Package numbers and sub-ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossverify.subranges import MAX_UNIT, PackageNumber, SubRange, joined, missing, overlap
from tests.support.bills import number

LAST = 60
RANGES = st.tuples(st.integers(1, LAST), st.integers(1, LAST)).map(
    lambda ends: SubRange(min(ends), max(ends))
)


def units(each: SubRange) -> set[int]:
    return set(range(each.first, each.last + 1))


def test_a_number_taken_apart() -> None:
    found = PackageNumber.parse("6 1022 9000 0011 2026 0410 0000 0001 7")
    assert (found.text, found.kind, found.bank_number) == (number(), "commercial", "102290000011")
    assert (found.registered_on.isoformat(), found.divisible) == ("2026-04-10", True)


@pytest.mark.parametrize(
    ("first", "kind", "divisible"),
    [
        ("1", "bank", False),
        ("2", "commercial", False),
        ("5", "bank", True),
        ("6", "commercial", True),
        ("7", "commercial", True),
        ("8", "bank", True),
    ],
)
def test_kinds(first: str, kind: str, divisible: bool) -> None:
    found = PackageNumber.parse(number(first=first))
    assert (found.kind, found.divisible) == (kind, divisible)


@pytest.mark.parametrize(
    "text",
    [
        "",
        number()[:-1],
        number() + "1",
        number(first="3"),
        number(day="20261301"),
        number().replace("6", "六", 1),
        "\u0661" * 30,
    ],
)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match=r"digits|kind"):
        PackageNumber.parse(text)


@pytest.mark.parametrize(
    ("first", "last"), [(2, 1), (-1, 5), (0, 5), (5, 0), (None, 3), (3, None), (1, MAX_UNIT + 1)]
)
def test_what_is_no_range(first: int | None, last: int | None) -> None:
    with pytest.raises(ValueError, match="sub-range"):
        SubRange.of(first, last)


def test_the_whole() -> None:
    whole = SubRange.of(None, None)
    assert (whole, str(whole), whole.amount, whole.units) == (SubRange(0, 0), "0", None, 0)
    part = SubRange.of(3, 4)
    assert (whole.overlaps(part), whole.common(part), whole.without(part)) == (True, part, ())


def test_amounts() -> None:
    assert str(SubRange(1, 100).amount) == "1.00"
    assert str(SubRange(1, MAX_UNIT).amount) == "1000000000.00"


@given(RANGES, RANGES)
def test_ranges_are_sets_of_units(one: SubRange, other: SubRange) -> None:
    both = units(one) & units(other)
    assert one.overlaps(other) == bool(both)
    common = one.common(other)
    assert (units(common) if common else set()) == both
    assert set().union(*map(units, one.without(other))) == units(one) - units(other)


@given(st.lists(RANGES, max_size=6))
def test_overlaps_are_found(ranges: list[SubRange]) -> None:
    total = sum(len(units(each)) for each in ranges)
    disjoint = total == len(set().union(*map(units, ranges)))
    assert (overlap(ranges) is None) == disjoint
    if disjoint:
        assert set().union(*map(units, joined(ranges))) == set().union(*map(units, ranges))


@given(RANGES, st.lists(RANGES, max_size=6))
def test_what_is_missing(wanted: SubRange, ranges: list[SubRange]) -> None:
    left = missing(wanted, ranges)
    assert set().union(*map(units, left)) == units(wanted) - set().union(*map(units, ranges))
