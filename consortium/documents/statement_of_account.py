"""Statement of account (对账单). UBL: ``Statement``; it travels as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from consortium.documents.base import Day, Document, Lines, Number, Part, Text
from consortium.documents.listed import FapiaoCode
from consortium.documents.money import Amount, Currency
from consortium.documents.party import Party


class StatementLine(Part):
    """One document in the account (对账明细). UBL: ``cac:StatementLine``."""

    line_id: Number
    """Line number (行号). UBL: ``cbc:ID``."""
    document_kind: Literal["invoice", "credit_note", "goods_receipt", "despatch_advice", "payment"] = (
        "invoice"
    )
    """What is listed (单据类型)."""
    document_number: Number
    """Its number (单据号). UBL: ``cac:InvoiceDocumentReference/cbc:ID``."""
    document_date: Day | None = None
    """Its date (单据日期)."""
    fapiao_code: FapiaoCode | None = None
    """发票代码 of an older Chinese invoice."""
    amount: Amount
    """Amount with tax (金额): positive where the buyer owes it, negative where it is taken back or was paid. UBL:
    ``cbc:DebitLineAmount`` less ``cbc:CreditLineAmount``."""
    disputed_amount: Amount | None = None
    """Part of it that the buyer disputes (争议金额)."""
    due_date: Day | None = None
    """Day on which it is due (到期日)."""
    note: Text | None = None
    """Remark (备注). UBL: ``cbc:Note``."""

    def amounts(self) -> Iterator[Decimal]:
        """Its amounts of money."""
        yield self.amount
        if self.disputed_amount is not None:
            yield self.disputed_amount


class StatementOfAccount(Document):
    """What buyer and seller hold to be open for a period (对账单).

    The seller's statement is the seller's word. What the buyer acknowledges is a statement of the buyer's own
    (``issued_by``: "buyer"), under the seller's number.
    """

    currency_field: ClassVar[str | None] = "currency"

    kind: Literal["statement_of_account"] = "statement_of_account"
    """Kind of document."""
    issued_by: Literal["seller", "buyer"] = "seller"
    """Whose word it is (出具方)."""
    seller: Party
    """The creditor (债权人). UBL: ``cac:AccountingSupplierParty``."""
    buyer: Party
    """The debtor (债务人). UBL: ``cac:AccountingCustomerParty``."""
    period_start: Day
    """First day of the period (对账期间起). UBL: ``cac:StatementPeriod/cbc:StartDate``."""
    period_end: Day
    """Last day of the period (对账期间止). UBL: ``cac:StatementPeriod/cbc:EndDate``."""
    contract_number: Number | None = None
    """Contract (合同编号)."""
    currency: Currency
    """Currency of all amounts (币种). UBL: ``cbc:DocumentCurrencyCode``."""
    opening_balance: Amount | None = None
    """What was open before (期初余额)."""
    closing_balance: Amount | None = None
    """What is open at the end (期末余额): opening balance and lines. UBL: ``cbc:TotalBalanceAmount``."""
    acknowledged_amount: Amount | None = None
    """Amount that the buyer acknowledges to owe (确认金额); absent: it did not say."""
    due_date: Day | None = None
    """Day on which what is listed is due, where a line says no other (到期日)."""
    set_off_waived: Annotated[bool, Field(strict=True)] | None = None
    """Whether the buyer waives set-off (是否放弃抵销权); absent: it did not say."""
    sent_from: Number | None = None
    """Mail address or domain that the debtor's answer came from (发件邮箱), where it came by mail."""
    note: Text | None = None
    """Remark (备注). UBL: ``cbc:Note``."""
    lines: Annotated[tuple[StatementLine, ...], Lines]
    """Documents of the period (明细)."""

    def amounts(self) -> Iterator[Decimal]:
        """Every amount of money."""
        for value in (self.opening_balance, self.closing_balance, self.acknowledged_amount):
            if value is not None:
                yield value
        for line in self.lines:
            yield from line.amounts()

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.period_end < self.period_start:
            raise PydanticCustomError("PERIOD_REVERSED", "The period ends before it begins.")
        if self.opening_balance is not None and self.closing_balance is not None:
            moved = sum((line.amount for line in self.lines), self.opening_balance)
            if moved != self.closing_balance:
                raise PydanticCustomError(
                    "BALANCE_WRONG",
                    "Opening balance and lines make {moved}, not the closing balance.",
                    {"moved": str(moved)},
                )
        return self
