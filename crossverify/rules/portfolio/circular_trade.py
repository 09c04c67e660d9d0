"""CIRCULAR_TRADE: do the goods come back to the seller?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from consortium.documents import Invoice, PurchaseOrder
from crossverify.coverage import LOW_COVERAGE, MIN_COVERAGE, coverage_of
from crossverify.figures import Rate
from crossverify.graph import Flow, Ring, Rings, trades_of
from crossverify.rule import Effect, Input, Outcome, Rule, Text, Thresholds, Verdict
from crossverify.wares import goods_of
from crossverify.who import who_of
from crossverify.wording import money

if TYPE_CHECKING:
    from crossverify.case import Case
    from crossverify.orders import Asset

MAX_NAMED = 8
"""Goods of one invoice that are followed; the first in the order of their keys."""


class CircularTradeThresholds(Thresholds):
    """Figures of CIRCULAR_TRADE.

    :ivar window_days: how far each sale of a ring may lie from the invoice, in days: half a year holds a ring that is
        turned once a quarter
    :ivar short_ring: a ring of at most so many parties, the seller included, is short. Goods that come back over one
        or two others were never needed by anybody
    :ivar long_ring: longest ring that is looked for, in parties; the known ones had up to eight
    :ivar min_return: a ring in which tax alone shows the sale back to the seller counts from this part of the invoice
        on: customers sell small things to their suppliers too
    :ivar heavy_return: up to this part of the sales to the debtor, what it sells back by tax alone is mutual trade; a
        processor buys material from its customer
    :ivar min_coverage: part of declared sales that documents must show for a pass; as in COVERAGE
    """

    window_days: Annotated[int, Field(ge=1, le=1096)] = 180
    short_ring: Annotated[int, Field(ge=2, le=16)] = 3
    long_ring: Annotated[int, Field(ge=2, le=16)] = 8
    min_return: Rate = Decimal("0.05")
    heavy_return: Rate = Decimal("0.5")
    min_coverage: Rate = MIN_COVERAGE


class CircularTrade(Rule[CircularTradeThresholds]):
    """Rings of sales through the seller and the debtor of each receivable, within a window of days.

    Sales are the invoices of the case, whoever's, and the main customers and suppliers that tax told of. Processing
    fees (加工费), corrections, returns and invoices that were wholly credited are no sales.

    - PASS: no ring. What the debtor sells to the seller is small against the invoice.
    - WARN: a long ring; a short one of goods that are not known; debtor and seller sell each other different goods, or
      the debtor much less than it buys (information: each could set off).
    - FAIL: a short ring of similar goods.
    - UNKNOWN: nothing is known of the seller's purchases: neither an invoice nor an answer of tax; too little of its
      sales is shown to say that there is no ring; the graph is larger than the budget of the search.
    - NOT_APPLICABLE: the invoice or order is for processing only; the asset is neither of both.
    """

    id = "CIRCULAR_TRADE"
    version = 1
    title = Text("Trade in a circle", "循环贸易")
    basis = ("银发〔2025〕77号 (real trade background)", "practice: 专网通信 2021")
    explains: ClassVar = {
        "NO_RING": Text(
            "The goods are not seen to come back to the seller. Nothing to do.",
            "未发现货物回流至卖方。无需处理。",
        ),
        "SHORT_RING": Text(
            "Similar goods come back to the seller over one or two parties within months: money moves, goods do not. "
            "The receivable is excluded; look at who controls the ring.",
            "同类货物在数月内经一两家企业回流至卖方：资金在转，货物未动。该应收账款予以排除，请查环路由谁控制。",
        ),
        "LONG_RING": Text(
            "A chain of sales leads from the debtor back to the seller. Ask for transport and storage papers of each "
            "step.",
            "存在由债务人经多家企业回到卖方的销售链。请逐环索要运输和仓储凭证。",
        ),
        "RING_OF_UNKNOWN_GOODS": Text(
            "The debtor sells to the seller, or to its supplier, but only tax shows it and not which goods. Ask for "
            "these purchase invoices.",
            "债务人向卖方或其供应商也有销售，但仅税务数据显示且品名不明。请索要相关进项发票。",
        ),
        "MUTUAL_TRADE": Text(
            "Debtor and seller sell each other different goods, or the debtor much less. Check that set-off is waived.",
            "债务人与卖方互有不同品类的购销。请确认债务人放弃抵销权。",
        ),
        "NO_SALE": Text(
            "It is neither an invoice nor an order, so there is no sale to follow.",
            "既非发票亦非订单，无销售可追踪。",
        ),
        "PROCESSING": Text(
            "The invoice bills processing of the customer's own goods; those come and go by nature.",
            "该发票为加工费，来料加工的货物往返属正常。",
        ),
        "NO_PURCHASES": Text(
            "Nothing is known of what the seller buys. Ask for purchase invoices, or tax for its main suppliers.",
            "卖方采购情况不明。请索要进项发票或税务主要供应商信息。",
        ),
        "GRAPH_TOO_LARGE": Text(
            "The parties are so interwoven that the search was stopped. Ask for a narrower request.",
            "交易关系过于复杂，搜索已中止。请缩小申请范围。",
        ),
        LOW_COVERAGE: Text(
            "No ring is seen, but the documents show too little of the seller's trade to rely on it. Ask for the rest.",
            "所示单据中未见环路，但覆盖卖方交易过少，不足为凭。请补充其余单据。",
        ),
    }
    applies_when = "the asset is an invoice or an order for goods or services, other than processing"
    sources = ("documents", "tax")
    effects: ClassVar = {
        "WARN": Effect.REFER,
        "FAIL": Effect.EXCLUDE,
        "UNKNOWN": Effect.REFER,
        "MUTUAL_TRADE": Effect.INFORMATION,
    }
    thresholds = CircularTradeThresholds

    def evaluate(self, case: Case, thresholds: CircularTradeThresholds) -> Iterator[Verdict]:
        """See the class."""
        search = _Search(case, thresholds)
        for asset in case.assets:
            yield search.judge(asset)


class _Search:
    def __init__(self, case: Case, limits: CircularTradeThresholds) -> None:
        self._case = case
        self._limits = limits
        self._who = who_of(case)
        self._trades = trades_of(case)
        self._coverage = coverage_of(case)
        self._rings: dict[str, Rings] = {}
        self._sold: dict[tuple[str, str], dict[str, Decimal]] = {}
        self._flows = dict(self._trades.flows)
        self._days = {asset.primary.document.issue_date.toordinal() for asset in case.assets}
        for asset in case.assets:
            body = asset.primary.document
            if isinstance(body, PurchaseOrder):  # not sold yet; still it may be the first step of a ring
                self._flows.setdefault((self._who.of(body.seller), self._who.of(body.buyer)), [])

    def judge(self, asset: Asset) -> Verdict:
        """What is said of one asset."""
        case, key = self._case, asset.fingerprint
        body = asset.primary.document
        if not isinstance(body, Invoice | PurchaseOrder):
            kind = case.of_document(asset.primary, "kind", body.kind)
            return Verdict(key, Outcome.NOT_APPLICABLE, "NO_SALE", "It is no sale.", (kind,))
        own = case.of_document(asset.primary, "buyer", body.buyer.name or "")
        goods = sorted(goods_of(body.lines))
        if not goods:
            return Verdict(key, Outcome.NOT_APPLICABLE, "PROCESSING", "It is for processing only.", (own,))
        seller, buyer = self._who.of(body.seller), self._who.of(body.buyer)
        day = body.issue_date.toordinal()
        rings = self._of(seller)
        found = self._found(asset, rings, buyer, day, goods) if buyer in rings.members else None
        if found is not None and found.code != "MUTUAL_TRADE":
            return found
        if rings.exhausted and buyer in rings.members:
            text = f"The search for rings among {len(rings.members)} parties was stopped: too many of them trade."
            return Verdict(key, Outcome.UNKNOWN, "GRAPH_TOO_LARGE", text, (own,))
        if seller not in self._trades.buyers:
            text = "No purchase of the seller is known, by invoice or from tax, so no ring could be seen."
            return Verdict(key, Outcome.UNKNOWN, "NO_PURCHASES", text, (own,))
        short = self._coverage.below(body.buyer, self._limits.min_coverage)
        if short is not None:
            return Verdict(key, Outcome.UNKNOWN, LOW_COVERAGE, short.message, (*short.inputs, own))
        if found is not None:
            return found
        text = f"Within {self._limits.window_days} days, no sales lead from the debtor back to the seller."
        return Verdict(key, Outcome.PASS, "NO_RING", text, (own,))

    def _of(self, seller: str) -> Rings:
        rings = self._rings.get(seller)
        if rings is None:
            limits = self._limits
            rings = self._rings[seller] = Rings(
                self._flows,
                seller,
                self._days,
                window_days=limits.window_days,
                max_parties=max(limits.long_ring, limits.short_ring),
            )
        return rings

    def _found(self, asset: Asset, rings: Rings, buyer: str, day: int, goods: list[str]) -> Verdict | None:
        """What the rings over the asset mean; ``None`` where there is none that means anything.

        1. A short ring of similar goods fails. 2. The shortest ring of any goods. 3. Where that one means little, a
        long ring of similar goods may hide behind it.
        """
        named = goods[:MAX_NAMED]
        short = self._limits.short_ring
        similar = _least(rings.shortest(buyer, day, each, short) for each in named)  # 1
        if similar is not None:
            return self._meant(asset, similar, similar=True)
        shortest = rings.shortest(buyer, day)  # 2
        if shortest is None:
            return None
        found = self._meant(asset, shortest, similar=False)
        if found is None or found.code == "MUTUAL_TRADE":  # 3
            longer = _least(rings.shortest(buyer, day, each) for each in named)
            found = (self._meant(asset, longer, similar=True) if longer is not None else None) or found
        return found

    def _meant(self, asset: Asset, ring: Ring, *, similar: bool) -> Verdict | None:
        """What a ring means; ``None`` where it means nothing."""
        key, length = asset.fingerprint, len(ring.parties)
        inputs = self._inputs(asset, ring)
        last = ring.back[-1]
        if similar and length <= self._limits.short_ring:
            text = (
                f"Similar goods come back to the seller over {length - 1} parties within "
                f"{self._limits.window_days} days of the invoice, the last with {_named(last)}."
            )
            return Verdict(key, Outcome.FAIL, "SHORT_RING", text, inputs)
        unknown = [flow for flow in ring.back if flow.goods is None]
        if unknown and self._small(asset, unknown):
            return None
        if length == 2 and not unknown:
            text = f"Seller and debtor sell each other different goods, the debtor with {_named(last)}."
            return Verdict(key, Outcome.WARN, "MUTUAL_TRADE", text, inputs)
        if length == 2 and self._light(ring):
            text = f"The debtor sells to the seller too, much less than it buys: {_named(last)}."
            return Verdict(key, Outcome.WARN, "MUTUAL_TRADE", text, inputs)
        if unknown and length <= self._limits.short_ring:
            text = f"Sales lead from the debtor back to the seller over {length - 1} parties; tax does not say of what."
            return Verdict(key, Outcome.WARN, "RING_OF_UNKNOWN_GOODS", text, inputs)
        what = "similar goods" if similar else "goods that differ or are not known"
        text = (
            f"Sales of {what} lead from the debtor back to the seller over {length - 1} parties within "
            f"{self._limits.window_days} days of the invoice."
        )
        return Verdict(key, Outcome.WARN, "LONG_RING", text, inputs)

    def _small(self, asset: Asset, flows: list[Flow]) -> bool:
        """Whether a sale of the ring that only tax tells of is small against the invoice."""
        least = self._limits.min_return * asset.face
        return any(flow.currency == asset.currency and flow.amount < least for flow in flows)

    def _light(self, ring: Ring) -> bool:
        """Whether the debtor sells much less to the seller than it buys from it, as far as tax or invoices tell."""
        back = ring.back[-1]
        pair = ring.parties[0], ring.parties[1]
        if pair not in self._sold:
            amounts: dict[tuple[str, bool], Decimal] = defaultdict(Decimal)
            for flow in self._flows.get(pair, ()):
                amounts[flow.currency, flow.goods is None] += flow.amount
            self._sold[pair] = {
                currency: max(amounts[currency, True], amounts[currency, False])
                for currency, _ in list(amounts)
            }
        sold = self._sold[pair].get(back.currency)
        return sold is not None and back.amount < self._limits.heavy_return * sold

    def _inputs(self, asset: Asset, ring: Ring) -> tuple[Input, ...]:
        """The invoice, then the sale of each step."""
        case = self._case
        first = case.of_document(asset.primary, "buyer", ring.parties[1])
        steps = []
        for seller, flow, buyer in zip(
            ring.parties[1:], ring.back, [*ring.parties[2:], ring.parties[0]], strict=True
        ):
            field = f"sale/{seller}"
            if flow.goods is None:
                steps.append(case.of_source("tax", "", f"{flow.reference}/{field}", buyer))
            else:
                steps.append(Input(flow.reference, field, buyer, "documents", case.now))
        return (first, *steps)


def _least(rings: Iterable[Ring | None]) -> Ring | None:
    found = [each for each in rings if each is not None]
    return min(found, key=lambda each: (len(each.parties), each.parties), default=None)


def _named(flow: Flow) -> str:
    if flow.goods is None:
        return f"sales of {money(flow.amount, flow.currency)} that tax told of"
    return f"invoice {flow.number} of {date.fromordinal(flow.first)}, {money(flow.amount, flow.currency)}"
