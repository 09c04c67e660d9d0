"""Keeper's attestation (保管人证明、盘点确认). UBL has none; it travels as JSON."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from consortium.documents.base import Day, Document, Lines, Number, Part, Text, Unit
from consortium.documents.common import Item, Lot
from consortium.documents.money import NaturalQuantity
from consortium.documents.party import Address, Party


class AttestedGoods(Part):
    """What the keeper says about the goods of one receipt (仓单货物状态)."""

    line_id: Number
    """Line number (行号)."""
    receipt_number: Number
    """The warehouse receipt (仓单编号)."""
    receipt_line: Number | None = None
    """Line of that receipt (仓单行号)."""
    state: Literal["in_store", "partly_released", "released", "unknown_receipt"]
    """In store (在库), partly given out (部分出库), given out (已出库), or the keeper issued no such receipt
    (无此仓单)."""
    item: Item | None = None
    """Goods (品种、规格)."""
    quantity: NaturalQuantity | None = None
    """Quantity that is there (在库数量)."""
    released: NaturalQuantity | None = None
    """Quantity that was given out (已出库数量)."""
    unit: Unit | None = None
    """Unit of the quantities (单位)."""
    released_date: Day | None = None
    """Day of the last release (最近出库日期)."""
    release_agreed_by: Party | None = None
    """Pledgee that agreed to the release (同意出库的质权人)."""
    pledgee: Party | None = None
    """In whose favour the keeper has a pledge noted (质权人)."""
    pledged: NaturalQuantity | None = None
    """Quantity that is pledged (出质数量); absent with a pledgee: all of it."""
    pledge_date: Day | None = None
    """Day on which the keeper noted the pledge (质押登记日期)."""
    frozen_by: Text | None = None
    """Court or authority that froze the goods (查封、冻结机关)."""
    marks: Text | None = None
    """Marks (标记)."""
    lots: Annotated[tuple[Lot, ...], Field(max_length=1000)] = ()
    """Lots (批号)."""

    @model_validator(mode="after")
    def _quantity_has_unit(self) -> Self:
        if self.unit is None and (self.quantity is not None or self.released is not None):
            raise PydanticCustomError("UNIT_MISSING", "A quantity needs its unit.")
        return self


class KeeperAttestation(Document):
    """What a keeper says about goods in its store, written by the keeper (保管人证明)."""

    kind: Literal["keeper_attestation"] = "keeper_attestation"
    """Kind of document."""
    keeper: Party
    """Who keeps the goods (保管人)."""
    depositor: Party
    """Who put them in (存货人)."""
    holder: Party | None = None
    """Who holds the receipts, as the keeper's register says (持单人)."""
    counted_on: Day
    """Day of the count (盘点日期)."""
    storage_place: Text
    """Where: site, store, position (储存场所)."""
    storage_address: Address | None = None
    """Address of the site (仓库地址)."""
    capacity: NaturalQuantity | None = None
    """What the store can hold (库容)."""
    occupied: NaturalQuantity | None = None
    """What lies in it, of all depositors (已用库容)."""
    capacity_unit: Unit | None = None
    """Unit of both (库容单位)."""
    insured_until: Day | None = None
    """Last day of insurance, as the keeper knows (保险到期日)."""
    note: Text | None = None
    """Remark (备注)."""
    lines: Annotated[tuple[AttestedGoods, ...], Lines]
    """Receipt by receipt (明细)."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.capacity_unit is None and (self.capacity is not None or self.occupied is not None):
            raise PydanticCustomError("UNIT_MISSING", "A quantity needs its unit.")
        if self.counted_on > self.issue_date:
            raise PydanticCustomError("PERIOD_REVERSED", "The count is later than what is said about it.")
        return self
