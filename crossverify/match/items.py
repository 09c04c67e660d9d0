"""How items are named on documents, what a unit of a line costs, and what a service is."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from fractions import Fraction

from consortium.documents import InvoiceLine, Item, OrderLine
from consortium.documents.codes import UNITS_OF_TIME
from crossverify.units import factor

Key = tuple[str, str]
"""Kind of name (standard, seller, buyer, name) and the name as it is compared."""

_UNSPSC_LISTS = frozenset({"TST", "UNSPSC"})
_UNSPSC_SERVICES = range(70, 95)
"""UNSPSC segments of services: 70 farming services to 94 organisations and clubs."""
_CHINESE_TAX_LIST = "CN-TAX"
_CLASS = re.compile(r"^\*[^*]{1,40}\*(?=.)")
"""The class of the tax classification that a 数电票 puts in front of a name: ``*金属制品*螺栓``."""


def compared(text: str) -> str:
    """A name as it is compared: NFKC, without case and blanks."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = text.casefold()
    return "".join(text.split()) if " " in text or not text.isalnum() else text


def item_keys(item: Item | None) -> tuple[Key, ...]:
    """How an item is named, the strongest name first."""
    if item is None:
        return ()
    found = []
    if item.standard_number is not None:
        found.append(("standard", compared(item.standard_number)))
    if item.seller_number is not None:
        found.append(("seller", compared(item.seller_number)))
    if item.buyer_number is not None:
        found.append(("buyer", compared(item.buyer_number)))
    found.append(("name", compared(_CLASS.sub("", item.name) if item.name[0] == "*" else item.name)))
    return tuple(found)


def numbers_differ(one: Item | None, other: Item | None) -> bool:
    """Whether two items cannot be the same: a kind of number that both have differs, and none agrees. Names do not
    count: they are typed and translated."""
    if one is None or other is None:
        return False
    pairs = (
        (one.standard_number, other.standard_number),
        (one.seller_number, other.seller_number),
        (one.buyer_number, other.buyer_number),
    )
    both = [compared(a) == compared(b) for a, b in pairs if a is not None and b is not None]
    return bool(both) and not any(both)


def unit_price(line: InvoiceLine | OrderLine) -> Fraction | None:
    """Price of one of the line's units, before allowances and charges. An order line without a price has that of its
    net amount.

    :returns: none where there is no price, or its base quantity cannot be compared
    """
    if line.price is None:
        if line.net_amount is None or line.quantity <= 0:
            return None
        return Fraction(line.net_amount) / Fraction(line.quantity) - _allowed(line)
    if line.base_unit is None or line.base_unit == line.unit:
        return (
            Fraction(line.price) / Fraction(line.base_quantity)
            if line.base_quantity
            else Fraction(line.price)
        )
    scale = factor(line.base_unit, line.unit)
    return None if scale is None else Fraction(line.price) / (Fraction(line.base_quantity or 1) * scale)


def net_price(line: InvoiceLine | OrderLine) -> Fraction | None:
    """Price of one of the line's units after the line's allowances and charges (BG-27, BG-28); none as of
    :func:`unit_price`."""
    price = unit_price(line)
    return price + _allowed(line) if price is not None and line.allowances else price


def _allowed(line: InvoiceLine | OrderLine) -> Fraction:
    """Charges less allowances of a line, per unit."""
    if not line.allowances or not line.quantity:
        return Fraction(0)
    total = sum((each.amount if each.charge else -each.amount for each in line.allowances), Decimal(0))
    return Fraction(total) / Fraction(line.quantity)


def same_price_as_written(one: InvoiceLine | OrderLine, other: InvoiceLine | OrderLine) -> bool:
    """Whether two lines have the same price as it is written, which most have, without allowances or charges."""
    return (
        one.price is not None
        and one.price == other.price
        and one.unit == other.unit
        and one.base_quantity == other.base_quantity
        and (one.base_unit or one.unit) == (other.base_unit or other.unit)
        and not one.allowances
        and not other.allowances
    )


def is_service(line: InvoiceLine) -> bool:
    """A line with a Chinese tax classification beginning with 3, a UNSPSC service segment, or a unit of time: no
    receipt is to be expected."""
    if line.unit in UNITS_OF_TIME:
        return True
    for each in line.item.classifications:
        if each.list_id == _CHINESE_TAX_LIST and each.code.startswith("3"):
            return True
        segment = each.code[:2]
        if each.list_id in _UNSPSC_LISTS and segment.isdecimal() and int(segment) in _UNSPSC_SERVICES:
            return True
    return False
