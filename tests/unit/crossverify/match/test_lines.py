"""The match by line: how lines find each other, and what the table says of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from consortium.documents import Classification, DespatchAdvice, DespatchLine, Period
from consortium.documents.canonical import canonical_bytes
from crossverify.match import Fact, How, LineMatch, LineVerdict, Note
from tests.support.match_world import table
from tests.support.trade_world import (
    BUYER,
    OTHER,
    SELLER,
    World,
    credit_note,
    despatch,
    goods,
    handle,
    invoice,
    order,
    receipt,
)

UNNAMED: dict[str, Any] = {"order_line": None}


def billed(quantity: str, **fields: Any) -> dict[str, Any]:
    return {"quantity": Decimal(quantity), **fields}


def got(quantity: str, **fields: Any) -> dict[str, Any]:
    return {"received": Decimal(quantity), **fields}


def row(*documents: Any, number: str = "INV-1", line: int = 0) -> LineMatch:
    return table(World(*documents))[number][line]


def test_the_worked_case_of_the_samples_line_by_line() -> None:
    short = receipt(lines=[got("90", short=Decimal(10))])
    trade = (order(), despatch(delivered=90), short, invoice())
    assert row(*trade).to_json() == {
        "line": "1",
        "position": 1,
        "item": "bolt M1",
        "orders": ["PO-1"],
        "order_lines": ["PO-1/1"],
        "matched_by": "reference",
        "unit": "H87",
        "ordered": "100",
        "despatched": "90",
        "received": "90",
        "rejected": "0",
        "short": "10",
        "accepted": "90",
        "invoiced_before": "0",
        "invoiced": "100",
        "credited": "0",
        "over_accepted": "10",
        "over_ordered": "0",
        "currency": "CNY",
        "net_amount": "1000",
        "credited_net": "0",
        "price": "10",
        "order_price": "10",
        "order_currency": "CNY",
        "price_difference": "0",
        "quantity_says": "OVER",
        "price_says": "AGREES",
        "order_says": "AGREES",
        "verdict": "differs",
    }
    after = row(*trade, credit_note(lines=[billed("10")]))
    assert (after.credited, after.over_accepted, after.verdict) == (10, 0, LineVerdict.AGREES)


def test_a_table_is_canonical() -> None:
    thirds = row(
        order(lines=[{"unit": "DZN"}]),
        receipt(lines=[got("25", unit="EA")]),
        invoice(lines=[billed("2", unit="DZN")]),
    )
    assert canonical_bytes(thirds.to_json())
    assert thirds.to_json()["accepted"] == "2.083333"


# --- how lines are matched ------------------------------------------------------------------


def test_by_the_line_that_is_named_whatever_the_name_of_the_item() -> None:
    found = row(order(), receipt(), invoice(lines=[{"item": goods("Schraube")}]))
    assert (found.matched_by, found.verdict, found.notes) == (How.REFERENCE, LineVerdict.AGREES, ())


@pytest.mark.parametrize(("theirs", "ours"), [("00010", "10"), ("1", "01"), ("20", "00020")])
def test_leading_zeros_of_line_numbers_do_not_matter_where_one_line_is_meant(theirs: str, ours: str) -> None:
    lines = [{"line_id": theirs}, {"line_id": "7"}]
    found = row(
        order(lines=lines), receipt(lines=[{"order_line": ours}]), invoice(lines=[{"order_line": ours}])
    )
    assert (found.matched_by, found.verdict) == (How.REFERENCE, LineVerdict.AGREES)


def test_a_line_number_that_the_order_does_not_have_is_told_and_the_item_decides() -> None:
    found = row(order(lines=[{}, {}]), receipt(), invoice(lines=[{"order_line": "77"}]))
    assert (found.matched_by, found.notes) == (How.ITEM, (Note.LINE_UNKNOWN,))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"standard_number": "0690 1234"}, {"standard_number": "06901234"}),
        ({"seller_number": "a-1"}, {"seller_number": "A-1"}),
        ({"buyer_number": "B 1"}, {"buyer_number": "b1"}),
    ],
)
def test_by_item_number(ours: dict[str, str], theirs: dict[str, str]) -> None:
    lines = [{"item": goods("other")}, {"item": goods("named", **theirs)}]
    bill = invoice(lines=[{**UNNAMED, "item": goods("differently", **ours)}])
    found = row(order(lines=lines), receipt(lines=[got("1", order_line="2")]), bill)
    assert (found.matched_by, found.order_lines) == (How.ITEM, ("PO-1/2",))


def test_a_tax_invoice_puts_a_class_in_front_of_the_name() -> None:
    lines = [{"item": goods("螺栓")}, {"item": goods("螺母")}]
    bill = invoice(lines=[{**UNNAMED, "item": goods("*金属制品*螺母")}])
    assert row(order(lines=lines), bill).order_lines == ("PO-1/2",)


def test_by_unit_and_price_where_the_item_is_on_several_lines() -> None:
    lines: list[dict[str, Any]] = [{"item": goods("bolt")}, {"item": goods("bolt"), "price": Decimal(12)}]
    bill = invoice(lines=[{**UNNAMED, "item": goods("bolt"), "price": Decimal(12)}])
    found = row(order(lines=lines), receipt(lines=[{}, got("40")]), bill)
    assert (found.matched_by, found.order_lines, found.accepted) == (How.UNIT_PRICE, ("PO-1/2",), 40)


def test_by_unit_and_price_where_the_item_is_called_otherwise() -> None:
    lines: list[dict[str, Any]] = [{"price": Decimal(10)}, {"price": Decimal(12), "unit": "KGM"}]
    bill = invoice(
        lines=[
            {**UNNAMED, "item": goods("vis"), "price": Decimal("0.012"), "unit": "GRM"},
            {**UNNAMED, "item": goods("écrou"), "price": Decimal(11)},
        ]
    )
    world = (order(lines=lines), bill)
    assert (row(*world).matched_by, row(*world).order_lines) == (How.UNIT_PRICE, ("PO-1/2",))
    assert row(*world, line=1).quantity_says is Fact.NO_RECEIPT
    assert row(*world, line=1).matched_by is How.NONE


def test_two_lines_at_one_price_are_not_told_apart_by_it() -> None:
    vague = {**UNNAMED, "item": goods("vis")}
    found = row(order(lines=[{}, {"price": Decimal(12)}]), receipt(lines=[{}]), invoice(lines=[vague, vague]))
    assert (found.matched_by, found.quantity_says) == (How.NONE, Fact.NOT_MATCHED)


def test_as_the_only_line_unless_the_item_numbers_differ() -> None:
    unknown = {**UNNAMED, "item": goods("assembly"), "price": Decimal(9)}
    assert row(order(), receipt(), invoice(lines=[unknown])).matched_by is How.SOLE
    numbered = {**UNNAMED, "item": goods("assembly", seller_number="S-2"), "price": Decimal(9)}
    wrong = row(
        order(lines=[{"item": goods("bolt", seller_number="S-1")}]), receipt(), invoice(lines=[numbered])
    )
    assert (wrong.matched_by, wrong.quantity_says) == (How.NONE, Fact.NOT_MATCHED)


def test_what_may_mean_different_goods_is_told_and_not_guessed() -> None:
    lines = [{"item": goods("bolt", seller_number="A")}, {"item": goods("bolt", seller_number="B")}]
    bill = invoice(lines=[{**UNNAMED, "item": goods("bolt"), "price": Decimal(10)}])
    found = row(order(lines=lines), receipt(lines=[{}, {}]), bill)
    assert (found.quantity_says, found.candidates) == (Fact.AMBIGUOUS, ("PO-1/1", "PO-1/2"))
    assert found.verdict is LineVerdict.UNKNOWN


def test_the_same_goods_on_several_lines_are_drawn_on_together() -> None:
    same = {"item": goods("bolt")}
    documents = (order(lines=[same, same]), receipt(lines=[got("60"), got("50")]))
    found = row(*documents, invoice(lines=[billed("110", **UNNAMED, **same)]))
    assert (found.accepted, found.over_accepted, found.notes) == (110, 0, (Note.SEVERAL_LINES,))
    assert row(*documents, invoice(lines=[billed("111", **UNNAMED, **same)])).over_accepted == 1


def test_a_named_line_is_held_to_itself_though_its_twin_has_goods_left() -> None:
    same = {"item": goods("bolt")}
    documents = (order(lines=[same, same]), receipt(lines=[got("60"), got("50")]))
    named = invoice("INV-1", [billed("70", order_line="1", **same)])
    rest = invoice("INV-2", [billed("50", **UNNAMED, **same)], issue_date=date(2026, 4, 11))
    world = World(*documents, named, rest)
    assert table(world)["INV-1"][0].over_accepted == 10
    assert table(world)["INV-2"][0].over_accepted == 0


def test_a_receipt_that_names_the_item_only_serves_the_line_that_is_named() -> None:
    same = {"item": goods("bolt")}
    found = row(
        order(lines=[same, same]),
        receipt(lines=[got("30", **UNNAMED, **same)]),
        receipt("GR-2", [got("40", order_line="2")]),
        invoice(lines=[billed("30", order_line="1", **same)]),
    )
    assert (found.quantity_says, found.notes) == (Fact.AGREES, (Note.SHARED_RECEIPT,))


def test_without_any_reference_the_trade_is_found_by_item() -> None:
    bill = invoice(lines=[billed("100", **UNNAMED)], order_number=None)
    found = row(order(), order("PO-2", [{"item": goods("nut")}]), receipt(), bill)
    assert (found.orders, found.matched_by, found.notes) == (("PO-1",), How.ITEM, (Note.UNREFERENCED,))
    assert found.verdict is LineVerdict.AGREES


def test_standing_orders_of_one_item_are_drawn_on_together() -> None:
    orders = [order(f"PO-{n}", issue_date=date(2026, n, 1)) for n in (1, 2, 3)]
    receipts = [receipt(f"GR-{n}", order_number=f"PO-{n}") for n in (1, 2, 3)]
    monthly = invoice(lines=[billed("300", **UNNAMED)], order_number=None)
    found = row(*orders, *receipts, monthly)
    assert (found.orders, found.accepted, found.verdict) == (
        ("PO-1", "PO-2", "PO-3"),
        300,
        LineVerdict.AGREES,
    )
    more = invoice(lines=[billed("301", **UNNAMED)], order_number=None)
    assert row(*orders, *receipts, more).over_accepted == 1


def test_another_buyers_order_of_the_same_item_is_not_found() -> None:
    bill = invoice(lines=[UNNAMED], order_number=None)
    found = row(order(buyer=OTHER), receipt(buyer=OTHER), bill)
    assert (found.quantity_says, found.order_says) == (Fact.NO_REFERENCE, Fact.NO_REFERENCE)


def test_by_the_line_of_the_receipt() -> None:
    lines: list[dict[str, Any]] = [{}, {}]
    bill = invoice(
        lines=[{**UNNAMED, "item": goods("x"), "receipt_line": "2"}], order_number=None, receipt_number="GR-1"
    )
    found = row(order(lines=lines), receipt(lines=[got("1"), got("100")]), bill)
    assert (found.matched_by, found.order_lines, found.accepted) == (How.REFERENCE, ("PO-1/2",), 100)


def test_by_the_line_of_the_despatch_advice() -> None:
    bill = invoice(
        lines=[{**UNNAMED, "item": goods("x"), "despatch_line": "1"}],
        order_number=None,
        despatch_number="DA-1",
    )
    found = row(order(lines=[{}, {}]), despatch(), receipt(), bill)
    assert (found.matched_by, found.order_lines) == (How.REFERENCE, ("PO-1/1",))


def test_a_receipt_without_reference_is_found_by_item() -> None:
    loose = receipt(order_number=None, lines=[got("100", item=goods("bolt M1"), **UNNAMED)])
    assert row(order(lines=[{}, {}]), loose, invoice()).quantity_says is Fact.AGREES


def test_despatch_and_receipt_without_the_order() -> None:
    lines = (
        DespatchLine(line_id="1", delivered=Decimal(60), unit="H87", item=goods("a")),
        DespatchLine(line_id="2", delivered=Decimal(40), unit="H87", item=goods("b")),
    )
    advice = DespatchAdvice(
        number="DA-1", issue_date=date(2026, 3, 28), buyer=BUYER, seller=SELLER, lines=lines
    )
    taken = receipt(
        order_number=None,
        despatch_number="DA-1",
        lines=[got("60", **UNNAMED, despatch_line="1"), got("39", **UNNAMED, despatch_line="2")],
    )
    bill = invoice(
        lines=[billed("60", **UNNAMED, item=goods("a")), billed("40", **UNNAMED, item=goods("b"))],
        order_number=None,
        despatch_number="DA-1",
    )
    rows = table(World(advice, taken, bill))["INV-1"]
    assert [(each.despatched, each.accepted, each.over_accepted) for each in rows] == [
        (60, 60, 0),
        (40, 39, 1),
    ]
    assert {each.order_says for each in rows} == {Fact.NO_ORDER}


# --- several of everything ------------------------------------------------------------------


def test_partial_deliveries_and_partial_invoices() -> None:
    world = World(
        order(),
        receipt("GR-1", [got("60", rejected=Decimal(5))]),
        receipt("GR-2", [got("40", short=Decimal(5))]),
        invoice("INV-1", [billed("55")]),
        invoice("INV-2", [billed("45")], issue_date=date(2026, 4, 11)),
    )
    rows = table(world)
    first, second = rows["INV-1"][0], rows["INV-2"][0]
    assert (first.received, first.rejected, first.short, first.accepted) == (100, 5, 5, 95)
    assert (first.invoiced_before, first.over_accepted) == (0, 0)
    assert (second.invoiced_before, second.over_accepted) == (55, 5)


def test_over_delivery_that_was_accepted_is_noted_and_exceeds_the_order() -> None:
    found = row(order(), receipt(lines=[got("120")]), invoice(lines=[billed("120")]))
    assert (found.quantity_says, found.order_says, found.over_ordered) == (Fact.AGREES, Fact.OVER, 20)
    assert Note.OVER_DELIVERED in found.notes


def test_more_received_than_sent_is_noted_where_all_receipts_name_what_was_sent() -> None:
    taken = receipt(despatch_number="DA-1")
    found = row(order(), despatch(delivered=80), taken, invoice())
    assert (found.despatched, found.accepted, found.notes) == (80, 100, (Note.MORE_THAN_SENT,))
    some = row(order(), despatch(delivered=80), taken, receipt("GR-2", [got("5")]), invoice())
    assert Note.MORE_THAN_SENT not in some.notes


def test_whose_word_a_receipt_is() -> None:
    world = World(order(), invoice())
    world.add(receipt(), pushed_by=handle(SELLER))
    assert table(world)["INV-1"][0].notes == (Note.SELLERS_RECEIPT,)


def test_services_and_prepayments_draw_nothing_and_lines_are_judged_apart() -> None:
    rows = table(
        World(
            order(lines=[{}, {"unit": "HUR"}]),
            receipt(),
            invoice("INV-0", type_code="386", issue_date=date(2026, 3, 2)),
            invoice(lines=[{}, {"unit": "HUR"}]),
        )
    )
    assert {each.verdict for each in rows["INV-0"]} == {LineVerdict.NOT_APPLICABLE}
    assert [each.quantity_says for each in rows["INV-1"]] == [Fact.AGREES, Fact.SERVICE]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"item": goods(classifications=(Classification(list_id="CN-TAX", code="3040203"),))}, Fact.OVER),
        ({"unit": "HUR"}, Fact.UNITS),
    ],
    ids=["by its tax code", "by its unit"],
)
def test_goods_that_were_received_are_no_service_by_being_called_one(
    line: dict[str, object], expected: Fact
) -> None:
    rows = table(World(order(), receipt(lines=[{"received": Decimal(90)}]), invoice(lines=[line])))
    assert [each.quantity_says for each in rows["INV-1"]] == [expected]


# --- prices ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ordered", "asked", "price", "wanted"),
    [
        ({"price": Decimal(1000), "base_quantity": Decimal(100)}, {}, "10", "10"),
        ({"unit": "TNE", "price": Decimal(5000)}, {"unit": "KGM", "price": Decimal(5)}, "5", "5"),
        (
            {"unit": "KGM", "price": Decimal(5000), "base_unit": "TNE"},
            {"unit": "KGM", "price": Decimal(6)},
            "6",
            "5",
        ),
        ({"price": None, "net_amount": Decimal(900)}, {}, "10", "9"),
    ],
)
def test_prices_are_per_unit_of_the_invoice(
    ordered: dict[str, Any], asked: dict[str, Any], price: str, wanted: str
) -> None:
    found = row(order(lines=[ordered]), invoice(lines=[asked])).to_json()
    assert (found["price"], found["order_price"]) == (price, wanted)


def test_currencies_are_told_and_not_compared() -> None:
    found = row(order(currency="EUR"), invoice())
    assert (found.price_says, found.order_currency, found.price_difference) == (Fact.CURRENCY, "EUR", None)


def test_between_two_prices_of_one_item_is_ambiguous_and_above_both_is_higher() -> None:
    lines: list[dict[str, Any]] = [{"item": goods("bolt")}, {"item": goods("bolt"), "price": Decimal(12)}]

    def says(price: str) -> Fact:
        bill = invoice(lines=[{**UNNAMED, "item": goods("bolt"), "price": Decimal(price)}])
        return row(order(lines=lines), bill).price_says

    assert [says(each) for each in ("9", "10", "11", "12", "13")] == [
        Fact.LOWER,
        Fact.AGREES,
        Fact.AMBIGUOUS,
        Fact.AGREES,
        Fact.HIGHER,
    ]


def test_the_period_of_a_line_is_no_repetition() -> None:
    def of(month: int) -> dict[str, Any]:
        return {
            "period": Period(start=date(2026, month, 1), end=date(2026, month, 28)),
            "quantity": Decimal(10),
        }

    rows = table(
        World(order(), receipt(), invoice(lines=[{**of(1), "order_line": "1"}, {**of(2), "order_line": "1"}]))
    )
    assert all(Note.REPEATED_LINE not in each.notes for each in rows["INV-1"])


def test_a_line_finds_nothing_left_after_its_twins_were_drawn_on_together() -> None:
    same = {"item": goods("bolt")}
    first = invoice("INV-1", [billed("100", **UNNAMED, **same)])
    named = invoice("INV-2", [billed("50", order_line="1", **same)], issue_date=date(2026, 4, 11))
    world = World(order(lines=[same, same]), receipt(lines=[got("50"), got("50")]), first, named)
    assert table(world)["INV-1"][0].over_accepted == 0
    assert table(world)["INV-2"][0].over_accepted == 50
