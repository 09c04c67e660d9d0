"""The lines of invoices with their places in the joined trade.

They find their accounts by what they refer to (the line of an order, a receipt or a despatch advice), else by item,
unit and price, else as the only ones. A line that refers to nothing is looked for among all trades of the same buyer
and seller.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from consortium.documents import Invoice, InvoiceLine
from consortium.documents.fingerprint import reference_identities
from consortium.documents.roles import Reference
from crossverify.match.accounts import Account, Asked, Names, Place, PriceKey, Slot, price_key
from crossverify.match.items import is_service, net_price
from crossverify.match.joined import Joined
from crossverify.match.table import Note
from crossverify.units import Exact, exact

if TYPE_CHECKING:
    from crossverify.case import Receivable


@dataclass(slots=True, eq=False)
class Billed:
    """One line of an invoice with its place in the trade.

    :ivar slot: the order that it names, or what stands for one
    :ivar place: its account
    :ivar referenced: whether it names anything at all
    :ivar service: whether it is a service: no receipt is to be expected
    :ivar repeated: whether the invoice has the same line more than once
    :ivar credited: quantity that credit notes took back, in the line's unit
    :ivar credited_net: amount without tax that credit notes took back of it
    """

    line: InvoiceLine
    slot: Slot | None
    place: Place
    referenced: bool
    service: bool
    repeated: bool = False
    credited: Exact = 0
    credited_net: Decimal = Decimal(0)

    @property
    def net(self) -> Exact:
        """Invoiced quantity net of credit notes, in the line's unit."""
        quantity = exact(self.line.quantity)
        return quantity - self.credited if self.credited else quantity


