"""The bytes of ``ChaincodeMessage``: a batch of writes is copied once on its way out, not three times."""

from __future__ import annotations

from typing import Final

from consortium.wire.fabric.peer.chaincode_event_pb2 import ChaincodeEvent
from consortium.wire.fabric.peer.chaincode_shim_pb2 import ChaincodeMessage


class Kind:
    """Types of messages as plain numbers: protobuf's names are looked up anew each time."""

    REGISTER: Final = int(ChaincodeMessage.REGISTER)
    REGISTERED: Final = int(ChaincodeMessage.REGISTERED)
    INIT: Final = int(ChaincodeMessage.INIT)
    READY: Final = int(ChaincodeMessage.READY)
    TRANSACTION: Final = int(ChaincodeMessage.TRANSACTION)
    COMPLETED: Final = int(ChaincodeMessage.COMPLETED)
    ERROR: Final = int(ChaincodeMessage.ERROR)
    GET_STATE: Final = int(ChaincodeMessage.GET_STATE)
    PUT_STATE: Final = int(ChaincodeMessage.PUT_STATE)
    DEL_STATE: Final = int(ChaincodeMessage.DEL_STATE)
    INVOKE_CHAINCODE: Final = int(ChaincodeMessage.INVOKE_CHAINCODE)
    RESPONSE: Final = int(ChaincodeMessage.RESPONSE)
    GET_STATE_BY_RANGE: Final = int(ChaincodeMessage.GET_STATE_BY_RANGE)
    GET_QUERY_RESULT: Final = int(ChaincodeMessage.GET_QUERY_RESULT)
    QUERY_STATE_NEXT: Final = int(ChaincodeMessage.QUERY_STATE_NEXT)
    QUERY_STATE_CLOSE: Final = int(ChaincodeMessage.QUERY_STATE_CLOSE)
    KEEPALIVE: Final = int(ChaincodeMessage.KEEPALIVE)
    GET_HISTORY_FOR_KEY: Final = int(ChaincodeMessage.GET_HISTORY_FOR_KEY)
    GET_STATE_METADATA: Final = int(ChaincodeMessage.GET_STATE_METADATA)
    PUT_STATE_METADATA: Final = int(ChaincodeMessage.PUT_STATE_METADATA)
    GET_PRIVATE_DATA_HASH: Final = int(ChaincodeMessage.GET_PRIVATE_DATA_HASH)
    PURGE_PRIVATE_DATA: Final = int(ChaincodeMessage.PURGE_PRIVATE_DATA)
    WRITE_BATCH_STATE: Final = int(ChaincodeMessage.WRITE_BATCH_STATE)
    GET_STATE_MULTIPLE: Final = int(ChaincodeMessage.GET_STATE_MULTIPLE)

    @staticmethod
    def name(kind: int) -> str:
        """A type's name, for logs."""
        names = ChaincodeMessage.Type
        return names.Name(kind) if kind in names.values() else str(kind)  # type: ignore[arg-type]


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
