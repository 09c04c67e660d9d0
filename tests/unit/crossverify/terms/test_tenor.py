"""TENOR: to 6 months, to 12, over 12."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from pydantic import ValidationError

from consortium.documents import Bill
from crossverify.case import Case
from crossverify.figures import AssetKind, MaxAges
from crossverify.rules.terms.tenor import Tenor, TenorThresholds
from tests.support import terms_world as t
from tests.support.trade_world import BUYER, OTHER, SELLER, World, confirmation, fp, invoice


@pytest.mark.parametrize(
    ("issued", "due", "expected"),
    [
        (date(2026, 4, 10), date(2026, 10, 10), ("PASS", "USUAL")),
        (date(2026, 4, 10), date(2026, 10, 11), ("WARN", "LONG")),
        (date(2026, 4, 10), date(2027, 4, 10), ("WARN", "LONG")),
        (date(2026, 4, 10), date(2027, 4, 11), ("FAIL", "TOO_LONG")),
        (date(2025, 8, 31), date(2026, 2, 28), ("PASS", "USUAL")),
        (date(2025, 8, 31), date(2026, 3, 1), ("WARN", "LONG")),
        (date(2026, 4, 10), date(2026, 4, 10), ("PASS", "USUAL")),
    ],
)
def test_months_from_issue_to_due_date(issued: date, due: date, expected: tuple[str, str]) -> None:
    assert t.codes(World(invoice(issue_date=issued, due_date=due)), "TENOR") == [expected]


def test_the_due_date_that_counts_is_the_debtors() -> None:
    world = World(invoice(), confirmation(due_date=date(2028, 1, 1)))
    (found,) = t.verdicts(world, "TENOR")
    assert (found.outcome.value, found.code) == ("FAIL", "TOO_LONG")
    assert found.inputs[1].document == next(
        name for name, each in world.documents.items() if each.document.number == "AR-1"
    )


def test_nobody_says_when() -> None:
    assert t.codes(World(invoice(due_date=None)), "TENOR") == [("UNKNOWN", "NO_DUE_DATE")]


def test_a_bank_sets_its_own_months() -> None:
    assert t.codes(World(invoice()), "TENOR", {"usual_months": 1, "most_months": 3}) == [("FAIL", "TOO_LONG")]
    with pytest.raises(ValidationError):
        TenorThresholds(usual_months=13)


def test_a_bill_falls_due_by_itself() -> None:
    bill = Bill(
        number="530884100001320260115000000001",
        issue_date=date(2026, 1, 20),
        bill_type="bank_acceptance",
        drawer=BUYER,
        acceptor=OTHER,
        payee=SELLER,
        currency="CNY",
        amount=Decimal(1130),
        due_date=date(2027, 1, 21),
    )
    world = World(bill)
    case = Case(world.evidence(), MaxAges(), AssetKind.BILL)
    (found,) = Tenor().evaluate(case, TenorThresholds())
    assert (found.subject, found.outcome.value, found.code) == (fp(bill), "FAIL", "TOO_LONG")
