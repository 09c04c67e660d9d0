"""DILUTION: how much of what this debtor is invoiced is taken back by credit notes?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Self

from pydantic import Field, model_validator

from consortium.documents import CreditNote, Invoice
from consortium.documents.fingerprint import normalised_number
from crossverify.coverage import LOW_COVERAGE, MIN_COVERAGE, Coverage, coverage_of
from crossverify.figures import Rate
from crossverify.rule import Deduction, Effect, Input, Outcome, Rule, Step, Text, Thresholds, Verdict, clip
from crossverify.rules.terms.days import of_invoice, still_open, today
from crossverify.who import who_of
from crossverify.wording import money, percent, rounded_up

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

_MAX_TOLD: Final = 8
_Lines = frozenset[tuple[tuple[str, str, Decimal], int]]


class DilutionThresholds(Thresholds):
    """Figures of DILUTION.

    :ivar warn_rate: from this part of sales on
    :ivar fail_rate: above this part of sales
    :ivar days: how far back invoices count
    :ivar rebill_days: a full credit is a correction where the same lines of the same order are invoiced again within
        so many days; later it is the next delivery of a standing order
    :ivar min_invoices: fewer other invoices on the debtor are no history
    :ivar min_coverage: part of the sales to the debtor that has to be shown
    """

    warn_rate: Rate = Decimal("0.05")
    fail_rate: Rate = Decimal("0.10")
    days: Annotated[int, Field(ge=1, le=3660)] = 365
    rebill_days: Annotated[int, Field(ge=0, le=365)] = 20
    min_invoices: Annotated[int, Field(ge=1, le=1000)] = 3
    min_coverage: Rate = MIN_COVERAGE

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.warn_rate > self.fail_rate:
            raise ValueError("warn_rate is above fail_rate")
        return self


@dataclass(slots=True)
class _History:
    """Sales to one debtor in one currency.

    :ivar sales: gross, by receivable
    :ivar taken: taken back, by receivable
    :ivar notes: credit notes, each with the receivable that it is about
    """

    sales: dict[str, Decimal] = field(default_factory=dict)
    taken: dict[str, Decimal] = field(default_factory=dict)
    notes: list[tuple[str, Input]] = field(default_factory=list)
    all_sales: Decimal = Decimal(0)
    all_taken: Decimal = Decimal(0)

    def add(self, receivable: Receivable) -> None:
        """Counts a receivable."""
        taken = min(receivable.credited, receivable.face)
        self.sales[receivable.fingerprint] = receivable.face
        self.taken[receivable.fingerprint] = taken
        self.all_sales += receivable.face
        self.all_taken += taken

    def without(self, key: str) -> tuple[Decimal, Decimal, int]:
        """Sales, taken back and number of invoices of all others: a receivable's own credit notes have left its
        eligible amount already."""
        none = Decimal(0)
        sales, taken = self.all_sales - self.sales.get(key, none), self.all_taken - self.taken.get(key, none)
        return sales, taken, len(self.sales) - (key in self.sales)

    def told(self, key: str) -> list[Input]:
        """Some credit notes of the others."""
        return [each for name, each in self.notes[: 2 * _MAX_TOLD] if name != key][:_MAX_TOLD]


class Dilution(Rule[DilutionThresholds]):
    """Credit notes over sales to the same debtor in the year before, without the receivable's own: those have left its
    eligible amount and are not counted twice. A full credit whose lines are invoiced again is a correction, no
    dilution.

    - PASS: under 5 %. WARN: 5 to 10 %; that part of the receivable is held back. FAIL: over 10 %.
    - UNKNOWN: too few invoices on this debtor, or too little of the sales to it is shown to say that there is no more.
    - NOT_APPLICABLE: nothing of the receivable is open.
    """

    id = "DILUTION"
    version = 1
    title = Text(
        "How much of what this debtor is invoiced is taken back?",
        "对该债务人的开票有多大比例被红冲？",
    )
    basis = ("practice: dilution reserves of borrowing bases", "商业银行保理业务管理暂行办法 第15条")
    explains: ClassVar = {
        "LOW": Text("Little is taken back by credit notes. Nothing to do.", "红冲比例较低。"),
        "RAISED": Text(
            "More is taken back than usual; as much of this receivable is held back. Ask why.",
            "红冲比例偏高，已按比例预留。请了解原因。",
        ),
        "HIGH": Text(
            "So much is taken back that face values say little. Do not lend on this debtor before it is explained.",
            "红冲比例过高，票面金额不足为据。说明原因前不得融资。",
        ),
        "NO_HISTORY": Text(
            "There are too few invoices on this debtor to know. The profile's flat reserve holds.",
            "对该债务人的发票过少，无法判断。适用统一预留比例。",
        ),
        LOW_COVERAGE: Text(
            "Too little of the sales to this debtor is shown; credit notes may be among the rest. Ask for all "
            "invoices.",
            "对该债务人的销售展示不足，其余部分可能有红冲。请补充全部发票。",
        ),
        "NOTHING_OPEN": Text("All of it was taken back; nothing is financed.", "已全额红冲，无未结金额。"),
    }
    applies_when = "something of it is open"
    sources = ("documents", "tax")
    effects: ClassVar = {
        "WARN": Effect.INFORMATION,
        "FAIL": Effect.EXCLUDE,
        "UNKNOWN": Effect.INFORMATION,
    }
    thresholds = DilutionThresholds

    def evaluate(self, case: Case, thresholds: DilutionThresholds) -> Iterator[Verdict]:
        """See the class."""
        histories = _histories(case, thresholds)
        coverage = coverage_of(case)
        who = who_of(case)
        for receivable in case.receivables:
            name = (who.of(receivable.invoice.buyer), receivable.currency)
            yield _judge(case, receivable, histories.get(name, _History()), coverage, thresholds)


def _judge(
    case: Case,
    receivable: Receivable,
    history: _History,
    coverage: Coverage,
    thresholds: DilutionThresholds,
) -> Verdict:
    key, currency = receivable.fingerprint, receivable.currency
    issued = of_invoice(case, receivable)
    left = still_open(receivable)
    if receivable.face > 0 and left == 0:
        text = "All of it was taken back."
        return Verdict(key, Outcome.NOT_APPLICABLE, "NOTHING_OPEN", text, (issued,))
    sales, taken, count = history.without(key)
    rate = Fraction(taken) / Fraction(sales) if sales > 0 else Fraction(0)
    figures = f"{money(taken, currency)} of {money(sales, currency)}"
    text = f"Credit notes took back {figures} on {count} other invoices to this debtor"
    shown = Input("", "sales", f"{sales:f} {currency}", "documents", case.now)
    inputs = clip((issued, *history.told(key), shown))
    if count < thresholds.min_invoices:
        text = f"{text}; fewer than {thresholds.min_invoices} are no history."
        return Verdict(key, Outcome.UNKNOWN, "NO_HISTORY", text, inputs)
    text = f"{text}, {percent(rate)}."
    if rate > Fraction(thresholds.fail_rate):
        return Verdict(key, Outcome.FAIL, "HIGH", text, inputs)
    if rate >= Fraction(thresholds.warn_rate) and rate > 0:
        deduct = Deduction(Step.DILUTION, rounded_up(Fraction(left) * rate, currency), currency)
        return Verdict(key, Outcome.WARN, "RAISED", text, inputs, deduct=deduct)
    short = coverage.below(receivable.invoice.buyer, thresholds.min_coverage)
    if short is not None:
        return Verdict(key, Outcome.UNKNOWN, LOW_COVERAGE, short.message, clip((*inputs, *short.inputs)))
    return Verdict(key, Outcome.PASS, "LOW", text, inputs)


def _histories(case: Case, thresholds: DilutionThresholds) -> Mapping[tuple[str, str], _History]:
    """Sales and credit notes by debtor and currency."""
    first = today(case) - timedelta(days=thresholds.days)
    corrections = _corrections(case, thresholds.rebill_days)
    who = who_of(case)
    found: dict[tuple[str, str], _History] = defaultdict(_History)
    for receivable in case.receivables:
        invoice = receivable.invoice
        if invoice.issue_date < first or receivable.face <= 0 or receivable.primary.state == "void":
            continue
        if receivable.fingerprint in corrections:
            continue
        history = found[who.of(invoice.buyer), receivable.currency]
        history.add(receivable)
        for credit in receivable.credits:
            told = case.of_document(credit.document, "totals/payable", f"{credit.amount:f}")
            history.notes.append((receivable.fingerprint, told))
    return found


def _corrections(case: Case, days: int) -> frozenset[str]:
    """Receivables that were taken back to the full and invoiced again: same debtor, same lines. One new invoice
    corrects one old."""
    who = who_of(case)
    taken_back = [each for each in case.receivables if each.credits and still_open(each) == 0]
    debtors = {who.of(each.invoice.buyer) for each in taken_back}
    by_lines: dict[tuple[str, _Lines], list[Receivable]] = defaultdict(list)
    for receivable in case.receivables:
        debtor = who.of(receivable.invoice.buyer)
        if debtor in debtors:
            by_lines[debtor, _lines(receivable.invoice)].append(receivable)
    used: set[str] = set()
    found: set[str] = set()
    for receivable in taken_back:
        credited_on = max(_issued(item.document.document) for item in receivable.credits)
        candidates = by_lines[who.of(receivable.invoice.buyer), _lines(receivable.invoice)]
        for other in candidates:
            after = (other.invoice.issue_date - credited_on).days
            if 0 <= after <= days and other.fingerprint not in used and still_open(other) > 0:
                used.add(other.fingerprint)
                found.add(receivable.fingerprint)
                break
    return frozenset(found)


def _issued(document: object) -> date:
    assert isinstance(document, Invoice | CreditNote)
    return document.issue_date


def _lines(invoice: Invoice) -> _Lines:
    """What is on an invoice and for which order, whatever the order of its lines; the price may be what was
    corrected."""
    counted = Counter(
        (
            normalised_number(line.item.seller_number or line.item.standard_number or line.item.name),
            f"{line.order_number or invoice.order_number or ''}/{line.order_line or ''}/{line.unit}",
            line.quantity,
        )
        for line in invoice.lines
    )
    return frozenset(counted.items())
