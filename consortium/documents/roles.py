"""Who is who on a document, what it is worth, and which documents it refers to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from consortium.documents.base import Document
from consortium.documents.debtor_confirmation import DebtorConfirmation
from consortium.documents.despatch_advice import DespatchAdvice
from consortium.documents.goods_receipt import GoodsReceipt
from consortium.documents.invoice import InvoiceBase
from consortium.documents.party import Party
from consortium.documents.purchase_order import PurchaseOrder
from consortium.documents.warehouse_receipt import WarehouseReceipt


@dataclass(frozen=True, slots=True)
class Reference:
    """Another document, as far as a document that refers to it knows it."""

    kind: str
    """Kind of the other document."""
    number: str
    """Its number as written."""
    seller: Party | None
    """Its seller."""
    buyer: Party | None
    """Its buyer."""
    issue_date: date | None = None
    """Its date, where the reference says so."""
    fapiao_code: str | None = None
    """发票代码, where it is an older Chinese invoice."""


def seller_of(document: Document) -> Party | None:
    """The seller (销售方). Of a warehouse receipt: who can pledge the goods, its holder, else the
    depositor."""
    if isinstance(document, WarehouseReceipt):
        return document.holder or document.depositor
    return getattr(document, "seller", None)


def buyer_of(document: Document) -> Party | None:
    """The buyer (购买方), who owes on an invoice; None for a warehouse receipt."""
    return getattr(document, "buyer", None)


def issuer_of(document: Document) -> Party:
    """Who writes such a document: the seller an invoice, credit note or despatch advice; the buyer an order,
    goods receipt or confirmation; the keeper a warehouse receipt."""
    if isinstance(document, InvoiceBase | DespatchAdvice):
        return document.seller
    if isinstance(document, PurchaseOrder | GoodsReceipt | DebtorConfirmation):
        return document.buyer
    if isinstance(document, WarehouseReceipt):
        return document.keeper
    raise TypeError(f"no issuer is known for {document.kind}")


def parties_of(document: Document) -> list[Party]:
    """Every party that is named with a role of its own, seller and buyer first: each may push the
    document."""
    found = [seller_of(document), buyer_of(document)]
    if isinstance(document, InvoiceBase):
        found.append(document.payee)
    elif isinstance(document, DespatchAdvice | GoodsReceipt):
        found += [document.despatch_party, document.delivery_party]
    elif isinstance(document, WarehouseReceipt):
        found += [document.keeper, document.depositor]
    unique: list[Party] = []
    for party in found:
        if party is not None and party not in unique:
            unique.append(party)
    return unique


def gross_of(document: Document) -> tuple[Decimal, str] | None:
    """What a document is worth with tax, and in which currency.

    Invoice, credit note: the amount due (BT-115). Order: the expected amount due, else the sum of its lines.
    Confirmation: the confirmed amount. Warehouse receipt: the declared value. ``None`` where the document
    says no amount.
    """
    if isinstance(document, InvoiceBase):
        return document.totals.payable, document.currency
    if isinstance(document, PurchaseOrder):
        return _order_gross(document)
    if (
        isinstance(document, DebtorConfirmation)
        and document.confirmed_amount is not None
        and document.currency
    ):
        return document.confirmed_amount, document.currency
    if isinstance(document, WarehouseReceipt) and document.declared_value is not None and document.currency:
        return document.declared_value, document.currency
    return None


def _order_gross(order: PurchaseOrder) -> tuple[Decimal, str] | None:
    if order.totals is not None:
        return order.totals.payable, order.currency
    amounts = [line.net_amount for line in order.lines if line.net_amount is not None]
    return (sum(amounts, Decimal(0)), order.currency) if len(amounts) == len(order.lines) else None


def references_of(document: Document) -> list[Reference]:
    """The documents that this one follows from, each once: its parents in the trade.

    Invoice: orders (BT-13 and lines), goods receipts (BT-15), despatch advices (BT-16), preceding invoices
    (BT-25). Credit note: preceding invoices and the same. Goods receipt: order, despatch advice. Despatch
    advice: order. Confirmation: invoice.
    """
    seller, buyer = seller_of(document), buyer_of(document)
    found: dict[tuple[str, str, str | None], Reference] = {}
    for each in _references(document, seller, buyer):
        found.setdefault((each.kind, each.number, each.fapiao_code), each)
    return list(found.values())


def _references(document: Document, seller: Party | None, buyer: Party | None) -> Iterator[Reference]:
    if isinstance(document, InvoiceBase):
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
    elif isinstance(document, DespatchAdvice | GoodsReceipt):
        for part in (document, *document.lines):
            if part.order_number:
                yield Reference("purchase_order", part.order_number, seller, buyer)
        if isinstance(document, GoodsReceipt):
            for number in (document.despatch_number, *(line.despatch_number for line in document.lines)):
                if number:
                    yield Reference("despatch_advice", number, seller, buyer)
    elif isinstance(document, DebtorConfirmation):
        yield Reference(
            "invoice", document.invoice_number, seller, buyer, document.invoice_date, document.fapiao_code
        )
