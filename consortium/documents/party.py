"""Who trades: parties, their identifiers and addresses."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from consortium.documents.base import Country, Part, Text

MAX_IDENTIFIERS: Final = 16
"""Identifiers of one party."""

LEGAL_REGISTERS: Final[frozenset[str]] = frozenset(
    "0002 0007 0009 0037 0106 0151 0154 0158 0183 0184 0188 0190 0191 0192 0195 0196 0198 0200 0208"  # noqa: SIM905
    " 0212 0218 0221 0230 0240".split()
)
"""ISO 6523 schemes that are registers of legal entities (companies, taxpayers), where each has one number."""

_RANKS: Final = {"uscc": 0, "lei": 1, "vat": 2, "duns": 5, "gln": 6, "em": 7, "local": 9, "name": 8}
_WITHOUT_SIGNS: Final = frozenset({"uscc", "lei", "vat", "gln", "duns"})
_BLANKS = re.compile(r"[\s\u3000]+")


class PartyId(Part):
    """One identifier of a party: a scheme and a value in that scheme's usual writing."""

    scheme: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,31}$", strict=True)]
    """Lower-case scheme: ``uscc`` (统一社会信用代码), ``lei``, ``vat`` (with the country's prefix), ``gln``,
    ``duns``, ``legal-xx`` (registration number in country xx), an ISO 6523 code such as ``0192``, ``local``
    (a trading partner's own number) or ``name`` (only where nothing else is known). UBL: ``@schemeID``."""
    value: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, strict=True)]
    """The identifier: NFKC, upper case, without blanks; USCC, LEI, VAT numbers, GLN and DUNS without signs
    too."""

    @field_validator("value", mode="after")
    @classmethod
    def _normalise(cls, value: str, info: ValidationInfo) -> str:
        if value.isascii() and value.isalnum():
            return value.upper()
        value = _BLANKS.sub("", unicodedata.normalize("NFKC", value)).upper()
        if info.data.get("scheme") in _WITHOUT_SIGNS:
            value = "".join(each for each in value if each.isalnum())
        if not value:
            raise PydanticCustomError("IDENTIFIER_EMPTY", "An identifier of blanks identifies nobody.")
        return value

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value}"


def rank(scheme: str) -> int:
    """How well a scheme tells who somebody is; 0 is best.

    USCC, LEI, VAT number, company register, other registers, DUNS, GLN and addresses of message networks,
    name, a partner's own number.
    """
    known = _RANKS.get(scheme)
    if known is not None:
        return known
    return 3 if scheme in LEGAL_REGISTERS or scheme.startswith("legal-") else 4


def _best_first(found: tuple[PartyId, ...]) -> tuple[PartyId, ...]:
    """Identifiers in their canonical order, each once."""
    if len(found) < 2:
        return found
    return tuple(sorted(dict.fromkeys(found), key=lambda each: (rank(each.scheme), each.scheme, each.value)))


class Address(Part):
    """Postal address (地址), BG-5, BG-8, BG-12, BG-15. UBL: ``cac:PostalAddress``."""

    street: Text | None = None
    """BT-35: street and house (街道). UBL: ``cbc:StreetName``."""
    additional: Text | None = None
    """BT-36: second line. UBL: ``cbc:AdditionalStreetName``."""
    line: Text | None = None
    """BT-162: third line. UBL: ``cac:AddressLine/cbc:Line``."""
    city: Text | None = None
    """BT-37: city (城市). UBL: ``cbc:CityName``."""
    postal_code: Text | None = None
    """BT-38: post code (邮编). UBL: ``cbc:PostalZone``."""
    subdivision: Text | None = None
    """BT-39: province or region (省份). UBL: ``cbc:CountrySubentity``."""
    country: Country | None = None
    """BT-40: country (国家). UBL: ``cac:Country/cbc:IdentificationCode``."""


class Party(Part):
    """A party of a trade (交易方). It has a name or an identifier, usually both."""

    name: Text | None = None
    """BT-27, BT-44, BT-59: legal name (名称). UBL: ``cac:PartyLegalEntity/cbc:RegistrationName``."""
    trading_name: Text | None = None
    """BT-28, BT-45: name it trades under. UBL: ``cac:PartyName/cbc:Name``."""
    identifiers: Annotated[
        tuple[PartyId, ...], Field(max_length=MAX_IDENTIFIERS), AfterValidator(_best_first)
    ] = ()
    """BT-29 to BT-31, BT-46 to BT-48: identifiers (税号、统一社会信用代码等), each once,
    best first, in whatever order they came."""
    address: Address | None = None
    """BG-5, BG-8: postal address (地址)."""

    @model_validator(mode="after")
    def _known_somehow(self) -> Self:
        if not self.identifiers and self.name is None and self.trading_name is None:
            raise PydanticCustomError("PARTY_UNNAMED", "A party needs an identifier or a name.")
        return self


STRONG_RANK: Final = 3
"""Up to this rank an identifier names one legal entity, whoever writes it."""


def name_id(name: str) -> PartyId:
    """A name as the identifier of last resort."""
    return PartyId(scheme="name", value=name[:200])


def primary_id(party: Party) -> PartyId:
    """The identifier that stands for a party in fingerprints and handles: the best by :func:`rank`, then by
    value."""
    found = party.identifiers
    if len(found) == 1 and found[0].scheme != "local":
        return found[0]
    name = party.name or party.trading_name
    candidates = [*found, *([name_id(name)] if name else [])]
    return min(candidates, key=lambda each: (rank(each.scheme), each.scheme, each.value))


def strong_ids(party: Party) -> tuple[PartyId, ...]:
    """All identifiers that name the legal entity itself, best first; empty when there are none."""
    return tuple(each for each in party.identifiers if rank(each.scheme) <= STRONG_RANK)


def same_party(one: Party, other: Party) -> bool:
    """Whether two parties are the same: any identifier in common, their own numbers at partners not counted.

    Where neither has an identifier, the names decide.
    """
    ours = {str(each) for each in one.identifiers if each.scheme != "local"}
    theirs = {str(each) for each in other.identifiers if each.scheme != "local"}
    if ours and theirs:
        return not ours.isdisjoint(theirs)
    return primary_id(one) == primary_id(other)
