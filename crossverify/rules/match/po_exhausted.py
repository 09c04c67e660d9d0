"""PO_EXHAUSTED: is no more invoiced than was ordered?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from consortium.documents import PurchaseOrder
from crossverify.figures import AssetKind, Rate
from crossverify.match import Fact, Matched, Matching, Note, match_case
from crossverify.match.accounts import Slot
from crossverify.match.items import net_price
from crossverify.orders import invoiced
from crossverify.rule import Effect, Input, Outcome, Rule, Text, Verdict
from crossverify.rules.match.lines import MOST_TOLD, Said, verdicts
from crossverify.rules.match.texts import CANCELLED, COMMON, PREPAYMENT, TOO_MANY_LINES
from crossverify.rules.match.tolerance import Tolerance
from crossverify.units import Exact, shown
from crossverify.wording import money, percent, rounded_up

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

_BY_LINE = frozenset({Fact.AGREES, Fact.OVER})
_EXEMPT = frozenset({Fact.CANCELLED, Fact.PREPAYMENT})


class PoExhaustedThresholds(Tolerance):
    """Figures of PO_EXHAUSTED.

    :ivar tolerance: part of the order by which invoices may exceed it and only warn
    :ivar warn_from: part of the order from which on an invoice warns; none for receivables, 0.95 for order finance
    """

    tolerance: Rate = Decimal("0.02")
    warn_from: Rate | None = None


class _Use(NamedTuple):
    """How far an order, or one line of it, is used up after an invoice."""

    used: Exact
    of: Exact
    over_worth: Exact
    own: Exact
    told: str
    inputs: tuple[Input, ...]
    line: str | None
    unreferenced: bool = False


@dataclass(slots=True, eq=False)
class _Order:
    """One order's use so far, by net amount.

    :ivar by_line: whether all invoice lines of the order match its lines in comparable units
    """

    slot: Slot
    by_line: bool = True
    net: Decimal = Decimal(0)


class PoExhausted(Rule[PoExhaustedThresholds]):
    """Invoices so far against the order, net of credit notes: by line where lines match, else by net amount.

    Where orders are lent on, each is judged as a whole by what is payable, and is as good as used up from the share on
    that the profile warns of: what is invoiced is lent on as a receivable.

    Invoices use the order up in order of issue date, then ledger position. An invoice that names no order uses up the
    orders of its items together.

    - PASS: to 100 %. WARN: above it within tolerance, or from the share on that the profile warns of.
    - FAIL: above it.
    - UNKNOWN: no order reference and no order that fits, the order's body is not here, another currency, no value;
      above it where the invoice names no order.
    - NOT_APPLICABLE: prepayments, cancelled invoices.
    """

    id = "PO_EXHAUSTED"
    version = 2
    title = Text("Is no more invoiced than was ordered?", "开票是否未超过订单？")
    basis = ("民法典 629", "EN 16931 BT-13, BT-132", "practice: three-way match")
    explains: ClassVar = {
        "WITHIN_ORDER": Text(
            "No more is invoiced than was ordered. Nothing to do.", "开票未超过订单，无需处理。"
        ),
        "WITHIN_TOLERANCE": Text(
            "A little more is invoiced than was ordered, within tolerance: over-delivery is common with bulk goods.",
            "开票略超订单，在容差内；散货多交属常见情况。",
        ),
        "NEARLY_EXHAUSTED": Text(
            "The order is nearly used up by invoices: lend on these, not on the order.",
            "订单已接近全部开票，应以发票而非订单融资。",
        ),
        "OVER_ORDERED": Text(
            "More is invoiced than was ordered. Ask for the changed order, or which other order it belongs to.",
            "开票超过订单。请要求提供变更后的订单，或核实所属的其他订单。",
        ),
        "OVER_UNREFERENCED": Text(
            "The invoice names no order, and more is invoiced than all known orders of these goods. Ask for the order.",
            "发票未注明订单，且开票超过现有同类货物订单的总量。请索取对应订单。",
        ),
        "NO_ORDER": Text(
            "The order is not here. Ask the seller for it.",
            "没有对应的订单。请向卖方索取。",
        ),
        "NO_ORDER_VALUE": Text(
            "Lines do not match and the order states no value to compare. Compare by hand.",
            "明细行无法对应，且订单未列明金额。请人工比对。",
        ),
        "CURRENCY": Text(
            "Order and invoice are in different currencies and their lines do not match. Compare by hand.",
            "订单与发票币种不同且明细行无法对应。请人工比对。",
        ),
        "PREPAYMENT": PREPAYMENT,
        "CANCELLED": CANCELLED,
        "TOO_MANY_LINES": TOO_MANY_LINES,
        **{code: text for code, text in COMMON.items() if code in {"AMBIGUOUS", "NO_REFERENCE", "UNITS"}},
    }
    applies_when = "the invoice stands and is no prepayment; for orders, always"
    sources = ("documents",)
    effects: ClassVar = {"WARN": Effect.INFORMATION, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}
    thresholds = PoExhaustedThresholds

    def evaluate(self, case: Case, thresholds: PoExhaustedThresholds) -> Iterator[Verdict]:
        """See the class."""
        if case.lends_on is AssetKind.ORDER:
            yield from _of_orders(case, thresholds)
            return
        matching = match_case(case)
        orders = _orders(case, matching)
        for receivable in case.receivables:
            number = case.of_document(receivable.primary, "number", receivable.invoice.number)
            key, lines = receivable.fingerprint, matching.lines(receivable)
            if matching.refused:
                text = f"Nothing was matched: {matching.refused}."
                yield Verdict(key, Outcome.UNKNOWN, "TOO_MANY_LINES", text, (number,))
            elif lines[0].row.order_says is Fact.CANCELLED:
                yield Verdict(
                    key, Outcome.NOT_APPLICABLE, "CANCELLED", "The invoice is cancelled.", (number,)
                )
            elif lines[0].row.order_says is Fact.PREPAYMENT:
                code = case.of_document(receivable.primary, "type_code", receivable.invoice.type_code)
                text = "A prepayment is set off against the final invoice."
                yield Verdict(key, Outcome.NOT_APPLICABLE, "PREPAYMENT", text, (code,))
            else:
                yield from _judge(case, receivable, lines, orders, thresholds)


def _of_orders(case: Case, thresholds: PoExhaustedThresholds) -> Iterator[Verdict]:
    """Orders that are lent on: what is invoiced so far, with tax, of what will be payable."""
    used = invoiced(case)
    for order in case.orders:
        total = Fraction(order.face)
        so_far = used.get(order.primary.fingerprint, Fraction(0))
        inputs = (
            case.of_document(order.primary, "totals/payable", order.face),
            case.of_document(order.primary, "invoiced", shown(so_far)),
        )
        if total <= 0:
            text = f"Order {order.number} states no value."
            yield Verdict(order.fingerprint, Outcome.UNKNOWN, "NO_ORDER_VALUE", text, inputs)
            continue
        told = (
            f"{money(rounded_up(so_far, order.currency), order.currency)} invoiced so far of"
            f" {money(order.face, order.currency)} ordered, with tax"
        )
        over = max(so_far - total, Fraction(0))
        said = _said(_Use(so_far, total, over, so_far, told, inputs, None), thresholds)
        yield Verdict(order.fingerprint, said.outcome, said.code, said.message, said.inputs)


def _orders(case: Case, matching: Matching) -> dict[int, _Order]:
    """The orders that standing invoices name, and whether their lines match."""
    orders: dict[int, _Order] = {}
    for receivable in case.receivables:
        for line in matching.lines(receivable):
            slot = line.billed.slot
            if slot is None or line.row.order_says in _EXEMPT:
                continue
            order = orders.setdefault(id(slot), _Order(slot))
            order.by_line = order.by_line and line.row.order_says in _BY_LINE
    return orders


def _judge(
    case: Case,
    receivable: Receivable,
    lines: Sequence[Matched],
    orders: dict[int, _Order],
    thresholds: PoExhaustedThresholds,
) -> Iterator[Verdict]:
    key = receivable.fingerprint
    groups: dict[int | None, list[Matched]] = {}
    for line in lines:
        slot = line.billed.slot
        groups.setdefault(None if slot is None else id(slot), []).append(line)
    for name, members in groups.items():
        slot = members[0].billed.slot
        number = case.of_document(receivable.primary, "order_number", slot.number if slot else None)
        if slot is None or name is None:
            said = [_alone(case, receivable, line, thresholds, number) for line in members]
            yield from verdicts(key, said, "are within the orders of their items", MOST_TOLD)
        elif slot.order is None:
            text = f"Order {slot.number} is not here."
            yield Verdict(key, Outcome.UNKNOWN, "NO_ORDER", text, (number,))
        elif orders[name].by_line:
            said = [_said(_line_use(case, receivable, line), thresholds) for line in members]
            yield from verdicts(key, said, f"are within order {slot.number}", MOST_TOLD)
        else:
            use = _net_use(case, receivable, orders[name], members)
            if isinstance(use, Verdict):
                yield use
            else:
                yield from verdicts(key, [_said(use, thresholds)], "")


def _alone(
    case: Case, receivable: Receivable, line: Matched, thresholds: PoExhaustedThresholds, number: Input
) -> Said:
    """A line that names no order: the orders of its item together."""
    row = line.row
    if row.order_says in _BY_LINE:
        return _said(_line_use(case, receivable, line), thresholds)
    if row.order_says is Fact.AMBIGUOUS:
        text = f"Line {row.line} may be any of {', '.join(row.candidates)}."
        return Said(Outcome.UNKNOWN, "AMBIGUOUS", text, (number,), row.line)
    if row.order_says is Fact.NO_ORDER:
        text = "What was received is here, the order is not."
        return Said(Outcome.UNKNOWN, "NO_ORDER", text, (number,), row.line, shared=True)
    if row.order_says is Fact.UNITS:
        text = f"Line {row.line}: the order counts in a unit that cannot be compared with {row.unit}."
        return Said(Outcome.UNKNOWN, "UNITS", text, (number,), row.line)
    text = "The invoice names no order, and no order of its item is here."
    return Said(Outcome.UNKNOWN, "NO_REFERENCE", text, (number,), row.line, shared=True)


def _line_use(case: Case, receivable: Receivable, line: Matched) -> _Use:
    row, account = line.row, line.account
    assert account is not None
    over = row.over_ordered or 0
    used = line.ordered_reach + over if over > 0 else min(line.ordered_used, line.ordered_reach)
    several = f" on {len(account.leaves)} lines" if account.below else ""
    told = (
        f"Line {row.line}: {shown(used)} {row.unit} invoiced so far of {shown(line.ordered_reach)} {row.unit}"
        f" ordered{several}"
    )
    inputs = [
        case.of_document(
            receivable.primary, f"lines/{row.line}/quantity", f"{shown(row.invoiced)} {row.unit}"
        )
    ]
    for leaf in account.leaves[:_MAX_LINES]:
        ordered = leaf.order_line
        if ordered is not None and leaf.slot is not None and leaf.slot.order is not None:
            field, value = f"lines/{ordered.line_id}/quantity", f"{shown(ordered.quantity)} {ordered.unit}"
            inputs.append(case.of_document(leaf.slot.order, field, value))
    worth = (
        Fraction(over) * Fraction(row.net_amount) / Fraction(row.invoiced) if row.invoiced else Fraction(0)
    )
    unreferenced = Note.UNREFERENCED in row.notes
    return _Use(used, line.ordered_reach, worth, row.net, told, tuple(inputs), row.line, unreferenced)


_MAX_LINES = 8
"""Most order lines that a finding lists."""


def _net_use(case: Case, receivable: Receivable, order: _Order, lines: Sequence[Matched]) -> _Use | Verdict:
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
    value = sum((each.line.net_amount - each.billed.credited_net for each in lines), Decimal(0))
    order.net = max(order.net + value, Decimal(0))
    told = f"{money(order.net, body.currency)} invoiced so far of {money(total, body.currency)} ordered, without tax"
    used, of = Fraction(order.net), Fraction(total)
    return _Use(used, of, max(used - of, Fraction(0)), Fraction(value), told, inputs, None)


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
        price = net_price(line)
        if price is None:
            return None
        value = price * Fraction(line.quantity)
        total += Decimal(value.numerator) / Decimal(value.denominator)
    return total


def _said(use: _Use, thresholds: PoExhaustedThresholds) -> Said:
    if use.own <= 0 or use.used <= 0:
        return Said(Outcome.PASS, "WITHIN_ORDER", f"{use.told}.", use.inputs, use.line)
    part = Fraction(use.used) / use.of if use.of > 0 else None
    told = f"{use.told} ({percent(part)})." if part is not None else f"{use.told}."
    over = use.used - use.of
    if over > 0:
        if use.of > 0 and thresholds.holds(over, use.of, use.over_worth):
            return Said(Outcome.WARN, "WITHIN_TOLERANCE", told, use.inputs, use.line)
        if use.unreferenced:
            return Said(Outcome.UNKNOWN, "OVER_UNREFERENCED", told, use.inputs, use.line)
        return Said(Outcome.FAIL, "OVER_ORDERED", told, use.inputs, use.line)
    if thresholds.warn_from is not None and part is not None and part >= Fraction(thresholds.warn_from):
        return Said(Outcome.WARN, "NEARLY_EXHAUSTED", told, use.inputs, use.line)
    return Said(Outcome.PASS, "WITHIN_ORDER", told, use.inputs, use.line)
