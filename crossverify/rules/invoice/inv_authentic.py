"""INV_AUTHENTIC: does tax know this invoice, with the same figures?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from crossverify.answers import Gap
from crossverify.evidence import EvidenceDocument
from crossverify.rule import Effect, Outcome, Rule, Thresholds, Verdict

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable


class InvAuthenticThresholds(Thresholds):
    """Figures of INV_AUTHENTIC.

    :ivar visible_after_hours: hours after the end of the issue date (UTC) in which an invoice may still be
        on its way to the tax authority
    """

    visible_after_hours: Annotated[int, Field(ge=0, le=24 * 31)] = 24


class InvAuthentic(Rule[InvAuthenticThresholds]):
    """Tax compares number, date, both tax ids, currency, net, tax and gross; never due date or order number.
    Of a commercial invoice with its Chinese tax invoices, those are asked about.

    - PASS: known and agrees. WARN: not known yet: the answer is from before the issue date, or less than a
      day after it.
    - FAIL: not known, or a field differs. UNKNOWN: tax was not asked, is silent or stale. NOT_APPLICABLE:
      never.
    """

    id = "INV_AUTHENTIC"
    version = 1
    codes = frozenset({"AGREES", "DIFFERS", "NOT_KNOWN", "NOT_YET_VISIBLE"})
    applies_when = "always"
    sources = ("tax",)
    effects: ClassVar = {"WARN": Effect.REFER, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}
    thresholds = InvAuthenticThresholds

    def evaluate(self, case: Case, thresholds: InvAuthenticThresholds) -> Iterator[Verdict]:
        """See the class."""
        for receivable in case.receivables:
            for item in case.tax_documents(receivable):
                yield _judge(case, receivable, item, thresholds.visible_after_hours)


def _judge(case: Case, receivable: Receivable, item: EvidenceDocument, hours: int) -> Verdict:
    key, number = receivable.fingerprint, item.document.number
    answer = case.tax_invoice(item.fingerprint)
    if isinstance(answer, Gap):
        return Verdict(
            key, Outcome.UNKNOWN, answer.code, answer.message, (case.of_gap(answer, item.fingerprint),)
        )
    told = case.of_source("tax", item.fingerprint, "known", "true" if answer.known else "false")
    own = case.of_document(item, "number", number)
    if not answer.known:
        return _absent(case, receivable, item, hours)
    if answer.differing:
        inputs = (case.of_source("tax", item.fingerprint, "differing", ", ".join(answer.differing)), own)
        text = f"Tax knows invoice {number} with another {', '.join(answer.differing)}."
        return Verdict(key, Outcome.FAIL, "DIFFERS", text, inputs)
    return Verdict(
        key, Outcome.PASS, "AGREES", f"Tax knows invoice {number} with the same figures.", (told, own)
    )


def _absent(case: Case, receivable: Receivable, item: EvidenceDocument, hours: int) -> Verdict:
    issued = item.document.issue_date
    end_of_day = datetime.combine(issued + timedelta(days=1), time(), UTC)
    inputs = (
        case.of_source("tax", item.fingerprint, "known", "false"),
        case.of_document(item, "issue_date", issued),
    )
    if case.as_of("tax") < int(end_of_day.timestamp()) + hours * 3600:
        text = f"Tax does not know invoice {item.document.number} yet; it was issued on {issued}."
        return Verdict(receivable.fingerprint, Outcome.WARN, "NOT_YET_VISIBLE", text, inputs)
    text = f"Tax does not know invoice {item.document.number} of {issued}."
    return Verdict(receivable.fingerprint, Outcome.FAIL, "NOT_KNOWN", text, inputs)
