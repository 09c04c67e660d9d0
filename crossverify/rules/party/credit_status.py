"""CREDIT_STATUS: what does the credit bureau say about the subject?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from crossverify.answers import CreditReport, Gap
from crossverify.rule import Effect, Outcome, Rule, Text, Verdict
from crossverify.rules.party.credit_status_v1 import EXPLAINS_V1, CreditStatusThresholds

if TYPE_CHECKING:
    from crossverify.case import Case

_ENDED = {"revoked": "revoked", "deregistered": "deregistered", "insolvent": "insolvent"}


class CreditStatus(Rule[CreditStatusThresholds]):
    """About the subject, not about single receivables. Version 2 looks under all its identifiers for the one that has a
    file, and at its registration.

    - PASS: clean. WARN: past debts were overdue; its registration is suspended.
    - FAIL: a debt is overdue now, a court enforces, or it is revoked, deregistered or insolvent.
    - UNKNOWN: the bureau was not asked, is silent or stale, or has no file. NOT_APPLICABLE: never.
    """

    id = "CREDIT_STATUS"
    version = 2
    title = Text("What does the credit bureau say about the subject?", "征信机构对主体有何记录？")
    basis = ("征信业管理条例 18", "企业破产法 31, 46", "practice")
    explains: ClassVar = {
        **EXPLAINS_V1,
        "ENDED": Text(
            "The subject is revoked, deregistered or insolvent: what it assigns may be taken back. Do not lend without "
            "legal advice.",
            "主体已被吊销、注销或进入破产程序，其转让行为可能被撤销。未经法律审查不得放款。",
        ),
        "SUSPENDED": Text(
            "The subject's registration is suspended. Ask why before lending.",
            "主体登记状态异常（暂停）。放款前请了解原因。",
        ),
    }
    applies_when = "always"
    sources = ("credit",)
    # Receivables are repaid by the debtor: the seller's own record is for a person to weigh.
    effects: ClassVar = {
        "WARN": Effect.INFORMATION,
        "FAIL": Effect.REFER,
        "UNKNOWN": Effect.REFER,
        "SUSPENDED": Effect.REFER,
    }
    thresholds = CreditStatusThresholds

    def evaluate(self, case: Case, thresholds: CreditStatusThresholds) -> Iterator[Verdict]:
        """See the class."""
        gap: Gap | None = case.gap("credit")
        unknown: str | None = None
        for identifier in case.evidence.subject.identifiers:
            report = case.report(identifier)
            if isinstance(report, Gap):
                gap = gap or report
            elif report.known and not report.relations_only:
                yield from _judge(case, identifier, report, thresholds)
                return
            elif not report.known:
                unknown = unknown or identifier
        # A question that has no answer may be the one under which there is a file.
        if gap is None and unknown is not None:
            told = case.of_source("credit", "", f"{unknown}/known", "false")
            text = "The credit bureau has no file on the subject."
            yield Verdict("", Outcome.UNKNOWN, "NO_FILE", text, (told,))
            return
        gap = gap or Gap("NO_IDENTIFIER", "The subject has no identifier to ask about.", "credit")
        yield Verdict("", Outcome.UNKNOWN, gap.code, gap.message, (case.of_gap(gap, ""),))


def _judge(
    case: Case, identifier: str, report: CreditReport, limits: CreditStatusThresholds
) -> Iterator[Verdict]:
    def verdict(outcome: Outcome, code: str, text: str, *fields: str) -> Verdict:
        inputs = tuple(
            case.of_source("credit", "", f"{identifier}/{name}", str(getattr(report, name)).lower())
            for name in fields
        )
        return Verdict("", outcome, code, text, inputs)

    found: list[Verdict] = []
    if report.status in _ENDED:
        found.append(verdict(Outcome.FAIL, "ENDED", f"The subject is {report.status}.", "status"))
    if report.current_overdue_days > limits.max_current_overdue_days:
        text = f"A debt of the subject is overdue by {report.current_overdue_days} days."
        found.append(verdict(Outcome.FAIL, "OVERDUE", text, "current_overdue_days"))
    if report.under_enforcement:
        text = "A court enforces against the subject."
        found.append(verdict(Outcome.FAIL, "ENFORCEMENT", text, "under_enforcement"))
    if report.status == "suspended":
        text = "The subject's registration is suspended."
        found.append(verdict(Outcome.WARN, "SUSPENDED", text, "status"))
    if report.past_overdue_count > limits.max_past_overdue:
        text = f"{report.past_overdue_count} past debts of the subject were overdue."
        found.append(verdict(Outcome.WARN, "PAST_OVERDUE", text, "past_overdue_count"))
    fields = ("current_overdue_days", "past_overdue_count", "under_enforcement")
    yield from found or (verdict(Outcome.PASS, "CLEAN", "Nothing is overdue, and nothing was.", *fields),)
