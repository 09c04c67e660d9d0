"""How messages to a loan officer write amounts, times and rates."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction

from consortium.documents.codes import MINOR_UNITS

DEFAULT_MINOR_UNITS = 2


def minor_unit(currency: str) -> Decimal:
    """The smallest amount of a currency, such as 0.01."""
    return Decimal(1).scaleb(-MINOR_UNITS.get(currency, DEFAULT_MINOR_UNITS))


def _to_minor(value: Fraction | Decimal, currency: str, rounding: str) -> Decimal:
    digits = MINOR_UNITS.get(currency, DEFAULT_MINOR_UNITS)
    if isinstance(value, Decimal):
        return value.quantize(Decimal(1).scaleb(-digits), rounding=rounding)
    scaled = value * 10**digits
    whole = scaled.numerator // scaled.denominator
    if rounding == ROUND_CEILING and whole != scaled:
        whole += 1
    return Decimal(whole).scaleb(-digits)


def rounded_up(value: Fraction | Decimal, currency: str) -> Decimal:
    """An amount in whole minor units, never less than the value: for what is taken off."""
    return _to_minor(value, currency, ROUND_CEILING)


def rounded_down(value: Fraction | Decimal, currency: str) -> Decimal:
    """An amount in whole minor units, never more than the value: for what is lent."""
    return _to_minor(value, currency, ROUND_FLOOR)


def money(amount: Decimal, currency: str) -> str:
    """``12,345.60 CNY``."""
    digits = MINOR_UNITS.get(currency, DEFAULT_MINOR_UNITS)
    return f"{amount:,.{digits}f} {currency}"


def moment(seconds: int) -> str:
    """``2026-11-22 13:05 UTC``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def percent(value: Fraction | Decimal) -> str:
    """A rate as per cent with at most two decimals: ``1.5 %``."""
    scaled = Fraction(value) * 10_000
    number = Decimal(round(scaled)).scaleb(-2)
    return f"{format(number, 'f').rstrip('0').rstrip('.')} %"
