"""PO_EXHAUSTED: is no more invoiced than was ordered?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from consortium.documents import PurchaseOrder
from crossverify.figures import Rate
from crossverify.rule import Effect, Input, Outcome, Rule, Thresholds, Verdict
from crossverify.rules.match import po_exhausted
from crossverify.rules.match.lines import Said, verdicts
from crossverify.rules.match.prepayment import is_prepayment
from crossverify.rules.match.texts import taken
from crossverify.trade import unit_price
from crossverify.units import Exact, exact, scaled, shown
from crossverify.units_v1 import factor
from crossverify.wording import money, percent

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable
    from crossverify.trade import Slot, TradeLine


class PoExhaustedThresholds(Thresholds):
    """Figures of PO_EXHAUSTED.

    :ivar tolerance: part of the order by which invoices may exceed it and only warn
    :ivar warn_from: part of the order from which on an invoice warns; none for receivables, 0.95 for order
        finance
    """

    tolerance: Rate = Decimal("0.02")
    warn_from: Rate | None = None


class _Use(NamedTuple):
    """How far an order, or one line of it, is used up after an invoice."""

    part: Fraction
    told: str
    inputs: tuple[Input, ...]
    line: str | None


@dataclass(slots=True, eq=False)
class _Order:
    """One order's use so far.

    :ivar by_line: whether all invoice lines of the order match its lines in comparable units
    :ivar used: quantity by index of the order's line, in the line's unit
    :ivar net: amount without tax
    """

    slot: Slot
    by_line: bool = True
    used: dict[int, Exact] = field(default_factory=dict)
    net: Decimal = Decimal(0)


class PoExhausted(Rule[PoExhaustedThresholds]):
    """Invoices so far against the order, net of credit notes: by line where lines match, else by net amount.

    Invoices use the order up in order of issue date, then ledger position.

    - PASS: to 100 %. WARN: above it within tolerance, or from the share on that the profile warns of.
    - FAIL: above it.
    - UNKNOWN: no order reference, the order's body is not here, another currency, no value.
    - NOT_APPLICABLE: prepayments, cancelled invoices.
    """

    id = "PO_EXHAUSTED"
    version = 1
    title = po_exhausted.PoExhausted.title
    basis = po_exhausted.PoExhausted.basis
    explains: ClassVar = taken(
        po_exhausted.PoExhausted.explains,
        {
            "CANCELLED",
            "CURRENCY",
            "NEARLY_EXHAUSTED",
            "NO_ORDER",
            "NO_ORDER_VALUE",
            "NO_REFERENCE",
            "OVER_ORDERED",
            "PREPAYMENT",
            "WITHIN_ORDER",
            "WITHIN_TOLERANCE",
        },
    )
    applies_when = "the invoice stands and is no prepayment"
    sources = ("documents",)
    effects: ClassVar = {"WARN": Effect.INFORMATION, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}
    thresholds = PoExhaustedThresholds

    def evaluate(self, case: Case, thresholds: PoExhaustedThresholds) -> Iterator[Verdict]:
        """See the class."""
        standing = {item.fingerprint for item in case.trade.drawing}
        orders = _orders(case)
        for receivable in case.receivables:
            number = case.of_document(receivable.primary, "number", receivable.invoice.number)
            key = receivable.fingerprint
            if key not in standing:
                text = "The invoice is cancelled."
                yield Verdict(key, Outcome.NOT_APPLICABLE, "CANCELLED", text, (number,))
            elif is_prepayment(receivable.invoice):
                code = case.of_document(receivable.primary, "type_code", receivable.invoice.type_code)
                text = "A prepayment is set off against the final invoice."
                yield Verdict(key, Outcome.NOT_APPLICABLE, "PREPAYMENT", text, (code,))
            else:
                yield from _judge(case, receivable, orders, thresholds)


def _orders(case: Case) -> dict[int, _Order]:
    found: dict[int, _Order] = {}
    for receivable in case.trade.drawing:
        if is_prepayment(receivable.invoice):
            continue
        for line in case.trade.lines(receivable):
            if line.slot is not None:
                order = found.setdefault(id(line.slot), _Order(line.slot))
                target = line.slot_line
                ordered = target.order_line if target is not None else None
                if ordered is None or factor(line.line.unit, ordered.unit) is None:
                    order.by_line = False
    return found


def _judge(
    case: Case, receivable: Receivable, orders: dict[int, _Order], thresholds: PoExhaustedThresholds
) -> Iterator[Verdict]:
    by_order: dict[int | None, list[TradeLine]] = {}
    for line in case.trade.lines(receivable):
        by_order.setdefault(None if line.slot is None else id(line.slot), []).append(line)
    for key, lines in by_order.items():
        slot = lines[0].slot
        number = case.of_document(receivable.primary, "order_number", slot.number if slot else None)
        if key is None or slot is None:
            text = "The invoice names no order."
            yield Verdict(receivable.fingerprint, Outcome.UNKNOWN, "NO_REFERENCE", text, (number,))
        elif slot.order is None:
            text = f"Order {slot.number} is not here."
            yield Verdict(receivable.fingerprint, Outcome.UNKNOWN, "NO_ORDER", text, (number,))
        elif orders[key].by_line:
            said = [_said(_line_use(case, receivable, orders[key], line), thresholds) for line in lines]
            yield from verdicts(receivable.fingerprint, said, f"are within order {slot.number}")
        else:
            use = _net_use(case, receivable, orders[key], lines)
            if isinstance(use, Verdict):
                yield use
            else:
                yield from verdicts(receivable.fingerprint, [_said(use, thresholds)], "")


def _line_use(case: Case, receivable: Receivable, order: _Order, line: TradeLine) -> _Use:
    target = line.slot_line
    assert line.index is not None
    assert target is not None
    ordered = target.order_line
    assert ordered is not None  # as by_line says
    scale = factor(line.line.unit, ordered.unit) or Fraction(1)
    quantity = scaled(line.net, scale)
    used = order.used[line.index] = max(order.used.get(line.index, 0) + quantity, 0)
    of = exact(ordered.quantity)
    asked = f"{shown(line.line.quantity)} {line.line.unit}"
    told = (
        f"Line {line.line.line_id}: {shown(used)} {ordered.unit} invoiced so far"
        f" of {shown(of)} {ordered.unit} ordered"
    )
    inputs = [case.of_document(receivable.primary, f"lines/{line.line.line_id}/quantity", asked)]
    if order.slot.order is not None:
        text = f"{shown(of)} {ordered.unit}"
        inputs.append(case.of_document(order.slot.order, f"lines/{ordered.line_id}/quantity", text))
    return _Use(_part(used, of, quantity), told, tuple(inputs), line.line.line_id)


def _net_use(case: Case, receivable: Receivable, order: _Order, lines: list[TradeLine]) -> _Use | Verdict:
    source = order.slot.order
    assert source is not None
    body = source.document
    assert isinstance(body, PurchaseOrder)
    asked = case.of_document(receivable.primary, "totals/net", receivable.invoice.totals.net)
    total = _order_net(body)
    inputs = (asked, case.of_document(source, "totals/net", total))
    if body.currency != receivable.currency:
        text = f"Ordered in {body.currency}, invoiced in {receivable.currency}."
        return Verdict(receivable.fingerprint, Outcome.UNKNOWN, "CURRENCY", text, inputs)
    if total is None:
        text = f"Order {body.number} states no value."
        return Verdict(receivable.fingerprint, Outcome.UNKNOWN, "NO_ORDER_VALUE", text, inputs)
    value = sum((each.line.net_amount - each.credited_net for each in lines), Decimal(0))
    order.net = max(order.net + value, Decimal(0))
    told = f"{money(order.net, body.currency)} invoiced so far of {money(total, body.currency)} ordered, without tax"
    return _Use(_part(Fraction(order.net), Fraction(total), Fraction(value)), told, inputs, None)


def _part(used: Exact, of: Exact, own: Exact) -> Fraction:
    """How much of the order is used; nothing where the invoice itself takes nothing."""
    if own <= 0 or used <= 0:
        return Fraction(0)
    return Fraction(used) / of if of > 0 else Fraction(2)


def _order_net(order: PurchaseOrder) -> Decimal | None:
    """The order's value without tax: as it says, else from its lines; none where that says nothing."""
    if order.totals is not None:
        totals = order.totals
        if totals.net is not None:
            return totals.net
        return totals.line_net - (totals.allowances or Decimal(0)) + (totals.charges or Decimal(0))
    total = Decimal(0)
    for line in order.lines:
        if line.net_amount is not None:
            total += line.net_amount
            continue
        price = unit_price(line)
        if price is None:
            return None
        value = price * Fraction(line.quantity)
        total += Decimal(value.numerator) / Decimal(value.denominator)
    return total


def _said(use: _Use, thresholds: PoExhaustedThresholds) -> Said:
    told = f"{use.told} ({percent(use.part)})." if use.part else f"{use.told}."
    warn_from = thresholds.warn_from
    if use.part > 1 + Fraction(thresholds.tolerance):
        return Said(Outcome.FAIL, "OVER_ORDERED", told, use.inputs, use.line)
    if use.part > 1:
        return Said(Outcome.WARN, "WITHIN_TOLERANCE", told, use.inputs, use.line)
    if warn_from is not None and use.part >= Fraction(warn_from):
        return Said(Outcome.WARN, "NEARLY_EXHAUSTED", told, use.inputs, use.line)
    return Said(Outcome.PASS, "WITHIN_ORDER", told, use.inputs, use.line)
