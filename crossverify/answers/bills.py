"""What the commercial-paper exchange answers.

A package of the new-generation system has two marks: its state (票据状态) and its circulation flag (流通标志). The
codes are those of the exchange's interface.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from crossverify.answers.base import Answer, Day, Money
from crossverify.subranges import UNIT_AMOUNT, SubRange, overlap

STATES: Final[Mapping[str, str]] = {
    "CS01": "已出票",
    "CS02": "已承兑",
    "CS03": "已收票",
    "CS04": "已到期",
    "CS05": "已终止",
    "CS06": "已结清",
}
"""Drawn; accepted; received; past due; ended; settled."""

FLAGS: Final[Mapping[str, str]] = {
    "TF0101": "待收票",
    "TF0301": "可流通",
    "TF0302": "已锁定",
    "TF0303": "不可转让",
    "TF0304": "已质押",
    "TF0305": "待赎回",
    "TF0401": "托收在途",
    "TF0402": "追索中",
    "TF0501": "已结束",
}
"""Not yet received; free; locked by a business that is under way; not transferable; pledged; sold under repurchase;
presented for payment; in recourse; ended."""

CIRCULATIONS: Final[Mapping[str, frozenset[str]]] = {
    "CS01": frozenset({"TF0101", "TF0302"}),
    "CS02": frozenset({"TF0101", "TF0302"}),
    "CS03": frozenset({"TF0301", "TF0302", "TF0303", "TF0304", "TF0305", "TF0401", "TF0402"}),
    "CS04": frozenset({"TF0301", "TF0302", "TF0303", "TF0304", "TF0305", "TF0401", "TF0402"}),
    "CS05": frozenset({"TF0501"}),
    "CS06": frozenset({"TF0501"}),
}
"""Which flags a state can have."""

KINDS: Final = frozenset({"bank", "commercial"})


class BillParty(Answer):
    """A party as the exchange has it; fields as in ``BillParty`` of the wire."""

    name: str = ""
    identifiers: tuple[str, ...] = ()
    account: str = ""
    bank_number: str = ""
    bank_name: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing is said of it."""
        return not self.name and not self.identifiers


class BillRange(Answer):
    """Units in one state and one hand; fields as in ``BillRange`` of the wire."""

    range_from: Annotated[int, Field(ge=0, strict=True)]
    range_to: Annotated[int, Field(ge=0, strict=True)]
    amount: Money
    status: str
    circulation: str
    holder: BillParty = BillParty()
    pledgee: BillParty = BillParty()
    lock_reason: str = ""

    @property
    def units(self) -> SubRange:
        """Its units."""
        return SubRange(self.range_from, self.range_to)

    @property
    def state_text(self) -> str:
        """State and flag in the exchange's words."""
        return f"{STATES[self.status]}/{FLAGS[self.circulation]}"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        units = SubRange.of(self.range_from, self.range_to)
        if self.circulation not in CIRCULATIONS.get(self.status, ()):
            raise ValueError(f"{self.status} {self.circulation} is no state of a bill")
        if units.amount is not None and units.amount != self.amount:
            raise ValueError(f"units {units} are {units.amount} yuan, not {self.amount}")
        if self.circulation == "TF0304" and self.pledgee.empty:
            raise ValueError(f"units {units} are pledged to nobody")
        return self


class BillAnswer(Answer):
    """What the exchange knows of one bill; fields as in ``BillAnswer`` of the wire.

    An answer whose ranges overlap, are inverted, not in order or outside the package is none: what is wrong with
    one range puts the others in doubt.
    """

    known: bool
    package_number: str = ""
    bill_kind: str = ""
    package_amount: Money = Decimal(0)
    currency: str = ""
    package_units: Annotated[int, Field(ge=0, strict=True)] = 0
    issue_date: Day = None
    acceptance_date: Day = None
    due_date: Day = None
    transferable: bool = False
    drawer: BillParty = BillParty()
    acceptor: BillParty = BillParty()
    payee: BillParty = BillParty()
    acceptor_overdue: bool = False
    ranges: tuple[BillRange, ...] = ()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.known:
            self._check_package()
            self._check_ranges()
        return self

    def _check_package(self) -> None:
        if self.bill_kind not in KINDS:
            raise ValueError(f"{self.bill_kind[:40]!r} is no kind of bill")
        issued, due = _day(self.issue_date, "issue"), _day(self.due_date, "due")
        if due < issued:
            raise ValueError(f"the bill falls due on {due}, before its issue on {issued}")
        if self.package_amount <= 0 or (
            self.package_units and self.package_units * UNIT_AMOUNT != self.package_amount
        ):
            raise ValueError(f"{self.package_units} units are not {self.package_amount} yuan")
        if self.acceptor.empty or self.drawer.empty:
            raise ValueError("a bill has a drawer and an acceptor")

    def _check_ranges(self) -> None:
        found = [each.units for each in self.ranges]
        twice = overlap(found)
        if twice is not None:
            raise ValueError(f"the ranges {twice[0]} and {twice[1]} overlap")
        if found != sorted(found):
            raise ValueError("the ranges are not in order")
        for units in found:
            if units.whole != (self.package_units == 0) or units.last > self.package_units:
                raise ValueError(f"the range {units} is not within the package's {self.package_units} units")


def _day(value: date | None, what: str) -> date:
    if value is None:
        raise ValueError(f"the day of {what} is missing")
    return value
