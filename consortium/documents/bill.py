"""Bill of exchange (商业汇票). UBL has none; it travels as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from consortium.documents.base import Code, Day, Document, Number, Part, Text
from consortium.documents.common import Account
from consortium.documents.listed import ListedInvoice, SomeLines
from consortium.documents.money import Amount, Currency, decimal_text
from consortium.documents.party import Party

RANGE_UNIT: Final = Decimal("0.01")
"""What one number of a package's range is worth, in yuan (票交所: 标准金额 0.01 元)."""
MAX_RANGE: Final = 10**13
"""Numbers of one package: 100 billion yuan."""

RangeNumber = Annotated[int, Field(ge=0, le=MAX_RANGE, strict=True)]


class BillEndorsement(Part):
    """A transfer, discount or pledge of a bill (背书)."""

    date: Day
    """Day (背书日期)."""
    purpose: Literal["transfer", "discount", "pledge", "collection"]
    """Transfer (转让), discount (贴现), pledge (质押), collection (委托收款)."""
    endorser: Party
    """Who gives it (背书人)."""
    endorsee: Party
    """Who takes it (被背书人)."""
    no_further: Annotated[bool, Field(strict=True)] | None = None
    """Whether it must not be endorsed again (不得转让)."""


class Bill(Document):
    """An acceptor's promise to pay (商业汇票), or a part of one: a package number and a sub-range.

    ``number`` is the package number (票据包号) of the commercial-paper exchange; of an older bill the bill's
    number (票据号码). Range 0 to 0: the bill cannot be split.
    """

    currency_field: ClassVar[str | None] = "currency"

    kind: Literal["bill"] = "bill"
    """Kind of document."""
    number: Annotated[str, StringConstraints(pattern=r"^[0-9]{16,30}$", strict=True)]
    """票据包号、票据号码: digits alone, 30 of a bill of the exchange."""
    range_from: RangeNumber = 0
    """First number of the sub-range (子票区间起)."""
    range_to: RangeNumber = 0
    """Last number of the sub-range (子票区间止)."""
    split_from: RangeNumber | None = None
    """First number of the range that this one was split from (拆分前区间起)."""
    split_to: RangeNumber | None = None
    """Last number of that range (拆分前区间止)."""
    bill_type: Literal["bank_acceptance", "commercial_acceptance", "finance_company_acceptance"]
    """Accepted by a bank (银行承兑汇票), by a firm (商业承兑汇票), by a finance company (财务公司承兑汇票)."""
    drawer: Party
    """Who drew it (出票人): the buyer of the trade that it pays for."""
    acceptor: Party
    """Who has to pay it (承兑人)."""
    acceptor_bank: Account | None = None
    """The acceptor's account and bank (承兑人账号、开户行行号)."""
    payee: Party
    """To whom it was drawn (收款人): the seller of that trade."""
    holder: Party | None = None
    """Who holds it now, where that is not the payee (持票人)."""
    currency: Currency
    """Currency (币种)."""
    amount: Amount
    """Amount of this sub-range (票据金额)."""
    due_date: Day
    """Day on which it is due (汇票到期日)."""
    acceptance_date: Day | None = None
    """Day of acceptance (承兑日期)."""
    transferable: Annotated[bool, Field(strict=True)] | None = None
    """Whether it may be transferred (能否转让)."""
    state: Code | None = None
    """State when this was written (票据状态), in the exchange's words; the exchange is asked for the present one."""
    circulation_flag: Code | None = None
    """Circulation flag when this was written (流通标志), in the exchange's words."""
    contract_number: Number | None = None
    """Contract that it pays for (交易合同编号)."""
    endorsements: Annotated[tuple[BillEndorsement, ...], Field(max_length=1000)] = ()
    """Endorsements, oldest first (背书)."""
    note: Text | None = None
    """Remark (备注)."""
    lines: Annotated[tuple[ListedInvoice, ...], SomeLines] = ()
    """Invoices of the holder that it pays for, and how much of each (对应发票)."""

    def amounts(self) -> Iterator[Decimal]:
        """Every amount of money."""
        yield self.amount
        for line in self.lines:
            yield from line.amounts()

    @property
    def divisible(self) -> bool:
        """Whether it is a range of numbers that can be split."""
        return self.range_to > 0

    @property
    def reference(self) -> str:
        """``package number|from|to``: how the exchange is asked for it."""
        return f"{self.number}|{self.range_from}|{self.range_to}"

    @model_validator(mode="after")
    def _range_and_amount(self) -> Self:
        if self.amount <= 0:
            raise PydanticCustomError("NUMBER_NOT_POSITIVE", "A bill is over more than nothing.")
        if self.due_date < self.issue_date:
            raise PydanticCustomError("PERIOD_REVERSED", "The bill is due before it was drawn.")
        if not self.divisible:
            if self.range_from or self.split_from is not None or self.split_to is not None:
                raise PydanticCustomError(
                    "RANGE_REVERSED", "A sub-range begins at 1 or later and ends later."
                )
            return self
        if not 1 <= self.range_from <= self.range_to:
            raise PydanticCustomError("RANGE_REVERSED", "A sub-range begins at 1 or later and ends later.")
        worth = (self.range_to - self.range_from + 1) * RANGE_UNIT
        if self.currency == "CNY" and worth != self.amount:
            raise PydanticCustomError(
                "RANGE_AMOUNT",
                "Numbers {first} to {last} of a package are {worth} yuan, at 0.01 each.",
                {"first": self.range_from, "last": self.range_to, "worth": decimal_text(worth)},
            )
        return self

    @model_validator(mode="after")
    def _part_of_what_was_split(self) -> Self:
        if self.split_from is None and self.split_to is None:
            return self
        first, last = self.split_from or 0, self.split_to or 0
        inside = 1 <= first <= self.range_from and self.range_to <= last
        if not inside or (first, last) == (self.range_from, self.range_to):
            raise PydanticCustomError("SPLIT_RANGE", "A range is split into parts that lie within it.")
        return self

    @model_validator(mode="after")
    def _not_more_than_its_amount(self) -> Self:
        if len(self.lines) > 1 and any(line.amount is None for line in self.lines):
            raise PydanticCustomError(
                "LISTED_AMOUNT", "Of several invoices each needs the amount that is paid."
            )
        listed = sum((line.amount for line in self.lines if line.amount is not None), Decimal(0))
        if listed > self.amount or any(line.amount is not None and line.amount <= 0 for line in self.lines):
            raise PydanticCustomError(
                "LISTED_AMOUNT", "A bill pays no more than its amount, and no less than nothing."
            )
        return self
