"""MATCH_PRICE: is the price the ordered one?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from consortium.documents import InvoiceLine, OrderLine, PurchaseOrder
from crossverify.figures import Rate
from crossverify.rule import Effect, Input, Outcome, Rule, Thresholds, Verdict
from crossverify.rules.match import match_price
from crossverify.rules.match.lines import Said, verdicts
from crossverify.rules.match.texts import taken
from crossverify.trade import unit_price
from crossverify.units import shown
from crossverify.units_v1 import factor
from crossverify.wording import percent

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable
    from crossverify.trade import TradeLine


class MatchPriceThresholds(Thresholds):
    """Figures of MATCH_PRICE.

    :ivar tolerance: part of the ordered price by which the invoiced one may differ and only warn: prices per
        piece are rounded, and converted between units
    """

    tolerance: Rate = Decimal("0.01")


class MatchPrice(Rule[MatchPriceThresholds]):
    """Line by line: price over base quantity, converted to the same unit, against the order's line.

    - PASS: equal, or brought down to it by a credit note. WARN: within tolerance, or lower than ordered.
    - FAIL: higher than ordered beyond tolerance; only a higher price can fail.
    - UNKNOWN: no order, line not matched, no price on the order, another currency or unit.
    - NOT_APPLICABLE: cancelled invoices, lines taken back by a credit note.
    """

    id = "MATCH_PRICE"
    version = 1
    title = match_price.MatchPrice.title
    basis = match_price.MatchPrice.basis
    explains: ClassVar = taken(
        match_price.MatchPrice.explains,
        {
            "CANCELLED",
            "CORRECTED",
            "CREDITED",
            "CURRENCY",
            "EQUAL",
            "HIGHER",
            "LINE_NOT_MATCHED",
            "LOWER",
            "NO_COMPARABLE_PRICE",
            "NO_ORDER",
            "WITHIN_TOLERANCE",
        },
    )
    applies_when = "the invoice stands"
    sources = ("documents",)
    effects: ClassVar = {"WARN": Effect.INFORMATION, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}
    thresholds = MatchPriceThresholds

    def evaluate(self, case: Case, thresholds: MatchPriceThresholds) -> Iterator[Verdict]:
        """See the class."""
        standing = {item.fingerprint for item in case.trade.drawing}
        for receivable in case.receivables:
            if receivable.fingerprint not in standing:
                number = case.of_document(receivable.primary, "number", receivable.invoice.number)
                text = "The invoice is cancelled."
                yield Verdict(receivable.fingerprint, Outcome.NOT_APPLICABLE, "CANCELLED", text, (number,))
                continue
            lines = case.trade.lines(receivable)
            said = [_judge(case, receivable, line, Fraction(thresholds.tolerance)) for line in lines]
            yield from verdicts(receivable.fingerprint, said, "have the ordered price")


def _judge(case: Case, receivable: Receivable, line: TradeLine, tolerance: Fraction) -> Said:
    body = line.line
    name = body.line_id
    asked = case.of_document(receivable.primary, f"lines/{name}/price", _price_text(body))
    if body.quantity > 0 and line.net <= 0:
        text = f"Line {name} was taken back by a credit note."
        return Said(Outcome.NOT_APPLICABLE, "CREDITED", text, (asked,), name, shared=True)
    order = line.slot.order if line.slot is not None else None
    if line.slot is None or order is None:
        what = "names no order" if line.slot is None else f"names order {line.slot.number}, which is not here"
        return Said(Outcome.UNKNOWN, "NO_ORDER", f"Line {name} {what}.", (asked,), name, shared=True)
    ordered = line.slot_line.order_line if line.slot_line is not None else None
    if ordered is None:
        text = f"Line {name} cannot be matched to a line of order {line.slot.number}."
        return Said(Outcome.UNKNOWN, "LINE_NOT_MATCHED", text, (asked,), name)
    inputs = (asked, case.of_document(order, f"lines/{ordered.line_id}/price", _price_text(ordered)))
    assert isinstance(order.document, PurchaseOrder)
    if order.document.currency != receivable.currency:
        text = f"Line {name}: ordered in {order.document.currency}, invoiced in {receivable.currency}."
        return Said(Outcome.UNKNOWN, "CURRENCY", text, inputs, name, shared=True)
    if _same(ordered, body):
        text = f"Line {name} is invoiced at the ordered price of {asked.value}."
        return Said(Outcome.PASS, "EQUAL", text, inputs, name)
    wanted = unit_price(ordered)
    scale = factor(ordered.unit, body.unit)
    asks = unit_price(body)
    if wanted is None or scale is None or asks is None:
        text = f"Line {name}: the order states no price that can be compared."
        return Said(Outcome.UNKNOWN, "NO_COMPARABLE_PRICE", text, inputs, name)
    return _compare(line, asks, wanted / scale, tolerance, inputs)


def _compare(
    line: TradeLine, asks: Fraction, wanted: Fraction, tolerance: Fraction, inputs: tuple[Input, ...]
) -> Said:
    name, unit = line.line.line_id, line.line.unit
    code = "EQUAL"
    if asks > wanted and line.credited_net and not line.credited and line.line.quantity > 0:
        # A credit note that takes back no quantity corrects the price.
        net = Fraction(line.line.net_amount - line.credited_net) / Fraction(line.line.quantity)
        asks, code = min(asks, max(net, Fraction(0))), "CORRECTED"
    told = f"Line {name}: {shown(asks)} per {unit} invoiced, {shown(wanted)} ordered"
    if asks == wanted or (code == "CORRECTED" and asks < wanted):
        return Said(Outcome.PASS, code, f"{told}.", inputs, name)
    off = abs(asks - wanted)
    share = f" ({percent(off / wanted)})" if wanted else ""
    if off <= tolerance * wanted:
        return Said(Outcome.WARN, "WITHIN_TOLERANCE", f"{told}: within tolerance{share}.", inputs, name)
    if asks < wanted:
        return Said(Outcome.WARN, "LOWER", f"{told}: lower{share}.", inputs, name)
    return Said(Outcome.FAIL, "HIGHER", f"{told}: higher{share}.", inputs, name)


def _same(ordered: OrderLine, body: InvoiceLine) -> bool:
    """Whether the prices are the same as written, which most are."""
    return (
        ordered.price == body.price
        and ordered.unit == body.unit
        and ordered.base_quantity == body.base_quantity
        and (ordered.base_unit or ordered.unit) == (body.base_unit or body.unit)
    )


def _price_text(line: InvoiceLine | OrderLine) -> str:
    if line.price is None:
        return ""
    base = line.base_quantity or Decimal(1)
    return f"{shown(line.price)} per {shown(base)} {line.base_unit or line.unit}"
