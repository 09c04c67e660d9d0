"""Orders, receipts and invoices joined line by line.

1. Every order makes a *slot*; an order that is only referred to makes one too, without a body. Receipts that
   name no order belong to the slot of their despatch advice, else to one of their own.
2. Lines of receipts and invoices find the slot's line: by the order line they name, else by an item number or
   name that is unique there, else as the only line on both sides. What finds none stays unmatched.
3. Credit notes lower the invoiced quantity of the lines they take back, where they are at the same price. At
   another price a note corrects the price, not the quantity. A note of the whole invoice takes back all of
   it.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from consortium.documents import (
    CreditNote,
    DespatchAdvice,
    GoodsReceipt,
    Invoice,
    InvoiceLine,
    Item,
    OrderLine,
    PurchaseOrder,
    ReceiptLine,
)
from consortium.documents.codes import UNITS_OF_TIME
from consortium.documents.fingerprint import reference_identities
from consortium.documents.roles import Reference
from crossverify.evidence import EvidenceDocument
from crossverify.units import Exact, exact
from crossverify.units_v1 import factor

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

_SAME_PRICE = Fraction(1, 1000)
"""A credit note's price may differ by so much, relatively, and still be the invoice's (rounding of net
prices)."""
_UNSPSC_LISTS = frozenset({"TST", "UNSPSC"})
_UNSPSC_SERVICES = range(70, 95)
"""UNSPSC segments of services: 70 farming services to 94 organisations and clubs."""
_CHINESE_TAX_LIST = "CN-TAX"
_REJECTED = "RE"


@dataclass(slots=True, eq=False)
class SlotLine:
    """One line of what was ordered, with everything received on it.

    :ivar order_line: the order's line; none where the order's body is not there
    :ivar receipts: receipt lines, with what was accepted; ``None`` where the receipt states no quantity
    """

    order_line: OrderLine | None
    receipts: list[tuple[EvidenceDocument, ReceiptLine, Decimal | None]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Slot:
    """An order, or what stands for one.

    :ivar order: the order, where its body is there
    :ivar number: how documents name it
    :ivar lines: its lines
    :ivar unmatched: receipt lines that belong to the order but to no line of it
    """

    order: EvidenceDocument | None
    number: str
    lines: list[SlotLine] = field(default_factory=list)
    unmatched: list[tuple[EvidenceDocument, ReceiptLine]] = field(default_factory=list)
    _by_id: dict[str, int] = field(default_factory=dict)
    _by_item: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, line_id: str | None, item: Item | None, order_line: OrderLine | None) -> int:
        """A new line; returns its index."""
        index = len(self.lines)
        self.lines.append(SlotLine(order_line))
        if line_id is not None:
            self._by_id.setdefault(line_id, index)
        for key in item_keys(item):
            self._by_item[key].append(index)
        return index

    def match(self, line_id: str | None, item: Item | None, alone: bool) -> int | None:
        """Index of the line that is meant, or ``None``.

        :param line_id: order line that the document names
        :param item: what it is about
        :param alone: whether the document has no other line for this order
        """
        if line_id is not None and line_id in self._by_id:
            return self._by_id[line_id]
        for key in item_keys(item):
            found = self._by_item.get(key, ())
            if len(found) == 1:
                return found[0]
            if found:
                return None  # the same item on several lines: which one is meant cannot be known
        return 0 if alone and len(self.lines) == 1 else None


@dataclass(slots=True, eq=False)
class TradeLine:
    """One line of an invoice with its place in the trade.

    :ivar line: the invoice's line
    :ivar slot: the order; none where the line names none
    :ivar index: line of the slot; none where it cannot be matched
    :ivar service: whether it is a service: no receipt is to be expected
    :ivar credited: quantity that credit notes took back, in the line's unit
    :ivar credited_net: amount without tax that credit notes took back of this line
    """

    line: InvoiceLine
    slot: Slot | None
    index: int | None
    service: bool
    credited: Exact = 0
    credited_net: Decimal = Decimal(0)

    @property
    def net(self) -> Exact:
        """Invoiced quantity net of credit notes, in the line's unit."""
        quantity = exact(self.line.quantity)
        return quantity - self.credited if self.credited else quantity

    @property
    def slot_line(self) -> SlotLine | None:
        """The slot's line."""
        return None if self.slot is None or self.index is None else self.slot.lines[self.index]


