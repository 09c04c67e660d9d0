"""Questions to a bank (银行): which payments settle these receivables, from whom, to which account; whose are these
accounts; what came in on all accounts of an owner?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, Final, Self

import grpc.aio

from consortium.documents.invoice import Invoice
from consortium.documents.money import decimal_text
from consortium.documents.party import Party, primary_id
from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.answers.bank import account_reference, flow_reference, plain_account
from crossverify.evidence import SourceAnswer
from crossverify.sources.asking import (
    STREAM_FROM,
    Asker,
    AskingLimits,
    Batch,
    WrongAnswerError,
    batches,
    latest_day,
)
from crossverify.sources.values import need_amount, need_currency, need_date, need_month, need_one_of

SOURCE: Final = "bank"
MAX_RECEIVABLES: Final = 1_000  # of one call
MAX_OTHER_NUMBERS: Final = 16  # of one question
MAX_ACCOUNTS: Final = 1_000  # of one call
MAX_FLOWS: Final = 100  # of one call
MAX_SHOWN_ACCOUNTS: Final = 50  # of one flow
MATCHED_BY: Final = ("structured", "unstructured", "end_to_end")
FOUND_BY: Final = ("account", "owner", "payer", "amount")
OWNER_MATCH: Final = ("identifier", "name", "differs", "unknown")


@dataclass(frozen=True, slots=True)
class PaymentQuestion:
    """One receivable; texts as in ``chanrong.sources.v1.PaymentQuestion``."""

    reference: str
    invoice_number: str
    payee_account: str
    amount: str
    currency: str
    seller_id: str
    buyer_id: str = ""
    seller_name: str = ""
    other_numbers: tuple[str, ...] = ()

    @classmethod
    def of(cls, reference: str, invoice: Invoice) -> Self:
        """The question about an invoice: was it paid?"""
        account = invoice.payee_account
        return cls(
            reference=reference,
            invoice_number=invoice.number,
            payee_account="" if account is None else account.account_id,
            amount=decimal_text(invoice.totals.payable),
            currency=invoice.currency,
            seller_id=str(primary_id(invoice.seller)),
            buyer_id=str(primary_id(invoice.buyer)),
            seller_name=invoice.seller.name or invoice.seller.trading_name or "",
            other_numbers=tuple(
                number
                for number in dict.fromkeys(
                    (invoice.payment_reference, *(each.number for each in invoice.fapiao))
                )
                if number and number != invoice.number
            )[:MAX_OTHER_NUMBERS],
        )


@dataclass(frozen=True, slots=True)
class AccountQuestion:
    """One account; texts as in ``chanrong.sources.v1.AccountQuestion``."""

    reference: str
    account: str
    owner_id: str = ""
    owner_name: str = ""

    @classmethod
    def of(cls, account: str, owner: Party) -> Self:
        """Is this account the owner's?"""
        return cls(account_reference(account), plain_account(account), str(primary_id(owner)), _name(owner))


@dataclass(frozen=True, slots=True)
class FlowQuestion:
    """One owner of accounts; texts as in ``chanrong.sources.v1.FlowQuestion``."""

    reference: str
    owner_id: str
    owner_name: str = ""
    accounts: tuple[str, ...] = ()
    from_month: str = ""

    @classmethod
    def of(
        cls, identifier: str, *, name: str = "", accounts: Iterable[str] = (), from_month: str = ""
    ) -> Self:
        """What came in on the accounts that the owner shows and on those that the bank knows.

        :param identifier: "scheme:value"
        """
        shown = tuple(dict.fromkeys(filter(None, map(plain_account, accounts))))[:MAX_SHOWN_ACCOUNTS]
        return cls(flow_reference(identifier), identifier, name, shown, from_month)


def account_questions(invoices: Iterable[Invoice]) -> list[AccountQuestion]:
    """Questions about every account that these invoices want to be paid to, each once."""
    found: dict[str, AccountQuestion] = {}
    for invoice in invoices:
        for account in invoice.payee_accounts:
            if plain_account(account.account_id):
                asked = AccountQuestion.of(account.account_id, invoice.payee or invoice.seller)
                found.setdefault(asked.reference, asked)
    return list(found.values())


