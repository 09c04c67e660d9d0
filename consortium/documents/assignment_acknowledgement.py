"""Acknowledgement of an assignment (转让通知回执). UBL has none; it travels as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from consortium.documents.base import Day, Document, Number, Text
from consortium.documents.common import Account
from consortium.documents.listed import ListedInvoice, SomeLines
from consortium.documents.money import Amount, Currency
from consortium.documents.party import Party


class AssignmentAcknowledgement(Document):
    """The debtor's answer to a notice of assignment (回执), written by the buyer.

    It acknowledges whom to pay. It waives set-off only where ``set_off_waived`` says so.
    """

    currency_field: ClassVar[str | None] = "currency"

    kind: Literal["assignment_acknowledgement"] = "assignment_acknowledgement"
    """Kind of document."""
    buyer: Party
    """The debtor, who answers (债务人)."""
    seller: Party
    """The assignor (转让人)."""
    assignee: Party
    """To whom it owes now, as it understands (受让人)."""
    notice_number: Number
    """The notice that it answers (通知编号)."""
    notice_issued_by: Literal["seller", "assignee"] = "seller"
    """Who gave that notice (通知人)."""
    notice_date: Day | None = None
    """The notice's date (通知日期)."""
    response: Literal["accepted", "conditional", "refused"]
    """Acknowledges (确认), with reservations (有保留), or does not (不予确认)."""
    objections: Text | None = None
    """Its reservations or reasons (异议)."""
    currency: Currency | None = None
    """Currency of the amounts (币种)."""
    acknowledged_amount: Amount | None = None
    """What it acknowledges to owe in all (确认金额); absent: it did not say."""
    due_date: Day | None = None
    """Day on which it will pay, where a line says no other (到期日)."""
    payment_account: Account | None = None
    """Account that it will pay to (付款至账户)."""
    set_off_waived: Annotated[bool, Field(strict=True)] | None = None
    """Whether it waives set-off and defences (是否放弃抵销权); absent: it did not say."""
    sent_from: Number | None = None
    """Mail address or domain that the debtor's answer came from (发件邮箱), where it came by mail."""
    note: Text | None = None
    """Remark (备注)."""
    lines: Annotated[tuple[ListedInvoice, ...], SomeLines] = ()
    """The claims that it means (应收账款明细); none: those of the notice."""

    def amounts(self) -> Iterator[Decimal]:
        """Every amount of money."""
        if self.acknowledged_amount is not None:
            yield self.acknowledged_amount
        for line in self.lines:
            yield from line.amounts()

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.currency is None and any(True for _ in self.amounts()):
            raise PydanticCustomError("CURRENCY_MISSING", "Amounts need their currency.")
        if self.response == "conditional" and self.objections is None:
            raise PydanticCustomError("OBJECTIONS_MISSING", "With reservations: it has to say which.")
        return self
