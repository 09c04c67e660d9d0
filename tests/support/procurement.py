"""The labelled sets of ``procurement/`` (AuditIQ, GR/IR) as evidence: CSV rows to documents, one world for each set.

Both are synthetic, have neither units nor currencies nor tax, and join on the number of the order. All vendors of a set
together are the subject, so that every invoice is a receivable. Labels are read from the set (AuditIQ), or reckoned
from its rows in a few lines that share nothing with the rules (GR/IR, which has none).
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from consortium.documents import (
    GoodsReceipt,
    Invoice,
    InvoiceLine,
    Item,
    OrderLine,
    Party,
    PurchaseOrder,
    ReceiptLine,
)
from consortium.documents.common import Totals
from consortium.documents.party import primary_id
from crossverify.evidence import SubjectInfo
from crossverify.profiles import Profile
from crossverify.rule import Finding, Outcome
from tests.support.trade_world import World, fp, party, said

_UNIT = "H87"
_CURRENCY = "CNY"
_BUYER = party("Buyer of all", "MA9B0001")
CLEAN = "None"
"""Label of what is in order."""
_WRONG = frozenset({Outcome.FAIL, Outcome.UNKNOWN})


@dataclass(slots=True)
class Labelled:
    """A set.

    :ivar world: its documents; tax, bank and ledger agree with them
    :ivar labels: label by fingerprint of the invoice
    :ivar orders: number of the order by fingerprint of the invoice
    """

    world: World
    labels: dict[str, str] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)

    @property
    def shared(self) -> frozenset[str]:
        """Clean invoices on an order that an invoice with another label is on too: which of the two is later, and so
        overdraws, the label does not say."""
        wrong = {self.orders[key] for key, label in self.labels.items() if label != CLEAN}
        return frozenset(k for k, label in self.labels.items() if label == CLEAN and self.orders[k] in wrong)


def auditiq(folder: Path) -> Labelled:
    """The AuditIQ set.

    :param folder: with ``purchase_orders.csv``, ``goods_receipts.csv`` and ``invoices.csv``
    """
    orders, receipts, invoices = [], [], []
    labels: dict[str, str] = {}
    named: dict[str, str] = {}
    for row in _rows(folder / "purchase_orders.csv"):
        day, vendor = _day(row["PO_Date"]), _vendor(row["Vendor_ID"])
        orders.append(_order(row["PO_ID"], day, vendor, row["Item_Code"], row["Quantity"], row["Unit_Price"]))
    for row in _rows(folder / "goods_receipts.csv"):
        vendor, day = _vendor(row["Vendor_ID"]), _day(row["GR_Date"])
        receipts.append(
            _receipt(row["GR_ID"], day, vendor, row["PO_ID"], row["Item_Code"], row["Received_Qty"])
        )
    for row in _rows(folder / "invoices.csv"):
        made = _invoice(
            row["Invoice_ID"],
            _day(row["Invoice_Date"]),
            _vendor(row["Vendor_ID"]),
            row["PO_ID"],
            row["Item_Code"],
            row["Invoice_Qty"],
            row["Invoice_Price"],
        )
        invoices.append(made)
        labels[fp(made)], named[fp(made)] = row["Mismatch_Type"], row["PO_ID"]
    return _set(orders, receipts, invoices, labels, named)


def grir(folder: Path) -> Labelled:
    """The GR/IR set; an invoice is labelled ``Qty_Overbilling`` above 102 % of what was received, ``Price_Variance``
    above 101 % of the order's price, ``Both``, else clean.

    :param folder: with ``purchase_orders.csv``, ``goods_receipt.csv`` and ``invoices.csv``
    """
    ordered = {row["PO_ID"]: row for row in _rows(folder / "purchase_orders.csv")}
    received = {row["PO_ID"]: row for row in _rows(folder / "goods_receipt.csv")}
    orders, receipts, invoices = [], [], []
    labels: dict[str, str] = {}
    named: dict[str, str] = {}
    for name, row in ordered.items():
        vendor = _vendor(str(ord(row["Vendor"][-1])))
        item = row["Material"]
        orders.append(_order(name, _day(row["PO_Date"]), vendor, item, row["Ordered_Qty"], row["PO_Price"]))
    for name, row in received.items():
        vendor, item = _vendor(str(ord(ordered[name]["Vendor"][-1]))), ordered[name]["Material"]
        receipts.append(_receipt(f"GR-{name}", _day(row["GR_Date"]), vendor, name, item, row["Received_Qty"]))
    for row in _rows(folder / "invoices.csv"):
        name = row["PO_ID"]
        vendor, item = _vendor(str(ord(ordered[name]["Vendor"][-1]))), ordered[name]["Material"]
        made = _invoice(
            f"INV-{name}",
            _day(row["Invoice_Date"]),
            vendor,
            name,
            item,
            row["Invoice_Qty"],
            row["Invoice_Price"],
        )
        invoices.append(made)
        over = 100 * Decimal(row["Invoice_Qty"]) > 102 * Decimal(received[name]["Received_Qty"])
        dear = 100 * Decimal(row["Invoice_Price"]) > 101 * Decimal(ordered[name]["PO_Price"])
        label = (
            "Both" if over and dear else "Qty_Overbilling" if over else "Price_Variance" if dear else CLEAN
        )
        labels[fp(made)], named[fp(made)] = label, name
    return _set(orders, receipts, invoices, labels, named)


@dataclass(frozen=True, slots=True)
class Score:
    """How a profile did on one label.

    :ivar invoices: how many have the label
    :ivar failed: of them, with a FAIL of any rule
    :ivar unknown: of them, with an UNKNOWN and no FAIL
    :ivar codes: "RULE.CODE" of FAIL and UNKNOWN, with how many invoices have it
    :ivar missed: fingerprints of those with neither
    """

    invoices: int
    failed: int
    unknown: int
    codes: Mapping[str, int]
    missed: tuple[str, ...]


def scores(labelled: Labelled, profile: Profile) -> dict[str, Score]:
    """What a profile finds, by label; clean invoices that share an order with one that is not are the label
    ``None, order shared``."""
    found: dict[str, list[Finding]] = defaultdict(list)
    for item in said(labelled.world, profile):
        if item.outcome in _WRONG:
            found[item.subject].append(item)
    groups: dict[str, list[str]] = defaultdict(list)
    shared = labelled.shared
    for key, label in labelled.labels.items():
        groups["None, order shared" if key in shared else label].append(key)
    return {label: _score(keys, found) for label, keys in sorted(groups.items())}


def _score(keys: Iterable[str], found: Mapping[str, list[Finding]]) -> Score:
    failed = unknown = 0
    codes: Counter[str] = Counter()
    missed = []
    keys = list(keys)
    for key in keys:
        findings = found.get(key, [])
        codes.update({f"{item.rule}.{item.code}" for item in findings})
        if any(item.outcome is Outcome.FAIL for item in findings):
            failed += 1
        elif findings:
            unknown += 1
        else:
            missed.append(key)
    return Score(len(keys), failed, unknown, dict(sorted(codes.items())), tuple(missed))


# --- rows to documents ----------------------------------------------------------------------


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _vendor(name: str) -> Party:
    number = "".join(each for each in name if each.isdigit())
    return party(f"Vendor {name}", f"MA9{int(number):05d}")


def _order(number: str, day: date, vendor: Party, item: str, quantity: str, price: str) -> PurchaseOrder:
    line = OrderLine(
        line_id="1",
        item=Item(name=item, seller_number=item),
        quantity=Decimal(quantity),
        unit=_UNIT,
        price=Decimal(price),
    )
    return PurchaseOrder(
        number=number, issue_date=day, currency=_CURRENCY, buyer=_BUYER, seller=vendor, lines=(line,)
    )


def _receipt(number: str, day: date, vendor: Party, order: str, item: str, quantity: str) -> GoodsReceipt:
    line = ReceiptLine(
        line_id="1", item=Item(name=item, seller_number=item), received=Decimal(quantity), unit=_UNIT
    )
    return GoodsReceipt(
        number=number, issue_date=day, order_number=order, buyer=_BUYER, seller=vendor, lines=(line,)
    )


def _invoice(
    number: str, day: date, vendor: Party, order: str, item: str, quantity: str, price: str
) -> Invoice:
    net = (Decimal(quantity) * Decimal(price)).quantize(Decimal("0.01"))
    line = InvoiceLine(
        line_id="1",
        item=Item(name=item, seller_number=item),
        quantity=Decimal(quantity),
        unit=_UNIT,
        price=Decimal(price),
        net_amount=net,
    )
    return Invoice(
        number=number,
        issue_date=day,
        currency=_CURRENCY,
        order_number=order,
        seller=vendor,
        buyer=_BUYER,
        lines=(line,),
        totals=Totals(line_net=net, net=net, gross=net, payable=net),
    )


def _set(
    orders: list[PurchaseOrder],
    receipts: list[GoodsReceipt],
    invoices: list[Invoice],
    labels: dict[str, str],
    named: dict[str, str],
) -> Labelled:
    world = World(*orders, *receipts, *invoices)
    sellers = {str(primary_id(each.seller)) for each in invoices}
    world.subject = SubjectInfo(handle="", identifiers=tuple(sorted(sellers)), name="all vendors")
    last = max(each.issue_date for each in (*orders, *receipts, *invoices)) + timedelta(days=30)
    world.now = int(datetime(last.year, last.month, last.day, tzinfo=UTC).timestamp())
    return Labelled(world, labels, named)
