"""Units of measure that can be compared: UN/ECE Recommendation 20 codes with factors that are exact by
definition.

Where no exact factor between two codes is certain (a box, a day of work, a survey foot, a dry weight), there is none
here, and the caller has to say that it cannot know. The same code is always comparable with itself.

Source: codes and factors of UN/ECE Recommendation 20, revision 17, annexes I to III, which prints most factors rounded;
the exact ones behind them are those of the international yard and pound (1959), the SI brochure (BIPM), the US
definitions of NIST Handbook 44, appendix C, and the UK Weights and Measures Act 1985, schedule 1. A test holds every
factor against the published list.
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

FIRST: Final = frozenset(
    code for codes in (_MASS, _LENGTH, _AREA, _VOLUME, _COUNT, _TIME, _ENERGY) for code in codes
)
"""Codes that the first version of the rules could compare (:mod:`crossverify.units_v1`)."""

_GALLON = _INCH**3 * 231
_IMPERIAL = Fraction("0.00454609")
_BUSHEL = _INCH**3 * Fraction("2150.42")
_MORE: Mapping[str, Mapping[str, Fraction]] = {
    "mass": {
        "APZ": _POUND / 7000 * 480,  # troy ounce; the published list is off by a factor of ten
        "DWT": _POUND / 7000 * 24,
        "DRA": _POUND / 7000 * 60,
        "SCR": _POUND / 7000 * 20,
        "QTR": _POUND * 28,
        "CTM": Fraction(1, 5000),
        "HK": Fraction(100),
        "TV": Fraction(1000),
    },
    "length": {
        "C45": Fraction(1, 10**9),
        "A11": Fraction(1, 10**10),
        "MAM": Fraction(10**6),
        "JPS": Fraction(100),
        "MQ": Fraction(1000),
        "TT": Fraction(1000),
        "M7": _INCH / 10**6,
        "77": _INCH / 1000,
        "AK": _FOOT * 6,
        "X1": _FOOT * 66,
        "M50": _FOOT * 660,
        "HF": _FOOT * 100,
        "HL": _FOOT * 100,
        "TQ": _FOOT * 1000,
        "TL": _FOOT * 1000,
    },
    "area": {
        "H30": Fraction(1, 10**12),
        "H16": Fraction(100),
        "DAA": Fraction(1000),
        "H18": Fraction(10**4),
        "MIK": (_FOOT * 5280) ** 2,
    },
    "volume": {
        "K6": Fraction(1),
        "G26": Fraction(1),
        "D40": Fraction(1),
        "FF": Fraction(100),
        "R9": Fraction(1000),
        "HMQ": Fraction(10**6),
        "H19": Fraction(10**6),
        "H20": Fraction(10**9),
        "QTL": _GALLON / 4,
        "PTL": _GALLON / 8,
        "G21": _GALLON / 16,
        "GIA": _GALLON / 32,
        "OZA": _GALLON / 128,
        "G24": _GALLON / 256,
        "G25": _GALLON / 768,
        "T6": _GALLON * 1000,
        "QTI": _IMPERIAL / 4,
        "PTI": _IMPERIAL / 8,
        "GII": _IMPERIAL / 32,
        "OZI": _IMPERIAL / 160,
        "L43": _IMPERIAL * 2,
        "BUI": _IMPERIAL * 8,
        "J57": _IMPERIAL * 35,
        "BUA": _BUSHEL,
        "G23": _BUSHEL / 4,
        "GLD": _BUSHEL / 8,
        "QTD": _BUSHEL / 32,
        "PTD": _BUSHEL / 64,
        "BLD": _INCH**3 * 7056,
        "M68": _FOOT**3 * 128,
        "M70": _FOOT**3 * 100,
        "HH": _FOOT**3 * 100,
        "FC": _FOOT**3 * 1000,
    },
    "count": {
        "NPR": Fraction(2),
        "HD": Fraction(6),
        "TPR": Fraction(20),
        "DPR": Fraction(24),
        "MLD": Fraction(10**9),
        "BIL": Fraction(10**12),
        "TRL": Fraction(10**18),
    },
    "time": {
        "H70": Fraction(1, 10**12),
        "C47": Fraction(1, 10**9),
        "B98": Fraction(1, 10**6),
        "C26": Fraction(1, 1000),
        "B52": Fraction(1000),
    },
    "energy": {
        "C15": Fraction(1, 36 * 10**8),
        "JOU": Fraction(1, 36 * 10**5),
        "KJO": Fraction(1, 3600),
        "3B": Fraction(10**3, 3600),
        "GV": Fraction(10**6, 3600),
        "D32": Fraction(10**9),
    },
    "power": {  # in watts
        "WTT": Fraction(1),
        "D80": Fraction(1, 10**6),
        "C31": Fraction(1, 1000),
        "P14": Fraction(1),
        "P18": Fraction(1000),
        "KWT": Fraction(1000),
        "MAW": Fraction(10**6),
        "A90": Fraction(10**9),
        "HJ": Fraction("735.49875"),
    },
    "charge": {  # in coulombs
        "COU": Fraction(1),
        "A8": Fraction(1),
        "E09": Fraction(36, 10),
        "AMH": Fraction(3600),
        "TAH": Fraction(3600 * 1000),
    },
    "substance": {  # in moles
        "C34": Fraction(1),
        "FH": Fraction(1, 10**6),
        "C18": Fraction(1, 1000),
        "B45": Fraction(1000),
    },
    "line density": {"D34": Fraction(1), "M83": Fraction(1, 9)},  # in tex
    "packs": {"NMP": Fraction(1), "TP": Fraction(10), "DZP": Fraction(12), "CNP": Fraction(100)},
    "international units": {"NIU": Fraction(1), "HIU": Fraction(100), "MIU": Fraction(10**6)},
}
"""What was added to the first tables, in the same units."""

_FIRST_TABLES: Mapping[str, Mapping[str, Fraction]] = {
    "mass": _MASS,
    "length": _LENGTH,
    "area": _AREA,
    "volume": _VOLUME,
    "count": _COUNT,
    "time": _TIME,
    "energy": _ENERGY,
}
DIMENSIONS: Final[Mapping[str, Mapping[str, Fraction]]] = {
    name: {**_FIRST_TABLES.get(name, {}), **_MORE.get(name, {})} for name in (*_FIRST_TABLES, *_MORE)
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
