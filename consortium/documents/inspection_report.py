"""Inspection report (检验报告). UBL has none; it travels as JSON."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from consortium.documents.base import Day, Document, Lines, Number, Part, Text, Unit
from consortium.documents.common import Item, Lot
from consortium.documents.money import NaturalQuantity
from consortium.documents.party import Party


class InspectedGoods(Part):
    """What was found of one good (检验明细)."""

    line_id: Number
    """Line number (行号)."""
    item: Item
    """Good as declared (申报品名)."""
    declared: NaturalQuantity | None = None
    """Quantity as declared (申报数量)."""
    found: NaturalQuantity | None = None
    """Quantity as found (实测数量)."""
    unit: Unit | None = None
    """Unit of the quantities (单位)."""
    conforming: Annotated[bool, Field(strict=True)]
    """Whether it is what was declared (是否相符)."""
    finding: Text | None = None
    """What it is or what is wrong (检验结果)."""
    container: Number | None = None
    """Container (集装箱号)."""
    marks: Text | None = None
    """Marks (标记)."""
    lots: Annotated[tuple[Lot, ...], Field(max_length=1000)] = ()
    """Lots (批号)."""

    @model_validator(mode="after")
    def _quantity_has_unit(self) -> Self:
        if self.unit is None and (self.declared is not None or self.found is not None):
            raise PydanticCustomError("UNIT_MISSING", "A quantity needs its unit.")
        return self


class InspectionReport(Document):
    """What a third party found when it looked at the goods (检验报告), written by the inspector."""

    kind: Literal["inspection_report"] = "inspection_report"
    """Kind of document."""
    inspector: Party
    """Who inspected (检验机构)."""
    seller: Party
    """Whose goods they are: depositor or seller (货主、存货人、销售方)."""
    buyer: Party | None = None
    """Who bought them (购买方)."""
    requester: Party | None = None
    """Who asked for it, where that is somebody else (委托人)."""
    keeper: Party | None = None
    """Who keeps the goods (保管人)."""
    inspected_on: Day
    """Day of the inspection (检验日期)."""
    place: Text
    """Where (检验地点)."""
    method: Literal["full", "sample", "documents_only"]
    """All of it (全检), samples (抽检), or papers alone (仅审单据)."""
    receipt_number: Number | None = None
    """Warehouse receipt (仓单编号)."""
    transport_number: Number | None = None
    """Transport document (运单号、提单号)."""
    despatch_number: Number | None = None
    """Despatch advice (发货单号)."""
    order_number: Number | None = None
    """Order (订单号)."""
    note: Text | None = None
    """Remark (备注)."""
    lines: Annotated[tuple[InspectedGoods, ...], Lines]
    """Good by good (明细)."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.inspected_on > self.issue_date:
            raise PydanticCustomError("PERIOD_REVERSED", "The inspection is later than its report.")
        return self