class Invoices:
    """Places the lines of invoices.

    :param joined: orders, despatch advices and receipts, all entered
    """

    def __init__(self, joined: Joined) -> None:
        self._joined = joined
        self._named: dict[str, Names] = {}
        """Accounts by line of a despatch advice or a receipt, by fingerprint; made when an invoice names one."""
        self._slots_of: dict[str, frozenset[int]] = {}

    def lines(self, receivable: Receivable) -> Iterator[Billed]:
        """The lines of a receivable's invoice with their places."""
        body = receivable.invoice
        prices: Counter[PriceKey] = Counter()

        def counted() -> Counter[PriceKey]:
            if not prices:
                for each in body.lines:
                    price = net_price(each)
                    if price is not None:
                        prices[price_key(each.unit, price, body.currency)] += 1
            return prices

        slots: dict[tuple[str | None, ...], Slot | None] = {}
        targets = []
        for line in body.lines:
            numbers = (
                line.order_number or body.order_number,
                line.receipt_number or body.receipt_number,
                line.despatch_number or body.despatch_number,
            )
            if numbers not in slots:
                slots[numbers] = self._invoice_slot(body, *numbers)
            targets.append((line, numbers, slots[numbers]))
        alone = Counter(id(slot) for _, _, slot in targets)
        whats = [_what(line) for line in body.lines]
        same = Counter(whats)
        for (line, numbers, slot), what in zip(targets, whats, strict=True):
            asked = Asked(
                line.order_line, line.item, line.unit, alone[id(slot)] == 1, line, body.currency, counted
            )
            referenced = any(numbers)
            place = self._billed(body, line, numbers, slot, asked)
            if numbers[1] is not None and self._joined.find("goods_receipt", numbers[1], body) is None:
                place = place._replace(notes=(*place.notes, Note.RECEIPT_NOT_HERE))
            yield Billed(line, slot, place, referenced, is_service(line), same[what] > 1)

    def _invoice_slot(
        self, body: Invoice, order: str | None, receipt: str | None, despatch: str | None
    ) -> Slot | None:
        """The order that numbers on an invoice's line mean; none where several or none are meant."""
        if order is not None:
            return self._joined.order_slot(order, body)
        if receipt is not None:
            reference = Reference("goods_receipt", receipt, body.seller, body.buyer)
            found = self._joined.find("goods_receipt", receipt, body)
            if found is None or found.fingerprint not in self._joined.entered:
                names = [("receipt", *name) for name in reference_identities(reference, body)]
                return self._joined.slot(names, None, receipt, body)
            slots = {id(each.slot): each.slot for each, _, _ in self._joined.entered[found.fingerprint]}
            return next(iter(slots.values())) if len(slots) == 1 else None
        if despatch is not None:
            return self._joined.despatched(despatch, None, body).slot
        return None

    def _billed(
        self,
        body: Invoice,
        line: InvoiceLine,
        numbers: tuple[str | None, ...],
        slot: Slot | None,
        asked: Asked,
    ) -> Place:
        order, receipt, despatch = numbers
        if (
            order is not None
            and slot is not None
            and line.order_line is not None
            and slot.names.by_id(line.order_line)
        ):
            place = slot.names.place(asked)
            return self._checked(body, place, slot, receipt) if receipt is not None else place
        for kind, number, line_id in (
            ("goods_receipt", receipt, line.receipt_line),
            ("despatch_advice", despatch, line.despatch_line),
        ):
            names = self._lines_named(body, kind, number) if number is not None else None
            if names is None or (line_id is None and slot is not None):
                continue
            place = names.place(_instead(asked, line_id))
            if place.account is not None:
                wrong = order is not None and slot is not None and not _belongs(place.account, slot)
                return place._replace(notes=(*place.notes, Note.REFERENCES_DIFFER)) if wrong else place
        if slot is not None:
            place = slot.names.place(asked)
            return (
                self._checked(body, place, slot, receipt)
                if order is not None and receipt is not None
                else place
            )
        place = self._joined.of_pair(body).place(
            Asked(None, line.item, line.unit, False, line, body.currency)
        )
        return place if any(numbers) else place._replace(notes=(*place.notes, Note.UNREFERENCED))

    def _lines_named(self, body: Invoice, kind: str, number: str) -> Names | None:
        """The lines of a receipt or a despatch advice, as lines of an invoice may name them."""
        found = self._joined.find(kind, number, body)
        if found is None or found.fingerprint not in self._joined.entered:
            return None
        names = self._named.get(found.fingerprint)
        if names is None:
            names = self._named[found.fingerprint] = Names()
            for account, line_id, item in self._joined.entered[found.fingerprint]:
                names.add(account, (line_id,), item)
        return names

    def _checked(self, body: Invoice, place: Place, slot: Slot, receipt: str) -> Place:
        """Notes that the receipt which a line names belongs to another order."""
        found = self._joined.find("goods_receipt", receipt, body)
        if found is None or found.fingerprint not in self._joined.entered:
            return place
        slots = self._slots_of.get(found.fingerprint)
        if slots is None:
            accounts = [account for account, _, _ in self._joined.entered[found.fingerprint]]
            slots = frozenset(id(leaf.slot) for account in accounts for leaf in account.leaves)
            self._slots_of[found.fingerprint] = slots
        if not slots or id(slot) in slots:
            return place
        return place._replace(notes=(*place.notes, Note.REFERENCES_DIFFER))


def _belongs(account: Account, slot: Slot) -> bool:
    return any(leaf.slot is slot for leaf in account.leaves)


def _instead(asked: Asked, line_id: str | None) -> Asked:
    return Asked(line_id, asked.item, asked.unit, asked.alone, asked.billed, asked.currency, asked.prices)


def _what(line: InvoiceLine) -> tuple[object, ...]:
    """What makes two lines of an invoice the same."""
    return (
        line.order_number,
        line.order_line,
        line.receipt_number,
        line.receipt_line,
        line.despatch_number,
        line.despatch_line,
        line.item,
        line.quantity,
        line.unit,
        line.price,
        line.net_amount,
        line.period,
    )
