"""Notice of an assignment (债权转让通知). UBL has none; it travels as JSON."""

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

ServedHow = Literal["in_person", "courier", "post", "email", "platform", "notary", "court", "other"]
"""In person (当面送达), courier (快递), post (邮寄), e-mail (电子邮件), a platform (平台), through a notary (公证送达),
by court (司法送达), otherwise (其他)."""


class AssignmentNotice(Document):
    """By it the debtor learns to whom it owes from now on (债权转让通知; 民法典 546, 764)."""

    currency_field: ClassVar[str | None] = "currency"

    kind: Literal["assignment_notice"] = "assignment_notice"
    """Kind of document."""
    issued_by: Literal["seller", "assignee"] = "seller"
    """Who gives notice (通知人): the assignor, or the assignee with proof of who it is (民法典 764)."""
    seller: Party
    """The assignor (转让人、原债权人)."""
    buyer: Party
    """The debtor (债务人)."""
    assignee: Party
    """To whom it is assigned (受让人、保理人)."""
    contract_number: Number | None = None
    """Contract that the claims come from (基础合同编号)."""
    all_claims: Annotated[bool, Field(strict=True)] | None = None
    """Whether all claims on the debtor are assigned, present and to come (全部应收账款)."""
    currency: Currency | None = None
    """Currency of the amounts (币种)."""
    amount: Amount | None = None
    """What is assigned in all (转让金额)."""
    payment_account: Account | None = None
    """Account to pay to from now on (回款账户)."""
    served_date: Day | None = None
    """Day on which the debtor got it (送达日期); absent: not served yet, or not known."""
    served_how: ServedHow | None = None
    """How it was served (送达方式)."""
    served_proof: Text | None = None
    """What shows it: number of the courier's slip, of a message, of a notarial deed (送达凭证)."""
    note: Text | None = None
    """Remark (备注)."""
    lines: Annotated[tuple[ListedInvoice, ...], SomeLines] = ()
    """The claims (应收账款明细); may be left out where all are assigned."""

    def amounts(self) -> Iterator[Decimal]:
        """Every amount of money."""
        if self.amount is not None:
            yield self.amount
        for line in self.lines:
            yield from line.amounts()

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not self.lines and not self.all_claims:
            raise PydanticCustomError("NOTHING_ASSIGNED", "The notice names no claim.")
        if self.currency is None and any(True for _ in self.amounts()):
            raise PydanticCustomError("CURRENCY_MISSING", "Amounts need their currency.")
        if self.served_date is not None and self.served_date < self.issue_date:
            raise PydanticCustomError("SERVED_BEFORE_ISSUE", "It was served before it was written.")
        return self
