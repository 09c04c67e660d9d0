"""The ledger as a contract sees it, in Fabric's own terms.

A host (``chaincode.hosts.peer`` for Fabric's peers, ``chaincode.hosts.embedded`` for the embedded ledger)
implements :class:`Stub` for one transaction. A contract never sees the stub: it is given a
:class:`Context`, whose ``state`` is the overlay :class:`State`. The overlay is the same in both hosts and
gives what the protocol does not: a read sees what the same transaction wrote. Ranges over keys written in
the same transaction are refused, because the protocol would silently leave them out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

COMPOSITE_NAMESPACE = "\x00"
MAX_RUNE = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Timestamp:
    """Transaction time: the client's word, refused by hosts when it is more than 5 minutes off.

    :param seconds: since 1970-01-01 UTC
    """

    seconds: int
    nanos: int = 0


@dataclass(frozen=True, slots=True)
class Creator:
    """Who signed the proposal: MSP id and certificate (PEM). The MSP id is vouched for by the host."""

    msp_id: str
    certificate: bytes


@dataclass(frozen=True, slots=True)
class KeyValue:
    """One key and its value."""

    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class KeyModification:
    """One entry of a key's history. Contracts see no block positions."""

    txid: str
    value: bytes
    timestamp: Timestamp
    is_delete: bool


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a range; an empty bookmark means that there is no more."""

    items: tuple[KeyValue, ...]
    bookmark: str


class StateError(Exception):
    """The host refused an operation on the state. A contract lets it pass: the transaction fails as a
    whole."""


class Stub(Protocol):
    """What a host offers to one transaction. ``collection`` is empty for public state."""

    @property
    def txid(self) -> str: ...
    @property
    def channel(self) -> str: ...
    @property
    def timestamp(self) -> Timestamp: ...
    @property
    def creator(self) -> Creator: ...
    @property
    def args(self) -> tuple[bytes, ...]: ...
    @property
    def transient(self) -> Mapping[str, bytes]: ...

    async def get_many(self, keys: Sequence[str], collection: str = "") -> list[bytes | None]:
        """Values of keys, in their order; chunked by the host to what its peer takes at once."""
        ...

    async def write_many(self, writes: Mapping[str, bytes | None], collection: str = "") -> None:
        """Puts values, deletes where the value is None; in sorted key order, chunked by the host."""
        ...

    def range(self, start: str, end: str, collection: str = "") -> AsyncIterator[KeyValue]:
        """Keys from ``start`` (included) to ``end`` (excluded); an empty end is no end."""
        ...

    async def range_page(self, start: str, end: str, page_size: int, bookmark: str) -> Page:
        """One page of a range of public state. Cannot be mixed with writes."""
        ...

    def query(self, query: str, collection: str = "") -> AsyncIterator[KeyValue]:
        """A rich query; raises :class:`StateError` where the state database has none."""
        ...

    async def query_page(self, query: str, page_size: int, bookmark: str) -> Page:
        """One page of a rich query of public state. Cannot be mixed with writes."""
        ...

    def history(self, key: str) -> AsyncIterator[KeyModification]:
        """A key's modifications, newest first."""
        ...

    async def get_private_hash(self, collection: str, key: str) -> bytes | None:
        """SHA-256 of a private value."""
        ...

    async def purge_private(self, collection: str, key: str) -> None:
        """Removes a private value and its history."""
        ...

    async def get_metadata(self, key: str, collection: str = "") -> Mapping[str, bytes]:
        """State metadata of a key, such as ``VALIDATION_PARAMETER``."""
        ...

    async def set_metadata(self, key: str, name: str, value: bytes, collection: str = "") -> None:
        """Replaces a key's metadata by this one entry: Fabric keeps no other beside it."""
        ...

    async def invoke_chaincode(self, name: str, args: Sequence[bytes], channel: str = "") -> Response:
        """Calls another chaincode."""
        ...

    def set_event(self, name: str, payload: bytes) -> None:
        """Sets the transaction's one event; the last one set counts."""
        ...


@dataclass(frozen=True, slots=True)
class Response:
    """What a contract answers. Status 200-399 is success and can be endorsed."""

    status: int
    payload: bytes = b""
    message: str = ""


def composite_key(object_type: str, *attributes: str) -> str:
    """Fabric's composite key: parts joined by NUL behind a leading NUL.

    :raises ValueError: when a part holds NUL or U+10FFFF, which delimit keys and ranges
    """
    for part in (object_type, *attributes):
        if "\x00" in part or MAX_RUNE in part:
            raise ValueError("a part of a composite key holds U+0000 or U+10FFFF")
    return COMPOSITE_NAMESPACE + "".join(f"{part}\x00" for part in (object_type, *attributes))


def split_composite_key(key: str) -> tuple[str, tuple[str, ...]]:
    """The object type and attributes of a composite key."""
    parts = key[1:-1].split("\x00")
    return parts[0], tuple(parts[1:])


