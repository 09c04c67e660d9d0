"""CONCENTRATION: does the request fit under the bank's limit on the debtor's group?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from consortium.documents.party import Party
from consortium.documents.roles import buyer_of
from crossverify.case import Receivable
from crossverify.coverage import LOW_COVERAGE, MIN_COVERAGE, coverage_of
from crossverify.evidence import FACE_VALUE_PPB
from crossverify.exchange import convert, said
from crossverify.figures import Rate
from crossverify.limits import groups_of
from crossverify.rule import Effect, Input, Outcome, Rule, Text, Thresholds, Verdict
from crossverify.who import who_of
from crossverify.wording import money, percent, rounded_up

if TYPE_CHECKING:
    from crossverify.case import Case
    from crossverify.desk import Exposure
    from crossverify.orders import Asset


class ConcentrationThresholds(Thresholds):
    """Figures of CONCENTRATION.

    :ivar near: from this part of the limit on it is said that it is nearly used up
    :ivar min_coverage: part of declared sales that documents must show for a pass; as in COVERAGE
    """

    near: Rate = Decimal("0.8")
    min_coverage: Rate = MIN_COVERAGE


class Concentration(Rule[ConcentrationThresholds]):
    """What the bank has outstanding on a debtor's group, with everything of this request that is due from it, against
    the bank's own limit (``desk_file``). The waterfall takes what is above the limit, in the case's order.

    What this request adds is face value net of credit notes and of what the bank itself financed already, which its
    own figures hold. A group's least limit counts.

    - PASS: under. WARN: near. FAIL: over (information: the excess leaves the eligible amount).
    - UNKNOWN: a currency without a rate; it is under or near, but the documents show too little of the seller's sales.
    - NOT_APPLICABLE: the bank gave no limit on this debtor; an asset without a debtor.
    """

    id = "CONCENTRATION"
    version = 1
    title = Text("Concentration on one debtor group", "单一债务人集团集中度")
    basis = ("practice", "商业银行大额风险暴露管理办法")
    explains: ClassVar = {
        "UNDER": Text("There is room under the limit on the debtor's group.", "债务人集团限额尚有余量。"),
        "NEAR": Text(
            "With this request the limit on the debtor's group is nearly used up. Plan the next one.",
            "本次申请后，债务人集团限额接近用满。请提前安排。",
        ),
        "OVER": Text(
            "With this request the limit on the debtor's group is exceeded. The excess leaves the eligible amount.",
            "本次申请将超出债务人集团限额，超出部分从合格金额中扣除。",
        ),
        "NO_LIMIT": Text(
            "The bank gave no limit on this debtor. Set one if it should count.",
            "本行未设该债务人限额。如需控制请设定。",
        ),
        "NO_DEBTOR": Text("There is no debtor to whom a limit would apply.", "无债务人，不适用限额。"),
        "NO_RATE": Text(
            "Limit and request are in currencies that the bank gave no rate for. Add the rate to the desk file.",
            "限额与申请币种之间缺少汇率，请在本行数据文件中补充。",
        ),
        LOW_COVERAGE: Text(
            "The limit is not exceeded by what is shown, but the documents show too little of the seller's trade.",
            "就所示单据未超限额，但单据覆盖卖方交易过少。",
        ),
    }
    applies_when = "the bank has a limit on the debtor or its group"
    sources = ("documents", "ledger", "desk")
    # What is above the limit is taken by the waterfall; a receivable of which nothing is left is excluded by that.
    effects: ClassVar = {"WARN": Effect.INFORMATION, "FAIL": Effect.INFORMATION, "UNKNOWN": Effect.REFER}
    thresholds = ConcentrationThresholds

    def evaluate(self, case: Case, thresholds: ConcentrationThresholds) -> Iterator[Verdict]:
        """See the class."""
        books = _Books(case)
        coverage = coverage_of(case)
        judged: dict[str, Verdict] = {}
        for asset in case.assets:
            key, debtor = asset.fingerprint, buyer_of(asset.primary.document)
            if debtor is None:
                what = case.of_document(asset.primary, "kind", asset.primary.document.kind)
                yield Verdict(key, Outcome.NOT_APPLICABLE, "NO_DEBTOR", "It has no debtor.", (what,))
                continue
            group = books.of(debtor)
            if group is None:
                named = case.of_document(asset.primary, "buyer", debtor.name or "")
                text = "The bank gave no limit on this debtor."
                yield Verdict(key, Outcome.NOT_APPLICABLE, "NO_LIMIT", text, (named,))
                continue
            if group.name not in judged:
                judged[group.name] = _judge(case, group, thresholds.near)
            verdict = judged[group.name]._replace(subject=key)
            short = coverage.below(debtor, thresholds.min_coverage)
            if short is not None and verdict.outcome in (Outcome.PASS, Outcome.WARN):
                inputs = (*short.inputs, *verdict.inputs)
                verdict = Verdict(key, Outcome.UNKNOWN, LOW_COVERAGE, short.message, inputs)
            yield verdict


@dataclass(slots=True)
class _Group:
    """One group with its limit.

    :ivar limit: the least of its members', in ``currency``; none where a rate is missing
    :ivar used: outstanding before this request
    :ivar wanted: what this request adds
    :ivar missing: pairs of currencies without a rate
    :ivar rates: rates that were used, as a person reads them
    """

    name: str
    currency: str
    exposures: list[Exposure] = field(default_factory=list)
    limit: Fraction | None = None
    used: Fraction = Fraction(0)
    wanted: Fraction = Fraction(0)
    missing: list[str] = field(default_factory=list)
    rates: dict[str, None] = field(default_factory=dict)


class _Books:
    """The bank's limits, and what this request adds to each."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._who = who_of(case)
        groups = groups_of(case)
        self._group_of = groups.of_key
        self._groups: dict[str, _Group] = {}
        for each, name in zip(case.desk.exposures, groups.of_exposure, strict=True):
            self._groups.setdefault(name, _Group(name, each.currency)).exposures.append(each)
        for group in self._groups.values():
            self._add_up(group)
        for asset in case.assets:
            party = buyer_of(asset.primary.document)
            found = self.of(party) if party is not None else None
            if found is not None:
                amount = self._in(found, _open(case, asset), asset.currency)
                found.wanted += amount

    def of(self, debtor: Party) -> _Group | None:
        """The group whose limit a debtor counts against."""
        name = self._group_of.get(self._who.of(debtor))
        return self._groups.get(name) if name is not None else None

    def _add_up(self, group: _Group) -> None:
        limits = []
        for each in group.exposures:
            limits.append(self._in(group, each.limit, each.currency))
            group.used += self._in(group, each.amount, each.currency)
        group.limit = min(limits)

    def _in(self, group: _Group, amount: Decimal | Fraction, currency: str) -> Fraction:
        found = convert(self._case.desk, amount, currency, group.currency)
        if found is None:
            pair = f"{currency}/{group.currency}"
            if pair not in group.missing:
                group.missing.append(pair)
            return Fraction(0)
        if rate := said(self._case.desk, currency, group.currency):
            group.rates[rate] = None
        return found


