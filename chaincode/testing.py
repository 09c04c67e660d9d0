"""For unit tests of contracts: a ledger in memory, transaction by transaction, without peers or processes.

```python
ledger = MemoryLedger(StockContract())
done = await ledger.submit("receive", "LOT-1", "steel", "40", caller=caller_of("MillMSP"))
assert done.response.status == 200
```
As on Fabric, reads see the state before the transaction, a transaction that fails writes nothing, and one event per
transaction counts. There are no conflicts and no policies here: those are tests on the embedded ledger or a Fabric
network.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chaincode.caller import ATTRIBUTES_OID
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

FIRST_TIME = 1_700_000_000
"""Transaction time of the first transaction, seconds since 1970 UTC; each one is a second later."""

Place = tuple[str, str]
"""Collection (empty for public state) and key."""


def caller_of(
    msp_id: str, name: str = "User1", *, ou: str = "client", attributes: Mapping[str, str] | None = None
) -> Creator:
    """A caller with a certificate of its own making, and Fabric CA's attributes in it."""
    key = ec.generate_private_key(ec.SECP256R1())
    oids = x509.NameOID
    subject = x509.Name(
        [
            x509.NameAttribute(oids.ORGANIZATIONAL_UNIT_NAME, ou),
            x509.NameAttribute(oids.COMMON_NAME, name),
        ]
    )
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder(
        subject, subject, key.public_key(), x509.random_serial_number(), start, start.replace(year=2120)
    )
    if attributes is not None:
        said = json.dumps({"attrs": dict(attributes)}).encode()
        extension = x509.UnrecognizedExtension(ATTRIBUTES_OID, said)
        builder = builder.add_extension(extension, critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    return Creator(msp_id, certificate.public_bytes(serialization.Encoding.PEM))


@dataclass(frozen=True, slots=True)
class Done:
    """How a transaction went.

    :param event: name and payload, when it set one and succeeded
    """

    txid: str
    response: Response
    event: tuple[str, bytes] | None


@dataclass(slots=True)
class MemoryLedger:
    """State, history and events of one channel.

    :param collections: private data collections with the MSP ids that may read them
    :param others: further contracts by name, for calls from chaincode to chaincode; they share the state
    """

    contract: Contract
    channel: str = "trade"
    collections: Mapping[str, frozenset[str]] = field(default_factory=dict)
    others: Mapping[str, Contract] = field(default_factory=dict)
    state: dict[Place, bytes] = field(default_factory=dict)
    metadata: dict[Place, Mapping[str, bytes]] = field(default_factory=dict)
    versions: dict[str, list[KeyModification]] = field(default_factory=dict)
    events: list[tuple[str, bytes]] = field(default_factory=list)
    transactions: int = 0

    async def submit(
        self,
        *args: str | bytes,
        caller: Creator,
        at: int | None = None,
        transient: Mapping[str, bytes] | None = None,
    ) -> Done:
        """Runs one transaction and commits it when it succeeded.

        :param args: function name and arguments
        :param at: transaction time, seconds since 1970 UTC
        """
        stub = self._stub(args, caller, at, transient)
        response = await run(self.contract, stub)
        done = 200 <= response.status < 400
        if done:
            self._commit(stub)
        return Done(stub.txid, response, stub.event if done else None)

    async def evaluate(
        self,
        *args: str | bytes,
        caller: Creator,
        at: int | None = None,
        transient: Mapping[str, bytes] | None = None,
    ) -> Response:
        """Runs one call and commits nothing."""
        return await run(self.contract, self._stub(args, caller, at, transient))

    def _stub(
        self,
        args: Sequence[str | bytes],
        caller: Creator,
        at: int | None,
        transient: Mapping[str, bytes] | None,
    ) -> MemoryStub:
        self.transactions += 1
        return MemoryStub(
            ledger=self,
            txid=sha256(str(self.transactions).encode()).hexdigest(),
            timestamp=Timestamp(FIRST_TIME + self.transactions if at is None else at),
            creator=caller,
            args=tuple(arg.encode() if isinstance(arg, str) else arg for arg in args),
            transient=dict(transient or {}),
        )

    def _commit(self, stub: MemoryStub) -> None:
        self.metadata.update(stub.metadata)
        for place, value in stub.writes.items():
            if value is None:
                self.state.pop(place, None)
                self.metadata.pop(place, None)
            else:
                self.state[place] = value
            if not place[0]:
                change = KeyModification(stub.txid, value or b"", stub.timestamp, value is None)
                self.versions.setdefault(place[1], []).insert(0, change)
        if stub.event is not None:
            self.events.append(stub.event)


@dataclass(slots=True)
class MemoryStub:
    """One transaction's view (:class:`chaincode.state.Stub`)."""

    ledger: MemoryLedger
    txid: str
    timestamp: Timestamp
    creator: Creator
    args: tuple[bytes, ...]
    transient: Mapping[str, bytes]
    writes: dict[Place, bytes | None] = field(default_factory=dict)
    metadata: dict[Place, Mapping[str, bytes]] = field(default_factory=dict)
    event: tuple[str, bytes] | None = None
    paged: bool = False

    @property
    def channel(self) -> str:
        """The channel."""
        return self.ledger.channel

    async def get_many(self, keys: Sequence[str], collection: str = "") -> list[bytes | None]:
        """Values of keys."""
        self._check(collection, reads=True)
        return [self.ledger.state.get((collection, key)) or None for key in keys]

    async def write_many(self, writes: Mapping[str, bytes | None], collection: str = "") -> None:
        """Puts and deletes."""
        self._check(collection)
        if writes and self.paged:
            raise StateError("Transaction has already performed a paginated query. Writes are not allowed")
        self.writes.update({(collection, key): value for key, value in writes.items()})

    async def range(self, start: str, end: str, collection: str = "") -> AsyncIterator[KeyValue]:
        """Keys of a range."""
        self._check(collection, reads=True)
        for item in self._between(start, end, collection):
            yield item

    async def range_page(self, start: str, end: str, page_size: int, bookmark: str) -> Page:
        """One page of a range."""
        self.paged = True
        found = self._between(bookmark or start, end, "")
        rest = found[page_size:]
        return Page(tuple(found[:page_size]), rest[0].key if rest else "")

    async def query(self, query: str, collection: str = "") -> AsyncIterator[KeyValue]:
        """No query language, as with LevelDB."""
        raise StateError("ExecuteQuery not supported for leveldb")
        yield  # what makes this a generator

    async def query_page(self, query: str, page_size: int, bookmark: str) -> Page:
        """No query language, as with LevelDB."""
        raise StateError("ExecuteQueryWithMetadata not supported for leveldb")

    async def history(self, key: str) -> AsyncIterator[KeyModification]:
        """A key's modifications, newest first."""
        for change in self.ledger.versions.get(key, []):
            yield change

    async def get_private_hash(self, collection: str, key: str) -> bytes | None:
        """SHA-256 of a private value."""
        self._check(collection)
        value = self.ledger.state.get((collection, key))
        return None if value is None else sha256(value).digest()

    async def purge_private(self, collection: str, key: str) -> None:
        """Removes a private value."""
        self._check(collection)
        self.writes[collection, key] = None

    async def get_metadata(self, key: str, collection: str = "") -> Mapping[str, bytes]:
        """State metadata of a key."""
        return dict(self.ledger.metadata.get((collection, key), {}))

    async def set_metadata(self, key: str, name: str, value: bytes, collection: str = "") -> None:
        """Sets a key's metadata to one entry."""
        self.metadata[collection, key] = {name: value}

    async def invoke_chaincode(self, name: str, args: Sequence[bytes], channel: str = "") -> Response:
        """Calls another contract."""
        contract = self.ledger.others.get(name)
        if contract is None or channel not in ("", self.channel):
            raise StateError(f"chaincode {name} not found")
        called = MemoryStub(
            self.ledger, self.txid, self.timestamp, self.creator, tuple(args), self.transient, self.writes
        )
        return await run(contract, called)

    def set_event(self, name: str, payload: bytes) -> None:
        """Sets the transaction's event."""
        if not name:
            raise StateError("event name can not be empty string")
        self.event = (name, payload)

    def _between(self, start: str, end: str, collection: str) -> list[KeyValue]:
        first = start or "\x01"
        return [
            KeyValue(key, value)
            for (where, key), value in sorted(self.ledger.state.items())
            if where == collection and key >= first and (not end or key < end)
        ]

    def _check(self, collection: str, *, reads: bool = False) -> None:
        if not collection:
            return
        members = self.ledger.collections.get(collection)
        if members is None:
            raise StateError(f"collection [{collection}] not defined")
        if reads and self.creator.msp_id not in members:
            raise StateError(
                f"tx creator does not have read access permission on privatedata in {collection}"
            )
