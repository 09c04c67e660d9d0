"""What one contract sees of a simulated transaction.

Reads never see the transaction's own writes: that is the overlay's job (``chaincode.state``). Refusals have a
peer's words.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from chaincode.hosts.embedded import qscc
from chaincode.hosts.embedded.history import modification
from chaincode.hosts.embedded.metadata import decode_metadata
from chaincode.hosts.embedded.rwset import key_hash
from chaincode.hosts.embedded.simulate import LIFECYCLE, Chaincode, Simulation, height_of, sequence_key
from chaincode.hosts.embedded.store import Entry, full_key, hashed_namespace, private_namespace
from chaincode.hosts.embedded.validator import IMPLICIT_COLLECTION
from chaincode.state import (
    Creator,
    KeyModification,
    KeyValue,
    Page,
    Response,
    StateError,
    Timestamp,
    run,
)

EMPTY_START = "\x01"
RANGE_BATCH = 100
"""Results that a peer hands to a chaincode at once, after it looked one further: so far the range was read."""

QUERY_LIMIT = 100_000
"""Results of one range at most, as a peer's ledger.state.totalQueryLimit; what is beyond is left out."""


async def call(
    simulation: Simulation, name: str, args: tuple[bytes, ...], waiting: tuple[str, ...] = ()
) -> Response:
    """Runs a chaincode.

    :param waiting: chaincodes that wait for its answer, the first one first
    :raises StateError: when there is no such chaincode, or it waits itself: a peer keeps one call of each
    """
    if name == qscc.NAME:
        return qscc.called_by(simulation.invoked)
    chaincode = simulation.registry.get(name)
    if chaincode is None:
        why = f"[channel {simulation.channel}] failed to get chaincode container info for {name}"
        raise simulation.failed(
            "INVOKE_CHAINCODE", f"execute failed: invalid invocation: {why}: chaincode {name} not found"
        )
    simulation.get(LIFECYCLE, [sequence_key(name)])
    if name in waiting:
        why = f"execute failed: error sending: txid: {simulation.txid}({simulation.channel}) exists"
        raise simulation.failed("INVOKE_CHAINCODE", why)
    return await run(chaincode.contract, SimulatedStub(simulation, chaincode, args, waiting))


def _check_key(key: str) -> None:
    if not key:
        raise StateError("invalid key. Empty string is not supported as a key")
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise StateError(f"not a valid utf8 string: {key!r}") from error


