"""What version 2 of MATCH_QTY, MATCH_PRICE, PO_EXHAUSTED and DATE_ORDER says that version 1 could not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from consortium.documents import OrderTotals, Shipment, Totals
from consortium.documents.common import AllowanceCharge
from crossverify.profiles import ORDER_V1
from crossverify.rule import Effect
from tests.support.match_world import first_codes
from tests.support.trade_world import (
    BUYER,
    World,
    alone,
    codes2,
    confirmation,
    credit_note,
    despatch,
    fp,
    goods,
    invoice,
    judged2,
    order,
    receipt,
    said,
)


def billed(quantity: str, **fields: Any) -> dict[str, Any]:
    return {"quantity": Decimal(quantity), **fields}


def priced(price: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"price": Decimal(price), **fields}]


def charge(amount: str) -> AllowanceCharge:
    return AllowanceCharge(charge=True, amount=Decimal(amount))


def allowance(amount: str) -> AllowanceCharge:
    return AllowanceCharge(charge=False, amount=Decimal(amount))


# --- MATCH_QTY ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "amount", "expected"),
    [
        ("102", None, ("WARN", "WITHIN_TOLERANCE")),
        ("102", "20", ("WARN", "WITHIN_TOLERANCE")),
        ("102", "19.99", ("FAIL", "OVER_RECEIVED")),
        ("103", "1000", ("FAIL", "OVER_RECEIVED")),
        ("100", "0", ("PASS", "WITHIN_ACCEPTED")),
    ],
)
def test_of_two_tolerances_the_narrower_holds(
    quantity: str, amount: str | None, expected: tuple[str, str]
) -> None:
    world = World(order(), receipt(), invoice(lines=[billed(quantity)]))
    figures = {} if amount is None else {"tolerance_amount": Decimal(amount)}
    assert codes2(world, "MATCH_QTY", 2, **figures) == [expected]


def test_an_invoice_that_names_nothing_is_matched_by_item() -> None:
    bill = invoice(lines=[billed("100", order_line=None)], order_number=None)
    world = World(order(), receipt(), bill)
    assert first_codes(world, "MATCH_QTY") == [("UNKNOWN", "NO_REFERENCE")]
    (finding,) = judged2(world, "MATCH_QTY", 2)
    assert (finding.outcome.value, finding.code) == ("PASS", "WITHIN_ACCEPTED")
    assert "matched by item" in finding.message


def test_an_invoice_that_names_nothing_and_exceeds_all_is_referred_and_not_failed() -> None:
    bill = invoice(lines=[billed("150", order_line=None)], order_number=None)
    (finding,) = judged2(World(order(), receipt(), bill), "MATCH_QTY", 2)
    assert (finding.outcome.value, finding.code) == ("UNKNOWN", "OVER_UNREFERENCED")
    assert finding.effect is Effect.REFER
    assert codes2(World(order(), receipt(), bill), "PO_EXHAUSTED", 2) == [("UNKNOWN", "OVER_UNREFERENCED")]


def test_an_ambiguous_line_names_what_it_may_mean() -> None:
    lines = [{"item": goods("bolt", seller_number="A")}, {"item": goods("bolt", seller_number="B")}]
    bill = invoice(lines=[{"order_line": None, "item": goods("bolt")}])
    world = World(order(lines=lines), receipt(lines=[{}, {}]), bill)
    (finding,) = judged2(world, "MATCH_QTY", 2)
    assert finding.code == "AMBIGUOUS"
    assert "PO-1/1, PO-1/2" in finding.message
    assert codes2(world, "MATCH_PRICE", 2) == [("UNKNOWN", "AMBIGUOUS")]


def test_more_than_was_sent_goes_to_a_person() -> None:
    world = World(order(), despatch(delivered=80), receipt(despatch_number="DA-1"), invoice())
    (finding,) = judged2(world, "MATCH_QTY", 2)
    assert (finding.code, finding.effect) == ("OVER_DESPATCHED", Effect.REFER)
    within = World(
        order(), despatch(delivered=80), receipt(despatch_number="DA-1"), invoice(lines=[billed("80")])
    )
    assert codes2(within, "MATCH_QTY", 2) == [("PASS", "WITHIN_ACCEPTED")]


# --- MATCH_PRICE ----------------------------------------------------------------------------


def test_charges_and_allowances_of_a_line_are_part_of_its_price() -> None:
    dearer = invoice(lines=[{"allowances": (charge("50"),)}])
    assert first_codes(World(order(), dearer), "MATCH_PRICE") == [("PASS", "EQUAL")]
    assert codes2(World(order(), dearer), "MATCH_PRICE", 2) == [("FAIL", "HIGHER")]
    rebated = invoice(lines=priced("11", allowances=(allowance("100"),)))
    assert codes2(World(order(), rebated), "MATCH_PRICE", 2) == [("PASS", "EQUAL")]
    agreed = order(lines=[{"allowances": (charge("50"),)}])
    assert codes2(World(agreed, dearer), "MATCH_PRICE", 2) == [("PASS", "EQUAL")]


def test_of_two_tolerances_of_price_the_narrower_holds() -> None:
    world = World(order(), invoice(lines=priced("10.1")))  # 10.00 more on the line
    assert codes2(world, "MATCH_PRICE", 2) == [("WARN", "WITHIN_TOLERANCE")]
    assert codes2(world, "MATCH_PRICE", 2, tolerance_amount=Decimal(10)) == [("WARN", "WITHIN_TOLERANCE")]
    assert codes2(world, "MATCH_PRICE", 2, tolerance_amount=Decimal("9.99")) == [("FAIL", "HIGHER")]


def test_a_higher_price_without_reference_is_referred() -> None:
    bill = invoice(lines=priced("12", order_line=None), order_number=None)
    assert codes2(World(order(), bill), "MATCH_PRICE", 2) == [("UNKNOWN", "HIGHER_UNREFERENCED")]
    equal = invoice(lines=[{"order_line": None}], order_number=None)
    assert codes2(World(order(), equal), "MATCH_PRICE", 2) == [("PASS", "EQUAL")]


def test_a_prepayment_has_no_price_of_goods() -> None:
    advance = invoice(lines=[billed("1", price=Decimal(300))], type_code="386")
    assert first_codes(World(order(), advance), "MATCH_PRICE") == [("FAIL", "HIGHER")]
    assert codes2(World(order(), advance), "MATCH_PRICE", 2) == [("NOT_APPLICABLE", "PREPAYMENT")]


def with_charges(number: str, amount: str, quantity: str = "100", day: int = 10) -> Any:
    line_net = Decimal(quantity) * 10
    net = line_net + Decimal(amount)
    return invoice(
        number,
        [billed(quantity)],
        issue_date=date(2026, 4, day),
        allowances=(charge(amount),),
        totals=Totals(
            line_net=line_net, charges=Decimal(amount), net=net, tax=Decimal(0), gross=net, payable=net
        ),
    )


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("10", [("PASS", "EQUAL")]),
        ("10.01", [("PASS", "EQUAL"), ("WARN", "CHARGES")]),
        ("100", [("PASS", "EQUAL"), ("WARN", "CHARGES")]),
        ("100.01", [("FAIL", "CHARGES_FAR_OVER"), ("PASS", "EQUAL")]),
    ],
)
def test_charges_that_were_not_ordered(amount: str, expected: list[tuple[str, str]]) -> None:
    found = codes2(World(order(), with_charges("INV-1", amount)), "MATCH_PRICE", 2)
    assert sorted(found) == sorted(expected)


def test_charges_of_several_invoices_add_up_against_those_of_the_order() -> None:
    freight = order(allowances=(charge("50"),), totals=None)
    first, second = with_charges("INV-1", "50", "50"), with_charges("INV-2", "50", "50", 11)
    world = World(freight, first, second)
    found = {(item.subject, item.code) for item in judged2(world, "MATCH_PRICE", 2)}
    assert found == {(fp(first), "EQUAL"), (fp(second), "EQUAL"), (fp(second), "CHARGES")}


def test_an_allowance_of_the_order_that_is_missing_and_one_that_a_note_grants() -> None:
    totals = OrderTotals(
        line_net=Decimal(1000), allowances=Decimal(100), net=Decimal(900), payable=Decimal(900)
    )
    rebate = order(allowances=(allowance("100"),), totals=totals)
    (finding,) = [
        item for item in judged2(World(rebate, invoice()), "MATCH_PRICE", 2) if item.code != "EQUAL"
    ]
    assert (finding.code, finding.effect) == ("ALLOWANCE_MISSING", Effect.REFER)
    granted = credit_note(lines=[billed("1", price=Decimal(100), item=goods("rebate"), order_line=None)])
    assert "ALLOWANCE_MISSING" not in {
        c for _, c in codes2(World(rebate, invoice(), granted), "MATCH_PRICE", 2)
    }


# --- PO_EXHAUSTED ---------------------------------------------------------------------------


def test_of_two_tolerances_of_an_order_the_narrower_holds() -> None:
    world = World(order(), invoice(lines=[billed("102")]))
    assert codes2(world, "PO_EXHAUSTED", 2) == [("WARN", "WITHIN_TOLERANCE")]
    assert codes2(world, "PO_EXHAUSTED", 2, tolerance_amount=Decimal(19)) == [("FAIL", "OVER_ORDERED")]


def test_standing_orders_are_used_up_together() -> None:
    orders = [order("PO-1"), order("PO-2", issue_date=date(2026, 3, 2))]
    monthly = invoice("INV-1", [billed("150", order_line=None)], order_number=None)
    world = World(*orders, monthly)
    (finding,) = judged2(world, "PO_EXHAUSTED", 2, warn_from=Decimal("0.75"))
    assert (finding.code, finding.outcome.value) == ("NEARLY_EXHAUSTED", "WARN")
    assert "150 H87 invoiced so far of 200 H87 ordered on 2 lines (75 %)" in finding.message


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("94", ("PASS", "WITHIN_ORDER")),
        ("95", ("WARN", "NEARLY_EXHAUSTED")),
        ("101", ("WARN", "WITHIN_TOLERANCE")),
        ("103", ("FAIL", "OVER_ORDERED")),
    ],
)
def test_an_order_that_is_lent_on_warns_from_its_share_on(quantity: str, expected: tuple[str, str]) -> None:
    world = World(order(), invoice(lines=[billed(quantity)]))
    profile = alone("PO_EXHAUSTED", 2, ORDER_V1, warn_from=Decimal("0.95"))
    assert [(item.outcome.value, item.code) for item in said(world, profile)] == [expected]


def test_an_order_without_value_cannot_be_used_up() -> None:
    free = order(lines=[{"price": None}], totals=None)
    profile = alone("PO_EXHAUSTED", 2, ORDER_V1)
    assert [item.code for item in said(World(free), profile)] == ["NO_ORDER_VALUE"]


# --- DATE_ORDER -----------------------------------------------------------------------------


def test_the_due_date_may_come_from_another_document() -> None:
    bill = invoice(due_date=None)
    early = confirmation(due_date=date(2026, 4, 1), confirmed_amount=bill.totals.payable, currency="CNY")
    world = World(bill)
    world.add(early)
    assert codes2(World(bill), "DATE_ORDER", 2) == [("UNKNOWN", "NO_DATES")]
    (finding,) = judged2(world, "DATE_ORDER", 2)
    assert (finding.code, finding.inputs[0].document) == ("DUE_BEFORE_ISSUE", fp(early))


def test_a_receipt_of_tomorrow_is_impossible() -> None:
    world = World(order(), receipt(issue_date=date(2026, 7, 2)), invoice())
    assert ("FAIL", "RECEIPT_IN_THE_FUTURE") in codes2(world, "DATE_ORDER", 2)


def test_an_earlier_receipt_does_not_hide_one_in_the_future() -> None:
    parts = [{"received": Decimal(90)}], [{"received": Decimal(10)}]
    late = receipt("GR-2", lines=parts[1], issue_date=date(2027, 1, 1))
    world = World(order(), receipt(lines=parts[0]), late, invoice())
    assert codes2(world, "DATE_ORDER", 2) == [("UNKNOWN", "ONE_RECEIPT_IN_THE_FUTURE")]
    assert [item.effect for item in judged2(world, "DATE_ORDER", 2)] == [Effect.REFER]


def test_goods_are_not_received_before_they_are_sent() -> None:
    sent = despatch(shipment=Shipment(despatch_date=date(2026, 4, 5)))
    world = World(order(), sent, receipt(despatch_number="DA-1"), invoice())
    assert codes2(world, "DATE_ORDER", 2) == [("WARN", "RECEIPT_BEFORE_DESPATCH")]


def test_orders_and_receipts_are_found_without_reference() -> None:
    bill = invoice(lines=[{"order_line": None}], order_number=None, issue_date=date(2026, 2, 1))
    world = World(order(), receipt(), bill)
    assert {code for _, code in codes2(world, "DATE_ORDER", 2)} == {
        "INVOICE_BEFORE_ORDER",
        "INVOICE_BEFORE_RECEIPT",
    }
    assert BUYER.name  # the parties are those of the order: nothing else joins the two


def delivery(number: str, quantity: int) -> Any:
    return despatch(f"DA-{number}", delivered=quantity)


def arrival(number: str, quantity: int, **fields: Any) -> Any:
    return receipt(
        f"GR-{number}", [{"received": Decimal(quantity), **fields}], despatch_number=f"DA-{number}"
    )


def test_a_receipt_that_is_still_to_come_is_asked_for_and_not_held_against_the_seller() -> None:
    sent = (order(), delivery("A", 70), delivery("B", 30))
    bill = invoice(lines=[billed("70")])
    (finding,) = judged2(World(*sent, arrival("B", 30), bill), "MATCH_QTY", 2)
    assert (finding.outcome.value, finding.code, finding.effect) == (
        "UNKNOWN",
        "RECEIPT_MISSING",
        Effect.REFER,
    )
    both = World(*sent, arrival("A", 70), arrival("B", 30), bill)
    assert codes2(both, "MATCH_QTY", 2) == [("PASS", "WITHIN_ACCEPTED")]


def test_a_delivery_whose_receipt_is_here_is_not_still_to_come() -> None:
    sent = (order(), delivery("A", 70), delivery("B", 30))
    short = (arrival("A", 60, short=Decimal(10)), arrival("B", 30))
    bill = invoice(lines=[billed("100")])
    assert codes2(World(*sent, *short, bill), "MATCH_QTY", 2) == [("FAIL", "OVER_RECEIVED")]
    unsaid = (arrival("A", 60), arrival("B", 30))
    assert codes2(World(*sent, *unsaid, bill), "MATCH_QTY", 2) == [("FAIL", "OVER_RECEIVED")]
    unnamed = receipt("GR-C", [{"received": Decimal(90)}])  # of the order, whichever delivery it was
    assert codes2(World(*sent, unnamed, bill), "MATCH_QTY", 2) == [("UNKNOWN", "RECEIPT_MISSING")]
    told_short = receipt("GR-C", [{"received": Decimal(90), "short": Decimal(10)}])
    assert codes2(World(*sent, told_short, bill), "MATCH_QTY", 2) == [("FAIL", "OVER_RECEIVED")]


@pytest.mark.parametrize(
    ("sent_on", "expected"), [(18, ("UNKNOWN", "RECEIPT_MISSING")), (8, ("FAIL", "OVER_RECEIVED"))]
)
def test_a_receipt_covers_nothing_that_was_sent_after_it(sent_on: int, expected: tuple[str, str]) -> None:
    """The first delivery's despatch advice is not here, so its receipt names none."""
    first = receipt("GR-1", [{"received": Decimal(50)}], issue_date=date(2026, 3, 10))
    second = despatch("DA-2", delivered=50, issue_date=date(2026, 3, sent_on))
    world = World(order(), first, second, invoice(lines=[billed("100")]))
    assert codes2(world, "MATCH_QTY", 2) == [expected]


