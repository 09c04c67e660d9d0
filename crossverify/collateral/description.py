"""What a description of property says, as values."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from consortium.documents.fingerprint import normalised_number


def name_key(name: str) -> str:
    """A name as it is compared: NFKC, case folded, letters and digits only; empty when it has none."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in text if character.isalnum())


def _compared(numbers: tuple[str, ...]) -> frozenset[str]:
    return frozenset(normalised_number(number) for number in numbers)


@dataclass(frozen=True)
class Item:
    """One group of assets of a description.

    :ivar debtor: who owes, by name; empty when it is not said
    :ivar debtor_ids: the same as "scheme:value"
    :ivar contracts: numbers of contracts or orders
    :ivar invoices: invoice numbers as written
    :ivar ranges: invoice numbers from and to
    :ivar receipts: warehouse receipt numbers
    :ivar bills: bill numbers
    :ivar amount: in all; none when it is not said
    :ivar due: due date, the last one of several
    :ivar since: first day on which covered claims arise
    :ivar until: last day
    :ivar everything: a general description (概括性描述) of receivables: all, present and future
    :ivar all_goods: the same of goods
    :ivar open: the list says of itself that it is not complete (等, "among others")
    :ivar excluded: numbers that it leaves out
    :ivar excluded_debtors: debtors that it leaves out
    """

    debtor: str = ""
    debtor_ids: tuple[str, ...] = ()
    contracts: tuple[str, ...] = ()
    invoices: tuple[str, ...] = ()
    ranges: tuple[tuple[str, str], ...] = ()
    receipts: tuple[str, ...] = ()
    bills: tuple[str, ...] = ()
    amount: Decimal | None = None
    currency: str = ""
    due: date | None = None
    since: date | None = None
    until: date | None = None
    everything: bool = False
    all_goods: bool = False
    open: bool = False
    excluded: tuple[str, ...] = ()
    excluded_debtors: tuple[str, ...] = ()

    @property
    def lists(self) -> bool:
        """Whether it names assets one by one."""
        return bool(self.invoices or self.ranges or self.receipts or self.bills)

    @property
    def says_anything(self) -> bool:
        """Whether there is anything by which an asset can be told."""
        general = self.everything or self.all_goods
        return bool(self.lists or self.open or general or self.contracts or self.debtor or self.debtor_ids)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """All its invoice, receipt and bill numbers as they are compared."""
        return _compared(self.invoices + self.receipts + self.bills)

    @cached_property
    def left_out(self) -> frozenset[str]:
        """Numbers that it leaves out, as they are compared."""
        return _compared(self.excluded)

    @cached_property
    def under(self) -> frozenset[str]:
        """Contract and order numbers as they are compared."""
        return _compared(self.contracts)


@dataclass(frozen=True)
class Collateral:
    """A description.

    :ivar items: groups of assets, in their order
    :ivar receivables: whether receivables are spoken of
    :ivar goods: whether goods, equipment, rights or other property is spoken of
    """

    items: tuple[Item, ...] = ()
    receivables: bool = False
    goods: bool = False

    @cached_property
    def by_number(self) -> Mapping[str, tuple[Item, ...]]:
        """Items by each number that they name."""
        found: dict[str, tuple[Item, ...]] = {}
        for item in self.items:
            for number in item.numbers:
                found[number] = (*found.get(number, ()), item)
        return found

    @cached_property
    def beyond_numbers(self) -> tuple[Item, ...]:
        """Items that may cover more than the numbers that they name: all others cover nothing else."""
        return tuple(
            each
            for each in self.items
            if not each.lists or each.open or each.everything or each.ranges or each.all_goods
        )
