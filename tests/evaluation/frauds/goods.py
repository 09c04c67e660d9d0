"""Frauds with goods in warehouses and on ships."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from consortium.documents import Item, Lot, TransportDocument
from consortium.documents.transport_document import TransportLine
from tests.evaluation.frauds.base import ISSUED, Fraud, Trade, label
from tests.evaluation.frauds.stock import Stock, mark
from tests.evaluation.scene import storage
from tests.evaluation.scene.books import Filing
from tests.evaluation.scene.companies import company
from tests.evaluation.scene.scene import APPLIED
from tests.evaluation.scene.trade import Billing


def _attest_anew(stock: Stock, **changes: Any) -> None:
    """The keeper says something else than that all is there."""
    scene, store = stock.scene, stock.store
    scene.papers = [paper for paper in scene.papers if paper.document.kind != "keeper_attestation"]
    paper = storage.attestation(store, stock.chance, **changes)
    scene.show(paper, store.keeper, paper.issue_date + timedelta(days=1), signed=True)


def one_lot_twice(stock: Stock) -> None:
    """A second keeper's receipt over the same lots (青岛港 2014)."""
    scene = stock.scene
    other = scene.meet(company(stock.chance.of("other"), "large", suffix="物流有限公司"))
    again = replace(stock.store, keeper=other, number=f"CK{stock.chance.digits(8)}", place="二号堆场")
    asset = storage.put_in(scene, again, stock.chance.of("again"))
    mark(asset, "one_lot_two_receipts")
    mark(stock.asset, "one_lot_two_receipts")


def same_place_twice(stock: Stock) -> None:
    """The same keeper writes two receipts over the same pile, with other lot numbers (佛山 2022)."""
    again = replace(
        stock.store,
        number=f"CK{stock.chance.digits(8)}",
        lots=[(f"X{stock.chance.digits(6)}", quantity) for _, quantity in stock.store.lots],
    )
    asset = storage.put_in(stock.scene, again, stock.chance.of("again"))
    mark(asset, "one_pile_two_receipts")


def above_count(stock: Stock) -> None:
    """Two receipts, each attested; by the keeper's own count the store holds half of what they say."""
    store = replace(
        stock.store,
        number=f"CK{stock.chance.digits(8)}",
        lots=[(f"X{stock.chance.digits(6)}", quantity) for _, quantity in stock.store.lots],
    )
    asset = storage.put_in(stock.scene, store, stock.chance.of("again"))
    scene = stock.scene
    scene.papers = [paper for paper in scene.papers if paper.document.kind != "keeper_attestation"]
    for pile in (stock.store, store):
        paper = storage.attestation(pile, stock.chance, occupied=store.quantity)
        scene.show(paper, store.keeper, paper.issue_date + timedelta(days=1), signed=True)
    for each in (stock.asset, asset):
        mark(each, "receipts_above_the_count")


def above_capacity(stock: Stock) -> None:
    """More on receipts than the store can hold (上海钢贸 2012)."""
    _attest_anew(stock, occupied=stock.store.capacity * 2)
    mark(stock.asset, "above_capacity")


def unknown_receipt(stock: Stock) -> None:
    """A forged receipt: the keeper never wrote it (Hin Leong 2020)."""
    _attest_anew(stock, line={"state": "unknown_receipt", "quantity": None, "unit": None})
    mark(stock.asset, "receipt_unknown_to_keeper")


def no_word(stock: Stock) -> None:
    """A forged receipt, and nobody asks the keeper."""
    scene = stock.scene
    scene.papers = [paper for paper in scene.papers if paper.document.kind != "keeper_attestation"]
    for paper in scene.papers:
        if paper.document is stock.asset.primary:
            paper.by, paper.signed = scene.supplier, False
    mark(stock.asset, "keeper_not_asked")


def forged_attestation(stock: Stock) -> None:
    """Receipt and attestation are forged and come from the depositor."""
    scene = stock.scene
    for paper in scene.papers:
        if paper.document.kind in {"keeper_attestation", "warehouse_receipt"}:
            paper.by, paper.signed = scene.supplier, False
    mark(stock.asset, "forged_attestation")


