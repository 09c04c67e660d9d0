"""Warehouse receipt (仓单): Chinese Civil Code article 909, GB/T 30332. UBL has none; it travels as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from consortium.documents.base import Day, Document, Lines, Number, Part, Text, Unit
from consortium.documents.common import Item, Lot, Period
from consortium.documents.money import Amount, Currency, NaturalQuantity
from consortium.documents.party import Address, Party


class StoredGoods(Part):
    """One kind of goods in store (仓储物)."""

    line_id: Number
    """Line number (行号)."""
    item: Item
    """Goods (品种、规格)."""
    quantity: NaturalQuantity
    """Quantity (数量)."""
    unit: Unit
    """Unit (单位)."""
    quality: Text | None = None
    """Quality or grade (质量、等级)."""
    packaging: Text | None = None
    """Packaging (包装)."""
    pieces: Annotated[int, Field(ge=0, le=10**12, strict=True)] | None = None
    """Number of pieces (件数)."""
    marks: Text | None = None
    """Marks (标记)."""
    lots: Annotated[tuple[Lot, ...], Field(max_length=1000)] = ()
    """Lots (批号)."""


class Endorsement(Part):
    """A transfer or pledge written on the receipt (背书)."""

    date: Day
    """Day (背书日期)."""
    purpose: Literal["transfer", "pledge"]
    """Transfer (转让) or pledge (质押)."""
    endorser: Party
    """Who gives it (背书人)."""
    endorsee: Party
    """Who takes it (被背书人)."""
    keeper_signature: Text | None = None
    """The keeper's signature (保管人签章), without which a transfer does not hold (民法典 910)."""


class WarehouseReceipt(Document):
    """A keeper's promise to give out stored goods (仓单), written by the keeper (保管人)."""

    currency_field: ClassVar[str | None] = "currency"

    kind: Literal["warehouse_receipt"] = "warehouse_receipt"
    """Kind of document."""
    title: Literal["仓单"] = "仓单"
    """The words 仓单, which the standard asks for."""
    issue_place: Text | None = None
    """Place of issue (填发地点)."""
    keeper: Party
    """Who keeps the goods and issues the receipt (保管人)."""
    depositor: Party
    """Who put them in, with address (存货人的姓名或者名称和住所)."""
    holder: Party | None = None
    """Who holds the receipt now, where that is not the depositor (持单人)."""
    storage_place: Text
    """Where the goods are: site, store, position (储存场所)."""
    storage_address: Address | None = None
    """Address of the site (仓库地址)."""
    storage_period: Period | None = None
    """How long they are kept (储存期限)."""
    loss_standard: Text | None = None
    """How much may be lost in store (仓储物的损耗标准)."""
    currency: Currency | None = None
    """Currency of fee and insurance (币种)."""
    storage_fee: Amount | None = None
    """Storage fee (仓储费)."""
    declared_value: Amount | None = None
    """Value of the goods as declared (货值)."""
    insured_amount: Amount | None = None
    """Insured amount (保险金额)."""
    insurance_period: Period | None = None
    """Insured period (保险期间)."""
    insurer: Text | None = None
    """Insurer (保险人的名称)."""
    keeper_signature: Text | None = None
    """The keeper's signature or seal (保管人签章)."""
    contract_number: Number | None = None
    """Storage contract (仓储合同编号)."""
    endorsements: Annotated[tuple[Endorsement, ...], Field(max_length=100)] = ()
    """Endorsements, oldest first (背书)."""
    note: Text | None = None
    """Remark (备注)."""
    lines: Annotated[tuple[StoredGoods, ...], Lines]
    """Goods (仓储物明细)."""

    def amounts(self) -> Iterator[Decimal]:
        """Fee, value and insured amount."""
        return (
            each for each in (self.storage_fee, self.declared_value, self.insured_amount) if each is not None
        )
