"""gRPC errors as a peer's gateway gives them: code, text, and one ``gateway.ErrorDetail`` per node that
refused.
"""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from google.protobuf.any_pb2 import Any

from consortium.wire.fabric.gateway.gateway_pb2 import ErrorDetail
from consortium.wire.fabric.rpc.status_pb2 import Status

DETAIL_TYPE = "type.googleapis.com/gateway.ErrorDetail"
DETAILS_TRAILER = "grpc-status-details-bin"
MAX_TEXT = 1500
MAX_DETAILS_TEXT = 3000
"""Characters. Error texts travel in trailers, and clients refuse trailers over 8 kB by default."""


class RpcError(Exception):
    """What a call ends with: a code, a text, and what each node said."""

    def __init__(self, code: grpc.StatusCode, message: str, details: Sequence[ErrorDetail] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = tuple(details)

    def trailer(self) -> tuple[tuple[str, bytes], ...]:
        """The trailing metadata that carries the details; nothing when there are none."""
        if not self.details:
            return ()
        room = MAX_DETAILS_TEXT // len(self.details)
        status = Status(code=self.code.value[0], message=shorten(self.message))
        for detail in self.details:
            short = ErrorDetail(
                address=detail.address, msp_id=detail.msp_id, message=shorten(detail.message, room)
            )
            status.details.append(Any(type_url=DETAIL_TYPE, value=short.SerializeToString()))
        return ((DETAILS_TRAILER, status.SerializeToString()),)


def shorten(text: str, limit: int = MAX_TEXT) -> str:
    """A text that fits into a trailer."""
    return text if len(text) <= limit else text[: limit - 3] + "..."
