"""Runs a contract against one snapshot of the state and records what it reads and writes.

:class:`Simulation` is one transaction, over all chaincodes that it calls; :class:`SimulatedStub` is what one
called contract sees of it. Reads never see the transaction's own writes: that is the overlay's job
(``chaincode.state``).
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chaincode.hosts.embedded.history import modification
from chaincode.hosts.embedded.metadata import decode_metadata
from chaincode.hosts.embedded.rwset import Height, RangeSummary, RwSetBuilder, key_hash
from chaincode.hosts.embedded.store import (
    Entry,
    Reader,
    block_of,
    full_key,
    hashed_namespace,
    place_of,
    private_namespace,
)
from chaincode.state import (
    Contract,
    Creator,
    KeyModification,
    KeyValue,
    Page,
    Response,
    StateError,
    Timestamp,
    run,
)

MAX_CALL_DEPTH = 10
EMPTY_START = "\x01"
LIFECYCLE = "_lifecycle"
RANGE_BATCH = 100
"""Results that a peer hands to a chaincode at once, after it looked one further: so far the range was read."""

QUERY_LIMIT = 100_000
"""Results of one range at most, as a peer's ledger.state.totalQueryLimit; what is beyond is left out."""


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
    """One transaction while it is simulated.

    :param reader: bound to one snapshot for as long as the simulation lasts
    """

    reader: Reader
    registry: Registry
    channel: str
    txid: str
    timestamp: Timestamp
    creator: Creator
    transient: Mapping[str, bytes]
    builder: RwSetBuilder = field(default_factory=RwSetBuilder)
    event: tuple[str, bytes] | None = None
    wrote: bool = False
    paged: bool = False
    private_query: bool = False
    _ranges: list[_OpenRange] = field(default_factory=list)

    async def call(self, name: str, args: tuple[bytes, ...], depth: int = 0) -> Response:
        """Runs a chaincode.

        :raises StateError: when there is no such chaincode, or calls nest too deep
        """
        chaincode = self.registry.get(name)
        if chaincode is None:
            raise StateError(
                f"make sure the chaincode {name} has been successfully defined on channel {self.channel} and try"
                f" again: chaincode {name} not found"
            )
        if depth > MAX_CALL_DEPTH:
            raise StateError(f"chaincode calls nest deeper than {MAX_CALL_DEPTH}")
        self.get(LIFECYCLE, [sequence_key(name)])
        return await run(chaincode.contract, SimulatedStub(self, chaincode, args, depth))

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

    def check_write(self) -> None:
        """:raises StateError: when this transaction did what cannot be mixed with writes"""
        if self.private_query:
            raise StateError(
                f"txid [{self.txid}]: unsuppored transaction. Transaction has already performed queries on pvt data."
                " Writes are not allowed"
            )
        if self.paged:
            raise StateError(
                f"txid [{self.txid}]: unsuppored transaction. Transaction has already performed a paginated query."
                " Writes are not allowed"
            )
        self.wrote = True

    def check_read_only(self, what: str) -> None:
        """:raises StateError: when this transaction wrote something"""
        if self.wrote:
            raise StateError(
                f"txid [{self.txid}]: unsuppored transaction. {what} supported only in a read-only transaction"
            )

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


def _check_key(key: str) -> None:
    if not key:
        raise StateError("invalid key. Empty string is not supported as a key")
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise StateError(f"not a valid utf8 string: {key!r}") from error


