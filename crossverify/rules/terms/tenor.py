"""TENOR: how long does it run?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import Field, model_validator

from consortium.documents import Bill
from crossverify.rule import Effect, Input, Outcome, Rule, Text, Thresholds, Verdict
from crossverify.rules.terms.days import months_after, of_invoice
from crossverify.terms import terms_of

if TYPE_CHECKING:
    from datetime import date

    from crossverify.case import Case


class TenorThresholds(Thresholds):
    """Figures of TENOR, months from issue to due date.

    :ivar usual_months: as a rule at most so many
    :ivar most_months: never more than so many
    """

    usual_months: Annotated[int, Field(ge=1, le=120)] = 6
    most_months: Annotated[int, Field(ge=1, le=120)] = 12

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.usual_months > self.most_months:
            raise ValueError("usual_months is above most_months")
        return self


class Tenor(Rule[TenorThresholds]):
    """From the day of issue to the due date that counts among all documents; of a bill to the bill's due date.

    - PASS: to 6 months. WARN: to 12 months. FAIL: over 12 months.
    - UNKNOWN: no document says when it is due.
    - NOT_APPLICABLE: orders and goods, which fall due on no day.
    """

    id = "TENOR"
    version = 1
    title = Text("How long does the receivable run?", "付款期限有多长？")
    basis = ("银发〔2025〕77号：应收账款电子凭证付款期限原则上6个月以内，最长不超过1年",)
    explains: ClassVar = {
        "USUAL": Text(
            "It runs six months at most, as the notice asks. Nothing to do.", "期限在6个月以内，符合要求。"
        ),
        "LONG": Text(
            "It runs over six months. The notice allows it by exception: note why.",
            "期限超过6个月。通知仅允许例外情形，请记录原因。",
        ),
        "TOO_LONG": Text(
            "It runs over a year, which the notice does not allow.",
            "期限超过1年，不符合通知要求。",
        ),
        "NO_DUE_DATE": Text(
            "No document says when it is due. Ask for the contract, a statement of account or the debtor's "
            "confirmation.",
            "无单据载明到期日。请补充合同、对账单或债务人确权。",
        ),
    }
    applies_when = "there is something that falls due"
    sources = ("documents",)
    effects: ClassVar = {"WARN": Effect.REFER, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}
    thresholds = TenorThresholds

    def evaluate(self, case: Case, thresholds: TenorThresholds) -> Iterator[Verdict]:
        """See the class."""
        receivables = {each.fingerprint: each for each in case.receivables}
        for asset in case.assets:
            body = asset.primary.document
            if isinstance(body, Bill):
                inputs = (
                    case.of_document(asset.primary, "issue_date", body.issue_date),
                    case.of_document(asset.primary, "due_date", body.due_date),
                )
                yield _judge(asset.fingerprint, body.issue_date, body.due_date, inputs, thresholds)
                continue
            receivable = receivables.get(asset.fingerprint)
            if receivable is None:
                continue
            issued = of_invoice(case, receivable)
            due = terms_of(case, receivable).due_date
            if due is None:
                text = "No document says when it is due."
                yield Verdict(receivable.fingerprint, Outcome.UNKNOWN, "NO_DUE_DATE", text, (issued,))
                continue
            both = (issued, due.input(case))
            yield _judge(receivable.fingerprint, receivable.invoice.issue_date, due.value, both, thresholds)


def _judge(
    key: str, issued: date, due: date, inputs: tuple[Input, ...], thresholds: TenorThresholds
) -> Verdict:
    text = f"It runs from {issued} to {due}, {(due - issued).days} days"
    if due <= months_after(issued, thresholds.usual_months):
        text += f": at most {thresholds.usual_months} months."
        return Verdict(key, Outcome.PASS, "USUAL", text, inputs)
    if due <= months_after(issued, thresholds.most_months):
        text += f": over {thresholds.usual_months} months."
        return Verdict(key, Outcome.WARN, "LONG", text, inputs)
    return Verdict(key, Outcome.FAIL, "TOO_LONG", f"{text}: over {thresholds.most_months} months.", inputs)
