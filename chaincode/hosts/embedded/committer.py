"""Turns ordered envelopes into a block: validates, signs, and stores the block with all its effects at once.

Runs in one thread of its own; nothing else writes to the database. The steps of a block:

1. every transaction by itself (``validator``), when it was ordered
2. ids used before, in the chain or earlier in the block, by a transaction that got this far (9)
3. endorsements (10), reads (11, 12) in order; a valid one's writes count for the next
4. header, orderer's signature, codes
5. one SQLite transaction: block, transactions, state, history, private parts
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from chaincode.hosts.embedded.blocks import block_metadata
from chaincode.hosts.embedded.channel import ChannelConfig, config_envelope, next_config, read_config
from chaincode.hosts.embedded.msp import Signer
from chaincode.hosts.embedded.mvcc import StateValidator, Updates
from chaincode.hosts.embedded.simulate import LIFECYCLE, sequence_key
from chaincode.hosts.embedded.store import (
    BlockRow,
    Entry,
    Reader,
    StoreError,
    TransactionRow,
    Writer,
    full_key,
    position,
)
from chaincode.hosts.embedded.validator import Checked, Code, KnownSignatures, Validator
from chaincode.hosts.embedded.wire import data_hash, header_hash, parse, varint
from consortium.wire.fabric.common.common_pb2 import (
    BlockHeader,
    BlockMetadata,
    BlockMetadataIndex,
    Envelope,
    LastConfig,
    Metadata,
    Payload,
)
from consortium.wire.fabric.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet
from consortium.wire.fabric.ledger.rwset.rwset_pb2 import TxPvtReadWriteSet

TRANSIENT_BLOCKS = 1000
"""Blocks for which the private part of an endorsed transaction is kept, as on a peer."""

BEHIND_DUPLICATES = frozenset(
    (
        Code.VALID,
        Code.BAD_HEADER_EXTENSION,
        Code.BAD_RESPONSE_PAYLOAD,
        Code.BAD_RWSET,
        Code.ILLEGAL_WRITESET,
        Code.INVALID_CHAINCODE,
        Code.INVALID_OTHER_REASON,
    )
)
"""A peer finds these only after it looked whether the id was used."""

NONCE_BYTES = 24


@dataclass(frozen=True, slots=True)
class CommittedBlock:
    """What is told to those who wait.

    :param outcomes: transaction id and code, in order
    """

    number: int
    outcomes: tuple[tuple[str, int], ...]


class Committer:
    """The one writer of a database."""

    def __init__(
        self, connection: sqlite3.Connection, orderer: Signer, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = Writer(connection)
        self._orderer = orderer
        self._clock = clock
        self._height = self._store.height()
        self._hash = b""
        self._commit_hash = b""
        self._last_config = 0
        self._has_metadata = (
            connection.execute("SELECT 1 FROM state WHERE metadata IS NOT NULL LIMIT 1").fetchone()
            is not None
        )
        self._validator: Validator | None = None
        self.known = KnownSignatures()
        if self._height:
            self._resume()

    @property
    def height(self) -> int:
        """Number of blocks."""
        return self._height

    @property
    def validator(self) -> Validator:
        """The checks by the configuration in force."""
        if self._validator is None:
            raise StoreError("the chain has no configuration yet")
        return self._validator

    @property
    def has_metadata(self) -> bool:
        """Whether any key may have metadata of its own."""
        return self._has_metadata

    @property
    def config(self) -> ChannelConfig | None:
        """The configuration in force."""
        return None if self._validator is None else self._validator.config

    def _resume(self) -> None:
        newest = self._store.block(self._height - 1)
        if newest is None:
            raise StoreError(f"block {self._height - 1} is missing")
        slots = parse(BlockMetadata, newest.metadata, "BlockMetadata").metadata
        self._hash = newest.hash
        self._commit_hash = parse(Metadata, slots[BlockMetadataIndex.COMMIT_HASH], "Metadata").value
        self._last_config = last_config(newest.metadata)
        row = self._store.transaction_at(position(self._last_config, 0))
        if row is None:
            raise StoreError(f"configuration block {self._last_config} is missing")
        self._validator = Validator(config_of(row.envelope))

    def configure(self, wanted: ChannelConfig) -> CommittedBlock | None:
        """Appends a configuration block when the configuration in force is another."""
        config = next_config(self.config, wanted)
        if config is None:
            return None
        envelope = config_envelope(config, self._orderer, int(self._clock()), os.urandom(NONCE_BYTES))
        if self._validator is None:
            self._validator = Validator(config)
        return self.commit([self._validator.check(envelope.SerializeToString())])

    def keep_transient(self, txid: str, rwset: bytes) -> None:
        """Keeps an endorsed transaction's private part until it is committed."""
        with self._store.transaction_scope():
            self._store.add_transient(txid, self._height, rwset)

    def commit(self, checked: Sequence[Checked]) -> CommittedBlock:
        """Makes and stores one block of transactions that passed step 1. When it returns, it is on disk.

        :raises sqlite3.Error: when it could not be stored; then nothing of it is, and the same call may be
            repeated
        """
        checked = [replace(item) for item in checked]
        with self._store.transaction_scope():
            mark_used(self._store, checked)  # 2
            private = {item.txid: self._store.transient(item.txid) for item in checked if item.has_private}
            updates = validate_state(  # 3
                self._store,
                self.validator,
                self.known,
                checked,
                private=private,
                number=self._height,
                has_metadata=self._has_metadata,
            )
            row, commit_hash = self._header(checked)  # 4
            self._store_block(row, checked, updates)  # 5
            self._store.drop_transient(list(private), self._height - TRANSIENT_BLOCKS)
        self._advance(row, commit_hash, checked, updates)
        return CommittedBlock(row.number, tuple((item.txid, item.code) for item in checked))

    def _header(self, checked: Sequence[Checked]) -> tuple[BlockRow, bytes]:
        header = BlockHeader(
            number=self._height,
            previous_hash=self._hash,
            data_hash=data_hash(item.envelope for item in checked),
        )
        configured = any(item.config is not None and item.code == Code.VALID for item in checked)
        newest = self._height if configured else self._last_config
        codes = bytes(item.code for item in checked)
        metadata, commit_hash = block_metadata(header, codes, newest, self._commit_hash, self._orderer)
        row = BlockRow(
            header.number, header_hash(header), header.previous_hash, header.data_hash, metadata, len(checked)
        )
        return row, commit_hash

    def _store_block(self, row: BlockRow, checked: Sequence[Checked], updates: Updates) -> None:
        self._store.add_block(
            row,
            [
                TransactionRow(position(row.number, place), item.txid, item.code, item.envelope)
                for place, item in enumerate(checked)
            ],
        )
        store_updates(self._store, updates)

    def _advance(
        self, row: BlockRow, commit_hash: bytes, checked: Sequence[Checked], updates: Updates
    ) -> None:
        self._height = row.number + 1
        self._hash = row.hash
        self._commit_hash = commit_hash
        self._has_metadata = self._has_metadata or bool(updates.metadata_changed)
        for item in checked:
            if item.config is not None and item.code == Code.VALID:
                self._validator = Validator(item.config)
                self._last_config = row.number


