"""Whether an identifier can be right: check characters of USCC, LEI and VAT numbers.

A wrong check character does not keep a document out: it is a finding of the rule PARTY_ID. Algorithms are
python-stdnum's, but for the USCC: python-stdnum asks for eight leading digits, while codes that begin with A,
N or Y (registered with other authorities) are legal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from stdnum import lei
from stdnum.ch import vat as ch_vat
from stdnum.eu import vat as eu_vat
from stdnum.gb import vat as gb_vat
from stdnum.no import mva as no_mva

from consortium.documents.party import PartyId

USCC_LENGTH: Final = 18
USCC_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""GB 32100: digits and capital letters without I, O, S, V, Z."""
USCC_AUTHORITIES: Final = frozenset("123456789ANY")
"""Characters that stand for the authority that registers: 1 institutions, 5 civil affairs, 9 companies,
..."""

_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_ORGANISATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_EU_PREFIXES = frozenset(
    "AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK XI".split()  # noqa: SIM905
)


class Validity(Enum):
    """What the check of an identifier says."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class IdentifierCheck:
    """The outcome of one check."""

    validity: Validity
    """UNKNOWN where the scheme has no check that we know."""
    reason: str = ""
    """Why it is invalid, for a person."""


_VALID: Final = IdentifierCheck(Validity.VALID)
_UNKNOWN: Final = IdentifierCheck(Validity.UNKNOWN)


def _invalid(reason: str) -> IdentifierCheck:
    return IdentifierCheck(Validity.INVALID, reason)


def uscc_check_character(first_17: str) -> str:
    """The 18th character of a USCC (GB 32100, modulo 31).

    :raises ValueError: a character is outside of the alphabet
    """
    values = (USCC_ALPHABET.index(each) for each in first_17)
    total = sum(value * weight for value, weight in zip(values, _USCC_WEIGHTS, strict=True))
    return USCC_ALPHABET[-total % 31]


def organisation_check_character(first_8: str) -> str:
    """The ninth character of an organisation code (GB 11714, modulo 11), which is the 17th of a USCC."""
    values = (_ORGANISATION_ALPHABET.index(each) for each in first_8)
    total = sum(value * weight for value, weight in zip(values, _ORGANISATION_WEIGHTS, strict=True))
    return "0123456789X0"[11 - total % 11]


def make_uscc(authority: str, category: str, region: str, organisation: str) -> str:
    """A USCC with right check characters: for samples, never to be taken for an issued one.

    :param authority: one character, ``9`` for companies
    :param category: one character
    :param region: six digits
    :param organisation: the first eight characters of the organisation code
    """
    first_17 = f"{authority}{category}{region}{organisation}{organisation_check_character(organisation)}"
    return first_17 + uscc_check_character(first_17)


def check_uscc(value: str) -> IdentifierCheck:
    """Check a 统一社会信用代码: length, alphabet, authority, region digits, check character.

    The organisation code's own check character is not judged: early codes that are in use break it.
    """
    if len(value) != USCC_LENGTH:
        return _invalid(f"a USCC has {USCC_LENGTH} characters, this one {len(value)}")
    if any(each not in USCC_ALPHABET for each in value):
        return _invalid("a USCC has digits and capital letters without I, O, S, V and Z")
    if value[0] not in USCC_AUTHORITIES or not value[2:8].isdigit():
        return _invalid("a USCC begins with an authority and has a region of six digits")
    if uscc_check_character(value[:17]) != value[17]:
        return _invalid("the check character is wrong")
    return _VALID


def _check_lei(value: str) -> IdentifierCheck:
    return (
        _VALID if lei.is_valid(value) else _invalid("an LEI has 20 characters, the last two check the others")
    )


def _check_vat(value: str) -> IdentifierCheck:
    prefix = value[:2]
    if prefix in _EU_PREFIXES:
        right = eu_vat.is_valid(value)
    elif prefix == "GB":
        right = gb_vat.is_valid(value)
    elif prefix == "NO":
        right = no_mva.is_valid(value)
    elif value.startswith("CHE"):
        right = ch_vat.is_valid(value)
    else:
        return _UNKNOWN
    return _VALID if right else _invalid(f"this is no VAT number of {prefix}")


CHECKS: Final[Mapping[str, Callable[[str], IdentifierCheck]]] = {
    "uscc": check_uscc,
    "lei": _check_lei,
    "vat": _check_vat,
}
"""Scheme -> check. A scheme that is not here is UNKNOWN."""


def check_identifier(identifier: PartyId) -> IdentifierCheck:
    """Check one identifier of a party."""
    check = CHECKS.get(identifier.scheme)
    return _UNKNOWN if check is None else check(identifier.value)


def is_uscc(value: str) -> bool:
    """Whether a text is a well-formed USCC: how a Chinese tax number without a scheme is recognised."""
    return check_uscc(value).validity is Validity.VALID
