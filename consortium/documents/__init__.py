"""Trade documents: models, canonical bytes, commitment, fingerprint. Pure: no I/O, no clock."""

from consortium.documents.base import Document, Part
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
from consortium.documents.credit_note import CreditNote
from consortium.documents.debtor_confirmation import Clarification, DebtorConfirmation
from consortium.documents.despatch_advice import DespatchAdvice, DespatchLine
from consortium.documents.goods_receipt import GoodsReceipt, ReceiptLine
from consortium.documents.invoice import Invoice, InvoiceBase, InvoiceLine
from consortium.documents.kinds import KINDS, parse_canonical
from consortium.documents.money import Amount, Price, Quantity
from consortium.documents.party import Address, Party, PartyId, primary_id
from consortium.documents.problems import Problem
from consortium.documents.purchase_order import OrderLine, PurchaseOrder
from consortium.documents.warehouse_receipt import StoredGoods, WarehouseReceipt

__all__ = [
    "KINDS",
    "Account",
    "Address",
    "AllowanceCharge",
    "Amount",
    "Clarification",
    "Classification",
    "CreditNote",
    "DebtorConfirmation",
    "Delivery",
    "DespatchAdvice",
    "DespatchLine",
    "Document",
    "DocumentRef",
    "Fapiao",
    "GoodsReceipt",
    "Invoice",
    "InvoiceBase",
    "InvoiceLine",
    "Item",
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
    "Shipment",
    "StoredGoods",
    "Tax",
    "TaxSubtotal",
    "Totals",
    "WarehouseReceipt",
    "parse_canonical",
    "primary_id",
]
