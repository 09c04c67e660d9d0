"""DOC_VALID: is the invoice a valid document that stands on the ledger?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from crossverify.evidence import WithheldDocument
from crossverify.rule import Effect, Input, NoThresholds, Outcome, Rule, Text, Verdict
from crossverify.wording import money

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

BODY_MISMATCH = "COMMITMENT_MISMATCH"
"""Reason of a withheld body that is not what the ledger's commitment says."""


class DocValid(Rule[NoThresholds]):
    """The schema was checked when the evidence was read: what is here has the fields and types of its kind.
    This looks at what no schema says. Schematron runs at intake, where a document claims a profile.

    - PASS: clean. WARN: lines share a number, no due date, nowhere to pay to, credited in another currency,
      lines that the ledger does not vouch for.
    - FAIL: void on the ledger, or nothing is payable; a body that is not what the ledger committed to.
    - UNKNOWN: not on the ledger; bodies of the request that could not be had.
    - NOT_APPLICABLE: never.
    """

    id = "DOC_VALID"
    version = 1
    title = Text(
        "Is the invoice a valid document that stands on the ledger?",
        "发票是否为有效单证并已登记在账本上？",
    )
    basis = ("EN 16931 BR-02, BR-16, BR-CO-25", "UBL 2.1 Invoice", "practice")
    explains: ClassVar = {
        "BODY_BY_TAG": Text(
            "Another gateway registered the same invoice first, so only its main fields agree with the "
            "ledger for sure. Compare the lines with the original.",
            "该发票先由另一网关登记，只有主要字段能与账本核对一致。请将明细行与原件核对。",
        ),
        "BODY_MISMATCH": Text(
            "Documents were handed over that are not what the ledger committed to; they were left out. "
            "Ask the industry gateway why: this should not happen.",
            "收到的单证与账本承诺不符，已剔除。请向产业网关查明原因：正常情况下不应发生。",
        ),
        "CLEAN": Text(
            "The invoice has what an invoice needs, and the ledger has it. Nothing to do.",
            "发票要素齐全，账本已登记。无需处理。",
        ),
        "CREDIT_CURRENCY": Text(
            "A credit note is in another currency and cannot be set off without a rate. Find out how much "
            "it takes back.",
            "红字发票币种不同，无汇率不能冲抵。请查明应冲减的金额。",
        ),
        "LINE_NUMBER_TWICE": Text(
            "Two lines have the same number, so references to them are unclear. Look at both lines.",
            "有明细行编号重复，引用不明确。请查看相关明细行。",
        ),
        "NOTHING_PAYABLE": Text(
            "Nothing is payable on the invoice: there is no receivable to lend on.",
            "发票无应付金额：没有可融资的应收账款。",
        ),
        "NOT_REGISTERED": Text(
            "The invoice is not on the ledger yet, so duplicates cannot be seen. Wait for its registration.",
            "发票尚未登记在账本上，无法查重。请等待登记完成。",
        ),
        "NO_DUE_DATE": Text(
            "The invoice states no due date. Take it from the contract, a statement or the debtor's "
            "confirmation.",
            "发票未载明到期日。请以合同、对账单或债务人确认为准。",
        ),
        "NO_PAYEE_ACCOUNT": Text(
            "The invoice names no account to pay to. Agree on one and tell the debtor.",
            "发票未载明收款账户。请约定账户并通知债务人。",
        ),
        "VOID": Text(
            "The invoice is void on the ledger. It is no claim any more.",
            "发票在账本上已作废，不再构成债权。",
        ),
        "WITHHELD": Text(
            "Some documents of the request could not be had. Rules that need them say that they do not know.",
            "部分单证未能取得。需要这些单证的规则将给出“无法判断”。",
        ),
    }
    applies_when = "always"
    sources = ("documents", "ledger")
    effects: ClassVar = {
        "WARN": Effect.INFORMATION,
        "FAIL": Effect.EXCLUDE,
        "UNKNOWN": Effect.REFER,
        "CREDIT_CURRENCY": Effect.REFER,
        "BODY_BY_TAG": Effect.REFER,
        "BODY_MISMATCH": Effect.REFER,  # about a document of the subject, not about one receivable
        "WITHHELD": Effect.INFORMATION,  # what is missing shows in the rules that miss it
    }

    def evaluate(self, case: Case, thresholds: NoThresholds) -> Iterator[Verdict]:
        """See the class."""
        yield from _withheld(case)
        for receivable in case.receivables:
            faults = [*_fatal(case, receivable)] or [
                *_not_registered(case, receivable),
                *_by_tag(case, receivable),
                *_warnings(case, receivable),
            ]
            if not faults:
                number = case.of_document(receivable.primary, "number", receivable.invoice.number)
                text = "The invoice is a valid document, and the ledger has it."
                faults = [Verdict(receivable.fingerprint, Outcome.PASS, "CLEAN", text, (number,))]
            yield from faults


