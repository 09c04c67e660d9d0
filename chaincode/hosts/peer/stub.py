"""One transaction's view of the ledger, asked of its peer: implements ``chaincode.state.Stub``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

from google.protobuf.message import DecodeError, Message

from chaincode.hosts.peer.exchange import Exchange
from chaincode.hosts.peer.frames import Kind
from chaincode.hosts.peer.proposal import Caller
from chaincode.state import KeyModification, KeyValue, Page, Response, StateError, Timestamp
from consortium.wire.fabric.ledger.queryresult import kv_query_result_pb2 as rows
from consortium.wire.fabric.peer import chaincode_shim_pb2 as shim
from consortium.wire.fabric.peer.chaincode_pb2 import (
    ChaincodeAdditionalParams,
    ChaincodeID,
    ChaincodeInput,
    ChaincodeSpec,
)
from consortium.wire.fabric.peer.proposal_response_pb2 import Response as ResponseMessage

EMPTY_START: Final = "\x01"
"""Where a range without a start begins: behind the composite keys."""

DEFAULT_BATCH: Final = 100
"""When a peer offers batches and does not say how large."""

MAX_BATCH: Final = 10_000
"""However many a peer offers: what one message should hold."""

CHUNK_BYTES: Final = 8 * 1024 * 1024
"""Of values, in one message: far below a peer's limit, and little memory."""

MAX_PAGE: Final = 2**31 - 1
CHAINCODE_ERROR: Final = 500

Row = TypeVar("Row")
M = TypeVar("M", bound=Message)
PUT: Final = shim.WriteRecord.PUT_STATE
DELETE: Final = shim.WriteRecord.DEL_STATE


@dataclass(frozen=True, slots=True)
class Offer:
    """What a peer takes at once; 0: it does not know such messages (2.5 and before).

    :param writes: records in one WRITE_BATCH_STATE
    :param keys: keys in one GET_STATE_MULTIPLE
    """

    writes: int = 0
    keys: int = 0

    @classmethod
    def of_ready(cls, payload: bytes) -> Offer:
        """What READY says; nothing usable is no offer."""
        try:
            said = ChaincodeAdditionalParams.FromString(payload)
        except DecodeError:
            return cls()
        return cls(
            writes=min(said.max_size_write_batch or DEFAULT_BATCH, MAX_BATCH) if said.use_write_batch else 0,
            keys=min(said.max_size_get_multiple_keys or DEFAULT_BATCH, MAX_BATCH)
            if said.use_get_multiple_keys
            else 0,
        )


