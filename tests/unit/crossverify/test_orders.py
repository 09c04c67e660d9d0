"""Orders as something to lend on, and what is lent on under each product."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from consortium.documents import OrderTotals
from crossverify.case import Case
from crossverify.engine import evaluate
from crossverify.figures import AssetKind, MaxAges
from crossverify.orders import invoiced
from crossverify.profiles import ORDER_V1
from tests.support.full_world import FullWorld
from tests.support.goods_world import bill, paper_of
from tests.support.trade_world import BUYER, OTHER, SELLER, World, credit_note, fp, handle, invoice, order


def case(world: World, lends_on: AssetKind = AssetKind.ORDER) -> Case:
    return Case(world.evidence(), MaxAges(), lends_on)


def test_orders_of_the_subject_as_seller() -> None:
    bought = order("PO-B", seller=OTHER, buyer=SELLER)
    world = World(order("PO-2", issue_date=date(2026, 2, 1)), order(), bought)
    world.add(order("PO-V"), state="void")
    assert [item.number for item in case(world).orders] == ["PO-2", "PO-1"]
    (first, _) = case(world).orders
    assert (first.face, first.currency, len(first.assets)) == (Decimal("1130.00"), "CNY", 1)


@pytest.mark.parametrize(
    ("totals", "face"),
    [
        (OrderTotals(line_net=Decimal(1000), payable=Decimal(900)), "900"),
        (OrderTotals(line_net=Decimal(1000), payable=Decimal(-1)), "0"),
        (None, "1000"),
    ],
)
def test_the_face_of_an_order(totals: OrderTotals | None, face: str) -> None:
    (item,) = case(World(order(totals=totals))).orders
    assert str(item.face) == face


def test_the_face_of_an_order_without_totals_is_not_negative() -> None:
    lines = ({"quantity": Decimal(1)}, {"line_id": "2", "quantity": Decimal(-5)})
    body = order(lines=lines, totals=None)
    assert sum(line.net_amount or Decimal(0) for line in body.lines) < 0
    (item,) = case(World(body)).orders
    assert item.face == 0


def test_what_is_lent_on_follows_the_product() -> None:
    world = World(order(), invoice(), bill(), paper_of())
    kinds = {kind: [item.primary.document.kind for item in case(world, kind).assets] for kind in AssetKind}
    assert kinds == {
        AssetKind.RECEIVABLE: ["invoice"],
        AssetKind.ORDER: ["purchase_order"],
        AssetKind.BILL: ["bill"],
        AssetKind.WAREHOUSE_RECEIPT: ["warehouse_receipt"],
    }
    found = case(world, AssetKind.ORDER)
    assert [found.rank(fp(each)) for each in (order(), invoice())] == [1, 2]
    assert found.rank("") == found.rank("nothing") == 0


def test_what_is_invoiced_is_net_and_by_order() -> None:
    split = invoice(
        "INV-2",
        [{"order_number": "PO-1"}, {"order_number": "PO-2", "quantity": Decimal(300)}],
        order_number=None,
    )
    world = World(order(), order("PO-2"), invoice(), split, credit_note(lines=[{"quantity": Decimal(10)}]))
    found = invoiced(case(world))
    assert found[fp(order())] == Fraction(1017) + Fraction(1130)
    assert found[fp(order("PO-2"))] == Fraction(3390)


def test_cancelled_and_foreign_invoices_use_up_nothing() -> None:
    world = World(order(), invoice("INV-E", currency="EUR"))
    world.add(invoice("INV-V"), state="void")
    assert sum(invoiced(case(world)).values()) == 0


@pytest.mark.parametrize(
    ("quantity", "code", "decision", "eligible"),
    [
        (97, "NEARLY_EXHAUSTED", "eligible", "16.10"),  # half of what is left, less the reserve
        (100, "NEARLY_EXHAUSTED", "excluded", "0.00"),
    ],
)
def test_an_order_lends_on_what_is_left_of_it(quantity: int, code: str, decision: str, eligible: str) -> None:
    world = FullWorld(invoice(lines=[{"quantity": Decimal(quantity)}]))
    world.add(order(), pushed_by=handle(BUYER))
    world.link()
    evaluation = evaluate(world.evidence(), ORDER_V1)
    (found,) = evaluation.receivables
    assert (found.decision.value, str(found.eligible)) == (decision, eligible)
    assert found.waterfall[1].step.value == "invoiced_already"
    assert [item.code for item in evaluation.findings if item.rule == "PO_EXHAUSTED"] == [code]
