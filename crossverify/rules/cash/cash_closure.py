"""CASH_CLOSURE (回款闭环): do payments come from the debtor and go to the agreed account?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from consortium.documents.party import primary_id
from crossverify.answers import Gap, Payment, PaymentAnswer, plain_account
from crossverify.rule import Deduction, Effect, Input, Outcome, Rule, Step, Text, Thresholds, Verdict
from crossverify.rules.cash.agreed import AgreedAccount, Given, agreed_accounts, allowed_payers, bills_given
from crossverify.rules.cash.allocation import Paid, allocate, in_currency
from crossverify.rules.cash.texts import EXPLAINS_V1
from crossverify.terms import terms_of
from crossverify.wording import money

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

_DAY_S = 86_400


class CashClosureThresholds(Thresholds):
    """Figures of CASH_CLOSURE.

    :ivar group_payers: identifiers ("scheme:value") that may pay for a debtor, by the debtor's identifier: its group
        treasury; beside those that the desk lists
    """

    group_payers: Mapping[str, tuple[str, ...]] = {}


class CashClosure(Rule[CashClosureThresholds]):
    """Payer by identifier, credited account, and reference. What was paid leaves the eligible amount.

    Version 2 knows more that is agreed: the account of a served notice of assignment or of the debtor's
    acknowledgement, accounts that the desk verified, group payers of the desk, the due date of whichever document says
    it, and bills that the debtor gave for the invoice.

    - PASS: paid by the debtor, its group or its group treasury, to an agreed account; or by a bill. Wholly paid: the
      receivable is settled, and excluded as that.
    - WARN: somebody else paid, or the payer cannot be identified; paid to the old account after the notice, or to an
      account whose owner is not known; due and no payment seen.
    - FAIL: diverted: credited to an account that nobody agreed on.
    - UNKNOWN: the bank was not asked, is silent or stale, holds no statements of the account; another currency.
    - NOT_APPLICABLE: unpaid and not due; the debtor's history in this evidence is said.
    """

    id = "CASH_CLOSURE"
    version = 2
    title = Text(
        "Do payments come from the debtor and go to the agreed account?", "回款是否由债务人支付至约定账户？"
    )
    basis = ("民法典 546", "practice: closed loop of repayment (回款闭环)")
    explains: ClassVar = {
        **EXPLAINS_V1,
        "VERIFIED_ACCOUNT": Text(
            "It was paid to another account of the seller than the one agreed, which this bank has verified. Have the "
            "account on the invoices corrected.",
            "款项付至本行已核实的卖方其他账户。请更正发票上的收款账户。",
        ),
        "OLD_ACCOUNT": Text(
            "The debtor was told of the assignment and still paid to the old account. Remind the debtor; the seller "
            "has to pass the money on.",
            "债务人收到转让通知后仍付至原账户。请提醒债务人，并要求卖方转付。",
        ),
        "OWNER_NOT_KNOWN": Text(
            "No account is agreed, and the bank does not know whose account it was paid to. Ask for the account.",
            "未约定收款账户，且银行无法确认入账账户的归属。请核实账户。",
        ),
        "SETTLED_BY_BILL": Text(
            "The debtor gave a bill for it: what is left to finance is the bill, not the receivable.",
            "债务人已以票据支付，可融资的是票据而非应收账款。",
        ),
        "PART_BY_BILL": Text(
            "The debtor gave a bill for a part of it; that part left the eligible amount.",
            "债务人已以票据支付其中一部分，该部分已从合格金额中扣除。",
        ),
    }
    applies_when = "the invoice is due, or a payment or a bill for it was seen"
    sources = ("bank", "documents", "desk")
    effects: ClassVar = {
        "WARN": Effect.REFER,
        "FAIL": Effect.EXCLUDE,
        "UNKNOWN": Effect.REFER,
        "SETTLED": Effect.EXCLUDE,
        "SETTLED_BY_BILL": Effect.EXCLUDE,
        "OTHER_ACCOUNT": Effect.REFER,
        "VERIFIED_ACCOUNT": Effect.INFORMATION,
    }
    thresholds = CashClosureThresholds

    def evaluate(self, case: Case, thresholds: CashClosureThresholds) -> Iterator[Verdict]:
        """See the class."""
        answers = {item.fingerprint: case.payments(item.primary.fingerprint) for item in case.receivables}
        paid = allocate(case, answers)
        history = _history(case, paid)
        for receivable in case.receivables:
            key = receivable.fingerprint
            answer = answers[key]
            by_bill = _by_bill(case, receivable, bills_given(case).get(key, ()))
            if by_bill is not None:
                yield by_bill
            if isinstance(answer, Gap):
                inputs = (case.of_gap(answer, receivable.primary.fingerprint),)
                yield Verdict(key, Outcome.UNKNOWN, answer.code, answer.message, inputs)
            elif paid[key]:
                said = tuple(_Judge(case, receivable, thresholds).of(paid[key]))
                yield from said
                unseen = _unseen(case, receivable, answer)
                if unseen is not None and all(each.code != "SETTLED" for each in said):
                    yield unseen
            elif by_bill is None:
                yield _unpaid(case, receivable, answer, history)
            elif by_bill.code == "PART_BY_BILL":
                rest = _unpaid(case, receivable, answer, history)
                if rest.outcome is not Outcome.NOT_APPLICABLE:
                    yield rest


def _by_bill(case: Case, receivable: Receivable, given: tuple[Given, ...]) -> Verdict | None:
    """What bills pay of a receivable."""
    if not given:
        return None
    key, currency = receivable.fingerprint, receivable.currency
    open_amount = max(receivable.face - receivable.credited, Decimal(0))
    amount = min(sum((each.amount for each in given), Decimal(0)), open_amount)
    inputs = tuple(case.of_document(each.item, "amount", format(each.amount, "f")) for each in given)
    numbers = ", ".join(dict.fromkeys(each.bill.number for each in given))
    code = "SETTLED_BY_BILL" if amount >= open_amount else "PART_BY_BILL"
    text = f"{money(amount, currency)} was paid by bill {numbers}."
    deduct = Deduction(Step.PAYMENTS, amount, currency) if amount > 0 else None
    return Verdict(key, Outcome.PASS, code, text, inputs, None, None, deduct)


# --- judging --------------------------------------------------------------------------------


class _Judge:
    """Judges the payments of one receivable."""

    def __init__(self, case: Case, receivable: Receivable, thresholds: CashClosureThresholds) -> None:
        self._case = case
        self._receivable = receivable
        self._accounts = agreed_accounts(case, receivable)
        self._payers = allowed_payers(case, receivable, thresholds.group_payers)
        self._verified = {
            plain_account(account)
            for each in receivable.invoice.seller.identifiers
            for account in case.desk.verified_accounts.get(str(each), ())
        }

    def of(self, paid: list[Paid]) -> Iterator[Verdict]:
        """Each fault once, or that all agrees; what was paid leaves the eligible amount with the first."""
        receivable, key = self._receivable, self._receivable.fingerprint
        currency = receivable.currency
        total = max(sum((item.amount for item in paid), Decimal(0)), Decimal(0))
        said: list[Verdict] = []
        for item in paid:
            if not item.payment.reversal:
                said += self._faults(item.payment)
        said = list({item.code: item for item in reversed(said)}.values())[::-1]
        inputs = tuple(self._told(item.payment, "amount", item.amount) for item in paid)
        if total >= receivable.face - receivable.credited and total > 0:
            text = f"{money(total, currency)} was paid: nothing is open."
            said.insert(0, Verdict(key, Outcome.PASS, "SETTLED", text, inputs))
        elif not said:
            text = f"{money(total, currency)} was paid by the debtor to the agreed account."
            said.append(Verdict(key, Outcome.PASS, "AGREES", text, inputs))
        for position, verdict in enumerate(said):
            deduct = Deduction(Step.PAYMENTS, total, currency) if position == 0 and total > 0 else None
            yield Verdict(
                key, verdict.outcome, verdict.code, verdict.message, verdict.inputs, None, None, deduct
            )

    def _faults(self, payment: Payment) -> Iterator[Verdict]:
        key = self._receivable.fingerprint
        on = f"The payment of {money(payment.amount, payment.currency)}"
        if in_currency(payment, self._receivable.currency) is None:
            told = (self._told(payment, "currency", payment.currency),)
            text = f"{on} is not in {self._receivable.currency}; how much of the invoice it paid cannot be known."
            yield Verdict(key, Outcome.UNKNOWN, "CURRENCY", text, told)
        yield from self._account(payment, on)
        yield from self._payer(payment, on)

    def _account(self, payment: Payment, on: str) -> Iterator[Verdict]:
        """Where it went."""
        key, account = self._receivable.fingerprint, plain_account(payment.credited_account)
        told = self._told(payment, "credited_account", payment.credited_account)
        agreed = next((each for each in self._accounts if each.account == account), None)
        if agreed is not None:
            later = self._replaced(agreed, payment)
            if later is not None:
                text = f"{on} went to the old account after the debtor was told of another on {later.since}."
                yield Verdict(key, Outcome.WARN, "OLD_ACCOUNT", text, (told, self._of(later)))
            return
        inputs = (told, self._of(self._accounts[0])) if self._accounts else (told,)
        owner = payment.credited_owner or "somebody else"
        if account in self._verified:
            text = f"{on} went to an account of the seller that this bank verified, not to the agreed one."
            if self._accounts:
                yield Verdict(key, Outcome.WARN, "VERIFIED_ACCOUNT", text, inputs)
        elif not self._accounts and payment.found_by in ("account", "owner"):
            return
        elif not self._accounts and payment.found_by == "amount":
            text = f"{on} went to an account whose owner is not known; no account is agreed."
            yield Verdict(key, Outcome.WARN, "OWNER_NOT_KNOWN", text, inputs)
        elif payment.found_by == "owner":
            text = f"{on} went to another account of the seller than was agreed."
            yield Verdict(key, Outcome.FAIL, "OTHER_ACCOUNT", text, inputs)
        else:
            text = f"{on} went to an account of {owner} that nobody agreed on."
            yield Verdict(key, Outcome.FAIL, "DIVERTED", text, inputs)

    def _replaced(self, agreed: AgreedAccount, payment: Payment) -> AgreedAccount | None:
        """The account that had taken the place of an invoice's when it was paid."""
        if agreed.since is not None or payment.booking_date is None:
            return None
        for each in self._accounts:
            if (
                each.since is not None
                and each.account != agreed.account
                and payment.booking_date > each.since
            ):
                return each
        return None

    def _payer(self, payment: Payment, on: str) -> Iterator[Verdict]:
        """Who paid, by identifier: a name proves nothing."""
        key = self._receivable.fingerprint
        payers = {
            each for each in (payment.payer_id, *payment.payer_ids, *payment.ultimate_payer_ids) if each
        }
        if payers & self._payers:
            return
        if payers:
            told = self._told(payment, "payer_id", ", ".join(sorted(payers)))
            text = f"{on} came from {payment.payer_name or 'a third party'}, who is not the debtor."
            yield Verdict(key, Outcome.WARN, "THIRD_PARTY_PAYER", text, (told,))
        else:
            told = self._told(payment, "payer_name", payment.payer_name)
            text = f"{on} carries no identifier of its payer."
            yield Verdict(key, Outcome.WARN, "PAYER_NOT_IDENTIFIED", text, (told,))

    def _told(self, payment: Payment, field: str, value: object) -> Input:
        name = f"payments/{payment.entry_reference}/{field}"
        return self._case.of_source("bank", self._receivable.primary.fingerprint, name, value)

    def _of(self, agreed: AgreedAccount) -> Input:
        return self._case.of_document(agreed.document, agreed.field, agreed.account)


