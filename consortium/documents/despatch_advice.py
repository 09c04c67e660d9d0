"""Despatch advice (发货单). UBL: ``DespatchAdvice``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from consortium.documents.base import Code, Document, Lines, Number, Part, Text, Unit
from consortium.documents.common import Delivery, Item, Lot, Shipment
from consortium.documents.money import NaturalQuantity
from consortium.documents.party import Party


class DespatchLine(Part):
    """One line of a despatch advice (发货行). UBL: ``cac:DespatchLine``."""

    line_id: Number
    """Line number (行号). UBL: ``cbc:ID``."""
    item: Item | None = None
    """What was sent (商品). UBL: ``cac:Item``."""
    delivered: NaturalQuantity | None = None
    """Quantity sent (发货数量). UBL: ``cbc:DeliveredQuantity``."""
    outstanding: NaturalQuantity | None = None
    """Quantity that is still to come (未交数量). UBL: ``cbc:OutstandingQuantity``."""
    outstanding_reason: Text | None = None
    """Why it did not come. UBL: ``cbc:OutstandingReason``."""
    unit: Unit | None = None
    """Unit of the quantities (单位). UBL: ``@unitCode``."""
    order_number: Number | None = None
    """Order of this line (订单号). UBL: ``cac:OrderLineReference/cac:OrderReference/cbc:ID``."""
    order_line: Number | None = None
    """Line of the order (订单行号). UBL: ``cac:OrderLineReference/cbc:LineID``."""
    lots: Annotated[tuple[Lot, ...], Field(max_length=1000)] = ()
    """Lots and serial numbers (批次). UBL: ``cac:Item/cac:ItemInstance``."""
    note: Text | None = None
    """Remark (备注). UBL: ``cbc:Note``."""


class DespatchAdvice(Document):
    """What a seller sent to a buyer (发货单、物流单). UBL: ``DespatchAdvice``."""

    kind: Literal["despatch_advice"] = "despatch_advice"
    """Kind of document."""
    despatch_type: Code | None = None
    """Type of the advice. UBL: ``cbc:DespatchAdviceTypeCode``."""
    order_number: Number | None = None
    """Order that it fulfils (订单号). UBL: ``cac:OrderReference/cbc:ID``."""
    seller: Party
    """Who sold the goods (销售方). UBL: ``cac:SellerSupplierParty``, else ``cac:DespatchSupplierParty``."""
    buyer: Party
    """Who bought them (购买方). UBL: ``cac:BuyerCustomerParty``, else ``cac:DeliveryCustomerParty``."""
    despatch_party: Party | None = None
    """Who sends them, where that is somebody else (发货方). UBL: ``cac:DespatchSupplierParty``."""
    delivery_party: Party | None = None
    """Who receives them, where that is somebody else (收货方). UBL: ``cac:DeliveryCustomerParty``."""
    delivery: Delivery | None = None
    """Where they go (交货地). UBL: ``cac:Shipment/cac:Delivery``."""
    shipment: Shipment | None = None
    """How they travel (运输). UBL: ``cac:Shipment``."""
    note: Text | None = None
    """Remark (备注). UBL: ``cbc:Note``."""
    lines: Annotated[tuple[DespatchLine, ...], Lines]
    """Lines (明细)."""
