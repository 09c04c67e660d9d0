"""Answers the questions to the reference bank: a few queries per batch, whatever its size.

A payment that names the invoice's number belongs to the receivable when something besides the number ties them:
1. it was credited to the payee account;
2. it was credited to another account of the seller (by identifier; by name where the bank has no identifier),
   who is also the owner of the payee account as the bank knows it;
3. the buyer paid it, to whatever account (a diverted payment);
4. the account's owner is not identified at all, and amount and currency are those asked about.
Without any of these it is somebody else's invoice of the same number, and none of the asker's business. A weak
match of the number (see ``matching``) needs the amount as well. Accounts and flows: ``accounts``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal

from consortium.documents.money import decimal_text
from consortium.errors import InvalidInputError
from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.adapters.bank import store
from crossverify.adapters.bank.accounts import account_answer, flow_answer
from crossverify.adapters.bank.load import STATEMENTS
from crossverify.adapters.bank.matching import creditor_reference_tokens, name_key
from crossverify.adapters.bank.movements import MovementKind, Place, account_number
from crossverify.adapters.context import Context
from crossverify.adapters.ids import normal_id
from crossverify.adapters.institution import (
    Institution,
    check_batch,
    check_text,
    question_error,
    wrong_question,
)
from crossverify.adapters.parts import in_parts
from crossverify.sources.bank import MAX_ACCOUNTS, MAX_FLOWS, MAX_OTHER_NUMBERS, MAX_RECEIVABLES
from crossverify.sources.values import amount


class BankService(rpc.BankSourceServiceServicer):
    """Questions to the bank."""

    def __init__(self, institution: Institution) -> None:
        self._institution = institution

    async def FindPayments(
        self, request: pb.FindPaymentsRequest, context: Context
    ) -> pb.FindPaymentsResponse:
        """Find the payments that name each receivable, and say how far the payee account is known."""
        self._institution.check_answering()
        check_batch(len(request.receivables), MAX_RECEIVABLES, "receivables")
        asked = [_asked(index, question) for index, question in enumerate(request.receivables)]
        good = [each for each in asked if isinstance(each, _Asked)]
        async with self._institution.database.read() as session:
            as_of = await self._institution.as_of(session, STATEMENTS)
            crowded = await store.crowded(session, {token for each in good for token in each.tokens})
            asked = [_too_common(each, crowded) for each in asked]
            good = [each for each in asked if isinstance(each, _Asked)]
            found = await store.find(session, {token for each in good for token in each.tokens})
            accounts = await store.find_accounts(session, {each.account for each in good})
        by_token: dict[str, list[store.Found]] = defaultdict(list)
        for payment in found:
            by_token[payment.token].append(payment)
        response = pb.FindPaymentsResponse(
            answers=[
                each.answer(by_token, accounts.get(each.account)) if isinstance(each, _Asked) else each
                for each in asked
            ]
        )
        self._institution.sign_off(request, response, as_of)
        return response

    async def StreamPayments(
        self, request: pb.StreamPaymentsRequest, context: Context
    ) -> AsyncIterator[pb.StreamPaymentsResponse]:
        """The same in parts."""
        response = await self.FindPayments(request.question, context)
        for part in in_parts(response, "answers"):
            yield pb.StreamPaymentsResponse(part=part)

    async def CheckAccounts(
        self, request: pb.CheckAccountsRequest, context: Context
    ) -> pb.CheckAccountsResponse:
        """Say whose accounts these are."""
        self._institution.check_answering()
        check_batch(len(request.accounts), MAX_ACCOUNTS, "accounts")
        for index, question in enumerate(request.accounts):
            check_text(question.reference, f"accounts[{index}].reference")
        async with self._institution.database.read() as session:
            as_of = await self._institution.as_of(session, STATEMENTS)
            known = await store.find_accounts(
                session, {account_number(question.account) for question in request.accounts}
            )
        response = pb.CheckAccountsResponse(
            answers=[account_answer(index, each, known) for index, each in enumerate(request.accounts)]
        )
        self._institution.sign_off(request, response, as_of)
        return response

    async def GetFlows(self, request: pb.GetFlowsRequest, context: Context) -> pb.GetFlowsResponse:
        """Say what came in on all accounts of each owner."""
        self._institution.check_answering()
        check_batch(len(request.subjects), MAX_FLOWS, "subjects")
        for index, question in enumerate(request.subjects):
            check_text(question.reference, f"subjects[{index}].reference")
        async with self._institution.database.read() as session:
            as_of = await self._institution.as_of(session, STATEMENTS)
            answers = [await flow_answer(session, index, each) for index, each in enumerate(request.subjects)]
        response = pb.GetFlowsResponse(answers=answers)
        self._institution.sign_off(request, response, as_of)
        return response


def _asked(index: int, question: pb.PaymentQuestion) -> _Asked | pb.PaymentAnswer:
    """One question, or the answer that says why it has none.

    :raises InvalidInputError: its reference, which the answer would repeat, is wrong
    """
    check_text(question.reference, f"receivables[{index}].reference")
    try:
        return _Asked(index, question)
    except InvalidInputError as error:
        return pb.PaymentAnswer(reference=question.reference, error=question_error(error))


def _too_common(asked: _Asked | pb.PaymentAnswer, crowded: dict[str, int]) -> _Asked | pb.PaymentAnswer:
    """The question, or the answer that its number is one that everybody uses."""
    if isinstance(asked, pb.PaymentAnswer):
        return asked
    token = next((each for each in asked.tokens if each in crowded), None)
    if token is None:
        return asked
    text = f"{crowded[token]} payments name {token!r}; ask about a number that says more."
    error = pb.QuestionError(reason="TOO_MANY_PAYMENTS", message=text)
    return pb.PaymentAnswer(reference=asked.reference, error=error)


_PLACES = (Place.STRUCTURED, Place.UNSTRUCTURED, Place.END_TO_END)
"""Best first."""


class _Asked:
    """One question, as it is compared.

    :raises InvalidInputError: it cannot be understood
    """

    def __init__(self, index: int, question: pb.PaymentQuestion) -> None:
        path = f"receivables[{index}]"
        check_text(question.invoice_number, f"{path}.invoice_number")
        check_batch(len(question.other_numbers), MAX_OTHER_NUMBERS, f"{path}.other_numbers")
        try:
            self.amount = decimal_text(amount(question.amount)) if question.amount else ""
        except ValueError as error:
            raise wrong_question(f"{path}.amount", question.amount[:40], "no amount") from error
        numbers = (question.invoice_number, *question.other_numbers)
        self.tokens = list(
            dict.fromkeys(token for each in numbers for token in creditor_reference_tokens(each))
        )
        self.reference = question.reference
        self.account = account_number(question.payee_account)
        self.currency = question.currency
        self.seller = normal_id(question.seller_id)
        self.buyer = normal_id(question.buyer_id)
        self.seller_name = name_key(question.seller_name)

    def answer(
        self, by_token: dict[str, list[store.Found]], account: store.KnownAccount | None
    ) -> pb.PaymentAnswer:
        """The payments that are this receivable's."""
        found: dict[int, tuple[store.Found, str]] = {}
        for token in self.tokens:
            for payment in by_token.get(token, ()):
                tie = self._tie(payment, account)
                if tie and (payment.strong or self._same_amount(payment)):
                    best = found.setdefault(payment.movement, (payment, tie))
                    if _PLACES.index(payment.place) < _PLACES.index(best[0].place):
                        found[payment.movement] = (payment, tie)
        answer = pb.PaymentAnswer(
            reference=self.reference,
            payments=[_payment(*each) for each in sorted(found.values(), key=_age)],
        )
        if account is not None:
            answer.account_known = account.stated
            answer.statements_until = account.until
            answer.account_owner = account.owner_name
            answer.account_owner_ids.extend(account.owner_ids)
        return answer

    def _tie(self, payment: store.Found, account: store.KnownAccount | None) -> str:
        if self.account and payment.account == self.account:
            return "account"
        ids, names = {self.seller}, {self.seller_name}
        if account is not None:
            ids.update(account.owner_ids)
            names.add(name_key(account.owner_name))
        if payment.owner_ids:
            if not ids.isdisjoint(payment.owner_ids):
                return "owner"
        elif payment.owner_name and name_key(payment.owner_name) in names:
            return "owner"
        payers = (*payment.more["payer_ids"], *payment.more["ultimate_payer_ids"])
        if self.buyer and self.buyer in payers:
            return "payer"
        unidentified = not payment.owner_ids and not payment.owner_name
        return "amount" if unidentified and self._same_amount(payment) else ""

    def _same_amount(self, payment: store.Found) -> bool:
        if payment.document_amount and payment.document_amount == self.amount:
            return True
        instructed = (payment.more["instructed_amount"], payment.more["instructed_currency"])
        return (self.amount, self.currency) in ((payment.amount, payment.currency), instructed)


def _age(found: tuple[store.Found, str]) -> tuple[str, int]:
    return found[0].booking_date, found[0].movement


def _payment(found: store.Found, tie: str) -> pb.Payment:
    ids: Sequence[str] = found.more["payer_ids"]
    return pb.Payment(
        entry_reference=found.reference,
        booking_date=found.booking_date,
        amount=decimal_text(Decimal(found.amount)),
        currency=found.currency,
        credited_account=found.account,
        credited_owner=found.owner_name,
        payer_id=ids[0] if ids else "",
        payer_name=found.more["payer_name"],
        payer_account=found.more["payer_account"],
        reversal=found.kind is MovementKind.REVERSAL,
        instructed_amount=found.more["instructed_amount"],
        instructed_currency=found.more["instructed_currency"],
        document_amount=found.document_amount,
        matched_by=found.place,
        found_by=tie,
        payer_ids=ids,
        ultimate_payer_name=found.more["ultimate_payer_name"],
        ultimate_payer_ids=found.more["ultimate_payer_ids"],
        credited_owner_ids=found.owner_ids,
    )
