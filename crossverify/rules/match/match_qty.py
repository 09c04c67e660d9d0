"""MATCH_QTY: is no more invoiced than was received and accepted?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import chain, islice
from typing import TYPE_CHECKING, ClassVar

from crossverify.figures import Rate
from crossverify.match import Fact, Matched, Note, match_case
from crossverify.rule import (
    MAX_INPUTS_PER_FINDING,
    Deduction,
    Effect,
    Input,
    Outcome,
    Rule,
    Step,
    Text,
    Verdict,
)
from crossverify.rules.match.lines import MOST_TOLD, Said, verdicts
from crossverify.rules.match.texts import CANCELLED, COMMON, PREPAYMENT, SERVICE, TOO_MANY_LINES
from crossverify.rules.match.tolerance import Tolerance
from crossverify.units import Exact, shown
from crossverify.wording import rounded_up

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable


class MatchQtyThresholds(Tolerance):
    """Figures of MATCH_QTY.

    :ivar tolerance: part of the accepted quantity by which invoices may exceed it and only warn; bulk goods are weighed
        twice and never weigh the same
    """

    tolerance: Rate = Decimal("0.02")


class MatchQty(Rule[MatchQtyThresholds]):
    """Line by line, in comparable units, net of credit notes.

    Accepted is received less rejected. Invoices draw on it in order of issue date, then ledger position; the one that
    overdraws fails, and those after it find nothing left. Lines are matched by what they refer to, else by item, unit
    and price (:mod:`crossverify.match`).

    - PASS: within what was accepted; said where a receipt is the seller's word only (a bank may refer that code).
    - WARN: above it within tolerance, and the excess leaves the eligible amount; the same line more than once; more
      than the despatch advices say was sent.
    - FAIL: above it.
    - UNKNOWN: no receipt, or none yet of goods that were sent; a receipt without quantities or one that contradicts
      itself, units that cannot be compared, a line that cannot be matched or whose references contradict each other;
      above what was accepted where the invoice names no trade, or where a credit note may take it back.
    - NOT_APPLICABLE: services that no receipt is about, prepayments, cancelled invoices, lines of nothing and lines
      that take back.
    """

    id = "MATCH_QTY"
    version = 2
    title = Text("Is no more invoiced than was received and accepted?", "开票数量是否未超过已验收数量？")
    basis = (
        "民法典 620, 763",
        "银发〔2025〕77号 (真实交易背景)",
        "EN 16931 BT-129",
        "UN/ECE Rec 20",
        "practice: three-way match",
    )
    explains: ClassVar = {
        "WITHIN_ACCEPTED": Text(
            "No more is invoiced than the debtor received and accepted. Nothing to do.",
            "开票数量未超过债务人已验收数量，无需处理。",
        ),
        "WITHIN_SELLERS_RECEIPT": Text(
            "It is within the receipts, but these were handed in by the seller and not signed by the debtor. Ask the "
            "debtor to confirm them where the amount matters.",
            "开票数量在收货单范围内，但收货单由卖方提交且债务人未签名。金额较大时请向债务人核实。",
        ),
        "WITHIN_TOLERANCE": Text(
            "A little more is invoiced than was accepted, within tolerance; the excess is not lent on.",
            "开票数量略高于验收数量，在容差内；超出部分不计入可融资金额。",
        ),
        "OVER_RECEIVED": Text(
            "More is invoiced than was received and accepted. Ask the seller for the missing receipt or a credit note.",
            "开票数量超过已验收数量。请要求卖方补充收货单或开具红字发票。",
        ),
        "RECEIPT_MISSING": Text(
            "More is invoiced than the receipts here accept, but a receipt is still to come: of goods that were sent, "
            "or the one that the invoice names. Ask the debtor for it.",
            "开票数量超过现有收货单，但相应货物已发出或发票所列收货单尚未提交。请向债务人索取。",
        ),
        "OVER_UNREFERENCED": Text(
            "The invoice names no order or receipt, and more is invoiced than all known receipts of these goods "
            "accept. Ask the seller which delivery it belongs to.",
            "发票未注明订单或收货单，且开票数量超过已知同类货物的验收数量。请向卖方核实对应的交货。",
        ),
        "CREDIT_NOT_MATCHED": Text(
            "More is invoiced than was accepted; a credit note may take back just that, but names no line. Look at the "
            "note.",
            "开票数量超过验收数量；有一份红字发票可能冲减该部分，但未注明明细行。请查看该红字发票。",
        ),
        "OVER_DESPATCHED": Text(
            "The receipts accept what is invoiced, but the despatch advices say that less was sent. Ask debtor and "
            "carrier which is right.",
            "收货单已验收开票数量，但发货单显示发出的数量更少。请向债务人和承运人核实。",
        ),
        "REPEATED_LINE": Text(
            "The invoice has the same line more than once; together they are within what was accepted.",
            "发票中同一明细行重复出现；合计未超过验收数量。",
        ),
        "RECEIPT_WITHOUT_QUANTITY": Text(
            "A receipt states no quantity, and the others do not cover the invoice. Ask the debtor what it accepted.",
            "有收货单未注明数量，其余收货单不足以覆盖发票。请向债务人核实验收数量。",
        ),
        "RECEIPT_CONTRADICTS": Text(
            "A receipt rejects more than it received. Ask the debtor for a corrected one.",
            "收货单的拒收数量大于收货数量。请要求债务人更正。",
        ),
        "EARLIER_UNITS": Text(
            "An earlier invoice draws on the same goods in a unit that cannot be compared; what is left is not known.",
            "较早的发票以无法换算的单位占用了同一批货物，剩余数量无法得知。",
        ),
        "NO_RECEIPT": Text(
            "There is no receipt for these goods. Ask the debtor for it, or treat the receivable as not yet performed.",
            "没有这些货物的收货单。请向债务人索取，或视为尚未履约。",
        ),
        "NO_QUANTITY": Text(
            "A line asks money for a quantity of zero. Ask the seller what it is for.",
            "明细行数量为零却有金额。请向卖方核实。",
        ),
        "NOTHING_INVOICED": Text("A line of no quantity and no amount.", "明细行数量和金额均为零。"),
        "CREDITED": Text(
            "The line takes back, or a credit note took it back: nothing has to be received for it.",
            "该明细行为冲减行，或已被红字发票冲回，无需收货。",
        ),
        "SERVICE": SERVICE,
        "PREPAYMENT": PREPAYMENT,
        "CANCELLED": CANCELLED,
        "TOO_MANY_LINES": TOO_MANY_LINES,
        **COMMON,
    }
    applies_when = "the invoice is for goods and is no prepayment"
    sources = ("documents",)
    effects: ClassVar = {
        "WARN": Effect.INFORMATION,
        "FAIL": Effect.EXCLUDE,
        "UNKNOWN": Effect.REFER,
        "OVER_DESPATCHED": Effect.REFER,
    }
    thresholds = MatchQtyThresholds

    def evaluate(self, case: Case, thresholds: MatchQtyThresholds) -> Iterator[Verdict]:
        """See the class."""
        matching = match_case(case)
        for receivable in case.receivables:
            key = receivable.fingerprint
            number = case.of_document(receivable.primary, "number", receivable.invoice.number)
            lines = matching.lines(receivable)
            if matching.refused:
                text = f"Nothing was matched: {matching.refused}."
                yield Verdict(key, Outcome.UNKNOWN, "TOO_MANY_LINES", text, (number,))
            elif lines[0].row.quantity_says is Fact.CANCELLED:
                text = "The invoice is cancelled; nothing is drawn on what was received."
                yield Verdict(key, Outcome.NOT_APPLICABLE, "CANCELLED", text, (number,))
            elif lines[0].row.quantity_says is Fact.PREPAYMENT:
                code = case.of_document(receivable.primary, "type_code", receivable.invoice.type_code)
                text = "A prepayment is asked for before anything is received."
                yield Verdict(key, Outcome.NOT_APPLICABLE, "PREPAYMENT", text, (code,))
            else:
                excess = sum(_value(each, each.row.over_accepted or 0) for each in lines)
                loose = matching.loose_credits.get(key, ())
                covered = bool(loose) and 0 < excess <= sum(amount for _, amount in loose)
                note = loose[0][0] if covered else ""
                said = [_judge(case, receivable, each, thresholds, note) for each in lines]
                yield from verdicts(key, said, "are within what was accepted", MOST_TOLD)


def _judge(
    case: Case, receivable: Receivable, line: Matched, thresholds: MatchQtyThresholds, note: str
) -> Said:
    row = line.row
    fact, name = row.quantity_says, row.line
    asked = case.of_document(
        receivable.primary, f"lines/{name}/quantity", f"{shown(row.invoiced)} {row.unit}"
    )
    inputs = (asked, *_accepted(case, line))
    if fact is Fact.OVER:
        return _over(receivable, line, thresholds, note, inputs)
    if fact is Fact.AGREES:
        return _agrees(line, inputs)
    if fact is Fact.SERVICE:
        return Said(
            Outcome.NOT_APPLICABLE, "SERVICE", f"Line {name} is a service.", (asked,), name, shared=True
        )
    if fact is Fact.NOTHING:
        text = f"Line {name} is of no quantity and no amount."
        return Said(Outcome.NOT_APPLICABLE, "NOTHING_INVOICED", text, (asked,), name, shared=True)
    if fact is Fact.CREDITED:
        text = f"Line {name} takes back, or was taken back: nothing has to be received for it."
        return Said(Outcome.NOT_APPLICABLE, "CREDITED", text, (asked,), name, shared=True)
    code = "LINE_NOT_MATCHED" if fact is Fact.NOT_MATCHED else fact.value
    shared = fact in {Fact.NO_REFERENCE, Fact.NO_RECEIPT}
    return Said(Outcome.UNKNOWN, code, f"Line {name}{_why(line)}", inputs, name, shared=shared)


def _why(line: Matched) -> str:
    """Why nothing can be said of a line."""
    row, slot = line.row, line.billed.slot
    order = f"order {slot.number}" if slot is not None else "any order or receipt of these parties"
    unit = line.account.unit if line.account is not None else ""
    return {
        Fact.NO_REFERENCE: " names no order, despatch advice or goods receipt, and none of its item is here.",
        Fact.NOT_MATCHED: f" cannot be matched to a line of {order}.",
        Fact.AMBIGUOUS: f" may be any of {', '.join(row.candidates)}.",
        Fact.NO_RECEIPT: f": nothing is known to be received on {order}.",
        Fact.RECEIPT_WITHOUT_QUANTITY: ": a receipt states no quantity.",
        Fact.RECEIPT_CONTRADICTS: ": a receipt rejects more than it received.",
        Fact.UNITS: f": {row.unit} invoiced and {unit or 'no unit'} received cannot be compared.",
        Fact.EARLIER_UNITS: ": an earlier invoice draws on the same receipt in a unit that cannot be compared.",
        Fact.CONTRADICTS: " refers to an order line of another item, or to documents of different orders.",
        Fact.NO_QUANTITY: f" asks {shown(row.net_amount)} {row.currency} for a quantity of zero.",
    }[row.quantity_says]


def _told(line: Matched) -> str:
    row = line.row
    net = " net of credit notes" if row.credited else ""
    earlier = f" after {shown(row.invoiced_before)} on earlier invoices" if row.invoiced_before else ""
    how = "" if Note.UNREFERENCED not in row.notes else ", matched by item as the invoice names no order"
    together = (
        f" on {len(line.account.leaves)} lines" if line.account is not None and line.account.below else ""
    )
    invoiced = f"Line {row.line}: {shown(row.net)} {row.unit} invoiced{net}{earlier}"
    return f"{invoiced}, {shown(line.reach)} {row.unit} accepted{together}{how}"


def _agrees(line: Matched, inputs: tuple[Input, ...]) -> Said:
    row, told = line.row, _told(line)
    used = (row.invoiced_before or 0) + row.net
    if Note.MORE_THAN_SENT in row.notes and row.despatched is not None and used > row.despatched:
        text = f"{told}, but only {shown(row.despatched)} sent by the despatch advices."
        return Said(Outcome.WARN, "OVER_DESPATCHED", text, inputs, row.line)
    if Note.REPEATED_LINE in row.notes:
        return Said(
            Outcome.WARN, "REPEATED_LINE", f"{told}; the invoice has this line twice.", inputs, row.line
        )
    if Note.SELLERS_RECEIPT in row.notes:
        text = f"{told}, by receipts that the debtor did not hand in itself."
        return Said(Outcome.PASS, "WITHIN_SELLERS_RECEIPT", text, inputs, row.line)
    return Said(Outcome.PASS, "WITHIN_ACCEPTED", f"{told}.", inputs, row.line)


def _over(
    receivable: Receivable,
    line: Matched,
    thresholds: MatchQtyThresholds,
    note: str,
    inputs: tuple[Input, ...],
) -> Said:
    row = line.row
    over = row.over_accepted or 0
    text = f"{_told(line)}: {shown(over)} more than was accepted."
    if thresholds.holds(over, line.reach, _value(line, over)):
        less = _deduction(receivable, line)
        return Said(Outcome.WARN, "WITHIN_TOLERANCE", text, inputs, row.line, less)
    if note:
        text = f"{text} Line {note} of a credit note, which cannot be matched, may take it back."
        return Said(Outcome.UNKNOWN, "CREDIT_NOT_MATCHED", text, inputs, row.line)
    if Note.RECEIPT_TO_COME in row.notes:
        text = f"{text} As much was sent by despatch advices that no receipt names yet."
        return Said(Outcome.UNKNOWN, "RECEIPT_MISSING", text, inputs, row.line)
    if Note.RECEIPT_NOT_HERE in row.notes:
        text = f"{text} The receipt that the invoice names is not here."
        return Said(Outcome.UNKNOWN, "RECEIPT_MISSING", text, inputs, row.line)
    if Note.UNREFERENCED in row.notes:
        return Said(Outcome.UNKNOWN, "OVER_UNREFERENCED", text, inputs, row.line)
    return Said(Outcome.FAIL, "OVER_RECEIVED", text, inputs, row.line)


def _accepted(case: Case, line: Matched) -> Iterator[Input]:
    """What was accepted, receipt by receipt."""
    account = line.account
    if account is None:
        return
    entries = chain.from_iterable(each.entries for each in account.parts)
    for entry in islice(entries, MAX_INPUTS_PER_FINDING):
        value = None if entry.accepted is None else f"{shown(entry.accepted)} {account.unit}"
        yield case.of_document(entry.source, f"lines/{entry.line_id}/accepted", value)


def _value(line: Matched, quantity: Exact) -> Fraction:
    """What a quantity of a line is worth without tax."""
    if not line.row.invoiced:
        return Fraction(0)
    return Fraction(quantity) / Fraction(line.row.invoiced) * Fraction(line.row.net_amount)


def _deduction(receivable: Receivable, line: Matched) -> Deduction:
    """The value with tax of the quantity that was not received, rounded up."""
    totals = receivable.invoice.totals
    with_tax = Fraction(totals.gross) / Fraction(totals.net) if totals.net > 0 else Fraction(1)
    value = _value(line, line.own_over) * max(with_tax, Fraction(1))
    amount = rounded_up(max(value, Fraction(0)), receivable.currency)
    return Deduction(Step.NOT_RECEIVED, amount, receivable.currency)