def _open(case: Case, asset: Asset) -> Fraction:
    """What the request adds: face value less credit notes and less what the bank financed already."""
    left = asset.face
    if isinstance(asset, Receivable):
        if case.cancelled(asset):
            return Fraction(0)
        left = max(left - asset.credited, Decimal(0))
    own = 0
    for row in asset.assets:
        own = max(
            own, sum(claim.share_ppb for claim in row.claims if claim.own and claim.state == "financed")
        )
    if not own:
        return Fraction(left)
    financed = Fraction(asset.face) * min(own, FACE_VALUE_PPB) / FACE_VALUE_PPB
    return max(Fraction(left) - financed, Fraction(0))


def _judge(case: Case, group: _Group, near: Decimal) -> Verdict:
    """What is said of everything that is due from a group."""
    key = ""
    first = group.exposures[0]
    inputs: tuple[Input, ...] = (
        case.of_source("desk", key, f"exposures/{first.debtor}/limit", f"{first.limit:f} {first.currency}"),
        case.of_source("desk", key, f"exposures/{first.debtor}/amount", f"{first.amount:f} {first.currency}"),
    )
    if group.missing:
        text = f"The bank gave no rate {', '.join(group.missing)}, so the limit on {group.name} cannot be reckoned."
        return Verdict(key, Outcome.UNKNOWN, "NO_RATE", text, inputs)
    assert group.limit is not None
    total = group.used + group.wanted
    added = rounded_up(group.wanted, group.currency)
    inputs = (*inputs, Input(key, "wanted", f"{added:f} {group.currency}", "documents", case.now))
    rates = f"; {', '.join(group.rates)}" if group.rates else ""
    text = (
        f"{money(rounded_up(group.used, group.currency), group.currency)} outstanding on {group.name} and "
        f"{money(added, group.currency)} of this request are {percent(total / group.limit)} of the limit{rates}."
    )
    if total > group.limit:
        return Verdict(key, Outcome.FAIL, "OVER", text, inputs)
    if total >= group.limit * Fraction(near):
        return Verdict(key, Outcome.WARN, "NEAR", text, inputs)
    return Verdict(key, Outcome.PASS, "UNDER", text, inputs)


__all__ = ["Concentration", "ConcentrationThresholds"]
