"""What a signed read says, for the gateway that has just asked for it. Nothing is verified here."""

from __future__ import annotations

from typing import Any

import orjson

from consortium.ledger.messages import parse_prepared
from consortium.ledger.proofs import unpack_signed_read
from consortium.wire.fabric.common import common_pb2


def read_answer(data: bytes) -> dict[str, Any]:
    """The contract's answer inside a signed read.

    :raises ChanrongError: the bytes are no signed read
    """
    payload = common_pb2.Envelope.FromString(unpack_signed_read(data)).payload
    return dict(orjson.loads(parse_prepared(payload).result))