def pledged_before(stock: Stock) -> None:
    """The keeper has a pledge noted for another bank."""
    other = stock.scene.meet(company(stock.chance.of("bank"), "large", suffix="银行股份有限公司"))
    _attest_anew(stock, line={"pledgee": other.party(APPLIED), "pledge_date": APPLIED - timedelta(days=40)})
    mark(stock.asset, "pledged_before")


def frozen(stock: Stock) -> None:
    """A court has frozen the goods."""
    _attest_anew(stock, line={"frozen_by": "青岛市中级人民法院"})
    mark(stock.asset, "frozen_by_court")


def floating(stock: Stock) -> None:
    """All stock is pledged to another bank, in the movable-property registry."""
    stock.scene.filings.append(
        Filing(
            number=stock.chance.digits(20),
            assignor=stock.scene.supplier,
            secured="西部银行股份有限公司",
            day=APPLIED - timedelta(days=200),
            until=APPLIED + timedelta(days=500),
            assets="inventory",
            description=f"动产抵押：抵押人现有的及将有的全部存货，包括{stock.store.good.name}",
        )
    )
    mark(stock.asset, "stock_pledged_in_registry")


def partly_gone(stock: Stock) -> None:
    """Half was taken out before the receipt is brought."""
    _attest_anew(stock, line={"share": Decimal("0.5"), "state": "partly_released"})
    mark(stock.asset, "half_gone", worth=stock.asset.face / 2)


def gone_in_life(stock: Stock) -> None:
    """Pledged stock is sold from the store (Hin Leong 2020)."""
    later = storage.attestation(
        stock.store,
        stock.chance,
        APPLIED + timedelta(days=8),
        line={"state": "released", "quantity": Decimal(0)},
    )
    stock.scene.show(later, stock.store.keeper, later.issue_date + timedelta(days=1), signed=True)
    mark(stock.asset, "goods_gone_while_pledged")


def stones(stock: Stock) -> None:
    """Stones in the bags (nickel 2023), and an inspector who opened them."""
    scene = stock.scene
    scene.papers = [paper for paper in scene.papers if paper.document.kind != "inspection_report"]
    inspector = scene.meet(company(stock.chance.of("sgs"), "large", suffix="检验有限公司"))
    report = storage.inspection(stock.store, inspector, stock.chance, conforming=False)
    scene.show(report, inspector, report.issue_date + timedelta(days=1), signed=True)
    mark(stock.asset, "inspected_and_wrong")


def stones_unseen(stock: Stock) -> None:
    """... and nobody opened one."""
    scene = stock.scene
    scene.papers = [paper for paper in scene.papers if paper.document.kind != "inspection_report"]
    mark(stock.asset, "wrong_content_in_store")


def colluding_keeper(stock: Stock) -> None:
    """Keeper and depositor invent the goods, the count and the inspection."""
    mark(stock.asset, "colluding_keeper")


def _shipment(trade: Trade, number: str, buyer: Any, seller: Any, lot: str) -> TransportDocument:
    carrier = trade.scene.meet(company(trade.chance.of("carrier"), "large", suffix="航运有限公司"))
    day = ISSUED - timedelta(days=6)
    line = trade.lines[0]
    return TransportDocument(
        number=number,
        issue_date=day,
        transport_type="bill_of_lading",
        negotiable=True,
        originals=3,
        carrier=carrier.party(day),
        shipper=seller.party(day),
        consignee=buyer.party(day),
        vehicle="MV OCEAN GRACE",
        voyage="V2604E",
        loading_place="宁波",
        delivery_place="天津",
        loading_date=day,
        order_number=trade.order.paper.number,
        lines=(
            TransportLine(
                line_id="1",
                item=Item(name=line.good.name),
                quantity=line.quantity,
                unit=line.unit,
                container="TGHU7654321",
                lots=(Lot(number=lot),),
            ),
        ),
    )


