"""AGEING: is it overdue?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from crossverify.rule import Effect, Outcome, Rule, Text, Thresholds, Verdict
from crossverify.rules.terms.days import of_invoice, paid, still_open, today
from crossverify.terms import terms_of

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable


class AgeingThresholds(Thresholds):
    """Figures of AGEING.

    :ivar grace_days: days after the due date in which a payment is still on its way: a weekend, a bank holiday
    :ivar fail_days: overdue by more than so many days is not financed
    """

    grace_days: Annotated[int, Field(ge=0, le=30)] = 3
    fail_days: Annotated[int, Field(ge=0, le=3660)] = 90


class Ageing(Rule[AgeingThresholds]):
    """By the due date that counts among all documents (``crossverify.terms``), which the finding names.

    - PASS: not due yet, or within the days of grace. WARN: overdue. FAIL: overdue by more than 90 days.
    - UNKNOWN: no document says when it is due, or how that is reckoned.
    - NOT_APPLICABLE: nothing is open any more: credit notes took all of it back, or it was paid, as the bank saw or by
      a bill (CASH_CLOSURE excludes it as settled). Where the bank says nothing, it counts as not paid.
    """

    id = "AGEING"
    version = 1
    title = Text("Is the receivable overdue?", "应收账款是否逾期？")
    basis = (
        "商业银行保理业务管理暂行办法（银监会令2014年第5号）第13条",
        "practice: borrowing bases exclude over 90 days",
    )
    explains: ClassVar = {
        "CURRENT": Text(
            "It is not due yet. Nothing to do.",
            "尚未到期，无需处理。",
        ),
        "OVERDUE": Text(
            "It is overdue. Ask the debtor why before lending; part of it may be held back.",
            "已逾期。放款前请向债务人了解原因，可按比例扣减。",
        ),
        "LONG_OVERDUE": Text(
            "It is overdue for so long that it is not financed.",
            "逾期时间过长，不予融资。",
        ),
        "NO_DUE_DATE": Text(
            "No document says when it is due: Chinese tax invoices do not. Ask for the contract, a statement of "
            "account or the debtor's confirmation.",
            "无任何单据载明到期日（数电票不含到期日）。请补充合同、对账单或债务人确权。",
        ),
        "PAID": Text("It was paid; there is nothing to grow old.", "已付清，无未结金额。"),
        "NOTHING_OPEN": Text(
            "Credit notes took all of it back; there is nothing to grow old.",
            "已全额红冲，无未结金额。",
        ),
    }
    applies_when = "something of it is open"
    sources = ("documents", "bank")
    effects: ClassVar = {"WARN": Effect.REFER, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}
    thresholds = AgeingThresholds

    def evaluate(self, case: Case, thresholds: AgeingThresholds) -> Iterator[Verdict]:
        """See the class."""
        for receivable in case.receivables:
            yield _judge(case, receivable, thresholds)


def _judge(case: Case, receivable: Receivable, thresholds: AgeingThresholds) -> Verdict:
    key = receivable.fingerprint
    if receivable.face > 0 and still_open(receivable) == 0:
        text = "All of it was taken back."
        inputs = tuple(
            case.of_document(item.document, "number", item.document.document.number)
            for item in receivable.credits[:1]
        )
        return Verdict(key, Outcome.NOT_APPLICABLE, "NOTHING_OPEN", text, inputs)
    due = terms_of(case, receivable).due_date
    if due is None:
        text = "No document says when it is due."
        return Verdict(key, Outcome.UNKNOWN, "NO_DUE_DATE", text, (of_invoice(case, receivable),))
    late = (today(case) - due.value).days
    inputs = (due.input(case),)
    if late <= thresholds.grace_days:
        when = f"in {-late} days" if late < 0 else "today" if late == 0 else f"since {late} days"
        text = f"It is due {when}, on {due.value}, says {due.source}."
        return Verdict(key, Outcome.PASS, "CURRENT", text, inputs)
    amount, told = paid(case)[key]
    if told is not None and amount >= still_open(receivable):
        text = f"It was due on {due.value} and is paid."
        return Verdict(key, Outcome.NOT_APPLICABLE, "PAID", text, (told, *inputs))
    text = f"It was due on {due.value}, says {due.source}: {late} days ago."
    if late > thresholds.fail_days:
        return Verdict(key, Outcome.FAIL, "LONG_OVERDUE", text, inputs)
    return Verdict(key, Outcome.WARN, "OVERDUE", text, inputs)
