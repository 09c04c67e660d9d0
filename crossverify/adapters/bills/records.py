"""What the commercial-paper exchange is told, as values: packages of bills, and sub-ranges of them."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from consortium.documents.base import Day
from consortium.documents.money import PositiveQuantity, decimal_text
from crossverify.adapters.strict import Flag, Identifier, StrictRecord
from crossverify.answers.bills import CIRCULATIONS, STATES
from crossverify.subranges import MAX_UNIT, UNIT_AMOUNT, PackageNumber, SubRange, overlap

MAX_RANGES: Final = 10_000
"""Sub-ranges of one record; a package in more parts comes in several records."""

MAX_TEXT: Final = 200
CURRENCY: Final = "CNY"
"""Bills of the exchange are in yuan (票据法 and the exchange's standard amount know no other)."""


def _number(text: str) -> str:
    return PackageNumber.parse(text).text


Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TEXT, strict=True)
]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=MAX_TEXT, strict=True)]
BankNumber = Annotated[str, StringConstraints(pattern=r"^(\d{12})?$", strict=True)]
Unit = Annotated[int, Field(ge=0, le=MAX_UNIT, strict=True)]


class PartyRecord(StrictRecord):
    """Somebody on a bill.

    :ivar account: number of the account that the bill is drawn on or credited to
    :ivar bank_number: of the bank that keeps the account, 12 digits of the payment system (开户行行号)
    """

    name: Name
    identifiers: Annotated[tuple[Identifier, ...], Field(max_length=16)] = ()
    account: Line = ""
    bank_number: BankNumber = ""
    bank_name: Line = ""


class RangeRecord(StrictRecord):
    """Units of a package that are in one state and one hand.

    :ivar status: 票据状态, CS01 to CS06
    :ivar circulation: 流通标志, TF0101 to TF0501
    """

    range_from: Unit = 0
    range_to: Unit = 0
    status: Literal["CS01", "CS02", "CS03", "CS04", "CS05", "CS06"]
    circulation: Literal[
        "TF0101", "TF0301", "TF0302", "TF0303", "TF0304", "TF0305", "TF0401", "TF0402", "TF0501"
    ]
    holder: PartyRecord
    pledgee: PartyRecord | None = None
    lock_reason: Line = ""

    @model_validator(mode="after")
    def _state_is_possible(self) -> Self:
        SubRange.of(self.range_from, self.range_to)
        if self.circulation not in CIRCULATIONS[self.status]:
            raise ValueError(f"{self.status} {STATES[self.status]} is never {self.circulation}")
        if (self.pledgee is not None) != (self.circulation == "TF0304"):
            raise ValueError("a bill that is pledged (TF0304) has a pledgee, and no other bill has one")
        return self

    @property
    def units(self) -> SubRange:
        """Its units."""
        return SubRange(self.range_from, self.range_to)

    def content(self) -> dict[str, Any]:
        """All but its units, as JSON values."""
        return self.model_dump(mode="json", exclude={"range_from", "range_to"}, exclude_defaults=True)


class PackageRecord(StrictRecord):
    """The exchange's entry of one package.

    :ivar package_amount: in yuan, of the whole package
    :ivar divisible: whether it may be divided (可分包流转)
    :ivar transferable: false where the drawer wrote 不得转让
    :ivar acceptor: who accepted it; of a bill that is not accepted, who shall
    :ivar acceptor_overdue: whether the acceptor is on the list of the continuously overdue
    :ivar ranges: what is known of its units; those that are not named stay as they are
    """

    package_number: Annotated[str, AfterValidator(_number), Field(strict=True)]
    package_amount: PositiveQuantity
    divisible: Flag
    issue_date: Day
    acceptance_date: Day | None = None
    due_date: Day
    transferable: Flag = True
    drawer: PartyRecord
    acceptor: PartyRecord
    payee: PartyRecord
    acceptor_overdue: Flag = False
    ranges: Annotated[tuple[RangeRecord, ...], Field(min_length=1, max_length=MAX_RANGES)]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.due_date < self.issue_date:
            raise ValueError(f"it falls due on {self.due_date}, before its issue on {self.issue_date}")
        if self.acceptance_date is not None and not self.issue_date <= self.acceptance_date <= self.due_date:
            raise ValueError(f"the acceptance on {self.acceptance_date} is not between issue and due date")
        if self.divisible and not PackageNumber.parse(self.package_number).divisible:
            raise ValueError(
                "a package of the former system (its number begins with 1 or 2) is not divisible"
            )
        whole = self.package_amount / UNIT_AMOUNT
        if whole != int(whole) or whole > MAX_UNIT:
            amount = decimal_text(self.package_amount)
            raise ValueError(f"the amount {amount} is not in units of 0.01 yuan up to one thousand million")
        self._check_ranges()
        return self

    def _check_ranges(self) -> None:
        for each in self.ranges:
            if each.units.whole == self.divisible:
                what = "has sub-ranges from unit 1" if self.divisible else "goes as a whole, 0 to 0"
                raise ValueError(f"this package {what}, not {each.units}")
            if each.range_to > self.units:
                raise ValueError(
                    f"the sub-range {each.units} ends behind the package's last unit {self.units}"
                )
        found = overlap(each.units for each in self.ranges)
        if found is not None:
            raise ValueError(f"the sub-ranges {found[0]} and {found[1]} overlap")

    @property
    def units(self) -> int:
        """Last unit; 0 when it cannot be divided."""
        return int(self.package_amount / UNIT_AMOUNT) if self.divisible else 0

    def content(self) -> dict[str, Any]:
        """All but its ranges, as JSON values."""
        dates = {name: getattr(self, name) for name in ("issue_date", "acceptance_date", "due_date")}
        return {
            **self.model_dump(mode="json", exclude={"ranges", "package_amount", *dates}),
            **{name: None if day is None else day.isoformat() for name, day in dates.items()},
            "package_amount": decimal_text(self.package_amount),
        }
