"""Collects what a simulated transaction reads and writes, and gives it in Fabric's read/write set messages.

Keys stand sorted within each part, namespaces and collections too, so that equal simulations give equal
bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from consortium.wire.fabric.ledger.rwset.kvrwset.kv_rwset_pb2 import (
    HashedRWSet,
    KVMetadataEntry,
    KVMetadataWrite,
    KVMetadataWriteHash,
    KVRead,
    KVReadHash,
    KVRWSet,
    KVWrite,
    KVWriteHash,
    QueryReads,
    QueryReadsMerkleSummary,
    RangeQueryInfo,
    Version,
)
from consortium.wire.fabric.ledger.rwset.rwset_pb2 import (
    CollectionHashedReadWriteSet,
    CollectionPvtReadWriteSet,
    NsPvtReadWriteSet,
    NsReadWriteSet,
    TxPvtReadWriteSet,
    TxReadWriteSet,
)

MERKLE_DEGREE = 50

Height = tuple[int, int]
"""The position of the transaction that last wrote a key: block and place in the block."""


def key_hash(key: str) -> bytes:
    """What stands for a private key in public."""
    return hashlib.sha256(key.encode()).digest()


def to_version(height: Height | None) -> Version | None:
    """A version message; None for a key that is not there."""
    return None if height is None else Version(block_num=height[0], tx_num=height[1])


def to_height(message: Version | None) -> Height | None:
    """The other way."""
    return None if message is None else (message.block_num, message.tx_num)


@dataclass(slots=True)
class _Collection:
    reads: dict[str, Height | None] = field(default_factory=dict)
    writes: dict[str, bytes | None] = field(default_factory=dict)
    purges: set[str] = field(default_factory=set)
    metadata: dict[str, Mapping[str, bytes]] = field(default_factory=dict)


@dataclass(slots=True)
class _Namespace:
    reads: dict[str, Height | None] = field(default_factory=dict)
    writes: dict[str, bytes | None] = field(default_factory=dict)
    metadata: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    ranges: dict[tuple[str, str, bool], RangeQueryInfo] = field(default_factory=dict)
    collections: dict[str, _Collection] = field(default_factory=dict)

    def collection(self, name: str) -> _Collection:
        return self.collections.setdefault(name, _Collection())


class RwSetBuilder:
    """One transaction's reads and writes, namespace by namespace."""

    def __init__(self) -> None:
        self._namespaces: dict[str, _Namespace] = {}

    def namespace(self, name: str) -> _Namespace:
        """The part of one chaincode."""
        return self._namespaces.setdefault(name, _Namespace())

    def read(self, namespace: str, key: str, height: Height | None) -> None:
        """A public key was read at this version; None when it was not there."""
        self.namespace(namespace).reads[key] = height

    def range_read(self, namespace: str, info: RangeQueryInfo) -> None:
        """A range was read; the same range again changes nothing."""
        self.namespace(namespace).ranges.setdefault((info.start_key, info.end_key, info.itr_exhausted), info)

    def is_plain(self, names: Container[str]) -> bool:
        """Whether only these namespaces were touched, and no private collection."""
        return all(name in names and not space.collections for name, space in self._namespaces.items())

    def written_collections(self) -> set[tuple[str, str]]:
        """Chaincode and name of each private collection that is written to."""
        return {
            (name, collection)
            for name, space in self._namespaces.items()
            for collection, part in space.collections.items()
            if part.writes or part.metadata
        }

    def build(self) -> tuple[bytes, TxPvtReadWriteSet | None]:
        """Serialized ``TxReadWriteSet``, and the private part when there is one."""
        private = TxPvtReadWriteSet()
        public = TxReadWriteSet()
        for name in sorted(self._namespaces):
            space = self._namespaces[name]
            public.ns_rwset.append(_public(name, space, private))
        return public.SerializeToString(), private if private.ns_pvt_rwset else None