def _fatal(case: Case, receivable: Receivable) -> Iterator[Verdict]:
    key = receivable.fingerprint
    for item in receivable.members:
        if item.state == "void":
            told = Input(item.fingerprint, "state", item.state, "ledger", case.as_of("ledger"))
            yield Verdict(key, Outcome.FAIL, "VOID", "The invoice is void on the ledger.", (told,))
            return
    if receivable.face <= 0:
        payable = receivable.invoice.totals.payable
        text = f"Nothing is payable on it: {money(payable, receivable.currency)}."
        told = case.of_document(receivable.primary, "totals/payable", payable)
        yield Verdict(key, Outcome.FAIL, "NOTHING_PAYABLE", text, (told,))


def _not_registered(case: Case, receivable: Receivable) -> Iterator[Verdict]:
    for item in receivable.members:
        if not item.txid:
            told = Input(item.fingerprint, "txid", "", "ledger", case.as_of("ledger"))
            text = "The invoice is not on the ledger yet."
            yield Verdict(receivable.fingerprint, Outcome.UNKNOWN, "NOT_REGISTERED", text, (told,))


def _by_tag(case: Case, receivable: Receivable) -> Iterator[Verdict]:
    """A tag binds parties, number, date and amount only: the lines are whatever the releasing gateway
    says."""
    for item in receivable.members:
        if item.matched_by == "tag":
            told = Input(item.fingerprint, "matched_by", item.matched_by, "ledger", case.as_of("ledger"))
            text = "Another gateway registered the invoice first; only its main fields agree with the ledger for sure."
            yield Verdict(receivable.fingerprint, Outcome.WARN, "BODY_BY_TAG", text, (told,))


def _warnings(case: Case, receivable: Receivable) -> Iterator[Verdict]:
    key, invoice, primary = receivable.fingerprint, receivable.invoice, receivable.primary
    names = Counter(line.line_id for line in invoice.lines)
    if len(names) != len(invoice.lines):
        twice = next(name for name, count in names.items() if count > 1)
        told = case.of_document(primary, "lines/line_id", twice)
        text = f"Several lines have the number {twice}."
        yield Verdict(key, Outcome.WARN, "LINE_NUMBER_TWICE", text, (told,))
    if invoice.due_date is None:
        told = case.of_document(primary, "due_date", None)
        yield Verdict(key, Outcome.WARN, "NO_DUE_DATE", "The invoice states no due date.", (told,))
    if invoice.payee_account is None:
        told = case.of_document(primary, "payee_accounts", None)
        yield Verdict(
            key, Outcome.WARN, "NO_PAYEE_ACCOUNT", "The invoice names no account to pay to.", (told,)
        )
    for item in receivable.odd_credits:
        told = case.of_document(item, "currency", getattr(item.document, "currency", ""))
        text = f"Credit note {item.document.number} is in another currency and cannot be set off here."
        yield Verdict(key, Outcome.WARN, "CREDIT_CURRENCY", text, (told,))


def _withheld(case: Case) -> Iterator[Verdict]:
    """One verdict about the subject per reason for which bodies are missing."""
    by_reason: dict[str, list[WithheldDocument]] = defaultdict(list)
    for item in sorted(case.evidence.withheld, key=lambda each: each.fingerprint):
        by_reason[item.reason].append(item)
    for reason, items in sorted(by_reason.items()):
        inputs = tuple(
            Input(item.fingerprint, item.kind, reason, "documents", case.as_of("ledger")) for item in items
        )
        if reason == BODY_MISMATCH:
            text = f"{len(items)} documents are not what the ledger committed to; they were left out."
            yield Verdict("", Outcome.FAIL, "BODY_MISMATCH", text, inputs)
        else:
            text = f"{len(items)} documents could not be had ({reason})."
            yield Verdict("", Outcome.UNKNOWN, "WITHHELD", text, inputs)
