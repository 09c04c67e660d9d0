"""Units of measure that can be compared: UN/ECE Recommendation 20 codes with factors that are exact by
definition.

Where no exact factor between two codes is certain (a box, a day of work, a survey foot), there is none here,
and the caller has to say that it cannot know. The same code is always comparable with itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final, TypeAlias

_POUND = Fraction("0.45359237")
_FOOT = Fraction("0.3048")
_INCH = Fraction("0.0254")
_YARD = Fraction("0.9144")

_MASS: Mapping[str, Fraction] = {  # in kilograms
    "KGM": Fraction(1),
    "MC": Fraction(1, 10**9),
    "MGM": Fraction(1, 10**6),
    "CGM": Fraction(1, 10**5),
    "DG": Fraction(1, 10**4),
    "GRM": Fraction(1, 1000),
    "DJ": Fraction(1, 100),
    "HGM": Fraction(1, 10),
    "DTN": Fraction(100),
    "2U": Fraction(1000),
    "TNE": Fraction(1000),
    "KTN": Fraction(10**6),
    "M86": Fraction(1, 2),
    "GRN": _POUND / 7000,
    "ONZ": _POUND / 16,
    "LBR": _POUND,
    "STI": _POUND * 14,
    "CWA": _POUND * 100,
    "CNT": _POUND * 100,
    "CWI": _POUND * 112,
    "STN": _POUND * 2000,
    "LTN": _POUND * 2240,
}
_LENGTH: Mapping[str, Fraction] = {  # in metres
    "MTR": Fraction(1),
    "4H": Fraction(1, 10**6),
    "MMT": Fraction(1, 1000),
    "CMT": Fraction(1, 100),
    "DMT": Fraction(1, 10),
    "A45": Fraction(10),
    "HMT": Fraction(100),
    "KMT": Fraction(1000),
    "INH": _INCH,
    "FOT": _FOOT,
    "YRD": _YARD,
    "SMI": _FOOT * 5280,
    "NMI": Fraction(1852),
}
_AREA: Mapping[str, Fraction] = {  # in square metres
    "MTK": Fraction(1),
    "MMK": Fraction(1, 10**6),
    "CMK": Fraction(1, 10**4),
    "DMK": Fraction(1, 100),
    "ARE": Fraction(100),
    "HAR": Fraction(10**4),
    "KMK": Fraction(10**6),
    "INK": _INCH**2,
    "FTK": _FOOT**2,
    "YDK": _YARD**2,
}
_VOLUME: Mapping[str, Fraction] = {  # in cubic metres
    "MTQ": Fraction(1),
    "4G": Fraction(1, 10**9),
    "MMQ": Fraction(1, 10**9),
    "MLT": Fraction(1, 10**6),
    "CMQ": Fraction(1, 10**6),
    "CLT": Fraction(1, 10**5),
    "DLT": Fraction(1, 10**4),
    "LTR": Fraction(1, 1000),
    "DMQ": Fraction(1, 1000),
    "A44": Fraction(1, 100),
    "HLT": Fraction(1, 10),
    "MAL": Fraction(1000),
    "DMA": Fraction(1000),
    "INQ": _INCH**3,
    "FTQ": _FOOT**3,
    "YDQ": _YARD**3,
    "GLL": _INCH**3 * 231,
    "GLI": Fraction("0.00454609"),
    "BLL": _INCH**3 * 231 * 42,
}
_COUNT: Mapping[str, Fraction] = {  # in single things
    "C62": Fraction(1),
    "EA": Fraction(1),
    "H87": Fraction(1),
    "NAR": Fraction(1),
    "PR": Fraction(2),
    "DZN": Fraction(12),
    "DPC": Fraction(12),
    "SCO": Fraction(20),
    "CEN": Fraction(100),
    "HC": Fraction(100),
    "GRO": Fraction(144),
    "MIL": Fraction(1000),
    "T3": Fraction(1000),
    "GGR": Fraction(1728),
    "MIO": Fraction(10**6),
}
_TIME: Mapping[str, Fraction] = {"SEC": Fraction(1), "MIN": Fraction(60), "HUR": Fraction(3600)}  # in seconds
_ENERGY: Mapping[str, Fraction] = {  # in kilowatt hours
    "KWH": Fraction(1),
    "WHR": Fraction(1, 1000),
    "MWH": Fraction(1000),
    "GWH": Fraction(10**6),
}

DIMENSIONS: Final[Mapping[str, Mapping[str, Fraction]]] = {
    "mass": _MASS,
    "length": _LENGTH,
    "area": _AREA,
    "volume": _VOLUME,
    "count": _COUNT,
    "time": _TIME,
    "energy": _ENERGY,
}
"""Dimension -> code -> exact factor to the dimension's first code."""

_PLACE: Final = {code: (name, factor) for name, codes in DIMENSIONS.items() for code, factor in codes.items()}
_ONE = Fraction(1)
Exact: TypeAlias = int | Fraction
"""An exact number. Never divided by ``/`` as it stands: two integers would give a float."""
_SHOWN_PLACES = 6


def exact(value: Decimal) -> Exact:
    """A number to reckon with: a plain integer where it is one, which most quantities are, else a
    fraction."""
    numerator, denominator = value.as_integer_ratio()
    return numerator if denominator == 1 else Fraction(numerator, denominator)


def scaled(value: Exact, scale: Fraction) -> Exact:
    """A quantity in another unit."""
    return value if scale is _ONE else value * scale


@lru_cache(maxsize=4096)
def factor(unit: str, into: str) -> Fraction | None:
    """By what a quantity in ``unit`` is multiplied to be in ``into``; none where that is not certain."""
    if unit == into:
        return _ONE
    one, other = _PLACE.get(unit), _PLACE.get(into)
    if one is None or other is None or one[0] != other[0]:
        return None
    return _ONE if one[1] == other[1] else one[1] / other[1]


def dimension(unit: str) -> str:
    """What a unit measures; a unit that is comparable only with itself is its own dimension."""
    place = _PLACE.get(unit)
    return unit if place is None else place[0]


def to_base(unit: str) -> Fraction:
    """Factor to the first unit of its dimension; one where it is its own dimension."""
    place = _PLACE.get(unit)
    return _ONE if place is None else place[1]


def shown(value: Exact | Decimal) -> str:
    """A number for a person and for a finding: exact where that takes few places, else rounded to six."""
    if isinstance(value, Decimal):
        text = format(value, "f")
    elif value.denominator == 1:
        return str(value.numerator)
    else:
        sign = "-" if value < 0 else ""
        scaled = round(abs(value) * 10**_SHOWN_PLACES)
        text = f"{sign}{scaled // 10**_SHOWN_PLACES}.{scaled % 10**_SHOWN_PLACES:0{_SHOWN_PLACES}d}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text
