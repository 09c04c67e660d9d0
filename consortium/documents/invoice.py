"""Invoice (发票). UBL: ``Invoice``. Names follow EN 16931."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from consortium.documents.base import Code, Day, Document, Lines, Number, Part, Text, Unit
from consortium.documents.codes import INVOICE_TYPES
from consortium.documents.common import (
    Account,
    AllowanceCharge,
    Delivery,
    DocumentRef,
    Fapiao,
    Item,
    Period,
    Tax,
    TaxSubtotal,
    Totals,
)
from consortium.documents.money import Amount, Currency, ForeignAmount, PositiveQuantity, Price, Quantity
from consortium.documents.party import Party


class InvoiceLine(Part):
    """BG-25: one line (明细行). UBL: ``cac:InvoiceLine``, ``cac:CreditNoteLine``."""

    line_id: Number
    """BT-126: line number (行号). UBL: ``cbc:ID``."""
    item: Item
    """BG-31: what was sold (商品或服务). UBL: ``cac:Item``."""
    quantity: Quantity
    """BT-129: quantity (数量). UBL: ``cbc:InvoicedQuantity``, ``cbc:CreditedQuantity``."""
    unit: Unit
    """BT-130: unit (单位). UBL: ``@unitCode``."""
    price: Price
    """BT-146: net price (单价) of ``base_quantity`` units. UBL: ``cac:Price/cbc:PriceAmount``."""
    base_quantity: PositiveQuantity | None = None
    """BT-149: quantity that the price is for (计价数量); absent means 1. UBL:
    ``cac:Price/cbc:BaseQuantity``."""
    base_unit: Unit | None = None
    """BT-150: unit of the base quantity; absent means the line's unit."""
    net_amount: Amount
    """BT-131: amount without tax (金额). UBL: ``cbc:LineExtensionAmount``."""
    tax: Tax | None = None
    """BG-30: tax category and rate (税率). UBL: ``cac:Item/cac:ClassifiedTaxCategory``."""
    order_number: Number | None = None
    """Order of this line (订单号). UBL: ``cac:OrderLineReference/cac:OrderReference/cbc:ID``."""
    order_line: Number | None = None
    """BT-132: line of the order (订单行号). UBL: ``cac:OrderLineReference/cbc:LineID``."""
    despatch_number: Number | None = None
    """Despatch advice of this line (发货单号). UBL:
    ``cac:DespatchLineReference/cac:DocumentReference/cbc:ID``."""
    despatch_line: Number | None = None
    """Line of the despatch advice (发货行号). UBL: ``cac:DespatchLineReference/cbc:LineID``."""
    receipt_number: Number | None = None
    """Goods receipt of this line (收货单号). UBL:
    ``cac:ReceiptLineReference/cac:DocumentReference/cbc:ID``."""
    receipt_line: Number | None = None
    """Line of the goods receipt (收货行号). UBL: ``cac:ReceiptLineReference/cbc:LineID``."""
    allowances: Annotated[tuple[AllowanceCharge, ...], Field(max_length=100)] = ()
    """BG-27, BG-28: allowances and charges of the line (行折扣). UBL: ``cac:AllowanceCharge``."""
    period: Period | None = None
    """BG-26: period of the line. UBL: ``cac:InvoicePeriod``."""
    note: Text | None = None
    """BT-127: remark (备注). UBL: ``cbc:Note``."""

    def amounts(self) -> Iterator[Decimal]:
        """Its amounts of money."""
        yield self.net_amount
        for allowance in self.allowances:
            yield from allowance.amounts()