class Trade:
    """The joined trade of a case.

    :ivar drawing: the receivables whose invoices draw on orders and receipts, in the order in which they do
    """

    def __init__(self, case: Case) -> None:
        self._case = case
        self._slots: dict[tuple[str, ...], Slot] = {}
        self._add_orders()
        self._add_receipts()
        self._lines: dict[str, tuple[TradeLine, ...]] = {
            item.fingerprint: tuple(self._invoice_lines(item)) for item in case.receivables
        }
        self._credit()
        self.drawing = tuple(item for item in case.receivables if not case.cancelled(item))

    def lines(self, receivable: Receivable) -> tuple[TradeLine, ...]:
        """The lines of a receivable's invoice."""
        return self._lines[receivable.fingerprint]

    # --- orders and receipts ----------------------------------------------------------------

    def _add_orders(self) -> None:
        for item in self._case.documents:
            body = item.document
            if isinstance(body, PurchaseOrder) and item.state != "void":
                slot = Slot(item, body.number)
                for line in body.lines:
                    slot.add(line.line_id, line.item, line)
                self._slots.setdefault(("order", item.fingerprint), slot)

    def _order_slot(self, number: str, body: Invoice | GoodsReceipt | DespatchAdvice) -> Slot:
        """The slot of an order that a document names; made where nothing else is known of the order."""
        reference = Reference("purchase_order", number, body.seller, body.buyer)
        found = self._case.find(reference, body)
        if found is not None and ("order", found.fingerprint) in self._slots:
            return self._slots["order", found.fingerprint]
        names = reference_identities(reference, body)
        for name in names:
            if name in self._slots:
                return self._slots[name]
        slot = Slot(None, number)
        for name in names:
            self._slots[name] = slot
        return slot

    def _add_receipts(self) -> None:
        for item in self._case.documents:
            body = item.document
            if not isinstance(body, GoodsReceipt) or item.state == "void":
                continue
            slots = [self._receipt_slot(item, body, line) for line in body.lines]
            counts = Counter(id(slot) for slot, _ in slots)
            for line, (slot, line_id) in zip(body.lines, slots, strict=True):
                index = slot.match(line_id, line.item, counts[id(slot)] == 1)
                if index is None and slot.order is None:
                    index = slot.add(line_id, line.item, None)
                if index is None:
                    slot.unmatched.append((item, line))
                    continue
                accepted = Decimal(0) if body.despatch_status == _REJECTED else line.accepted
                slot.lines[index].receipts.append((item, line, accepted))

    def _receipt_slot(
        self, item: EvidenceDocument, body: GoodsReceipt, line: ReceiptLine
    ) -> tuple[Slot, str | None]:
        """Slot and order line of a receipt's line: its own reference, the header's, or the despatch
        advice's."""
        number = line.order_number or body.order_number
        if number is not None:
            return self._order_slot(number, body), line.order_line
        despatch_number = line.despatch_number or body.despatch_number
        if despatch_number is None:
            return self._slots.setdefault(
                ("receipt", item.fingerprint), Slot(None, body.number)
            ), line.order_line
        return self._despatch_slot(despatch_number, line.despatch_line, body, line.order_line)

    def _despatch_slot(
        self, number: str, line_id: str | None, body: Invoice | GoodsReceipt, order_line: str | None
    ) -> tuple[Slot, str | None]:
        reference = Reference("despatch_advice", number, body.seller, body.buyer)
        found = self._case.find(reference, body)
        if found is not None and isinstance(found.document, DespatchAdvice):
            advice = found.document
            sent = next((each for each in advice.lines if each.line_id == line_id), None)
            order = (sent.order_number if sent else None) or advice.order_number
            if order is not None:
                return self._order_slot(order, advice), order_line or (sent.order_line if sent else None)
        name = ("despatch", *reference_identities(reference, body)[0])
        return self._slots.setdefault(name, Slot(None, number)), order_line

    # --- invoices ---------------------------------------------------------------------------

    def _invoice_lines(self, receivable: Receivable) -> Iterator[TradeLine]:
        body = receivable.invoice
        slots: dict[tuple[str | None, ...], tuple[Slot | None, str | None]] = {}
        placed = []
        for line in body.lines:
            key = (
                line.order_number or body.order_number,
                line.receipt_number or body.receipt_number,
                line.despatch_number or body.despatch_number,
                line.despatch_line,
            )
            if key not in slots:
                slots[key] = self._invoice_slot(body, key)
            slot, named = slots[key]
            placed.append((line, slot, line.order_line or named))
        counts = Counter(id(slot) for _, slot, _ in placed)
        for line, slot, line_id in placed:
            index = slot.match(line_id, line.item, counts[id(slot)] == 1) if slot is not None else None
            yield TradeLine(line, slot, index, is_service(line))

    def _invoice_slot(self, body: Invoice, key: tuple[str | None, ...]) -> tuple[Slot | None, str | None]:
        order, receipt, despatch, despatch_line = key
        if order is not None:
            return self._order_slot(order, body), None
        if receipt is not None:
            found = self._case.find(Reference("goods_receipt", receipt, body.seller, body.buyer), body)
            if found is not None and isinstance(found.document, GoodsReceipt):
                first = found.document.lines[0]
                return self._receipt_slot(found, found.document, first)[0], None
        if despatch is not None:
            return self._despatch_slot(despatch, despatch_line, body, None)
        return None, None

    # --- credit notes -----------------------------------------------------------------------

    def _credit(self) -> None:
        left: dict[tuple[str, int], Exact] = {}
        for receivable in self._case.receivables:
            if not receivable.credits:
                continue
            lines = self._lines[receivable.fingerprint]
            targets = _Targets(lines)
            for credit in receivable.credits:
                note = credit.document.document
                assert isinstance(note, CreditNote | Invoice)
                if credit.amount >= max(receivable.invoice.totals.gross, receivable.face):
                    for each in lines:
                        each.credited = exact(each.line.quantity)
                        each.credited_net = each.line.net_amount
                    continue
                for position, taken in enumerate(note.lines):
                    name = (credit.document.fingerprint, position)
                    quantity = left.setdefault(name, exact(abs(taken.quantity)))
                    target = targets.find(taken, alone=len(note.lines) == 1)
                    if target is not None and quantity > 0:
                        left[name] = quantity - _take_back(target, taken, quantity)


