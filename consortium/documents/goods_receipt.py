"""Goods receipt (收货单、验收单). UBL: ``ReceiptAdvice``."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from consortium.documents.base import Code, Day, Document, Lines, Number, Part, Text, Unit
from consortium.documents.common import Item, Lot, Shipment
from consortium.documents.money import NaturalQuantity
from consortium.documents.party import Party


class ReceiptLine(Part):
    """One line of a goods receipt (收货行). UBL: ``cac:ReceiptLine``.

    A receipt that only states a status has no quantities: they are ``None``, which is not zero.
    """

    line_id: Number
    """Line number (行号). UBL: ``cbc:ID``."""
    item: Item | None = None
    """What was received (商品). UBL: ``cac:Item``."""
    received: NaturalQuantity | None = None
    """Quantity received (实收数量). UBL: ``cbc:ReceivedQuantity``."""
    short: NaturalQuantity | None = None
    """Quantity that was missing (短缺数量). UBL: ``cbc:ShortQuantity``."""
    rejected: NaturalQuantity | None = None
    """Quantity received and refused (拒收数量). UBL: ``cbc:RejectedQuantity``."""
    oversupply: NaturalQuantity | None = None
    """Quantity received above the order (超交数量). UBL: ``cbc:OversupplyQuantity``."""
    unit: Unit | None = None
    """Unit of the quantities (单位). UBL: ``@unitCode``."""
    reject_reason: Text | None = None
    """Why it was refused (拒收原因). UBL: ``cbc:RejectReason``, else ``cbc:RejectReasonCode``."""
    received_date: Day | None = None
    """Day of receipt (收货日期). UBL: ``cbc:ReceivedDate``."""
    order_number: Number | None = None
    """Order of this line (订单号). UBL: ``cac:OrderLineReference/cac:OrderReference/cbc:ID``."""
    order_line: Number | None = None
    """Line of the order (订单行号). UBL: ``cac:OrderLineReference/cbc:LineID``."""
    despatch_number: Number | None = None
    """Despatch advice of this line (发货单号). UBL:
    ``cac:DespatchLineReference/cac:DocumentReference/cbc:ID``."""
    despatch_line: Number | None = None
    """Line of the despatch advice (发货行号). UBL: ``cac:DespatchLineReference/cbc:LineID``."""
    lots: Annotated[tuple[Lot, ...], Field(max_length=1000)] = ()
    """Lots and serial numbers (批次). UBL: ``cac:Item/cac:ItemInstance``."""
    note: Text | None = None
    """Remark (备注). UBL: ``cbc:Note``."""

    @property
    def accepted(self) -> Decimal | None:
        """Received less rejected (验收数量); ``None`` where the receipt states no quantity."""
        if self.received is None:
            return None
        return self.received - (self.rejected or Decimal(0))


class GoodsReceipt(Document):
    """What a buyer received and accepted (收货单、回单、验收单). UBL: ``ReceiptAdvice``."""

    kind: Literal["goods_receipt"] = "goods_receipt"
    """Kind of document."""
    receipt_type: Code | None = None
    """Type of the receipt. UBL: ``cbc:ReceiptAdviceTypeCode``."""
    status_code: Code | None = None
    """Status of the receipt document itself, UNTDID 1225 (9 original, 5 replacement). UBL:
    ``cbc:DocumentStatusCode``."""
    despatch_status: Code | None = None
    """What the receiver says to the despatch as a whole (AP accepted, RE rejected, CA with conditions, AB).
    UBL: ``cac:DespatchDocumentReference/cbc:DocumentStatusCode``, else
    ``cac:Consignment/cac:Status/cbc:ConditionCode``."""
    status_reason: Text | None = None
    """Why it says so. UBL: ``cac:Consignment/cac:Status/cbc:StatusReason``."""
    order_number: Number | None = None
    """Order (订单号). UBL: ``cac:OrderReference/cbc:ID``."""
    despatch_number: Number | None = None
    """Despatch advice (发货单号). UBL: ``cac:DespatchDocumentReference/cbc:ID``."""
    seller: Party
    """Who sold the goods (销售方). UBL: ``cac:SellerSupplierParty``, else ``cac:DespatchSupplierParty``."""
    buyer: Party
    """Who bought them (购买方). UBL: ``cac:BuyerCustomerParty``, else ``cac:DeliveryCustomerParty``."""
    despatch_party: Party | None = None
    """Who sent them, where that is somebody else (发货方). UBL: ``cac:DespatchSupplierParty``."""
    delivery_party: Party | None = None
    """Who received them, where that is somebody else (收货方). UBL: ``cac:DeliveryCustomerParty``."""
    shipment: Shipment | None = None
    """How they travelled (运输). UBL: ``cac:Shipment``."""
    note: Text | None = None
    """Remark (备注). UBL: ``cbc:Note``."""
    lines: Annotated[tuple[ReceiptLine, ...], Lines]
    """Lines (明细)."""