def _name(party: Party) -> str:
    return party.name or party.trading_name or ""


class BankSource:
    """Client of one bank.

    :param channel: to its server (``consortium.rpc.client.channel``); stays the caller's to close
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        limits: AskingLimits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stub = rpc.BankSourceServiceStub(channel)
        self._asker = Asker(SOURCE, limits, clock)

    async def ask(
        self,
        receivables: Sequence[PaymentQuestion] = (),
        accounts: Sequence[AccountQuestion] = (),
        flows: Sequence[FlowQuestion] = (),
    ) -> SourceAnswer:
        """Ask about receivables, accounts and flows together; never raises, see ``asking``.

        :param receivables: references of all questions must differ
        :returns: answers by the questions' references
        """
        until = latest_day(self._asker.clock)
        calls = [self._payments(batch, until) for batch in batches(receivables, MAX_RECEIVABLES)]
        calls += [
            Batch(
                self._stub.CheckAccounts,
                pb.CheckAccountsRequest(accounts=[_account(each) for each in batch]),
                [each.reference for each in batch],
                "answers",
                "reference",
                partial(_check_account, until=until),
            )
            for batch in batches(accounts, MAX_ACCOUNTS)
        ]
        calls += [
            Batch(
                self._stub.GetFlows,
                pb.GetFlowsRequest(subjects=[_flow(each) for each in batch]),
                [each.reference for each in batch],
                "answers",
                "reference",
                partial(_check_flow, until=until),
            )
            for batch in batches(flows, MAX_FLOWS)
        ]
        return await self._asker.ask(calls)

    def _payments(self, batch: Sequence[PaymentQuestion], until: date) -> Batch:
        long = len(batch) >= STREAM_FROM
        return Batch(
            self._stub.StreamPayments if long else self._stub.FindPayments,
            pb.FindPaymentsRequest(receivables=[_message(question) for question in batch]),
            [question.reference for question in batch],
            "answers",
            "reference",
            partial(_check, until=until),
            _in_parts if long else None,
        )


def _in_parts(question: Any) -> pb.StreamPaymentsRequest:
    return pb.StreamPaymentsRequest(question=question)


def _message(question: PaymentQuestion) -> pb.PaymentQuestion:
    return pb.PaymentQuestion(**{name: getattr(question, name) for name in question.__slots__})


def _account(question: AccountQuestion) -> pb.AccountQuestion:
    return pb.AccountQuestion(**{name: getattr(question, name) for name in question.__slots__})


def _flow(question: FlowQuestion) -> pb.FlowQuestion:
    return pb.FlowQuestion(**{name: getattr(question, name) for name in question.__slots__})


def _check(answer: dict[str, Any], until: date) -> None:
    need_date(answer, "statements_until", optional=True, until=until)
    for payment in answer["payments"]:
        need_date(payment, "booking_date", until=until)
        need_amount(payment, "amount")
        need_currency(payment, "currency")
        need_amount(payment, "instructed_amount", "document_amount", optional=True)
        need_currency(payment, "instructed_currency", optional=True)
        need_one_of(payment, "matched_by", MATCHED_BY)
        need_one_of(payment, "found_by", FOUND_BY)


def _check_account(answer: dict[str, Any], until: date) -> None:
    need_one_of(answer, "owner_match", OWNER_MATCH)
    need_date(answer, "statements_until", optional=True, until=until)
    if not answer["known"] and (answer["owner_name"] or answer["owner_ids"]):
        raise WrongAnswerError("it names the owner of an account that is not known.")


def _check_flow(answer: dict[str, Any], until: date) -> None:
    for account in answer["accounts"]:
        need_date(account, "statements_from", optional=True, until=until)
        need_date(account, "statements_until", optional=True, until=until)
    for month in answer["months"]:
        need_month(month, "month", until=until)
        need_amount(month, "inflow", "returned", "own_transfers")
        need_currency(month, "currency")
    for payer in answer["payers"]:
        need_amount(payer, "amount")
        need_currency(payer, "currency")
