"""Calls that the contract, or its host, refuses as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from consortium.contract import encode, names, reasons

OP: Final = "operation-0000000001"


@dataclass(frozen=True)
class RefusedCall:
    """A call, why it is refused, and what the message says.

    :param off_s: how far the proposal's time is off
    """

    title: str
    reason: str
    says: str
    function: str = names.DOCUMENTS_REGISTER
    args: tuple[bytes, ...] = (encode({"op": OP, "items": []}),)
    off_s: int = 0


def _writing(**request: object) -> tuple[bytes, ...]:
    return (encode(request),)


REFUSED_CALLS: Final = (
    RefusedCall(
        "unknown function", reasons.UNKNOWN_FUNCTION, "there is no 'documents:burn'", "documents:burn"
    ),
    RefusedCall("no function", reasons.UNKNOWN_FUNCTION, "there is no ''", ""),
    RefusedCall("long name", reasons.UNKNOWN_FUNCTION, f"there is no '{'名' * 64}'", "名" * 1000),
    RefusedCall("other alphabet", reasons.UNKNOWN_FUNCTION, "there is no '登记'", "登记"),
    RefusedCall("no argument", reasons.BAD_REQUEST, "one argument", args=()),
    RefusedCall("two arguments", reasons.BAD_REQUEST, "one argument", args=(b"{}", b"{}")),
    RefusedCall("no JSON", reasons.BAD_REQUEST, "one JSON object", args=(b"\xff\x00{",)),
    RefusedCall("no object", reasons.BAD_REQUEST, "one JSON object", args=(b"[]",)),
    RefusedCall("no operation", reasons.BAD_REQUEST, "op", args=_writing(items=[{}])),
    RefusedCall("short operation", reasons.BAD_REQUEST, "op", args=_writing(op="1", items=[{}])),
    RefusedCall("no items", reasons.BAD_REQUEST, "items", args=_writing(op=OP, items=[])),
    RefusedCall("too many items", reasons.BAD_REQUEST, "items", args=_writing(op=OP, items=[0] * 1001)),
    RefusedCall("one field more", reasons.BAD_REQUEST, "more", args=_writing(op=OP, items=[0], more=1)),
    RefusedCall(
        "too long", reasons.BAD_REQUEST, "4194304 bytes", args=(b" " * (names.MAX_REQUEST_BYTES + 1),)
    ),
    RefusedCall("odd read", reasons.BAD_REQUEST, "request.fps", names.DOCUMENTS_GET, _writing(fps=["x"])),
    RefusedCall(
        "reads too many",
        reasons.BAD_REQUEST,
        "request.fps",
        names.ATTEST,
        _writing(challenge="00" * 32, fps=["00" * 32] * 1001),
    ),
    RefusedCall("too early", reasons.TRANSACTION_TIME, "5 minutes", off_s=-330),
    RefusedCall("too late", reasons.TRANSACTION_TIME, "5 minutes", off_s=330),
    # The test uses the operation before.
    RefusedCall(
        "operation used", reasons.OPERATION_ID_REUSED, "other bytes", args=_writing(op=OP, items=[0, 0])
    ),
)