def _public(name: str, space: _Namespace, private: TxPvtReadWriteSet) -> NsReadWriteSet:
    rwset = KVRWSet(
        reads=[KVRead(key=key, version=to_version(space.reads[key])) for key in sorted(space.reads)],
        range_queries_info=space.ranges.values(),
        writes=[_write(key, space.writes[key]) for key in sorted(space.writes)],
        metadata_writes=[
            KVMetadataWrite(key=key, entries=_entries(space.metadata[key])) for key in sorted(space.metadata)
        ],
    )
    hashed = []
    plain = NsPvtReadWriteSet(namespace=name)
    for collection in sorted(space.collections):
        part = space.collections[collection]
        digest = b""
        if part.writes or part.metadata:
            values = _private(part)
            digest = hashlib.sha256(values).digest()
            plain.collection_pvt_rwset.append(
                CollectionPvtReadWriteSet(collection_name=collection, rwset=values)
            )
        hashed.append(
            CollectionHashedReadWriteSet(
                collection_name=collection, hashed_rwset=_hashed(part), pvt_rwset_hash=digest
            )
        )
    if plain.collection_pvt_rwset:
        private.ns_pvt_rwset.append(plain)
    return NsReadWriteSet(namespace=name, rwset=rwset.SerializeToString(), collection_hashed_rwset=hashed)


def _private(part: _Collection) -> bytes:
    return KVRWSet(
        writes=[_write(key, part.writes[key]) for key in sorted(part.writes)],
        metadata_writes=[KVMetadataWrite(key=key) for key in sorted(part.metadata)],
    ).SerializeToString()


def _hashed(part: _Collection) -> bytes:
    return HashedRWSet(
        hashed_reads=[
            KVReadHash(key_hash=key_hash(key), version=to_version(part.reads[key]))
            for key in sorted(part.reads)
        ],
        hashed_writes=[
            _hashed_write(key, part.writes[key], key in part.purges) for key in sorted(part.writes)
        ],
        metadata_writes=[
            KVMetadataWriteHash(key_hash=key_hash(key), entries=_entries(part.metadata[key]))
            for key in sorted(part.metadata)
        ],
    ).SerializeToString()


def _write(key: str, value: bytes | None) -> KVWrite:
    return KVWrite(key=key, is_delete=True) if value is None else KVWrite(key=key, value=value)


def _hashed_write(key: str, value: bytes | None, purge: bool) -> KVWriteHash:
    if value is None:
        return KVWriteHash(key_hash=key_hash(key), is_delete=True, is_purge=purge)
    return KVWriteHash(key_hash=key_hash(key), value_hash=hashlib.sha256(value).digest())


def _entries(metadata: Mapping[str, bytes]) -> list[KVMetadataEntry]:
    return [KVMetadataEntry(name=name, value=metadata[name]) for name in sorted(metadata)]


class RangeSummary:
    """What a range found: in full up to 50 keys, summed up in a hash tree above.

    The tree collects ``MERKLE_DEGREE + 1`` nodes of a level into one of the next, so that a peer that
    validates the read rebuilds the same hashes from its own state.
    """

    def __init__(self, degree: int = MERKLE_DEGREE) -> None:
        self._degree = degree
        self._pending: list[KVRead] = []
        self._tree: dict[int, list[bytes]] = {}
        self._top = 1

    def add(self, key: str, height: Height) -> None:
        """The next key of the range."""
        self._pending.append(KVRead(key=key, version=to_version(height)))
        if len(self._pending) > self._degree:
            self._fold()

    def finish(self, start: str, end: str, *, exhausted: bool) -> RangeQueryInfo:
        """The range's entry in the read set."""
        info = RangeQueryInfo(start_key=start, end_key=end, itr_exhausted=exhausted)
        if not self._tree:
            if self._pending:
                info.raw_reads.CopyFrom(QueryReads(kv_reads=self._pending))
            return info
        if self._pending:
            self._fold()
        self._close()
        info.reads_merkle_hashes.CopyFrom(
            QueryReadsMerkleSummary(
                max_degree=self._degree, max_level=self._top, max_level_hashes=self._tree[self._top]
            )
        )
        return info

    def _fold(self) -> None:
        leaf = hashlib.sha256(QueryReads(kv_reads=self._pending).SerializeToString()).digest()
        self._pending = []
        self._tree.setdefault(1, []).append(leaf)
        level = 1
        while len(self._tree[level]) > self._degree:
            combined = _combine(self._tree.pop(level))
            level += 1
            self._tree.setdefault(level, []).append(combined)
            self._top = max(self._top, level)

    def _close(self) -> None:
        for level in range(1, self._top):
            hashes = self._tree.pop(level, [])
            if hashes:
                self._tree.setdefault(level + 1, []).append(
                    hashes[0] if len(hashes) == 1 else _combine(hashes)
                )
        if len(self._tree[self._top]) > self._degree:
            hashes = self._tree.pop(self._top)
            self._top += 1
            self._tree[self._top] = [_combine(hashes)]


def _combine(hashes: Sequence[bytes]) -> bytes:
    return hashlib.sha256(b"".join(hashes)).digest()
