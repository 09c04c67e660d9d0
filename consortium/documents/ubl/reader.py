"""Reads UBL 2.1 (and 2.0) documents into canonical ones.

1. The bytes are bounded and parsed without DOCTYPE, entities or network (``xml.py``).
2. The root element tells the kind; what is not in :data:`DOCUMENT_TYPES` is refused as unsupported.
3. The tables collect plain values and where each came from.
4. The models judge the values; every problem is told with its XPath.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from lxml import etree

from consortium.documents.base import Document
from consortium.documents.credit_note import CreditNote
from consortium.documents.debtor_confirmation import DebtorConfirmation
from consortium.documents.despatch_advice import DespatchAdvice
from consortium.documents.goods_receipt import GoodsReceipt
from consortium.documents.invoice import Invoice
from consortium.documents.problems import Problem, capped, shorten
from consortium.documents.purchase_order import PurchaseOrder
from consortium.documents.ubl.billing import CREDIT_NOTE, INVOICE, finish_billing
from consortium.documents.ubl.logistics import (
    DESPATCH_ADVICE,
    RECEIPT_ADVICE,
    finish_despatch,
    finish_receipt,
)
from consortium.documents.ubl.ordering import ORDER, finish_order
from consortium.documents.ubl.response import RESPONSE, is_invoice_response
from consortium.documents.ubl.tables import Reading, Table, Values
from consortium.documents.ubl.xml import UBL, XmlRefusedError, cbc, parse_xml, text_of
from consortium.documents.validation import judge


@dataclass(frozen=True, slots=True)
class DocumentType:
    """How one UBL document type is read."""

    model: type[Document]
    table: Table
    finish: Callable[[Reading, Values], None] = lambda _reading, _values: None
    applies: Callable[[etree._Element], bool] = lambda _root: True
    """Whether a document of this type is of the kind that we read."""


DOCUMENT_TYPES: Final[Mapping[str, DocumentType]] = {
    "Order": DocumentType(PurchaseOrder, ORDER, finish_order),
    "DespatchAdvice": DocumentType(DespatchAdvice, DESPATCH_ADVICE, finish_despatch),
    "ReceiptAdvice": DocumentType(GoodsReceipt, RECEIPT_ADVICE, finish_receipt),
    "Invoice": DocumentType(Invoice, INVOICE, finish_billing),
    "CreditNote": DocumentType(CreditNote, CREDIT_NOTE, finish_billing),
    "ApplicationResponse": DocumentType(DebtorConfirmation, RESPONSE, applies=is_invoice_response),
}
"""UBL document type -> how it is read. A new type is a line here."""


def read_ubl(content: bytes) -> Document | tuple[Problem, ...]:
    """Read one UBL document.

    :returns: the document, or everything that is wrong with it; a problem's path is an XPath
    """
    try:
        root = parse_xml(content)  # 1
    except XmlRefusedError as refused:
        return (refused.problem,)
    namespace, _, name = str(root.tag).removeprefix("{").rpartition("}")
    document_type = DOCUMENT_TYPES.get(name)
    if not namespace.startswith(UBL) or not namespace.endswith("-2"):  # 2
        return (_not_ubl(root),)
    if document_type is None or namespace != f"{UBL}{name}-2" or not document_type.applies(root):
        return (_unsupported(name),)
    reading = Reading(
        currency=text_of(found) if (found := root.find(cbc("DocumentCurrencyCode"))) is not None else ""
    )
    values = reading.read(root, document_type.table)  # 3
    document_type.finish(reading, values)
    made = judge(document_type.model, values, lambda location: reading.where(values, location))  # 4
    if isinstance(made, Document):
        return capped(reading.problems, reading.untold) if reading.problems else made
    problems, untold = made
    return capped([*reading.problems, *problems], reading.untold + untold)


def _not_ubl(root: etree._Element) -> Problem:
    return Problem(
        "/",
        "",
        shorten(str(root.tag)),
        "NOT_UBL",
        "The root element is not that of a UBL 2 document.",
        "Send UBL 2.1, or name the format that it is.",
    )


def _unsupported(name: str) -> Problem:
    return Problem(
        f"/{name}",
        "",
        name,
        "DOCUMENT_TYPE_UNSUPPORTED",
        f"This is a UBL {name} that Chanrong does not read.",
        "Send one of: " + ", ".join(DOCUMENT_TYPES) + " (as Peppol Invoice Response).",
    )
