"""PO_EXHAUSTED: invoices so far against the order."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tests.support.match_world import both, both_codes
from tests.support.trade_world import World, credit_note, fp, goods, invoice, order


def billed(quantity: str, **fields: object) -> dict[str, object]:
    return {"quantity": Decimal(quantity), **fields}


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("1", ("PASS", "WITHIN_ORDER")),
        ("100", ("PASS", "WITHIN_ORDER")),
        ("100.01", ("WARN", "WITHIN_TOLERANCE")),
        ("102", ("WARN", "WITHIN_TOLERANCE")),
        ("102.01", ("FAIL", "OVER_ORDERED")),
    ],
)
def test_by_line_to_a_hundred_per_cent(quantity: str, expected: tuple[str, str]) -> None:
    assert both_codes(World(order(), invoice(lines=[billed(quantity)])), "PO_EXHAUSTED") == [expected]


def test_invoices_use_the_order_up_in_order() -> None:
    first = invoice("INV-1", [billed("70")])
    second = invoice("INV-2", [billed("40")], issue_date=date(2026, 4, 11))
    world = World(order(), second, first)
    assert {item.subject: item.code for item in both(world, "PO_EXHAUSTED")} == {
        fp(first): "WITHIN_ORDER",
        fp(second): "OVER_ORDERED",
    }


def test_is_net_of_credit_notes() -> None:
    first = invoice("INV-1", [billed("70")])
    second = invoice("INV-2", [billed("40")], issue_date=date(2026, 4, 11))
    world = World(order(), first, second, credit_note(lines=[billed("10")]))
    assert [outcome for outcome, _ in both_codes(world, "PO_EXHAUSTED")] == ["PASS", "PASS"]


def test_one_line_over_fails_though_the_whole_is_within() -> None:
    world = World(order(lines=[{}, {}]), invoice(lines=[billed("150"), billed("10")]))
    found = both(world, "PO_EXHAUSTED")
    assert [(item.code, item.line) for item in found] == [("WITHIN_ORDER", None), ("OVER_ORDERED", "1")]


def test_by_net_amount_where_lines_do_not_match() -> None:
    odd = {"order_line": None, "item": goods("assembly")}
    twice = order(lines=[{}, {}])  # 2,000.00 without tax
    assert both_codes(World(twice, invoice(lines=[billed("200", **odd)])), "PO_EXHAUSTED") == [
        ("PASS", "WITHIN_ORDER")
    ]
    over = World(twice, invoice(lines=[billed("205", **odd)]))
    assert both_codes(over, "PO_EXHAUSTED") == [("FAIL", "OVER_ORDERED")]
    assert "2,050.00 CNY invoiced so far of 2,000.00 CNY ordered" in both(over, "PO_EXHAUSTED")[0].message
    noted = World(twice, invoice(lines=[billed("205", **odd)]), credit_note(lines=[billed("5", **odd)]))
    assert both_codes(noted, "PO_EXHAUSTED") == [("PASS", "WITHIN_ORDER")]


def test_by_net_amount_where_units_cannot_be_compared() -> None:
    boxes = {"unit": "XBX", "quantity": Decimal(10), "price": Decimal(100)}
    assert both_codes(World(order(), invoice(lines=[boxes])), "PO_EXHAUSTED") == [("PASS", "WITHIN_ORDER")]


def test_an_order_without_totals_is_the_sum_of_its_lines() -> None:
    odd = {"order_line": None, "item": goods("assembly")}
    plain = order(lines=[{"net_amount": None}, {"net_amount": None}], totals=None)
    world = World(plain, invoice(lines=[billed("205", **odd)]))
    assert both_codes(world, "PO_EXHAUSTED") == [("FAIL", "OVER_ORDERED")]


def test_order_finance_warns_from_its_share_on() -> None:
    world = World(order(), invoice(lines=[billed("95")]))
    assert both_codes(world, "PO_EXHAUSTED") == [("PASS", "WITHIN_ORDER")]
    assert both_codes(world, "PO_EXHAUSTED", warn_from="0.95") == [("WARN", "NEARLY_EXHAUSTED")]
    assert both_codes(world, "PO_EXHAUSTED", warn_from="0.951") == [("PASS", "WITHIN_ORDER")]


@pytest.mark.parametrize(
    ("documents", "code"),
    [
        ([invoice()], "NO_ORDER"),
        ([order(), invoice(lines=[{"item": goods("nut")}], order_number=None)], "NO_REFERENCE"),
        (
            [
                order(lines=[{}, {}], currency="EUR"),
                invoice(lines=[{"order_line": None, "item": goods("assembly")}]),
            ],
            "CURRENCY",
        ),
        (
            [
                order(lines=[{"price": None}, {"price": None}], totals=None),
                invoice(lines=[{"order_line": None, "item": goods("assembly")}]),
            ],
            "NO_ORDER_VALUE",
        ),
    ],
)
def test_what_cannot_be_known_is_unknown(documents: list[object], code: str) -> None:
    assert both_codes(World(*documents), "PO_EXHAUSTED") == [("UNKNOWN", code)]  # type: ignore[arg-type]


def test_prepayments_and_cancelled_invoices_do_not_apply_and_use_nothing() -> None:
    advance = invoice("INV-0", type_code="386", issue_date=date(2026, 3, 2))
    void = invoice("INV-9", issue_date=date(2026, 3, 3))
    world = World(order(), advance, void, invoice())
    world.tax[fp(void)]["state"] = "void"
    assert both_codes(world, "PO_EXHAUSTED") == [
        ("NOT_APPLICABLE", "PREPAYMENT"),
        ("NOT_APPLICABLE", "CANCELLED"),
        ("PASS", "WITHIN_ORDER"),
    ]


def test_an_invoice_on_two_orders_is_judged_on_each() -> None:
    lines = [billed("100", order_number="PO-1"), billed("150", order_number="PO-2", order_line="1")]
    world = World(order("PO-1"), order("PO-2"), invoice(lines=lines, order_number=None))
    assert [code for _, code in both_codes(world, "PO_EXHAUSTED")] == ["WITHIN_ORDER", "OVER_ORDERED"]
