"""What moves through the outbox: items, lanes and batches."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from consortium.contract.names import (
    ASSETS_ALIAS,
    ASSETS_LINK,
    DOCUMENTS_REGISTER,
    ENCUMBRANCES_FACT,
    MAX_CLAIM_ITEMS,
    MAX_REGISTER_ITEMS,
)

REGISTER: Final = "register"
LINK: Final = "link"
FACT: Final = "fact"
ALIAS: Final = "alias"


@dataclass(frozen=True, slots=True)
class Lane:
    """Items that may share a transaction.

    :param function: the contract's function that takes them
    :param max_items: what the contract takes in one call
    :param grouped: whether items of one trade root must not be under way in two transactions at once
    """

    name: str
    function: str
    max_items: int
    grouped: bool


LANES: Mapping[str, Lane] = {
    REGISTER: Lane(REGISTER, DOCUMENTS_REGISTER, MAX_REGISTER_ITEMS, grouped=False),
    ALIAS: Lane(ALIAS, ASSETS_ALIAS, MAX_CLAIM_ITEMS, grouped=True),
    LINK: Lane(LINK, ASSETS_LINK, MAX_CLAIM_ITEMS, grouped=True),
    FACT: Lane(FACT, ENCUMBRANCES_FACT, MAX_CLAIM_ITEMS, grouped=True),
}
"""Registrations read no claims and never wait for them, so facts and weights have lanes of their own."""


class OutboxItem(NamedTuple):
    """One thing that the ledger does not have yet.

    :param key: unique within its lane while under way: the fingerprint, or child and parent
    :param root: the trade root whose claims the contract will touch; items of one root go one after the other
    :param payload: canonical JSON of the contract's item
    :param sequence: order of arrival, for packing; gaps and late comers are fine
    :param parcel: the parcel in which the item is stored, with others; empty where it has a row of its own
    :param document_id: the document's identifier where it is known; the key finds it too
    """

    lane: str
    key: str
    root: str
    payload: bytes
    sequence: int
    parcel: str = ""
    document_id: str = ""

    @property
    def stored_as(self) -> str:
        """The stored row that holds it: what is taken, held and given back as one."""
        return self.parcel or self.key


def in_order(items: Iterable[OutboxItem]) -> list[OutboxItem]:
    """Items as the database gives those of a batch: single ones by key, then parcels, their items as they are."""
    return sorted(items, key=lambda item: (item.parcel, "" if item.parcel else item.key))


def parcels_of(items: Iterable[OutboxItem]) -> list[list[OutboxItem]]:
    """Consecutive items, parcel by parcel; a single one stands alone."""
    found: list[list[OutboxItem]] = []
    for item in items:
        if item.parcel and found and found[-1][-1].parcel == item.parcel:
            found[-1].append(item)
        else:
            found.append([item])
    return found


def cut(parts: Sequence[Sequence[OutboxItem]]) -> list[list[OutboxItem]]:
    """The same parts, where no parcel lies in two of them: what a cut leaves of one becomes a parcel of its own."""
    seen = Counter(name for part in parts for name in {item.parcel for item in part})
    made: list[list[OutboxItem]] = []
    for part in parts:
        new = {item.parcel: new_id() for item in part if item.parcel and seen[item.parcel] > 1}
        made.append(in_order(item._replace(parcel=new.get(item.parcel, item.parcel)) for item in part))
    return made


@dataclass(slots=True)
class Batch:
    """One ledger transaction's worth of items, as the worker holds it.

    :param items: in the order of :func:`in_order`, which is the order of the contract's results as well
    :param version: the stored row's version that this process saw last; 0 while nothing is stored
    :param txid: the present envelope's id; empty without one
    """

    lane: str
    items: Sequence[OutboxItem]
    operation_id: str = field(default_factory=lambda: secrets.token_hex(16))
    batch_id: str = field(default_factory=lambda: new_id())  # noqa: PLW0108 - defined below
    failures: int = 0
    version: int = 0
    txid: str = ""
    envelope: bytes = b""
    prepared_at: int = 0

    @property
    def stored(self) -> bool:
        """Whether the database has this batch."""
        return self.version > 0

    def request(self) -> bytes:
        """The contract's request: canonical JSON, joined from items that are canonical already."""
        return (
            b'{"items":['
            + b",".join(item.payload for item in self.items)
            + b'],"op":"%s"}' % (self.operation_id.encode())
        )


_SERIES_DIGITS: Final = 6
_sequence_lock = threading.Lock()
_last_sequence = 0


def next_sequence(count: int = 1) -> int:
    """The first of ``count`` sequence numbers: microseconds since 1970, never the same twice in one
    process.
    """
    global _last_sequence  # noqa: PLW0603 - one counter per process is the point
    with _sequence_lock:
        first = max(time.time_ns() // 1_000, _last_sequence + 1)
        _last_sequence = first + count - 1
        return first


def new_id() -> str:
    """A new identifier: 32 hex digits that begin with the time, so that new rows stand beside each other."""
    return f"{next_sequence():016x}{secrets.token_hex(8)}"


MAX_SERIES = 16**_SERIES_DIGITS
"""Identifiers of one series."""


def new_series() -> str:
    """What new identifiers of one chunk begin with; :func:`of_series` completes them."""
    return new_id()[:-_SERIES_DIGITS]


def of_series(series: str, number: int) -> str:
    """An identifier of a series: consecutive numbers are neighbours, and nobody else's come between them."""
    return f"{series}{number:06x}"


def runs_of(ids: Iterable[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Identifiers as ranges of one series, first and last, and those that stand alone."""
    ranges: list[list[str]] = []
    for name in sorted(ids):
        last = ranges[-1][1] if ranges else ""
        if last[:-_SERIES_DIGITS] == name[:-_SERIES_DIGITS] and int(last[-_SERIES_DIGITS:], 16) + 1 == int(
            name[-_SERIES_DIGITS:], 16
        ):
            ranges[-1][1] = name
        else:
            ranges.append([name, name])
    return (
        [(first, last) for first, last in ranges if first != last],
        [first for first, last in ranges if first == last],
    )
