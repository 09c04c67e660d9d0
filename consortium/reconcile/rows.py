"""Typed canonical rows and how two sides of them are compared.

A row is a key, a segment and values in one form on both sides: text in NFC, integers (amounts in minor units, times in
seconds since 1970 UTC), nothing else. Both sides are folded into digests per segment (organisation, day), so that
equal segments cost one comparison and only different ones are walked row by row.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from consortium.documents.canonical import canonical_bytes

Value = str | int | None
Segment = tuple[str, int]
"""MSP id of the organisation and the day (days since 1970 UTC)."""

DAY_S = 86_400


class BreakClass(StrEnum):
    """What kind of disagreement it is. Left is the ledger or the institution, right is the store."""

    MISSING_LEFT = "missing_left"
    MISSING_RIGHT = "missing_right"
    AMOUNT = "amount"
    FIELD = "field"
    DUPLICATE = "duplicate"
    LATE = "late"
    STALE_SOURCE = "stale_source"
    TAMPER = "tamper"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of one side.

    :param key: what both sides call it
    :param segment: where it belongs; the same on both sides for the same key
    :param values: what is compared, by name
    """

    key: str
    segment: Segment
    values: Mapping[str, Value]

    def digest(self) -> bytes:
        """SHA-256 over the row's canonical bytes."""
        values = {
            name: unicodedata.normalize("NFC", v) if isinstance(v, str) else v
            for name, v in self.values.items()
        }
        return hashlib.sha256(canonical_bytes({"key": self.key, "values": values})).digest()


@dataclass(frozen=True, slots=True)
class Difference:
    """One disagreement, before it becomes a break."""

    break_class: BreakClass
    key: str
    left: Mapping[str, Value] | None
    right: Mapping[str, Value] | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison found."""

    rows: int
    segments: int
    walked: int
    differences: tuple[Difference, ...]


def day_of(seconds: int) -> int:
    """Days since 1970 UTC."""
    return seconds // DAY_S


def _fold(rows: Iterable[Row]) -> tuple[dict[Segment, bytes], dict[Segment, list[Row]], int]:
    by_segment: dict[Segment, list[Row]] = {}
    count = 0
    for row in rows:
        by_segment.setdefault(row.segment, []).append(row)
        count += 1
    return {segment: _root(found) for segment, found in by_segment.items()}, by_segment, count


def _root(rows: list[Row]) -> bytes:
    """Root of a binary Merkle tree over the rows' digests, in key order; leaves and nodes are told apart."""
    level = [hashlib.sha256(b"\x00" + row.digest()).digest() for row in sorted(rows, key=lambda r: r.key)]
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [hashlib.sha256(b"\x01" + b"".join(pair)).digest() for pair in pairs]
    return level[0]


def compare(
    left: Iterable[Row], right: Iterable[Row], *, amounts: frozenset[str] = frozenset()
) -> Comparison:
    """Compares two sides.

    :param left: the ledger's or the institution's rows
    :param right: the store's rows
    :param amounts: names of values whose difference is an amount break
    """
    left_roots, left_rows, left_count = _fold(left)
    right_roots, right_rows, right_count = _fold(right)
    segments = sorted(left_roots.keys() | right_roots.keys())
    different = [s for s in segments if left_roots.get(s) != right_roots.get(s)]
    found: list[Difference] = []
    for segment in different:
        found += _walk(left_rows.get(segment, []), right_rows.get(segment, []), amounts)
    return Comparison(max(left_count, right_count), len(segments), len(different), tuple(found))


def _walk(left: list[Row], right: list[Row], amounts: frozenset[str]) -> Iterator[Difference]:
    lefts, left_twice = _index(left)
    rights, right_twice = _index(right)
    for key in sorted(left_twice | right_twice):
        yield Difference(BreakClass.DUPLICATE, key, _values(lefts.get(key)), _values(rights.get(key)))
    for key in sorted(lefts.keys() | rights.keys()):
        mine, theirs = lefts.get(key), rights.get(key)
        if mine is None:
            yield Difference(BreakClass.MISSING_LEFT, key, None, _values(theirs))
        elif theirs is None:
            yield Difference(BreakClass.MISSING_RIGHT, key, _values(mine), None)
        elif mine.digest() != theirs.digest():
            names = {
                name
                for name in mine.values.keys() | theirs.values.keys()
                if _of(mine, name) != _of(theirs, name)
            }
            kind = BreakClass.AMOUNT if names & amounts else BreakClass.FIELD
            yield Difference(
                kind,
                key,
                {name: _of(mine, name) for name in sorted(names)},
                {name: _of(theirs, name) for name in sorted(names)},
            )


def _of(row: Row, name: str) -> Value:
    return row.values.get(name)


def _values(row: Row | None) -> Mapping[str, Value] | None:
    return dict(row.values) if row is not None else None


def _index(rows: list[Row]) -> tuple[dict[str, Row], set[str]]:
    found: dict[str, Row] = {}
    twice: set[str] = set()
    for row in rows:
        if row.key in found:
            twice.add(row.key)
        found[row.key] = row
    return found, twice
