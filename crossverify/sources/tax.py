"""Questions to the tax authority (税务): are invoices known and in which state; are taxpayers active; what have they
declared, and who are their counterparties?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, Final, Self

import grpc.aio

from consortium.documents.invoice import Invoice
from consortium.documents.money import decimal_text
from consortium.documents.party import Party, primary_id, strong_ids
from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.answers.tax import sales_reference
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

SOURCE: Final = "tax"
MAX_INVOICES: Final = 1_000  # of one call
MAX_TAXPAYERS: Final = 1_000
MAX_SALES: Final = 100
ROLES: Final = ("customer", "supplier")
INVOICE_STATES: Final = ("normal", "void", "red_partial", "red_full")
TAXPAYER_STATES: Final = ("active", "suspended", "revoked")
COMPARED_FIELDS: Final = (
    "issue_date",
    "seller_tax_id",
    "buyer_tax_id",
    "currency",
    "net_amount",
    "tax_amount",
    "gross_amount",
)
"""Names that ``differing`` may hold."""


@dataclass(frozen=True, slots=True)
class InvoiceQuestion:
    """One invoice as its holder claims it to be; texts as in ``chanrong.sources.v1.InvoiceQuestion``."""

    reference: str
    number: str
    code: str
    issue_date: str
    seller_tax_id: str
    buyer_tax_id: str
    currency: str
    net_amount: str
    tax_amount: str
    gross_amount: str

    @classmethod
    def of(cls, reference: str, invoice: Invoice) -> Self:
        """The question about an invoice.

        The tax authority knows a Chinese invoice by its official number, so where exactly one fapiao is named
        (the document itself, or the 数电票 of a commercial invoice) that is what is asked about.
        """
        own = [fapiao for fapiao in invoice.fapiao if fapiao.number == invoice.number]
        named = own[:1] or (list(invoice.fapiao) if len(invoice.fapiao) == 1 else [])
        tax = invoice.totals.tax
        return cls(
            reference=reference,
            number=named[0].number if named else invoice.number,
            code=(named[0].code or "") if named else "",
            issue_date=invoice.issue_date.isoformat(),
            seller_tax_id=tax_id_of(invoice.seller),
            buyer_tax_id=tax_id_of(invoice.buyer),
            currency=invoice.currency,
            net_amount=decimal_text(invoice.totals.net),
            tax_amount="" if tax is None else decimal_text(tax),
            gross_amount=decimal_text(invoice.totals.gross),
        )


def tax_id_of(party: Party) -> str:
    """The identifier under which tax knows a party: USCC or VAT number, else the best there is."""
    for wanted in ("uscc", "vat"):
        for each in strong_ids(party):
            if each.scheme == wanted:
                return str(each)
    return str(primary_id(party))


@dataclass(frozen=True, slots=True)
class SalesQuestion:
    """One taxpayer; texts as in ``chanrong.sources.v1.SalesQuestion``."""

    reference: str
    taxpayer_id: str
    from_month: str = ""

    @classmethod
    def of(cls, identifier: str, from_month: str = "") -> Self:
        """What did this taxpayer declare? :param identifier: "scheme:value" """
        return cls(sales_reference(identifier), identifier, from_month)


class TaxSource:
    """Client of one tax institution.

    :param channel: to its server (``consortium.rpc.client.channel``); stays the caller's to close
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        limits: AskingLimits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stub = rpc.TaxSourceServiceStub(channel)
        self._asker = Asker(SOURCE, limits, clock)

    async def ask(
        self,
        invoices: Sequence[InvoiceQuestion] = (),
        taxpayers: Sequence[str] = (),
        sales: Sequence[SalesQuestion] = (),
    ) -> SourceAnswer:
        """Ask about invoices, taxpayers and declared sales together; never raises, see ``asking``.

        :param invoices: references must differ, and have no form of an identifier ("scheme:value")
        :param taxpayers: identifiers as "scheme:value"; asked once each
        :param sales: asked once each
        :returns: answers by the invoices' references, by the taxpayers' identifiers, and by
            ``sales_reference(identifier)``
        """
        until = latest_day(self._asker.clock)
        calls = [self._invoices(batch, until) for batch in batches(invoices, MAX_INVOICES)]
        calls += [
            Batch(
                self._stub.CheckTaxpayers,
                pb.CheckTaxpayersRequest(tax_ids=batch),
                batch,
                "answers",
                "tax_id",
                partial(_check_taxpayer, until=until),
            )
            for batch in batches(list(dict.fromkeys(taxpayers)), MAX_TAXPAYERS)
        ]
        calls += [
            Batch(
                self._stub.GetSales,
                pb.GetSalesRequest(subjects=[_sales(each) for each in batch]),
                [each.reference for each in batch],
                "answers",
                "reference",
                partial(_check_sales, until=until),
            )
            for batch in batches(list(dict.fromkeys(sales)), MAX_SALES)
        ]
        return await self._asker.ask(calls)

    def _invoices(self, batch: Sequence[InvoiceQuestion], until: date) -> Batch:
        long = len(batch) >= STREAM_FROM
        return Batch(
            self._stub.StreamInvoices if long else self._stub.CheckInvoices,
            pb.CheckInvoicesRequest(invoices=[_message(question) for question in batch]),
            [question.reference for question in batch],
            "answers",
            "reference",
            partial(_check_invoice, until=until),
            _in_parts if long else None,
        )


def _in_parts(question: Any) -> pb.StreamInvoicesRequest:
    return pb.StreamInvoicesRequest(question=question)


def _message(question: InvoiceQuestion) -> pb.InvoiceQuestion:
    return pb.InvoiceQuestion(**{name: getattr(question, name) for name in question.__slots__})


def _sales(question: SalesQuestion) -> pb.SalesQuestion:
    return pb.SalesQuestion(**{name: getattr(question, name) for name in question.__slots__})


def _check_invoice(answer: dict[str, Any], until: date) -> None:
    need_amount(answer, "red_amount", "red_confirmation_amount", optional=True)
    if answer["known"]:
        need_one_of(answer, "state", INVOICE_STATES)
        need_amount(answer, "red_amount")
    for name in answer["differing"]:
        need_one_of({"differing": name}, "differing", COMPARED_FIELDS)
    for letter in answer["red_letters"]:
        need_date(letter, "issue_date", until=until)
        need_amount(letter, "amount")


def _check_taxpayer(answer: dict[str, Any], until: date) -> None:
    if answer["known"]:
        need_one_of(answer, "state", TAXPAYER_STATES)
    need_date(answer, "registered_on", optional=True, until=until)


def _check_sales(answer: dict[str, Any], until: date) -> None:
    for month in answer["months"]:
        need_month(month, "month", until=until)
        need_amount(month, "amount")
        need_currency(month, "currency")
    for other in answer["counterparties"]:
        need_one_of(other, "role", ROLES)
        need_amount(other, "amount")
        need_currency(other, "currency")
    if not answer["known"] and (answer["months"] or answer["counterparties"]):
        raise WrongAnswerError("it tells sales of a taxpayer that is not known.")
