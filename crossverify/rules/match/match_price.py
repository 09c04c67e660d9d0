"""MATCH_PRICE: is the price the ordered one?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from consortium.documents import InvoiceLine, OrderLine, PurchaseOrder
from consortium.documents.common import AllowanceCharge
from crossverify.evidence import EvidenceDocument
from crossverify.figures import Rate
from crossverify.match import Fact, Matched, Note, match_case
from crossverify.rule import Effect, Input, Outcome, Rule, Text, Verdict
from crossverify.rules.match.lines import MOST_TOLD, Said, verdicts
from crossverify.rules.match.texts import CANCELLED, COMMON, PREPAYMENT, TOO_MANY_LINES
from crossverify.rules.match.tolerance import Tolerance
from crossverify.units import shown
from crossverify.wording import money, percent

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

_ZERO = Decimal(0)


class MatchPriceThresholds(Tolerance):
    """Figures of MATCH_PRICE.

    :ivar tolerance: part of the ordered price by which the invoiced one may differ and only warn: prices per piece are
        rounded, and converted between units
    :ivar charges: part of the invoices' lines that charges of whole documents (freight, packing) may add to what the
        order says, and only warn
    """

    tolerance: Rate = Decimal("0.01")
    charges: Rate = Decimal("0.1")


class MatchPrice(Rule[MatchPriceThresholds]):
    """Line by line: price over base quantity after the line's allowances and charges, converted to the same unit,
    against the order's line; then allowances and charges of the whole invoice against those of the order.

    - PASS: equal, or brought down to it by a credit note. WARN: within tolerance, or lower than ordered; charges that
      the order does not have, an allowance of the order that is missing.
    - FAIL: higher than ordered beyond tolerance; only a higher price can fail. Charges far above the order's.
    - UNKNOWN: no order, line not matched, no price on the order, another currency or unit; a higher price where the
      invoice names no order.
    - NOT_APPLICABLE: cancelled invoices, prepayments, lines taken back by a credit note.
    """

    id = "MATCH_PRICE"
    version = 2
    title = Text("Is the price the ordered one?", "发票价格是否与订单一致？")
    basis = ("民法典 626", "EN 16931 BT-146, BT-149, BG-20, BG-21, BG-27, BG-28", "practice: three-way match")
    explains: ClassVar = {
        "EQUAL": Text("The price is the ordered one. Nothing to do.", "价格与订单一致，无需处理。"),
        "CORRECTED": Text(
            "The price was too high; a credit note brought it down to the ordered one.",
            "价格曾偏高，已由红字发票更正至订单价格。",
        ),
        "WITHIN_TOLERANCE": Text(
            "The price is a little off, within tolerance: rounding or conversion.", "价格略有差异，在容差内。"
        ),
        "LOWER": Text(
            "The price is lower than ordered: the debtor owes less, and nothing is at risk. Ask when it is much lower.",
            "价格低于订单价格，债务人应付更少，无风险。差异很大时请核实。",
        ),
        "HIGHER": Text(
            "The price is higher than ordered. Ask for the changed order, or for a credit note over the difference.",
            "价格高于订单价格。请要求提供变更后的订单，或就差额开具红字发票。",
        ),
        "HIGHER_UNREFERENCED": Text(
            "The price is higher than that of the only order of these goods that is here; the invoice names none. Ask "
            "which order it belongs to.",
            "价格高于现有同类货物订单的价格，而发票未注明订单。请核实对应的订单。",
        ),
        "CHARGES": Text(
            "The invoice adds charges that the order does not have. Ask the debtor whether it owes them.",
            "发票含有订单未列明的附加费用。请向债务人核实是否应付。",
        ),
        "CHARGES_FAR_OVER": Text(
            "The invoice adds charges far above the order's. Ask for the agreement on them.",
            "发票附加费用远超订单所列。请要求提供相关约定。",
        ),
        "ALLOWANCE_MISSING": Text(
            "The order grants an allowance that the invoice does not. The debtor will pay less: ask for a credit note.",
            "订单约定的折扣未在发票中体现，债务人将少付。请要求开具红字发票。",
        ),
        "NO_ORDER": Text(
            "The order is not here, so the price cannot be held against it. Ask the seller for it.",
            "没有对应的订单，无法核对价格。请向卖方索取。",
        ),
        "NO_COMPARABLE_PRICE": Text(
            "The order states no price that can be compared. Ask for the contract or the price list.",
            "订单未列明可比价格。请索取合同或价目表。",
        ),
        "CURRENCY": Text(
            "Order and invoice are in different currencies. Ask which rate was agreed.",
            "订单与发票币种不同。请核实约定汇率。",
        ),
        "CREDITED": Text("The line was taken back by a credit note.", "该明细行已被红字发票冲回。"),
        "NOTHING_INVOICED": Text("A line of no quantity and no amount.", "明细行数量和金额均为零。"),
        "PREPAYMENT": PREPAYMENT,
        "CANCELLED": CANCELLED,
        "TOO_MANY_LINES": TOO_MANY_LINES,
        **{
            code: text
            for code, text in COMMON.items()
            if code in {"AMBIGUOUS", "LINE_NOT_MATCHED", "NO_REFERENCE"}
        },
    }
    applies_when = "the invoice stands and is no prepayment"
    sources = ("documents",)
    effects: ClassVar = {
        "WARN": Effect.INFORMATION,
        "FAIL": Effect.EXCLUDE,
        "UNKNOWN": Effect.REFER,
        "CHARGES": Effect.REFER,
        "ALLOWANCE_MISSING": Effect.REFER,
    }
    thresholds = MatchPriceThresholds

    def evaluate(self, case: Case, thresholds: MatchPriceThresholds) -> Iterator[Verdict]:
        """See the class."""
        matching = match_case(case)
        wholes = _Wholes(case, thresholds)
        for receivable in case.receivables:
            key = receivable.fingerprint
            lines = matching.lines(receivable)
            number = case.of_document(receivable.primary, "number", receivable.invoice.number)
            if matching.refused:
                text = f"Nothing was matched: {matching.refused}."
                yield Verdict(key, Outcome.UNKNOWN, "TOO_MANY_LINES", text, (number,))
            elif lines[0].row.price_says is Fact.CANCELLED:
                yield Verdict(
                    key, Outcome.NOT_APPLICABLE, "CANCELLED", "The invoice is cancelled.", (number,)
                )
            elif lines[0].row.price_says is Fact.PREPAYMENT:
                code = case.of_document(receivable.primary, "type_code", receivable.invoice.type_code)
                text = "A prepayment has no price of goods."
                yield Verdict(key, Outcome.NOT_APPLICABLE, "PREPAYMENT", text, (code,))
            else:
                said = [_judge(case, receivable, line, thresholds) for line in lines]
                yield from verdicts(key, said, "have the ordered price", MOST_TOLD)
                yield from wholes.judge(receivable, lines)


def _judge(case: Case, receivable: Receivable, line: Matched, thresholds: MatchPriceThresholds) -> Said:
    row, name = line.row, line.row.line
    asked = case.of_document(receivable.primary, f"lines/{name}/price", _price_text(line.line))
    inputs = (asked, *_ordered(case, line))
    fact = row.price_says
    if fact in {Fact.AGREES, Fact.CORRECTED}:
        code = "CORRECTED" if fact is Fact.CORRECTED else "EQUAL"
        text = f"Line {name} is invoiced at the ordered price of {asked.value}"
        if fact is Fact.CORRECTED:
            text = f"Line {name}: a credit note brought the price down to {_shown(row.price)} per {row.unit}"
        return Said(Outcome.PASS, code, f"{text}.", inputs, name)
    if fact in {Fact.HIGHER, Fact.LOWER}:
        return _differs(line, thresholds, inputs)
    if fact is Fact.CREDITED:
        text = f"Line {name} was taken back by a credit note."
        return Said(Outcome.NOT_APPLICABLE, "CREDITED", text, (asked,), name, shared=True)
    if fact is Fact.NOTHING:
        text = f"Line {name} is of no quantity and no amount."
        return Said(Outcome.NOT_APPLICABLE, "NOTHING_INVOICED", text, (asked,), name, shared=True)
    slot = line.billed.slot
    order = f"order {slot.number}" if slot is not None else "any order"
    if fact is Fact.NO_ORDER:
        what = f"names {order}, which is not here" if slot is not None else "belongs to no order that is here"
        return Said(Outcome.UNKNOWN, "NO_ORDER", f"Line {name} {what}.", inputs, name, shared=True)
    if fact is Fact.CURRENCY:
        text = f"Line {name}: ordered in {row.order_currency}, invoiced in {row.currency}."
        return Said(Outcome.UNKNOWN, "CURRENCY", text, inputs, name, shared=True)
    if fact is Fact.NO_PRICE:
        text = f"Line {name}: the order states no price that can be compared."
        return Said(Outcome.UNKNOWN, "NO_COMPARABLE_PRICE", text, inputs, name)
    if fact is Fact.AMBIGUOUS:
        among = ", ".join(row.candidates or row.order_lines)
        return Said(Outcome.UNKNOWN, "AMBIGUOUS", f"Line {name} may be any of {among}.", inputs, name)
    return Said(Outcome.UNKNOWN, "LINE_NOT_MATCHED", f"Line {name} matches no line of {order}.", inputs, name)


def _differs(line: Matched, thresholds: MatchPriceThresholds, inputs: tuple[Input, ...]) -> Said:
    row = line.row
    asks, wanted = Fraction(row.price or 0), Fraction(row.order_price or 0)
    off = abs(asks - wanted)
    share = f" ({percent(off / wanted)})" if wanted else ""
    text = f"Line {row.line}: {shown(asks)} per {row.unit} invoiced, {shown(wanted)} ordered"
    if thresholds.holds(off, wanted, off * abs(Fraction(row.net))):
        return Said(Outcome.WARN, "WITHIN_TOLERANCE", f"{text}: within tolerance{share}.", inputs, row.line)
    if row.price_says is Fact.LOWER:
        return Said(Outcome.WARN, "LOWER", f"{text}: lower{share}.", inputs, row.line)
    if Note.UNREFERENCED in row.notes:
        text = f"{text}: higher{share}; the invoice names no order, and this is the one that fits its item."
        return Said(Outcome.UNKNOWN, "HIGHER_UNREFERENCED", text, inputs, row.line)
    return Said(Outcome.FAIL, "HIGHER", f"{text}: higher{share}.", inputs, row.line)


# --- allowances and charges of whole documents ----------------------------------------------


class _Extras(NamedTuple):
    """Allowances and charges of invoices on the same orders so far."""

    lines: Decimal
    charges: Decimal
    allowances: Decimal


class _Ordered(NamedTuple):
    """What the orders of an invoice say of allowances and charges.

    :ivar key: names the set of orders
    """

    key: tuple[str, ...]
    sums: _Extras
    currencies: frozenset[str]
    inputs: tuple[Input, ...]


class _Wholes:
    """Judges allowances and charges of whole invoices, in their order."""

    def __init__(self, case: Case, thresholds: MatchPriceThresholds) -> None:
        self._case, self._thresholds = case, thresholds
        self._billed: dict[tuple[str, ...], _Extras] = {}
        self._ordered: dict[tuple[int, ...], _Ordered] = {}

    def judge(self, receivable: Receivable, lines: Sequence[Matched]) -> Iterator[Verdict]:
        """Charges that were not ordered, summed over the invoices of the same orders; allowances that are missing."""
        ordered = self._of(lines)
        if ordered is None or ordered.currencies != {receivable.currency}:
            return
        key, currency, totals = receivable.fingerprint, receivable.currency, receivable.invoice.totals
        own = _Extras(
            totals.line_net, *_sums(receivable.invoice.allowances, totals.charges, totals.allowances)
        )
        before = self._billed.get(ordered.key, _Extras(_ZERO, _ZERO, _ZERO))
        so_far = _Extras(*(a + b for a, b in zip(before, own, strict=True)))
        self._billed[ordered.key] = so_far
        inputs = (
            self._case.of_document(receivable.primary, "totals/charges", own.charges),
            self._case.of_document(receivable.primary, "totals/allowances", own.allowances),
            *ordered.inputs,
        )
        over = so_far.charges - ordered.sums.charges
        if own.charges > 0 and over > self._thresholds.tolerance * so_far.lines:
            far = over > self._thresholds.charges * so_far.lines
            outcome, code = (Outcome.FAIL, "CHARGES_FAR_OVER") if far else (Outcome.WARN, "CHARGES")
            text = f"Charges of {money(so_far.charges, currency)} so far, {money(over, currency)} more than ordered."
            yield Verdict(key, outcome, code, text, inputs)
        granted, worth = ordered.sums.allowances, ordered.sums.lines
        if worth > 0 and granted > 0 and own.lines > 0:
            missing = granted / worth * own.lines - own.allowances - receivable.credited
            if missing > self._thresholds.tolerance * own.lines:
                rate, given = percent(granted / worth), money(own.allowances, currency)
                text = f"The order grants allowances of {rate}; the invoice grants {given}."
                yield Verdict(key, Outcome.WARN, "ALLOWANCE_MISSING", text, inputs)

    def _of(self, lines: Sequence[Matched]) -> _Ordered | None:
        """The orders of an invoice; standing orders are those of many invoices."""
        groups = {id(line.orders): line.orders for line in lines if line.orders}
        if not groups:
            return None
        name = tuple(groups)
        if name not in self._ordered:
            orders = {order.fingerprint: order for group in groups.values() for order in group}
            found = [(orders[key], *_of_order(orders[key])) for key in sorted(orders)]
            sums = _Extras(*(sum((each[place] for _, *each in found), _ZERO) for place in range(3)))
            inputs = [
                self._case.of_document(order, "totals/charges", of) for order, _, of, _ in found[:_MAX_PRICES]
            ]
            currencies = frozenset(currency for order, *_ in found if (currency := _currency(order)))
            self._ordered[name] = _Ordered(tuple(sorted(orders)), sums, currencies, tuple(inputs))
        return self._ordered[name]


def _currency(order: EvidenceDocument) -> str | None:
    return order.document.currency if isinstance(order.document, PurchaseOrder) else None


def _of_order(item: EvidenceDocument) -> _Extras:
    order = item.document
    assert isinstance(order, PurchaseOrder)
    totals = order.totals
    charges, allowances = _sums(
        order.allowances, totals.charges if totals else None, totals.allowances if totals else None
    )
    lines = totals.line_net if totals else sum((line.net_amount or _ZERO for line in order.lines), _ZERO)
    return _Extras(lines, charges, allowances)


def _sums(
    listed: Sequence[AllowanceCharge], charges: Decimal | None, allowances: Decimal | None
) -> tuple[Decimal, Decimal]:
    """Charges and allowances: as the totals say, else as they are listed."""
    if charges is None:
        charges = sum((each.amount for each in listed if each.charge), _ZERO)
    if allowances is None:
        allowances = sum((each.amount for each in listed if not each.charge), _ZERO)
    return charges, allowances


# --- what it rests on -----------------------------------------------------------------------


def _ordered(case: Case, line: Matched) -> Iterator[Input]:
    """The order's prices that were compared."""
    leaves = line.account.leaves if line.account is not None else ()
    for leaf in leaves[:_MAX_PRICES]:
        if leaf.order_line is not None and leaf.slot is not None and leaf.slot.order is not None:
            field = f"lines/{leaf.order_line.line_id}/price"
            yield case.of_document(leaf.slot.order, field, _price_text(leaf.order_line))


_MAX_PRICES = 8
"""Most prices of order lines that a finding lists."""


def _shown(value: object) -> str:
    return shown(value) if isinstance(value, int | Fraction) else ""


def _price_text(line: InvoiceLine | OrderLine) -> str:
    if line.price is None:
        return ""
    base = line.base_quantity or Decimal(1)
    extra = ""
    if line.allowances:
        total = sum((each.amount if each.charge else -each.amount for each in line.allowances), _ZERO)
        extra = f", {shown(total)} allowances and charges"
    return f"{shown(line.price)} per {shown(base)} {line.base_unit or line.unit}{extra}"
