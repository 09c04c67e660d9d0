"""Mail domains that are taken for others: punycode, letters that look alike, one letter off, another ending."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

_HOMOGLYPHS: Final = str.maketrans(
    {
        **dict(zip("абвгеіјкмнорѕтухԁԛԝһєӏ", "a6breijkmhopstyxdqwhei", strict=True)),
        **dict(zip("αβεικνορτυχω", "abeikvoptuxw", strict=True)),
        **dict(zip("0135$@8", "olesasb", strict=True)),
        "ı": "i",
        "ł": "l",
        "ø": "o",
        "ß": "b",
    }
)
_PAIRS: Final = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("nn", "m"), ("i", "l"), ("q", "g"))
"""Letters that, side by side or alone, are read as another one."""
_SECOND_LEVEL: Final = frozenset({"com", "co", "net", "org", "gov", "edu", "ac"})
"""Labels before a country's that belong to the ending: .com.cn, .co.uk."""
SHORT_LABEL: Final = 5
"""Names up to this length are only compared as a whole: one letter is much of them."""
LONG_LABEL: Final = 12
"""From this length on two letters may differ."""


def domain_of(address: str) -> str:
    """The domain of a mail address, or a domain itself, in small letters and Unicode; empty when it is neither."""
    text = unicodedata.normalize("NFKC", address).strip().casefold().rsplit("@", 1)[-1].strip("<>. ")
    if "." not in text or any(letter.isspace() or letter in "/:@" for letter in text):
        return ""
    return ".".join(_decoded(label) for label in text.split("."))


def _decoded(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label


def matches(domain: str, known: Iterable[str]) -> bool:
    """Whether a domain is one of those known, or below one of them."""
    return any(domain == each or domain.endswith(f".{each}") for each in map(domain_of, known) if each)


@lru_cache(maxsize=4_096)
def name_of(domain: str) -> str:
    """The label that somebody chose: without ending and without what stands before it."""
    labels = domain.split(".")
    at = -2
    if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL:
        at = -3
    return labels[at] if len(labels) >= -at else labels[0]


@lru_cache(maxsize=4_096)
def skeleton(label: str) -> str:
    """A label as a hurried reader sees it: without accents, signs and the differences between letters that look
    alike."""
    text = unicodedata.normalize("NFKD", label.casefold())
    text = "".join(letter for letter in text if not unicodedata.combining(letter)).translate(_HOMOGLYPHS)
    for one, other in _PAIRS:
        text = text.replace(one, other)
    return "".join(letter for letter in text if letter.isalnum())


def look_alike(domain: str, known: Iterable[str]) -> str | None:
    """The known domain that another one passes itself off as; ``None`` when it is known itself or like none.

    Like: the same but for letters that look alike, the same name under another ending, the same name with something
    added before or after a hyphen, or one letter (of a long name two) added, left out, exchanged or swapped.
    """
    plain = domain_of(domain)
    names = sorted({each for each in map(domain_of, known) if each})
    if not plain or matches(plain, names):
        return None
    label = name_of(plain)
    ours = skeleton(label)
    parts = {skeleton(part) for part in label.split("-")}
    for each in names:
        theirs = skeleton(name_of(each))
        length = min(len(ours), len(theirs))
        limit = 0 if length <= SHORT_LABEL else 2 if length >= LONG_LABEL else 1
        if ours == theirs or (len(theirs) > SHORT_LABEL and theirs in parts) or within(ours, theirs, limit):
            return each
    return None


def within(one: str, other: str, limit: int) -> bool:
    """Whether at most so many letters added, left out, exchanged or swapped with their neighbour turn one text into
    the other."""
    if abs(len(one) - len(other)) > limit:
        return False
    earlier: list[int] = []
    before = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, theirs in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != theirs))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == theirs:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        earlier, before = before, row
    return before[-1] <= limit