class SimulatedStub:
    """One contract's view of a simulation: implements ``chaincode.state.Stub``."""

    def __init__(
        self, simulation: Simulation, chaincode: Chaincode, args: tuple[bytes, ...], depth: int
    ) -> None:
        self._simulation = simulation
        self._chaincode = chaincode
        self._space = chaincode.name
        self._args = args
        self._depth = depth

    @property
    def txid(self) -> str:
        """Transaction id."""
        return self._simulation.txid

    @property
    def channel(self) -> str:
        """Channel."""
        return self._simulation.channel

    @property
    def timestamp(self) -> Timestamp:
        """Transaction time, the client's word."""
        return self._simulation.timestamp

    @property
    def creator(self) -> Creator:
        """Who signed the proposal."""
        return self._simulation.creator

    @property
    def args(self) -> tuple[bytes, ...]:
        """Function name and arguments."""
        return self._args

    @property
    def transient(self) -> Mapping[str, bytes]:
        """Values that do not reach the ledger."""
        return self._simulation.transient

    async def get_many(self, keys: Sequence[str], collection: str = "") -> list[bytes | None]:
        """Values of keys, in their order."""
        if not collection:
            found = self._simulation.get(self._space, keys)
            return [None if entry is None else entry.value for entry in found]
        return self._get_private(keys, collection)

    async def write_many(self, writes: Mapping[str, bytes | None], collection: str = "") -> None:
        """Records writes; a None deletes."""
        if not writes:
            return
        self._simulation.check_write()
        for key in writes:
            _check_key(key)
        space = self._simulation.builder.namespace(self._space)
        if not collection:
            space.writes.update(writes)
            return
        self._check_collection(collection)
        part = space.collection(collection)
        part.writes.update(writes)
        part.purges.difference_update(writes)

    async def range(self, start: str, end: str, collection: str = "") -> AsyncIterator[KeyValue]:
        """Keys from ``start`` to before ``end``."""
        start = start or EMPTY_START
        if collection:
            for item in self._private_range(start, end, collection):
                yield item
            return
        opened = self._simulation.open_range(self._space, start, end)
        results = self._scan(self._space, start, end)
        pending: list[KeyValue] = []
        more = True
        while more:
            more = False
            for key, position, value in results:
                opened.add(key, position)
                pending.append(KeyValue(key, value))
                more = len(pending) > RANGE_BATCH
                if more or opened.count == QUERY_LIMIT:
                    break
            else:
                opened.exhausted = True
            batch, pending = (pending[:RANGE_BATCH], pending[RANGE_BATCH:]) if more else (pending, [])
            for item in batch:
                yield item

    async def range_page(self, start: str, end: str, page_size: int, bookmark: str) -> Page:
        """One page of a range."""
        if page_size <= 0:
            raise StateError("a page has at least one entry")
        self._simulation.check_read_only("Paginated queries are")
        self._simulation.paged = True
        start = bookmark or start or EMPTY_START
        opened = self._simulation.open_range(self._space, start, end)
        items: list[KeyValue] = []
        bookmark = ""
        for key, position, value in self._scan(self._space, start, end):
            if len(items) == min(page_size, QUERY_LIMIT):
                bookmark = key
                break
            opened.add(key, position)
            items.append(KeyValue(key, value))
        opened.exhausted = len(items) < page_size and not bookmark
        return Page(tuple(items), bookmark)

    async def query(self, query: str, collection: str = "") -> AsyncIterator[KeyValue]:
        """Always refused: this state database has no query language."""
        raise StateError("ExecuteQuery not supported for leveldb")
        yield  # what makes this a generator

    async def history(self, key: str) -> AsyncIterator[KeyModification]:
        """A key's modifications, newest first."""
        reader = self._simulation.reader
        for position in reader.history(full_key(self._space, key)):
            row = reader.transaction_at(position)
            if row is not None:
                yield modification(row, self._space, key)

    async def get_private_hash(self, collection: str, key: str) -> bytes | None:
        """SHA-256 of a private value."""
        self._check_collection(collection)
        entry = self._hashed_entry(collection, key)
        return None if entry is None else entry.value

    async def purge_private(self, collection: str, key: str) -> None:
        """Removes a private value and its history."""
        self._check_collection(collection)
        self._simulation.check_write()
        part = self._simulation.builder.namespace(self._space).collection(collection)
        part.writes[key] = None
        part.purges.add(key)

    async def get_metadata(self, key: str, collection: str = "") -> Mapping[str, bytes]:
        """State metadata of a key."""
        if collection:
            self._check_collection(collection)
            entry = self._hashed_entry(collection, key)
        else:
            entry = self._simulation.get(self._space, [key])[0]
        return {} if entry is None else decode_metadata(entry.metadata)

    async def set_metadata(self, key: str, name: str, value: bytes, collection: str = "") -> None:
        """Sets one entry of a key's metadata; the others stay."""
        self._simulation.check_write()
        space = self._simulation.builder.namespace(self._space)
        written = space.collection(collection).metadata if collection else space.metadata
        merged = dict(written[key]) if key in written else dict(await self.get_metadata(key, collection))
        merged[name] = value
        written[key] = merged

    async def invoke_chaincode(self, name: str, args: Sequence[bytes], channel: str = "") -> Response:
        """Calls another chaincode of the same channel, in the same transaction."""
        if channel not in ("", self.channel):
            raise StateError(f"failed to find ledger for channel: {channel}")
        return await self._simulation.call(name, tuple(args), self._depth + 1)

    def set_event(self, name: str, payload: bytes) -> None:
        """Sets the transaction's event; events of called chaincodes do not count."""
        if not name:
            raise StateError("event name can not be empty string")
        if self._depth == 0:
            self._simulation.event = (name, payload)

    def _scan(self, namespace: str, start: str, end: str) -> Iterator[tuple[str, int, bytes]]:
        low = full_key(namespace, start)
        high = full_key(namespace, end) if end else namespace.encode() + b"\x01"
        prefix = len(namespace.encode()) + 1
        for key, position, value in self._simulation.reader.range(low, high):
            yield key[prefix:].decode(), position, value

    def _check_collection(self, collection: str) -> None:
        if collection not in self._chaincode.collections:
            raise StateError(
                f"collection [{collection}] not defined in the collection config for chaincode [{self._space}]"
            )

    def _check_member(self, collection: str) -> None:
        self._check_collection(collection)
        if self.creator.msp_id not in self._chaincode.collections[collection]:
            raise StateError(
                "tx creator does not have read access permission on privatedata in"
                f" chaincodeName:{self._space} collectionName: {collection}"
            )

    def _hashed_entry(self, collection: str, key: str) -> Entry | None:
        stored = full_key(hashed_namespace(self._space, collection), key_hash(key))
        entry = self._simulation.reader.entries([stored]).get(stored)
        reads = self._simulation.builder.namespace(self._space).collection(collection).reads
        reads[key] = None if entry is None else height_of(entry.position)
        return entry

    def _get_private(self, keys: Sequence[str], collection: str) -> list[bytes | None]:
        self._check_member(collection)
        space = private_namespace(self._space, collection)
        found = self._simulation.reader.entries(full_key(space, key) for key in keys)
        values: list[bytes | None] = []
        for key in keys:
            hashed = self._hashed_entry(collection, key)
            entry = found.get(full_key(space, key))
            known = None if hashed is None else hashed.value
            value = None if entry is None else entry.value
            if known != (None if value is None else hashlib.sha256(value).digest()):
                raise StateError(
                    f"private data matching public hash version is not available: {collection} {key!r}"
                )
            values.append(value)
        return values

    def _private_range(self, start: str, end: str, collection: str) -> list[KeyValue]:
        self._check_member(collection)
        self._simulation.check_read_only("Queries on pvt data is")
        self._simulation.private_query = True
        space = private_namespace(self._space, collection)
        return [KeyValue(key, value) for key, _, value in self._scan(space, start, end)]
