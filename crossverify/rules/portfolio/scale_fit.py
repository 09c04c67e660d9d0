"""SCALE_FIT: do the sales shown fit what the seller declared, and what came in on its accounts?"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from consortium.documents.roles import buyer_of
from crossverify.answers import Flow, Gap, flow_reference
from crossverify.coverage import (
    LOW_COVERAGE,
    MIN_COVERAGE,
    NO_IDENTIFIER,
    NO_RETURNS,
    Cover,
    Coverage,
    coverage_of,
)
from crossverify.exchange import convert
from crossverify.figures import Rate
from crossverify.graph import is_month
from crossverify.rule import Effect, Input, Outcome, Rule, Text, Thresholds, Verdict
from crossverify.wording import money, percent, rounded_down, rounded_up

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable


class ScaleFitThresholds(Thresholds):
    """Figures of SCALE_FIT.

    :ivar fits_tax: documents may show so much of the declared sales, as a part: a few per cent more for what was
        declared a month later
    :ivar impossible_tax: from here on the documents show sales that never were
    :ivar fits_flow: so much of what fell due should have come in; the rest was paid late, by bill or set off
    :ivar impossible_flow: below this nearly nobody paid
    :ivar pay_days: when an invoice without due date should have been paid, in days
    :ivar min_coverage: part of declared sales that documents must show for a pass; as in COVERAGE
    """

    fits_tax: Annotated[Decimal, Field(ge=1)] = Decimal("1.05")
    impossible_tax: Annotated[Decimal, Field(ge=1)] = Decimal("1.3")
    fits_flow: Rate = Decimal("0.5")
    impossible_flow: Rate = Decimal("0.1")
    pay_days: Annotated[int, Field(ge=0, le=730)] = 90
    min_coverage: Rate = MIN_COVERAGE


class ScaleFit(Rule[ScaleFitThresholds]):
    """All sales that the documents show, without tax, against what the seller declared in the same months; what fell
    due, against what came in over all accounts that the bank was shown; and the sales to one debtor against what was
    declared of them.

    - PASS: they fit. WARN: stretched.
    - FAIL: impossible: far more is shown than was declared, in all or to this debtor; or hardly anything came in.
    - UNKNOWN: tax or bank was not asked, is silent or stale, or does not know the seller; a currency without a rate;
      they fit, but the documents show too little to say so.
    - NOT_APPLICABLE: nothing fell due in the months that the bank told of.
    """

    id = "SCALE_FIT"
    version = 1
    title = Text("Sales against declarations and cash", "销售规模与纳税、流水匹配")
    basis = ("practice", "银发〔2025〕77号 (real trade background)")
    explains: ClassVar = {
        "FITS_TAX": Text("The sales shown fit what was declared to tax.", "所示销售与申报相符。"),
        "ABOVE_TAX": Text(
            "The documents show more sales than were declared. Ask for the newest returns.",
            "所示销售高于申报。请索要最新申报表。",
        ),
        "IMPOSSIBLE_TAX": Text(
            "The documents show far more sales than were declared: some of them hardly exist. Look at each invoice.",
            "所示销售远高于申报，部分销售可能不存在。请逐张核查。",
        ),
        "DEBTOR_ABOVE_TAX": Text(
            "Far more was invoiced to this debtor than was declared of it. Look at each of its invoices.",
            "对该债务人的开票远高于申报。请逐张核查。",
        ),
        "FITS_FLOW": Text("What came in fits what fell due.", "账户流入与到期款项相符。"),
        "LOW_FLOW": Text(
            "Less came in than fell due. Ask for the other accounts, and whether debtors pay by bill.",
            "流入低于到期款项。请补充其他账户，并核实是否以票据结算。",
        ),
        "IMPOSSIBLE_FLOW": Text(
            "Hardly anything came in of what fell due: the sales are not paid, or not there. Ask before lending.",
            "到期款项几无流入，销售可能未付或不存在。放款前请核实。",
        ),
        "NOTHING_DUE": Text(
            "Nothing fell due in the months that the bank told of, so there is nothing to compare.",
            "银行流水期间无到期款项，无可比较。",
        ),
        "NO_FLOW": Text(
            "The bank knows no account of the seller. Ask for statements.", "银行无卖方账户信息。请索要流水。"
        ),
        "NO_RATE": Text(
            "Some sales are in a currency that the bank gave no rate for.", "部分销售币种缺少汇率。"
        ),
        NO_RETURNS: Text("Tax has no returns of the seller. Check its registration.", "税务无卖方申报记录。"),
        NO_IDENTIFIER: Text(
            "The seller has no identifier to ask about. Add its USCC.", "卖方缺少可查询的标识。"
        ),
        LOW_COVERAGE: Text(
            "What is shown fits, but it is too little of the seller's sales to say that all does.",
            "所示部分相符，但覆盖过少，不足以判断整体。",
        ),
    }
    applies_when = "always; about the subject, and about debtors that tax named"
    sources = ("documents", "tax", "bank")
    # It is about the seller as a whole, so it stops no single receivable: a person weighs it.
    effects: ClassVar = {"WARN": Effect.REFER, "FAIL": Effect.REFER, "UNKNOWN": Effect.REFER}
    thresholds = ScaleFitThresholds

    def evaluate(self, case: Case, thresholds: ScaleFitThresholds) -> Iterator[Verdict]:
        """See the class."""
        coverage = coverage_of(case)
        yield _against_tax(case, coverage, thresholds)
        yield _against_flow(case, thresholds)
        for asset in case.assets:
            debtor = buyer_of(asset.primary.document)
            found = coverage.of(debtor) if debtor is not None else coverage.gap
            if not isinstance(found, Cover) or not found.exact or found.rate is None:
                continue
            if found.rate > Fraction(thresholds.impossible_tax):
                text = _of_tax(found, coverage, "to this debtor")
                yield Verdict(asset.fingerprint, Outcome.FAIL, "DEBTOR_ABOVE_TAX", text, found.inputs)


def _of_tax(found: Cover, coverage: Coverage, what: str) -> str:
    return (
        f"From {coverage.first} to {coverage.last} the documents show sales {what} of {found.shown_money}, and "
        f"{money(found.declared, found.currency)} were declared."
    )


def _against_tax(case: Case, coverage: Coverage, limits: ScaleFitThresholds) -> Verdict:
    found = coverage.gap or coverage.total
    assert found is not None  # a total or a gap
    if isinstance(found, Gap):
        return Verdict("", Outcome.UNKNOWN, found.code, found.message, (case.of_gap(found, ""),))
    text = _of_tax(found, coverage, "in all")
    if found.shown > Fraction(found.declared) * Fraction(limits.impossible_tax):
        return Verdict("", Outcome.FAIL, "IMPOSSIBLE_TAX", text, found.inputs)
    if found.shown > Fraction(found.declared) * Fraction(limits.fits_tax):
        return Verdict("", Outcome.WARN, "ABOVE_TAX", text, found.inputs)
    if coverage.missing_rates:
        text += f" Not counted for want of a rate: {', '.join(coverage.missing_rates)}."
        return Verdict("", Outcome.UNKNOWN, "NO_RATE", text, found.inputs)
    if found.rate is not None and found.rate < Fraction(limits.min_coverage):
        text = f"The documents show {percent(found.rate)} of the declared sales: too little to say that all fits."
        return Verdict("", Outcome.UNKNOWN, LOW_COVERAGE, text, found.inputs)
    return Verdict("", Outcome.PASS, "FITS_TAX", text, found.inputs)


@dataclass(frozen=True, slots=True)
class _Come:
    """What came in.

    :ivar identifier: of the owner
    :ivar first: first day
    :ivar last: last day
    :ivar amount: net of what went back, without transfers between own accounts
    :ivar currency: ISO 4217 code
    :ivar missing: currencies without a rate
    """

    identifier: str
    first: date
    last: date
    amount: Fraction
    currency: str
    missing: tuple[str, ...]


def _against_flow(case: Case, limits: ScaleFitThresholds) -> Verdict:
    found = _come_in(case)
    if isinstance(found, Gap):
        return Verdict("", Outcome.UNKNOWN, found.code, found.message, (case.of_gap(found, ""),))
    due, lost = _due(case, found, limits.pay_days)
    missing = sorted({*lost, *found.missing})
    field = flow_reference(found.identifier)
    came = rounded_down(found.amount, found.currency)
    inputs = (
        case.of_source("bank", "", f"{field}/net_inflow", f"{came:f} {found.currency}"),
        Input("", "due", f"{rounded_up(due, found.currency):f} {found.currency}", "documents", case.now),
    )
    text = (
        f"From {found.first} to {found.last}, {money(rounded_up(due, found.currency), found.currency)} of the sales "
        f"shown fell due, and {money(came, found.currency)} came in on the accounts that the bank was shown."
    )
    if missing:
        text += f" Not counted for want of a rate: {', '.join(missing)}."
        return Verdict("", Outcome.UNKNOWN, "NO_RATE", text, inputs)
    if due <= 0:
        return Verdict("", Outcome.NOT_APPLICABLE, "NOTHING_DUE", text, inputs)
    if found.amount < due * Fraction(limits.impossible_flow):
        return Verdict("", Outcome.FAIL, "IMPOSSIBLE_FLOW", text, inputs)
    if found.amount < due * Fraction(limits.fits_flow):
        return Verdict("", Outcome.WARN, "LOW_FLOW", text, inputs)
    return Verdict("", Outcome.PASS, "FITS_FLOW", text, inputs)


def _come_in(case: Case) -> _Come | Gap:
    """The flow over all accounts, under the first identifier that the bank answered about."""
    gap = case.gap("bank")
    for identifier in case.evidence.subject.identifiers:
        found = case.answer("bank", Flow, flow_reference(identifier))
        if isinstance(found, Flow):
            months = sorted(
                (each for each in found.months if is_month(each.month)), key=lambda each: each.month
            )
            if not found.known or not months:
                return Gap("NO_FLOW", "The bank knows no account of the seller.", "bank", case.as_of("bank"))
            currency, amount, missing = months[0].currency, Fraction(0), set()
            for each in months:
                net = each.inflow - each.returned
                converted = convert(case.desk, net, each.currency, currency)
                if converted is None:
                    missing.add(each.currency)
                amount += converted or 0
            first, last = _first(months[0].month), _last(months[-1].month)
            return _Come(identifier, first, last, amount, currency, tuple(sorted(missing)))
        gap = gap or found
    return gap or Gap(NO_IDENTIFIER, "The subject has no identifier to ask about.", "bank")


def _first(month: str) -> date:
    return date.fromisoformat(f"{month}-01")


def _last(month: str) -> date:
    first = _first(month)
    return first.replace(day=monthrange(first.year, first.month)[1])


def _due(case: Case, come: _Come, pay_days: int) -> tuple[Fraction, list[str]]:
    """What fell due of the subject's sales in the months of the flow, with tax, net of credit notes."""
    due, missing = Fraction(0), []
    for receivable in case.receivables:
        if (
            receivable.primary.state == "void"
            or not come.first <= _due_day(receivable, pay_days) <= come.last
        ):
            continue
        amount = convert(case.desk, receivable.face - receivable.credited, receivable.currency, come.currency)
        if amount is None:
            missing.append(receivable.currency)
        else:
            due += max(amount, Fraction(0))
    return due, missing


def _due_day(receivable: Receivable, pay_days: int) -> date:
    return receivable.invoice.due_date or receivable.invoice.issue_date + timedelta(days=pay_days)
