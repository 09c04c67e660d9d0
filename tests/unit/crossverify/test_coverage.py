"""COVERAGE, and the coverage that other rules ask for."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from consortium.documents import Party
from crossverify.answers import Gap
from crossverify.coverage import Cover, coverage_of
from crossverify.desk import DeskInfo, Rates
from crossverify.rule import Effect, Finding
from tests.support.portfolio_world import case_of, declare, firm, judged
from tests.support.trade_world import BUYER, OTHER, World, credit_note, fp, invoice, order

BILL = fp(invoice())


def world(sales: str = "2000.00", customers: dict[Party, str] | None = None, **fields: Any) -> World:
    """One invoice of 1,000.00 without tax to the buyer, 100.00 to another."""
    made = World(invoice(), invoice("INV-2", [{"quantity": Decimal(10)}], buyer=OTHER))
    declare(made, sales, customers={BUYER: "1600.00"} if customers is None else customers, **fields)
    return made


def found(made: World, **thresholds: Any) -> Finding:
    (finding,) = [item for item in judged(made, "COVERAGE", **thresholds) if item.subject == BILL]
    return finding


@pytest.mark.parametrize(
    ("declared", "expected"),
    [("2000.00", ("PASS", "ENOUGH")), ("2000.01", ("WARN", "LOW")), ("1.00", ("PASS", "ENOUGH"))],
)
def test_the_threshold_is_half_of_what_was_declared_of_the_debtor(
    declared: str, expected: tuple[str, str]
) -> None:
    finding = found(world(customers={BUYER: declared}))
    assert (finding.outcome.value, finding.code) == expected
    assert finding.effect is Effect.INFORMATION
    assert [item.source for item in finding.inputs] == ["tax", "documents"]


def test_the_message_names_both_sides_and_the_months() -> None:
    text = found(world()).message
    assert "62.5 % of the sales to this debtor" in text
    assert "from 2025-07-01 to 2026-06-30: 1,000.00 CNY of 1,600.00 CNY" in text


def test_a_debtor_that_tax_does_not_name_is_measured_on_all_sales() -> None:
    finding = found(world(customers={OTHER: "90.00"}, complete=False))
    assert (finding.code, "55 % of all sales" in finding.message) == ("ENOUGH", True)


def test_no_sales_declared_to_this_debtor() -> None:
    finding = found(world(customers={OTHER: "90.00"}, complete=True))
    assert (finding.outcome.value, finding.code, finding.effect) == ("WARN", "NOT_DECLARED", Effect.REFER)


def test_only_the_months_that_tax_told_of_count() -> None:
    assert found(world(months=("2026-04",))).code == "ENOUGH"
    assert found(world(months=("2026-05",))).code == "LOW"


def test_credit_notes_and_void_invoices_are_taken_off() -> None:
    made = world()
    made.add(credit_note(lines=[{"quantity": Decimal(60)}]))
    assert "400.00 CNY" in found(made).message
    made = world()
    made.documents[BILL] = made.documents[BILL].model_copy(update={"state": "void"})
    assert "0.00 CNY of 1,600.00 CNY" in found(made).message


def test_what_tax_does_not_know_or_cannot_have_yet_is_not_shown() -> None:
    made = world()
    made.add(invoice("INV-3"))
    assert "2,000.00 CNY of" in found(made).message
    made.tax[fp(invoice("INV-3"))] = {"known": False}
    assert "1,000.00 CNY of" in found(made).message
    made = world()
    made.add(invoice("INV-3", issue_date=date(2026, 6, 30)))
    assert "1,000.00 CNY of" in found(made).message
    made = world()
    made.add(invoice("INV-3", issue_date=date(2026, 6, 29)))
    assert "2,000.00 CNY of" in found(made).message


def test_other_currencies_count_by_the_banks_rates() -> None:
    made = world("1000.00", customers={BUYER: "1000.00"}, currency="USD")
    finding = found(made)
    assert (finding.outcome.value, finding.code) == ("UNKNOWN", "NO_RATE")
    rates = Rates(source="PBoC", as_of=1, rates={"USD/CNY": Decimal(2)})
    made.changes |= {"desk": DeskInfo(rates=rates), "version": 2}
    assert "500.00 USD of 1,000.00 USD" in found(made).message
    assert found(made).code == "ENOUGH"


def test_sources_that_say_nothing() -> None:
    made = World(invoice())
    assert found(made).code == "NOT_ANSWERED"
    declare(made)
    (reference,) = [key for key in made.tax if key.startswith("sales:")]
    made.tax[reference] = {"known": False}
    assert found(made).code == "NO_RETURNS"
    made.tax[reference] = {"known": True}
    assert found(made).code == "NOT_DECLARED"
    made.silence("tax")
    assert found(made).code == "SOURCE_SILENT"
    made = World(invoice())
    made.subject = made.subject.model_copy(update={"identifiers": ()})
    assert found(made).code == "NO_IDENTIFIER"


def test_what_other_rules_ask() -> None:
    coverage = coverage_of(case_of(world().evidence()))
    assert coverage.below(BUYER, Decimal("0.625")) is None
    short = coverage.below(BUYER, Decimal("0.63"))
    assert short is not None
    assert "62.5 %" in short.message
    covered = coverage.of(BUYER)
    assert isinstance(covered, Cover)
    assert covered.exact
    assert (coverage.first, coverage.last) == (date(2025, 7, 1), date(2026, 6, 30))
    silent = coverage_of(case_of(World(invoice()).evidence()))
    assert isinstance(silent.of(BUYER), Gap)
    assert silent.below(BUYER, Decimal(1)) is None, "what cannot be measured is COVERAGE's own unknown"


def test_one_debtor_under_two_identifiers_is_one() -> None:
    both = BUYER.model_copy(update={"identifiers": (*BUYER.identifiers, *firm(7).identifiers)})
    made = world(customers={firm(7): "4000.00"})
    assert found(made).code == "NOT_DECLARED"
    made.add(order("PO-9", buyer=both))
    assert found(made).code == "LOW"
