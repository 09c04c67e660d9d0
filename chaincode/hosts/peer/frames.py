"""The bytes of ``ChaincodeMessage``: a batch of writes is copied once on its way out, not three times."""

from __future__ import annotations

from typing import Final

from consortium.wire.fabric.peer.chaincode_event_pb2 import ChaincodeEvent
from consortium.wire.fabric.peer.chaincode_shim_pb2 import ChaincodeMessage

Kind = ChaincodeMessage.Type

MAX_MESSAGE_BYTES: Final = 100 * 1024 * 1024
"""What peers take and send."""

_TYPE: Final = b"\x08"
_PAYLOAD: Final = b"\x1a"
_EVENT: Final = b"\x32"
_CONTINUES: Final = 0x80


def suffix_of(channel: str, txid: str) -> bytes:
    """What every message of one transaction ends with."""
    return ChaincodeMessage(channel_id=channel, txid=txid).SerializeToString()


def frame(kind: int, payload: bytes, suffix: bytes = b"", event: bytes = b"") -> bytes:
    """One message.

    :param suffix: of :func:`suffix_of`, for a message of a transaction
    :param event: serialized event, in COMPLETED
    """
    parts = [_TYPE, varint(kind)]
    if payload:
        parts += (_PAYLOAD, varint(len(payload)), payload)
    parts.append(suffix)
    if event:
        parts += (_EVENT, varint(len(event)), event)
    return b"".join(parts)


def event_bytes(name: str, payload: bytes) -> bytes:
    """An event; the peer adds transaction and chaincode."""
    return ChaincodeEvent(event_name=name, payload=payload).SerializeToString()


def varint(number: int) -> bytes:
    """A number as protobuf writes it."""
    if number < _CONTINUES:
        return bytes((number,))
    out = bytearray()
    while number >= _CONTINUES:
        out.append(number & 0x7F | _CONTINUES)
        number >>= 7
    out.append(number)
    return bytes(out)
