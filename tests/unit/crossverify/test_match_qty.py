"""MATCH_QTY: what was invoiced against what was received and accepted."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from consortium.documents import Classification, DocumentRef
from crossverify.rule import Effect, Outcome
from tests.support.match_world import both, both_codes, first_codes
from tests.support.trade_world import (
    BUYER,
    OTHER,
    SELLER,
    World,
    codes2,
    credit_note,
    despatch,
    fp,
    goods,
    handle,
    invoice,
    order,
    receipt,
)


def billed(quantity: str, **fields: object) -> dict[str, object]:
    return {"quantity": Decimal(quantity), **fields}


def test_passes_what_was_received() -> None:
    findings = both(World(order(), receipt(), invoice()), "MATCH_QTY")
    assert [(item.outcome, item.code) for item in findings] == [(Outcome.PASS, "WITHIN_ACCEPTED")]
    assert "100 H87 invoiced" in findings[0].message
    assert {item.source for item in findings[0].inputs} == {"documents"}


def test_passes_a_part_of_what_was_received() -> None:
    assert both_codes(World(order(), receipt(), invoice(lines=[billed("40")])), "MATCH_QTY") == [
        ("PASS", "WITHIN_ACCEPTED")
    ]


def test_worked_case_of_the_samples_fails_and_passes_after_the_credit_note() -> None:
    short = receipt(lines=[{"received": Decimal(90), "short": Decimal(10)}])
    world = World(order(), despatch(delivered=90), short, invoice())
    (finding,) = both(world, "MATCH_QTY")
    assert (finding.outcome, finding.code, finding.line) == (Outcome.FAIL, "OVER_RECEIVED", "1")
    assert "10 more than was accepted" in finding.message
    world.add(credit_note(lines=[billed("10")]))
    assert both_codes(world, "MATCH_QTY") == [("PASS", "WITHIN_ACCEPTED")]


def test_rejected_goods_are_not_accepted() -> None:
    refused = receipt(lines=[{"received": Decimal(100), "rejected": Decimal(20)}])
    assert both_codes(World(order(), refused, invoice()), "MATCH_QTY") == [("FAIL", "OVER_RECEIVED")]
    assert both_codes(World(order(), refused, invoice(lines=[billed("80")])), "MATCH_QTY") == [
        ("PASS", "WITHIN_ACCEPTED")
    ]


def test_a_despatch_rejected_as_a_whole_accepts_nothing() -> None:
    world = World(order(), receipt(despatch_status="RE"), invoice(lines=[billed("1")]))
    assert both_codes(world, "MATCH_QTY") == [("FAIL", "OVER_RECEIVED")]


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("100", ("PASS", "WITHIN_ACCEPTED")),
        ("100.01", ("WARN", "WITHIN_TOLERANCE")),
        ("102", ("WARN", "WITHIN_TOLERANCE")),
        ("102.01", ("FAIL", "OVER_RECEIVED")),
    ],
)
def test_tolerance_is_two_per_cent_of_what_was_accepted(quantity: str, expected: tuple[str, str]) -> None:
    world = World(order(), receipt(), invoice(lines=[billed(quantity)]))
    assert both_codes(world, "MATCH_QTY") == [expected]


def test_tolerance_comes_from_the_profile() -> None:
    world = World(order(), receipt(), invoice(lines=[billed("104")]))
    assert both_codes(world, "MATCH_QTY", tolerance="0.05") == [("WARN", "WITHIN_TOLERANCE")]
    assert both_codes(world, "MATCH_QTY", tolerance="0") == [("FAIL", "OVER_RECEIVED")]


def test_within_tolerance_the_excess_leaves_the_eligible_amount_with_tax() -> None:
    (finding,) = both(World(order(), receipt(), invoice(lines=[billed("101")])), "MATCH_QTY")
    assert finding.deduct is not None
    assert finding.deduct.amount == Decimal("11.30")  # one bolt at 10.00 with 13 % tax


def test_invoices_draw_in_order_of_issue_date_and_the_one_that_overdraws_fails() -> None:
    late = invoice("INV-1", [billed("60")], issue_date=date(2026, 4, 12))
    early = invoice("INV-2", [billed("60")], issue_date=date(2026, 4, 11))
    last = invoice("INV-3", [billed("40")], issue_date=date(2026, 4, 13))
    world = World(order(), receipt(), late, early, last)
    by_invoice = {item.subject: item.code for item in both(world, "MATCH_QTY")}
    assert by_invoice == {
        fp(early): "WITHIN_ACCEPTED",
        fp(late): "OVER_RECEIVED",
        fp(last): "OVER_RECEIVED",
    }


def test_on_one_day_the_ledger_position_decides() -> None:
    second, first = invoice("INV-2", [billed("60")]), invoice("INV-1", [billed("60")])
    world = World(order(), receipt())
    world.add(second, block=7)
    world.add(first, block=3)
    by_invoice = {item.subject: item.outcome.value for item in both(world, "MATCH_QTY")}
    assert by_invoice == {fp(first): "PASS", fp(second): "FAIL"}


def test_several_receipts_add_up_and_partial_invoices_pass() -> None:
    world = World(
        order(),
        receipt("GR-1", [{"received": Decimal(60)}]),
        receipt("GR-2", [{"received": Decimal(40)}]),
        invoice("INV-1", [billed("60")]),
        invoice("INV-2", [billed("40")]),
    )
    assert {item.outcome for item in both(world, "MATCH_QTY")} == {Outcome.PASS}


def test_is_judged_line_by_line() -> None:
    world = World(
        order(lines=[{}, {}]),
        receipt(lines=[{}, {"received": Decimal(50)}]),
        invoice(lines=[{}, {}]),
    )
    findings = both(world, "MATCH_QTY")
    assert [(item.outcome.value, item.line) for item in findings] == [("PASS", None), ("FAIL", "2")]


@pytest.mark.parametrize(
    ("received", "unit", "expected"),
    [
        ("0.1", "TNE", "WITHIN_ACCEPTED"),
        ("220.462262184", "LBR", "WITHIN_TOLERANCE"),  # a nanopound short of 100 kg
        ("90000", "GRM", "OVER_RECEIVED"),
        ("100", "XBX", "UNITS"),
        ("100", "MTR", "UNITS"),
    ],
)
def test_units_are_converted_where_that_is_certain(received: str, unit: str, expected: str) -> None:
    world = World(
        order(lines=[{"unit": "KGM"}]),
        receipt(lines=[{"received": Decimal(received), "unit": unit}]),
        invoice(lines=[{"unit": "KGM"}]),
    )
    assert [code for _, code in both_codes(world, "MATCH_QTY")] == [expected]


def test_an_incomparable_invoice_leaves_later_ones_unknown() -> None:
    boxes = invoice("INV-1", [billed("5", unit="XBX")])
    pieces = invoice("INV-2", [billed("90")], issue_date=date(2026, 4, 11))
    world = World(order(), receipt(), boxes, pieces)
    assert both_codes(world, "MATCH_QTY") == [("UNKNOWN", "UNITS"), ("UNKNOWN", "EARLIER_UNITS")]


@pytest.mark.parametrize(
    "line",
    [
        {"unit": "HUR"},
        {"unit": "DAY"},
        {"item": goods(classifications=(Classification(list_id="CN-TAX", code="3040203000000000000"),))},
        {"item": goods(classifications=(Classification(list_id="TST", code="81112200"),))},
    ],
)
def test_services_do_not_apply(line: dict[str, object]) -> None:
    assert both_codes(World(order(), invoice(lines=[line])), "MATCH_QTY") == [("NOT_APPLICABLE", "SERVICE")]


@pytest.mark.parametrize(
    "classification",
    [
        Classification(list_id="CN-TAX", code="1080301010000000000"),
        Classification(list_id="TST", code="31161500"),
        Classification(list_id="TST", code="95121700"),
        Classification(list_id="HS", code="3926909090"),
    ],
)
def test_goods_are_no_services(classification: Classification) -> None:
    line = {"item": goods(classifications=(classification,))}
    assert both_codes(World(order(), receipt(), invoice(lines=[line])), "MATCH_QTY") == [
        ("PASS", "WITHIN_ACCEPTED")
    ]


def test_services_are_judged_per_line() -> None:
    world = World(order(lines=[{}, {"unit": "HUR"}]), receipt(), invoice(lines=[{}, {"unit": "HUR"}]))
    assert both_codes(world, "MATCH_QTY") == [("PASS", "WITHIN_ACCEPTED"), ("NOT_APPLICABLE", "SERVICE")]


def test_prepayments_do_not_apply_and_draw_nothing() -> None:
    advance = invoice("INV-0", type_code="386", issue_date=date(2026, 3, 2))
    world = World(order(), receipt(), advance, invoice())
    assert both_codes(world, "MATCH_QTY") == [("NOT_APPLICABLE", "PREPAYMENT"), ("PASS", "WITHIN_ACCEPTED")]


@pytest.mark.parametrize(
    ("documents", "code"),
    [
        ([order(), invoice()], "NO_RECEIPT"),
        ([order(), despatch(), invoice()], "NO_RECEIPT"),
        ([order(), receipt(lines=[{"received": None}]), invoice()], "RECEIPT_WITHOUT_QUANTITY"),
        ([order(), receipt(), invoice(lines=[{"item": goods("nut")}], order_number=None)], "NO_REFERENCE"),
        ([order(), receipt(lines=[{"unit": None}]), invoice()], "UNITS"),
        (
            [
                order(lines=[{}, {}]),
                receipt(lines=[{}, {}]),
                invoice(lines=[{"order_line": "9", "item": goods("nut")}]),
            ],
            "LINE_NOT_MATCHED",
        ),
    ],
)
def test_what_cannot_be_known_is_unknown(documents: list[object], code: str) -> None:
    assert both_codes(World(*documents), "MATCH_QTY") == [("UNKNOWN", code)]  # type: ignore[arg-type]


def test_a_line_without_receipt_is_unknown_beside_one_that_passes() -> None:
    world = World(order(lines=[{}, {}]), receipt(), invoice(lines=[{}, {}]))
    assert both_codes(world, "MATCH_QTY") == [("PASS", "WITHIN_ACCEPTED"), ("UNKNOWN", "NO_RECEIPT")]


def test_lines_match_by_item_where_they_name_no_order_line() -> None:
    named = {"order_line": None, "item": goods("anything", seller_number="A-2")}
    world = World(
        order(lines=[{"item": goods("x", seller_number="A-1")}, {"item": goods("y", seller_number="A-2")}]),
        receipt(
            lines=[{"order_line": None, "item": goods("z", seller_number="A-2"), "received": Decimal(100)}]
        ),
        invoice(lines=[named]),
    )
    assert both_codes(world, "MATCH_QTY") == [("PASS", "WITHIN_ACCEPTED")]


def test_an_item_on_two_order_lines_was_ambiguous_and_now_draws_on_both_together() -> None:
    same = {"item": goods("bolt")}
    unnamed = {"order_line": None, **same}
    world = World(
        order(lines=[same, same]), receipt(lines=[{}, {}]), invoice(lines=[billed("200", **unnamed)])
    )
    assert first_codes(world, "MATCH_QTY") == [("UNKNOWN", "LINE_NOT_MATCHED")]
    assert codes2(world, "MATCH_QTY", 2) == [("PASS", "WITHIN_ACCEPTED")]
    more = World(
        order(lines=[same, same]), receipt(lines=[{}, {}]), invoice(lines=[billed("205", **unnamed)])
    )
    assert codes2(more, "MATCH_QTY", 2) == [("FAIL", "OVER_RECEIVED")]


def test_works_without_the_order_from_receipt_and_invoice_alone() -> None:
    assert both_codes(World(receipt(), invoice()), "MATCH_QTY") == [("PASS", "WITHIN_ACCEPTED")]
    assert both_codes(World(receipt(), invoice(lines=[billed("120")])), "MATCH_QTY") == [
        ("FAIL", "OVER_RECEIVED")
    ]


def test_finds_the_receipt_through_the_despatch_advice() -> None:
    through = receipt(
        order_number=None, despatch_number="DA-1", lines=[{"order_line": None, "despatch_line": "1"}]
    )
    assert both_codes(World(order(), despatch(), through, invoice()), "MATCH_QTY") == [
        ("PASS", "WITHIN_ACCEPTED")
    ]


def test_an_invoice_may_name_only_its_receipt() -> None:
    named = invoice(order_number=None, receipt_number="GR-1")
    assert both_codes(World(order(), receipt(), named), "MATCH_QTY") == [("PASS", "WITHIN_ACCEPTED")]


def test_another_buyers_receipt_of_the_same_order_number_does_not_help() -> None:
    world = World(order(), receipt(buyer=OTHER), invoice())
    assert both_codes(world, "MATCH_QTY") == [("UNKNOWN", "NO_RECEIPT")]


def test_a_void_receipt_is_none() -> None:
    world = World(order(), invoice())
    world.add(receipt(), state="void")
    assert both_codes(world, "MATCH_QTY") == [("UNKNOWN", "NO_RECEIPT")]


def test_a_cancelled_invoice_does_not_apply_and_draws_nothing() -> None:
    first, again = invoice(), invoice("INV-2", issue_date=date(2026, 4, 11))
    world = World(order(), receipt(), first, again)
    world.tax[fp(first)]["state"] = "red_full"
    assert both_codes(world, "MATCH_QTY") == [("NOT_APPLICABLE", "CANCELLED"), ("PASS", "WITHIN_ACCEPTED")]


def test_credit_and_rebill_passes() -> None:
    wrong = invoice()
    rebilled = invoice("INV-2", issue_date=date(2026, 4, 25))
    world = World(order(), receipt(), wrong, credit_note(), rebilled)
    assert [outcome for outcome, _ in both_codes(world, "MATCH_QTY")] == ["PASS", "PASS"]


def test_a_note_at_another_price_takes_back_no_quantity() -> None:
    short = receipt(lines=[{"received": Decimal(90)}])
    cheaper = credit_note(lines=[billed("10", price=Decimal(2))])
    assert both_codes(World(order(), short, invoice(), cheaper), "MATCH_QTY") == [("FAIL", "OVER_RECEIVED")]


def test_a_note_of_another_invoice_takes_back_nothing_here() -> None:
    short = receipt(lines=[{"received": Decimal(90)}])
    elsewhere = credit_note(lines=[billed("10")], corrects="INV-77")
    assert both_codes(World(order(), short, invoice(), elsewhere), "MATCH_QTY") == [("FAIL", "OVER_RECEIVED")]


def test_one_note_on_two_invoices_takes_back_its_quantity_once() -> None:
    first = invoice("INV-1", [billed("50")])
    second = invoice("INV-2", [billed("50")], issue_date=date(2026, 4, 11))
    both = credit_note(
        lines=[billed("10")], preceding_invoices=(DocumentRef(number="INV-1"), DocumentRef(number="INV-2"))
    )
    accepted = receipt(lines=[{"received": Decimal(90)}])
    assert [o for o, _ in both_codes(World(order(), accepted, first, second, both), "MATCH_QTY")] == [
        "PASS",
        "PASS",
    ]
    fewer = receipt(lines=[{"received": Decimal(87)}])
    assert [o for o, _ in both_codes(World(order(), fewer, first, second, both), "MATCH_QTY")] == [
        "PASS",
        "FAIL",
    ]


def test_a_line_taken_back_frees_the_receipt_for_others() -> None:
    world = World(
        order(),
        receipt(lines=[{"received": Decimal(50)}]),
        invoice("INV-1", [billed("50")]),
        credit_note(lines=[billed("20")]),
        invoice("INV-2", [billed("20")], issue_date=date(2026, 4, 11)),
    )
    assert [outcome for outcome, _ in both_codes(world, "MATCH_QTY")] == ["PASS", "PASS"]


def test_what_lines_share_is_said_once() -> None:
    (finding,) = both(World(order(lines=[{}, {}, {}]), invoice(lines=[{}, {}, {}])), "MATCH_QTY")
    assert (finding.code, finding.line) == ("NO_RECEIPT", None)
    assert finding.message.endswith("The same holds for 2 more lines.")
    assert len(finding.inputs) == 3


def test_a_receipt_that_the_seller_handed_in_is_said_and_may_be_referred() -> None:
    world = World(order(), invoice())
    world.add(receipt(), pushed_by=handle(SELLER))
    assert both_codes(world, "MATCH_QTY") == [("PASS", "WITHIN_SELLERS_RECEIPT")]
    strict = {"effects": {"WITHIN_SELLERS_RECEIPT": "refer"}}
    assert both(world, "MATCH_QTY", **strict)[0].effect is Effect.REFER
    world.add(receipt(), pushed_by=handle(SELLER), signed_by=handle(BUYER))
    assert both_codes(world, "MATCH_QTY") == [("PASS", "WITHIN_ACCEPTED")]
