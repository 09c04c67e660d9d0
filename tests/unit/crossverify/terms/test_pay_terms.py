"""PAY_TERMS: the regulation on payments to small and medium enterprises (国令第802号)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from consortium.documents import Address
from tests.support import terms_world as t
from tests.support.trade_world import BUYER, World, confirmation, invoice, order, receipt

RECEIVED = date(2026, 4, 1)


def world(days: int, *more: Any, **fields: Any) -> World:
    """An invoice that is due so many days after the goods were received."""
    due = date.fromordinal(RECEIVED.toordinal() + days)
    return World(order(), receipt(), invoice(due_date=due, **fields), *more)


@pytest.mark.parametrize(
    ("buyer", "days", "agreed", "expected"),
    [
        ("large", 60, False, ("PASS", "WITHIN")),
        ("large", 61, False, ("FAIL", "TOO_LONG")),
        ("large", 61, True, ("WARN", "UNUSUAL")),
        ("public", 30, False, ("PASS", "WITHIN")),
        ("public", 31, False, ("WARN", "UNUSUAL")),
        ("public", 60, True, ("PASS", "WITHIN")),
        ("public", 61, True, ("FAIL", "TOO_LONG")),
        ("medium", 200, False, ("NOT_APPLICABLE", "NOT_COVERED")),
        ("small", 200, False, ("NOT_APPLICABLE", "NOT_COVERED")),
    ],
)
def test_days_from_delivery_by_the_debtors_kind(
    buyer: str, days: int, agreed: bool, expected: tuple[str, str]
) -> None:
    more = (t.contract(payment_terms="货到付款"),) if agreed else ()
    made = world(days, *more)
    assert t.codes(made, "PAY_TERMS", desk=t.desk(kinds=t.kinds(buyer))) == [expected]


def test_a_large_seller_is_not_protected() -> None:
    kinds = t.kinds("large", "large")
    assert t.codes(world(300), "PAY_TERMS", desk=t.desk(kinds=kinds)) == [("NOT_APPLICABLE", "NOT_COVERED")]


def test_a_debtor_abroad_is_not_bound() -> None:
    abroad = BUYER.model_copy(update={"address": Address(country="DE")})
    made = World(invoice(buyer=abroad))
    assert t.codes(made, "PAY_TERMS", desk=t.desk(kinds=t.kinds())) == [("NOT_APPLICABLE", "NOT_COVERED")]


def test_pay_when_paid_is_void_and_told() -> None:
    made = world(10, t.contract(pay_when_paid=True))
    (found,) = t.verdicts(made, "PAY_TERMS", desk=t.desk(kinds=t.kinds()))
    assert (found.outcome.value, found.code) == ("FAIL", "PAY_WHEN_PAID")
    assert found.inputs[1].field == "pay_when_paid"
    small = t.desk(kinds=t.kinds("small"))
    assert t.codes(made, "PAY_TERMS", desk=small) == [("NOT_APPLICABLE", "NOT_COVERED")]


def test_what_is_not_known_is_said() -> None:
    assert t.codes(world(300), "PAY_TERMS") == [("UNKNOWN", "KIND_UNKNOWN")]
    undated = World(invoice(due_date=None))
    assert t.codes(undated, "PAY_TERMS", desk=t.desk(kinds=t.kinds())) == [("UNKNOWN", "NO_DUE_DATE")]


def test_without_a_receipt_days_count_from_the_invoice() -> None:
    made = World(invoice(due_date=date(2026, 6, 9)))
    (found,) = t.verdicts(made, "PAY_TERMS", desk=t.desk(kinds=t.kinds()))
    assert found.code == "WITHIN"
    assert "60 days after the invoice of 2026-04-10" in found.message


def test_a_rule_without_a_day_to_count_from_says_its_own_length() -> None:
    ruled = t.contract(due_rule=t.rule(basis="receipt_date", days=90))
    made = World(invoice(due_date=None), ruled)
    (found,) = t.verdicts(made, "PAY_TERMS", desk=t.desk(kinds=t.kinds()))
    assert (found.code, found.inputs[1].field) == ("UNUSUAL", "due_rule")
    assert "90 days after receipt date" in found.message


def test_the_debtors_own_due_date_is_no_agreement() -> None:
    made = world(10, confirmation(due_date=date(2026, 7, 1)))
    assert t.codes(made, "PAY_TERMS", desk=t.desk(kinds=t.kinds())) == [("FAIL", "TOO_LONG")]
