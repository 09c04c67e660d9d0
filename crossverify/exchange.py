"""Amounts in another currency, by the rates that the bank gave (``DeskInfo.rates``) and by nothing else."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crossverify.desk import DeskInfo


def rate(desk: DeskInfo, currency: str, to: str) -> Fraction | None:
    """How many units of ``to`` one unit of ``currency`` is worth: the bank's rate, else the inverse of its rate the
    other way round; ``None`` where it gave neither. Never a cross rate: no third currency is guessed."""
    if currency == to:
        return Fraction(1)
    if desk.rates is None:
        return None
    direct = desk.rates.rates.get(f"{currency}/{to}")
    if direct is not None:
        return Fraction(direct)
    inverse = desk.rates.rates.get(f"{to}/{currency}")
    return None if inverse is None else 1 / Fraction(inverse)


def convert(desk: DeskInfo, amount: Decimal | Fraction, currency: str, to: str) -> Fraction | None:
    """An amount in another currency, exact; ``None`` where there is no rate.

    :param amount: in major units of ``currency`` (ISO 4217)
    """
    if currency == to:
        return Fraction(amount)
    found = rate(desk, currency, to)
    return None if found is None else Fraction(amount) * found


def said(desk: DeskInfo, currency: str, to: str) -> str:
    """The rate as a message names it, with its source: ``USD/CNY 7.10 (PBoC)``; empty where none is needed or
    given."""
    if currency == to or desk.rates is None:
        return ""
    for pair in (f"{currency}/{to}", f"{to}/{currency}"):
        if pair in desk.rates.rates:
            return f"{pair} {desk.rates.rates[pair]:f} ({desk.rates.source})"
    return ""
