"""Names of companies as a person compares them: legal forms, signs and letters that look alike tell no two apart."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from consortium.documents.party import Party

_CHINESE_FORMS: Final = (
    "股份有限公司",
    "有限责任公司",
    "集团有限公司",
    "有限公司",
    "公司",
    "集团",
    "股份",
    "控股",
)
_FORMS: Final = frozenset(
    (
        *(
            "ag",
            "bv",
            "co",
            "company",
            "corp",
            "corporation",
            "gmbh",
            "group",
            "holding",
            "holdings",
            "inc",
            "limited",
        ),
        *("llc", "llp", "ltd", "nv", "oy", "plc", "pte", "pty", "sa", "sarl", "spa", "srl"),
    )
)
_LOOK_ALIKE: Final = str.maketrans(
    "01i|58\u0430\u0435\u043e\u0440\u0441\u0445末己巳曰土夭人干于", "olllsbaeopcx未已已日士天入千千"
)
"""Digits, Cyrillic letters and Chinese characters that are taken for others."""

_WORD = re.compile(r"[^\W_]+")
SHORT_NAME: Final = 4
"""Names of fewer letters are only compared as a whole: one letter is much of them."""
LONG_NAME: Final = 12
"""From this length on two letters may differ."""


@lru_cache(maxsize=16_384)
def core(name: str) -> str:
    """A name without legal forms, signs and blanks, in small letters of one width."""
    words = [
        word for word in _WORD.findall(unicodedata.normalize("NFKC", name).casefold()) if word not in _FORMS
    ]
    text = "".join(words)
    for form in _CHINESE_FORMS:
        text = text.replace(form, "")
    return text or "".join(_WORD.findall(unicodedata.normalize("NFKC", name).casefold()))


def same_name(one: str, other: str) -> bool:
    """Whether two names are one, written in two ways; blanks and signs alone are no name."""
    ours = core(one)
    return bool(ours) and ours == core(other)


def mistakable(one: str, other: str) -> bool:
    """Whether two names are the same but for letters that look alike."""
    ours, theirs = core(one), core(other)
    return bool(ours and theirs) and ours.translate(_LOOK_ALIKE) == theirs.translate(_LOOK_ALIKE)


def alike(one: str, other: str) -> bool:
    """Whether a hurried reader would take one name for the other: the same, the same with letters that look alike, or
    with one letter (of a long name two) added, left out or exchanged."""
    if mistakable(one, other):
        return True
    ours, theirs = core(one), core(other)
    if not ours or not theirs:
        return False
    length = min(len(ours), len(theirs))
    if length < SHORT_NAME:
        return False
    return _within(ours, theirs, 2 if length >= LONG_NAME else 1)


def _within(one: str, other: str, limit: int) -> bool:
    """Whether so many letters added, left out or exchanged turn one text into the other."""
    if abs(len(one) - len(other)) > limit:
        return False
    row = list(range(len(other) + 1))
    for position, letter in enumerate(one, 1):
        before, row[0] = row[0], position
        for column, theirs in enumerate(other, 1):
            before, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, before + (letter != theirs)),
            )
        if min(row) > limit:
            return False
    return row[-1] <= limit


def name_of(party: Party) -> str:
    """The name that a party goes by; empty when it has none."""
    return party.name or party.trading_name or ""
