"""Debtor's confirmation (确权). UBL: ``ApplicationResponse`` as Peppol's Invoice Response."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from consortium.documents.base import Code, Day, Document, Number, Part, Text
from consortium.documents.money import Amount, Currency
from consortium.documents.party import Party

ResponseCode = Literal["AB", "IP", "UQ", "CA", "RE", "AP", "PD"]
"""UNCL 4343 in Peppol: received, in process, under query, conditionally accepted, rejected, accepted,
paid."""


class Clarification(Part):
    """Why a debtor answers so, or what it asks for. UBL: ``cac:Response/cac:Status``."""

    list_id: Code | None = None
    """``OPStatusReason`` or ``OPStatusAction``. UBL: ``cbc:StatusReasonCode/@listID``."""
    code: Code | None = None
    """Code in that list. UBL: ``cbc:StatusReasonCode``."""
    text: Text | None = None
    """In words. UBL: ``cbc:StatusReason``."""
    attribute: Code | None = None
    """Business term that is meant, such as ``BT-48``. UBL: ``cac:Condition/cbc:AttributeID``."""
    value: Text | None = None
    """What it should be. UBL: ``cac:Condition/cbc:Description``."""


class DebtorConfirmation(Document):
    """A debtor's word about an invoice (确权), written by the buyer.

    Acceptance is no waiver of set-off: that is said in ``set_off_waived`` or not at all.
    """

    currency_field: ClassVar[str | None] = "currency"

    kind: Literal["debtor_confirmation"] = "debtor_confirmation"
    """Kind of document."""
    buyer: Party
    """The debtor, who answers (购买方、债务人). UBL: ``cac:SenderParty``."""
    seller: Party
    """Whose invoice it is (销售方、债权人). UBL: ``cac:ReceiverParty``."""
    invoice_number: Number
    """The invoice (发票号). UBL: ``cac:DocumentReference/cbc:ID``."""
    invoice_date: Day | None = None
    """The invoice's date (发票日期). UBL: ``cac:DocumentReference/cbc:IssueDate``."""
    invoice_type: Code | None = None
    """The invoice's type. UBL: ``cac:DocumentReference/cbc:DocumentTypeCode``."""
    fapiao_code: Annotated[str, Field(pattern=r"^(\d{10}|\d{12})$")] | None = None
    """发票代码 of an older Chinese invoice."""
    response_code: ResponseCode
    """The answer (确认状态). UBL: ``cac:Response/cbc:ResponseCode``."""
    clarifications: Annotated[tuple[Clarification, ...], Field(max_length=100)] = ()
    """Reasons, actions and conditions. UBL: ``cac:Response/cac:Status``."""
    effective_date: Day | None = None
    """Day from which the answer holds. UBL: ``cac:Response/cbc:EffectiveDate``."""
    currency: Currency | None = None
    """Currency of the confirmed amount (币种)."""
    confirmed_amount: Amount | None = None
    """Amount that the debtor confirms to owe (确认金额); absent: it did not say."""
    due_date: Day | None = None
    """Day on which it will pay (到期日); absent: it did not say."""
    set_off_waived: Annotated[bool, Field(strict=True)] | None = None
    """Whether it waives set-off and defences (是否放弃抵销权); absent: it did not say."""
    sent_from: Number | None = None
    """Mail address or domain that the debtor's answer came from (发件邮箱), where it came by mail."""
    note: Text | None = None
    """Remark (备注). UBL: ``cbc:Note``."""

    def amounts(self) -> Iterator[Decimal]:
        """The confirmed amount."""
        if self.confirmed_amount is not None:
            yield self.confirmed_amount

    @model_validator(mode="after")
    def _amount_has_currency(self) -> Self:
        if self.confirmed_amount is not None and self.currency is None:
            raise PydanticCustomError("CURRENCY_MISSING", "A confirmed amount needs its currency.")
        return self