# --- unpaid ---------------------------------------------------------------------------------


def _unseen(case: Case, receivable: Receivable, answer: PaymentAnswer) -> Verdict | None:
    """Why the bank cannot have seen all payments; none when it can."""
    key, fingerprint = receivable.fingerprint, receivable.primary.fingerprint
    if not answer.account_known:
        told = case.of_source("bank", fingerprint, "account_known", "false")
        text = "The bank holds no statements of the invoice's account; that it saw no payment says nothing."
        if answer.payments:
            text = "The bank holds no statements of the invoice's account; it may not have seen all payments."
        return Verdict(key, Outcome.UNKNOWN, "ACCOUNT_NOT_KNOWN", text, (told,))
    until = answer.statements_until
    told = case.of_source("bank", fingerprint, "statements_until", until)
    now = datetime.fromtimestamp(case.now, UTC).date()
    if until is not None and (now - until).days * _DAY_S > case.ages.bank:
        text = f"Statements of the invoice's account reach to {until} only."
        return Verdict(key, Outcome.UNKNOWN, "SOURCE_STALE", text, (told,))
    return None


def _unpaid(case: Case, receivable: Receivable, answer: PaymentAnswer, history: dict[str, str]) -> Verdict:
    unseen = _unseen(case, receivable, answer)
    if unseen is not None:
        return unseen
    key, fingerprint = receivable.fingerprint, receivable.primary.fingerprint
    due = terms_of(case, receivable).due_date
    until = answer.statements_until
    told = case.of_source("bank", fingerprint, "statements_until", until)
    now = datetime.fromtimestamp(case.now, UTC).date()
    said = history.get(str(primary_id(receivable.invoice.buyer)), "")
    if due is not None and due.value < (until or now):
        text = f"It was due on {due.value}, says {due.source}, and no payment was seen. {said}".rstrip()
        return Verdict(key, Outcome.WARN, "DUE_AND_UNPAID", text, (due.input(case), told))
    text = f"No payment was seen, and none is due yet. {said}".rstrip()
    return Verdict(key, Outcome.NOT_APPLICABLE, "NOT_DUE", text, (told,))


def _history(case: Case, paid: Mapping[str, list[Paid]]) -> dict[str, str]:
    """What is known of each debtor's payments, by its primary identifier."""
    settled: dict[str, int] = defaultdict(int)
    late: dict[str, int] = defaultdict(int)
    for receivable in case.receivables:
        payments = [item for item in paid[receivable.fingerprint] if not item.payment.reversal]
        if not payments:
            continue
        debtor = str(primary_id(receivable.invoice.buyer))
        settled[debtor] += 1
        due = terms_of(case, receivable).due_date
        days = [item.payment.booking_date for item in payments if item.payment.booking_date is not None]
        late[debtor] += bool(due is not None and days and max(days) > due.value)
    return {
        debtor: f"The debtor paid on {count} other invoices of this package, {late[debtor]} of them late."
        for debtor, count in settled.items()
    }