def one_shipment_twice(trade: Trade) -> None:
    """Two bills of lading for one shipment, an invoice on each (Agritrade 2020); the second buyer is in it."""
    scene, trader = trade.scene, trade.trader
    first = _shipment(trade, "BL-10001", trader.buyer, trader.seller, "LOT-1")
    scene.show(first, trader.seller, ISSUED - timedelta(days=4), signed=False)
    order = trader.place([line.of(line.quantity) for line in trade.order.lines], ISSUED - timedelta(days=15))
    lines = [line.of(line.quantity) for line in order.lines]
    sent = trader.send(lines, ISSUED - timedelta(days=6))
    received = trader.receive(lines, ISSUED - timedelta(days=3), sent=sent)
    second = _shipment(trade, "BL-10002", trader.buyer, trader.seller, "LOT-1")
    second = second.model_copy(update={"order_number": order.paper.number, "despatch_number": sent})
    scene.show(second, trader.seller, ISSUED - timedelta(days=3), signed=False)
    owed = trader.bill(
        received.lines, ISSUED + timedelta(days=2), Billing(order=order.paper.number, confirmed_after=4)
    )
    label(owed, "one_shipment_two_bills_of_lading")


def _f(
    name: str, title: str, case: str, needs: tuple[str, ...], visible: Any, commit: Any, why: str = ""
) -> Fraud:
    return Fraud(name, title, case, needs, visible, commit, why, "warehouse")


_KEEPER: Final = ("keeper_attestation",)
FRAUDS: Final = (
    _f(
        "one_lot_two_receipts",
        "two keepers' receipts over the same lots",
        "青岛港 2014",
        ("warehouse_receipt",),
        "before funding",
        one_lot_twice,
    ),
    _f(
        "receipts_above_the_count",
        "receipts and attestations say twice what the keeper's own count says",
        "佛山 2022",
        _KEEPER,
        "before funding",
        above_count,
    ),
    _f(
        "one_pile_two_receipts",
        "two receipts over one pile, other lot numbers, each attested by the keeper",
        "佛山 2022",
        ("warehouse_receipt",),
        "never",
        same_place_twice,
        "the keeper is in it and says of both that all is there; a visit, scales or sensors would tell",
    ),
    _f(
        "above_capacity",
        "more on receipts than the store can hold",
        "上海钢贸 2012",
        _KEEPER,
        "before funding",
        above_capacity,
    ),
    _f(
        "receipt_unknown_to_keeper",
        "the keeper never wrote the receipt",
        "Hin Leong 2020",
        _KEEPER,
        "before funding",
        unknown_receipt,
    ),
    _f(
        "keeper_not_asked",
        "a forged receipt and no word of the keeper",
        "Hin Leong 2020",
        _KEEPER,
        "before funding",
        no_word,
    ),
    _f(
        "forged_attestation",
        "receipt and attestation come from the depositor",
        "Hin Leong 2020",
        _KEEPER,
        "before funding",
        forged_attestation,
    ),
    _f(
        "pledged_before",
        "the keeper has another bank's pledge noted",
        "青岛港 2014",
        _KEEPER,
        "before funding",
        pledged_before,
    ),
    _f("frozen_by_court", "a court has frozen the goods", "further kind", _KEEPER, "before funding", frozen),
    _f(
        "stock_pledged_in_registry",
        "all stock is pledged in the registry",
        "further kind",
        ("registry",),
        "before funding",
        floating,
    ),
    _f("half_gone", "half was taken out before", "further kind", _KEEPER, "before funding", partly_gone),
    _f(
        "inspected_and_wrong",
        "an inspector found stones",
        "nickel 2023",
        ("inspection_report",),
        "before funding",
        stones,
    ),
    _f(
        "goods_gone_while_pledged",
        "pledged stock is sold from the store",
        "Hin Leong 2020",
        _KEEPER,
        "in life",
        gone_in_life,
    ),
    _f(
        "wrong_content_in_store",
        "stones in the bags, never opened",
        "nickel 2023",
        ("inspection_report",),
        "never",
        stones_unseen,
        "papers do not see into bags: the rule has to stay UNKNOWN, and refers",
    ),
    _f(
        "colluding_keeper",
        "keeper, depositor and inspector invent the goods",
        "colluding keepers",
        (),
        "never",
        colluding_keeper,
        "every paper is what it would be; only a visit would tell",
    ),
    Fraud(
        "one_shipment_two_bills_of_lading",
        "one shipment, two bills of lading, two invoices",
        "Agritrade 2020",
        ("transport_document",),
        "before funding",
        one_shipment_twice,
    ),
)
