"""CASH_CLOSURE (回款闭环): do payments come from the debtor and go to the agreed account?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from consortium.documents.party import primary_id
from crossverify.answers import Gap, Payment, PaymentAnswer
from crossverify.rule import Deduction, Effect, Input, Outcome, Rule, Step, Text, Thresholds, Verdict
from crossverify.rules.cash.texts import EXPLAINS_V1
from crossverify.wording import money

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

_DAY_S = 86_400


class CashClosureThresholds(Thresholds):
    """Figures of CASH_CLOSURE.

    :ivar group_payers: identifiers ("scheme:value") that may pay for a debtor, by the debtor's identifier:
        its group treasury
    """

    group_payers: Mapping[str, tuple[str, ...]] = {}


class _Paid(NamedTuple):
    """One payment and its part for one receivable, in the receivable's currency."""

    payment: Payment
    amount: Decimal


class CashClosure(Rule[CashClosureThresholds]):
    """Payer by identifier, credited account, and reference. What was paid leaves the eligible amount.

    - PASS: paid by the debtor, or its group treasury, to the invoice's account. Wholly paid: the receivable
      is settled, and excluded as that.
    - WARN: somebody else paid, or the payer cannot be identified; due and no payment seen.
    - FAIL: diverted: credited to an account that is not the invoice's.
    - UNKNOWN: the bank was not asked, is silent or stale, holds no statements of the account; another
      currency.
    - NOT_APPLICABLE: unpaid and not due; the debtor's history in this evidence is said.
    """

    id = "CASH_CLOSURE"
    version = 1
    title = Text(
        "Do payments come from the debtor and go to the agreed account?", "回款是否由债务人支付至约定账户？"
    )
    basis = ("民法典 546", "practice: closed loop of repayment (回款闭环)")
    explains: ClassVar = EXPLAINS_V1
    applies_when = "the invoice is due, or a payment was seen"
    sources = ("bank", "documents")
    effects: ClassVar = {
        "WARN": Effect.REFER,
        "FAIL": Effect.EXCLUDE,
        "UNKNOWN": Effect.REFER,
        "SETTLED": Effect.EXCLUDE,
        "OTHER_ACCOUNT": Effect.REFER,
    }
    thresholds = CashClosureThresholds

    def evaluate(self, case: Case, thresholds: CashClosureThresholds) -> Iterator[Verdict]:
        """See the class."""
        answers = {item.fingerprint: case.payments(item.primary.fingerprint) for item in case.receivables}
        paid = _allocate(case, answers)
        history = _history(case, paid)
        for receivable in case.receivables:
            key = receivable.fingerprint
            answer = answers[key]
            if isinstance(answer, Gap):
                inputs = (case.of_gap(answer, receivable.primary.fingerprint),)
                yield Verdict(key, Outcome.UNKNOWN, answer.code, answer.message, inputs)
            elif paid[key]:
                yield from _judge(case, receivable, paid[key], thresholds.group_payers)
            else:
                yield _unpaid(case, receivable, answer, history)


# --- amounts --------------------------------------------------------------------------------


def _allocate(case: Case, answers: Mapping[str, PaymentAnswer | Gap]) -> dict[str, list[_Paid]]:
    """Which part of each payment is for which receivable. The same entry under several receivables is one
    payment: what its remittance says goes where it says; the rest fills them in the order of the case, and
    what is left over falls on the last."""
    named: dict[str, list[str]] = defaultdict(list)
    for key, answer in answers.items():
        for payment in answer.payments if isinstance(answer, PaymentAnswer) else ():
            if payment.entry_reference:
                named[payment.entry_reference].append(key)
    left: dict[str, Decimal] = {}
    found: dict[str, list[_Paid]] = {key: [] for key in answers}
    for receivable in case.receivables:
        key = receivable.fingerprint
        answer = answers[key]
        open_amount = receivable.face - receivable.credited
        for payment in answer.payments if isinstance(answer, PaymentAnswer) else ():
            whole = _in_currency(payment, receivable.currency)
            others = named.get(payment.entry_reference, [key])
            if whole is None:
                part = Decimal(0)
            elif payment.document_amount is not None:
                part = payment.document_amount
            elif others[-1] == key:
                part = left.get(payment.entry_reference, whole) if payment.entry_reference else whole
            else:
                rest = left.get(payment.entry_reference, whole)
                part = min(rest, max(open_amount, Decimal(0)))
                left[payment.entry_reference] = rest - part
            signed = -part if payment.reversal else part
            open_amount -= signed
            found[key].append(_Paid(payment, signed))
    return found


def _in_currency(payment: Payment, currency: str) -> Decimal | None:
    if payment.currency == currency:
        return payment.amount
    return payment.instructed_amount if payment.instructed_currency == currency else None


# --- judging --------------------------------------------------------------------------------


def _judge(
    case: Case, receivable: Receivable, paid: list[_Paid], group_payers: Mapping[str, tuple[str, ...]]
) -> Iterator[Verdict]:
    key, currency = receivable.fingerprint, receivable.currency
    total = max(sum((item.amount for item in paid), Decimal(0)), Decimal(0))
    said: list[Verdict] = []
    for item in paid:
        if not item.payment.reversal:
            said += _faults(case, receivable, item.payment, group_payers)
    said = list({item.code: item for item in reversed(said)}.values())[::-1]
    inputs = tuple(_told(case, receivable, item.payment, "amount", item.amount) for item in paid)
    if total >= receivable.face - receivable.credited and total > 0:
        text = f"{money(total, currency)} was paid: nothing is open."
        said.insert(0, Verdict(key, Outcome.PASS, "SETTLED", text, inputs))
    elif not said:
        text = f"{money(total, currency)} was paid by the debtor to the agreed account."
        said.append(Verdict(key, Outcome.PASS, "AGREES", text, inputs))
    for position, verdict in enumerate(said):
        deduct = Deduction(Step.PAYMENTS, total, currency) if position == 0 and total > 0 else None
        yield Verdict(key, verdict.outcome, verdict.code, verdict.message, verdict.inputs, None, None, deduct)


