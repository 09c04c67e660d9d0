"""BILL_RANGE: sub-ranges of a package."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crossverify.rule import Effect
from tests.support.bills import number
from tests.support.goods_world import BillWorld, bill, codes, exchange_party, exchange_units, judged
from tests.support.trade_world import OTHER

RULE = "BILL_RANGE"


def test_one_range() -> None:
    assert codes(BillWorld(bill()), RULE) == [("PASS", "ONE_RANGE")]


def test_adjacent_ranges_are_one_bill() -> None:
    paper = bill(1, 101, 400)
    world = BillWorld(paper)
    world.says(paper, exchange_units(101, 200), exchange_units(201, 300), exchange_units(301, 400))
    (finding,) = judged(world, RULE)
    assert (finding.outcome.value, finding.code) == ("PASS", "ADJACENT")
    assert "3 adjacent parts" in finding.message


def test_a_whole_package() -> None:
    old = bill(number=number(first="2"), first=0, last=0)
    assert codes(BillWorld(old), RULE) == [("PASS", "WHOLE_PACKAGE")]


def test_a_part_of_a_package_of_the_former_system() -> None:
    assert codes(BillWorld(bill(number=number(first="2"))), RULE) == [("FAIL", "NOT_DIVISIBLE")]


def test_a_part_of_a_package_that_the_exchange_does_not_divide() -> None:
    paper = bill()
    world = BillWorld(paper)
    world.says(paper, exchange_units(0, 0), package_units=0)
    # What is told of the whole is more than the part that was asked about.
    assert codes(world, RULE) == [("UNKNOWN", "ANSWER_UNREADABLE")]
    world.exchange[paper.reference]["ranges"] = []
    assert codes(world, RULE) == [("FAIL", "NOT_DIVISIBLE")]


def test_no_sub_range_of_a_divided_package() -> None:
    paper = bill(first=0, last=0)
    world = BillWorld(paper)
    world.says(paper, exchange_units(1, 100_000), package_units=100_000)
    (finding,) = judged(world, RULE)
    assert (finding.outcome.value, finding.code, finding.effect) == ("WARN", "RANGE_NOT_NAMED", Effect.REFER)


def test_beyond_the_package() -> None:
    paper = bill(1, 99_001, 100_001, amount=Decimal("10.01"))
    world = BillWorld(paper)
    world.says(paper, exchange_units(99_001, 100_000))
    assert codes(world, RULE) == [("FAIL", "OUTSIDE_PACKAGE")]


@pytest.mark.parametrize(
    ("held", "missing"),
    [
        ([(1, 40_000), (40_002, 100_000)], "40001,40001"),
        ([(2, 100_000)], "1,1"),
        ([(1, 99_999)], "100000,100000"),
        ([], "1,100000"),
    ],
)
def test_units_that_the_exchange_does_not_have(held: list[tuple[int, int]], missing: str) -> None:
    paper = bill()
    world = BillWorld(paper)
    world.exchange[paper.reference]["ranges"] = [exchange_units(*each) for each in held]
    (finding,) = judged(world, RULE)
    assert (finding.outcome.value, finding.code) == ("FAIL", "UNITS_MISSING")
    assert missing in finding.message


def test_two_bills_that_claim_the_same_units() -> None:
    world = BillWorld(bill(1, 1, 50_000), bill(1, 50_000, 80_000))
    assert codes(world, RULE) == [("FAIL", "OVERLAP"), ("FAIL", "OVERLAP")]


def test_adjacent_bills_of_one_package_do_not_overlap() -> None:
    world = BillWorld(bill(1, 1, 50_000), bill(1, 50_001, 80_000))
    assert codes(world, RULE) == [("PASS", "ONE_RANGE"), ("PASS", "ONE_RANGE")]


def test_the_same_units_of_two_packages_do_not_overlap() -> None:
    assert codes(BillWorld(bill(1), bill(2)), RULE) == [("PASS", "ONE_RANGE")] * 2


def test_another_holders_bill_overlaps_too() -> None:
    world = BillWorld(bill(1, 1, 50_000), bill(1, 40_000, 60_000, holder=OTHER))
    assert codes(world, RULE) == [("FAIL", "OVERLAP")]


def test_a_whole_overlaps_each_of_its_parts() -> None:
    world = BillWorld(bill(1, 0, 0), bill(1, 5, 6))
    assert ("FAIL", "OVERLAP") in codes(world, RULE)


def test_what_was_split_gives_way_to_its_parts() -> None:
    whole = bill()
    part = bill(1, 1, 40_000, split_from=1, split_to=100_000)
    rest = bill(1, 40_001, 100_000, split_from=1, split_to=100_000)
    world = BillWorld(whole, part, rest)
    found = {
        world.documents[each.subject].document.model_dump()["range_to"]: each.code
        for each in judged(world, RULE)
        if each.subject in world.documents and each.code != "SPLIT_UP"
    }
    assert found == {40_000: "ONE_RANGE", 100_000: "ONE_RANGE"}
    assert [code for _, code in codes(world, RULE)].count("SPLIT_UP") == 1


def test_two_parts_of_one_split_that_overlap() -> None:
    one = bill(1, 1, 40_000, split_from=1, split_to=100_000)
    other = bill(1, 30_001, 60_000, split_from=1, split_to=100_000)
    assert codes(BillWorld(one, other), RULE) == [("FAIL", "OVERLAP")] * 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9" + number()[1:], ("FAIL", "NUMBER_INVALID")),
        (number(day="20260231"), ("FAIL", "NUMBER_INVALID")),
        (number(first="5"), ("FAIL", "NUMBER_INVALID")),
        ("1234567890123456", ("UNKNOWN", "NOT_ELECTRONIC")),
    ],
)
def test_numbers(text: str, expected: tuple[str, str]) -> None:
    assert codes(BillWorld(bill(number=text)), RULE) == [expected]


@pytest.mark.parametrize("kind", ["bank_acceptance", "finance_company_acceptance"])
def test_bills_of_banks(kind: str) -> None:
    paper = bill(number=number(first="8"), bill_type=kind)
    world = BillWorld(paper)
    world.says(paper, bill_kind="bank")
    assert codes(world, RULE) == [("PASS", "ONE_RANGE")]


def test_a_package_that_the_exchange_does_not_have() -> None:
    paper = bill()
    world = BillWorld(paper)
    world.knows_nothing(paper)
    assert codes(world, RULE) == [("NOT_APPLICABLE", "NO_PACKAGE")]


def test_an_overlap_is_seen_without_the_exchange() -> None:
    world = BillWorld(bill(1, 1, 50_000), bill(1, 50_000, 80_000), bill(2))
    world.silence("bills")
    assert sorted(codes(world, RULE)) == [
        ("FAIL", "OVERLAP"),
        ("FAIL", "OVERLAP"),
        ("UNKNOWN", "SOURCE_SILENT"),
    ]


def test_parts_in_other_hands_are_still_there() -> None:
    paper = bill()
    world = BillWorld(paper)
    other = exchange_units(501, 100_000, holder=exchange_party(OTHER))
    world.says(paper, exchange_units(1, 500), other)
    assert codes(world, RULE) == [("PASS", "ADJACENT")]
