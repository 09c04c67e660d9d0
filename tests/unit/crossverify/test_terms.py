"""The terms of a receivable: which document says what, which one counts, and what is told of the rest."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from consortium.documents import DocumentRef, Fapiao, ListedInvoice, Period, StatementLine
from consortium.documents.common import Delivery
from crossverify.agreements import voices_of
from tests.support import terms_world as t
from tests.support.trade_world import (
    BUYER,
    OTHER,
    SELLER,
    World,
    confirmation,
    credit_note,
    handle,
    invoice,
    order,
    receipt,
)


def due(world: World) -> list[tuple[str, str, str, str]]:
    """Due dates: value, document, field, whose word."""
    _, _, terms = t.first(world)
    return [
        (each.value.isoformat(), each.document.document.number, each.field, each.voice)
        for each in terms.due_dates
    ]


def test_every_document_that_says_when_it_is_due_is_kept_by_weight() -> None:
    world = World(
        order(due_rule=t.rule(basis="order_date", days=90)),
        receipt(),
        invoice(),
        t.contract(due_rule=t.rule(basis="receipt_date", days=60)),
        t.statement(due_date=date(2026, 8, 3)),
        t.statement("DZ-S", issued_by="seller", due_date=date(2026, 8, 4)),
        t.notice(),
        t.acknowledgement(due_date=date(2026, 8, 2)),
        confirmation(due_date=date(2026, 8, 1)),
    )
    assert due(world) == [
        ("2026-08-01", "AR-1", "due_date", "debtor"),
        ("2026-08-02", "HZ-1", "due_date", "debtor"),
        ("2026-08-03", "DZ-1", "due_date", "debtor"),
        ("2026-08-08", "INV-1", "due_date", "seller"),
        ("2026-08-04", "DZ-S", "due_date", "seller"),
        ("2026-05-31", "HT-1", "due_rule", "seller"),
        ("2026-05-30", "PO-1", "due_rule", "both"),
    ]


def test_a_fapiao_that_says_nothing_is_due_by_the_contract() -> None:
    world = World(invoice(due_date=None, order_number=None), t.contract(due_rule=t.rule(end_of_month=True)))
    assert due(world) == [("2026-06-29", "HT-1", "due_rule", "seller")]
    _, _, terms = t.first(world)
    assert terms.due_date is not None
    assert terms.due_date.source == "contract HT-1"


def test_nobody_says_when() -> None:
    _, _, terms = t.first(World(invoice(due_date=None, order_number=None)))
    assert terms.due_date is None
    assert not terms.due_rules
    assert list(terms.conflicts()) == []


def test_of_one_kind_the_newest_word_counts() -> None:
    world = World(
        invoice(),
        confirmation(number="AR-2", issue_date=date(2026, 5, 1), due_date=date(2026, 9, 1)),
        confirmation(number="AR-1", issue_date=date(2026, 4, 15), due_date=date(2026, 8, 1)),
        confirmation(number="AR-3", issue_date=date(2026, 5, 2)),
    )
    assert due(world)[0] == ("2026-09-01", "AR-2", "due_date", "debtor"), "AR-3 says nothing of it"


@pytest.mark.parametrize("paper", ["confirmation", "statement", "acknowledgement"])
def test_what_only_bears_the_debtors_name_is_not_its_word(paper: str) -> None:
    world = World(invoice(), t.notice())
    made: dict[str, Any] = {
        "confirmation": confirmation(due_date=date(2026, 9, 1)),
        "statement": t.statement(due_date=date(2026, 9, 1)),
        "acknowledgement": t.acknowledgement(due_date=date(2026, 9, 1)),
    }
    world.add(made[paper], pushed_by=handle(SELLER))
    assert due(world) == [("2026-08-08", "INV-1", "due_date", "seller")]
    world.add(made[paper], pushed_by=handle(SELLER), signed_by=handle(BUYER))
    assert due(world)[0][0] == "2026-09-01", "its signature makes it so"


def test_a_void_document_says_nothing() -> None:
    world = World(invoice())
    world.add(t.statement(due_date=date(2026, 9, 1)), state="void")
    world.add(t.contract(due_rule=t.rule()), state="void")
    assert len(due(world)) == 1


def test_a_line_says_it_better_than_the_head() -> None:
    world = World(
        invoice(),
        t.statement(due_date=date(2026, 8, 3), line={"due_date": date(2026, 8, 5)}),
        t.acknowledgement(
            lines=(ListedInvoice(line_id="1", invoice_number="INV-1", due_date=date(2026, 8, 6)),)
        ),
    )
    assert due(world)[:2] == [
        ("2026-08-06", "HZ-1", "lines/1/due_date", "debtor"),
        ("2026-08-05", "DZ-1", "lines/1/due_date", "debtor"),
    ]


def test_an_acknowledgement_without_lines_means_those_of_its_notice() -> None:
    world = World(invoice(), invoice("INV-2"), t.notice(), t.acknowledgement(due_date=date(2026, 8, 2)))
    case = t.case_of(world)
    said = [len(voices_of(case)[each.fingerprint].acknowledgements) for each in case.receivables]
    assert said == [1, 0]
    general = World(invoice(), invoice("INV-2"), t.notice(all_claims=True, lines=()), t.acknowledgement())
    case = t.case_of(general)
    assert all(voices_of(case)[each.fingerprint].acknowledgements for each in case.receivables)


def test_a_statement_that_lists_the_fapiao_speaks_of_the_commercial_invoice() -> None:
    number = "26312000000123456789"
    world = World(
        invoice(fapiao=(Fapiao(fapiao_kind="digital_special", number=number),)),
        t.statement(invoice=number, due_date=date(2026, 8, 3)),
    )
    assert due(world)[0][1] == "DZ-1"


# --- contracts -----------------------------------------------------------------------------


def test_the_contract_that_is_named_counts_and_no_other() -> None:
    world = World(
        invoice(contract_number="ht 2"),
        t.contract("HT-1", due_rule=t.rule(days=10)),
        t.contract("HT-2", due_rule=t.rule(days=20), form="single"),
    )
    assert due(world)[-1] == ("2026-04-30", "HT-2", "due_rule", "seller")
    by_order = World(
        order(contract_number="HT-2"),
        invoice(),
        t.contract("HT-1", due_rule=t.rule(days=10)),
        t.contract("HT-2", due_rule=t.rule(days=20)),
    )
    assert due(by_order)[-1][1] == "HT-2"


def test_a_contract_that_is_named_and_not_shown_is_told() -> None:
    world = World(invoice(contract_number="HT-9"), t.contract("HT-1", assignment_barred=True))
    _, _, terms = t.first(world)
    assert terms.contracts_missing == ("HT-9",)
    assert not terms.contracts, "a framework that is not the one named says nothing"


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True),
        ({"form": "single"}, False),
        ({"effective_date": date(2026, 4, 11)}, False),
        ({"end_date": date(2026, 4, 9)}, False),
        ({"end_date": date(2026, 4, 10)}, True),
        ({"end_date": None}, True),
        ({"buyer": OTHER}, False),
    ],
)
def test_a_framework_in_force_holds_where_none_is_named(changes: dict[str, Any], holds: bool) -> None:
    world = World(invoice(), t.contract(assignment_barred=True, **changes))
    _, _, terms = t.first(world)
    assert bool(terms.contracts) == holds
    assert bool(terms.assignment_barred) == holds


def test_an_amendment_replaces_what_it_says_and_leaves_the_rest() -> None:
    world = World(
        invoice(contract_number="HT-1"),
        t.contract(due_rule=t.rule(days=30), assignment_barred=True, governing_law="CN"),
        t.contract("HT-1-B", amends_number="HT-1", issue_date=date(2026, 2, 1), due_rule=t.rule(days=90)),
        t.contract("HT-1-C", amends_number="HT-1-B", issue_date=date(2026, 5, 1), assignment_barred=False),
    )
    _, _, terms = t.first(world)
    assert [each.value.days for each in terms.due_rules] == [90]
    assert [each.value for each in terms.assignment_barred] == [True], "May's came after the invoice"
    assert [each.document.document.number for each in terms.governing_law] == ["HT-1"]
    assert list(terms.conflicts(200)) == [], "an amendment contradicts nothing"


def test_a_named_amendment_brings_what_it_amends() -> None:
    world = World(
        invoice(contract_number="HT-1-B"),
        t.contract(governing_law="CN"),
        t.contract("HT-1-B", amends_number="HT-1", due_rule=t.rule(days=90)),
    )
    _, _, terms = t.first(world)
    assert [each.value for each in terms.governing_law] == ["CN"]


def test_contracts_that_amend_one_another_in_a_circle_end() -> None:
    world = World(
        invoice(contract_number="HT-1"),
        t.contract("HT-1", amends_number="HT-3", governing_law="CN"),
        t.contract("HT-2", amends_number="HT-1"),
        t.contract("HT-3", amends_number="HT-2"),
    )
    _, _, terms = t.first(world)
    (agreed,) = terms.contracts
    assert agreed.circular
    assert len(agreed.parts) == 3


# --- deliveries ----------------------------------------------------------------------------


def test_a_term_from_receipt_needs_one_day_of_receipt() -> None:
    ruled = t.contract(due_rule=t.rule(basis="receipt_date", days=60))
    one = World(order(), receipt(lines=({"received_date": date(2026, 4, 2)},)), invoice(due_date=None), ruled)
    assert due(one) == [("2026-06-01", "HT-1", "due_rule", "seller")]
    _, _, terms = t.first(one)
    assert [each.field for each in terms.delivered] == ["received_date"]
    two = World(
        order(), receipt(), receipt("GR-2", issue_date=date(2026, 4, 5)), invoice(due_date=None), ruled
    )
    assert due(two) == [], "two days of receipt: which one counts is not said"
    named = World(
        order(),
        receipt(),
        receipt("GR-2", issue_date=date(2026, 4, 5)),
        invoice(due_date=None, receipt_number="GR-2"),
        ruled,
    )
    assert due(named) == [("2026-06-04", "HT-1", "due_rule", "seller")]


def test_a_term_from_the_statement_counts_from_the_debtors() -> None:
    world = World(
        invoice(due_date=None),
        t.contract(due_rule=t.rule(basis="statement_date", days=30)),
        t.statement("DZ-S", issued_by="seller", issue_date=date(2026, 5, 1)),
        t.statement(issue_date=date(2026, 5, 3)),
    )
    assert due(world) == [("2026-06-02", "HT-1", "due_rule", "seller")]


# --- the debtor's word ---------------------------------------------------------------------


def test_what_the_debtor_disputed_and_accepted_later_is_settled() -> None:
    disputed = t.statement(line={"disputed_amount": Decimal(100)})
    _, _, terms = t.first(World(invoice(), disputed))
    assert [each.value for each in terms.disputed_amount] == [Decimal(100)]
    assert terms.acknowledged[0].value == Decimal(1030)
    settled = World(invoice(), disputed, confirmation(issue_date=date(2026, 5, 3)))
    _, _, terms = t.first(settled)
    assert terms.disputes == ()
    _, _, terms = t.first(World(invoice(), disputed, confirmation(issue_date=date(2026, 5, 1))))
    assert len(terms.disputes) == 1, "it accepted first and disputed then"


def test_a_receivable_that_is_listed_in_parts_is_their_sum() -> None:
    parts = tuple(
        StatementLine(line_id=str(n), document_number="INV-1", amount=Decimal(565), disputed_amount=disputed)
        for n, disputed in ((1, None), (2, Decimal(65)))
    )
    _, _, terms = t.first(World(invoice(), t.statement(lines=parts)))
    assert [each.value for each in terms.acknowledged] == [Decimal(1065)]
    assert [each.value for each in terms.disputed_amount] == [Decimal(65)]


def test_terms_that_differ_are_told_and_the_first_counts() -> None:
    world = World(
        invoice(),
        t.contract(set_off_waived=True),
        confirmation(due_date=date(2026, 8, 20), set_off_waived=False),
        t.statement(due_date=date(2026, 8, 21)),
    )
    _, _, terms = t.first(world)
    found = {each.name: each for each in terms.conflicts(due_days=7)}
    assert set(found) == {"due_date", "set_off_waived"}
    assert found["due_date"].counts.document.document.number == "AR-1"
    assert [each.document.document.number for each in found["due_date"].differs] == ["INV-1"]
    assert found["set_off_waived"].counts.value is False
    assert len(list(terms.conflicts(due_days=12))) == 1


def test_papers_of_another_trade_say_nothing_here() -> None:
    world = World(
        invoice(),
        credit_note(lines=({"quantity": Decimal(1)},), preceding_invoices=(DocumentRef(number="INV-1"),)),
        t.statement(invoice="INV-77", due_date=date(2026, 9, 1)),
        t.notice(invoice="INV-77"),
        t.acknowledgement(due_date=date(2026, 9, 1)),
        t.statement("DZ-2", buyer=OTHER, due_date=date(2026, 9, 9)),
    )
    case, receivable, terms = t.first(world)
    assert len(terms.due_dates) == 1
    assert not voices_of(case)[receivable.fingerprint].notices


def test_ten_thousand_lines_of_a_statement_are_read() -> None:
    lines = tuple(
        StatementLine(line_id=str(n), document_number=f"X-{n}", amount=Decimal(1)) for n in range(9_999)
    )
    last = StatementLine(line_id="last", document_number="INV-1", amount=t.GROSS)
    world = World(invoice(), t.statement(lines=(*lines, last), due_date=date(2026, 8, 3)))
    assert due(world)[0] == ("2026-08-03", "DZ-1", "due_date", "debtor")


def test_the_order_says_when_delivery_is_wanted() -> None:
    made = order(delivery=Delivery(requested=Period(start=date(2026, 7, 1))))
    case, receivable, _ = t.first(World(made, invoice()))
    assert [body.number for _, body in voices_of(case)[receivable.fingerprint].orders] == ["PO-1"]
