"""Trade documents: models, canonical bytes, commitment, fingerprint. Pure: no I/O, no clock."""

from consortium.documents.agreed import DueRule
from consortium.documents.assignment_acknowledgement import AssignmentAcknowledgement
from consortium.documents.assignment_notice import AssignmentNotice
from consortium.documents.base import Document, Part
from consortium.documents.bill import Bill, BillEndorsement
from consortium.documents.common import (
    Account,
    AllowanceCharge,
    Classification,
    Delivery,
    DocumentRef,
    Fapiao,
    Item,
    Lot,
    OrderTotals,
    Period,
    Shipment,
    Tax,
    TaxSubtotal,
    Totals,
)
from consortium.documents.contract import Contract, ContractLine
from consortium.documents.credit_note import CreditNote
from consortium.documents.debtor_confirmation import Clarification, DebtorConfirmation
from consortium.documents.despatch_advice import DespatchAdvice, DespatchLine
from consortium.documents.financing_request import FinancingRequestDocument, RequestedAsset
from consortium.documents.goods_receipt import GoodsReceipt, ReceiptLine
from consortium.documents.inspection_report import InspectedGoods, InspectionReport
from consortium.documents.invoice import Invoice, InvoiceBase, InvoiceLine
from consortium.documents.keeper_attestation import AttestedGoods, KeeperAttestation
from consortium.documents.kinds import KINDS, parse_canonical
from consortium.documents.listed import ListedInvoice
from consortium.documents.money import Amount, Price, Quantity
from consortium.documents.party import Address, Party, PartyId, primary_id
from consortium.documents.problems import Problem
from consortium.documents.purchase_order import OrderLine, PurchaseOrder
from consortium.documents.statement_of_account import StatementLine, StatementOfAccount
from consortium.documents.transport_document import TransportDocument, TransportLine
from consortium.documents.warehouse_receipt import StoredGoods, WarehouseReceipt

__all__ = [
    "KINDS",
    "Account",
    "Address",
    "AllowanceCharge",
    "Amount",
    "AssignmentAcknowledgement",
    "AssignmentNotice",
    "AttestedGoods",
    "Bill",
    "BillEndorsement",
    "Clarification",
    "Classification",
    "Contract",
    "ContractLine",
    "CreditNote",
    "DebtorConfirmation",
    "Delivery",
    "DespatchAdvice",
    "DespatchLine",
    "Document",
    "DocumentRef",
    "DueRule",
    "Fapiao",
    "FinancingRequestDocument",
    "GoodsReceipt",
    "InspectedGoods",
    "InspectionReport",
    "Invoice",
    "InvoiceBase",
    "InvoiceLine",
    "Item",
    "KeeperAttestation",
    "ListedInvoice",
    "Lot",
    "OrderLine",
    "OrderTotals",
    "Part",
    "Party",
    "PartyId",
    "Period",
    "Price",
    "Problem",
    "PurchaseOrder",
    "Quantity",
    "ReceiptLine",
    "RequestedAsset",
    "Shipment",
    "StatementLine",
    "StatementOfAccount",
    "StoredGoods",
    "Tax",
    "TaxSubtotal",
    "Totals",
    "TransportDocument",
    "TransportLine",
    "WarehouseReceipt",
    "parse_canonical",
    "primary_id",
]