class PeerStub:
    """What a contract is given on Fabric.

    :param args: function name and arguments
    """

    __slots__ = (
        "_exchange",
        "_offer",
        "_open",
        "args",
        "channel",
        "creator",
        "event",
        "timestamp",
        "transient",
        "txid",
    )

    def __init__(
        self,
        exchange: Exchange,
        offer: Offer,
        *,
        channel: str,
        txid: str,
        caller: Caller,
        args: tuple[bytes, ...],
    ) -> None:
        self._exchange = exchange
        self._offer = offer
        self._open: dict[str, None] = {}
        self.channel = channel
        self.txid = txid
        self.timestamp = caller.timestamp
        self.creator = caller.creator
        self.transient = caller.transient
        self.args = args
        self.event: tuple[str, bytes] | None = None

    async def get_many(self, keys: Sequence[str], collection: str = "") -> list[bytes | None]:
        """Values of keys, in their order.

        Private ones one by one: asked for several, peers of 3.1 do not look whether they hold the value that belongs to
        the hash on the ledger, and say that there is none.
        """
        limit = self._offer.keys
        if len(keys) <= 1 or not limit or collection:
            return [await self._get(key, collection) for key in keys]
        # In the database's order: a peer then reads the index of each of LevelDB's tables once, not once for each key.
        ordered = sorted(set(keys))
        found: dict[str, bytes] = {}
        for begin in range(0, len(ordered), limit):
            part = ordered[begin : begin + limit]
            question = _encoded(partial(shim.GetStateMultiple, keys=part))
            answer = await self._exchange.ask(Kind.GET_STATE_MULTIPLE, question)
            values = _decoded(shim.GetStateMultipleResult, answer).values
            if len(values) != len(part):
                raise StateError(f"the peer answered {len(values)} values for {len(part)} keys")
            found.update(zip(part, values, strict=True))
        return [found[key] or None for key in keys]

    async def write_many(self, writes: Mapping[str, bytes | None], collection: str = "") -> None:
        """Puts values, deletes where the value is None; in sorted key order."""
        items = sorted(writes.items())
        if not self._offer.writes or len(items) == 1:
            for key, value in items:
                await self._write(key, value, collection)
            return
        for part in _chunks(items, self._offer.writes):
            await self._exchange.ask(Kind.WRITE_BATCH_STATE, _encoded(partial(_batch, part, collection)))

    def range(self, start: str, end: str, collection: str = "") -> AsyncIterator[KeyValue]:
        """Keys from ``start`` to before ``end``; composite keys when both begin with U+0000."""
        question = _encoded(
            lambda: shim.GetStateByRange(startKey=start or EMPTY_START, endKey=end, collection=collection)
        )
        return Rows(self, Kind.GET_STATE_BY_RANGE, question, _key_value)

    async def range_page(self, start: str, end: str, page_size: int, bookmark: str) -> Page:
        """One page of a range."""
        metadata = _page(page_size, bookmark)
        question = _encoded(
            lambda: shim.GetStateByRange(startKey=start or EMPTY_START, endKey=end, metadata=metadata)
        )
        return await self._one_page(Kind.GET_STATE_BY_RANGE, question)

    def query(self, query: str, collection: str = "") -> AsyncIterator[KeyValue]:
        """A rich query; peers with LevelDB refuse it."""
        question = _encoded(lambda: shim.GetQueryResult(query=query, collection=collection))
        return Rows(self, Kind.GET_QUERY_RESULT, question, _key_value)

    async def query_page(self, query: str, page_size: int, bookmark: str) -> Page:
        """One page of a rich query."""
        metadata = _page(page_size, bookmark)
        question = _encoded(lambda: shim.GetQueryResult(query=query, metadata=metadata))
        return await self._one_page(Kind.GET_QUERY_RESULT, question)

    def history(self, key: str) -> AsyncIterator[KeyModification]:
        """A key's modifications, newest first."""
        question = _encoded(lambda: shim.GetHistoryForKey(key=key))
        return Rows(self, Kind.GET_HISTORY_FOR_KEY, question, _modification)

    async def get_private_hash(self, collection: str, key: str) -> bytes | None:
        """SHA-256 of a private value."""
        question = _encoded(lambda: shim.GetState(key=key, collection=collection))
        return await self._exchange.ask(Kind.GET_PRIVATE_DATA_HASH, question) or None

    async def purge_private(self, collection: str, key: str) -> None:
        """Removes a private value and its history."""
        question = _encoded(lambda: shim.PurgePrivateState(key=key, collection=collection))
        await self._exchange.ask(Kind.PURGE_PRIVATE_DATA, question)

    async def get_metadata(self, key: str, collection: str = "") -> Mapping[str, bytes]:
        """State metadata of a key."""
        question = _encoded(lambda: shim.GetStateMetadata(key=key, collection=collection))
        answer = await self._exchange.ask(Kind.GET_STATE_METADATA, question)
        entries = _decoded(shim.StateMetadataResult, answer).entries
        return {entry.metakey: entry.value for entry in entries}

    async def set_metadata(self, key: str, name: str, value: bytes, collection: str = "") -> None:
        """Sets a key's metadata to one entry: peers keep the last one that a transaction sets."""
        question = _encoded(
            lambda: shim.PutStateMetadata(
                key=key, collection=collection, metadata=shim.StateMetadata(metakey=name, value=value)
            )
        )
        await self._exchange.ask(Kind.PUT_STATE_METADATA, question)

    async def invoke_chaincode(self, name: str, args: Sequence[bytes], channel: str = "") -> Response:
        """Calls another chaincode, in the same transaction; of another channel, only what it reads counts."""
        target = f"{name}/{channel}" if channel else name
        question = _encoded(
            lambda: ChaincodeSpec(chaincode_id=ChaincodeID(name=target), input=ChaincodeInput(args=args))
        )
        answer = await self._exchange.ask(Kind.INVOKE_CHAINCODE, question)
        inner = _decoded(shim.ChaincodeMessage, answer)
        if inner.type != Kind.COMPLETED:
            return Response(CHAINCODE_ERROR, message=inner.payload.decode("utf-8", "replace"))
        response = _decoded(ResponseMessage, inner.payload)
        return Response(response.status, response.payload, response.message)

    def set_event(self, name: str, payload: bytes) -> None:
        """Sets the transaction's event; of a called chaincode peers leave it out."""
        if not name:
            raise StateError("event name can not be empty string")
        self.event = (name, payload)

    async def close_queries(self) -> None:
        """Closes what the contract began to read and did not read to its end."""
        while self._open:
            await self.close_query(next(iter(self._open)))

    async def ask_rows(self, kind: int, question: bytes) -> shim.QueryResponse:
        """Begins a query, or goes on with it."""
        response = _decoded(shim.QueryResponse, await self._exchange.ask(kind, question))
        if response.has_more:
            self._open[response.id] = None
        else:
            self._open.pop(response.id, None)
        return response

    async def close_query(self, identifier: str) -> None:
        """Lets the peer give up a query."""
        if identifier in self._open:
            del self._open[identifier]
            question = shim.QueryStateClose(id=identifier).SerializeToString()
            await self._exchange.ask(Kind.QUERY_STATE_CLOSE, question)

    async def _get(self, key: str, collection: str) -> bytes | None:
        question = _encoded(lambda: shim.GetState(key=key, collection=collection))
        return await self._exchange.ask(Kind.GET_STATE, question) or None

    async def _write(self, key: str, value: bytes | None, collection: str) -> None:
        if value is None:
            question = _encoded(lambda: shim.DelState(key=key, collection=collection))
            await self._exchange.ask(Kind.DEL_STATE, question)
        else:
            question = _encoded(lambda: shim.PutState(key=key, value=value, collection=collection))
            await self._exchange.ask(Kind.PUT_STATE, question)

    async def _one_page(self, kind: int, question: bytes) -> Page:
        response = await self.ask_rows(kind, question)
        await self.close_query(response.id)
        metadata = _decoded(shim.QueryResponseMetadata, response.metadata)
        return Page(tuple(_key_value(row.resultBytes) for row in response.results), metadata.bookmark)


