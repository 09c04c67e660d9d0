"""Identifiers of parties in bank statements, as "scheme:value" with the schemes that documents use."""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

# ISO 20022 external organisation identification codes -> our schemes.
_CODES: Final = {"DUNS": "duns", "GS1G": "gln", "SREN": "0002", "SRET": "0009", "LEIC": "lei"}
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
_LEI = re.compile(r"[0-9A-Z]{18}[0-9]{2}")
# GB 32100: digits and capitals without I, O, S, V, Z; the last is a check character.
_USCC_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC = re.compile(f"[{_USCC_ALPHABET}]{{18}}")
_USCC_WEIGHTS: Final = tuple(pow(3, place, 31) for place in range(17))
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


def is_uscc(value: str) -> bool:
    """Whether a value is a unified social credit code (统一社会信用代码) with the right check character."""
    if not _USCC.fullmatch(value):
        return False
    numbers = [_USCC_ALPHABET.index(character) for character in value]
    total = sum(weight * number for weight, number in zip(_USCC_WEIGHTS, numbers[:17], strict=True))
    return (31 - total % 31) % 31 == numbers[17]


def normal_id(identifier: str) -> str:
    """An identifier "scheme:value" as it is compared: lower-case scheme, upper-case value without blanks.

    Empty when it has no scheme.
    """
    scheme, _, value = identifier.partition(":")
    return f"{scheme.strip().lower()}:{''.join(value.upper().split())}" if value else ""


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
