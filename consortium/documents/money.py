"""Numbers of trade documents: exact decimals, never a float.

A number arrives as a ``Decimal``, an ``int`` or a plain decimal text (``"-12.50"``) and is kept without
needless zeros, so that equal numbers are equal bytes. Floats are refused, since what was written is no longer
known.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Final

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from consortium.documents.codes import MINOR_UNITS

MAX_INTEGER_DIGITS: Final = 18
"""Digits before the point: a quintillion is more than any trade, and fits where others keep numbers."""
MAX_FRACTION_DIGITS: Final = 10
"""Digits after the point in quantities, prices and rates; an amount has its currency's minor units at
most."""

_NUMBER = re.compile(rf"-?\d{{1,{MAX_INTEGER_DIGITS}}}(\.\d{{1,{MAX_FRACTION_DIGITS}}})?", re.ASCII)
_ANY_NUMBER = re.compile(r"-?\d{1,300}(\.\d{1,300})?", re.ASCII)
_ZERO = Decimal(0)


def decimal_text(value: Decimal) -> str:
    """The one way in which a number is written: no exponent, no needless zeros, no negative zero."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def exact_decimal(value: object) -> Decimal:
    """Turn a number into its exact decimal.

    :raises PydanticCustomError: ``NUMBER_INVALID``, ``NUMBER_NOT_FINITE``, ``NUMBER_IMPRECISE``,
        ``NUMBER_TOO_LARGE`` or ``NUMBER_TOO_PRECISE``
    """
    if type(value) is str:
        text = value
    elif type(value) is Decimal:
        text = _text_of(value)
    elif type(value) is int:
        if abs(value) >= 10**MAX_INTEGER_DIGITS:
            raise _too_large()
        return Decimal(value)
    elif isinstance(value, float):
        raise PydanticCustomError("NUMBER_IMPRECISE", "A binary floating-point number is not exact.")
    else:
        raise PydanticCustomError("NUMBER_INVALID", "This is not a decimal number.")
    if not _NUMBER.fullmatch(text):
        text = _trimmed(text)
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return Decimal(text) or _ZERO


def _text_of(value: Decimal) -> str:
    if not value.is_finite():
        raise PydanticCustomError("NUMBER_NOT_FINITE", "Infinity and NaN are not numbers of a document.")
    if not value:
        return "0"
    if value.adjusted() >= MAX_INTEGER_DIGITS:
        raise _too_large()
    if value.adjusted() < -300:
        raise _too_precise()
    return decimal_text(value)


def _too_large() -> PydanticCustomError:
    return PydanticCustomError(
        "NUMBER_TOO_LARGE", "More than {digits} digits before the point.", {"digits": MAX_INTEGER_DIGITS}
    )


def _too_precise() -> PydanticCustomError:
    return PydanticCustomError(
        "NUMBER_TOO_PRECISE", "More than {digits} digits after the point.", {"digits": MAX_FRACTION_DIGITS}
    )


def _trimmed(text: str) -> str:
    """A number that is only written too long, without its needless zeros; anything else is refused with the
    reason."""
    if text.strip().lstrip("+-").lower() in {"nan", "inf", "infinity"}:
        raise PydanticCustomError("NUMBER_NOT_FINITE", "Infinity and NaN are not numbers of a document.")
    if not _ANY_NUMBER.fullmatch(text):
        raise PydanticCustomError("NUMBER_INVALID", "This is not a decimal number.")
    whole, _, fraction = text.lstrip("-").partition(".")
    whole, fraction = whole.lstrip("0") or "0", fraction.rstrip("0")
    if len(whole) > MAX_INTEGER_DIGITS:
        raise _too_large()
    if len(fraction) > MAX_FRACTION_DIGITS:
        raise _too_precise()
    return f"{'-' if text[0] == '-' else ''}{whole}.{fraction or '0'}"


def _not_negative(value: object) -> Decimal:
    number = exact_decimal(value)
    if number < _ZERO:
        raise PydanticCustomError("NUMBER_NEGATIVE", "This number must not be negative.")
    return number


def _positive(value: object) -> Decimal:
    number = exact_decimal(value)
    if number <= _ZERO:
        raise PydanticCustomError("NUMBER_NOT_POSITIVE", "This number must be greater than zero.")
    return number


def _currency(value: object) -> str:
    if type(value) is not str or value not in MINOR_UNITS:
        raise PydanticCustomError("CURRENCY_UNKNOWN", "This is not a currency code of ISO 4217.")
    return value


class AmountMark:
    """Marks the fields that hold money of the document's currency."""


_JSON_NUMBER = WithJsonSchema(
    {"type": "string", "pattern": r"^-?\d{1,18}(\.\d{1,10})?$", "examples": ["1234.50"]}
)

Amount = Annotated[Decimal, PlainValidator(exact_decimal), _JSON_NUMBER, AmountMark()]
"""Money (金额) in the document's currency; at most as many decimals as the currency has."""

Quantity = Annotated[Decimal, PlainValidator(exact_decimal), _JSON_NUMBER]
"""A quantity (数量) in the line's unit; negative where a line takes something back."""

ForeignAmount = Annotated[Decimal, PlainValidator(exact_decimal), _JSON_NUMBER]
"""Money in another currency than the document's."""

NaturalQuantity = Annotated[Decimal, PlainValidator(_not_negative), _JSON_NUMBER]
"""A quantity of goods that were moved: zero or more."""

PositiveQuantity = Annotated[Decimal, PlainValidator(_positive), _JSON_NUMBER]
"""A quantity that something is divided by: more than zero."""

Price = Annotated[Decimal, PlainValidator(_not_negative), _JSON_NUMBER]
"""A price (单价), not an amount: as many decimals as it takes; never negative (EN 16931, BR-27)."""

Percent = Annotated[Decimal, PlainValidator(exact_decimal), _JSON_NUMBER]
"""A rate in per cent: 13 means 13 %."""

Currency = Annotated[
    str, PlainValidator(_currency), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"})
]
"""Currency code (币种), ISO 4217."""


def minor_units(currency: str) -> int:
    """Digits after the decimal point that amounts of a currency have.

    :raises KeyError: the currency is not known
    """
    return MINOR_UNITS[currency]


def too_precise(amount: Decimal, digits: int) -> bool:
    """Whether an amount has more decimals than its currency allows; needless zeros do not count."""
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, str):
        return True
    return exponent < -digits and len(decimal_text(amount).partition(".")[2]) > digits
