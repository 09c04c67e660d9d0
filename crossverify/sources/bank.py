"""Questions to a bank (银行): which payments settle these receivables, from whom, to which account?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import grpc.aio

from consortium.documents.invoice import Invoice
from consortium.documents.money import decimal_text
from consortium.documents.party import primary_id
from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.evidence import SourceAnswer
from crossverify.sources.asking import AskingLimits, Batch, ask, batches
from crossverify.sources.values import need_amount, need_currency, need_date, need_one_of

SOURCE: Final = "bank"
MAX_RECEIVABLES: Final = 1_000  # of one call
MAX_OTHER_NUMBERS: Final = 16  # of one question
MATCHED_BY: Final = ("structured", "unstructured", "end_to_end")
FOUND_BY: Final = ("account", "owner", "payer", "amount")


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
        self._limits = limits or AskingLimits()
        self._clock = clock

    async def ask(self, receivables: Sequence[PaymentQuestion]) -> SourceAnswer:
        """Ask about receivables; never raises, see ``asking``.

        :param receivables: references must differ
        :returns: answers by the receivables' references
        """
        calls = [
            Batch(
                self._stub.FindPayments,
                pb.FindPaymentsRequest(receivables=[_message(question) for question in batch]),
                [question.reference for question in batch],
                "answers",
                "reference",
                _check,
            )
            for batch in batches(receivables, MAX_RECEIVABLES)
        ]
        return await ask(SOURCE, calls, self._limits, self._clock)


def _message(question: PaymentQuestion) -> pb.PaymentQuestion:
    return pb.PaymentQuestion(**{name: getattr(question, name) for name in question.__slots__})


def _check(answer: dict[str, Any]) -> None:
    need_date(answer, "statements_until", optional=True)
    for payment in answer["payments"]:
        need_date(payment, "booking_date")
        need_amount(payment, "amount")
        need_currency(payment, "currency")
        need_amount(payment, "instructed_amount", "document_amount", optional=True)
        need_currency(payment, "instructed_currency", optional=True)
        need_one_of(payment, "matched_by", MATCHED_BY)
        need_one_of(payment, "found_by", FOUND_BY)
