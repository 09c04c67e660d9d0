"""AGEING: current, overdue, over 90 days, by whichever document says when it is due."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from consortium.documents import Bill, ListedInvoice
from tests.support import terms_world as t
from tests.support.trade_world import BUYER, SELLER, World, confirmation, credit_note, fp, invoice

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


def test_what_was_paid_grows_no_older() -> None:
    made = invoice(due_date=date(2026, 4, 20))
    world = World(made)
    world.pay(fp(made), "1000")
    assert t.codes(world, "AGEING") == [("WARN", "OVERDUE")], "130 are open"
    world.pay(fp(made), "130")
    (found,) = t.verdicts(world, "AGEING")
    assert (found.outcome.value, found.code, found.inputs[0].source) == ("NOT_APPLICABLE", "PAID", "bank")
    world.silence("bank")
    assert t.codes(world, "AGEING") == [("WARN", "OVERDUE")], "an outage pays nothing"


def test_what_was_paid_by_bill_grows_no_older() -> None:
    listed = ListedInvoice(line_id="1", invoice_number="INV-1")
    bill = Bill(
        number="530884100001320260115000000001",
        issue_date=date(2026, 4, 20),
        bill_type="commercial_acceptance",
        drawer=BUYER,
        acceptor=BUYER,
        payee=SELLER,
        currency="CNY",
        amount=Decimal("1130"),
        due_date=date(2026, 10, 20),
        lines=(listed,),
    )
    world = World(invoice(due_date=date(2026, 4, 20)), bill)
    assert t.codes(world, "AGEING") == [("NOT_APPLICABLE", "PAID")]


def test_a_bank_sets_its_own_days() -> None:
    world = World(invoice(due_date=date(2026, 6, 26)))
    assert t.codes(world, "AGEING", {"grace_days": 4}) == [("PASS", "CURRENT")]
    assert t.codes(world, "AGEING", {"grace_days": 0, "fail_days": 3}) == [("FAIL", "LONG_OVERDUE")]
