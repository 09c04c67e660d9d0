"""SCALE_FIT: sales shown against declarations and cash."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from consortium.documents.party import primary_id
from crossverify.desk import DeskInfo, Rates
from crossverify.rule import Effect
from tests.support.portfolio_world import declare, judged
from tests.support.trade_world import BUYER, SELLER, World, credit_note, fp, invoice

BILL = fp(invoice())
FLOW = f"flow:{primary_id(SELLER)}"


def world(declared: str = "1000.00", came: str = "1130.00", **flow: Any) -> World:
    """One invoice of 1,000.00 without tax, 1,130.00 with it, due in August."""
    made = World(invoice())
    declare(made, declared)
    months = [
        {"month": "2026-07", "currency": "CNY", "inflow": came},
        {
            "month": "2026-08",
            "currency": "CNY",
            "inflow": "100.00",
            "returned": "100.00",
            "own_transfers": "5000.00",
        },
    ]
    made.bank[FLOW] = {"known": True, "months": months} | flow
    return made


def found(made: World, **thresholds: Any) -> dict[str, tuple[str, str]]:
    """Outcome and code of what is said of the seller, by source; of receivables, by fingerprint."""
    findings = judged(made, "SCALE_FIT", **thresholds)
    assert all(item.effect in (Effect.REFER, Effect.INFORMATION) for item in findings)
    return {item.subject or item.inputs[0].source: (item.outcome.value, item.code) for item in findings}


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("1000.00", ("PASS", "FITS_TAX")),
        ("952.39", ("PASS", "FITS_TAX")),
        ("952.38", ("WARN", "ABOVE_TAX")),
        ("769.24", ("WARN", "ABOVE_TAX")),
        ("769.22", ("FAIL", "IMPOSSIBLE_TAX")),
        ("0", ("FAIL", "IMPOSSIBLE_TAX")),
        ("2000.00", ("PASS", "FITS_TAX")),
        ("2000.02", ("UNKNOWN", "LOW_COVERAGE")),
    ],
)
def test_against_tax(declared: str, expected: tuple[str, str]) -> None:
    assert found(world(declared))["tax"] == expected


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        ("565.00", ("PASS", "FITS_FLOW")),
        ("564.99", ("WARN", "LOW_FLOW")),
        ("113.00", ("WARN", "LOW_FLOW")),
        ("112.99", ("FAIL", "IMPOSSIBLE_FLOW")),
    ],
)
def test_against_flow(came: str, expected: tuple[str, str]) -> None:
    assert found(world(came=came))["bank"] == expected


def test_only_what_fell_due_in_the_months_of_the_flow_counts() -> None:
    early = [{"month": "2026-06", "currency": "CNY", "inflow": "0"}]
    assert found(world(months=early))["bank"] == ("NOT_APPLICABLE", "NOTHING_DUE")
    made = world(came="0")
    made.add(credit_note(lines=[{"quantity": Decimal(100)}]))
    assert found(made)["bank"] == ("NOT_APPLICABLE", "NOTHING_DUE")


def test_an_invoice_without_due_date_is_due_after_some_days() -> None:
    made = World(invoice(due_date=None, issue_date=date(2026, 4, 10)))
    declare(made)
    made.bank[FLOW] = {"known": True, "months": [{"month": "2026-07", "currency": "CNY", "inflow": "1"}]}
    assert found(made)["bank"] == ("FAIL", "IMPOSSIBLE_FLOW")
    assert found(made, pay_days=30)["bank"] == ("NOT_APPLICABLE", "NOTHING_DUE")


def test_far_more_to_one_debtor_than_was_declared_of_it() -> None:
    made = world("5000.00")
    declare(made, "1100.00", customers={BUYER: "700.00"})
    assert found(made)[BILL] == ("FAIL", "DEBTOR_ABOVE_TAX")
    declare(made, "1100.00", customers={BUYER: "800.00"})
    assert BILL not in found(made)


def test_currencies_need_rates() -> None:
    usd = [{"month": "2026-08", "currency": "USD", "inflow": "200"}]
    made = world(months=usd)
    assert found(made)["bank"] == ("UNKNOWN", "NO_RATE")
    made.changes |= {
        "desk": DeskInfo(rates=Rates(source="PBoC", as_of=1, rates={"USD/CNY": Decimal(5)})),
        "version": 2,
    }
    assert found(made)["bank"] == ("PASS", "FITS_FLOW")
    made = world()
    made.add(invoice("INV-2", currency="EUR"))
    assert found(made) == {"tax": ("UNKNOWN", "NO_RATE"), "bank": ("UNKNOWN", "NO_RATE")}


def test_sources_that_say_nothing() -> None:
    made = World(invoice())
    assert [item.code for item in judged(made, "SCALE_FIT")] == ["NOT_ANSWERED", "NOT_ANSWERED"]
    assert found(world(known=False))["bank"] == ("UNKNOWN", "NO_FLOW")
    assert found(world(months=[{"month": "soon", "currency": "CNY", "inflow": "1"}]))["bank"] == (
        "UNKNOWN",
        "NO_FLOW",
    )
    made.silence("tax")
    made.silence("bank")
    assert [item.code for item in judged(made, "SCALE_FIT")] == ["SOURCE_SILENT", "SOURCE_SILENT"]
    made = World(invoice())
    made.subject = made.subject.model_copy(update={"identifiers": ()})
    assert {item.code for item in judged(made, "SCALE_FIT")} == {"NO_IDENTIFIER"}


def test_thresholds() -> None:
    assert found(world("990.00"), fits_tax="1")["tax"] == ("WARN", "ABOVE_TAX")
    assert found(world("990.00"), fits_tax="1", impossible_tax="1.01")["tax"] == ("FAIL", "IMPOSSIBLE_TAX")
    assert found(world(), fits_flow="1")["bank"] == ("PASS", "FITS_FLOW")
    assert found(world(came="1129"), fits_flow="1")["bank"] == ("WARN", "LOW_FLOW")
    assert found(world(came="500"), impossible_flow="0.5")["bank"] == ("FAIL", "IMPOSSIBLE_FLOW")
