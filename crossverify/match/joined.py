"""Orders, despatch advices and receipts joined line by line; :mod:`crossverify.match.billed` adds the invoices.

1. Every order is a slot with an account per line. An order that is only referred to is a slot too, with accounts made
   of what despatch advices and receipts say of it; so is a despatch advice or a receipt that belongs to no order.
2. Lines that cannot be told apart get accounts above them (:func:`~crossverify.match.accounts.join`).
3. Despatch advices, then receipts, are entered.

Nothing here depends on the order of the documents, and no reference is followed further than from receipt to despatch
advice to order, so that cycles do no harm.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from consortium.documents import (
    DespatchAdvice,
    DespatchLine,
    GoodsReceipt,
    Invoice,
    Item,
    PurchaseOrder,
    ReceiptLine,
)
from consortium.documents.fingerprint import reference_identities
from consortium.documents.roles import Reference
from crossverify.evidence import EvidenceDocument
from crossverify.match.accounts import (
    Account,
    Asked,
    Entry,
    Names,
    Place,
    Slot,
    into,
    join,
)
from crossverify.match.items import net_price
from crossverify.match.parties import Parties
from crossverify.units import exact

if TYPE_CHECKING:
    from crossverify.case import Case

_REJECTED = "RE"


class _Meant(NamedTuple):
    """What a line of a despatch advice or receipt is about.

    :ivar slot: the order, or what stands for one; none where only the item tells
    :ivar line_id: line within it
    """

    slot: Slot | None
    line_id: str | None


class Joined:
    """The joined trade of a case, before anything is drawn."""

    def __init__(self, case: Case) -> None:
        self._case = case
        documents = [item for item in case.documents if item.state != "void"]
        self._parties = Parties(item.document for item in documents)
        self._slots: dict[tuple[str, ...], Slot] = {}
        self._distinct: list[Slot] = []
        self._found: dict[tuple[object, ...], Slot] = {}
        self._pairs: dict[tuple[str, str], Names] | None = None
        self.entered: dict[str, list[tuple[Account, str, Item | None]]] = defaultdict(list)
        """Accounts of the lines of a despatch advice or a receipt, by fingerprint."""
        self._finds: dict[tuple[str, str, int], EvidenceDocument | None] = {}
        self._add_orders(documents)
        advices = [(item, item.document) for item in documents if isinstance(item.document, DespatchAdvice)]
        receipts = [(item, item.document) for item in documents if isinstance(item.document, GoodsReceipt)]
        sent = [(item, body, [self._sent(item, body, line) for line in body.lines]) for item, body in advices]
        self._lines_of_advices: dict[str, dict[str | None, _Meant]] = {
            item.fingerprint: dict(_by_line(body, meant)) for item, body, meant in sent
        }
        got = [
            (item, body, [self._received(item, body, line) for line in body.lines]) for item, body in receipts
        ]
        self._make_accounts(sent, got)
        join(self._distinct)
        self._pairs = None  # there are more accounts now
        for slot in self._distinct:
            for account in slot.names.accounts:
                if account.order_line is not None and (quantity := exact(account.order_line.quantity)) > 0:
                    account.orders.supply(into(account, quantity, account.order_line.unit) or 0)
        self._received_advices = self._advices_of(body for _, body, _ in got)
        for advice, body, meant in sent:
            self._enter_advice(advice, body, meant)
        for receipt, taken, meant in got:
            self._enter_receipt(receipt, taken, meant)

    # --- 1: slots ---------------------------------------------------------------------------

    def slot(
        self,
        names: list[tuple[str, ...]],
        order: EvidenceDocument | None,
        number: str,
        of: Invoice | GoodsReceipt | DespatchAdvice | PurchaseOrder,
    ) -> Slot:
        """The slot of any of the names; made where there is none."""
        for name in names:
            if name in self._slots:
                return self._slots[name]
        slot = Slot(order, number, self._parties.pair(of))
        self._distinct.append(slot)
        for name in names:
            self._slots[name] = slot
        return slot

    def _add_orders(self, documents: list[EvidenceDocument]) -> None:
        for item in documents:
            body = item.document
            if not isinstance(body, PurchaseOrder) or ("order", item.fingerprint) in self._slots:
                continue
            slot = self.slot([("order", item.fingerprint)], item, body.number, body)
            for line in body.lines:
                account = Account(line.unit, slot, line, line.item, line.line_id, net_price(line), line.unit)
                slot.names.add(account, (line.line_id,), line.item)

    def order_slot(self, number: str, body: Invoice | GoodsReceipt | DespatchAdvice) -> Slot:
        """The slot of an order that a document names."""
        key = ("order", number, id(body))
        known = self._found.get(key)
        if known is None:
            reference = Reference("purchase_order", number, body.seller, body.buyer)
            found = self._case.find(reference, body)
            if found is not None and ("order", found.fingerprint) in self._slots:
                known = self._slots["order", found.fingerprint]
            else:
                known = self.slot(reference_identities(reference, body), None, number, body)
            self._found[key] = known
        return known

    def of_pair(self, body: Invoice | DespatchAdvice | GoodsReceipt) -> Names:
        """All accounts of a document's buyer and seller, by item; made when a line refers to nothing."""
        if self._pairs is None:
            self._pairs = defaultdict(Names)
            for slot in self._distinct:
                for account in slot.names.accounts:
                    if account.item is not None:
                        self._pairs[slot.pair].add(account, (), account.item)
        return self._pairs[self._parties.pair(body)]

    def _sent(self, item: EvidenceDocument, body: DespatchAdvice, line: DespatchLine) -> _Meant:
        number = line.order_number or body.order_number
        if number is not None:
            return _Meant(self.order_slot(number, body), line.order_line)
        if self.of_pair(body).by_item(line.item):
            return _Meant(None, None)
        return _Meant(self.slot([("despatch", item.fingerprint)], None, body.number, body), line.line_id)

    def _received(self, item: EvidenceDocument, body: GoodsReceipt, line: ReceiptLine) -> _Meant:
        """Slot and line of a receipt's line: its own reference, the header's, or the despatch advice's."""
        despatch_number = line.despatch_number or body.despatch_number
        number = line.order_number or body.order_number
        if number is not None:
            slot = self.order_slot(number, body)
            if line.order_line is None and despatch_number is not None:
                via = self.despatched(despatch_number, line.despatch_line, body)
                if via.slot is slot:
                    return via
            return _Meant(slot, line.order_line)
        if despatch_number is not None:
            via = self.despatched(despatch_number, line.despatch_line, body)
            return _Meant(via.slot, line.order_line or via.line_id)
        if self.of_pair(body).by_item(line.item):
            return _Meant(None, None)
        return _Meant(self.slot([("receipt", item.fingerprint)], None, body.number, body), line.line_id)

    def _advice(self, number: str, body: Invoice | GoodsReceipt) -> EvidenceDocument | None:
        found = self.find("despatch_advice", number, body)
        return found if found is not None and found.state != "void" else None

    def find(self, kind: str, number: str, body: Invoice | GoodsReceipt) -> EvidenceDocument | None:
        """The document that another one names; lines name the same again and again."""
        key = (kind, number, id(body))
        if key not in self._finds:
            self._finds[key] = self._case.find(Reference(kind, number, body.seller, body.buyer), body)
        return self._finds[key]

    def _advices_of(self, receipts: Iterable[GoodsReceipt]) -> frozenset[str]:
        """The despatch advices that receipts name."""
        found = set()
        for body in receipts:
            for number in {body.despatch_number, *(line.despatch_number for line in body.lines)} - {None}:
                advice = self._advice(str(number), body)
                if advice is not None:
                    found.add(advice.fingerprint)
        return frozenset(found)

    def despatched(self, number: str, line_id: str | None, body: Invoice | GoodsReceipt) -> _Meant:
        """What a line of a despatch advice is about; the advice stands for an order where it names none."""
        key = ("despatch", number, line_id, id(body))
        found = self._advice(number, body)
        if found is not None and found.fingerprint in self._lines_of_advices:
            lines = self._lines_of_advices[found.fingerprint]
            if line_id in lines:
                return lines[line_id]
            slots = {id(each.slot): each.slot for each in lines.values()}
            if len(slots) == 1:
                return _Meant(next(iter(slots.values())), None)
        if key not in self._found:
            reference = Reference("despatch_advice", number, body.seller, body.buyer)
            names = [("despatch", *name) for name in reference_identities(reference, body)]
            self._found[key] = self.slot(names, None, number, body)
        return _Meant(self._found[key], line_id)

    def _make_accounts(
        self,
        sent: list[tuple[EvidenceDocument, DespatchAdvice, list[_Meant]]],
        got: list[tuple[EvidenceDocument, GoodsReceipt, list[_Meant]]],
    ) -> None:
        """Accounts of what has no order here: of the lines that are named first, then of items, then of nothing."""
        lines: list[tuple[_Meant, Item | None, str | None]] = []
        for _, taken, meant in got:
            lines += [(about, line.item, line.unit) for about, line in zip(meant, taken.lines, strict=True)]
        for _, advice, meant in sent:
            lines += [(about, line.item, line.unit) for about, line in zip(meant, advice.lines, strict=True)]
        lines = [each for each in lines if each[0].slot is not None and each[0].slot.order is None]
        lines.sort(key=lambda each: (each[0].line_id is None, each[1] is None))
        for about, item, unit in lines:
            slot = about.slot
            assert slot is not None
            if about.line_id is not None:
                known = list(slot.names.by_id(about.line_id))
            elif item is not None:
                known = list(slot.names.by_item(item))
            else:
                known = slot.names.accounts[:1]
            if not known:
                account = Account(unit or "", slot, item=item, label=about.line_id or "")
                slot.names.add(account, (about.line_id,), item)
            elif len(known) == 1:
                known[0].unit = known[0].unit or unit or ""
                if item is not None and about.line_id is not None:
                    known[0].item = known[0].item or item
                    slot.names.name(known[0], (), item)

    # --- 3: despatch advices and receipts ---------------------------------------------------

    def _place(
        self,
        meant: _Meant,
        body: DespatchAdvice | GoodsReceipt,
        line: DespatchLine | ReceiptLine,
        alone: bool,
    ) -> Place:
        asked = Asked(meant.line_id, line.item, line.unit, alone)
        if meant.slot is None:
            return self.of_pair(body).place(asked)
        return meant.slot.names.place(asked)

    def _enter_advice(self, item: EvidenceDocument, body: DespatchAdvice, meant: list[_Meant]) -> None:
        counts = Counter(id(each.slot) for each in meant)
        entered = self.entered[item.fingerprint]
        for line, about in zip(body.lines, meant, strict=True):
            account = self._place(about, body, line, counts[id(about.slot)] == 1).account
            if account is None:
                continue
            entered.append((account, line.line_id, line.item or account.item))
            quantity = (
                None
                if line.delivered is None or line.unit is None
                else into(account, exact(line.delivered), line.unit)
            )
            if quantity is not None:
                account.despatched = (account.despatched or 0) + quantity
                if item.fingerprint not in self._received_advices:
                    account.unreceived.append((body.issue_date, quantity))

    def _enter_receipt(self, item: EvidenceDocument, body: GoodsReceipt, meant: list[_Meant]) -> None:
        counts = Counter(id(each.slot) for each in meant)
        entered = self.entered[item.fingerprint]
        repeats = len({line.line_id for line in body.lines}) < len(body.lines)
        seen: set[ReceiptLine] = set()
        for line, about in zip(body.lines, meant, strict=True):
            account = self._place(about, body, line, counts[id(about.slot)] == 1).account
            if account is None:
                if about.slot is not None:
                    about.slot.unplaced = True
                continue
            if repeats and line in seen:
                account.repeated = True
                continue
            if repeats:
                seen.add(line)
            entered.append((account, line.line_id, line.item or account.item))
            self._enter(account, item, body, line)

    def _enter(self, account: Account, item: EvidenceDocument, body: GoodsReceipt, line: ReceiptLine) -> None:
        despatch_number = line.despatch_number or body.despatch_number
        sent = despatch_number is not None and self._advice(despatch_number, body) is not None
        entry = Entry(
            item,
            line.line_id,
            None,
            None,
            0,
            0,
            sent,
            line.received_date or body.issue_date,
            despatch_number is None,
        )
        account.entries.append(entry)
        refused = body.despatch_status == _REJECTED
        if line.received is None and not refused:
            _unclear(account, "RECEIPT_WITHOUT_QUANTITY", item, line)
            return
        if line.received is not None and line.unit is None and not refused:
            _unclear(account, "UNITS", item, line)
            return
        received = line.received or Decimal(0)
        rejected = received if refused else line.rejected or Decimal(0)
        unit = line.unit or account.unit
        if not account.unit and not account.parent:
            account.unit = unit
        quantities = [
            into(account, exact(each), unit) for each in (received, rejected, line.short or Decimal(0))
        ]
        if quantities[0] is None or quantities[1] is None or quantities[2] is None:
            _unclear(account, "UNITS", item, line)
            return
        entry.received, entry.rejected, entry.short = quantities[0], quantities[1], quantities[2]
        if rejected > received:
            _unclear(account, "RECEIPT_CONTRADICTS", item, line)
            return
        entry.accepted = entry.received - entry.rejected
        account.goods.supply(entry.accepted)


def _by_line(body: DespatchAdvice, meant: list[_Meant]) -> Iterator[tuple[str | None, _Meant]]:
    for line, about in zip(body.lines, meant, strict=True):
        yield line.line_id, about


def _unclear(account: Account, code: str, item: EvidenceDocument, line: ReceiptLine) -> None:
    """Notes why an accepted quantity is not known; the first reason by name stays, whatever the order."""
    if not account.unclear or code < account.unclear:
        account.unclear = code
        account.unclear_source = (item, line.line_id)
