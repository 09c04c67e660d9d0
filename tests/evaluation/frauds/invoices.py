"""Invoices that are invented, altered or inflated."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from tests.evaluation.frauds.base import ISSUED, Fraud, Trade, label, rebill, scaled, undo
from tests.evaluation.scene import papers
from tests.evaluation.scene.honest import wanted
from tests.evaluation.scene.papers import Line, cents
from tests.evaluation.scene.scene import APPLIED, Owed
from tests.evaluation.scene.trade import Billing


def _how(trade: Trade, **changes: object) -> Billing:
    return replace(Billing(order=trade.order.paper.number, confirmed_after=6), **changes)  # type: ignore[arg-type]


def invented(trade: Trade) -> None:
    """Order, despatch, receipt and invoice are written by the seller; nothing happened, and no tax was declared."""
    trade.trader.pair = replace(trade.trader.pair, member=False)
    trader, chance = trade.trader, trade.chance
    lines = [line.of(line.quantity) for line in trade.order.lines]
    order = trader.place(scaled(lines, "1.3"), ISSUED - timedelta(days=20))
    received = trader.receive([line.of(line.quantity) for line in order.lines], ISSUED - timedelta(days=2))
    owed = trader.bill(received.lines, ISSUED, Billing(order=order.paper.number, at_tax=False))
    assert chance
    label(owed, "invented_invoice")


def altered(trade: Trade) -> None:
    """The tax invoice is real; on the copy for the bank a figure is ten times what it was."""
    owed = trade.owed
    lines = [trade.lines[0].of(trade.lines[0].quantity * 10), *trade.lines[1:]]
    _show_instead(trade, owed, lines)
    label(owed, "altered_amount", worth=owed.face / 10)


def altered_slightly(trade: Trade) -> None:
    """... by eight per cent, in the hope that nobody compares."""
    owed, worth = trade.owed, trade.owed.face
    _show_instead(trade, owed, scaled(trade.lines, "1.08"))
    label(owed, "altered_slightly", worth=worth)


def _show_instead(trade: Trade, owed: Owed, lines: list[Line]) -> None:
    old = owed.primary
    new = papers.invoice(
        papers.Bill(
            number=old.number,
            day=old.issue_date,
            seller=owed.seller,
            buyer=owed.debtor,
            lines=lines,
            due=owed.due,
            order=trade.order.paper.number,
            account=owed.seller.accounts[0],
            fapiao=old.fapiao,
            contract=trade.trader.pair.contract,
        )
    )
    trade.scene.replace(old, new)
    owed.face = new.totals.payable


def other_buyer(trade: Trade) -> None:
    """A real tax invoice to a small trader is shown as one to a core enterprise."""
    scene, pair = trade.scene, trade.trader.pair
    owed = trade.owed
    record = scene.record(owed)
    assert record is not None
    other = next(each for each in scene.companies.values() if each not in {pair.buyer, scene.supplier})
    record.buyer = other.id
    label(owed, "other_buyer")


def more_than_received(trade: Trade) -> None:
    """Invoice and tax say a third more than the buyer's receipt."""
    owed = rebill(trade, scaled(trade.delivery.lines, "1.33"), _how(trade))
    label(owed, "more_than_received", worth=owed.face / Decimal("1.33"))


def price_inflated(trade: Trade) -> None:
    """The quantity is right, the price is a quarter above the order's."""
    lines = [replace(line, price=line.price * Decimal("1.25")) for line in trade.delivery.lines]
    owed = rebill(trade, lines, _how(trade))
    label(owed, "price_inflated", worth=owed.face / Decimal("1.25"))


def padded_total(trade: Trade) -> None:
    """The lines are right; the total is not their sum, here and at tax."""
    owed = trade.owed
    totals = owed.primary.totals
    more = cents(totals.net / 5)
    padded = totals.model_copy(
        update={"net": totals.net + more, "gross": totals.gross + more, "payable": totals.payable + more}
    )
    record = trade.scene.record(owed)
    assert record is not None
    record.net += more
    record.gross += more
    trade.scene.replace(owed.primary, owed.primary.model_copy(update={"totals": padded}))
    owed.face = padded.payable
    label(owed, "padded_total", worth=totals.payable)


def beyond_order(trade: Trade) -> None:
    """Goods nobody ordered: a second delivery and invoice on an order that is fulfilled."""
    lines = [line.of(line.quantity / 2) for line in trade.order.lines]
    received = trade.trader.receive(lines, ISSUED - timedelta(days=1))
    owed = trade.trader.bill(received.lines, ISSUED + timedelta(days=3), _how(trade))
    label(owed, "beyond_order")


def future(trade: Trade) -> None:
    """Sales that are hoped for: an invoice on a buyer's name, no order, no delivery (Greensill)."""
    goods = wanted("castings", trade.chance.of("future"))
    owed = trade.trader.bill(
        [replace(line, order_line="") for line in goods], ISSUED, Billing(order="", confirmed_after=6)
    )
    label(owed, "future_receivable")


def prepayment(trade: Trade) -> None:
    """An invoice for an advance is brought as if it were for goods that came."""
    order = trade.trader.place(wanted("castings", trade.chance), ISSUED - timedelta(days=4))
    lines = [line.of(line.quantity) for line in order.lines]
    owed = trade.trader.bill(
        lines, ISSUED, Billing(order=order.paper.number, confirmed_after=6, type_code="386")
    )
    label(owed, "prepayment_as_performed")


