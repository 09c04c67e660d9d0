"""COVERAGE: how much of the seller's sales do the documents show?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from consortium.documents.roles import buyer_of
from crossverify.answers import Gap
from crossverify.coverage import MIN_COVERAGE, NO_IDENTIFIER, NO_RETURNS, Cover, Coverage, coverage_of
from crossverify.figures import Rate
from crossverify.rule import Effect, Outcome, Rule, Text, Thresholds, Verdict
from crossverify.wording import money, percent

if TYPE_CHECKING:
    from crossverify.case import Case


class CoverageThresholds(Thresholds):
    """Figures of COVERAGE.

    :ivar min_coverage: part of the sales declared to tax, without tax, that documents must show. CIRCULAR_TRADE,
        CONCENTRATION, DILUTION and SCALE_FIT have the same figure of their own: override them together
    """

    min_coverage: Rate = MIN_COVERAGE


class CoverageRule(Rule[CoverageThresholds]):
    """The invoices shown to each debtor, net of tax and credit notes, against the sales to it that were declared to
    tax, over the months that tax told of; against all sales where tax names main customers only and not this one.

    - PASS: at least the threshold.
    - WARN: less: rules on the whole of the trade cannot pass and say UNKNOWN themselves. Or tax knows of no sales to
      this debtor.
    - UNKNOWN: tax was not asked, is silent or stale, or has no returns; a currency without a rate.
    - FAIL, NOT_APPLICABLE: never; an asset without a debtor, such as a warehouse receipt, is measured on all sales.
    """

    id = "COVERAGE"
    version = 1
    title = Text("Documents shown against declared sales", "单据覆盖率")
    basis = ("practice", "银发〔2025〕77号 (real trade background)")
    explains: ClassVar = {
        "ENOUGH": Text(
            "The documents show enough of the sales to this debtor.", "所示单据已覆盖对该债务人的足够销售。"
        ),
        "LOW": Text(
            "The documents show little of what the seller declared. What is not shown can hide rings, credit notes and "
            "other exposures: ask for the rest.",
            "所示单据仅占申报销售的小部分，未示部分可能隐藏循环贸易、红字或其他敞口，请补充。",
        ),
        "NOT_DECLARED": Text(
            "The seller declared no sales to this debtor in these months. Ask why.",
            "卖方在该期间未申报对该债务人的销售。请询问原因。",
        ),
        "NO_RATE": Text(
            "Some documents are in a currency that the bank gave no rate for, so they could not be counted.",
            "部分单据币种缺少汇率，无法计入。",
        ),
        NO_RETURNS: Text(
            "Tax has no returns of the seller. Check its registration.",
            "税务无卖方申报记录。请核实其登记情况。",
        ),
        NO_IDENTIFIER: Text(
            "The subject has no identifier to ask tax about. Add its USCC.",
            "主体缺少可查询的标识。请补充。",
        ),
    }
    applies_when = "always"
    sources = ("documents", "tax")
    # Low coverage costs by itself nothing: the rules that it blinds say UNKNOWN, with their own effects.
    effects: ClassVar = {
        "WARN": Effect.INFORMATION,
        "UNKNOWN": Effect.INFORMATION,
        "NOT_DECLARED": Effect.REFER,
    }
    thresholds = CoverageThresholds

    def evaluate(self, case: Case, thresholds: CoverageThresholds) -> Iterator[Verdict]:
        """See the class."""
        coverage = coverage_of(case)
        judged: dict[
            int, Verdict
        ] = {}  # debtors are few, and what is said of one is said of all that it owes
        for asset in case.assets:
            key, debtor = asset.fingerprint, buyer_of(asset.primary.document)
            found = coverage.gap or (coverage.total if debtor is None else coverage.of(debtor))
            assert found is not None  # a total or a gap
            if isinstance(found, Gap):
                yield Verdict(key, Outcome.UNKNOWN, found.code, found.message, (case.of_gap(found, key),))
                continue
            if id(found) not in judged:
                judged[id(found)] = _judge(coverage, found, thresholds.min_coverage)
            yield judged[id(found)]._replace(subject=key)


def _judge(coverage: Coverage, found: Cover, minimum: Decimal) -> Verdict:
    whose = "the sales to this debtor" if found.exact else "all sales"
    between = f"from {coverage.first} to {coverage.last}"
    if found.rate is None:
        text = f"Tax knows of no sales to this debtor {between}; the documents show {found.shown_money}."
        if not found.exact:
            text = f"The seller declared no sales {between}; the documents show {found.shown_money}."
        return Verdict("", Outcome.WARN, "NOT_DECLARED", text, found.inputs)
    text = (
        f"The documents show {percent(found.rate)} of {whose} that were declared to tax {between}: "
        f"{found.shown_money} of {money(found.declared, found.currency)}."
    )
    if found.rate >= Fraction(minimum):
        return Verdict("", Outcome.PASS, "ENOUGH", text, found.inputs)
    if coverage.missing_rates:
        text += f" Not counted for want of a rate: {', '.join(coverage.missing_rates)}."
        return Verdict("", Outcome.UNKNOWN, "NO_RATE", text, found.inputs)
    return Verdict("", Outcome.WARN, "LOW", text, found.inputs)