class _Targets:
    """The lines of an invoice, as a credit note may name them."""

    def __init__(self, lines: Sequence[TradeLine]) -> None:
        self._lines = lines
        self._by_order_line: dict[str, list[TradeLine]] = defaultdict(list)
        self._by_item: dict[tuple[str, str], list[TradeLine]] = defaultdict(list)
        for each in lines:
            if each.line.order_line is not None:
                self._by_order_line[each.line.order_line].append(each)
            for key in item_keys(each.line.item):
                self._by_item[key].append(each)

    def find(self, taken: InvoiceLine, alone: bool) -> TradeLine | None:
        """The line that a credit note's line takes back, where that is certain: by order line, else by item
        (and by line number where an item is on several), else as the only line on both sides."""
        if taken.order_line is not None:
            same = [
                each
                for each in self._by_order_line.get(taken.order_line, ())
                if taken.order_number is None or each.line.order_number in {None, taken.order_number}
            ]
            if len(same) == 1:
                return same[0]
        for key in item_keys(taken.item):
            same = self._by_item.get(key, [])
            if len(same) > 1:
                same = [each for each in same if each.line.line_id == taken.line_id]
            if len(same) == 1:
                return same[0]
        return self._lines[0] if len(self._lines) == 1 and alone else None


def _take_back(target: TradeLine, taken: InvoiceLine, quantity: Exact) -> Exact:
    """Lowers a line by a credit note's line; returns the quantity used, in the note's unit."""
    target.credited_net += abs(taken.net_amount)
    scale = factor(taken.unit, target.line.unit)
    theirs, ours = unit_price(taken), unit_price(target.line)
    if scale is None or theirs is None or ours is None:
        return 0
    if abs(theirs / scale - ours) > ours * _SAME_PRICE:
        return 0
    room = Fraction(max(target.net, 0)) / scale
    used = min(quantity, room)
    target.credited += used * scale
    return used


def unit_price(line: InvoiceLine | OrderLine) -> Fraction | None:
    """Price of one of the line's units; none where there is no price, or its base cannot be compared."""
    if line.price is None:
        return None
    scale = factor(line.base_unit or line.unit, line.unit)
    if scale is None:
        return None
    return Fraction(line.price) / (Fraction(line.base_quantity or 1) * scale)


def is_service(line: InvoiceLine) -> bool:
    """A line with a Chinese tax classification beginning with 3, a UNSPSC service segment, or a unit of
    time."""
    if line.unit in UNITS_OF_TIME:
        return True
    for each in line.item.classifications:
        if each.list_id == _CHINESE_TAX_LIST and each.code.startswith("3"):
            return True
        segment = each.code[:2]
        if each.list_id in _UNSPSC_LISTS and segment.isdecimal() and int(segment) in _UNSPSC_SERVICES:
            return True
    return False


def item_keys(item: Item | None) -> Iterator[tuple[str, str]]:
    """How an item may be named, the strongest name first."""
    if item is None:
        return
    if item.standard_number is not None:
        yield "standard", item.standard_number
    if item.seller_number is not None:
        yield "seller", item.seller_number
    if item.buyer_number is not None:
        yield "buyer", item.buyer_number
    yield "name", "".join(unicodedata.normalize("NFKC", item.name).casefold().split())
