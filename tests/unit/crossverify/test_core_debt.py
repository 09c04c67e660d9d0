"""CORE_DEBT: vouchers and claims against what the core enterprise says that it owes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from consortium.documents.party import primary_id
from crossverify.desk import DeskInfo
from crossverify.rule import Effect
from tests.support.trade_world import BUYER, DAY, NOW, OTHER, World, codes2, credit_note, invoice, judged2

RULE = "CORE_DEBT"
DEBTOR = str(primary_id(BUYER))


def world(payables: str = "2000", vouchers: str = "0", *more: Any, **fields: Any) -> World:
    """One invoice of 1,130.00."""
    made = World(invoice(), *more)
    stated = {"debtor": DEBTOR, "payables": payables, "vouchers": vouchers, "currency": "CNY", "as_of": NOW}
    rates = fields.pop("rates", None)
    made.changes["desk"] = DeskInfo.model_validate(
        {"as_of": NOW, "core_debts": [stated | fields], "rates": rates}
    )
    return made


SECOND = invoice("INV-2", issue_date=date(2026, 4, 11))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (world(), ("PASS", "UNDER")),
        (world("1255.56"), ("PASS", "UNDER")),
        (world("1255.55"), ("WARN", "NEAR")),  # 90 %
        (world("1130"), ("WARN", "NEAR")),
        (world("1129.99"), ("FAIL", "OVER")),
        (world("5000", "4499.99"), ("PASS", "UNDER")),
        (world("5000", "4500"), ("WARN", "NEAR")),
        (world("5000", "5000.01"), ("FAIL", "OVER")),
        (world("0"), ("FAIL", "OVER")),
        (world(as_of=NOW - 100 * DAY), ("PASS", "UNDER")),
        (world(as_of=NOW - 100 * DAY - 1), ("UNKNOWN", "STATEMENT_OLD")),
        (world(debtor=str(primary_id(OTHER))), ("NOT_APPLICABLE", "NOT_STATED")),
        (world(currency="USD"), ("UNKNOWN", "NO_RATE")),
        (World(invoice()), ("NOT_APPLICABLE", "NOT_STATED")),
    ],
)
def test_under_near_over(made: World, expected: tuple[str, str]) -> None:
    assert codes2(made, RULE) == [expected]


def test_claims_on_one_debtor_add_up_net_of_credit_notes() -> None:
    assert set(codes2(world("2000", "0", SECOND), RULE)) == {("FAIL", "OVER")}
    note = credit_note(lines=[{"quantity": Decimal(50)}])
    assert set(codes2(world("2000", "0", SECOND, note), RULE)) == {("PASS", "UNDER")}


def test_another_currency_is_converted() -> None:
    rates = {"source": "SAFE", "as_of": NOW, "rates": {"USD/CNY": "7.10"}}
    assert codes2(world("159.15", currency="USD", rates=rates), RULE) == [("FAIL", "OVER")]
    assert codes2(world("159.16", currency="USD", rates=rates), RULE) == [("WARN", "NEAR")]


def test_over_excludes_and_the_threshold_is_the_profiles() -> None:
    (finding,) = judged2(world("1000"), RULE)
    assert finding.effect is Effect.EXCLUDE
    assert "1,130.00 CNY against payables of 1,000.00 CNY" in finding.message
    assert finding.inputs[0].source == "desk"
    assert codes2(world(), RULE, near="0.5") == [("WARN", "NEAR")]
