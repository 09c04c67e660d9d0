"""PRICE_FAIR: is the price the usual one?"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from consortium.documents import Invoice, InvoiceLine, OrderLine, PurchaseOrder
from consortium.documents.fingerprint import normalised_number
from crossverify.desk import ReferencePrice
from crossverify.evidence import EvidenceDocument
from crossverify.match.items import Key, compared, item_keys, net_price
from crossverify.rule import Effect, Input, Outcome, Rule, Text, Thresholds, Verdict
from crossverify.rules.match.lines import MOST_TOLD, Said, verdicts
from crossverify.rules.match.texts import CANCELLED
from crossverify.units import dimension, factor, shown, to_base
from crossverify.wording import percent

if TYPE_CHECKING:
    from crossverify.case import Case

Rise = Annotated[Decimal, Field(gt=0, le=100)]
_Kind = tuple[Key, str, str]
"""Item, dimension, currency."""


class PriceFairThresholds(Thresholds):
    """Figures of PRICE_FAIR.

    :ivar unusual: how far a price may lie above (or, as its part, below) what is usual and pass
    :ivar far_off: from how far above what is usual on a price is far off: twice as much, by default
    :ivar min_history: earlier documents with a price of the item that make a history; fewer say nothing
    :ivar history_days: how old these may be; prices of years ago are no measure
    """

    unusual: Rise = Decimal("0.3")
    far_off: Rise = Decimal(1)
    min_history: Annotated[int, Field(ge=1, le=1000)] = 3
    history_days: Annotated[int, Field(ge=1, le=3660)] = 730


class PriceFair(Rule[PriceFairThresholds]):
    """Price of each line, after its allowances and charges and per comparable unit, against the bank's own reference
    where it has one of the item, else against the middle one (the median) of the subject's own earlier prices in the
    evidence: of its invoices, and of orders that it got. The trade's own order is no history.

    - PASS: usual. WARN: unusual, or far below.
    - FAIL: far above. By the seller's own history a person looks at it; by the bank's reference it excludes.
    - UNKNOWN: no reference and too little history, or a price per a unit that cannot be compared.
    - NOT_APPLICABLE: cancelled invoices.
    """

    id = "PRICE_FAIR"
    version = 1
    title = Text("Is the price the usual one?", "价格是否合理？")
    basis = ("银发〔2025〕77号 (真实交易背景)", "practice")
    explains: ClassVar = {
        "USUAL": Text(
            "The price is what these goods usually cost. Nothing to do.", "价格处于通常水平，无需处理。"
        ),
        "UNUSUAL": Text(
            "The price is unusual for these goods. Ask what changed: market, quality, quantity.",
            "价格异于通常水平。请核实原因：行情、品质或数量。",
        ),
        "FAR_OFF": Text(
            "The price is far above what the seller itself used to ask. Ask for the contract, and compare with others.",
            "价格远高于卖方以往价格。请索取合同并与市场比较。",
        ),
        "FAR_OFF_REFERENCE": Text(
            "The price is far above the bank's own reference. The invoice may be inflated: not lent on.",
            "价格远高于本行参考价，发票可能虚高，不予融资。",
        ),
        "NO_HISTORY": Text(
            "The bank has no reference, and too few earlier prices of these goods are here to say what is usual.",
            "本行无参考价，且以往价格记录不足，无法判断是否合理。",
        ),
        "NO_PRICE": Text(
            "The line states no price per a unit that can be compared.", "明细行没有可比计量单位的价格。"
        ),
        "CANCELLED": CANCELLED,
    }
    applies_when = "the invoice stands; for orders, always"
    sources = ("documents", "desk")
    effects: ClassVar = {
        "WARN": Effect.INFORMATION,
        "FAIL": Effect.REFER,
        "FAR_OFF_REFERENCE": Effect.EXCLUDE,
        "UNKNOWN": Effect.INFORMATION,  # a first trade has no history and is not wrong for that
    }
    thresholds = PriceFairThresholds

    def evaluate(self, case: Case, thresholds: PriceFairThresholds) -> Iterator[Verdict]:
        """See the class."""
        history = _history(case)
        cancelled = {item.fingerprint for item in case.receivables if case.cancelled(item)}
        for asset in case.assets:
            body = asset.primary.document
            if asset.fingerprint in cancelled:
                number = case.of_document(asset.primary, "number", asset.number)
                text = "The invoice is cancelled."
                yield Verdict(asset.fingerprint, Outcome.NOT_APPLICABLE, "CANCELLED", text, (number,))
            elif isinstance(body, Invoice | PurchaseOrder):
                judge = _Judge(case, asset.primary, body, history, thresholds)
                said = [judge.line(line) for line in body.lines]
                yield from verdicts(asset.fingerprint, said, "have a usual price", MOST_TOLD)


@dataclass(slots=True, eq=False)
class _Prices:
    """Prices of one item by day, each document with its lowest; in billionths of a currency unit per base unit, as
    whole numbers are sorted quickly and nothing here needs more places.

    :ivar days: sorted: day, fingerprint, price, number where it is an order
    """

    days: list[tuple[date, str, int, str]] = field(default_factory=list)

    def middle(self, day: date, since: date, without: frozenset[str], least: int) -> tuple[int, int] | None:
        """The median price of the latest documents issued before a day, doubled, and how many they are; none where
        there are fewer than ``least``.

        :param without: numbers of orders that do not count
        """
        last = bisect_left(self.days, (day, "", 0, ""))
        if last < least:
            return None
        first = max(bisect_left(self.days, (since, "", 0, "")), last - _MOST_PRICES)
        found = sorted(price for _, _, price, number in self.days[first:last] if number not in without)
        if len(found) < least:
            return None
        half = len(found) // 2
        return found[half] + found[half - 1 + len(found) % 2], len(found)


_MOST_PRICES = 50
"""The latest earlier prices of an item that make its history: more change nothing, and cost."""
_PER_UNIT = 10**9


def _scaled(line: InvoiceLine | OrderLine) -> int | None:
    """A line's price per base unit, in billionths, rounded down; none where there is none."""
    base = to_base(line.unit)
    if (
        line.price is not None
        and line.base_quantity is None
        and line.base_unit is None
        and not line.allowances
    ):
        above, below = line.price.as_integer_ratio()
    else:
        price = net_price(line)
        if price is None:
            return None
        above, below = price.numerator, price.denominator
    return above * _PER_UNIT * base.denominator // (below * base.numerator)


