"""Which accepted goods an invoice draws on: enough to see one receipt used for two invoices.

The three-way match (:mod:`crossverify.match`) judges every line of every invoice. This looks at a few invoices that
look alike, and asks only whether what they bill together was accepted once or twice. Goods accepted under one order
line are one slot, and so is each line of a receipt that an invoice names itself. What cannot be tied to a slot, or is
in a unit that cannot be compared, is left out: it accuses nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from consortium.documents import (
    DespatchAdvice,
    GoodsReceipt,
    Invoice,
    InvoiceLine,
    Item,
    PurchaseOrder,
    ReceiptLine,
)
from consortium.documents.fingerprint import reference_identities
from consortium.documents.roles import Reference
from crossverify.percase import per_case
from crossverify.trade import item_keys
from crossverify.units import factor

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

PoolKey: TypeAlias = tuple[str, ...]
_AMBIGUOUS = -1


class Draw(NamedTuple):
    """What one invoice line takes out of a slot.

    :ivar pool: order or receipt
    :ivar slot: index within it
    :ivar quantity: in the slot's unit, net of credit notes
    """

    pool: PoolKey
    slot: int
    quantity: Fraction


@dataclass(slots=True)
class Pool:
    """Accepted goods of one order or one receipt.

    :ivar accepted: quantity per slot
    :ivar expected: quantity that was ordered, where the order is here and more than was accepted: the rest may have
        come with a receipt that is late
    :ivar units: unit per slot
    """

    accepted: list[Fraction] = field(default_factory=list)
    expected: list[Fraction] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    _names: dict[str, int] = field(default_factory=dict)

    def add(self, names: list[str], quantity: Fraction, unit: str) -> None:
        """Adds goods to the slot that the strongest name stands for, else to a new one."""
        if names:
            slot = self._names.get(names[0], _AMBIGUOUS)
            scale = factor(unit, self.units[slot]) if slot != _AMBIGUOUS else None
            if scale is not None:
                self.accepted[slot] += quantity * scale
                return
        slot = len(self.accepted)
        self.accepted.append(quantity)
        self.expected.append(Fraction(0))
        self.units.append(unit)
        for name in names:
            self._names[name] = slot if name not in self._names else _AMBIGUOUS

    def expect(self, names: list[str], quantity: Fraction, unit: str) -> None:
        """Notes what was ordered of a slot."""
        slot = self.find(names)
        scale = factor(unit, self.units[slot]) if slot is not None else None
        if slot is not None and scale is not None:
            self.expected[slot] += quantity * scale

    def capacity(self, slot: int) -> Fraction:
        """What invoices may draw before it is plain that something is billed twice."""
        return max(self.accepted[slot], self.expected[slot])

    def find(self, names: list[str]) -> int | None:
        """The slot that is meant: by the first name that is known, else the only one."""
        for name in names:
            slot = self._names.get(name)
            if slot is not None:
                return None if slot == _AMBIGUOUS else slot
        return 0 if len(self.accepted) == 1 else None


class Pools:
    """All accepted goods of a case.

    :ivar pools: by order or receipt
    """

    def __init__(self, case: Case) -> None:
        self.pools: dict[PoolKey, Pool] = {}
        for item in case.documents:
            body = item.document
            if not isinstance(body, GoodsReceipt) or item.state == "void":
                continue
            for line in body.lines:
                if line.accepted is None or line.unit is None:
                    continue
                quantity = Fraction(0) if body.despatch_status == "RE" else Fraction(line.accepted)
                self._pool(("receipt", item.fingerprint)).add(_receipt_names(line), quantity, line.unit)
                order = _order_of(case, body, line)
                if order is not None:
                    self._pool(order).add(_names("", line.order_line, line.item), quantity, line.unit)

        for item in case.documents:
            if isinstance(item.document, PurchaseOrder) and item.state != "void":
                self._expect(item.document)

    def _expect(self, order: PurchaseOrder) -> None:
        reference = Reference("purchase_order", order.number, order.seller, order.buyer)
        for key in reference_identities(reference, order):
            pool = self.pools.get(key)
            if pool is not None:
                for line in order.lines:
                    if line.quantity > 0:
                        pool.expect(_names("", line.line_id, line.item), Fraction(line.quantity), line.unit)
                return

    def _pool(self, key: PoolKey) -> Pool:
        found = self.pools.get(key)
        if found is None:
            found = self.pools[key] = Pool()
        return found

    def draws(self, case: Case, receivable: Receivable) -> Iterator[Draw]:
        """What an invoice takes, line by line, as far as it can be tied to accepted goods."""
        body = receivable.invoice
        gross = body.totals.gross
        left = (
            max(1 - Fraction(receivable.credited) / Fraction(gross), Fraction(0))
            if gross > 0
            else Fraction(1)
        )
        for line in body.lines:
            key, names = self._source(case, body, line)
            pool = self.pools.get(key) if key is not None else None
            slot = pool.find(names) if pool is not None else None
            if pool is None or slot is None or key is None:
                continue
            scale = factor(line.unit, pool.units[slot])
            if scale is not None and line.quantity > 0:
                yield Draw(key, slot, Fraction(line.quantity) * scale * left)

    def _source(self, case: Case, body: Invoice, line: InvoiceLine) -> tuple[PoolKey | None, list[str]]:
        """The pool that a line names, and how it names the slot: its receipt, else its order, else the order of its
        despatch advice."""
        receipt = line.receipt_number or body.receipt_number
        if receipt is not None:
            found = case.find(Reference("goods_receipt", receipt, body.seller, body.buyer), body)
            if found is not None:
                names = _names(line.receipt_line or "", line.order_line, line.item)
                return ("receipt", found.fingerprint), names
        names = _names("", line.order_line, line.item)
        order = line.order_number or body.order_number
        if order is not None:
            return _order_key(order, body), names
        despatch = line.despatch_number or body.despatch_number
        return (_despatched(case, despatch, body) if despatch is not None else None), names


@per_case
def pools_of(case: Case) -> Pools:
    """The accepted goods of a case."""
    return Pools(case)


def _names(line: str, order_line: str | None, item: Item | None) -> list[str]:
    names = [f"line:{line}"] if line else []
    if order_line is not None:
        names.append(f"order:{order_line}")
    names += [f"{kind}:{name}" for kind, name in item_keys(item)]
    return names


def _receipt_names(line: ReceiptLine) -> list[str]:
    return _names(line.line_id, line.order_line, line.item)


def _order_key(number: str, body: Invoice | GoodsReceipt | DespatchAdvice) -> PoolKey:
    reference = Reference("purchase_order", number, body.seller, body.buyer)
    return reference_identities(reference, body)[0]


def _order_of(case: Case, body: GoodsReceipt, line: ReceiptLine) -> PoolKey | None:
    number = line.order_number or body.order_number
    if number is not None:
        return _order_key(number, body)
    despatch = line.despatch_number or body.despatch_number
    return _despatched(case, despatch, body) if despatch is not None else None


def _despatched(case: Case, number: str, body: Invoice | GoodsReceipt) -> PoolKey:
    """The order that a despatch advice fulfils; the advice itself where it names none or is not here."""
    reference = Reference("despatch_advice", number, body.seller, body.buyer)
    found = case.find(reference, body)
    if (
        found is not None
        and isinstance(found.document, DespatchAdvice)
        and found.document.order_number is not None
    ):
        return _order_key(found.document.order_number, found.document)
    return reference_identities(reference, body)[0]