@dataclass(slots=True)
class State:
    """Public and private state with a per-transaction overlay: reads see this transaction's own writes.

    What was read once is remembered: a transaction sees one state of the ledger, and every question to a peer
    is a round trip. So a contract may fetch all that it needs in one call and look at it afterwards.
    """

    stub: Stub
    _writes: dict[str, dict[str, bytes | None]] = field(default_factory=dict)
    _reads: dict[str, dict[str, bytes | None]] = field(default_factory=dict)

    async def get(self, key: str, collection: str = "") -> bytes | None:
        """Value of one key, None when there is none."""
        return (await self.get_many([key], collection))[0]

    async def get_many(self, keys: Sequence[str], collection: str = "") -> list[bytes | None]:
        """Values of keys in their order; asks the ledger only for what this transaction neither wrote nor
        read."""
        written = self._writes.get(collection, {})
        known = self._reads.setdefault(collection, {})
        missing = [key for key in dict.fromkeys(keys) if key not in written and key not in known]
        if missing:
            known.update(zip(missing, await self.stub.get_many(missing, collection), strict=True))
        return [written[key] if key in written else known[key] for key in keys]

    def known(self, key: str, collection: str = "") -> bytes | None:
        """Value of a key that this transaction has written or read before.

        :raises KeyError: when it has done neither
        """
        written = self._writes.get(collection, {})
        return written[key] if key in written else self._reads[collection][key]

    def put(self, key: str, value: bytes, collection: str = "") -> None:
        """Writes a value when the transaction ends."""
        if not key:
            raise ValueError("an empty key cannot be written")
        self._writes.setdefault(collection, {})[key] = value

    def delete(self, key: str, collection: str = "") -> None:
        """Deletes a key when the transaction ends."""
        self._writes.setdefault(collection, {})[key] = None

    async def range(self, start: str, end: str, collection: str = "") -> AsyncIterator[KeyValue]:
        """Keys from ``start`` to before ``end``.

        :raises StateError: when this transaction wrote a key of the range
        """
        for key in self._writes.get(collection, ()):
            if key >= start and (not end or key < end):
                raise StateError(f"range over {key!r}, which the same transaction wrote")
        async for item in self.stub.range(start, end, collection):
            yield item

    def by_partial_key(self, object_type: str, *attributes: str) -> AsyncIterator[KeyValue]:
        """All composite keys that begin with these parts."""
        start = composite_key(object_type, *attributes)
        return self.range(start, start + MAX_RUNE)

    def history(self, key: str) -> AsyncIterator[KeyModification]:
        """A key's modifications, newest first."""
        return self.stub.history(key)

    async def flush(self) -> None:
        """Hands the collected writes to the host. Called once by the host, after the contract answered
        success."""
        for collection in sorted(self._writes):
            await self.stub.write_many(dict(sorted(self._writes[collection].items())), collection)
        self._writes.clear()


@dataclass(frozen=True, slots=True)
class Context:
    """One call of a contract: what was asked, by whom, and the state."""

    stub: Stub
    state: State
    function: str
    args: tuple[bytes, ...]

    @classmethod
    def of(cls, stub: Stub) -> Context:
        """The context of a stub: its first argument is the function's name."""
        function = stub.args[0].decode("utf-8", "replace") if stub.args else ""
        return cls(stub=stub, state=State(stub), function=function, args=stub.args[1:])


class Contract(Protocol):
    """Anything that a host can run."""

    async def invoke(self, context: Context) -> Response:
        """Answers one call. Must be deterministic: no clock, randomness, floats, set order or other I/O."""
        ...


FAILURE_STATUS = 400
"""From here on a response is a failure and is not endorsed."""

MAX_FAILURE_BYTES = 1_000
"""Of a failed call's message. A peer's gateway repeats it in gRPC's trailers, percent-encoded and once more for each
endorser; clients take 8 kB of those, and break the call off beyond."""


async def run(contract: Contract, stub: Stub) -> Response:
    """Runs one call and flushes its writes when it succeeded. Every exception becomes a response with
    status 500; a failure's message is cut to :data:`MAX_FAILURE_BYTES`."""
    try:
        context = Context.of(stub)
        response = await contract.invoke(context)
        if 200 <= response.status < FAILURE_STATUS:
            await context.state.flush()
    except Exception as error:  # noqa: BLE001 - an unanswered call hangs the peer until its timeout
        response = Response(status=500, message=f"{type(error).__name__}: {error}")
    return _sendable(response)


def _sendable(response: Response) -> Response:
    """A response that every message on its way can carry: its text is UTF-8, and short where the call failed."""
    text = response.message.encode("utf-8", "replace")
    if not 200 <= response.status < FAILURE_STATUS:
        text = text[:MAX_FAILURE_BYTES]
    message = text.decode("utf-8", "ignore")
    return response if message == response.message else replace(response, message=message)
