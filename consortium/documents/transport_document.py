"""Transport document (运单、提单). UBL: ``Waybill``, ``BillOfLading``; it travels as JSON."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from consortium.documents.base import Day, Document, Lines, Number, Part, Text, Unit
from consortium.documents.common import Item, Lot
from consortium.documents.money import NaturalQuantity, PositiveQuantity
from consortium.documents.party import Party

TransportType = Literal[
    "road_waybill",
    "rail_waybill",
    "air_waybill",
    "sea_waybill",
    "inland_waybill",
    "bill_of_lading",
    "multimodal",
    "courier",
]
"""公路运单, 铁路运单, 航空运单, 海运单, 内河运单, 提单, 多式联运单据, 快递单."""


class TransportLine(Part):
    """Goods of one kind that travel (货物明细). UBL: ``cac:GoodsItem``."""

    line_id: Number
    """Line number (行号). UBL: ``cbc:ID``."""
    item: Item
    """Goods as described (货物名称). UBL: ``cac:Item``."""
    quantity: PositiveQuantity
    """Quantity (数量). UBL: ``cbc:Quantity``."""
    unit: Unit
    """Unit of the quantity (单位). UBL: ``@unitCode``."""
    packages: Annotated[int, Field(ge=0, le=10**12, strict=True)] | None = None
    """Number of packages (件数). UBL: ``cbc:TotalGoodsItemQuantity``."""
    marks: Text | None = None
    """Marks (唛头). UBL: ``cbc:MarksNumbers``."""
    gross_weight: NaturalQuantity | None = None
    """Gross weight in kilograms (毛重). UBL: ``cbc:GrossWeightMeasure``."""
    container: Number | None = None
    """Container (集装箱号). UBL: ``cac:TransportEquipment/cbc:ID``."""
    seal: Number | None = None
    """Seal (铅封号). UBL: ``cac:TransportEquipmentSeal/cbc:ID``."""
    lots: Annotated[tuple[Lot, ...], Field(max_length=1000)] = ()
    """Lots (批号)."""
    order_number: Number | None = None
    """Order of this line (订单号)."""
    order_line: Number | None = None
    """Line of the order (订单行号)."""


class TransportDocument(Document):
    """What a carrier took over and where it brings it (运单、提单), written by the carrier."""

    kind: Literal["transport_document"] = "transport_document"
    """Kind of document."""
    transport_type: TransportType
    """Sort of document (运输单据类型)."""
    negotiable: Annotated[bool, Field(strict=True)] | None = None
    """Whether it stands for the goods (物权凭证), as a bill of lading to order does."""
    originals: Annotated[int, Field(ge=0, le=100, strict=True)] | None = None
    """Number of originals (正本份数)."""
    carrier: Party
    """Who carries and issues it (承运人). UBL: ``cac:CarrierParty``."""
    shipper: Party
    """Who sends (托运人、发货人). UBL: ``cac:ConsignorParty``."""
    consignee: Party | None = None
    """Who receives (收货人); absent: to order (凭指示). UBL: ``cac:ConsigneeParty``."""
    seller: Party | None = None
    """Who sold the goods, where that is not the shipper (销售方)."""
    buyer: Party | None = None
    """Who bought them, where that is not the consignee (购买方)."""
    vehicle: Number | None = None
    """Registration of the vehicle, or name of the vessel (车牌号、船名). UBL: ``cac:TransportMeans``."""
    voyage: Number | None = None
    """Voyage, flight or train (航次、航班、车次). UBL: ``cac:ShipmentStage/cac:TransportMeans/cbc:JourneyID``."""
    loading_place: Text | None = None
    """Where it was loaded (起运地、装货港). UBL: ``cac:LoadingTransportEvent``."""
    delivery_place: Text | None = None
    """Where it goes (目的地、卸货港). UBL: ``cac:DeliveryTransportEvent``."""
    loading_date: Day | None = None
    """Day of loading (装运日期)."""
    delivery_date: Day | None = None
    """Day on which it was handed over at its end (签收日期); absent: still on its way."""
    order_number: Number | None = None
    """Order (订单号). UBL: ``cac:OrderReference/cbc:ID``."""
    despatch_number: Number | None = None
    """Despatch advice (发货单号). UBL: ``cac:DespatchDocumentReference/cbc:ID``."""
    note: Text | None = None
    """Remark (备注)."""
    lines: Annotated[tuple[TransportLine, ...], Lines]
    """Goods (货物明细)."""

    @property
    def shipment_keys(self) -> frozenset[tuple[str, str, str]]:
        """What makes it the same shipment as another document's: vehicle or voyage, and container or lot, with the
        day of loading. Empty where it says too little.

        Documents of one shipment under several numbers share one (several bills of lading for one cargo).
        """
        moved = _plain(self.voyage or self.vehicle)
        if not moved or self.loading_date is None:
            return frozenset()
        day = self.loading_date.isoformat()
        boxes = {_plain(line.container) for line in self.lines}
        lots = {_plain(lot.number or lot.serial) for line in self.lines for lot in line.lots}
        return frozenset((moved, day, each) for each in boxes | lots if each)

    @model_validator(mode="after")
    def _days_in_order(self) -> Self:
        if (
            self.delivery_date is not None
            and self.loading_date is not None
            and self.delivery_date < self.loading_date
        ):
            raise PydanticCustomError("PERIOD_REVERSED", "The goods arrived before they were loaded.")
        return self


def _plain(text: str | None) -> str:
    """A number as it is compared: NFKC, upper case, letters and digits only."""
    return "".join(each for each in unicodedata.normalize("NFKC", text or "").upper() if each.isalnum())
