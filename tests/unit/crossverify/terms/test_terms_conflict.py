"""TERMS_CONFLICT: documents that say different things are told, whichever counts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from consortium.documents import ListedInvoice
from tests.support import terms_world as t
from tests.support.trade_world import World, confirmation, credit_note, invoice, order


def test_documents_that_agree() -> None:
    world = World(invoice(), confirmation(due_date=date(2026, 8, 8)), t.statement())
    assert t.codes(world, "TERMS_CONFLICT") == [("PASS", "AGREE")]


def test_one_voice_has_nothing_to_differ_from() -> None:
    assert t.codes(World(invoice()), "TERMS_CONFLICT") == [("NOT_APPLICABLE", "ONE_VOICE")]
    assert t.codes(World(invoice(due_date=None)), "TERMS_CONFLICT") == [("NOT_APPLICABLE", "ONE_VOICE")]


def test_a_week_is_no_contradiction_and_a_day_more_is() -> None:
    near = World(invoice(), t.contract(due_rule=t.rule(days=113)))
    assert t.codes(near, "TERMS_CONFLICT") == [("PASS", "AGREE")]
    far = World(invoice(), t.contract(due_rule=t.rule(days=112)))
    (found,) = t.verdicts(far, "TERMS_CONFLICT")
    assert (found.outcome.value, found.code) == ("WARN", "DUE_DATES_DIFFER")
    assert [each.value for each in found.inputs] == ["2026-08-08", "2026-07-31"]
    assert "invoice INV-1" in found.message
    assert "contract HT-1" in found.message


def test_the_debtors_due_date_counts_and_is_told() -> None:
    world = World(invoice(), confirmation(due_date=date(2026, 9, 30)))
    assert t.codes(world, "TERMS_CONFLICT") == [("WARN", "DUE_DATE_BY_DEBTOR")]


def test_each_contradiction_is_a_finding() -> None:
    world = World(
        order(due_rule=t.rule(days=90)),
        invoice(),
        t.contract(due_rule=t.rule(days=30), set_off_waived=True),
        confirmation(set_off_waived=False),
        t.statement(line={"amount": Decimal(1000)}),
    )
    assert t.codes(world, "TERMS_CONFLICT") == [
        ("WARN", "DUE_DATES_DIFFER"),
        ("WARN", "DUE_RULES_DIFFER"),
        ("WARN", "CLAUSES_DIFFER"),
        ("WARN", "ACKNOWLEDGED_LESS"),
    ]


def test_two_frameworks_in_force_that_say_different_things() -> None:
    world = World(invoice(), t.contract(assignment_barred=True), t.contract("HT-2", assignment_barred=False))
    assert t.codes(world, "TERMS_CONFLICT") == [("WARN", "CLAUSES_DIFFER")]


def test_less_than_is_open_is_told_and_a_credit_note_is_no_less() -> None:
    less = t.statement(line={"amount": Decimal("904")})
    assert t.codes(World(invoice(), less), "TERMS_CONFLICT") == [("WARN", "ACKNOWLEDGED_LESS")]
    known = World(invoice(), less, credit_note(lines=({"quantity": Decimal(20)},)))
    assert t.codes(known, "TERMS_CONFLICT") == [("PASS", "AGREE")]
    later = World(
        invoice(), t.statement(), credit_note(lines=({"quantity": Decimal(20)},), issue_date=date(2026, 6, 1))
    )
    assert t.codes(later, "TERMS_CONFLICT") == [("PASS", "AGREE")]


def test_amounts_of_different_days_that_differ() -> None:
    listed = ListedInvoice(line_id="1", invoice_number="INV-1", amount=Decimal(1200))
    world = World(invoice(), t.statement(), t.acknowledgement(lines=(listed,), currency="CNY"))
    assert t.codes(world, "TERMS_CONFLICT") == [("WARN", "AMOUNTS_DIFFER")]


def test_a_circle_of_amendments_is_told() -> None:
    world = World(
        invoice(contract_number="HT-1"),
        t.contract("HT-1", amends_number="HT-2"),
        t.contract("HT-2", amends_number="HT-1"),
    )
    assert t.codes(world, "TERMS_CONFLICT") == [("WARN", "CIRCULAR_AMENDMENTS")]
