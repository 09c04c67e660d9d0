"""AGEING: current, overdue, over 90 days, by whichever document says when it is due."""

from __future__ import annotations

from datetime import date

import pytest

from tests.support import terms_world as t
from tests.support.trade_world import World, confirmation, credit_note, invoice

# The world's day is 2026-06-30.


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        (date(2026, 8, 8), ("PASS", "CURRENT")),
        (date(2026, 6, 30), ("PASS", "CURRENT")),
        (date(2026, 6, 27), ("PASS", "CURRENT")),
        (date(2026, 6, 26), ("WARN", "OVERDUE")),
        (date(2026, 4, 1), ("WARN", "OVERDUE")),
        (date(2026, 3, 31), ("FAIL", "LONG_OVERDUE")),
    ],
)
def test_days_since_it_was_due(due: date, expected: tuple[str, str]) -> None:
    assert t.codes(World(invoice(due_date=due, issue_date=date(2026, 3, 1))), "AGEING") == [expected]


def test_the_message_names_the_document_that_says_so() -> None:
    world = World(invoice(due_date=date(2026, 3, 31)), confirmation(due_date=date(2026, 7, 31)))
    (found,) = t.verdicts(world, "AGEING")
    assert found.code == "CURRENT"
    assert "debtor confirmation AR-1" in found.message
    assert (found.inputs[0].field, found.inputs[0].value) == ("due_date", "2026-07-31")


def test_the_contract_says_when_a_fapiao_is_due() -> None:
    world = World(invoice(due_date=None), t.contract(due_rule=t.rule(days=30)))
    assert t.codes(world, "AGEING") == [("WARN", "OVERDUE")]


def test_nobody_says_when() -> None:
    assert t.codes(World(invoice(due_date=None)), "AGEING") == [("UNKNOWN", "NO_DUE_DATE")]


def test_what_was_taken_back_grows_no_older() -> None:
    world = World(invoice(due_date=date(2026, 1, 1), issue_date=date(2025, 12, 1)), credit_note())
    assert t.codes(world, "AGEING") == [("NOT_APPLICABLE", "NOTHING_OPEN")]


def test_a_bank_sets_its_own_days() -> None:
    world = World(invoice(due_date=date(2026, 6, 26)))
    assert t.codes(world, "AGEING", {"grace_days": 4}) == [("PASS", "CURRENT")]
    assert t.codes(world, "AGEING", {"grace_days": 0, "fail_days": 3}) == [("FAIL", "LONG_OVERDUE")]
