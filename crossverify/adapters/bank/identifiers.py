"""Identifiers of parties in bank statements, as "scheme:value" with the schemes that documents use.

Only identifiers that others use as well are kept. A bank's own customer number, or one without a scheme, tells
nobody outside who a party is: to compare it with an invoice's would make a stranger of the debtor.
"""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from consortium.documents.identifiers import is_uscc

# ISO 20022 external organisation identification codes -> our schemes.
_CODES: Final = {"DUNS": "duns", "GS1G": "gln", "EANG": "gln", "SREN": "0002", "SRET": "0009", "LEIC": "lei"}
_NAMED: Final = {
    "USCC": "uscc",
    "USCI": "uscc",
    "UNIFIEDSOCIALCREDITCODE": "uscc",
    "UNIFIEDSOCIALCREDITIDENTIFIER": "uscc",
    "统一社会信用代码": "uscc",
    "LEI": "lei",
    "VAT": "vat",
    "GLN": "gln",
    "DUNS": "duns",
}
_TAX: Final = "TXID"
_ICD = re.compile(r"\d{4}", re.ASCII)  # ISO 6523, as documents write it
MAX_IDS: Final = 16  # of one party


def party_ids(party: etree._Element) -> tuple[str, ...]:
    """Identifiers of a party (``Id/OrgId``): LEI first, then the others in the order in which they stand."""
    found: list[str] = []
    for organisation in party.findall("{*}Id/{*}OrgId"):
        lei = _text(organisation, "{*}LEI")
        if lei:
            found.append(f"lei:{lei}")
        for other in organisation.findall("{*}Othr"):
            value = _text(other, "{*}Id")
            scheme = _scheme(_text(other, "{*}SchmeNm/{*}Cd"), _text(other, "{*}SchmeNm/{*}Prtry"), value)
            if value and scheme:
                found.append(f"{scheme}:{value}")
    return tuple(dict.fromkeys(found))[:MAX_IDS]


def _scheme(code: str, name: str, value: str) -> str:
    """Our scheme for a value; empty where only the bank understands it."""
    named = _NAMED.get(name.replace("_", "").replace("-", "")) or _CODES.get(code)
    if named:
        return named
    if is_uscc(value):  # tells itself by its check character, whatever the bank calls it
        return "uscc"
    if code == _TAX:
        return "vat"
    return name if _ICD.fullmatch(name) else ""


def _text(element: etree._Element, path: str) -> str:
    """Text without blanks, in upper case."""
    return "".join((element.findtext(path) or "").split()).upper()
