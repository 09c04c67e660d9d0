"""DEBTOR_CONFIRM: what does the debtor itself say about the invoice?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from consortium.documents import DebtorConfirmation
from consortium.documents.party import same_party
from crossverify.evidence import EvidenceDocument
from crossverify.rule import Deduction, Effect, Input, NoThresholds, Outcome, Rule, Step, Text, Verdict
from crossverify.wording import money

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

_INFORMATION = {"AB": "has received it", "IP": "is processing it"}
_ACCEPTED = "AP"
_WARNINGS = {"UQ": ("UNDER_QUERY", "queries it"), "CA": ("CONDITIONAL", "accepts it with conditions")}
_FAULTS = {"RE": ("REJECTED", "rejects it"), "PD": ("PAID", "says that it is paid")}


class DebtorConfirm(Rule[NoThresholds]):
    """The latest answer of the debtor counts, and only one that came from the debtor's own identity: pushed
    or signed by the party that the ledger has as buyer.

    - PASS: accepted (AP), for all that is open. WARN: for less (the rest leaves the eligible amount), with
      conditions (CA), under query (UQ). FAIL: rejected (RE) or paid (PD).
    - UNKNOWN: no answer, or none from the debtor itself. NOT_APPLICABLE: received (AB), in process (IP).

    Acceptance is no waiver of set-off; the message says whether there is one.
    """

    id = "DEBTOR_CONFIRM"
    version = 1
    title = Text(
        "What does the debtor itself say about the invoice?",
        "债务人本身如何确认该发票（确权）？",
    )
    basis = ("民法典 546, 548, 549", "Peppol BIS Invoice Response 3.0 (UNCL 4343)", "银发〔2025〕77号")
    explains: ClassVar = {
        "ACCEPTED": Text(
            "The debtor accepted the invoice. That is no waiver of set-off unless it says so.",
            "债务人已确认该发票。除明示外，不构成放弃抵销权。",
        ),
        "ANSWER_AB": Text(
            "The debtor received the invoice; that says nothing yet. Wait for its answer.",
            "债务人已收到发票，尚未表态。请等待答复。",
        ),
        "ANSWER_IP": Text(
            "The debtor is processing the invoice; that says nothing yet. Wait for its answer.",
            "债务人处理中，尚未表态。请等待答复。",
        ),
        "CONDITIONAL": Text(
            "The debtor accepts with conditions. Read them before lending.",
            "债务人附条件确认。放款前请阅读其条件。",
        ),
        "CURRENCY": Text(
            "The debtor confirmed in another currency than the invoice's. Find out what it will pay.",
            "债务人确认的币种与发票不同。请查明其将支付的金额。",
        ),
        "NOT_FROM_DEBTOR": Text(
            "There is a confirmation, but it did not come from the debtor's own identity. Do not rely on "
            "it; ask the debtor directly.",
            "有确认书，但并非出自债务人本身的身份。不可依赖，请直接向债务人核实。",
        ),
        "NO_ANSWER": Text(
            "The debtor has not answered. Usual in undisclosed factoring; else ask it to confirm.",
            "债务人未答复。暗保理属正常，否则请债务人确认。",
        ),
        "PAID": Text(
            "The debtor says that it has paid. Find the payment; there is nothing left to lend on.",
            "债务人称已付款。请查找该笔付款；已无可融资余额。",
        ),
        "PARTLY_CONFIRMED": Text(
            "The debtor accepted less than is open; the rest leaves the eligible amount.",
            "债务人仅确认部分金额，其余已从可融资额中扣除。",
        ),
        "REJECTED": Text(
            "The debtor rejects the invoice. Do not lend on it until that is settled.",
            "债务人拒绝该发票。争议解决前不得放款。",
        ),
        "UNDER_QUERY": Text(
            "The debtor has questions about the invoice. Settle them first.",
            "债务人对发票提出疑问。请先解决。",
        ),
    }
    applies_when = "the debtor has answered"
    sources = ("documents",)
    effects: ClassVar = {
        "WARN": Effect.REFER,
        "FAIL": Effect.EXCLUDE,
        # Undisclosed factoring has no confirmation; a bank that asks for one sets this to refer.
        "UNKNOWN": Effect.INFORMATION,
        "PARTLY_CONFIRMED": Effect.INFORMATION,
    }

    def evaluate(self, case: Case, thresholds: NoThresholds) -> Iterator[Verdict]:
        """See the class."""
        for receivable in case.receivables:
            key = receivable.fingerprint
            own = [item for item in receivable.confirmations if _from_debtor(receivable, item)]
            if own:
                yield _judge(case, receivable, own[-1])
            elif receivable.confirmations:
                item = receivable.confirmations[-1]
                told = Input(item.fingerprint, "pushed_by", item.pushed_by, "documents", item.registered_at)
                text = "There is a confirmation, but it does not come from the debtor's own identity."
                yield Verdict(key, Outcome.UNKNOWN, "NOT_FROM_DEBTOR", text, (told,))
            else:
                number = case.of_document(receivable.primary, "number", receivable.invoice.number)
                text = "The debtor has not answered."
                yield Verdict(key, Outcome.UNKNOWN, "NO_ANSWER", text, (number,))


def _from_debtor(receivable: Receivable, item: EvidenceDocument) -> bool:
    body = item.document
    assert isinstance(body, DebtorConfirmation)
    if not same_party(body.buyer, receivable.invoice.buyer) and item.buyer != receivable.primary.buyer:
        return False
    debtors = {item.buyer, receivable.primary.buyer} - {""}
    return item.pushed_by in debtors or item.signed_by in debtors


def _judge(case: Case, receivable: Receivable, item: EvidenceDocument) -> Verdict:
    key, body = receivable.fingerprint, item.document
    assert isinstance(body, DebtorConfirmation)
    code = body.response_code
    told = case.of_document(item, "response_code", code)
    on = f"On {body.issue_date} the debtor"
    if code in _INFORMATION:
        text = f"{on} {_INFORMATION[code]}; that says nothing yet."
        return Verdict(key, Outcome.NOT_APPLICABLE, f"ANSWER_{code}", text, (told,))
    for outcome, table in ((Outcome.WARN, _WARNINGS), (Outcome.FAIL, _FAULTS)):
        if code in table:
            name, what = table[code]
            reasons = "; ".join(each.text or each.code or "" for each in body.clarifications)
            text = f"{on} {what}" + (f": {reasons}." if reasons else ".")
            return Verdict(key, outcome, name, text, (told,))
    assert code == _ACCEPTED
    waiver = {True: "waives set-off", False: "keeps set-off", None: "says nothing of set-off"}[
        body.set_off_waived
    ]
    waived = case.of_document(
        item, "set_off_waived", "" if body.set_off_waived is None else body.set_off_waived
    )
    if body.confirmed_amount is None:
        text = f"{on} accepted it and {waiver}."
        return Verdict(key, Outcome.PASS, "ACCEPTED", text, (told, waived))
    amount = case.of_document(item, "confirmed_amount", body.confirmed_amount)
    currency = receivable.currency
    if body.currency != currency:
        text = f"{on} accepted it in {body.currency}; it is payable in {currency}."
        return Verdict(key, Outcome.WARN, "CURRENCY", text, (amount, told))
    short = receivable.face - receivable.credited - body.confirmed_amount
    confirmed = money(body.confirmed_amount, currency)
    if short > 0:
        text = f"{on} accepted {confirmed} of it, {money(short, currency)} less than is open, and {waiver}."
        deduct = Deduction(Step.NOT_CONFIRMED, short, currency)
        return Verdict(
            key, Outcome.WARN, "PARTLY_CONFIRMED", text, (amount, told, waived), None, None, deduct
        )
    text = f"{on} accepted it for {confirmed} and {waiver}."
    return Verdict(key, Outcome.PASS, "ACCEPTED", text, (told, amount, waived))
