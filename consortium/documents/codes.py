"""Code lists that documents are held to: currencies with their minor units, units of measure.

The codes are data (``codes.json``); where they come from stands in that file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Final


def _load() -> tuple[dict[str, int], frozenset[str]]:
    text = resources.files(__package__).joinpath("codes.json").read_text(encoding="utf-8")
    lists = json.loads(text)
    pairs = (pair.split(":") for line in lists["currencies"] for pair in line.split())
    units = frozenset(code for line in lists["units"] for code in line.split())
    return {code: int(digits) for code, digits in pairs}, units


_LISTS = _load()

MINOR_UNITS: Final[Mapping[str, int]] = _LISTS[0]
"""ISO 4217: alphabetic code -> number of digits after the decimal point. Metals, test and "no currency" codes
are not there."""

UNITS: Final[frozenset[str]] = _LISTS[1]
"""UN/ECE Recommendation 20 codes, and Recommendation 21 package codes prefixed with X."""

UNITS_OF_TIME: Final[frozenset[str]] = frozenset(
    {"SEC", "MIN", "HUR", "DAY", "WEE", "MON", "QAN", "ANN", "E49", "LH", "HMO", "SAN", "DEC"}
)
"""Units in which work and rent are counted: a line measured in one of them is a service."""

INVOICE_TYPES: Final[frozenset[str]] = frozenset(
    "71 80 82 84 102 130 202 203 204 211 218 219 261 262 295 296 308 325 326 331 380 382 383 384 385 386 387"  # noqa: SIM905
    " 388 389 390 393 394 395 420 456 457 458 527 553 575 623 633 751 780 817 870 875 876 877 935".split()
)
"""UNTDID 1001 codes that an invoice may have (EN 16931, BT-3)."""

CREDIT_NOTE_TYPES: Final[frozenset[str]] = frozenset(
    "81 83 261 262 296 308 381 396 420 458 502 503 532".split()  # noqa: SIM905
)
"""UNTDID 1001 codes that a credit note may have (EN 16931, BT-3)."""

TAX_CATEGORIES: Final[frozenset[str]] = frozenset("AE E S Z G O K L M B".split())  # noqa: SIM905
"""UNCL 5305 codes of EN 16931 (BT-95, BT-102, BT-118, BT-151)."""

RESPONSE_CODES: Final[Mapping[str, str]] = {
    "AB": "received (已收到)",
    "IP": "in process (处理中)",
    "UQ": "under query (有疑问)",
    "CA": "conditionally accepted (有条件接受)",
    "RE": "rejected (拒绝)",
    "AP": "accepted (已确认)",
    "PD": "paid (已付款)",
}
"""UNCL 4343 codes of a Peppol Invoice Response."""
