"""MATCH_QTY: is no more invoiced than was received and accepted?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from crossverify.figures import Rate
from crossverify.rule import Deduction, Effect, Input, Outcome, Rule, Step, Thresholds, Verdict, clip
from crossverify.rules.match import match_qty
from crossverify.rules.match.lines import Said, verdicts
from crossverify.rules.match.prepayment import is_prepayment
from crossverify.rules.match.texts import taken
from crossverify.units import Exact, exact, scaled, shown
from crossverify.units_v1 import factor
from crossverify.wording import rounded_up

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable
    from crossverify.trade import SlotLine, TradeLine


class MatchQtyThresholds(Thresholds):
    """Figures of MATCH_QTY.

    :ivar tolerance: part of the accepted quantity by which invoices may exceed it and only warn; bulk goods
        are weighed twice and never weigh the same
    """

    tolerance: Rate = Decimal("0.02")


@dataclass(frozen=True, slots=True)
class _Accepted:
    """What was accepted on one order line; ``quantity`` is none where that cannot be known."""

    quantity: Exact | None
    unit: str
    code: str
    message: str
    inputs: tuple[Input, ...]
    by_debtor: bool = True
    """Whether every receipt was handed in or signed by the debtor; else it is the seller's word."""


class MatchQty(Rule[MatchQtyThresholds]):
    """Line by line, in comparable units, net of credit notes.

    Accepted is received less rejected. Invoices draw on it in order of issue date, then ledger position; the
    one that overdraws fails, and those after it find nothing left.

    - PASS: within what was accepted; said where a receipt is the seller's word only (a bank may refer that
      code). WARN: above it within tolerance; the excess leaves the eligible amount.
    - FAIL: above it.
    - UNKNOWN: no receipt, a receipt without quantities, units that cannot be compared, a line that cannot be
      matched.
    - NOT_APPLICABLE: services, prepayments, cancelled invoices.
    """

    id = "MATCH_QTY"
    version = 1
    title = match_qty.MatchQty.title
    basis = match_qty.MatchQty.basis
    explains: ClassVar = taken(
        match_qty.MatchQty.explains,
        {
            "CANCELLED",
            "EARLIER_UNITS",
            "LINE_NOT_MATCHED",
            "NO_RECEIPT",
            "NO_REFERENCE",
            "OVER_RECEIVED",
            "PREPAYMENT",
            "RECEIPT_WITHOUT_QUANTITY",
            "SERVICE",
            "UNITS",
            "WITHIN_ACCEPTED",
            "WITHIN_SELLERS_RECEIPT",
            "WITHIN_TOLERANCE",
        },
    )
    applies_when = "the invoice is for goods and is no prepayment"
    sources = ("documents",)
    effects: ClassVar = {"WARN": Effect.INFORMATION, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}
    thresholds = MatchQtyThresholds

    def evaluate(self, case: Case, thresholds: MatchQtyThresholds) -> Iterator[Verdict]:
        """See the class."""
        drawing = {item.fingerprint for item in case.trade.drawing}
        draw = _Draw(case, thresholds.tolerance)
        for receivable in case.receivables:
            number = case.of_document(receivable.primary, "number", receivable.invoice.number)
            if receivable.fingerprint not in drawing:
                text = "The invoice is cancelled; nothing is drawn on what was received."
                yield Verdict(receivable.fingerprint, Outcome.NOT_APPLICABLE, "CANCELLED", text, (number,))
            elif is_prepayment(receivable.invoice):
                code = case.of_document(receivable.primary, "type_code", receivable.invoice.type_code)
                text = "A prepayment is asked for before anything is received."
                yield Verdict(receivable.fingerprint, Outcome.NOT_APPLICABLE, "PREPAYMENT", text, (code,))
            else:
                said = [draw.line(receivable, line) for line in case.trade.lines(receivable)]
                yield from verdicts(receivable.fingerprint, said, "are within what was accepted")


