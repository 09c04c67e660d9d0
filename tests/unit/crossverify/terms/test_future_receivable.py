"""FUTURE_RECEIVABLE: performed, partly, not at all."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from consortium.documents import Address, Item, PartyId, Period, TransportDocument, TransportLine
from consortium.documents.common import Classification, Delivery
from tests.support import terms_world as t
from tests.support.trade_world import (
    BUYER,
    OTHER,
    SELLER,
    World,
    confirmation,
    credit_note,
    despatch,
    fp,
    handle,
    invoice,
    order,
    receipt,
)

SERVICE = {
    "item": Item(
        name="运输服务", classifications=(Classification(list_id="CN-TAX", code="3010100000000000000"),)
    )
}


def waybill() -> TransportDocument:
    line = TransportLine(line_id="1", item=Item(name="bolt M1"), quantity=Decimal(100), unit="H87")
    return TransportDocument(
        number="YD-1",
        issue_date=date(2026, 3, 28),
        transport_type="road_waybill",
        carrier=OTHER,
        shipper=SELLER,
        consignee=BUYER,
        order_number="PO-1",
        lines=(line,),
    )


def test_goods_that_were_accepted() -> None:
    assert t.codes(World(order(), receipt(), invoice()), "FUTURE_RECEIVABLE") == [("PASS", "PERFORMED")]


def test_goods_accepted_on_some_lines_only() -> None:
    world = World(order(lines=({}, {})), receipt(), invoice(lines=({}, {})))
    assert t.codes(world, "FUTURE_RECEIVABLE") == [("WARN", "PARTLY")]
    short = World(order(), receipt(lines=({"received": Decimal(40)},)), invoice())
    assert t.codes(short, "FUTURE_RECEIVABLE") == [("WARN", "PARTLY")]


def test_goods_that_were_received_in_another_unit_are_performed() -> None:
    kilos = receipt(lines=({"received": Decimal(12), "unit": "KGM"},))
    assert t.codes(World(order(), kilos, invoice()), "FUTURE_RECEIVABLE") == [("PASS", "PERFORMED")]
    unsaid = receipt(lines=({"received": None, "unit": None},))
    assert t.codes(World(order(), unsaid, invoice()), "FUTURE_RECEIVABLE") == [("PASS", "PERFORMED")]


def test_goods_that_were_all_refused() -> None:
    world = World(order(), receipt(lines=({"rejected": Decimal(100)},)), invoice(), confirmation())
    assert t.codes(world, "FUTURE_RECEIVABLE") == [("FAIL", "REFUSED")]


def test_goods_on_their_way() -> None:
    assert t.codes(World(order(), despatch(), invoice()), "FUTURE_RECEIVABLE") == [("WARN", "SENT")]
    assert t.codes(World(order(), waybill(), invoice()), "FUTURE_RECEIVABLE") == [("WARN", "SENT")]


def test_what_was_weighed_twice_is_performed() -> None:
    short = World(order(), receipt(lines=({"received": Decimal(98)},)), invoice())
    assert t.codes(short, "FUTURE_RECEIVABLE") == [("PASS", "PERFORMED")]
    assert t.codes(short, "FUTURE_RECEIVABLE", {"tolerance": "0.01"}) == [("WARN", "PARTLY")]


def test_a_receipt_that_the_seller_handed_in_counts_where_the_debtor_booked_the_invoice() -> None:
    made = invoice()
    world = World(order(), made)
    world.add(receipt(), pushed_by=handle(SELLER))
    (found,) = t.verdicts(world, "FUTURE_RECEIVABLE")
    assert (found.outcome.value, found.code) == ("PASS", "BY_SELLERS_PAPER")
    assert found.inputs[0].source == "tax"
    world.tax[fp(made)]["use_confirmed"] = False
    assert t.codes(world, "FUTURE_RECEIVABLE") == [("WARN", "SENT")]
    world.silence("tax")
    assert t.codes(world, "FUTURE_RECEIVABLE") == [("WARN", "SENT")], "an outage makes no pass"
    world.add(confirmation())
    assert t.codes(world, "FUTURE_RECEIVABLE") == [("PASS", "ACKNOWLEDGED")]


def test_a_debtor_abroad_confirms_no_use() -> None:
    abroad = BUYER.model_copy(
        update={
            "identifiers": (PartyId(scheme="vat", value="DE136695976"),),
            "address": Address(country="DE"),
        }
    )
    made = invoice(buyer=abroad)
    world = World(order(buyer=abroad), made)
    world.add(receipt(buyer=abroad), pushed_by=handle(SELLER))
    world.tax[fp(made)]["use_confirmed"] = False
    assert t.codes(world, "FUTURE_RECEIVABLE") == [("WARN", "BY_SELLERS_PAPER_ABROAD")]
    world.tax[fp(made)] = {"known": False}
    assert t.codes(world, "FUTURE_RECEIVABLE") == [("WARN", "SENT")]


def test_a_service_that_the_debtor_acknowledges() -> None:
    world = World(order(), invoice(lines=(SERVICE,)), confirmation())
    assert t.codes(world, "FUTURE_RECEIVABLE") == [("PASS", "ACKNOWLEDGED")]
    listed = World(invoice(lines=(SERVICE,)), t.statement())
    assert t.codes(listed, "FUTURE_RECEIVABLE") == [("PASS", "ACKNOWLEDGED")]
    silent = World(order(), invoice(lines=(SERVICE,)))
    assert t.codes(silent, "FUTURE_RECEIVABLE") == [("UNKNOWN", "NOT_SHOWN")]


def test_a_prepayment_is_not_performed() -> None:
    world = World(order(), invoice(type_code="386"), confirmation())
    assert t.codes(world, "FUTURE_RECEIVABLE") == [("FAIL", "PREPAYMENT")]


def test_delivery_that_is_still_to_come() -> None:
    late = order(delivery=Delivery(requested=Period(start=date(2026, 7, 1))))
    assert t.codes(World(late, invoice()), "FUTURE_RECEIVABLE") == [("FAIL", "STILL_TO_COME")]
    assert t.codes(World(late, despatch(), invoice()), "FUTURE_RECEIVABLE") == [("WARN", "SENT")]
    due = order(delivery=Delivery(requested=Period(start=date(2026, 6, 30))))
    assert t.codes(World(due, invoice()), "FUTURE_RECEIVABLE") == [("UNKNOWN", "NOT_SHOWN")]


def test_no_trade_at_all() -> None:
    made = invoice()
    world = World(made)
    assert t.codes(world, "FUTURE_RECEIVABLE") == [("UNKNOWN", "NOT_SHOWN")], "tax knows the invoice at least"
    world.tax[fp(made)] = {"known": False}
    assert t.codes(world, "FUTURE_RECEIVABLE") == [("FAIL", "NO_TRADE")]
    world.silence("tax")
    assert t.codes(world, "FUTURE_RECEIVABLE") == [("UNKNOWN", "NOT_SHOWN")], "an outage is no finding"


def test_what_was_taken_back_is_not_asked_about() -> None:
    world = World(order(), invoice(), credit_note())
    assert t.codes(world, "FUTURE_RECEIVABLE") == [("NOT_APPLICABLE", "NOTHING_OPEN")]
