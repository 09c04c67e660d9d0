"""Blocks as messages: assembled from stored rows, with the orderer's signature and the committer's codes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

from chaincode.hosts.embedded.msp import Signer
from chaincode.hosts.embedded.store import BlockRow, Reader, TransactionRow
from chaincode.hosts.embedded.wire import field_bytes, header_bytes
from consortium.wire.fabric.common.common_pb2 import (
    BlockHeader,
    BlockMetadata,
    BlockMetadataIndex,
    LastConfig,
    Metadata,
    MetadataSignature,
    OrdererBlockMetadata,
    SignatureHeader,
)

NONCE_BYTES = 24


def load_block(reader: Reader, number: int) -> bytes | None:
    """A serialized ``common.Block``; None when it is not there."""
    row = reader.block(number)
    return None if row is None else block_bytes(row, reader.transactions(number))


def block_bytes(row: BlockRow, transactions: Sequence[TransactionRow]) -> bytes:
    """A serialized ``common.Block`` from its rows: joined by hand, as the envelopes are bytes already."""
    header = BlockHeader(number=row.number, previous_hash=row.previous_hash, data_hash=row.data_hash)
    data = b"".join(field_bytes(1, transaction.envelope) for transaction in transactions)
    return field_bytes(1, header.SerializeToString()) + field_bytes(2, data) + field_bytes(3, row.metadata)


def block_metadata(
    header: BlockHeader, codes: bytes, last_config: int, previous_commit_hash: bytes, orderer: Signer
) -> tuple[bytes, bytes]:
    """A block's serialized metadata, and its commit hash.

    The orderer signs the position of the newest configuration, its own header and the block's header. The
    commit hash chains the validation codes, which nobody signs.
    """
    value = OrdererBlockMetadata(last_config=LastConfig(index=last_config)).SerializeToString()
    signature_header = SignatureHeader(
        creator=orderer.serialized, nonce=os.urandom(NONCE_BYTES)
    ).SerializeToString()
    signature = orderer.sign(value + signature_header + header_bytes(header))
    signatures = Metadata(
        value=value, signatures=[MetadataSignature(signature_header=signature_header, signature=signature)]
    )
    newest = Metadata(value=LastConfig(index=last_config).SerializeToString())
    commit_hash = next_commit_hash(previous_commit_hash, header.data_hash, codes)
    slots = [b""] * len(BlockMetadataIndex.values())
    slots[BlockMetadataIndex.SIGNATURES] = signatures.SerializeToString()
    slots[BlockMetadataIndex.LAST_CONFIG] = newest.SerializeToString()
    slots[BlockMetadataIndex.TRANSACTIONS_FILTER] = codes
    slots[BlockMetadataIndex.COMMIT_HASH] = Metadata(value=commit_hash).SerializeToString()
    return BlockMetadata(metadata=slots).SerializeToString(), commit_hash


def next_commit_hash(previous: bytes, data_hash: bytes, codes: bytes) -> bytes:
    """The commit hash of a block: chains what its transactions are and what became of them."""
    return hashlib.sha256(previous + data_hash + codes).digest()
