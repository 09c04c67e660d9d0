"""Numbers of bills (商业汇票) in the new-generation bill system (新一代票据业务系统) and sub-ranges of them (子票区间).

A package number (票据(包)号) has 30 digits: one for the kind, twelve of the drawer's account bank in the payment
system (支付系统行号), eight of the day of registration, eight of that day's serial, and one check digit. How the
check digit is made is not published, so it is not checked; whether the package exists is for the exchange to say.

A package that may be divided is a row of units of 0.01 yuan, numbered from 1. A bill is a sub-range of it, first and
last unit included; "0" stands for a package that goes as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Final, Self

UNIT_AMOUNT: Final = Decimal("0.01")
"""Standard amount (标准金额) of one unit, in yuan."""

MAX_UNIT: Final = 100_000_000_000
"""Last unit that there can be: a bill is for at most one thousand million yuan."""

KINDS: Final = {
    "1": "bank",
    "2": "commercial",
    "5": "bank",
    "6": "commercial",
    "7": "commercial",
    "8": "bank",
}
"""First digit -> accepted by a bank (银票) or by a company (商票). 1 and 2: issued in the former system (ECDS);
5 and 6: in the new one; 7 and 8: by supply-chain platforms (供应链票据)."""

_FORMER_SYSTEM: Final = frozenset("12")
_FORM = re.compile(r"([125678])(\d{12})(\d{8})(\d{8})(\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class PackageNumber:
    """A package number, taken apart.

    :ivar text: its 30 digits
    :ivar kind: "bank" or "commercial"
    :ivar bank_number: of the drawer's account bank, 12 digits
    :ivar registered_on: day of registration
    :ivar divisible: whether packages of this kind can be divided; those of the former system cannot
    """

    text: str
    kind: str
    bank_number: str
    registered_on: date
    divisible: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take a number apart; blanks between digits do not count.

        :raises ValueError: it is none; the text says why
        """
        digits = "".join(text.split())
        if len(digits) != 30 or not (digits.isascii() and digits.isdigit()):
            raise ValueError("a package number has 30 digits")
        found = _FORM.fullmatch(digits)
        if found is None:
            raise ValueError(f"no kind of bill begins with {digits[0]}")
        day = found[3]
        try:
            registered = date(int(day[:4]), int(day[4:6]), int(day[6:]))
        except ValueError as error:
            raise ValueError(f"its digits 14 to 21, {day}, are no day") from error
        return cls(digits, KINDS[found[1]], found[2], registered, found[1] not in _FORMER_SYSTEM)


@dataclass(frozen=True, slots=True, order=True)
class SubRange:
    """Units of a package, first and last included; 0 to 0 is the whole of a package that cannot be divided."""

    first: int
    last: int

    @classmethod
    def of(cls, first: int | None, last: int | None) -> Self:
        """A range as a document has it; nothing at all is the whole.

        :raises ValueError: it is none; the text says why
        """
        if not first and not last:
            return cls(0, 0)
        if first is None or last is None or first < 1 or last < 1:
            raise ValueError("a sub-range has a first and a last unit, counted from 1")
        if first > last:
            raise ValueError(f"the sub-range {first},{last} is inverted")
        if last > MAX_UNIT:
            raise ValueError(f"the sub-range {first},{last} ends behind unit {MAX_UNIT}")
        return cls(first, last)

    @property
    def whole(self) -> bool:
        """Whether it stands for a package that cannot be divided."""
        return self.last == 0

    @property
    def amount(self) -> Decimal | None:
        """Amount in yuan; none for a whole package, whose amount is written on it."""
        return None if self.whole else UNIT_AMOUNT * self.units

    @property
    def units(self) -> int:
        """How many units; 0 for a whole package."""
        return 0 if self.whole else self.last - self.first + 1

    def overlaps(self, other: SubRange) -> bool:
        """Whether they have units in common; the whole overlaps everything."""
        return self.whole or other.whole or (self.first <= other.last and other.first <= self.last)

    def common(self, other: SubRange) -> SubRange | None:
        """The units in common."""
        if not self.overlaps(other):
            return None
        if self.whole or other.whole:
            return other if self.whole else self
        return SubRange(max(self.first, other.first), min(self.last, other.last))

    def without(self, other: SubRange) -> tuple[SubRange, ...]:
        """What is left of it when other units are cut out."""
        if not self.overlaps(other):
            return (self,)
        if self.whole or other.whole:
            return ()
        left = ((self.first, other.first - 1), (other.last + 1, self.last))
        return tuple(SubRange(first, last) for first, last in left if first <= last)

    def __str__(self) -> str:
        return "0" if self.whole else f"{self.first},{self.last}"


def overlap(ranges: Iterable[SubRange]) -> tuple[SubRange, SubRange] | None:
    """The first two of some ranges that have units in common."""
    ordered = sorted(ranges)
    for one, other in pairwise(ordered):
        if one.overlaps(other):
            return one, other
    return None


def missing(wanted: SubRange, ranges: Iterable[SubRange]) -> tuple[SubRange, ...]:
    """The units of a range that none of some others has."""
    left: list[SubRange] = [wanted]
    for each in sorted(ranges):
        left = [rest for part in left for rest in part.without(each)]
    return tuple(left)


def adjacent(one: SubRange, other: SubRange) -> bool:
    """Whether the second begins where the first ends."""
    return not one.whole and not other.whole and other.first == one.last + 1


def joined(ranges: Sequence[SubRange]) -> tuple[SubRange, ...]:
    """Ranges that do not overlap, in order, with adjacent ones made one."""
    found: list[SubRange] = []
    for each in sorted(ranges):
        if found and adjacent(found[-1], each):
            found[-1] = SubRange(found[-1].first, each.last)
        else:
            found.append(each)
    return tuple(found)


def reference_of(number: str, units: SubRange) -> str:
    """How a question about a bill is named: package number, first and last unit."""
    return f"{number}|{units.first}|{units.last}"
