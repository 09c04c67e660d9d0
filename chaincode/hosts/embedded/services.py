"""``protos.Deliver`` on the wire. Blocks go out as the bytes that are stored, without being parsed and
written again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc

from chaincode.hosts.embedded.deliver import Asked, Delivery, filtered, headers_only
from chaincode.hosts.embedded.feed import ClosedError
from chaincode.hosts.embedded.private import visible_private_data
from chaincode.hosts.embedded.store import Reader
from chaincode.hosts.embedded.wire import field_bytes, parse, varint
from consortium.wire.fabric.common.common_pb2 import Block, Envelope

SUCCESS = 200
SERVICE = "protos.Deliver"
Wrap = Callable[[Asked, int, bytes], bytes]


class DeliverService:
    """The three streams of one channel."""

    def __init__(
        self, delivery: Delivery, reader: Reader, members: Callable[[str, str], frozenset[str]], limit: int
    ):
        self._delivery = delivery
        self._reader = reader
        self._members = members
        self._limit = limit
        self._running = 0

    def handlers(self) -> grpc.GenericRpcHandler:
        """What the server serves; responses are bytes already."""
        streams: dict[str, Wrap] = {
            "Deliver": self._whole,
            "DeliverFiltered": self._filtered,
            "DeliverWithPrivateData": self._with_private,
        }
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                name: grpc.stream_stream_rpc_method_handler(
                    self._stream(wrap), request_deserializer=Envelope.FromString, response_serializer=None
                )
                for name, wrap in streams.items()
            },
        )

    def _stream(self, wrap: Wrap) -> Callable[[AsyncIterator[Envelope], Any], AsyncIterator[bytes]]:
        async def serve(requests: AsyncIterator[Envelope], context: Any) -> AsyncIterator[bytes]:
            if self._running >= self._limit:
                text = f"too many requests for /{SERVICE}, exceeding concurrency limit ({self._limit})"
                await context.abort(grpc.StatusCode.UNKNOWN, text)
            self._running += 1
            try:
                async for envelope in requests:
                    async for item in self._delivery.blocks(envelope):
                        if isinstance(item, int):
                            yield b"\x08" + varint(item)
                            if item != SUCCESS:
                                return
                        else:
                            yield wrap(*item)
            except ClosedError:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "the ledger is stopping")
            finally:
                self._running -= 1

        return serve

    @staticmethod
    def _whole(asked: Asked, number: int, block: bytes) -> bytes:
        return field_bytes(2, _cut(asked, block))

    @staticmethod
    def _filtered(asked: Asked, number: int, block: bytes) -> bytes:
        message = parse(Block, _cut(asked, block), "Block")
        return field_bytes(3, filtered(message).SerializeToString())

    def _with_private(self, asked: Asked, number: int, block: bytes) -> bytes:
        private = visible_private_data(self._reader, number, asked.msp_id, self._members)
        entries = b"".join(
            field_bytes(2, b"\x08" + varint(place) + field_bytes(2, message.SerializeToString()))
            for place, message in private.items()
        )
        return field_bytes(4, field_bytes(1, _cut(asked, block)) + entries)


def _cut(asked: Asked, block: bytes) -> bytes:
    return headers_only(parse(Block, block, "Block")).SerializeToString() if asked.headers_only else block
