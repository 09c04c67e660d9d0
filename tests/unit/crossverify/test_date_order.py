"""DATE_ORDER: the dates of a trade."""

from __future__ import annotations

from datetime import date

import pytest

from crossverify.rule import Effect
from tests.support.match_world import both, both_codes
from tests.support.trade_world import BUYER, World, invoice, order, receipt


def test_passes_dates_in_order() -> None:
    (finding,) = both(World(order(), receipt(), invoice()), "DATE_ORDER")
    assert finding.code == "IN_ORDER"
    assert [item.field for item in finding.inputs] == ["issue_date", "issue_date", "received_date"]


@pytest.mark.parametrize(
    ("issued", "code"),
    [
        (date(2026, 4, 1), "IN_ORDER"),
        (date(2026, 3, 31), "INVOICE_BEFORE_RECEIPT"),
    ],
)
def test_an_invoice_before_the_receipt_is_information(issued: date, code: str) -> None:
    (finding,) = both(World(order(), receipt(), invoice(issue_date=issued)), "DATE_ORDER")
    assert (finding.code, finding.effect) == (code, Effect.INFORMATION)


def test_the_day_of_receipt_counts_not_that_of_the_paper() -> None:
    late_paper = receipt(issue_date=date(2026, 5, 1), lines=[{"received_date": date(2026, 4, 2)}])
    assert both_codes(World(order(), late_paper, invoice()), "DATE_ORDER") == [("PASS", "IN_ORDER")]


def test_papers_before_the_order_warn() -> None:
    world = World(order(issue_date=date(2026, 5, 1)), receipt(), invoice())
    assert both_codes(world, "DATE_ORDER") == [
        ("WARN", "INVOICE_BEFORE_ORDER"),
        ("WARN", "RECEIPT_BEFORE_ORDER"),
    ]


@pytest.mark.parametrize(
    ("issued", "due", "code"),
    [
        (date(2026, 4, 10), date(2026, 4, 10), "IN_ORDER"),
        (date(2026, 4, 10), date(2026, 4, 9), "DUE_BEFORE_ISSUE"),
        (date(2026, 7, 1), date(2026, 9, 1), "IN_ORDER"),  # already 1 July east of UTC+12
        (date(2026, 7, 2), date(2026, 9, 1), "IN_THE_FUTURE"),
    ],
)
def test_the_impossible_fails(issued: date, due: date, code: str) -> None:
    world = World(order(), receipt(), invoice(issue_date=issued, due_date=due))
    assert [found for _, found in both_codes(world, "DATE_ORDER")] == [code]


def test_hours_ahead_of_utc_come_from_the_profile() -> None:
    world = World(order(), receipt(), invoice(issue_date=date(2026, 7, 1), due_date=date(2026, 9, 1)))
    assert both_codes(world, "DATE_ORDER", clock_hours=12) == [
        ("PASS", "IN_ORDER")
    ]  # noon UTC and twelve hours
    assert both_codes(world, "DATE_ORDER", clock_hours=11) == [("FAIL", "IN_THE_FUTURE")]


def test_a_party_that_did_not_exist_yet_fails() -> None:
    world = World(order(), receipt(), invoice())
    world.taxpayer(BUYER, registered_on="2026-04-11")
    assert both_codes(world, "DATE_ORDER") == [("FAIL", "PARTY_NOT_YET_EXISTING")]
    world.taxpayer(BUYER, registered_on="2026-04-10")
    assert both_codes(world, "DATE_ORDER") == [("PASS", "IN_ORDER")]


def test_a_lone_date_says_nothing() -> None:
    assert both_codes(World(invoice(due_date=None)), "DATE_ORDER") == [("UNKNOWN", "NO_DATES")]
    assert both_codes(World(invoice()), "DATE_ORDER") == [("PASS", "IN_ORDER")]