class InvoiceBase(Document):
    """What invoices and credit notes share."""

    currency_field: ClassVar[str | None] = "currency"

    currency: Currency
    """BT-5: currency of all amounts (币种). UBL: ``cbc:DocumentCurrencyCode``."""
    tax_currency: Currency | None = None
    """BT-6: currency in which the seller owes the tax. UBL: ``cbc:TaxCurrencyCode``."""
    tax_in_tax_currency: ForeignAmount | None = None
    """BT-111: total tax in that currency. UBL: the second ``cac:TaxTotal/cbc:TaxAmount``."""
    due_date: Day | None = None
    """BT-9: day on which payment is due (到期日). UBL: ``cbc:DueDate``,
    ``cac:PaymentMeans/cbc:PaymentDueDate``."""
    tax_point_date: Day | None = None
    """BT-7: day on which the tax arises (纳税义务发生时间). UBL: ``cbc:TaxPointDate``."""
    buyer_reference: Number | None = None
    """BT-10: the buyer's reference. UBL: ``cbc:BuyerReference``."""
    accounting_reference: Number | None = None
    """BT-19: where the buyer books it. UBL: ``cbc:AccountingCost``."""
    project_number: Number | None = None
    """BT-11: project (项目编号). UBL: ``cac:ProjectReference/cbc:ID``."""
    contract_number: Number | None = None
    """BT-12: contract (合同编号). UBL: ``cac:ContractDocumentReference/cbc:ID``."""
    order_number: Number | None = None
    """BT-13: the buyer's order (订单号). UBL: ``cac:OrderReference/cbc:ID``."""
    sales_order_number: Number | None = None
    """BT-14: the seller's number of the order (销售订单号). UBL: ``cac:OrderReference/cbc:SalesOrderID``."""
    receipt_number: Number | None = None
    """BT-15: goods receipt (收货单号). UBL: ``cac:ReceiptDocumentReference/cbc:ID``."""
    despatch_number: Number | None = None
    """BT-16: despatch advice (发货单号). UBL: ``cac:DespatchDocumentReference/cbc:ID``."""
    preceding_invoices: Annotated[tuple[DocumentRef, ...], Field(max_length=1000)] = ()
    """BG-3: invoices that this one corrects or settles (被更正的发票). UBL: ``cac:BillingReference``."""
    fapiao: Annotated[tuple[Fapiao, ...], Field(max_length=100)] = ()
    """Chinese tax invoices (增值税发票): the one that this document is (same number), or those issued for the
    same sale. UBL: ``cac:AdditionalDocumentReference``."""
    seller: Party
    """BG-4: seller (销售方). UBL: ``cac:AccountingSupplierParty``."""
    buyer: Party
    """BG-7: buyer (购买方). UBL: ``cac:AccountingCustomerParty``."""
    payee: Party | None = None
    """BG-10: who is to be paid, where that is not the seller (收款方). UBL: ``cac:PayeeParty``."""
    tax_representative: Party | None = None
    """BG-11: the seller's tax representative. UBL: ``cac:TaxRepresentativeParty``."""
    payment_means: Code | None = None
    """BT-81: how to pay, UNCL 4461 (付款方式). UBL: ``cac:PaymentMeans/cbc:PaymentMeansCode``."""
    payment_reference: Number | None = None
    """BT-83: what to write on the payment (付款附言). UBL: ``cac:PaymentMeans/cbc:PaymentID``."""
    payee_accounts: Annotated[tuple[Account, ...], Field(max_length=20)] = ()
    """BG-17: accounts to pay to (收款账户). UBL: ``cac:PaymentMeans/cac:PayeeFinancialAccount``."""
    payment_terms: Text | None = None
    """BT-20: terms of payment (付款条件). UBL: ``cac:PaymentTerms/cbc:Note``."""
    delivery: Delivery | None = None
    """BG-13: delivery (交货). UBL: ``cac:Delivery``."""
    period: Period | None = None
    """BG-14: period that is invoiced (账期). UBL: ``cac:InvoicePeriod``."""
    note: Text | None = None
    """BT-22: remark (备注). UBL: ``cbc:Note``."""
    allowances: Annotated[tuple[AllowanceCharge, ...], Field(max_length=100)] = ()
    """BG-20, BG-21: allowances and charges of the whole document. UBL: ``cac:AllowanceCharge``."""
    taxes: Annotated[tuple[TaxSubtotal, ...], Field(max_length=100)] = ()
    """BG-23: tax by category and rate (税额明细). UBL: ``cac:TaxTotal/cac:TaxSubtotal``."""
    totals: Totals
    """BG-22: totals (合计). UBL: ``cac:LegalMonetaryTotal``."""
    lines: Annotated[tuple[InvoiceLine, ...], Lines]
    """BG-25: lines (明细)."""

    @property
    def payee_account(self) -> Account | None:
        """BT-84: the first account to pay to, the one that counts where several are offered."""
        return self.payee_accounts[0] if self.payee_accounts else None

    def amounts(self) -> Iterator[Decimal]:
        """Every amount of money in the document's currency."""
        yield from self.totals.amounts()
        for tax in self.taxes:
            yield from tax.amounts()
        for allowance in self.allowances:
            yield from allowance.amounts()
        for line in self.lines:
            yield from line.amounts()


def _invoice_type(value: str) -> str:
    if value not in INVOICE_TYPES:
        raise PydanticCustomError(
            "TYPE_UNKNOWN", "This is not a type of invoice (UNTDID 1001, EN 16931 BT-3)."
        )
    return value


class Invoice(InvoiceBase):
    """What a seller asks a buyer to pay (发票). UBL: ``Invoice``.

    Amounts may be negative: a correction (type 384, or 380 below zero) is an invoice in EN 16931.
    """

    kind: Literal["invoice"] = "invoice"
    """Kind of document."""
    type_code: Annotated[Code, AfterValidator(_invoice_type)] = "380"
    """BT-3: type, UNTDID 1001 (发票类型): 380 commercial, 384 corrected, 386 prepayment, 389 self-billed,
    ..."""
