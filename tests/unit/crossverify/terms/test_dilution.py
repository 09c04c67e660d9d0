"""DILUTION: credit notes against sales to the same debtor."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from consortium.documents import CreditNote, DocumentRef, Invoice
from crossverify.rule import Step
from crossverify.rules.terms.dilution import DilutionThresholds
from tests.support import terms_world as t
from tests.support.trade_world import BUYER, OTHER, World, credit_note, fp, invoice


def invoices(count: int, first: int = 1, **fields: Any) -> list[Invoice]:
    """Invoices over 1,130 each."""
    return [invoice(f"INV-{number}", **fields) for number in range(first, first + count)]


def note(number: str, corrects: str, quantity: int, **fields: Any) -> CreditNote:
    """A credit note over so many of a hundred pieces of an invoice."""
    return credit_note(number, lines=({"quantity": Decimal(quantity)},), corrects=corrects, **fields)


def found(world: World, key: Invoice, **figures: Any) -> tuple[str, str]:
    """What is said of one invoice."""
    (said,) = [each for each in t.verdicts(world, "DILUTION", figures) if each.subject == fp(key)]
    return said.outcome.value, said.code


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (0, ("PASS", "LOW")),
        (49, ("PASS", "LOW")),
        (50, ("WARN", "RAISED")),
        (100, ("WARN", "RAISED")),
        (101, ("FAIL", "HIGH")),
    ],
)
def test_part_of_sales_that_was_taken_back(pieces: int, expected: tuple[str, str]) -> None:
    made = invoices(11)
    notes = []
    left = pieces
    for number in range(2, 12):
        if left > 0:
            notes.append(note(f"CN-{number}", f"INV-{number}", min(left, 60)))
            left -= 60
    assert found(World(*made, *notes), made[0]) == expected


def test_what_is_raised_is_held_back() -> None:
    made = invoices(11)
    world = World(*made, note("CN-2", "INV-2", 75))
    (said,) = [each for each in t.verdicts(world, "DILUTION") if each.subject == fp(made[0])]
    assert said.deduct is not None
    assert (said.deduct.step, said.deduct.amount) == (Step.DILUTION, Decimal("84.75"))
    assert "847.50 CNY of 11,300.00 CNY" in said.message


def test_its_own_credit_note_is_not_counted_twice() -> None:
    made = invoices(5)
    world = World(*made, note("CN-1", "INV-1", 90))
    assert found(world, made[0]) == ("PASS", "LOW")
    assert found(world, made[1]) == ("FAIL", "HIGH"), "for the others it is history"


def test_a_full_credit_that_is_invoiced_again_is_a_correction() -> None:
    made = [*invoices(5), invoice("INV-2B", issue_date=date(2026, 4, 22))]
    assert found(World(*made, note("CN-2", "INV-2", 100)), made[0]) == ("PASS", "LOW")
    late = [*invoices(5), invoice("INV-2B", issue_date=date(2026, 6, 25))]
    assert found(World(*late, note("CN-2", "INV-2", 100)), late[0]) == ("FAIL", "HIGH")
    other = [*invoices(5), invoice("INV-2B", issue_date=date(2026, 4, 22), order_number="PO-2")]
    assert found(World(*other, note("CN-2", "INV-2", 100)), other[0]) == ("FAIL", "HIGH")


def test_one_new_invoice_corrects_one_old() -> None:
    made = [*invoices(6), invoice("INV-X", issue_date=date(2026, 4, 22), lines=({"price": Decimal(11)},))]
    lines = {"item": made[0].lines[0].item, "quantity": Decimal(100)}
    assert lines["item"] == made[-1].lines[0].item
    notes = [note("CN-2", "INV-2", 100), note("CN-3", "INV-3", 100), note("CN-4", "INV-4", 100)]
    other = [invoice(f"INV-{n}", lines=({"quantity": Decimal(7)},)) for n in (1, 5, 6)]
    world = World(*made[1:4], made[-1], *other, *notes)
    (said,) = [each for each in t.verdicts(world, "DILUTION") if each.subject == fp(other[0])]
    assert "2,260.00 CNY of" in said.message, "two of the three stay credits"


def test_few_invoices_are_no_history() -> None:
    made = invoices(3)
    assert found(World(*made), made[0]) == ("UNKNOWN", "NO_HISTORY")
    assert found(World(*made), made[0], min_invoices=2) == ("PASS", "LOW")


def test_other_debtors_and_old_invoices_do_not_count() -> None:
    made = invoices(5)
    others = invoices(5, 11, buyer=OTHER)
    old = invoices(5, 21, issue_date=date(2025, 1, 1))
    notes = [note(f"CN-{n}", f"INV-{n}", 90, buyer=OTHER) for n in range(11, 16)]
    notes += [note(f"CN-{n}", f"INV-{n}", 90) for n in range(21, 26)]
    assert found(World(*made, *others, *old, *notes), made[0]) == ("PASS", "LOW")


def test_too_little_is_shown_to_say_that_there_is_no_more() -> None:
    made = invoices(5)
    world = World(*made)
    identifier = world.subject.identifiers[0]
    world.tax[f"sales:{identifier}"] = {
        "known": True,
        "months": [{"month": "2026-04", "currency": "CNY", "amount": "50000"}],
        "counterparties": [
            {
                "party_id": t.key(BUYER),
                "name": BUYER.name,
                "role": "customer",
                "currency": "CNY",
                "amount": "50000",
                "invoices": 40,
            }
        ],
        "counterparties_complete": True,
    }
    assert found(world, made[0]) == ("UNKNOWN", "LOW_COVERAGE")
    assert found(world, made[0], min_coverage="0.05") == ("PASS", "LOW")
    taken = World(*made, note("CN-2", "INV-2", 90))
    taken.tax.update(world.tax)
    assert found(taken, made[0]) == ("FAIL", "HIGH"), "what was found stands"


def test_what_was_taken_back_to_the_full_is_not_asked_about() -> None:
    made = invoices(5)
    world = World(*made, credit_note(preceding_invoices=(DocumentRef(number="INV-1"),)))
    assert found(world, made[0]) == ("NOT_APPLICABLE", "NOTHING_OPEN")


def test_rates_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValidationError):
        DilutionThresholds(warn_rate=Decimal("0.2"))
