"""What a signed read says, for the gateway that has just asked for it. Nothing is verified here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from consortium.ledger.blocks import BlockTransaction, Version
from consortium.ledger.proofs import LIFECYCLE, unpack_signed_read
from consortium.wire.fabric.peer import transaction_pb2


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """The contract's answer inside a signed read, and the positions of the keys that it read."""

    answer: dict[str, Any]
    versions: dict[str, Version | None]


def read_answer(data: bytes) -> ReadAnswer:
    """Takes a signed read apart.

    :raises ChanrongError: the bytes are no signed read
    """
    transaction = BlockTransaction(0, 0, unpack_signed_read(data), transaction_pb2.NOT_VALIDATED)
    versions = {
        key: version
        for entry in transaction.read_writes
        if entry.namespace != LIFECYCLE
        for key, version in entry.reads
    }
    return ReadAnswer(dict(orjson.loads(transaction.payload)), versions)
