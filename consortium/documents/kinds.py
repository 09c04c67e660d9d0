"""The kinds of document by name: the one table to which a new kind is added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from consortium.documents.assignment_acknowledgement import AssignmentAcknowledgement
from consortium.documents.assignment_notice import AssignmentNotice
from consortium.documents.base import Document
from consortium.documents.bill import Bill
from consortium.documents.canonical import parse_json
from consortium.documents.contract import Contract
from consortium.documents.credit_note import CreditNote
from consortium.documents.debtor_confirmation import DebtorConfirmation
from consortium.documents.despatch_advice import DespatchAdvice
from consortium.documents.financing_request import FinancingRequestDocument
from consortium.documents.goods_receipt import GoodsReceipt
from consortium.documents.inspection_report import InspectionReport
from consortium.documents.invoice import Invoice
from consortium.documents.keeper_attestation import KeeperAttestation
from consortium.documents.purchase_order import PurchaseOrder
from consortium.documents.statement_of_account import StatementOfAccount
from consortium.documents.transport_document import TransportDocument
from consortium.documents.warehouse_receipt import WarehouseReceipt
from consortium.errors import InvalidInputError

KINDS: Final[Mapping[str, type[Document]]] = {
    "purchase_order": PurchaseOrder,
    "despatch_advice": DespatchAdvice,
    "goods_receipt": GoodsReceipt,
    "warehouse_receipt": WarehouseReceipt,
    "invoice": Invoice,
    "credit_note": CreditNote,
    "debtor_confirmation": DebtorConfirmation,
    "contract": Contract,
    "statement_of_account": StatementOfAccount,
    "assignment_notice": AssignmentNotice,
    "assignment_acknowledgement": AssignmentAcknowledgement,
    "bill": Bill,
    "transport_document": TransportDocument,
    "financing_request": FinancingRequestDocument,
    "keeper_attestation": KeeperAttestation,
    "inspection_report": InspectionReport,
}


def parse_canonical(kind: str, data: bytes | Mapping[str, Any]) -> Document:
    """Read a document that was canonical already: from the store, another gateway or a package.

    Input of users goes through ``industry_gateway.formats``, which tells every problem; this tells only that
    there is one.

    :raises InvalidInputError: ``KIND_UNKNOWN``, ``NOT_JSON`` or ``DOCUMENT_INVALID``
    """
    model = KINDS.get(kind)
    if model is None:
        raise InvalidInputError(f"There is no kind of document {kind!r}.", reason="KIND_UNKNOWN")
    values = parse_json(data) if isinstance(data, bytes) else data
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "/".join(str(part) for part in first["loc"])
        raise InvalidInputError(
            f"This is no valid {kind}: {first['msg']} ({where or 'document'}; {error.error_count()} in all).",
            reason="DOCUMENT_INVALID",
        ) from error
