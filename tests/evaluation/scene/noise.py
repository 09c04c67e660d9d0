"""Honest noise on single papers: units, scales, slips of the pen, prices with many digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from tests.evaluation import rates
from tests.evaluation.chance import Chance
from tests.evaluation.scene.papers import Line

_THOUSAND = Decimal(1000)


def in_other_units(lines: Sequence[Line], chance: Chance) -> list[Line]:
    """Small pieces are sometimes ordered at the price of a thousand."""
    changed = []
    for line in lines:
        if line.unit == "H87" and line.price < 1 and chance.happens(rates.UNIT_CHANGED):
            changed.append(replace(line, price=line.price * 1000, base=_THOUSAND))
        else:
            changed.append(line)
    return changed


def received_otherwise(lines: Sequence[Line], chance: Chance) -> list[Line]:
    """A store that counts tonnes in kilograms; rarely, boxes in pieces."""
    changed = []
    for line in lines:
        if line.unit == "TNE" and chance.happens(rates.UNIT_CHANGED):
            changed.append(
                replace(line, quantity=line.quantity * _THOUSAND, short=line.short * _THOUSAND, unit="KGM")
            )
        elif line.unit == "H87" and chance.happens(rates.UNIT_NOT_COMPARABLE):
            changed.append(
                replace(line, quantity=(line.quantity / 50).quantize(Decimal(1)) or Decimal(1), unit="XBX")
            )
        else:
            changed.append(line)
    return changed


def invoiced_otherwise(
    received: Sequence[Line], ordered: Sequence[Line], chance: Chance
) -> tuple[list[Line], set[str]]:
    """What the invoice says of goods that were accepted: mostly the same, in the order's unit or the receipt's."""
    kinds: set[str] = set()
    by_line = {line.order_line: line for line in ordered}
    lines = []
    loose = chance.happens(rates.NO_LINE_REFERENCE)
    if loose:
        kinds.add("lines without references")
    for line in received:
        placed = by_line[line.order_line]
        made = line
        if line.unit == "KGM" and placed.unit == "TNE":
            kinds.add("unit changed")
            if chance.happens(0.5):
                made = replace(line, quantity=line.quantity / _THOUSAND, unit="TNE")
            else:
                made = replace(line, price=line.price / _THOUSAND)
        elif line.unit == "XBX":
            kinds.add("unit not comparable")
            made = replace(line, quantity=line.quantity * 50, unit="H87")
        if line.good.bulk and chance.happens(rates.WEIGHED_TWICE):
            kinds.add("weighed twice")
            more = Decimal(chance.number(1, 5)) / 1000
            made = replace(made, quantity=(made.quantity * (1 + more)).quantize(Decimal("0.001")))
        if not made.base and chance.happens(rates.PRICE_FROM_GROSS):
            kinds.add("price from gross")
            gross = (made.price * (100 + made.rate) / 100).quantize(Decimal("0.000001"))
            made = replace(made, price=(gross * 100 / (100 + made.rate)).quantize(Decimal("0.0000000001")))
        if loose:
            made = replace(made, order_line="")
        lines.append(replace(made, short=Decimal(0)))
    return lines, kinds


def slip(name: str, chance: Chance) -> str:
    """A name with one character wrong or missing."""
    place = chance.number(2, len(name) - 5)
    return name[:place] + chance.pick(("", "华", "新")) + name[place + 1 :]


def mistyped(number: str) -> str:
    """A number with two digits changed over."""
    head, last = number[:-2], number[-2:]
    other = last[::-1]
    return head + (other if other != last else f"{(int(last) + 9) % 100:02d}")


def loosely(number: str) -> str:
    """A number with a blank for its dash."""
    return number.replace("-", " ")
