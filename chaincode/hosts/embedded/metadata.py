"""State metadata of one key, as bytes: a list of names and values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from consortium.wire.fabric.ledger.rwset.kvrwset.kv_rwset_pb2 import KVMetadataEntry, KVMetadataWrite

VALIDATION_PARAMETER = "VALIDATION_PARAMETER"


def encode_metadata(entries: Iterable[KVMetadataEntry]) -> bytes | None:
    """Entries as stored; None when there are none."""
    message = KVMetadataWrite(entries=entries)
    return message.SerializeToString() if message.entries else None


def decode_metadata(stored: bytes | None) -> Mapping[str, bytes]:
    """Stored entries."""
    if stored is None:
        return {}
    return {entry.name: entry.value for entry in KVMetadataWrite.FromString(stored).entries}
