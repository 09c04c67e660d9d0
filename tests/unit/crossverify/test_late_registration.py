"""LATE_REGISTRATION: as trades happen, or a pile just before financing?"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from crossverify.rule import Effect
from tests.support.trade_world import DAY, NOW, World, codes2, invoice, judged2

RULE = "LATE_REGISTRATION"
ISSUED = date(2026, 3, 1)


def pile(late: int, in_time: int = 1, days_ago: int = 1) -> World:
    """Old invoices that were registered some days ago, and others that were when they were issued."""
    world = World()
    for number in range(in_time):
        issued = datetime(2026, 3, 1, 9, tzinfo=UTC)
        world.add(invoice(f"OLD-{number}", issue_date=ISSUED), registered_at=int(issued.timestamp()))
    for number in range(late):
        world.add(invoice(f"NEW-{number}", issue_date=ISSUED), registered_at=NOW - days_ago * DAY)
    return world


def said(world: World, **figures: Any) -> set[tuple[str, str]]:
    return set(codes2(world, RULE, **figures))


def test_a_pile_just_before_financing_is_referred() -> None:
    findings = judged2(pile(5), RULE)
    late = [item for item in findings if item.code == "LATE_IN_BULK"]
    assert len(late) == 5
    assert {item.effect for item in late} == {Effect.REFER}
    assert [item.code for item in findings if item not in late] == ["IN_TIME"]
    assert "together with 4 others: 83.33 %" in late[0].message


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (pile(4), {("PASS", "LATE"), ("PASS", "IN_TIME")}),  # too few
        (pile(5, in_time=6), {("PASS", "LATE"), ("PASS", "IN_TIME")}),  # not half of it
        (pile(5, in_time=5), {("WARN", "LATE_IN_BULK"), ("PASS", "IN_TIME")}),
        (pile(9, days_ago=8), {("PASS", "IN_TIME")}),  # well before the bank was asked
        (pile(9, in_time=0), {("NOT_APPLICABLE", "FIRST_ONBOARDING")}),
        (pile(0), {("PASS", "IN_TIME")}),
    ],
)
def test_bulk_lateness_and_habit(world: World, expected: set[tuple[str, str]]) -> None:
    assert said(world) == expected


def test_the_figures_are_the_profiles() -> None:
    assert said(pile(2), bulk_count=2) == {("WARN", "LATE_IN_BULK"), ("PASS", "IN_TIME")}
    assert said(pile(9), late_days=200) == {("PASS", "IN_TIME")}
    assert said(pile(9, days_ago=8), before_days=8) == {("WARN", "LATE_IN_BULK"), ("PASS", "IN_TIME")}
    assert said(pile(5, in_time=6), bulk_share="0.4") == {("WARN", "LATE_IN_BULK"), ("PASS", "IN_TIME")}


def test_what_is_not_on_the_ledger_has_no_time() -> None:
    world = World()
    world.add(invoice(), registered_at=0, txid="", block=0)
    assert codes2(world, RULE) == [("UNKNOWN", "NOT_REGISTERED")]
    assert judged2(world, RULE)[0].effect is Effect.INFORMATION
