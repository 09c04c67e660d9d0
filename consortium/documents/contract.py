"""Contract of sale or service (合同). UBL has none; it travels as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from consortium.documents.agreed import MAX_TERM_DAYS, DueRule
from consortium.documents.base import Country, Day, Document, Number, Part, Text, Unit
from consortium.documents.common import Item
from consortium.documents.listed import SomeLines
from consortium.documents.money import Amount, Currency, NaturalQuantity, Percent, PositiveQuantity, Price
from consortium.documents.party import Party

Flag = Annotated[bool, Field(strict=True)]


class ContractLine(Part):
    """What is agreed about one good or service (合同明细)."""

    line_id: Number
    """Line number (行号)."""
    item: Item
    """Good or service (标的物)."""
    quantity: NaturalQuantity | None = None
    """Agreed quantity (数量); a framework seldom says one."""
    unit: Unit | None = None
    """Unit of quantity and price (单位)."""
    price: Price | None = None
    """Agreed net price (单价) of ``base_quantity`` units."""
    base_quantity: PositiveQuantity | None = None
    """Quantity that the price is for (计价数量); absent means 1."""
    tax_rate: Percent | None = None
    """Agreed tax rate in per cent (税率)."""
    note: Text | None = None
    """Remark (备注)."""


class Contract(Document):
    """What seller and buyer agreed (合同): terms of payment, and clauses that bear on assigning the claim.

    A clause that is absent was not looked for or is not there: nothing is concluded from it.
    """

    currency_field: ClassVar[str | None] = "currency"

    kind: Literal["contract"] = "contract"
    """Kind of document."""
    form: Literal["framework", "single"]
    """Framework (框架合同) or a single trade (单笔合同)."""
    amends_number: Number | None = None
    """Number of the contract that this one supplements or amends (补充协议所修改的合同)."""
    seller: Party
    """Who supplies (供方、卖方)."""
    buyer: Party
    """Who orders and owes (需方、买方)."""
    subject: Text
    """What it is about (标的)."""
    effective_date: Day | None = None
    """Day from which it holds (生效日期); absent: the day of issue."""
    end_date: Day | None = None
    """Last day on which it holds (有效期至)."""
    currency: Currency | None = None
    """Currency of its amounts (币种)."""
    total_amount: Amount | None = None
    """Total with tax (合同总金额); a framework seldom says one."""
    payment_terms: Text | None = None
    """Terms of payment in words (付款条件)."""
    due_rule: DueRule | None = None
    """How the due date is reckoned (到期日规则)."""
    pay_when_paid: Flag | None = None
    """Whether the buyer pays only once a third party has paid it (背靠背付款)."""
    assignment_barred: Flag | None = None
    """Whether assigning the claim is barred by agreement (禁止债权转让)."""
    assignment_barred_by_law: Text | None = None
    """The law or the nature of the claim that bars assigning it, where one does (法律规定或性质上不得转让)."""
    set_off_waived: Flag | None = None
    """Whether the buyer waives set-off and defences (放弃抵销权)."""
    retention_percent: Percent | None = None
    """Part that the buyer keeps back, in per cent (质保金比例)."""
    retention_days: Annotated[int, Field(ge=0, le=MAX_TERM_DAYS, strict=True)] | None = None
    """For how many days it keeps it (质保期)."""
    governing_law: Country | None = None
    """Country whose law governs it (适用法律), ISO 3166-1 alpha-2."""
    dispute_resolution: Text | None = None
    """Court or arbitration (争议解决)."""
    note: Text | None = None
    """Remark (备注)."""
    lines: Annotated[tuple[ContractLine, ...], SomeLines] = ()
    """What is agreed, good by good (明细)."""

    def amounts(self) -> Iterator[Decimal]:
        """The total."""
        if self.total_amount is not None:
            yield self.total_amount

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.total_amount is not None and self.currency is None:
            raise PydanticCustomError("CURRENCY_MISSING", "A total amount needs its currency.")
        if self.end_date is not None and self.end_date < (self.effective_date or self.issue_date):
            raise PydanticCustomError("PERIOD_REVERSED", "The contract ends before it begins.")
        if self.retention_percent is not None and not 0 <= self.retention_percent <= 100:
            raise PydanticCustomError("PERCENT_IMPOSSIBLE", "A part of something is from 0 to 100 per cent.")
        if self.amends_number is not None and self.amends_number == self.number:
            raise PydanticCustomError("SELF_REFERENCE", "A contract does not amend itself.")
        return self