def _history(case: Case) -> dict[_Kind, _Prices]:
    """The subject's own prices: of the invoices and orders in which it is the seller."""
    lowest: dict[_Kind, dict[str, tuple[date, int, str]]] = defaultdict(dict)
    cancelled = {item.primary.fingerprint for item in case.receivables if case.cancelled(item)}
    for item in case.documents:
        body = item.document
        if (
            item.state == "void"
            or item.fingerprint in cancelled
            or not isinstance(body, Invoice | PurchaseOrder)
        ):
            continue
        if not case.is_subject(body.seller, item.seller):
            continue
        number = normalised_number(body.number) if isinstance(body, PurchaseOrder) else ""
        for line in body.lines:
            per_base = _scaled(line)
            if per_base is None or per_base <= 0:
                continue
            for key in item_keys(line.item):
                of_item = lowest[key, dimension(line.unit), body.currency]
                known = of_item.get(item.fingerprint)
                if known is None or per_base < known[1]:
                    of_item[item.fingerprint] = (body.issue_date, per_base, number)
    return {
        kind: _Prices(
            sorted((day, document, price, number) for document, (day, price, number) in found.items())
        )
        for kind, found in lowest.items()
    }


class _Judge:
    """Judges the lines of one document."""

    def __init__(
        self,
        case: Case,
        item: EvidenceDocument,
        body: Invoice | PurchaseOrder,
        history: dict[_Kind, _Prices],
        thresholds: PriceFairThresholds,
    ) -> None:
        self._case, self._item, self._body = case, item, body
        self._history, self._thresholds = history, thresholds
        self._since = date.fromordinal(max(body.issue_date.toordinal() - thresholds.history_days, 1))
        self._own = _orders_of(body)
        self._unusual, self._far_off = 1 + Fraction(thresholds.unusual), 1 + Fraction(thresholds.far_off)
        self._references: dict[str, list[ReferencePrice]] = defaultdict(list)
        for each in case.desk.prices:
            if each.currency == body.currency:
                self._references[compared(each.item)].append(each)

    def line(self, line: InvoiceLine | OrderLine) -> Said:
        """One line."""
        price = net_price(line)
        asked = self._case.of_document(
            self._item,
            f"lines/{line.line_id}/price",
            "" if price is None else f"{shown(price)} per {line.unit}",
        )
        if price is None:
            text = f"Line {line.line_id} states no price that can be compared."
            return Said(Outcome.UNKNOWN, "NO_PRICE", text, (asked,), line.line_id, shared=True)
        reference = self._reference(line)
        if reference is not None:
            each, scale = reference
            low, high = Fraction(each.low) / scale, Fraction(each.high) / scale
            value = f"{shown(each.low)} to {shown(each.high)} per {each.unit} ({each.source})"
            told = self._case.of_source("desk", "", f"prices/{each.item}", value)
            text = f"the bank's reference of {value}"
            return self._said(line, price, (low, high), "FAR_OFF_REFERENCE", text, (asked, told))
        usual = self._usual(line)
        if usual is None:
            text = f"Line {line.line_id}: too few earlier prices of {line.item.name} to say what is usual."
            return Said(Outcome.UNKNOWN, "NO_HISTORY", text, (asked,), line.line_id, shared=True)
        middle, count = usual
        text = f"{shown(middle)} in the middle of {count} earlier documents"
        told = Input(
            self._item.fingerprint, f"history/{line.line_id}", shown(middle), "documents", asked.as_of
        )
        return self._said(line, price, (middle, middle), "FAR_OFF", text, (asked, told))

    def _reference(self, line: InvoiceLine | OrderLine) -> tuple[ReferencePrice, Fraction] | None:
        """The bank's reference for a line's item, by its strongest name, with the factor to the line's unit."""
        for _, name in item_keys(line.item) if self._references else ():
            for each in self._references.get(name, ()):
                scale = factor(each.unit, line.unit)
                if scale is not None:
                    return each, scale
        return None

    def _usual(self, line: InvoiceLine | OrderLine) -> tuple[Fraction, int] | None:
        """The middle one of the earlier prices, per unit of the line, and how many there are."""
        for key in item_keys(line.item):
            prices = self._history.get((key, dimension(line.unit), self._body.currency))
            if prices is None:
                continue
            found = prices.middle(self._body.issue_date, self._since, self._own, self._thresholds.min_history)
            if found is not None:
                return Fraction(found[0], 2 * _PER_UNIT) * to_base(line.unit), found[1]
        return None

    def _said(
        self,
        line: InvoiceLine | OrderLine,
        price: Fraction,
        usual: tuple[Fraction, Fraction],
        far_code: str,
        against: str,
        inputs: tuple[Input, ...],
    ) -> Said:
        low, high = usual
        outcome, code, off = Outcome.PASS, "USUAL", ""
        if price > high * self._far_off or (price > 0 and high <= 0):
            outcome, code, off = (
                Outcome.FAIL,
                far_code,
                f": {percent(price / high - 1)} above" if high > 0 else "",
            )
        elif price > high * self._unusual:
            outcome, code, off = Outcome.WARN, "UNUSUAL", f": {percent(price / high - 1)} above"
        elif price * self._unusual < low:
            outcome, code, off = Outcome.WARN, "UNUSUAL", f": {percent(1 - price / low)} below"
        text = f"Line {line.line_id}: {shown(price)} per {line.unit} for {line.item.name}, against {against}{off}."
        return Said(outcome, code, text, inputs, line.line_id)


def _orders_of(body: Invoice | PurchaseOrder) -> frozenset[str]:
    """Numbers of the orders that an invoice names, as they are compared; they are prices of the same trade."""
    if not isinstance(body, Invoice):
        return frozenset()
    numbers = {body.order_number, *(line.order_number for line in body.lines)}
    return frozenset(normalised_number(each) for each in numbers if each is not None)