class Rows(Generic[Row]):
    """Rows of a query, fetched as they are read.

    No generator: Python would close one that is left half read in a task of its own, while the contract goes on asking.
    What is left half read is closed by ``aclose``, or when the transaction ends.
    """

    __slots__ = ("_first", "_identifier", "_kind", "_more", "_read", "_rows", "_stub")

    def __init__(self, stub: PeerStub, kind: int, first: bytes, read: Callable[[bytes], Row]) -> None:
        self._stub = stub
        self._kind = kind
        self._first: bytes | None = first
        self._read = read
        self._rows: Iterator[shim.QueryResultBytes] = iter(())
        self._identifier = ""
        self._more = False

    def __aiter__(self) -> Rows[Row]:
        return self

    async def __anext__(self) -> Row:
        while True:
            row = next(self._rows, None)
            if row is not None:
                return self._read(row.resultBytes)
            if self._first is not None:
                kind, question, self._first = self._kind, self._first, None
            elif self._more:
                kind = Kind.QUERY_STATE_NEXT
                question = shim.QueryStateNext(id=self._identifier).SerializeToString()
            else:
                raise StopAsyncIteration
            response = await self._stub.ask_rows(kind, question)
            self._identifier = response.id
            self._more = response.has_more
            self._rows = iter(response.results)

    async def aclose(self) -> None:
        """Gives up the rest."""
        self._first = None
        self._more = False
        self._rows = iter(())
        await self._stub.close_query(self._identifier)


def _encoded(make: Callable[[], Message]) -> bytes:
    """A question's bytes.

    :raises StateError: a key is no UTF-8, a value no bytes
    """
    try:
        return make().SerializeToString()
    except UnicodeEncodeError as error:
        raise StateError(f"not a valid utf8 string: {error.object!r}") from error
    except (TypeError, ValueError) as error:
        raise StateError(f"cannot be asked of a peer: {error}") from error


def _decoded(kind: type[M], data: bytes) -> M:
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise StateError(f"the peer's answer is no {kind.DESCRIPTOR.name}") from error


def _chunks(items: list[tuple[str, bytes | None]], limit: int) -> Iterator[list[tuple[str, bytes | None]]]:
    chunk: list[tuple[str, bytes | None]] = []
    size = 0
    for item in items:
        added = len(item[1] or b"")
        if chunk and (len(chunk) == limit or size + added > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(item)
        size += added
    if chunk:
        yield chunk


def _batch(items: list[tuple[str, bytes | None]], collection: str) -> shim.WriteBatchState:
    batch = shim.WriteBatchState()
    add = batch.rec.add
    for key, value in items:
        if value is None:
            add(key=key, collection=collection, type=DELETE)
        else:
            add(key=key, value=value, collection=collection, type=PUT)
    return batch


def _page(size: int, bookmark: str) -> bytes:
    if not 0 < size <= MAX_PAGE:
        raise StateError("a page has at least one entry")
    return _encoded(lambda: shim.QueryMetadata(pageSize=size, bookmark=bookmark))


def _key_value(data: bytes) -> KeyValue:
    row = _decoded(rows.KV, data)
    return KeyValue(row.key, row.value)


def _modification(data: bytes) -> KeyModification:
    row = _decoded(rows.KeyModification, data)
    stamp = row.timestamp
    return KeyModification(row.tx_id, row.value, Timestamp(stamp.seconds, stamp.nanos), row.is_delete)
