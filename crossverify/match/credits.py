"""What credit notes take back of the lines of invoices.

A note of the whole invoice takes back all of its lines. Else each line of a note takes back a line of the invoice: the
one with the same order line, else of the same item (told apart by line number, then by price), else the only one on
both sides. At the invoice's price it takes back quantity; at another price it corrects the price and takes back none.
Lines of an invoice that draw on the same account are filled one after the other, as it makes no difference which.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING

from consortium.documents import CreditNote, Invoice, InvoiceLine
from crossverify.match.billed import Billed
from crossverify.match.items import Key, item_keys, unit_price
from crossverify.units import Exact, exact, factor

if TYPE_CHECKING:
    from crossverify.case import Receivable

_SAME_PRICE = Fraction(1, 1000)
"""A credit note's price may differ by so much, relatively, and still be the invoice's (rounding of net prices)."""


def take_back(
    receivables: Sequence[Receivable], lines: Mapping[str, Sequence[Billed]]
) -> Mapping[str, tuple[tuple[str, Decimal], ...]]:
    """Lowers the lines of invoices by their credit notes.

    :param lines: by receivable
    :returns: by receivable, the lines of notes (as "note/line") that take back no line that can be told, with their
        amounts without tax
    """
    left: dict[tuple[str, int], Exact] = {}
    loose: dict[str, tuple[tuple[str, Decimal], ...]] = {}
    for receivable in receivables:
        if not receivable.credits:
            continue
        billed = lines[receivable.fingerprint]
        targets = _Targets(billed)
        missed = []
        for credit in receivable.credits:
            note = credit.document.document
            assert isinstance(note, CreditNote | Invoice)
            if credit.amount >= max(receivable.invoice.totals.gross, receivable.face):
                for each in billed:
                    each.credited = exact(each.line.quantity)
                    each.credited_net = each.line.net_amount
                continue
            for position, taken in enumerate(note.lines):
                name = (credit.document.fingerprint, position)
                quantity = left.setdefault(name, exact(abs(taken.quantity)))
                found = targets.find(taken, alone=len(note.lines) == 1)
                if not found:
                    missed.append((f"{note.number}/{taken.line_id}", abs(taken.net_amount)))
                elif quantity > 0:
                    left[name] = quantity - _lower(found, taken, quantity)
        if missed:
            loose[receivable.fingerprint] = tuple(missed)
    return loose


_MOST = 1000
"""Lines of one item that one line of a note is spread over at most."""


class _Targets:
    """The lines of an invoice, as a credit note may name them."""

    def __init__(self, lines: Sequence[Billed]) -> None:
        self._lines = lines
        self._by_order_line: dict[str, list[Billed]] = defaultdict(list)
        self._by_item: dict[Key, list[Billed]] = defaultdict(list)
        self._numbers: dict[Key, dict[str, list[Billed]]] = {}
        self._at_price: dict[tuple[object, ...], deque[Billed]] = {}
        for each in lines:
            if each.line.order_line is not None:
                self._by_order_line[each.line.order_line].append(each)
            for key in item_keys(each.line.item):
                self._by_item[key].append(each)

    def find(self, taken: InvoiceLine, alone: bool) -> Sequence[Billed]:
        """The lines that a note's line takes back; more than one only where they draw on one account, none where
        nothing tells."""
        if taken.order_line is not None:
            same = [
                each
                for each in self._by_order_line.get(taken.order_line, ())
                if taken.order_number is None or each.line.order_number in {None, taken.order_number}
            ]
            if len(same) == 1:
                return same
        for key in item_keys(taken.item):
            same = self._by_item.get(key, [])
            if len(same) > 1:
                found = self._told_apart(key, same, taken)
                if found:
                    return found
            elif same:
                return same
        return self._lines if len(self._lines) == 1 and alone else ()

    def _told_apart(self, key: Key, same: list[Billed], taken: InvoiceLine) -> Sequence[Billed]:
        """Of several lines of one item those that a note's line may mean: by line number, else by price."""
        numbers = self._numbers.get(key)
        if numbers is None:
            numbers = self._numbers[key] = defaultdict(list)
            for each in same:
                numbers[each.line.line_id].append(each)
        if len(numbers.get(taken.line_id, ())) == 1:
            return numbers[taken.line_id]
        price = (key, taken.unit, taken.price, taken.base_quantity, taken.base_unit)
        left = self._at_price.get(price)
        if left is None:
            some = [each for each in same if _same_price(each.line, taken)] or same
            first = some[0].place.account
            together = first is not None and all(each.place.account is first for each in some)
            left = self._at_price[price] = deque(some if together or len(some) == 1 else ())
        while len(left) > 1 and left[0].net <= 0:
            left.popleft()  # wholly taken back
        return tuple(islice(left, _MOST))


def _same_price(line: InvoiceLine, taken: InvoiceLine) -> bool:
    scale, theirs, ours = factor(taken.unit, line.unit), unit_price(taken), unit_price(line)
    if scale is None or theirs is None or ours is None:
        return False
    return abs(theirs / scale - ours) <= ours * _SAME_PRICE


def _lower(found: Sequence[Billed], taken: InvoiceLine, quantity: Exact) -> Exact:
    """Lowers lines by a note's line, one after the other; returns the quantity used, in the note's unit."""
    used: Exact = 0
    amount = abs(taken.net_amount)
    for position, target in enumerate(found):
        if amount <= 0 and used >= quantity:
            break
        last = position == len(found) - 1
        own = amount if last else min(amount, max(target.line.net_amount - target.credited_net, Decimal(0)))
        target.credited_net += own
        amount -= own
        scale = factor(taken.unit, target.line.unit)
        if scale is None or not _same_price(target.line, taken):
            continue
        room = Fraction(max(target.net, 0)) / scale
        part = min(quantity - used, room)
        target.credited += part * scale
        used += part
    return used
