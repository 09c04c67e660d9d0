"""Questions to the tax authority (税务): are invoices known and in which state; are taxpayers active?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import grpc.aio

from consortium.documents.invoice import Invoice
from consortium.documents.money import decimal_text
from consortium.documents.party import Party, primary_id, strong_ids
from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.evidence import SourceAnswer
from crossverify.sources.asking import AskingLimits, Batch, ask, batches
from crossverify.sources.values import need_amount, need_one_of

SOURCE: Final = "tax"
MAX_INVOICES: Final = 1_000  # of one call
MAX_TAXPAYERS: Final = 1_000
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
        self._limits = limits or AskingLimits()
        self._clock = clock

    async def ask(
        self, invoices: Sequence[InvoiceQuestion] = (), taxpayers: Sequence[str] = ()
    ) -> SourceAnswer:
        """Ask about invoices and taxpayers together; never raises, see ``asking``.

        :param invoices: references must differ, and have no form of an identifier ("scheme:value")
        :param taxpayers: identifiers as "scheme:value"; asked once each
        :returns: answers by the invoices' references and by the taxpayers' identifiers
        """
        calls = [
            Batch(
                self._stub.CheckInvoices,
                pb.CheckInvoicesRequest(invoices=[_message(question) for question in batch]),
                [question.reference for question in batch],
                "answers",
                "reference",
                _check_invoice,
            )
            for batch in batches(invoices, MAX_INVOICES)
        ]
        calls += [
            Batch(
                self._stub.CheckTaxpayers,
                pb.CheckTaxpayersRequest(tax_ids=batch),
                batch,
                "answers",
                "tax_id",
                _check_taxpayer,
            )
            for batch in batches(list(dict.fromkeys(taxpayers)), MAX_TAXPAYERS)
        ]
        return await ask(SOURCE, calls, self._limits, self._clock)


def _message(question: InvoiceQuestion) -> pb.InvoiceQuestion:
    return pb.InvoiceQuestion(**{name: getattr(question, name) for name in question.__slots__})


def _check_invoice(answer: dict[str, Any]) -> None:
    need_amount(answer, "red_amount", optional=True)
    if answer["known"]:
        need_one_of(answer, "state", INVOICE_STATES)
        need_amount(answer, "red_amount")
    for name in answer["differing"]:
        need_one_of({"differing": name}, "differing", COMPARED_FIELDS)


def _check_taxpayer(answer: dict[str, Any]) -> None:
    if answer["known"]:
        need_one_of(answer, "state", TAXPAYER_STATES)