class _Draw:
    """What invoices have drawn so far, by order line."""

    def __init__(self, case: Case, tolerance: Decimal) -> None:
        self._case = case
        self._tolerance = Fraction(tolerance)
        self._accepted: dict[int, _Accepted] = {}
        self._drawn: dict[int, Exact] = {}
        self._uncertain: set[int] = set()

    def line(self, receivable: Receivable, line: TradeLine) -> Said:
        """Judges one line and draws it."""
        body = line.line
        asked = self._case.of_document(
            receivable.primary, f"lines/{body.line_id}/quantity", f"{shown(body.quantity)} {body.unit}"
        )
        if line.service:
            text = f"Line {body.line_id} is a service."
            return Said(Outcome.NOT_APPLICABLE, "SERVICE", text, (asked,), body.line_id, shared=True)
        target = line.slot_line
        if line.slot is None:
            text = f"Line {body.line_id} names no order, despatch advice or goods receipt."
            return Said(Outcome.UNKNOWN, "NO_REFERENCE", text, (asked,), body.line_id, shared=True)
        if target is None:
            received = any(each.receipts for each in line.slot.lines) or line.slot.unmatched
            code = "LINE_NOT_MATCHED" if received else "NO_RECEIPT"
            text = (
                f"Line {body.line_id} cannot be matched to a line of order {line.slot.number}."
                if received
                else f"There is no goods receipt for order {line.slot.number}."
            )
            return Said(Outcome.UNKNOWN, code, text, (asked,), body.line_id, shared=not received)
        accepted = self._accepted.get(id(target))
        if accepted is None:
            accepted = self._accepted[id(target)] = _accepted(self._case, target, line.slot.number)
        return self._against(receivable, line, accepted, asked)

    def _against(self, receivable: Receivable, line: TradeLine, accepted: _Accepted, asked: Input) -> Said:
        name, key = line.line.line_id, id(line.slot_line)
        inputs = (asked, *accepted.inputs)
        if accepted.quantity is None:
            shared = accepted.code == "NO_RECEIPT"
            text = f"Line {name}: {accepted.message}"
            return Said(Outcome.UNKNOWN, accepted.code, text, inputs, name, shared=shared)
        scale = factor(line.line.unit, accepted.unit)
        if scale is None:
            self._uncertain.add(key)
            text = f"Line {name}: {line.line.unit} invoiced and {accepted.unit} received cannot be compared."
            return Said(Outcome.UNKNOWN, "UNITS", text, inputs, name)
        if key in self._uncertain:
            text = f"Line {name}: an earlier invoice draws on the same receipt in a unit that cannot be compared."
            return Said(Outcome.UNKNOWN, "EARLIER_UNITS", text, inputs, name)
        before = self._drawn.get(key, 0)
        quantity = scaled(line.net, scale)
        after = self._drawn[key] = max(before + quantity, 0)
        over = after - accepted.quantity
        told = _told(line, quantity, before, accepted)
        if quantity <= 0 or over <= 0:
            if accepted.by_debtor:
                return Said(Outcome.PASS, "WITHIN_ACCEPTED", f"{told}.", inputs, name)
            told += ", by receipts that the debtor did not hand in itself."
            return Said(Outcome.PASS, "WITHIN_SELLERS_RECEIPT", told, inputs, name)
        own = min(quantity, over - max(before - accepted.quantity, 0))
        told += f": {shown(over)} more than was accepted."
        if over <= self._tolerance * accepted.quantity:
            return Said(
                Outcome.WARN,
                "WITHIN_TOLERANCE",
                told,
                inputs,
                name,
                _deduction(receivable, line, own / scale),
            )
        return Said(Outcome.FAIL, "OVER_RECEIVED", told, inputs, name)


def _told(line: TradeLine, quantity: Exact, before: Exact, accepted: _Accepted) -> str:
    assert accepted.quantity is not None
    net = " net of credit notes" if line.credited else ""
    earlier = f" after {shown(before)} on earlier invoices" if before else ""
    return (
        f"Line {line.line.line_id}: {shown(quantity)} {accepted.unit} invoiced{net}{earlier},"
        f" {shown(accepted.quantity)} {accepted.unit} accepted"
    )


def _accepted(case: Case, target: SlotLine, number: str) -> _Accepted:
    """Sums what was accepted on an order line, in the unit of its first receipt."""
    if not target.receipts:
        return _Accepted(None, "", "NO_RECEIPT", f"nothing is known to be received on order {number}.", ())
    total: Exact = 0
    unit = target.receipts[0][1].unit or ""
    inputs = []
    by_debtor = True
    for item, line, quantity in target.receipts:
        by_debtor = by_debtor and item.buyer != "" and item.buyer in {item.pushed_by, item.signed_by}
        field = f"lines/{line.line_id}/accepted"
        if quantity is None:
            told = case.of_document(item, field, None)
            return _Accepted(None, unit, "RECEIPT_WITHOUT_QUANTITY", "a receipt states no quantity.", (told,))
        inputs.append(case.of_document(item, field, f"{shown(quantity)} {line.unit or ''}".rstrip()))
        scale = factor(line.unit, unit) if line.unit else None
        if scale is None:
            text = "receipts are in units that cannot be compared."
            return _Accepted(None, unit, "UNITS", text, tuple(inputs))
        total += scaled(exact(quantity), scale)
    return _Accepted(total, unit, "", "", clip(inputs), by_debtor)


def _deduction(receivable: Receivable, line: TradeLine, over: Fraction) -> Deduction:
    """The value with tax of the quantity that was not received, rounded up."""
    totals = receivable.invoice.totals
    with_tax = Fraction(totals.gross) / Fraction(totals.net) if totals.net > 0 else Fraction(1)
    value = (
        Fraction(over)
        / Fraction(line.line.quantity)
        * Fraction(line.line.net_amount)
        * max(with_tax, Fraction(1))
    )
    amount = rounded_up(max(value, Fraction(0)), receivable.currency)
    return Deduction(Step.NOT_RECEIVED, amount, receivable.currency)
