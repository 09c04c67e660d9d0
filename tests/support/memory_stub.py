"""A ledger in memory that runs a contract transaction by transaction, each with a stub of its own.

Reads see the state before the transaction, as on Fabric; writes are applied when it succeeded. Everything asked of the
stub is counted, so that tests can say how many questions a function may ask a peer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

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


@dataclass
class MemoryLedger:
    """State, history and events of one channel."""

    contract: Contract
    channel: str = "chanrong"
    state: dict[str, bytes] = field(default_factory=dict)
    versions: dict[str, list[KeyModification]] = field(default_factory=dict)
    events: list[tuple[str, bytes]] = field(default_factory=list)
    transactions: int = 0

    async def invoke(
        self,
        msp_id: str,
        function: str,
        body: bytes,
        *,
        now: int,
        transient: Mapping[str, bytes] | None = None,
        txid: str = "",
    ) -> tuple[Response, MemoryStub]:
        """Runs one transaction and commits it when it succeeded.

        :param txid: of a transaction that ran elsewhere; else a new one
        """
        self.transactions += 1
        stub = MemoryStub(
            ledger=self,
            txid=txid or sha256(str(self.transactions).encode()).hexdigest(),
            timestamp=Timestamp(now),
            creator=Creator(msp_id, b""),
            args=(function.encode(), body),
            transient=dict(transient or {}),
        )
        response = await run(self.contract, stub)
        if 200 <= response.status < 400:
            self._commit(stub)
        return response, stub

    def _commit(self, stub: MemoryStub) -> None:
        for key, value in stub.writes.items():
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value
            change = KeyModification(stub.txid, value or b"", stub.timestamp, value is None)
            self.versions.setdefault(key, []).append(change)
        if stub.event is not None:
            self.events.append(stub.event)


@dataclass
class MemoryStub:
    """One transaction's view (:class:`chaincode.state.Stub`).

    :ivar reads: the keys of each question
    :ivar ranges: start and end of each range asked for
    """

    ledger: MemoryLedger
    txid: str
    timestamp: Timestamp
    creator: Creator
    args: tuple[bytes, ...]
    transient: Mapping[str, bytes]
    reads: list[tuple[str, ...]] = field(default_factory=list)
    ranges: list[tuple[str, str]] = field(default_factory=list)
    writes: dict[str, bytes | None] = field(default_factory=dict)
    event: tuple[str, bytes] | None = None

    @property
    def channel(self) -> str:
        return self.ledger.channel

    async def get_many(self, keys: Sequence[str], collection: str = "") -> list[bytes | None]:
        self.reads.append(tuple(keys))
        return [self.ledger.state.get(key) for key in keys]

    async def write_many(self, writes: Mapping[str, bytes | None], collection: str = "") -> None:
        self.writes.update(writes)

    async def range(self, start: str, end: str, collection: str = "") -> AsyncIterator[KeyValue]:
        self.ranges.append((start, end))
        for key in sorted(self.ledger.state):
            if key >= start and (not end or key < end):
                yield KeyValue(key, self.ledger.state[key])

    async def range_page(self, start: str, end: str, page_size: int, bookmark: str) -> Page:
        raise StateError("not in memory")

    async def query(self, query: str, collection: str = "") -> AsyncIterator[KeyValue]:
        raise StateError("not in memory")
        yield  # makes it a generator

    async def query_page(self, query: str, page_size: int, bookmark: str) -> Page:
        raise StateError("not in memory")

    async def history(self, key: str) -> AsyncIterator[KeyModification]:
        for change in reversed(self.ledger.versions.get(key, [])):
            yield change

    async def get_private_hash(self, collection: str, key: str) -> bytes | None:
        return None

    async def purge_private(self, collection: str, key: str) -> None:
        raise StateError("not in memory")

    async def get_metadata(self, key: str, collection: str = "") -> Mapping[str, bytes]:
        return {}

    async def set_metadata(self, key: str, name: str, value: bytes, collection: str = "") -> None:
        raise StateError("not in memory")

    async def invoke_chaincode(self, name: str, args: Sequence[bytes], channel: str = "") -> Response:
        raise StateError("not in memory")

    def set_event(self, name: str, payload: bytes) -> None:
        self.event = (name, payload)
