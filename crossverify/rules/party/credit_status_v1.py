"""CREDIT_STATUS: what does the credit bureau say about the subject?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from crossverify.answers import CreditReport, Gap
from crossverify.rule import Effect, Outcome, Rule, Text, Thresholds, Verdict

if TYPE_CHECKING:
    from crossverify.case import Case

EXPLAINS_V1: Mapping[str, Text] = {
    "CLEAN": Text(
        "Nothing is overdue now, and nothing was. Nothing to do.",
        "当前及历史均无逾期，无需处理。",
    ),
    "PAST_OVERDUE": Text(
        "Debts of the subject were overdue in the past. Weigh it with the debtor's standing.",
        "主体历史上有逾期记录，请结合债务人资质综合判断。",
    ),
    "OVERDUE": Text(
        "A debt of the subject is overdue now. Ask for the reason and for proof of payment.",
        "主体当前存在逾期债务。请了解原因并取得清偿凭证。",
    ),
    "ENFORCEMENT": Text(
        "A court enforces against the subject: receivables may be seized. Look at the enforcement file.",
        "主体为被执行人，应收账款可能被查封冻结。请核查执行案件。",
    ),
    "NO_FILE": Text(
        "The bureau has no file on the subject. Check the identifier, or rely on other knowledge.",
        "征信机构无该主体的档案。请核对识别代码或参考其他信息。",
    ),
    "NO_IDENTIFIER": Text(
        "The subject has no identifier under which the bureau could be asked.",
        "主体没有可供查询的识别代码。",
    ),
}
"""What the codes of version 1 mean."""


class CreditStatusThresholds(Thresholds):
    """Figures of CREDIT_STATUS.

    :ivar max_current_overdue_days: days overdue that are still no fault (a payment on a holiday)
    :ivar max_past_overdue: past debts overdue that do not yet warn
    """

    max_current_overdue_days: Annotated[int, Field(ge=0)] = 0
    max_past_overdue: Annotated[int, Field(ge=0)] = 0


class CreditStatus(Rule[CreditStatusThresholds]):
    """About the subject, not about single receivables.

    - PASS: clean. WARN: past debts were overdue. FAIL: a debt is overdue now, or a court enforces.
    - UNKNOWN: the bureau was not asked, is silent or stale, or has no file. NOT_APPLICABLE: never.
    """

    id = "CREDIT_STATUS"
    version = 1
    title = Text("What does the credit bureau say about the subject?", "征信机构对主体有何记录？")
    basis = ("征信业管理条例 18", "practice")
    explains: ClassVar = EXPLAINS_V1
    applies_when = "always"
    sources = ("credit",)
    # Receivables are repaid by the debtor: the seller's own record is for a person to weigh.
    effects: ClassVar = {"WARN": Effect.INFORMATION, "FAIL": Effect.REFER, "UNKNOWN": Effect.REFER}
    thresholds = CreditStatusThresholds

    def evaluate(self, case: Case, thresholds: CreditStatusThresholds) -> Iterator[Verdict]:
        """See the class."""
        identifiers = case.evidence.subject.identifiers
        gap: Gap | None = case.gap("credit")
        for identifier in identifiers:
            report = case.report(identifier)
            if isinstance(report, CreditReport):
                yield _judge(case, identifier, report, thresholds)
                return
            gap = gap or report
        gap = gap or Gap("NO_IDENTIFIER", "The subject has no identifier to ask about.", "credit")
        yield Verdict("", Outcome.UNKNOWN, gap.code, gap.message, (case.of_gap(gap, ""),))


def _judge(case: Case, identifier: str, report: CreditReport, limits: CreditStatusThresholds) -> Verdict:
    def verdict(outcome: Outcome, code: str, text: str, *fields: str) -> Verdict:
        values = {name: getattr(report, name) for name in fields}
        inputs = tuple(
            case.of_source("credit", "", f"{identifier}/{name}", str(value).lower())
            for name, value in values.items()
        )
        return Verdict("", outcome, code, text, inputs)

    if not report.known:
        return verdict(Outcome.UNKNOWN, "NO_FILE", "The credit bureau has no file on the subject.", "known")
    days = report.current_overdue_days
    if days > limits.max_current_overdue_days:
        text = f"A debt of the subject is overdue by {days} days."
        return verdict(Outcome.FAIL, "OVERDUE", text, "current_overdue_days")
    if report.under_enforcement:
        text = "A court enforces against the subject."
        return verdict(Outcome.FAIL, "ENFORCEMENT", text, "under_enforcement")
    past = report.past_overdue_count
    if past > limits.max_past_overdue:
        text = f"{past} past debts of the subject were overdue."
        return verdict(Outcome.WARN, "PAST_OVERDUE", text, "past_overdue_count")
    fields = ("current_overdue_days", "past_overdue_count", "under_enforcement")
    return verdict(Outcome.PASS, "CLEAN", "Nothing is overdue, and nothing was.", *fields)
