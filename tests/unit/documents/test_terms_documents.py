"""Contract, statement, notice, acknowledgement, bill, transport, request, attestation, report: what they refuse."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from consortium.documents import Bill, DueRule, Problem, TransportDocument, parse_canonical
from consortium.documents.canonical import document_bytes
from consortium.documents.json_reader import document_from, read_json
from consortium.documents.weights import portions_of, weight, worth_of
from tests.support.document_cases import EXAMPLES, as_json, document, example


def problems(kind: str, /, **changes: Any) -> list[tuple[str, str]]:
    """Path and rule of what is wrong with a changed example; each tells what to do."""
    found = document_from(example(kind, **changes))
    assert isinstance(found, tuple)
    assert all(isinstance(each, Problem) and each.message and each.remedy for each in found)
    return [(each.path, each.rule) for each in found]


def line(kind: str, **changes: Any) -> list[dict[str, Any]]:
    """An example's first line, changed; None removes a field."""
    values = EXAMPLES[kind]["lines"][0] | changes
    return [{name: value for name, value in values.items() if value is not None}]


WRONG: list[tuple[str, dict[str, Any], tuple[str, str]]] = [
    ("contract", {"form": "verbal"}, ("/form", "VALUE_UNKNOWN")),
    ("contract", {"due_rule": {"basis": "invoice_date"}}, ("/due_rule", "DUE_RULE_EMPTY")),
    (
        "contract",
        {"due_rule": {"basis": "invoice_date", "days": -1}},
        ("/due_rule/days", "NUMBER_OUT_OF_RANGE"),
    ),
    (
        "contract",
        {"due_rule": {"basis": "invoice_date", "days": 3661}},
        ("/due_rule/days", "NUMBER_OUT_OF_RANGE"),
    ),
    (
        "contract",
        {"due_rule": {"basis": "receipt_date", "days": "60"}},
        ("/due_rule/days", "INTEGER_EXPECTED"),
    ),
    ("contract", {"end_date": "2025-12-31"}, ("", "PERIOD_REVERSED")),
    ("contract", {"currency": None}, ("", "CURRENCY_MISSING")),
    ("contract", {"retention_percent": "101"}, ("", "PERCENT_IMPOSSIBLE")),
    ("contract", {"amends_number": "HT-2026-001"}, ("", "SELF_REFERENCE")),
    ("contract", {"governing_law": "China"}, ("/governing_law", "TEXT_MALFORMED")),
    ("contract", {"pay_when_paid": "no"}, ("/pay_when_paid", "BOOLEAN_EXPECTED")),
    ("contract", {"assignement_barred": True}, ("/assignement_barred", "FIELD_UNKNOWN")),
    ("contract", {"lines": line("contract", quantity="-1")}, ("/lines/0/quantity", "NUMBER_NEGATIVE")),
    ("statement_of_account", {"period_end": "2025-12-31"}, ("", "PERIOD_REVERSED")),
    ("statement_of_account", {"closing_balance": "209.06"}, ("", "BALANCE_WRONG")),
    ("statement_of_account", {"lines": []}, ("/lines", "TOO_FEW")),
    (
        "statement_of_account",
        {"acknowledged_amount": "209.051"},
        ("/acknowledged_amount", "AMOUNT_PRECISION"),
    ),
    ("statement_of_account", {"issued_by": "bank"}, ("/issued_by", "VALUE_UNKNOWN")),
    ("assignment_notice", {"lines": []}, ("", "NOTHING_ASSIGNED")),
    ("assignment_notice", {"currency": None}, ("", "CURRENCY_MISSING")),
    ("assignment_notice", {"served_date": "2026-02-02"}, ("", "SERVED_BEFORE_ISSUE")),
    ("assignment_notice", {"served_how": "pigeon"}, ("/served_how", "VALUE_UNKNOWN")),
    ("assignment_acknowledgement", {"objections": None}, ("", "OBJECTIONS_MISSING")),
    ("assignment_acknowledgement", {"notice_number": None}, ("/notice_number", "FIELD_MISSING")),
    ("bill", {"number": "12345"}, ("/number", "TEXT_MALFORMED")),
    ("bill", {"amount": "0"}, ("", "NUMBER_NOT_POSITIVE")),
    ("bill", {"amount": "209.06"}, ("", "RANGE_AMOUNT")),
    ("bill", {"range_from": 0}, ("", "RANGE_REVERSED")),
    ("bill", {"range_from": 20906}, ("", "RANGE_REVERSED")),
    ("bill", {"range_to": 0}, ("", "RANGE_REVERSED")),
    ("bill", {"range_to": -1}, ("/range_to", "NUMBER_OUT_OF_RANGE")),
    ("bill", {"due_date": "2026-01-19"}, ("", "PERIOD_REVERSED")),
    ("bill", {"split_from": 1, "split_to": 20905}, ("", "SPLIT_RANGE")),
    ("bill", {"split_from": 2, "split_to": 30000}, ("", "SPLIT_RANGE")),
    ("bill", {"lines": line("bill", amount="209.06")}, ("", "LISTED_AMOUNT")),
    ("bill", {"lines": line("bill", amount=None) * 2}, ("", "LISTED_AMOUNT")),
    (
        "transport_document",
        {"lines": line("transport_document", quantity="0")},
        ("/lines/0/quantity", "NUMBER_NOT_POSITIVE"),
    ),
    (
        "transport_document",
        {"lines": line("transport_document", quantity="-9")},
        ("/lines/0/quantity", "NUMBER_NOT_POSITIVE"),
    ),
    (
        "transport_document",
        {"lines": line("transport_document", unit="box")},
        ("/lines/0/unit", "UNIT_UNKNOWN"),
    ),
    ("transport_document", {"delivery_date": "2026-01-11"}, ("", "PERIOD_REVERSED")),
    ("financing_request", {"requested_amount": "-1"}, ("", "NUMBER_NOT_POSITIVE")),
    ("financing_request", {"requested_until": "2026-01-31"}, ("", "PERIOD_REVERSED")),
    ("financing_request", {"lines": []}, ("/lines", "TOO_FEW")),
    ("keeper_attestation", {"counted_on": "2026-02-02"}, ("", "PERIOD_REVERSED")),
    ("keeper_attestation", {"capacity_unit": None}, ("", "UNIT_MISSING")),
    ("keeper_attestation", {"lines": line("keeper_attestation", unit=None)}, ("/lines/0", "UNIT_MISSING")),
    ("inspection_report", {"inspected_on": "2026-01-31"}, ("", "PERIOD_REVERSED")),
    (
        "inspection_report",
        {"lines": line("inspection_report", conforming=None)},
        ("/lines/0/conforming", "FIELD_MISSING"),
    ),
]


