"""Whether what a transaction read is still so, and what its writes do to the state. Pure but for the reader."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from chaincode.hosts.embedded.metadata import encode_metadata
from chaincode.hosts.embedded.rwset import Height, RangeSummary, to_height
from chaincode.hosts.embedded.store import (
    Entry,
    Reader,
    block_of,
    full_key,
    hashed_namespace,
    place_of,
    position,
    private_namespace,
)
from chaincode.hosts.embedded.validator import Checked, Code, NamespaceSet
from chaincode.hosts.embedded.wire import parse
from consortium.wire.fabric.ledger.rwset.kvrwset.kv_rwset_pb2 import (
    KVRead,
    KVReadHash,
    KVRWSet,
    RangeQueryInfo,
)
from consortium.wire.fabric.ledger.rwset.rwset_pb2 import TxPvtReadWriteSet


@dataclass(slots=True)
class Updates:
    """What a block does to the state, transaction after transaction.

    :param state: new entry of a key; None where it is deleted
    :param history: which transaction wrote which public key
    :param private: private parts that were at hand: position, namespace, collection, values
    :param purged: keys whose private values up to a position are to be forgotten: position, namespace, collection, key
    :param metadata_changed: keys whose metadata a transaction of this block changed
    """

    state: dict[bytes, Entry | None] = field(default_factory=dict)
    history: list[tuple[bytes, int]] = field(default_factory=list)
    private: list[tuple[int, str, str, bytes]] = field(default_factory=list)
    purged: list[tuple[int, str, str, str]] = field(default_factory=list)
    metadata_changed: set[bytes] = field(default_factory=set)


class StateValidator:
    """Validates one block's transactions against the state before the block and its own earlier writes."""

    def __init__(self, reader: Reader, block: int, checked: Sequence[Checked], *, has_metadata: bool) -> None:
        self._reader = reader
        self._block = block
        self._has_metadata = has_metadata
        self._positions = reader.positions(_read_keys(checked))
        self.updates = Updates()

    def stored_metadata(self, key: bytes) -> bytes | None:
        """A key's metadata before the block."""
        entry = self._reader.entries([key]).get(key)
        return None if entry is None else entry.metadata

    def check(self, checked: Checked) -> int:
        """VALID, MVCC_READ_CONFLICT or PHANTOM_READ_CONFLICT."""
        for space in checked.namespaces:
            for read in space.rwset.reads:
                if not self._unchanged(full_key(space.name, read.key), _version(read)):
                    return Code.MVCC_READ_CONFLICT
            for info in space.rwset.range_queries_info:
                if not self._same_range(space.name, info):
                    return Code.PHANTOM_READ_CONFLICT
            for part in space.collections:
                stored = hashed_namespace(space.name, part.name)
                for hashed in part.rwset.hashed_reads:
                    if not self._unchanged(full_key(stored, hashed.key_hash), _version(hashed)):
                        return Code.MVCC_READ_CONFLICT
        return Code.VALID

    def _unchanged(self, key: bytes, height: Height | None) -> bool:
        if key in self.updates.state:
            return False
        at = self._positions.get(key)
        return (None if at is None else (block_of(at), place_of(at))) == height

    def _same_range(self, namespace: str, info: RangeQueryInfo) -> bool:
        summed = info.HasField("reads_merkle_hashes")
        found = self._combined(namespace, info.start_key, info.end_key, closed=not info.itr_exhausted)
        if not summed:
            seen = [(read.key, to_height(read.version)) for read in info.raw_reads.kv_reads]
            return seen == list(found)
        if info.reads_merkle_hashes.max_degree < 2:
            return False
        summary = RangeSummary(info.reads_merkle_hashes.max_degree)
        for key, height in found:
            summary.add(key, height)
        again = summary.finish(info.start_key, info.end_key, exhausted=info.itr_exhausted)
        return again.reads_merkle_hashes == info.reads_merkle_hashes

    def _combined(
        self, namespace: str, start: str, end: str, *, closed: bool
    ) -> Iterator[tuple[str, Height]]:
        """The range as it is now: stored keys, overlaid with this block's writes."""
        prefix = len(namespace.encode()) + 1
        low = full_key(namespace, start)
        high = (
            full_key(namespace, end) + (b"\x00" if closed else b"") if end else namespace.encode() + b"\x01"
        )
        rows = {key: at for key, at, _ in self._reader.range(low, high)}
        for key, entry in self.updates.state.items():
            if low <= key < high:
                if entry is None:
                    rows.pop(key, None)
                else:
                    rows[key] = entry.position
        for key in sorted(rows):
            yield key[prefix:].decode(), (block_of(rows[key]), place_of(rows[key]))

    def apply(self, checked: Checked, place: int, private: TxPvtReadWriteSet | None) -> None:
        """Takes a valid transaction's writes into the block's updates."""
        at = position(self._block, place)
        for space in checked.namespaces:
            self._apply_public(space, at)
            for part in space.collections:
                stored = hashed_namespace(space.name, part.name)
                for write in part.rwset.hashed_writes:
                    deleted = write.is_delete or not write.value_hash
                    self._put(full_key(stored, write.key_hash), at, None if deleted else write.value_hash)
                for change in part.rwset.metadata_writes:
                    self._put_metadata(full_key(stored, change.key_hash), at, encode_metadata(change.entries))
        if private is not None:
            self._apply_private(checked, at, private)

    def _apply_public(self, space: NamespaceSet, at: int) -> None:
        for write in space.rwset.writes:
            key = full_key(space.name, write.key)
            self._put(key, at, None if write.is_delete or not write.value else write.value)
            self.updates.history.append((key, at))
        for change in space.rwset.metadata_writes:
            self._put_metadata(full_key(space.name, change.key), at, encode_metadata(change.entries))

    def _put(self, key: bytes, at: int, value: bytes | None) -> None:
        if value is None:
            self.updates.state[key] = None
            return
        before = self._latest(key) if self._has_metadata or self.updates.metadata_changed else None
        self.updates.state[key] = Entry(at, value, None if before is None else before.metadata)

    def _put_metadata(self, key: bytes, at: int, metadata: bytes | None) -> None:
        self.updates.metadata_changed.add(key)
        before = self._latest(key)
        if before is not None:
            self.updates.state[key] = Entry(at, before.value, metadata)

    def _latest(self, key: bytes) -> Entry | None:
        if key in self.updates.state:
            return self.updates.state[key]
        return self._reader.entries([key]).get(key)

    def _apply_private(self, checked: Checked, at: int, private: TxPvtReadWriteSet) -> None:
        hashes = {(space.name, part.name): part for space in checked.namespaces for part in space.collections}
        for plain in private.ns_pvt_rwset:
            for item in plain.collection_pvt_rwset:
                public = hashes.get((plain.namespace, item.collection_name))
                if public is None or public.private_hash != hashlib.sha256(item.rwset).digest():
                    continue
                self.updates.private.append((at, plain.namespace, item.collection_name, item.rwset))
                purged = {write.key_hash for write in public.rwset.hashed_writes if write.is_purge}
                stored = private_namespace(plain.namespace, item.collection_name)
                for write in parse(KVRWSet, item.rwset, "KVRWSet").writes:
                    deleted = write.is_delete or not write.value
                    self.updates.state[full_key(stored, write.key)] = (
                        None if deleted else Entry(at, write.value, None)
                    )
                    if hashlib.sha256(write.key.encode()).digest() in purged:
                        self.updates.purged.append((at, plain.namespace, item.collection_name, write.key))


def _version(read: KVRead | KVReadHash) -> Height | None:
    return to_height(read.version) if read.HasField("version") else None


def _read_keys(checked: Iterable[Checked]) -> list[bytes]:
    keys: dict[bytes, None] = {}
    for item in checked:
        if item.code != Code.VALID:
            continue
        for space in item.namespaces:
            for read in space.rwset.reads:
                keys[full_key(space.name, read.key)] = None
            for part in space.collections:
                stored = hashed_namespace(space.name, part.name)
                for hashed in part.rwset.hashed_reads:
                    keys[full_key(stored, hashed.key_hash)] = None
    return list(keys)
