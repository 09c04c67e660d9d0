"""TERMS_CONFLICT: do the documents of one receivable say different things about its terms?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from pydantic import Field

from crossverify.rule import Effect, Outcome, Rule, Text, Thresholds, Verdict, clip
from crossverify.rules.terms.days import of_invoice
from crossverify.terms import Conflict, Terms, said, terms_of

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

_CODES: Final = {
    "due_date": "DUE_DATES_DIFFER",
    "due_rule": "DUE_RULES_DIFFER",
    "pay_when_paid": "CLAUSES_DIFFER",
    "assignment_barred": "CLAUSES_DIFFER",
    "set_off_waived": "CLAUSES_DIFFER",
    "governing_law": "CLAUSES_DIFFER",
    "acknowledged_amount": "AMOUNTS_DIFFER",
}


class TermsConflictThresholds(Thresholds):
    """Figures of TERMS_CONFLICT.

    :ivar due_days: due dates may differ by so many days: a weekend, a bank holiday, a payment run
    """

    due_days: Annotated[int, Field(ge=0, le=60)] = 7


class TermsConflict(Rule[TermsConflictThresholds]):
    """What counts is decided by the weight of the document (``crossverify.terms``); that others say otherwise is told.
    Each contradiction is a finding of its own.

    - PASS: all that speak agree. WARN: they differ, the debtor acknowledged less than is open, or contracts amend one
      another in a circle. FAIL: never; which one is right, a person finds out.
    - NOT_APPLICABLE: at most one document says anything, so nothing can differ.
    - UNKNOWN: never.
    """

    id = "TERMS_CONFLICT"
    version = 1
    title = Text(
        "Do the documents agree on the terms?",
        "各单据记载的条款是否一致？",
    )
    basis = ("民法典 466, 543, 544", "practice")
    explains: ClassVar = {
        "AGREE": Text("All documents that speak of it say the same.", "各单据记载一致。"),
        "ONE_VOICE": Text(
            "At most one document speaks of its terms; there is nothing to compare.",
            "至多一份单据载有条款，无可比对。",
        ),
        "DUE_DATES_DIFFER": Text(
            "Documents name different due dates, and the debtor named none. Ask it which one is right.",
            "各单据到期日不一致，且债务人未表态。请向债务人核实。",
        ),
        "DUE_DATE_BY_DEBTOR": Text(
            "The debtor names another due date than the seller's documents. The debtor's counts.",
            "债务人所述到期日与卖方单据不同，以债务人陈述为准。",
        ),
        "DUE_RULES_DIFFER": Text(
            "Contract and order reckon the due date differently. The contract counts; ask which one was agreed.",
            "合同与订单的到期日规则不一致。以合同为准，请核实。",
        ),
        "CLAUSES_DIFFER": Text(
            "Documents say different things about a clause, such as set-off. Read them before relying on either.",
            "各单据对同一条款（如抵销权）记载不一致。请阅读原文后再作依据。",
        ),
        "AMOUNTS_DIFFER": Text(
            "The debtor acknowledged different amounts at different times. Ask for one statement of what is open.",
            "债务人先后确认的金额不一致。请取得统一的对账结果。",
        ),
        "ACKNOWLEDGED_LESS": Text(
            "The debtor acknowledged less than is open. Ask what the rest is.",
            "债务人确认金额低于未结金额。请查明差额。",
        ),
        "CIRCULAR_AMENDMENTS": Text(
            "Contracts amend one another in a circle, so that none is the first. Ask for the original.",
            "合同相互修改形成循环，无法确定原合同。请索取原件。",
        ),
    }
    applies_when = "two documents speak of its terms"
    sources = ("documents",)
    effects: ClassVar = {
        "WARN": Effect.REFER,
        "FAIL": Effect.EXCLUDE,
        "UNKNOWN": Effect.INFORMATION,
        "DUE_DATE_BY_DEBTOR": Effect.INFORMATION,
        "DUE_RULES_DIFFER": Effect.INFORMATION,
    }
    thresholds = TermsConflictThresholds

    def evaluate(self, case: Case, thresholds: TermsConflictThresholds) -> Iterator[Verdict]:
        """See the class."""
        for receivable in case.receivables:
            terms = terms_of(case, receivable)
            found = [
                *(_told(case, receivable, each) for each in terms.conflicts(thresholds.due_days)),
                *_less(case, receivable, terms),
                *_circles(case, receivable, terms),
            ]
            if found:
                yield from found
                continue
            yield _agreed(case, receivable, terms)


def _told(case: Case, receivable: Receivable, conflict: Conflict) -> Verdict:
    name = conflict.name.replace("_", " ")
    first = conflict.counts
    others = ", ".join(f"{said(each.value)} by {each.source}" for each in conflict.differs[:3])
    text = f"The {name} is {said(first.value)} by {first.source}, but {others}; the first one counts."
    inputs = clip(each.input(case) for each in (first, *conflict.differs))
    code = _CODES[conflict.name]
    if code == "DUE_DATES_DIFFER" and first.voice == "debtor":
        code = "DUE_DATE_BY_DEBTOR"
    return Verdict(receivable.fingerprint, Outcome.WARN, code, text, inputs)


def _less(case: Case, receivable: Receivable, terms: Terms) -> Iterator[Verdict]:
    if not terms.acknowledged:
        return
    told = terms.acknowledged[0]
    # A statement of before a credit note speaks of more, one of after a payment of less: only the credit notes that
    # the debtor could know are in what it had to acknowledge.
    known = sum(
        item.amount
        for item in receivable.credits
        if item.document.document.issue_date <= told.document.document.issue_date
    )
    expected = receivable.face - known
    if told.value < expected and told.value < receivable.face - receivable.credited:
        text = (
            f"By {told.source} the debtor acknowledges {told.value:f} {receivable.currency}; {expected:f} are open by "
            "the documents."
        )
        inputs = (told.input(case), case.of_document(receivable.primary, "totals/payable", receivable.face))
        yield Verdict(receivable.fingerprint, Outcome.WARN, "ACKNOWLEDGED_LESS", text, inputs)


def _circles(case: Case, receivable: Receivable, terms: Terms) -> Iterator[Verdict]:
    for agreed in terms.contracts:
        if agreed.circular:
            inputs = clip(
                case.of_document(item, "amends_number", body.amends_number or "")
                for item, body in agreed.parts
            )
            numbers = ", ".join(body.number for _, body in agreed.parts[:4])
            text = f"The contracts {numbers} amend one another in a circle."
            yield Verdict(receivable.fingerprint, Outcome.WARN, "CIRCULAR_AMENDMENTS", text, inputs)


def _agreed(case: Case, receivable: Receivable, terms: Terms) -> Verdict:
    speaking = [
        each
        for some in (terms.due_dates, terms.due_rules, terms.set_off_waived, terms.acknowledged)
        for each in some
    ]
    documents = {each.document.fingerprint for each in speaking}
    if len(documents) < 2:
        text = "At most one document speaks of its terms."
        told = of_invoice(case, receivable, "number")
        return Verdict(receivable.fingerprint, Outcome.NOT_APPLICABLE, "ONE_VOICE", text, (told,))
    text = f"{len(documents)} documents speak of its terms and agree."
    inputs = clip(each.input(case) for each in speaking)
    return Verdict(receivable.fingerprint, Outcome.PASS, "AGREE", text, inputs)