@pytest.mark.parametrize(("kind", "changes", "expected"), WRONG, ids=lambda each: str(each)[:60])
def test_a_wrong_document_says_what_and_where(
    kind: str, changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert problems(kind, **changes) == [expected]


def test_an_unknown_field_is_told_with_the_likely_one() -> None:
    (found,) = read_json(as_json(example("contract", goverming_law="CN", governing_law=None)))
    assert isinstance(found, Problem)
    assert "'governing_law'" in found.remedy


@pytest.mark.parametrize("kind", [kind for kind in EXAMPLES if EXAMPLES[kind].get("lines")])
def test_a_hundred_thousand_lines_are_refused(kind: str) -> None:
    lines = EXAMPLES[kind]["lines"][:1] * 100_000
    assert ("/lines", "TOO_MANY") in problems(kind, lines=lines)


def test_a_field_that_came_later_leaves_older_bytes_as_they_were() -> None:
    assert b"due_rule" not in document_bytes(document("purchase_order"))
    ruled = document("purchase_order", due_rule={"basis": "invoice_date", "days": 30})
    assert parse_canonical("purchase_order", document_bytes(ruled)) == ruled


@pytest.mark.parametrize(
    ("rule", "day", "due"),
    [
        ({"basis": "invoice_date", "days": 60}, "2026-01-15", "2026-03-16"),
        ({"basis": "invoice_date", "days": 0}, "2026-01-15", "2026-01-15"),
        ({"basis": "invoice_date", "months": 1}, "2026-01-31", "2026-02-28"),
        ({"basis": "invoice_date", "months": 12, "days": 1}, "2024-02-29", "2025-03-01"),
        ({"basis": "invoice_date", "end_of_month": True}, "2026-01-15", "2026-01-31"),
        ({"basis": "invoice_date", "end_of_month": True, "months": 1}, "2026-01-15", "2026-02-28"),
        ({"basis": "invoice_date", "end_of_month": True, "days": 60}, "2026-01-15", "2026-04-01"),
        ({"basis": "invoice_date", "days": 60, "day_of_month": 25}, "2026-01-15", "2026-03-25"),
        ({"basis": "invoice_date", "days": 60, "day_of_month": 10}, "2026-01-15", "2026-04-10"),
        ({"basis": "invoice_date", "day_of_month": 31}, "2026-02-01", "2026-02-28"),
        ({"basis": "invoice_date", "day_of_month": 31}, "2026-01-31", "2026-01-31"),
        ({"basis": "invoice_date", "days": 3660}, "2149-12-01", "2149-12-31"),
    ],
)
def test_a_due_date_follows_from_its_rule(rule: dict[str, Any], day: str, due: str) -> None:
    assert DueRule.model_validate(rule).due_from(date.fromisoformat(day)) == date.fromisoformat(due)


def test_a_rule_can_be_read_aloud() -> None:
    assert str(DueRule(basis="receipt_date", days=60)) == "60 days from receipt date"
    text = str(DueRule(basis="invoice_date", end_of_month=True, months=2, day_of_month=25))
    assert text == "2 months from end of the month of invoice date, paid on day 25"


def test_a_bill_uses_up_the_invoices_that_it_pays_for() -> None:
    two = [
        {"line_id": "1", "invoice_number": "INV-2026-0042", "amount": "104.52"},
        {"line_id": "2", "invoice_number": "INV-2026-0043", "amount": "52.26"},
    ]
    bill = document("bill", lines=two)
    assert isinstance(bill, Bill)
    portions = portions_of(bill)
    assert [(each.kind, each.number) for each in portions] == [
        ("invoice", "INV-2026-0042"),
        ("invoice", "INV-2026-0043"),
    ]
    assert portions[0].part == Fraction(10452, 20905)
    found = weight(worth_of(bill), portions[0], worth_of(document("invoice")))
    assert (found.basis, found.of_child, found.of_parent) == ("gross", 499976082, 499976082)


def test_a_bill_that_says_no_amount_pays_with_all_of_it() -> None:
    bill = document("bill", lines=line("bill", amount=None))
    assert [each.part for each in portions_of(bill)] == [1]


def test_a_part_of_a_bill_uses_up_the_bill() -> None:
    part = document("bill", range_to=10000, amount="100", split_from=1, split_to=20905, lines=[])
    (portion,) = portions_of(part)
    assert (portion.kind, portion.part) == ("bill", Fraction(1))
    found = weight(worth_of(part), portion, worth_of(document("bill")))
    assert found.of_parent == 10_000 * 10**9 // 20905
    assert worth_of(part).gross == (Decimal(100), "CNY")


def test_one_shipment_under_two_numbers_is_seen() -> None:
    one = document("transport_document")
    other = document(
        "transport_document", number="YD0000012", vehicle="沪 A-10001", carrier=example("contract")["buyer"]
    )
    assert isinstance(one, TransportDocument)
    assert isinstance(other, TransportDocument)
    assert one.shipment_keys & other.shipment_keys
    later = document("transport_document", loading_date="2026-01-13")
    assert isinstance(later, TransportDocument)
    assert not one.shipment_keys & later.shipment_keys
    vague = document("transport_document", vehicle=None)
    assert isinstance(vague, TransportDocument)
    assert vague.shipment_keys == frozenset()
