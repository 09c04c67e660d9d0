"""Financing request (融资申请). ISO 20022 has its words: tsin.006, tsin.008. It travels as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from consortium.documents.base import Day, Document, Lines, Number, Part, Text
from consortium.documents.common import Account
from consortium.documents.listed import FapiaoCode
from consortium.documents.money import Amount, Currency
from consortium.documents.party import Party


class RequestedAsset(Part):
    """One thing that financing is asked on (融资标的)."""

    line_id: Number
    """Line number (行号)."""
    document_kind: Literal["invoice", "purchase_order", "warehouse_receipt", "bill"] = "invoice"
    """What it is (单据类型)."""
    document_number: Number
    """Its number (单据号)."""
    document_date: Day | None = None
    """Its date (单据日期)."""
    fapiao_code: FapiaoCode | None = None
    """发票代码 of an older Chinese invoice."""
    debtor: Party | None = None
    """Who owes on it (债务人)."""
    amount: Amount | None = None
    """Its face value, as the applicant says (票面金额)."""
    note: Text | None = None
    """Remark (备注)."""

    def amounts(self) -> Iterator[Decimal]:
        """Its amounts of money."""
        if self.amount is not None:
            yield self.amount


class FinancingRequestDocument(Document):
    """What an SME asks a financier for, and on what (融资申请), written by the seller."""

    currency_field: ClassVar[str | None] = "currency"

    kind: Literal["financing_request"] = "financing_request"
    """Kind of document."""
    product: Literal["receivable", "order", "warehouse", "bill"]
    """Financing of receivables (应收账款融资), of orders (订单融资), pledge of warehouse receipts (仓单质押), discount
    of bills (票据贴现)."""
    seller: Party
    """Who asks (融资申请人). ISO 20022: ``Seller``, ``FinancingRequestor``."""
    financier: Party
    """Who is asked (资金方). ISO 20022: ``FirstAgent``, ``IntermediaryAgent``."""
    currency: Currency
    """Currency of all amounts (币种)."""
    requested_amount: Amount
    """What is asked for (申请金额). ISO 20022: ``RequestedAmount``."""
    requested_until: Day | None = None
    """Day on which it is to be paid back (融资到期日)."""
    recourse: Annotated[bool, Field(strict=True)] | None = None
    """With recourse (有追索权) or without."""
    disclosed: Annotated[bool, Field(strict=True)] | None = None
    """Whether the debtor is told (明保理) or not (暗保理)."""
    purpose: Text | None = None
    """What the money is for (资金用途)."""
    credit_account: Account | None = None
    """Account that the money goes to (放款账户)."""
    note: Text | None = None
    """Remark (备注)."""
    lines: Annotated[tuple[RequestedAsset, ...], Lines]
    """On what (融资标的明细)."""

    def amounts(self) -> Iterator[Decimal]:
        """Every amount of money."""
        yield self.requested_amount
        for line in self.lines:
            yield from line.amounts()

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.requested_amount <= 0:
            raise PydanticCustomError("NUMBER_NOT_POSITIVE", "Nobody asks for nothing.")
        if self.requested_until is not None and self.requested_until < self.issue_date:
            raise PydanticCustomError("PERIOD_REVERSED", "It is to be paid back before it is asked for.")
        return self
