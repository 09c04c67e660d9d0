"""INV_AUTHENTIC, version 1: does tax know this invoice, with the same figures?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from crossverify.answers import Gap
from crossverify.evidence import EvidenceDocument
from crossverify.rule import Effect, Outcome, Rule, Text, Thresholds, Verdict

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
    title = Text(
        "Does the tax authority know this invoice, with the same figures?",
        "税务机关是否有该发票，且内容一致？",
    )
    basis = ("发票管理办法 21", "银发〔2025〕77号", "practice")
    explains: ClassVar = {
        "AGREES": Text(
            "Tax knows the invoice with the same number, date, parties, currency and amounts. Nothing to do.",
            "税务登记的号码、日期、购销方、币种和金额均一致。无需处理。",
        ),
        "DIFFERS": Text(
            "Tax knows an invoice of this number with other figures: this copy was altered or mistyped. "
            "Do not lend on it; ask the seller for the original.",
            "税务有此号码的发票但内容不同：本件被改动或录入有误。不得放款，请向卖方索取原件。",
        ),
        "NOT_KNOWN": Text(
            "Tax does not know the invoice, and had time to. It may be invented. Do not lend on it.",
            "已过应可查询的时间，税务仍无此发票，可能为虚构。不得放款。",
        ),
        "NOT_YET_VISIBLE": Text(
            "Tax does not know the invoice yet, which is usual on its first day. Ask again tomorrow.",
            "税务暂无此发票，开票当日属正常。请次日再查。",
        ),
    }
    applies_when = "always"
    sources = ("tax",)
    effects: ClassVar = {"WARN": Effect.REFER, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}
    thresholds = InvAuthenticThresholds

    def evaluate(self, case: Case, thresholds: InvAuthenticThresholds) -> Iterator[Verdict]:
        """See the class."""
        for receivable in case.receivables:
            for item in case.tax_documents(receivable):
                yield judge(case, receivable, item, thresholds.visible_after_hours)


def judge(case: Case, receivable: Receivable, item: EvidenceDocument, hours: int) -> Verdict:
    """What is said of one document that tax was asked about."""
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
