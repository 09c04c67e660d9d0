"""Weights of links: which part of an invoice comes from an order, and which part of the order it uses up.

The supplier's gateway puts weights on the ledger and the bank recomputes them from the bodies (LINK_WEIGHT),
so both use this. Weights are integer billionths, rounded down: three thirds then fit into one whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal

from consortium.documents.base import Document
from consortium.documents.bill import Bill
from consortium.documents.invoice import Invoice, InvoiceBase
from consortium.documents.purchase_order import PurchaseOrder
from consortium.documents.roles import gross_of

WHOLE_PPB: Final = 1_000_000_000
"""All of a document, in billionths."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What a weight is reckoned on."""

    gross: tuple[Decimal, str] | None
    """Payable amount with tax and its currency."""
    quantity: tuple[Decimal, str] | None
    """Sum of the lines' quantities and their unit, where all lines have one unit."""


@dataclass(frozen=True, slots=True)
class Portion:
    """The part of a document that comes from one other document."""

    number: str
    """Number of the other document, as written."""
    part: Fraction
    """Part of the whole document, by net amount of the lines."""
    quantity: tuple[Decimal, str] | None
    """Quantity of these lines and their unit, where they have one unit."""
    kind: str = "purchase_order"
    """Kind of the other document."""
    fapiao_code: str | None = None
    """发票代码, where that is an older Chinese invoice."""

    @property
    def key(self) -> tuple[str, str, str | None]:
        """What the reference to the other document is known by."""
        return self.kind, self.number, self.fapiao_code


@dataclass(frozen=True, slots=True)
class Weight:
    """A link's weights, billionths."""

    of_child: int
    of_parent: int | None
    """None: cannot be reckoned (yet)."""
    basis: Literal["gross", "quantity", "unknown"]


def worth_of(document: Document) -> Worth:
    """What a document is worth and how much it holds."""
    lines = document.lines if isinstance(document, InvoiceBase | PurchaseOrder) else ()
    return Worth(gross_of(document), _quantity([(line.quantity, line.unit) for line in lines]))


def portions_of(document: Document) -> tuple[Portion, ...]:
    """The orders that an invoice draws on, in the order of their mention: a line's own order, else the
    header's. Lines without either draw on none. A bill draws on the invoices that it pays for; one that was split off
    draws on the bill that it was part of, which draws on those. Other documents draw on nothing."""
    if isinstance(document, Bill):
        return _portions_of_bill(document)
    if not isinstance(document, Invoice):
        return ()
    if document.order_number is not None and all(
        line.order_number in (None, document.order_number) for line in document.lines
    ):
        quantity = _quantity([(line.quantity, line.unit) for line in document.lines])
        return (Portion(document.order_number, Fraction(1), quantity),)
    groups: dict[str, list[tuple[Decimal, Decimal, str]]] = {}
    total = Decimal(0)
    for line in document.lines:
        total += line.net_amount
        if number := line.order_number or document.order_number:
            groups.setdefault(number, []).append((line.net_amount, line.quantity, line.unit))
    found = []
    for number, lines in groups.items():
        net = sum((amount for amount, _, _ in lines), Decimal(0))
        part = Fraction(net) / Fraction(total) if total else Fraction(0)
        quantity = _quantity([(count, unit) for _, count, unit in lines])
        found.append(Portion(number, min(max(part, Fraction(0)), Fraction(1)), quantity))
    return tuple(found)


def _portions_of_bill(bill: Bill) -> tuple[Portion, ...]:
    if bill.split_from is not None:
        whole = f"{bill.number}|{bill.split_from}|{bill.split_to}"
        return (Portion(whole, Fraction(1), None, "bill"),)
    parts: dict[tuple[str, str | None], Fraction] = {}
    for line in bill.lines:
        amount = bill.amount if line.amount is None else line.amount
        name = (line.invoice_number, line.fapiao_code)
        parts[name] = parts.get(name, Fraction(0)) + Fraction(amount) / Fraction(bill.amount)
    return tuple(Portion(number, part, None, "invoice", code) for (number, code), part in parts.items())


def weight(child: Worth, portion: Portion, parent: Worth | None) -> Weight:
    """The weights of one link.

    Reckoned on gross payable; on quantity where the currencies differ and both sides count in one unit.

    :param parent: None while the other document is not known
    """
    part, whole = portion.part.numerator, portion.part.denominator
    of_child = _ppb(part, whole)
    if parent is None:
        return Weight(of_child, None, "unknown")
    # Ratios of integers, not fractions: nothing has to be reduced on the way, which is what takes their time.
    if child.gross and parent.gross and child.gross[1] == parent.gross[1]:
        if parent.gross[0] > 0 and (part == 0 or child.gross[0] >= 0):
            above, below = child.gross[0].as_integer_ratio()
            upper, lower = parent.gross[0].as_integer_ratio()
            return Weight(of_child, _ppb(part * above * lower, whole * below * upper), "gross")
    elif (
        portion.quantity
        and parent.quantity
        and portion.quantity[1] == parent.quantity[1]
        and parent.quantity[0] > 0
        and portion.quantity[0] >= 0
    ):
        above, below = portion.quantity[0].as_integer_ratio()
        upper, lower = parent.quantity[0].as_integer_ratio()
        return Weight(of_child, _ppb(above * lower, below * upper), "quantity")
    return Weight(of_child, None, "unknown")


def credit_shares(credit: Worth, invoices: Sequence[Worth]) -> list[int] | None:
    """By how much of face value a credit note dilutes each invoice that it corrects, billionths, rounded up.

    The credited amount is spread over the invoices by their gross amounts, at most all of each.

    :returns: None when an amount is missing or zero, or the currencies differ
    """
    if credit.gross is None or not invoices:
        return None
    amount, currency = credit.gross
    total = Fraction(0)
    for invoice in invoices:
        if invoice.gross is None or invoice.gross[1] != currency or invoice.gross[0] <= 0:
            return None
        total += Fraction(invoice.gross[0])
    share = min(abs(Fraction(amount)) / total, Fraction(1)) * WHOLE_PPB
    rounded = -(-share.numerator // share.denominator)
    return [rounded] * len(invoices) if rounded else None


def _quantity(lines: Sequence[tuple[Decimal, str]]) -> tuple[Decimal, str] | None:
    units = {unit for _, unit in lines}
    if len(units) != 1:
        return None
    return sum((count for count, _ in lines), Decimal(0)), units.pop()


def _ppb(above: int, below: int) -> int:
    """A ratio, from none to all, in billionths, rounded down."""
    return min(max(above, 0), below) * WHOLE_PPB // below