def test_no_more_is_still_to_come_than_was_sent() -> None:
    world = World(
        order(), delivery("A", 50), delivery("B", 30), arrival("B", 30), invoice(lines=[billed("90")])
    )
    assert codes2(world, "MATCH_QTY", 2) == [("FAIL", "OVER_RECEIVED")]


def test_many_lines_of_one_fault_are_told_in_few_findings_and_all_deducted() -> None:
    count = 60
    world = World(
        order(lines=[{}] * count), receipt(lines=[{}] * count), invoice(lines=[billed("101")] * count)
    )
    found = judged2(world, "MATCH_QTY", 2)
    assert len(found) == 51
    last = [item for item in found if item.message.endswith("9 more lines, which the table of lines shows.")]
    assert [item.line for item in last] == ["51"]
    assert sum((item.deduct.amount for item in found if item.deduct), Decimal(0)) == Decimal("11.30") * count
    assert (
        len(judged2(World(invoice(lines=[{"item": goods("x"), "order_line": None}] * count)), "PRICE_FAIR"))
        == 1
    )


def test_a_receipt_that_the_invoice_names_and_that_is_not_here_is_asked_for() -> None:
    here = receipt("GR-2", [{"received": Decimal(30)}])
    world = World(order(), here, invoice(lines=[billed("70")], receipt_number="GR-1"))
    (finding,) = judged2(world, "MATCH_QTY", 2)
    assert (finding.outcome.value, finding.code, finding.effect) == (
        "UNKNOWN",
        "RECEIPT_MISSING",
        Effect.REFER,
    )
    named = World(order(), here, invoice(lines=[billed("70")], receipt_number="GR-2"))
    assert codes2(named, "MATCH_QTY", 2) == [("FAIL", "OVER_RECEIVED")]
    within = World(order(), here, invoice(lines=[billed("30")], receipt_number="GR-1"))
    assert codes2(within, "MATCH_QTY", 2) == [("PASS", "WITHIN_ACCEPTED")]
