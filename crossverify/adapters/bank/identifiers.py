"""Identifiers of parties in bank statements, as "scheme:value" with the schemes that documents use."""

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
_TAX = "TXID"
_SLUG = re.compile(r"[^a-z0-9]+")
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
            if value:
                scheme = _scheme(_text(other, "{*}SchmeNm/{*}Cd"), _text(other, "{*}SchmeNm/{*}Prtry"), value)
                found.append(f"{scheme}:{value}")
        for tag in ("{*}AnyBIC", "{*}BICOrBEI"):
            bic = _text(organisation, tag)
            if bic:
                found.append(f"bic:{bic}")
    return tuple(dict.fromkeys(found))[:MAX_IDS]


def _scheme(code: str, name: str, value: str) -> str:
    """Our scheme for a value; a bank's own word for it where there is none of ours."""
    named = _NAMED.get("".join(name.split()).replace("_", "")) or _CODES.get(code)
    if named:
        return named
    if is_uscc(value):  # tells itself by its check character, whatever the bank calls it
        return "uscc"
    if code == _TAX:
        return "vat"
    return _SLUG.sub("-", (code or name).lower()).strip("-")[:32] or "other"


def _text(element: etree._Element, path: str) -> str:
    return "".join((element.findtext(path) or "").split()).upper()
