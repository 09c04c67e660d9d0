"""Purchase order (采购订单). UBL: ``Order``."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from consortium.documents.agreed import DueRule
from consortium.documents.base import Code, Day, Document, Lines, Number, Part, Text, Unit
from consortium.documents.common import AllowanceCharge, Delivery, Item, OrderTotals, Period, Tax
from consortium.documents.money import Amount, Currency, PositiveQuantity, Price, Quantity
from consortium.documents.party import Party


class OrderLine(Part):
    """One line of an order (订单行). UBL: ``cac:OrderLine/cac:LineItem``."""

    line_id: Number
    """Line number (行号). UBL: ``cbc:ID``."""
    item: Item
    """What is ordered (商品). UBL: ``cac:Item``."""
    quantity: Quantity
    """Ordered quantity (数量). UBL: ``cbc:Quantity``."""
    unit: Unit
    """Unit of the quantity (单位). UBL: ``cbc:Quantity/@unitCode``."""
    price: Price | None = None
    """Net price (单价) of ``base_quantity`` units. UBL: ``cac:Price/cbc:PriceAmount``."""
    base_quantity: PositiveQuantity | None = None
    """Quantity that the price is for (计价数量); absent means 1. UBL: ``cac:Price/cbc:BaseQuantity``."""
    base_unit: Unit | None = None
    """Unit of the base quantity; absent means the line's unit."""
    net_amount: Amount | None = None
    """Amount without tax (金额). UBL: ``cbc:LineExtensionAmount``."""
    tax: Tax | None = None
    """Tax category and rate (税率). UBL: ``cac:Item/cac:ClassifiedTaxCategory``."""
    allowances: Annotated[tuple[AllowanceCharge, ...], Field(max_length=100)] = ()
    """Allowances and charges of the line. UBL: ``cac:AllowanceCharge``."""
    requested: Period | None = None
    """When the buyer wants it (要求交货期). UBL: ``cac:Delivery/cac:RequestedDeliveryPeriod``."""
    note: Text | None = None
    """Remark (备注). UBL: ``cac:OrderLine/cbc:Note``."""


class PurchaseOrder(Document):
    """An order for goods or services, written by the buyer (采购订单). UBL: ``Order``."""

    currency_field: ClassVar[str | None] = "currency"

    kind: Literal["purchase_order"] = "purchase_order"
    """Kind of document."""
    order_type: Code | None = None
    """Type (订单类型), UNTDID 1001: 105, 220, 221 blanket order, ... UBL: ``cbc:OrderTypeCode``."""
    currency: Currency
    """Currency of all amounts (币种). UBL: ``cbc:DocumentCurrencyCode``."""
    contract_number: Number | None = None
    """Contract that the order is under (合同编号). UBL: ``cac:Contract/cbc:ID``."""
    sales_order_number: Number | None = None
    """The seller's own number of the order (销售订单号). UBL: ``cbc:SalesOrderID``."""
    quotation_number: Number | None = None
    """Quotation that it answers (报价单号). UBL: ``cac:QuotationDocumentReference/cbc:ID``."""
    buyer_reference: Number | None = None
    """The buyer's reference. UBL: ``cbc:CustomerReference``."""
    accounting_reference: Number | None = None
    """Where the buyer books it. UBL: ``cbc:AccountingCost``."""
    validity_end: Day | None = None
    """Last day on which it can be accepted (有效期至). UBL: ``cac:ValidityPeriod/cbc:EndDate``."""
    buyer: Party
    """Who orders (采购方). UBL: ``cac:BuyerCustomerParty``."""
    seller: Party
    """Who supplies (供应方). UBL: ``cac:SellerSupplierParty``."""
    delivery: Delivery | None = None
    """Where and when (交货). UBL: ``cac:Delivery``."""
    payment_terms: Text | None = None
    """Terms of payment (付款条件). UBL: ``cac:PaymentTerms/cbc:Note``."""
    due_rule: DueRule | None = None
    """How the due date is reckoned (到期日规则); from JSON alone."""
    note: Text | None = None
    """Remark (备注). UBL: ``cbc:Note``."""
    allowances: Annotated[tuple[AllowanceCharge, ...], Field(max_length=100)] = ()
    """Allowances and charges of the whole order. UBL: ``cac:AllowanceCharge``."""
    totals: OrderTotals | None = None
    """Expected totals (预计合计). UBL: ``cac:AnticipatedMonetaryTotal``."""
    lines: Annotated[tuple[OrderLine, ...], Lines]
    """Lines (明细)."""

    def amounts(self) -> Iterator[Decimal]:
        """Every amount of money in the order's currency."""
        if self.totals is not None:
            yield from self.totals.amounts()
        for allowance in self.allowances:
            yield from allowance.amounts()
        for line in self.lines:
            if line.net_amount is not None:
                yield line.net_amount
            for allowance in line.allowances:
                yield from allowance.amounts()
