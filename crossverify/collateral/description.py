"""What a description of property says, as values."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


def name_key(name: str) -> str:
    """A name as it is compared: NFKC, case folded, letters and digits only; empty when it has none."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in text if character.isalnum())


@dataclass(frozen=True, slots=True)
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
    :ivar everything: a general description (概括性描述): all, present and future
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
        return bool(self.lists or self.everything or self.contracts or self.debtor or self.debtor_ids)


@dataclass(frozen=True, slots=True)
class Collateral:
    """A description.

    :ivar items: groups of assets, in their order
    :ivar receivables: whether receivables are spoken of
    :ivar goods: whether goods, equipment, rights or other property is spoken of
    """

    items: tuple[Item, ...] = ()
    receivables: bool = False
    goods: bool = False
