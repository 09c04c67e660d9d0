"""Sales that look alike, found by keys instead of comparing everything with everything.

Two sales of the same seller, buyer and currency look alike by their *numbers*, when one is the other with a letter or
digit more, with two neighbours swapped, with a suffix, or with signs that are read for each other (O and 0, I and 1);
numbers that merely follow each other in a series do not. Or by their *content*: the same goods of the same order or
delivery, or in the same quantities, for nearly the same amount. Either way the amounts and dates have to be near.

A number is looked up under each of its own variants, content under one key, and each sale is then held against its
neighbours only, so the work grows with the number of sales however many of them are alike.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

from consortium.documents import Invoice
from consortium.documents.fingerprint import normalised_number

MAX_PARTNERS: Final = 8
"""Look-alikes that are remembered per sale and reason: enough to show, and a thousand equal ones cost no more."""
_READ_ALIKE: Final = str.maketrans("OQILSBZG", "00115826")
_COUNTER = re.compile(r"(.*?)(\d{1,18})", re.ASCII)
_SUFFIX = re.compile(r"(.*\d)[A-Z]{1,6}")
_LONGEST: Final = 40
"""Signs of a number that are varied; a longer one is held for its spelling alone."""
_SERIES_DIGITS: Final = 3
"""A number with fewer digits passes into one with a digit more within days (9, 10; 99, 100)."""
_SERIES_DAYS: Final = 3
"""How near the dates of numbers must be that a series could pass through both in time."""


class Sale(NamedTuple):
    """What is compared.

    :ivar parties: seller, buyer and currency, as a key
    :ivar number: as on the document
    :ivar day: ordinal of the issue date
    :ivar amount: with tax, positive
    :ivar content: goods and where they belong, as a key
    """

    parties: tuple[str, str, str]
    number: str
    day: int
    amount: Decimal
    content: str


@dataclass(frozen=True, slots=True)
class Near:
    """How near is near.

    :ivar days: between the dates
    :ivar amount: difference of amounts as a part of the larger, where numbers look alike
    :ivar content_amount: the same where the content is the same
    """

    days: int
    amount: Decimal
    content_amount: Decimal


@dataclass(slots=True)
class Alike:
    """Look-alikes of one sale, by position.

    :ivar number: whose numbers look alike
    :ivar content: whose content is the same: the neighbours in time
    :ivar group: which group of the same content it belongs to; -1 when to none
    """

    number: list[int]
    content: list[int]
    group: int = -1


def find_alike(sales: Sequence[Sale], near: Near) -> tuple[list[Alike], list[list[int]]]:
    """Look-alikes of each sale, and the groups of the same content in order of date.

    :returns: one entry per sale; groups as positions
    """
    found = [Alike([], []) for _ in sales]
    blocks: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    contents: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for position, sale in enumerate(sales):
        blocks[sale.parties].append(position)
        contents[*sale.parties, sale.content].append(position)
    for block in blocks.values():
        if len(block) > 1:
            for one, other in _by_number(sales, block, near):
                _remember(found[one].number, other)
                _remember(found[other].number, one)
    groups: list[list[int]] = []
    for block in contents.values():
        for group in _by_amount(sales, block, near.content_amount) if len(block) > 1 else ():
            for one, other in pairwise(group):
                if sales[other].day - sales[one].day <= near.days:
                    found[one].content.append(other)
                    found[other].content.append(one)
            for position in group:
                found[position].group = len(groups)
            groups.append(group)
    return found, groups


def _remember(partners: list[int], position: int) -> None:
    if len(partners) < MAX_PARTNERS and position not in partners:
        partners.append(position)


def near_amounts(one: Decimal, other: Decimal, part: Decimal) -> bool:
    """Whether two positive amounts differ by at most a part of the larger."""
    return abs(one - other) <= max(one, other) * part


# --- numbers ----------------------------------------------------------------------------------------


def _by_number(sales: Sequence[Sale], block: Sequence[int], near: Near) -> Iterator[tuple[int, int]]:
    """Pairs of one block whose numbers look alike, and whose amounts and dates are near."""
    ordered = sorted(block, key=lambda position: (sales[position].day, position))
    plain = {position: normalised_number(sales[position].number) for position in ordered}
    spelled: dict[str, list[int]] = defaultdict(list)
    read: dict[str, list[int]] = defaultdict(list)
    for position in ordered:
        spelled[plain[position]].append(position)
        read[plain[position].translate(_READ_ALIKE)].append(position)
    for same in read.values():  # those spelled alike are read alike, too
        for group in _by_amount(sales, same, near.amount):
            for one, other in pairwise(group):
                if _near(sales[one], sales[other], near, near.days):
                    yield one, other
    lengths = {len(each) for each in spelled}
    for position in ordered:
        for variant, days, swapped in _variants(plain[position], near.days, lengths):
            for other in spelled.get(variant, ())[:MAX_PARTNERS]:
                if not _near(sales[position], sales[other], near, days):
                    continue
                if swapped and (_runs_on(plain[position], spelled) or _runs_on(variant, spelled)):
                    continue
                yield position, other


def _near(one: Sale, other: Sale, near: Near, days: int) -> bool:
    return abs(one.day - other.day) <= days and near_amounts(one.amount, other.amount, near.amount)


def _variants(number: str, days: int, lengths: Container[int]) -> Iterator[tuple[str, int, bool]]:
    """What a number may be a variant of, with the days that may lie between and whether signs changed places: it
    without its suffix, without one sign, with two neighbours swapped (each pair is met from one side at least).

    :param lengths: of the numbers that there are
    """
    if len(number) > _LONGEST:
        return
    soon = min(days, _SERIES_DAYS)
    suffix = _SUFFIX.fullmatch(number)
    if suffix is not None:
        yield suffix[1], days, False
    if len(number) - 1 in lengths and len(number) > 1:
        digits = sum(each.isdigit() for each in number)
        for place in range(len(number)):
            if place == 0 or number[place] != number[place - 1]:
                yield number[:place] + number[place + 1 :], days if digits > _SERIES_DIGITS else soon, False
    for place in range(1, len(number)):
        if number[place - 1] > number[place]:  # only downwards: the other number has it upwards
            yield number[: place - 1] + number[place] + number[place - 1] + number[place + 1 :], soon, True


def _runs_on(number: str, spelled: Container[str]) -> bool:
    """Whether a number stands in a series: the one before or the one after it is there, too. Two numbers of a series
    may differ by two digits that changed places without anybody having mistyped."""
    found = _COUNTER.fullmatch(number)
    if found is None:
        return False
    count, width = int(found[2]), len(found[2])
    return any(f"{found[1]}{each:0{width}d}" in spelled for each in (count - 1, count + 1) if each >= 0)


def looks_alike(one: str, other: str) -> bool:
    """Whether two numbers look alike, dates and series aside: the same by :func:`find_alike`, for two."""
    first, second = normalised_number(one), normalised_number(other)
    if first.translate(_READ_ALIKE) == second.translate(_READ_ALIKE):
        return True
    lengths = {len(first), len(second)}
    return second in {each for each, _, _ in _variants(first, 1, lengths)} or first in {
        each for each, _, _ in _variants(second, 1, lengths)
    }


# --- content ----------------------------------------------------------------------------------------


@lru_cache(maxsize=65_536)
def _plain_name(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def content_key(invoice: Invoice) -> str:
    """What an invoice bills, whatever the order of its lines: goods with the order or delivery that they belong to, and
    where they name none, goods with their quantities (somebody who bills a delivery again may change a quantity)."""
    rows = []
    for line in invoice.lines:
        named = (
            line.receipt_number
            or line.order_number
            or invoice.receipt_number
            or invoice.order_number
            or line.despatch_number
            or invoice.despatch_number
        )
        source = (
            f"{line.quantity.normalize():f}|{line.unit}"
            if named is None
            else f"of {normalised_number(named)}"
        )
        rows.append(f"{_plain_name(line.item.name)}|{source}")
    return "\n".join(sorted(rows))


def _by_amount(sales: Sequence[Sale], block: Sequence[int], part: Decimal) -> Iterator[list[int]]:
    """Groups of two and more with near amounts, each in order of date."""
    ordered = sorted(block, key=lambda position: (sales[position].amount, position))
    group = ordered[:1]
    for one, other in pairwise(ordered):
        if not near_amounts(sales[one].amount, sales[other].amount, part):
            if len(group) > 1:
                yield _by_day(sales, group)
            group = []
        group.append(other)
    if len(group) > 1:
        yield _by_day(sales, group)


def _by_day(sales: Sequence[Sale], group: list[int]) -> list[int]:
    return sorted(group, key=lambda position: (sales[position].day, position))
