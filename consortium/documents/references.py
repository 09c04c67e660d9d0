"""Which documents a document refers to, kind by kind.

======================== =====================================================================================
kind                     refers to
======================== =====================================================================================
invoice                  orders (BT-13 and lines), goods receipts (BT-15), despatch advices (BT-16), preceding
                         invoices (BT-25)
credit note              preceding invoices and the same
goods receipt            order, despatch advice
despatch advice          order
confirmation             invoice
contract                 the contract that it amends
statement of account     the documents that it lists
assignment notice        contract, invoices
acknowledgement          notice, invoices
bill                     the bill that it was split from, invoices that it pays for
transport document       orders, despatch advice
financing request        what financing is asked on
keeper's attestation     warehouse receipts
inspection report        warehouse receipt, transport document, despatch advice, order
======================== =====================================================================================

Contracts that invoices and orders name are looked up where terms are (``crossverify.terms``): they are no parents in
the trade.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from consortium.documents.assignment_acknowledgement import AssignmentAcknowledgement
from consortium.documents.assignment_notice import AssignmentNotice
from consortium.documents.base import Document
from consortium.documents.bill import Bill
from consortium.documents.contract import Contract
from consortium.documents.debtor_confirmation import DebtorConfirmation
from consortium.documents.despatch_advice import DespatchAdvice
from consortium.documents.financing_request import FinancingRequestDocument
from consortium.documents.goods_receipt import GoodsReceipt
from consortium.documents.inspection_report import InspectionReport
from consortium.documents.invoice import InvoiceBase
from consortium.documents.keeper_attestation import KeeperAttestation
from consortium.documents.listed import ListedInvoice
from consortium.documents.party import Party
from consortium.documents.statement_of_account import StatementOfAccount
from consortium.documents.transport_document import TransportDocument


@dataclass(frozen=True, slots=True)
class Reference:
    """Another document, as far as a document that refers to it knows it."""

    kind: str
    """Kind of the other document."""
    number: str
    """Its number as written; of a bill ``package number|from|to``."""
    seller: Party | None
    """Its seller."""
    buyer: Party | None
    """Its buyer."""
    issue_date: date | None = None
    """Its date, where the reference says so."""
    fapiao_code: str | None = None
    """发票代码, where it is an older Chinese invoice."""
    issuer: Party | None = None
    """Who wrote it, where that is neither its seller nor its buyer."""


_Found = Iterator[Reference]


def references_by_kind(document: Document, seller: Party | None, buyer: Party | None) -> _Found:
    """Everything that a document refers to, with repetitions.

    :param seller: the document's own seller, which is the other one's too unless the table says otherwise
    :param buyer: its buyer
    """
    for model, reader in _READERS.items():
        if isinstance(document, model):
            yield from reader(document, seller, buyer)
            return


def _of_invoice(document: Document, seller: Party | None, buyer: Party | None) -> _Found:
    assert isinstance(document, InvoiceBase)
    for preceding in document.preceding_invoices:
        yield Reference(
            "invoice", preceding.number, seller, buyer, preceding.issue_date, preceding.fapiao_code
        )
    for kind, field in (
        ("purchase_order", "order_number"),
        ("goods_receipt", "receipt_number"),
        ("despatch_advice", "despatch_number"),
    ):
        for part in (document, *document.lines):
            if number := getattr(part, field):
                yield Reference(kind, number, seller, buyer)


def _of_delivery(document: Document, seller: Party | None, buyer: Party | None) -> _Found:
    assert isinstance(document, DespatchAdvice | GoodsReceipt)
    for part in (document, *document.lines):
        if part.order_number:
            yield Reference("purchase_order", part.order_number, seller, buyer)
    if isinstance(document, GoodsReceipt):
        for number in (document.despatch_number, *(line.despatch_number for line in document.lines)):
            if number:
                yield Reference("despatch_advice", number, seller, buyer)


def _of_confirmation(document: Document, seller: Party | None, buyer: Party | None) -> _Found:
    assert isinstance(document, DebtorConfirmation)
    yield Reference(
        "invoice", document.invoice_number, seller, buyer, document.invoice_date, document.fapiao_code
    )


def _of_contract(document: Document, seller: Party | None, buyer: Party | None) -> _Found:
    assert isinstance(document, Contract)
    if document.amends_number:
        yield Reference("contract", document.amends_number, seller, buyer)


def _of_statement(document: Document, seller: Party | None, buyer: Party | None) -> _Found:
    assert isinstance(document, StatementOfAccount)
    for line in document.lines:
        if line.document_kind != "payment":
            yield Reference(
                line.document_kind, line.document_number, seller, buyer, line.document_date, line.fapiao_code
            )


def _invoices(lines: tuple[ListedInvoice, ...], seller: Party | None, buyer: Party | None) -> _Found:
    for line in lines:
        yield Reference("invoice", line.invoice_number, seller, buyer, line.invoice_date, line.fapiao_code)


def _of_notice(document: Document, seller: Party | None, buyer: Party | None) -> _Found:
    assert isinstance(document, AssignmentNotice)
    if document.contract_number:
        yield Reference("contract", document.contract_number, seller, buyer)
    yield from _invoices(document.lines, seller, buyer)


def _of_acknowledgement(document: Document, seller: Party | None, buyer: Party | None) -> _Found:
    assert isinstance(document, AssignmentAcknowledgement)
    writer = document.assignee if document.notice_issued_by == "assignee" else None
    yield Reference(
        "assignment_notice", document.notice_number, seller, buyer, document.notice_date, None, writer
    )
    yield from _invoices(document.lines, seller, buyer)


def _of_bill(document: Document, seller: Party | None, buyer: Party | None) -> _Found:
    assert isinstance(document, Bill)
    if document.split_from is not None:
        whole = f"{document.number}|{document.split_from}|{document.split_to}"
        yield Reference("bill", whole, seller, buyer)
    given_by = document.endorsements[-1].endorser if document.endorsements else buyer
    yield from _invoices(document.lines, seller, given_by)


def _of_transport(document: Document, seller: Party | None, buyer: Party | None) -> _Found:
    assert isinstance(document, TransportDocument)
    for number in (document.order_number, *(line.order_number for line in document.lines)):
        if number:
            yield Reference("purchase_order", number, seller, buyer)
    if document.despatch_number:
        yield Reference("despatch_advice", document.despatch_number, seller, buyer)


def _of_request(document: Document, seller: Party | None, buyer: Party | None) -> _Found:
    assert isinstance(document, FinancingRequestDocument)
    for line in document.lines:
        yield Reference(
            line.document_kind,
            line.document_number,
            seller,
            line.debtor or buyer,
            line.document_date,
            line.fapiao_code,
        )


def _of_attestation(document: Document, seller: Party | None, buyer: Party | None) -> _Found:
    assert isinstance(document, KeeperAttestation)
    for line in document.lines:
        yield Reference("warehouse_receipt", line.receipt_number, seller, None, issuer=document.keeper)


def _of_inspection(document: Document, seller: Party | None, buyer: Party | None) -> _Found:
    assert isinstance(document, InspectionReport)
    if document.receipt_number:
        yield Reference("warehouse_receipt", document.receipt_number, seller, None, issuer=document.keeper)
    for kind, number in (
        ("transport_document", document.transport_number),
        ("despatch_advice", document.despatch_number),
        ("purchase_order", document.order_number),
    ):
        if number:
            yield Reference(kind, number, seller, document.buyer)


_READERS: Final[Mapping[type[Document], Callable[[Document, Party | None, Party | None], _Found]]] = {
    InvoiceBase: _of_invoice,
    DespatchAdvice: _of_delivery,
    GoodsReceipt: _of_delivery,
    DebtorConfirmation: _of_confirmation,
    Contract: _of_contract,
    StatementOfAccount: _of_statement,
    AssignmentNotice: _of_notice,
    AssignmentAcknowledgement: _of_acknowledgement,
    Bill: _of_bill,
    TransportDocument: _of_transport,
    FinancingRequestDocument: _of_request,
    KeeperAttestation: _of_attestation,
    InspectionReport: _of_inspection,
}