def _faults(
    case: Case, receivable: Receivable, payment: Payment, group_payers: Mapping[str, tuple[str, ...]]
) -> Iterator[Verdict]:
    key = receivable.fingerprint
    on = f"The payment of {money(payment.amount, payment.currency)}"
    if _in_currency(payment, receivable.currency) is None:
        told: tuple[Input, ...] = (_told(case, receivable, payment, "currency", payment.currency),)
        text = f"{on} is not in {receivable.currency}; how much of the invoice it paid cannot be known."
        yield Verdict(key, Outcome.UNKNOWN, "CURRENCY", text, told)
    accounts = {_plain(each.account_id) for each in receivable.invoice.payee_accounts}
    if accounts and _plain(payment.credited_account) not in accounts:
        told = (
            _told(case, receivable, payment, "credited_account", payment.credited_account),
            case.of_document(
                receivable.primary,
                "payee_accounts/1/account_id",
                receivable.invoice.payee_accounts[0].account_id,
            ),
        )
        if payment.found_by == "owner":
            text = f"{on} went to another account of the seller than the invoice names."
            yield Verdict(key, Outcome.FAIL, "OTHER_ACCOUNT", text, told)
        else:
            owner = payment.credited_owner or "somebody else"
            text = f"{on} went to an account of {owner} that the invoice does not name."
            yield Verdict(key, Outcome.FAIL, "DIVERTED", text, told)
    yield from _payer(case, receivable, payment, group_payers, on)


def _payer(
    case: Case,
    receivable: Receivable,
    payment: Payment,
    group_payers: Mapping[str, tuple[str, ...]],
    on: str,
) -> Iterator[Verdict]:
    """Who paid, by identifier: a name proves nothing."""
    key = receivable.fingerprint
    debtor = {str(each) for each in receivable.invoice.buyer.identifiers}
    allowed = debtor.union(*(group_payers.get(each, ()) for each in sorted(debtor)))
    payers = {each for each in (payment.payer_id, *payment.payer_ids, *payment.ultimate_payer_ids) if each}
    if payers & allowed:
        return
    if payers:
        told = _told(case, receivable, payment, "payer_id", ", ".join(sorted(payers)))
        text = f"{on} came from {payment.payer_name or 'a third party'}, who is not the debtor."
        yield Verdict(key, Outcome.WARN, "THIRD_PARTY_PAYER", text, (told,))
    else:
        told = _told(case, receivable, payment, "payer_name", payment.payer_name)
        text = f"{on} carries no identifier of its payer."
        yield Verdict(key, Outcome.WARN, "PAYER_NOT_IDENTIFIED", text, (told,))


def _told(case: Case, receivable: Receivable, payment: Payment, field: str, value: object) -> Input:
    name = f"payments/{payment.entry_reference}/{field}"
    return case.of_source("bank", receivable.primary.fingerprint, name, value)


def _plain(account: str) -> str:
    return "".join(each for each in account.upper() if each.isalnum())


# --- unpaid ---------------------------------------------------------------------------------


def _unpaid(case: Case, receivable: Receivable, answer: PaymentAnswer, history: dict[str, str]) -> Verdict:
    key, fingerprint = receivable.fingerprint, receivable.primary.fingerprint
    due = receivable.invoice.due_date
    if not answer.account_known:
        told = case.of_source("bank", fingerprint, "account_known", "false")
        text = "The bank holds no statements of the invoice's account; that it saw no payment says nothing."
        return Verdict(key, Outcome.UNKNOWN, "ACCOUNT_NOT_KNOWN", text, (told,))
    until = answer.statements_until
    told = case.of_source("bank", fingerprint, "statements_until", until)
    now = datetime.fromtimestamp(case.now, UTC).date()
    if until is not None and (now - until).days * _DAY_S > case.ages.bank:
        text = f"Statements of the invoice's account reach to {until} only."
        return Verdict(key, Outcome.UNKNOWN, "SOURCE_STALE", text, (told,))
    said = history.get(str(primary_id(receivable.invoice.buyer)), "")
    if due is not None and due < (until or now):
        day = case.of_document(receivable.primary, "due_date", due)
        text = f"It was due on {due} and no payment was seen. {said}".rstrip()
        return Verdict(key, Outcome.WARN, "DUE_AND_UNPAID", text, (day, told))
    text = f"No payment was seen, and none is due yet. {said}".rstrip()
    return Verdict(key, Outcome.NOT_APPLICABLE, "NOT_DUE", text, (told,))


def _history(case: Case, paid: Mapping[str, list[_Paid]]) -> dict[str, str]:
    """What is known of each debtor's payments, by its primary identifier."""
    settled: dict[str, int] = defaultdict(int)
    late: dict[str, int] = defaultdict(int)
    for receivable in case.receivables:
        payments = [item for item in paid[receivable.fingerprint] if not item.payment.reversal]
        if not payments:
            continue
        debtor = str(primary_id(receivable.invoice.buyer))
        settled[debtor] += 1
        due = receivable.invoice.due_date
        days = [item.payment.booking_date for item in payments if item.payment.booking_date is not None]
        late[debtor] += bool(due is not None and days and max(days) > due)
    return {
        debtor: f"The debtor paid on {count} other invoices of this package, {late[debtor]} of them late."
        for debtor, count in settled.items()
    }