def mark_used(store: Reader, checked: Sequence[Checked]) -> None:
    """Step 2: marks transactions whose id is in the chain already."""
    asked = [item for item in checked if item.code in BEHIND_DUPLICATES and item.config is None]
    used = store.known([item.txid for item in asked])
    for item in asked:
        if item.txid in used:
            item.code = Code.DUPLICATE_TXID


def validate_state(
    store: Reader,
    validator: Validator,
    known: KnownSignatures,
    checked: Sequence[Checked],
    *,
    private: Mapping[str, bytes | None],
    number: int,
    has_metadata: bool,
) -> Updates:
    """Steps 2 (within the block) and 3; sets the codes and gives what the valid ones write.

    :param private: private parts by transaction id, as far as they are at hand
    """
    state = StateValidator(store, number, checked, has_metadata=has_metadata)
    updates = state.updates
    seen: set[str] = set()
    for place, item in enumerate(checked):
        if item.code != Code.VALID:
            continue
        if item.config is not None:
            _define(updates, item.config, validator.config, position(number, place), first=number == 0)
            continue
        metadata = state.stored_metadata if has_metadata else None
        if not validator.endorsed(item, known, metadata, updates.metadata_changed):
            item.code = Code.ENDORSEMENT_POLICY_FAILURE
            continue
        if item.txid in seen:
            item.code = Code.DUPLICATE_TXID
            continue
        seen.add(item.txid)
        item.code = state.check(item)
        if item.code == Code.VALID:
            kept = private.get(item.txid)
            state.apply(item, place, None if kept is None else TxPvtReadWriteSet.FromString(kept))
    return updates


def store_updates(store: Writer, updates: Updates) -> None:
    """Writes a block's effects."""
    store.put_state(
        [
            (key, entry.position, entry.value, entry.metadata)
            for key, entry in updates.state.items()
            if entry is not None
        ]
    )
    store.delete_state([key for key, entry in updates.state.items() if entry is None])
    store.add_history(updates.history)
    store.add_private_writes(updates.private)
    for at, namespace, collection, key in updates.purged:
        _purge(store, at, namespace, collection, key)


def config_of(envelope: bytes) -> ChannelConfig:
    """The configuration in a configuration block's envelope.

    :raises WireError: when there is none
    """
    return read_config(parse(Payload, parse(Envelope, envelope, "Envelope").payload, "Payload").data)


def last_config(metadata: bytes) -> int:
    """The newest configuration block's number, from a block's metadata."""
    slots = parse(BlockMetadata, metadata, "BlockMetadata").metadata
    return parse(
        LastConfig, parse(Metadata, slots[BlockMetadataIndex.LAST_CONFIG], "Metadata").value, ""
    ).index


def _define(updates: Updates, config: ChannelConfig, before: ChannelConfig, at: int, *, first: bool) -> None:
    """A configuration's effect on the state: the lifecycle's sequence of each changed definition."""
    for name, definition in config.chaincodes.items():
        if first or before.chaincodes.get(name) != definition:
            key = full_key(LIFECYCLE, sequence_key(name))
            updates.state[key] = Entry(at, b"\x08" + varint(definition.sequence), None)
            updates.history.append((key, at))


def _purge(store: Writer, at: int, namespace: str, collection: str, key: str) -> None:
    """Takes a purged key's values out of the private parts kept up to a position."""
    changed = []
    for place, kept in store.private_parts(namespace, collection, at):
        rwset = KVRWSet.FromString(kept)
        writes = [write for write in rwset.writes if write.key != key]
        if len(writes) != len(rwset.writes):
            del rwset.writes[:]
            rwset.writes.extend(writes)
            changed.append((place, namespace, collection, rwset.SerializeToString()))
    store.add_private_writes(changed)
