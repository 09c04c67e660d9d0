"""Trades that contradict themselves: a finding or a clear refusal, never a crash and never a silent pass."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from consortium.documents import DocumentRef, Invoice
from crossverify.match import MAX_LINES, Fact, LineVerdict, Note, matching
from crossverify.rule import Outcome
from tests.support.match_world import table
from tests.support.trade_world import (
    World,
    codes2,
    credit_note,
    despatch,
    goods,
    invoice,
    judged2,
    order,
    receipt,
)

RULES = ("MATCH_QTY", "MATCH_PRICE", "PO_EXHAUSTED", "DATE_ORDER")


def billed(quantity: str, **fields: Any) -> dict[str, Any]:
    return {"quantity": Decimal(quantity), **fields}


def fact(*documents: Any, line: int = 0) -> Fact:
    return table(World(*documents))["INV-1"][line].quantity_says


def outcomes(world: World, rule: str = "MATCH_QTY") -> set[Outcome]:
    return {item.outcome for item in judged2(world, rule, 2)}


# --- documents that contradict each other ---------------------------------------------------


def test_a_line_that_refers_to_another_item_is_referred() -> None:
    lines = [{"item": goods("bolt", seller_number="S-1")}, {"item": goods("nut", seller_number="S-2")}]
    bill = invoice(lines=[{"item": goods("nut", seller_number="S-2"), "order_line": "1"}])
    world = World(order(lines=lines), receipt(lines=[{}, {}]), bill)
    assert table(world)["INV-1"][0].notes == (Note.ITEM_DIFFERS,)
    assert codes2(world, "MATCH_QTY", 2) == [("UNKNOWN", "CONTRADICTS")]


def test_an_order_and_a_receipt_of_different_trades_are_referred() -> None:
    other = order("PO-2", [{"item": goods("nut")}])
    world = World(
        order(), receipt(), other, receipt("GR-2", order_number="PO-2"), invoice(receipt_number="GR-2")
    )
    assert table(world)["INV-1"][0].notes == (Note.REFERENCES_DIFFER,)
    assert codes2(world, "MATCH_QTY", 2) == [("UNKNOWN", "CONTRADICTS")]


def test_a_receipt_that_rejects_more_than_it_received_is_not_believed() -> None:
    wrong = receipt(lines=[{"received": Decimal(10), "rejected": Decimal(20)}])
    assert codes2(World(order(), wrong, invoice(lines=[billed("1")])), "MATCH_QTY", 2) == [
        ("UNKNOWN", "RECEIPT_CONTRADICTS")
    ]


def test_a_receipt_without_quantity_hides_nothing_that_others_cover() -> None:
    vague = receipt("GR-2", [{"received": None}])
    assert fact(order(), receipt(), vague, invoice()) is Fact.AGREES
    assert fact(order(), receipt(), vague, invoice(lines=[billed("120")])) is Fact.RECEIPT_WITHOUT_QUANTITY


def test_more_invoiced_than_sent_is_told_though_it_was_received() -> None:
    world = World(order(), despatch(delivered=80), receipt(despatch_number="DA-1"), invoice())
    assert codes2(world, "MATCH_QTY", 2) == [("WARN", "OVER_DESPATCHED")]


# --- zero and negative quantities -----------------------------------------------------------


def test_an_amount_for_no_quantity_is_unknown() -> None:
    bill = invoice(lines=[billed("0", net_amount=Decimal(500))])
    assert codes2(World(order(), receipt(), bill), "MATCH_QTY", 2) == [("UNKNOWN", "NO_QUANTITY")]


def test_a_line_of_nothing_does_not_apply() -> None:
    bill = invoice(lines=[billed("0"), {}])
    assert codes2(World(order(lines=[{}, {}]), receipt(lines=[{}, {}]), bill), "MATCH_QTY", 2) == [
        ("PASS", "WITHIN_ACCEPTED"),
        ("NOT_APPLICABLE", "NOTHING_INVOICED"),
    ]


def test_a_negative_line_gives_back_and_never_more_than_was_drawn() -> None:
    twice = invoice(lines=[billed("120", order_line="1"), billed("-30", order_line="1")])
    later = invoice("INV-2", [billed("10")], issue_date=date(2026, 4, 11))
    rows = table(World(order(), receipt(), twice, later))
    assert [each.over_accepted for each in rows["INV-1"]] == [20, 0]
    assert rows["INV-2"][0].over_accepted == 0
    only = invoice(lines=[billed("-500", order_line="1"), billed("100", order_line="1")])
    after = invoice("INV-2", [billed("1")], issue_date=date(2026, 4, 11))
    assert table(World(order(), receipt(), only, after))["INV-2"][0].over_accepted == 1


def test_a_line_that_takes_back_needs_no_receipt() -> None:
    bill = invoice(lines=[billed("10"), billed("-2", order_line=None, item=goods("returned"))])
    assert codes2(World(order(), receipt(), bill), "MATCH_QTY", 2) == [
        ("PASS", "WITHIN_ACCEPTED"),
        ("NOT_APPLICABLE", "CREDITED"),
    ]


@pytest.mark.parametrize("quantity", ["0", "-5"])
def test_an_order_of_nothing_is_exceeded_by_anything(quantity: str) -> None:
    ordered = order(lines=[billed(quantity, net_amount=Decimal(0))])
    assert codes2(World(ordered, receipt(), invoice(lines=[billed("1")])), "PO_EXHAUSTED", 2) == [
        ("FAIL", "OVER_ORDERED")
    ]


# --- units ----------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["KGM", "MTR", "XBX", "SET"])
def test_units_of_another_dimension_are_unknown_to_all(unit: str) -> None:
    world = World(order(), receipt(), invoice(lines=[{"unit": unit}]))
    assert codes2(world, "MATCH_QTY", 2) == [("UNKNOWN", "UNITS")]
    assert codes2(world, "MATCH_PRICE", 2) == [("UNKNOWN", "NO_COMPARABLE_PRICE")]
    assert Outcome.UNKNOWN not in outcomes(world, "PO_EXHAUSTED")  # by net amount


def test_receipts_in_units_of_another_dimension_are_unknown() -> None:
    boxes = receipt("GR-2", [{"received": Decimal(3), "unit": "XBX"}])
    assert fact(order(), receipt(lines=[{"received": Decimal(50)}]), boxes, invoice()) is Fact.UNITS


# --- repeated lines -------------------------------------------------------------------------


def test_the_same_line_twice_is_told_even_where_the_goods_are_there() -> None:
    bill = invoice(
        lines=[billed("50", order_line="1"), billed("50", order_line="1", line_id="1", item=goods("bolt M1"))]
    )
    world = World(order(), receipt(), bill)
    assert codes2(world, "MATCH_QTY", 2) == [("WARN", "REPEATED_LINE"), ("WARN", "REPEATED_LINE")]
    assert codes2(World(order(), receipt(lines=[{"received": Decimal(50)}]), bill), "MATCH_QTY", 2) == [
        ("FAIL", "OVER_RECEIVED"),
        ("WARN", "REPEATED_LINE"),
    ]


def test_a_receipt_line_that_is_there_twice_counts_once() -> None:
    twice = receipt(lines=[{}, {"line_id": "1", "order_line": "1"}])
    found = table(World(order(lines=[billed("200")]), twice, invoice(lines=[billed("200")])))["INV-1"][0]
    assert (found.accepted, found.over_accepted, found.notes) == (100, 100, (Note.RECEIPT_LINE_REPEATED,))


def test_an_order_with_one_line_number_twice_is_not_guessed() -> None:
    lines = [{"line_id": "1", "item": goods("a")}, {"line_id": "1", "item": goods("b")}]
    assert (
        fact(order(lines=lines), receipt(), invoice(lines=[{"item": goods("c"), "price": Decimal(5)}]))
        is Fact.AMBIGUOUS
    )


# --- credit notes ---------------------------------------------------------------------------


def test_a_note_that_names_no_line_but_covers_the_excess_is_referred() -> None:
    short = receipt(lines=[{"received": Decimal(90)}])
    lump = {"order_line": None, "item": goods("short delivery"), "price": Decimal(50)}
    two = order(lines=[{}, {}])
    bill = invoice(lines=[{}, billed("5")])
    whole = (two, short, receipt("GR-2", [{"order_line": "2"}]), bill)
    assert ("FAIL", "OVER_RECEIVED") in codes2(World(*whole), "MATCH_QTY", 2)
    enough = World(*whole, credit_note(lines=[billed("2", **lump)]))
    assert codes2(enough, "MATCH_QTY", 2) == [("PASS", "WITHIN_ACCEPTED"), ("UNKNOWN", "CREDIT_NOT_MATCHED")]
    little = World(*whole, credit_note(lines=[billed("1", **lump)]))
    assert ("FAIL", "OVER_RECEIVED") in codes2(little, "MATCH_QTY", 2)


def test_a_note_never_takes_back_more_than_was_invoiced() -> None:
    note = credit_note(lines=[billed("500"), billed("1", item=goods("x"), order_line="9")])
    bill = invoice(lines=[billed("60"), billed("900", item=goods("bolt M2"), order_line="2")])
    rows = table(World(order(lines=[{}, billed("900")]), bill, note))["INV-1"]
    assert (rows[0].credited, rows[1].credited) == (60, 0)


# --- cycles ---------------------------------------------------------------------------------


def test_documents_that_refer_to_themselves_and_to_each_other() -> None:
    own = invoice(order_number="INV-1", receipt_number="GR-1", despatch_number="INV-1")
    own = own.model_copy(update={"preceding_invoices": (DocumentRef(number="INV-1"),)})
    loop = receipt(order_number="GR-1", despatch_number="GR-1")
    sent = despatch(order_number="DA-1")
    noted = credit_note(corrects="CN-1")
    below = invoice("INV-2", [billed("-5")], order_number="CN-1")
    below = below.model_copy(
        update={"preceding_invoices": (DocumentRef(number="INV-2"), DocumentRef(number="INV-1"))}
    )
    world = World(order("GR-1", contract_number="GR-1"), own, loop, sent, noted, below)
    for rule in RULES:
        assert judged2(world, rule, 2)
    assert all(isinstance(each, Invoice) for each in (own, below))


def test_a_receipt_that_names_its_own_despatch_and_that_the_receipt() -> None:
    taken = receipt(
        "X-1", order_number=None, despatch_number="X-1", lines=[{"order_line": None, "despatch_line": "1"}]
    )
    sent = despatch("X-1", order_number="X-1")
    world = World(taken, sent, invoice(order_number="X-1"))
    assert table(world)["INV-1"][0].quantity_says is Fact.AGREES  # the goods were received; there is no order
    assert table(world)["INV-1"][0].order_says is Fact.NO_ORDER


# --- size -----------------------------------------------------------------------------------


def test_too_many_lines_are_refused_and_no_rule_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "MAX_LINES", 5)
    world = World(order(lines=[{}, {}]), receipt(lines=[{}, {}]), invoice(lines=[{}, {}]))
    for rule in RULES[:3]:
        assert codes2(world, rule, 2) == [("UNKNOWN", "TOO_MANY_LINES")]
    assert table(world) == {"INV-1": ()}
    assert MAX_LINES >= 100_000


def test_a_document_of_many_lines_is_matched_line_by_line() -> None:
    count = 1_000
    numbered = [{"item": goods(f"part {n}")} for n in range(count)]
    unnamed = [{"item": goods(f"part {n}"), "order_line": None} for n in reversed(range(count))]
    rows = table(World(order(lines=numbered), receipt(lines=[{}] * count), invoice(lines=unnamed)))["INV-1"]
    assert len(rows) == count
    assert {each.verdict for each in rows} == {LineVerdict.AGREES}
    assert rows[0].order_lines == (f"PO-1/{count}",)
