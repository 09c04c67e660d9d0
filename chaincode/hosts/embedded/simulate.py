"""One transaction while it is simulated, over all chaincodes that it calls: what it reads and writes.

What one called contract sees of it is ``stub.SimulatedStub``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chaincode.hosts.embedded.rwset import Height, RangeSummary, RwSetBuilder
from chaincode.hosts.embedded.store import Entry, Reader, block_of, full_key, place_of
from chaincode.state import Contract, Creator, StateError, Timestamp

LIFECYCLE = "_lifecycle"


@dataclass(frozen=True, slots=True)
class Chaincode:
    """A contract as defined on the channel.

    :param collections: private data collections with the MSP ids of their members
    """

    name: str
    version: str
    sequence: int
    contract: Contract
    collections: Mapping[str, frozenset[str]]


class Registry(Protocol):
    """Finds chaincodes by name."""

    def get(self, name: str) -> Chaincode | None: ...


def sequence_key(name: str) -> str:
    """The lifecycle's key whose version says when a chaincode's definition last changed; endorsers read it."""
    return f"namespaces/fields/{name}/Sequence"


@dataclass(slots=True)
class _OpenRange:
    namespace: str
    start: str
    end: str
    summary: RangeSummary = field(default_factory=RangeSummary)
    last: str = ""
    exhausted: bool = False
    count: int = 0

    def add(self, key: str, position: int) -> None:
        """One more key was read."""
        self.summary.add(key, height_of(position))
        self.last = key
        self.count += 1


@dataclass(slots=True)
class Simulation:
    """One transaction while it is simulated, by one organisation's peer or by several at once.

    :param reader: bound to one snapshot for as long as the simulation lasts
    :param invoked: name of the chaincode that the proposal is for
    :param peers: organisations whose peers simulate; each has the private values of its own collections only
    :param lacking: those of them that lack private values which were read: they fail
    :param differing: those that list other private values than the others do: their results differ
    :param private_reads: chaincode and collection of private values that were read
    """

    reader: Reader
    registry: Registry
    channel: str
    invoked: str
    peers: Sequence[str]
    txid: str
    timestamp: Timestamp
    creator: Creator
    transient: Mapping[str, bytes]
    builder: RwSetBuilder = field(default_factory=RwSetBuilder)
    event: tuple[str, bytes] | None = None
    wrote: bool = False
    paged: bool = False
    private_query: bool = False
    lacking: set[str] = field(default_factory=set)
    differing: set[str] = field(default_factory=set)
    private_reads: set[tuple[str, str]] = field(default_factory=set)
    _ranges: list[_OpenRange] = field(default_factory=list)

    def get(self, namespace: str, keys: Sequence[str]) -> list[Entry | None]:
        """Public keys; recorded as read."""
        full = [full_key(namespace, key) for key in keys]
        found = self.reader.entries(full)
        reads = self.builder.namespace(namespace).reads
        entries = []
        for key, stored in zip(keys, full, strict=True):
            entry = found.get(stored)
            reads[key] = None if entry is None else height_of(entry.position)
            entries.append(entry)
        return entries

    def open_range(self, namespace: str, start: str, end: str) -> _OpenRange:
        """Begins to record a range."""
        opened = _OpenRange(namespace, start, end)
        self._ranges.append(opened)
        return opened

    def failed(self, request: str, why: str) -> StateError:
        """What a contract is told when a peer refuses one of its requests."""
        return StateError(f"{request} failed: transaction ID: {self.txid}: {why}")

    def check_write(self, request: str) -> None:
        """:raises StateError: when this transaction did what cannot be mixed with writes"""
        begin = f"txid [{self.txid}]: unsuppored transaction. Transaction has already performed"
        if self.private_query:
            raise self.failed(request, f"{begin} queries on pvt data. Writes are not allowed")
        if self.paged:
            raise self.failed(request, f"{begin} a paginated query. Writes are not allowed")
        self.wrote = True

    def check_read_only(self, what: str) -> None:
        """:raises StateError: when this transaction wrote something"""
        if self.wrote:
            why = f"unsuppored transaction. {what} supported only in a read-only transaction"
            raise self.failed("GET_STATE_BY_RANGE", f"txid [{self.txid}]: {why}")

    def finish(self) -> RwSetBuilder:
        """Closes the ranges and gives what was recorded."""
        for opened in self._ranges:
            end = opened.end if opened.exhausted else opened.last
            if opened.exhausted or opened.last:
                info = opened.summary.finish(opened.start, end, exhausted=opened.exhausted)
                self.builder.range_read(opened.namespace, info)
        self._ranges.clear()
        return self.builder


def height_of(position: int) -> Height:
    """A position as block and place."""
    return block_of(position), place_of(position)