class SimulatedStub:
    """One contract's view of a simulation: implements ``chaincode.state.Stub``.

    :param waiting: chaincodes that wait for this one's answer
    """

    def __init__(
        self,
        simulation: Simulation,
        chaincode: Chaincode,
        args: tuple[bytes, ...],
        waiting: tuple[str, ...] = (),
    ) -> None:
        self._simulation = simulation
        self._chaincode = chaincode
        self._space = chaincode.name
        self._args = args
        self._waiting = waiting

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
        request = "WRITE_BATCH_STATE"
        if len(writes) == 1:
            request = "DEL_STATE" if None in writes.values() else "PUT_STATE"
        for key in writes:
            _check_key(key)
        if collection:
            self._check_collection(collection, request)
        self._simulation.check_write(request)
        space = self._simulation.builder.namespace(self._space)
        if not collection:
            space.writes.update(writes)
            return
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
        raise self._simulation.failed("GET_QUERY_RESULT", "ExecuteQuery not supported for leveldb")
        yield  # what makes this a generator

    async def query_page(self, query: str, page_size: int, bookmark: str) -> Page:
        """Always refused, as a query is; after a write already for that."""
        if page_size <= 0:
            raise StateError("a page has at least one entry")
        self._simulation.check_read_only("Paginated queries are")
        self._simulation.paged = True
        raise self._simulation.failed(
            "GET_QUERY_RESULT", "ExecuteQueryWithMetadata not supported for leveldb"
        )

    async def history(self, key: str) -> AsyncIterator[KeyModification]:
        """A key's modifications, newest first."""
        reader = self._simulation.reader
        for position in reader.history(full_key(self._space, key)):
            row = reader.transaction_at(position)
            if row is not None:
                yield modification(row, self._space, key)

    async def get_private_hash(self, collection: str, key: str) -> bytes | None:
        """SHA-256 of a private value."""
        if collection not in self._chaincode.collections:
            why = f"collection [{collection}] not defined in the collection config for chaincode [{self._space}]"
            raise self._simulation.failed("GET_PRIVATE_DATA_HASH", why)
        entry = self._hashed_entry(collection, key)
        return None if entry is None else entry.value

    async def purge_private(self, collection: str, key: str) -> None:
        """Removes a private value and its history."""
        self._check_collection(collection, "PURGE_PRIVATE_DATA")
        self._simulation.check_write("PURGE_PRIVATE_DATA")
        part = self._simulation.builder.namespace(self._space).collection(collection)
        part.writes[key] = None
        part.purges.add(key)

    async def get_metadata(self, key: str, collection: str = "") -> Mapping[str, bytes]:
        """State metadata of a key."""
        if collection:
            self._check_reader(collection, "GET_STATE_METADATA")
            entry = self._hashed_entry(collection, key)
        else:
            entry = self._simulation.get(self._space, [key])[0]
        return {} if entry is None else decode_metadata(entry.metadata)

    async def set_metadata(self, key: str, name: str, value: bytes, collection: str = "") -> None:
        """Sets a key's metadata to this one entry; there are no others any more."""
        request = "PUT_STATE_METADATA"
        _check_key(key)
        if collection:
            self._check_collection(collection, request)
        self._simulation.check_write(request)
        space = self._simulation.builder.namespace(self._space)
        written = space.collection(collection).metadata if collection else space.metadata
        written[key] = {name: value}

    async def invoke_chaincode(self, name: str, args: Sequence[bytes], channel: str = "") -> Response:
        """Calls another chaincode of the same channel, in the same transaction."""
        if channel not in ("", self.channel):
            why = f"Failed to get policy manager for channel [{channel}]"
            raise self._simulation.failed("INVOKE_CHAINCODE", why)
        return await call(self._simulation, name, tuple(args), (*self._waiting, self._space))

    def set_event(self, name: str, payload: bytes) -> None:
        """Sets the transaction's event; events of called chaincodes do not count."""
        if not name:
            raise StateError("event name can not be empty string")
        if not self._waiting:
            self._simulation.event = (name, payload)

    def _scan(self, namespace: str, start: str, end: str) -> Iterator[tuple[str, int, bytes]]:
        low = full_key(namespace, start)
        high = full_key(namespace, end) if end else namespace.encode() + b"\x01"
        prefix = len(namespace.encode()) + 1
        for key, position, value in self._simulation.reader.range(low, high):
            yield key[prefix:].decode(), position, value

    def _check_collection(self, collection: str, request: str) -> None:
        if collection not in self._chaincode.collections:
            why = f"collection {self.channel}/{self._space}/{collection} could not be found"
            raise self._simulation.failed(request, why)

    def _check_reader(self, collection: str, request: str) -> None:
        """Who may read is a matter of who asks; the collection that every organisation has guards by place only."""
        self._check_collection(collection, request)
        members = self._chaincode.collections[collection]
        if self.creator.msp_id not in members and not collection.startswith(IMPLICIT_COLLECTION):
            raise self._simulation.failed(
                request,
                "tx creator does not have read access permission on privatedata in"
                f" chaincodeName:{self._space} collectionName: {collection}",
            )

    def _outside(self, collection: str) -> set[str]:
        """Organisations whose peers simulate without having the collection's values."""
        return set(self._simulation.peers) - self._chaincode.collections[collection]

    def _hashed_entry(self, collection: str, key: str) -> Entry | None:
        stored = full_key(hashed_namespace(self._space, collection), key_hash(key))
        entry = self._simulation.reader.entries([stored]).get(stored)
        reads = self._simulation.builder.namespace(self._space).collection(collection).reads
        reads[key] = None if entry is None else height_of(entry.position)
        return entry

    def _get_private(self, keys: Sequence[str], collection: str) -> list[bytes | None]:
        self._check_reader(collection, "GET_STATE")
        self._simulation.private_reads.add((self._space, collection))
        outside = self._outside(collection)
        space = private_namespace(self._space, collection)
        found = self._simulation.reader.entries(full_key(space, key) for key in keys)
        values: list[bytes | None] = []
        for key in keys:
            hashed = self._hashed_entry(collection, key)
            entry = found.get(full_key(space, key))
            known = None if hashed is None else hashed.value
            value = None if entry is None else entry.value
            lost = known != (None if value is None else hashlib.sha256(value).digest())
            if hashed is not None and (outside or lost):
                self._simulation.lacking |= outside or set(self._simulation.peers)
                block, place = height_of(hashed.position)
                raise self._simulation.failed(
                    "GET_STATE",
                    "private data matching public hash version is not available. Public hash version ="
                    f" {{BlockNum: {block}, TxNum: {place}}}, Private data version = <nil>",
                )
            values.append(value)
        return values

    def _private_range(self, start: str, end: str, collection: str) -> list[KeyValue]:
        self._check_reader(collection, "GET_STATE_BY_RANGE")
        self._simulation.check_read_only("Queries on pvt data is")
        self._simulation.private_query = True
        space = private_namespace(self._space, collection)
        found = [KeyValue(key, value) for key, _, value in self._scan(space, start, end)]
        outside = self._outside(collection)
        if outside == set(self._simulation.peers):
            return []
        if found:
            self._simulation.differing |= outside
        return found
