"""Where the reference exchange keeps packages and the states of their units.

Ranges of one package never overlap here. What is loaded is painted over what is there: a part of a range that was
split leaves the rest as it was, and what an older load says changes nothing that a newer one said.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import BigInteger, Column, MetaData, String, Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from crossverify.adapters.bills.records import PackageRecord
from crossverify.adapters.institution import upsert
from crossverify.subranges import SubRange, adjacent

METADATA = MetaData()

PACKAGES = Table(
    "packages",
    METADATA,
    Column("package_number", String, primary_key=True),
    Column("content", String, nullable=False),
    Column("as_of", BigInteger, nullable=False),
)

RANGES = Table(
    "ranges",
    METADATA,
    Column("package_number", String, primary_key=True),
    Column("range_from", BigInteger, primary_key=True),
    Column("range_to", BigInteger, nullable=False),
    Column("content", String, nullable=False),
    Column("as_of", BigInteger, nullable=False),
)

ROWS_PER_STATEMENT: Final = 500


@dataclass(frozen=True, slots=True)
class Piece:
    """Units of a package in one state.

    :ivar content: canonical text of all but the units
    :ivar as_of: when that was true
    """

    units: SubRange
    content: str
    as_of: int


@dataclass(frozen=True, slots=True)
class Package:
    """One package with its pieces in order."""

    content: dict[str, Any]
    as_of: int
    pieces: tuple[Piece, ...]


def painted(pieces: Iterable[Piece], new: Iterable[Piece]) -> tuple[Piece, ...]:
    """Pieces with new ones over them, newer above older, in order; what agrees and is adjacent becomes one."""
    found = list(pieces)
    for piece in new:
        kept, left = [], [piece.units]
        for old in found:
            if old.as_of > piece.as_of:
                left = [rest for part in left for rest in part.without(old.units)]
                kept.append(old)
            else:
                kept += [replace(old, units=rest) for rest in old.units.without(piece.units)]
        found = kept + [replace(piece, units=part) for part in left]
    return tuple(merged(sorted(found, key=lambda each: each.units), with_age=True))


def merged(pieces: Iterable[Piece], *, with_age: bool = False) -> list[Piece]:
    """Ordered pieces, those that are adjacent and agree made one.

    :param with_age: they have to be equally old too
    """
    made: list[Piece] = []
    for each in pieces:
        last = made[-1] if made else None
        if (
            last is not None
            and last.content == each.content
            and (not with_age or last.as_of == each.as_of)
            and adjacent(last.units, each.units)
        ):
            units = SubRange(last.units.first, each.units.last)
            made[-1] = replace(last, units=units, as_of=min(last.as_of, each.as_of))
        else:
            made.append(each)
    return made


def text_of(content: dict[str, Any]) -> str:
    """Content as it is kept and compared."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True)


async def put(session: AsyncSession, records: Sequence[PackageRecord], as_of: int) -> list[str]:
    """Store records in order.

    :returns: for each "changed", "unchanged", or what is wrong with it
    """
    known = await find(session, (each.package_number for each in records))
    said = []
    touched: dict[str, Package] = {}
    for record in records:
        number = record.package_number
        before = known.get(number)
        after = _with(before, record, as_of)
        if isinstance(after, str):
            said.append(after)
            continue
        said.append("unchanged" if _same(before, after) else "changed")
        known[number] = touched[number] = after
    await _write(session, touched)
    return said


def _with(before: Package | None, record: PackageRecord, as_of: int) -> Package | str:
    content = record.content()
    new = [Piece(each.units, text_of(each.content()), as_of) for each in record.ranges]
    if before is None:
        return Package(content, as_of, painted((), new))
    for name in ("package_amount", "divisible", "issue_date"):
        if before.content[name] != content[name]:
            return (
                f"{name} is {content[name]!r}; this package is here with {before.content[name]!r}, "
                "which never changes"
            )
    newest = as_of >= before.as_of
    return Package(
        content if newest else before.content, max(as_of, before.as_of), painted(before.pieces, new)
    )


def _same(before: Package | None, after: Package) -> bool:
    if before is None or before.content != after.content:
        return False
    ours = [(each.units, each.content) for each in merged(before.pieces)]
    return ours == [(each.units, each.content) for each in merged(after.pieces)]


async def _write(session: AsyncSession, packages: dict[str, Package]) -> None:
    rows = [
        {"package_number": number, "content": text_of(each.content), "as_of": each.as_of}
        for number, each in packages.items()
    ]
    await upsert(session, PACKAGES, rows, ["package_number"])
    numbers = list(packages)
    for start in range(0, len(numbers), ROWS_PER_STATEMENT):
        some = numbers[start : start + ROWS_PER_STATEMENT]
        await session.execute(delete(RANGES).where(RANGES.c.package_number.in_(some)))
    ranges = [
        {
            "package_number": number,
            "range_from": piece.units.first,
            "range_to": piece.units.last,
            "content": piece.content,
            "as_of": piece.as_of,
        }
        for number, each in packages.items()
        for piece in each.pieces
    ]
    if ranges:
        await session.execute(insert(RANGES), ranges)


async def find(session: AsyncSession, numbers: Iterable[str]) -> dict[str, Package]:
    """Packages by number, in two queries for every few hundred of them."""
    wanted = sorted(set(numbers))
    found: dict[str, Package] = {}
    pieces: dict[str, list[Piece]] = defaultdict(list)
    for start in range(0, len(wanted), ROWS_PER_STATEMENT):
        some = wanted[start : start + ROWS_PER_STATEMENT]
        ranges = select(RANGES).where(RANGES.c.package_number.in_(some))
        for row in await session.execute(ranges.order_by(RANGES.c.package_number, RANGES.c.range_from)):
            units = SubRange(row.range_from, row.range_to)
            pieces[row.package_number].append(Piece(units, row.content, row.as_of))
        for row in await session.execute(select(PACKAGES).where(PACKAGES.c.package_number.in_(some))):
            content = json.loads(row.content)
            found[row.package_number] = Package(content, row.as_of, tuple(pieces[row.package_number]))
    return found