def undelivered(trade: Trade) -> None:
    """Ordered and invoiced, never delivered; the tax invoice is real and the buyer took it for the deduction."""
    order = trade.trader.place(wanted("castings", trade.chance), ISSUED - timedelta(days=20))
    lines = [line.of(line.quantity) for line in order.lines]
    trade.trader.send(lines, ISSUED - timedelta(days=3))
    owed = trade.trader.bill(lines, ISSUED, Billing(order=order.paper.number, confirmed_after=6))
    label(owed, "undelivered")


def rejected_goods(trade: Trade) -> None:
    """The buyer refused the goods and says so; the seller finances the invoice before it credits it."""
    scene, trader = trade.scene, trade.trader
    trader.pair = replace(trader.pair, member=True)
    receipt = next(p for p in scene.papers if p.document.number == trade.delivery.number)
    scene.papers.remove(receipt)
    lines = [line.of(line.quantity, rejected=line.quantity) for line in trade.delivery.lines]
    trader.receive(lines, trade.delivery.day)
    label(trade.owed, "rejected_goods")


def disputed(trade: Trade) -> None:
    """The buyer has refused the invoice (RE); the seller brings it all the same."""
    trade.trader.pair = replace(trade.trader.pair, member=True)
    trade.trader.confirm(trade.owed, ISSUED + timedelta(days=9), code="RE")
    label(trade.owed, "disputed_invoice")


def backdated(trade: Trade) -> None:
    """The invoice is older than the company that owes it."""
    buyer = trade.trader.buyer
    founded = ISSUED + timedelta(days=4)
    scene = trade.scene
    for owed in [each for each in scene.owed if each.debtor is buyer and each is not trade.owed]:
        scene.withdraw(*owed.documents)
        scene.owed.remove(owed)
    buyer.founded = founded
    label(trade.owed, "debtor_younger_than_invoice")


def dead_debtor(trade: Trade) -> None:
    """The debtor lost its licence; its name still pays nobody."""
    trade.trader.buyer.tax_state = "revoked"
    for owed in trade.scene.owed:
        if owed.debtor is trade.trader.buyer and owed.open(APPLIED) > 0:
            undo_payment(trade, owed)
    label(trade.owed, "revoked_debtor")


def undo_payment(trade: Trade, owed: Owed) -> None:
    """A payment that will not come."""
    undo(trade, owed, tax=False, papers=False)


FRAUDS: Final = (
    Fraud(
        "invented_invoice",
        "papers of a trade that never was, written by the seller",
        "First Brands 2025; 承兴 2019",
        ("tax",),
        "before funding",
        invented,
    ),
    Fraud(
        "altered_amount",
        "a real tax invoice, ten times as much on the bank's copy",
        "First Brands 2025",
        ("tax", "goods_receipt"),
        "before funding",
        altered,
    ),
    Fraud(
        "altered_slightly",
        "a real tax invoice, eight per cent more on the bank's copy",
        "further kind",
        ("tax", "goods_receipt"),
        "before funding",
        altered_slightly,
    ),
    Fraud(
        "other_buyer",
        "a real tax invoice to a trader, shown as one to a core enterprise",
        "further kind",
        ("tax",),
        "before funding",
        other_buyer,
    ),
    Fraud(
        "more_than_received",
        "a third more invoiced than received",
        "First Brands 2025",
        ("goods_receipt", "purchase_order"),
        "before funding",
        more_than_received,
    ),
    Fraud(
        "price_inflated",
        "a quarter above the order's price",
        "First Brands 2025",
        ("purchase_order",),
        "before funding",
        price_inflated,
    ),
    Fraud(
        "padded_total",
        "a total that is not the sum of its lines",
        "further kind",
        ("invoice",),
        "before funding",
        padded_total,
    ),
    Fraud(
        "beyond_order",
        "delivered and invoiced again on a fulfilled order",
        "further kind",
        ("purchase_order", "invoice"),
        "before funding",
        beyond_order,
    ),
    Fraud(
        "future_receivable",
        "no order, no delivery: a sale that is hoped for",
        "Greensill 2021",
        ("purchase_order", "goods_receipt"),
        "before funding",
        future,
    ),
    Fraud(
        "prepayment_as_performed",
        "an advance invoice brought as a performed trade",
        "further kind",
        ("invoice", "goods_receipt"),
        "before funding",
        prepayment,
    ),
    Fraud(
        "undelivered",
        "ordered and invoiced, never delivered",
        "further kind",
        ("goods_receipt",),
        "before funding",
        undelivered,
    ),
    Fraud(
        "rejected_goods",
        "financed although the buyer refused the goods",
        "further kind",
        ("goods_receipt",),
        "before funding",
        rejected_goods,
    ),
    Fraud(
        "disputed_invoice",
        "financed although the buyer refused the invoice",
        "further kind",
        ("debtor_confirmation",),
        "before funding",
        disputed,
    ),
    Fraud(
        "debtor_younger_than_invoice",
        "the debtor was founded after the invoice",
        "further kind",
        ("tax",),
        "before funding",
        backdated,
    ),
    Fraud(
        "revoked_debtor",
        "the debtor has lost its licence",
        "further kind",
        ("tax",),
        "before funding",
        dead_debtor,
    ),
)
