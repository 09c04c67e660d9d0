"""DUP_CROSSDOC: is the same trade financed on another of its documents, or the same shipment sold twice?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from consortium.documents import Bill, Invoice, PurchaseOrder, TransportDocument, TransportLine
from consortium.documents.fingerprint import normalised_number
from crossverify.evidence import FACE_VALUE_PPB, EvidenceDocument
from crossverify.exchange import convert
from crossverify.rule import Effect, Input, NoThresholds, Outcome, Rule, Text, Verdict
from crossverify.rules.duplicate.trade_groups import Claimed, Group, Groups
from crossverify.wording import money, rounded_down, rounded_up

if TYPE_CHECKING:
    from crossverify.case import Case
    from crossverify.orders import Asset

MAX_SHOWN = 8
"""Documents that one finding names."""
_NAMES = {"purchase_order": "order", "invoice": "invoice", "bill": "bill"}


class DupCrossdoc(Rule[NoThresholds]):
    """What others claim on all documents of one trade (orders, invoices, bills), in money, against what the trade is
    worth: DUP_EXACT follows links on the ledger, this follows what the documents say. And transport documents: goods
    that travelled once, under several papers.

    - PASS: nobody claims anything on another document of the trade; or what they claim leaves room for all of this.
    - WARN: it leaves room for a part: the eligible amount is at most that. Or one shipment has several transport
      documents within the trade.
    - FAIL: nothing is left; or one shipment (container with the same goods, or serial number) is in two trades.
    - UNKNOWN: the ledger is silent or stale; a document with a claim states no value, or its currency has no rate.
    - NOT_APPLICABLE: no other document of its trade is here.
    """

    id = "DUP_CROSSDOC"
    version = 1
    title = Text("Claims across the documents of one trade", "同一交易跨单据重复融资")
    basis = ("民法典 768", "银发〔2025〕77号 (registration of financings)", "practice: Agritrade 2020")
    explains: ClassVar = {
        "NO_OVERLAP": Text(
            "Nobody has a claim on another document of the same trade. Nothing to do.",
            "同一交易的其他单据上无他人权利。无需处理。",
        ),
        "WITHIN_VALUE": Text(
            "Others have claims on documents of this trade, and the trade is worth enough for both.",
            "同一交易的其他单据上有他人权利，但交易价值足以覆盖。",
        ),
        "VALUE_OVERLAP": Text(
            "Others' claims on documents of this trade leave room for a part only. The eligible amount is capped.",
            "同一交易的其他单据已有权利，仅余部分价值，合格金额以此为限。",
        ),
        "OVER_VALUE": Text(
            "Others claim all that the trade is worth, on its order, another invoice or a bill. It is excluded.",
            "他人已就订单、其他发票或票据主张交易全部价值，予以排除。",
        ),
        "TRANSPORT_REPEATED": Text(
            "One shipment of this trade has several transport documents. A forwarder's and a carrier's are usual.",
            "同一批货有多份运输单据。货代单与承运人单并存属常见。",
        ),
        "LADING_REPEATED": Text(
            "One shipment has several documents of title, or one lot is in two trades. See the originals first.",
            "同一批货有多份物权凭证，或同一批号出现在两笔交易中。放款前请核验正本。",
        ),
        "SHIPMENT_SOLD_TWICE": Text(
            "Goods that travelled once stand behind two trades. Both are excluded until one is proven.",
            "同一批货对应两笔交易，查清之前均予排除。",
        ),
        "NO_VALUE": Text(
            "Others claim part of a document that states no value, or is in a currency without a rate.",
            "他人对无金额或缺少汇率的单据享有权利，无法折算。",
        ),
        "ALONE": Text("No other document of its trade is here.", "无同一交易的其他单据。"),
    }
    applies_when = "another order, invoice, bill or transport document of the trade is among the documents"
    sources = ("documents", "ledger", "desk")
    effects: ClassVar = {
        "WARN": Effect.INFORMATION,
        "FAIL": Effect.EXCLUDE,
        "UNKNOWN": Effect.REFER,
        "LADING_REPEATED": Effect.REFER,
    }

    def evaluate(self, case: Case, thresholds: NoThresholds) -> Iterator[Verdict]:
        """See the class."""
        groups = Groups(case)
        shipments = _Shipments(case, groups)
        gap = case.gap("ledger")
        for asset in case.assets:
            key, group = asset.fingerprint, groups.of(asset.primary.fingerprint)
            own = case.of_document(asset.primary, "number", asset.number)
            if group is None or not isinstance(asset.primary.document, Invoice | PurchaseOrder | Bill):
                yield Verdict(
                    key, Outcome.NOT_APPLICABLE, "ALONE", "No other document of its trade is here.", (own,)
                )
                continue
            yield from shipments.judge(asset, group)
            if gap is not None:
                yield Verdict(key, Outcome.UNKNOWN, gap.code, gap.message, (case.of_gap(gap, key),))
            else:
                yield _judge(case, groups, asset, group, own)


def _judge(case: Case, groups: Groups, asset: Asset, group: Group, own: Input) -> Verdict:
    key = asset.fingerprint
    if len(group.shares) == (key in group.shares):
        text = "Nobody has a claim on another document of the same trade that this ledger knows of."
        return Verdict(key, Outcome.PASS, "NO_OVERLAP", text, (own,))
    groups.value(group)
    mine = group.claims.get(key)
    total = group.claimed - ((mine.amount or Fraction(0)) if mine is not None else Fraction(0))
    shown = list(islice((each for name, each in group.claims.items() if name != key), MAX_SHOWN))
    inputs = (own, *(_told(case, each) for each in shown))
    names = ", ".join(f"{_NAMES[each.item.document.kind]} {each.item.document.number}" for each in shown[:3])
    face = convert(case.desk, asset.face, asset.currency, group.currency)
    if group.unvalued or group.missing or face is None:
        why = (
            f"there is no rate {', '.join(group.missing)}"
            if group.missing
            else "not all of them state a value"
        )
        text = f"Others claim part of {names}, and it cannot be said how much that is: {why}."
        return Verdict(key, Outcome.UNKNOWN, "NO_VALUE", text, inputs)
    left = group.worth - total
    said = (
        f"Others claim {money(rounded_up(total, group.currency), group.currency)} on {names}, of a trade that is worth "
        f"{money(rounded_down(group.worth, group.currency), group.currency)}"
    )
    if left <= 0:
        return Verdict(key, Outcome.FAIL, "OVER_VALUE", f"{said}: nothing is left of it.", inputs, None, 0)
    if left >= face:
        return Verdict(key, Outcome.PASS, "WITHIN_VALUE", f"{said}: there is room for this.", inputs)
    cap = int(left * FACE_VALUE_PPB / face)
    text = f"{said}: {money(rounded_down(left, group.currency), group.currency)} is left for this."
    return Verdict(key, Outcome.WARN, "VALUE_OVERLAP", text, inputs, None, cap)


def _told(case: Case, each: Claimed) -> Input:
    return case.of_source("ledger", each.item.fingerprint, "claimed_by_others_ppb", each.share_ppb)


# --- transport documents ----------------------------------------------------------------------------

_GRAVITY = ("TRANSPORT_REPEATED", "LADING_REPEATED", "SHIPMENT_SOLD_TWICE")


class _Mark(NamedTuple):
    """What makes two transport documents speak of the same goods."""

    kind: str
    """"box": a container on a day with the same goods; "serial": a single piece; "lot": a lot on a day."""
    text: str
    """For a person."""
    rest: str
    """What has to be equal beside."""


class _Repeat(NamedTuple):
    """Documents of the same goods."""

    code: str
    mark: _Mark
    items: tuple[EvidenceDocument, ...]


class _Shipments:
    """Which trades have transport documents of the same goods."""

    def __init__(self, case: Case, groups: Groups) -> None:
        self._case = case
        marked: dict[_Mark, list[tuple[EvidenceDocument, Group]]] = defaultdict(list)
        for group in groups.all():
            for item in group.transports:
                body = item.document
                if item.state != "void" and isinstance(body, TransportDocument):
                    for mark in _marks(body):
                        marked[mark].append((item, group))
        self._repeats: dict[int, _Repeat] = {}
        for mark, found in sorted(marked.items()):
            if len(found) > 1:
                self._keep(mark, found)

    def _keep(self, mark: _Mark, found: list[tuple[EvidenceDocument, Group]]) -> None:
        trades = {id(group) for _, group in found}
        titles = sum(bool(getattr(item.document, "negotiable", None)) for item, _ in found)
        code = "TRANSPORT_REPEATED"
        if len(trades) > 1:
            code = "LADING_REPEATED" if mark.kind == "lot" else "SHIPMENT_SOLD_TWICE"
        elif titles > 1:
            code = "LADING_REPEATED"
        repeat = _Repeat(code, mark, tuple(item for item, _ in found[:MAX_SHOWN]))
        for _, group in found:
            known = self._repeats.get(id(group))
            if known is None or _GRAVITY.index(known.code) < _GRAVITY.index(code):
                self._repeats[id(group)] = repeat

    def judge(self, asset: Asset, group: Group) -> Iterator[Verdict]:
        """What is said of an asset about its transport documents; nothing where there is nothing to say."""
        found = self._repeats.get(id(group))
        if found is None:
            return
        numbers = ", ".join(item.document.number for item in found.items[:3])
        inputs = tuple(self._case.of_document(item, found.mark.kind, found.mark.text) for item in found.items)
        if found.code == "SHIPMENT_SOLD_TWICE":
            text = f"Transport documents {numbers} of different trades speak of the same goods: {found.mark.text}."
            yield Verdict(asset.fingerprint, Outcome.FAIL, found.code, text, inputs)
            return
        text = f"Transport documents {numbers} speak of the same goods: {found.mark.text}."
        yield Verdict(asset.fingerprint, Outcome.WARN, found.code, text, inputs)


def _marks(body: TransportDocument) -> Iterator[_Mark]:
    day = (body.loading_date or body.issue_date).isoformat()
    for line in body.lines:
        goods = _goods(line)
        if line.container is not None:
            box = normalised_number(line.container)
            yield _Mark("box", f"container {box} on {day}", goods)
        for lot in line.lots:
            if lot.serial is not None:
                yield _Mark(
                    "serial", f"serial number {normalised_number(lot.serial)}", line.item.name.casefold()
                )
            elif lot.number is not None:
                yield _Mark("lot", f"lot {normalised_number(lot.number)} on {day}", goods)


def _goods(line: TransportLine) -> str:
    return f"{''.join(line.item.name.casefold().split())}|{line.quantity.normalize():f}|{line.unit}"
