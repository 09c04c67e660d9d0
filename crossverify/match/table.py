"""The table of a three-way match: one row per line of an invoice.

A row says what the documents say, before any tolerance; what the tolerances of a profile make of it stands in the
findings of MATCH_QTY, MATCH_PRICE and PO_EXHAUSTED. Quantities are in the unit of the invoice's line and belong to the
order line (or the lines together) that the invoice's line was matched to.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

from crossverify.units import Exact, shown


class How(StrEnum):
    """How a line was matched."""

    REFERENCE = "reference"
    """By the line that it names, of an order, a despatch advice or a goods receipt."""
    ITEM = "item"
    """By the item; where the item is on several lines, to these together."""
    UNIT_PRICE = "unit_and_price"
    """By unit and price, among lines that the item leaves open."""
    SOLE = "sole_line"
    """As the only line on both sides."""
    NONE = "none"


class Fact(StrEnum):
    """What a comparison found."""

    AGREES = "AGREES"
    OVER = "OVER"
    HIGHER = "HIGHER"
    LOWER = "LOWER"
    CORRECTED = "CORRECTED"
    """A credit note brought the price down to the ordered one."""
    CREDITED = "CREDITED"
    """Nothing is claimed: a credit note took the whole line back, or the line itself takes back."""
    NO_RECEIPT = "NO_RECEIPT"
    RECEIPT_WITHOUT_QUANTITY = "RECEIPT_WITHOUT_QUANTITY"
    RECEIPT_CONTRADICTS = "RECEIPT_CONTRADICTS"
    """More was rejected than received."""
    NO_ORDER = "NO_ORDER"
    NO_REFERENCE = "NO_REFERENCE"
    NO_PRICE = "NO_PRICE"
    NO_QUANTITY = "NO_QUANTITY"
    """An amount for no quantity, or an order of nothing."""
    NOT_MATCHED = "NOT_MATCHED"
    AMBIGUOUS = "AMBIGUOUS"
    """Several lines are as likely, and nothing tells which one is meant."""
    CONTRADICTS = "CONTRADICTS"
    """What the line refers to is about something else."""
    UNITS = "UNITS"
    EARLIER_UNITS = "EARLIER_UNITS"
    """An earlier invoice draws on the same in a unit that cannot be compared."""
    CURRENCY = "CURRENCY"
    NOTHING = "NOTHING"
    """A line of no quantity and no amount."""
    SERVICE = "SERVICE"
    PREPAYMENT = "PREPAYMENT"
    CANCELLED = "CANCELLED"
    TOO_MANY_LINES = "TOO_MANY_LINES"


_AGREE: Final = frozenset({Fact.AGREES, Fact.CORRECTED})
_DIFFER: Final = frozenset({Fact.OVER, Fact.HIGHER, Fact.LOWER})
_NO_MATTER: Final = frozenset({Fact.SERVICE, Fact.PREPAYMENT, Fact.CANCELLED, Fact.CREDITED, Fact.NOTHING})


class LineVerdict(StrEnum):
    """All comparisons of a line in one word."""

    AGREES = "agrees"
    DIFFERS = "differs"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


class Note(StrEnum):
    """What else a person should know of a line."""

    ITEM_DIFFERS = "ITEM_DIFFERS"
    """The item number is not the one of the line that is referred to."""
    REFERENCES_DIFFER = "REFERENCES_DIFFER"
    """Order, receipt or despatch advice that the line names belong to different trades."""
    LINE_UNKNOWN = "LINE_UNKNOWN"
    """The order has no line of the number that is named."""
    REPEATED_LINE = "REPEATED_LINE"
    """The invoice has the same line more than once."""
    RECEIPT_LINE_REPEATED = "RECEIPT_LINE_REPEATED"
    """A receipt has the same line more than once; it counts once."""
    SELLERS_RECEIPT = "SELLERS_RECEIPT"
    """A receipt was handed in by the seller and not signed by the debtor."""
    SEVERAL_LINES = "SEVERAL_LINES"
    """Matched to several lines of the same item together."""
    SHARED_RECEIPT = "SHARED_RECEIPT"
    """Some receipts name the item and not the line; they count for all lines of the item together."""
    OVER_DELIVERED = "OVER_DELIVERED"
    """More was accepted than ordered."""
    MORE_THAN_SENT = "MORE_THAN_SENT"
    """More was received than the despatch advices say was sent."""
    RECEIPT_TO_COME = "RECEIPT_TO_COME"
    """What exceeds the accepted quantity was sent by despatch advices that no receipt names yet."""
    RECEIPT_NOT_HERE = "RECEIPT_NOT_HERE"
    """The receipt that the invoice names is not here."""
    UNREFERENCED = "UNREFERENCED"
    """The invoice names no order, despatch advice or receipt; the trade was found by item, unit and price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineMatch:
    """One line of an invoice against its trade. Quantities in ``unit``, prices per ``unit`` in ``currency``; none
    where that is not known.

    :ivar line: line number on the invoice
    :ivar position: place among the invoice's lines, from 1; line numbers may repeat
    :ivar item: name of the item
    :ivar orders: numbers of the orders that it belongs to
    :ivar order_lines: the lines of these orders, as "order/line"
    :ivar matched_by: how it was matched
    :ivar candidates: where it is ambiguous: the lines that it may mean
    :ivar ordered: quantity ordered
    :ivar despatched: quantity sent
    :ivar received: quantity received
    :ivar rejected: quantity received and refused
    :ivar short: quantity that was missing
    :ivar accepted: received less rejected
    :ivar invoiced_before: drawn by earlier invoices, net of credit notes
    :ivar invoiced: on this line
    :ivar credited: of it taken back by credit notes
    :ivar over_accepted: by how much this and earlier invoices exceed what was accepted
    :ivar over_ordered: by how much they exceed what was ordered
    :ivar net_amount: amount of the line without tax
    :ivar credited_net: of it taken back
    :ivar price: after the line's allowances and charges
    :ivar order_price: the order's, after allowances and charges, in the same unit
    :ivar order_currency: the order's currency
    :ivar price_difference: price less order price
    :ivar quantity_says: invoice against what was accepted
    :ivar price_says: price against the order
    :ivar order_says: invoices against what was ordered
    :ivar notes: what else there is to know
    """

    line: str
    position: int
    item: str
    orders: tuple[str, ...] = ()
    order_lines: tuple[str, ...] = ()
    matched_by: How = How.NONE
    candidates: tuple[str, ...] = ()
    unit: str
    ordered: Exact | None = None
    despatched: Exact | None = None
    received: Exact | None = None
    rejected: Exact | None = None
    short: Exact | None = None
    accepted: Exact | None = None
    invoiced_before: Exact | None = None
    invoiced: Exact
    credited: Exact = 0
    over_accepted: Exact | None = None
    over_ordered: Exact | None = None
    currency: str
    net_amount: Exact
    credited_net: Exact = 0
    price: Exact | None = None
    order_price: Exact | None = None
    order_currency: str | None = None
    price_difference: Exact | None = None
    quantity_says: Fact
    price_says: Fact
    order_says: Fact
    notes: tuple[Note, ...] = ()

    @property
    def net(self) -> Exact:
        """Invoiced less credited."""
        return self.invoiced - self.credited

    @property
    def verdict(self) -> LineVerdict:
        """All comparisons in one word: one that differs decides, then one that cannot be made."""
        said = {self.quantity_says, self.price_says, self.order_says}
        if said & _DIFFER:
            return LineVerdict.DIFFERS
        if said - _AGREE - _NO_MATTER:
            return LineVerdict.UNKNOWN
        return LineVerdict.AGREES if said & _AGREE else LineVerdict.NOT_APPLICABLE

    def to_json(self) -> dict[str, Any]:
        """The row as canonical JSON data: numbers as decimal strings, at most six places where there is no end to
        them; what is not known is left out."""
        data: dict[str, Any] = {}
        for name in _NAMES:
            value = getattr(self, name)
            if value is None or value == ():
                continue
            if isinstance(value, StrEnum):
                data[name] = value.value
            elif isinstance(value, tuple):
                data[name] = [str(each) for each in value]
            elif name != "position" and isinstance(value, int | Fraction):
                data[name] = shown(value)
            else:
                data[name] = value
        data["verdict"] = self.verdict.value
        return data


_NAMES: Final = tuple(field.name for field in fields(LineMatch))
