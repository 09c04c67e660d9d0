"""The one map from reasons to gRPC and HTTP status, and an error's way over the wire and back.

Over gRPC an error travels as status code, message and the trailer ``chanrong-error-bin``: UTF-8 JSON
``{"reason","kind","message","remedy","details"}``, so that reason and remedy survive the hop. Over HTTP it is
RFC 9457 problem+json. Anything that is no ``ChanrongError`` becomes INTERNAL with an incident id; what
happened stands in the log under that id and nowhere else.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

import grpc
import grpc.aio
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consortium.errors import (
    ChanrongError,
    ConfigurationError,
    ConflictError,
    DeniedError,
    InvalidInputError,
    NotFoundError,
    OutcomeUnknownError,
    OverloadedError,
    UnauthenticatedError,
    UnavailableError,
)

TRAILER = "chanrong-error-bin"
"""Trailing metadata key of the JSON form; -bin lets gRPC carry any bytes."""

MAX_MESSAGE_CHARACTERS = 1500
"""Longest message or remedy sent; gRPC's soft limit for all metadata is 8 KiB and details need room, too."""

MAX_DETAILS_BYTES = 3000
"""Details that do not fit are left out, in the order given."""

MAX_TRAILER_BYTES = 64 * 1024
"""What a client is willing to parse."""


class Status(NamedTuple):
    """How a reason shows on each protocol."""

    grpc: grpc.StatusCode
    http: int


ERROR_MAP: Mapping[str, Status] = {
    # The classes of consortium.errors; a reason that is not listed takes its class's line.
    "INVALID_INPUT": Status(grpc.StatusCode.INVALID_ARGUMENT, 400),
    "UNAUTHENTICATED": Status(grpc.StatusCode.UNAUTHENTICATED, 401),
    "DENIED": Status(grpc.StatusCode.PERMISSION_DENIED, 403),
    "NOT_FOUND": Status(grpc.StatusCode.NOT_FOUND, 404),
    "CONFLICT": Status(grpc.StatusCode.FAILED_PRECONDITION, 409),
    "OVERLOADED": Status(grpc.StatusCode.RESOURCE_EXHAUSTED, 429),
    "INTERNAL": Status(grpc.StatusCode.INTERNAL, 500),
    "CONFIGURATION": Status(grpc.StatusCode.INTERNAL, 500),
    "UNAVAILABLE": Status(grpc.StatusCode.UNAVAILABLE, 503),
    # It may have happened, which is what this gRPC code says and 504 lets a client suppose.
    "OUTCOME_UNKNOWN": Status(grpc.StatusCode.DEADLINE_EXCEEDED, 504),
    # Reasons that show differently from their class.
    "DEADLINE_EXCEEDED": Status(grpc.StatusCode.DEADLINE_EXCEEDED, 504),
    "NOT_IMPLEMENTED": Status(grpc.StatusCode.UNIMPLEMENTED, 501),
    "TOO_LARGE": Status(grpc.StatusCode.RESOURCE_EXHAUSTED, 413),
    "UNSUPPORTED_MEDIA_TYPE": Status(grpc.StatusCode.INVALID_ARGUMENT, 415),
    "IDEMPOTENCY_KEY_REUSED": Status(grpc.StatusCode.FAILED_PRECONDITION, 422),
    # The ledger client's (consortium.ledger.errors). What the ledger holds against the gateway, or what it gets
    # wrong itself, is not the caller's fault.
    "CONTRACT_REFUSED": Status(grpc.StatusCode.FAILED_PRECONDITION, 409),
    # What the contract cannot read came from the caller's words: an id of another form, for one.
    "BAD_REQUEST": Status(grpc.StatusCode.INVALID_ARGUMENT, 400),
    "LEDGER_NOT_FOUND": Status(grpc.StatusCode.NOT_FOUND, 404),
    "MESSAGE_TOO_LARGE": Status(grpc.StatusCode.RESOURCE_EXHAUSTED, 413),
    "LEDGER_OVERLOADED": Status(grpc.StatusCode.RESOURCE_EXHAUSTED, 503),
    "LEDGER_UNAVAILABLE": Status(grpc.StatusCode.UNAVAILABLE, 503),
    "LEDGER_BEHIND": Status(grpc.StatusCode.UNAVAILABLE, 503),
    "LEDGER_MOVING": Status(grpc.StatusCode.UNAVAILABLE, 503),
    "ENDORSEMENT_MISMATCH": Status(grpc.StatusCode.UNAVAILABLE, 503),
    "ENDORSERS_NOT_FOUND": Status(grpc.StatusCode.UNAVAILABLE, 503),
    "ENDORSER_FAILED": Status(grpc.StatusCode.UNAVAILABLE, 503),
    "TRANSACTION_CONFLICT": Status(grpc.StatusCode.UNAVAILABLE, 503),
    "LEDGER_TIMEOUT": Status(grpc.StatusCode.DEADLINE_EXCEEDED, 504),
    "LEDGER_DENIED": Status(grpc.StatusCode.INTERNAL, 502),
    "LEDGER_REFUSED": Status(grpc.StatusCode.INTERNAL, 502),
    "CHANNEL_NOT_FOUND": Status(grpc.StatusCode.INTERNAL, 502),
    "CHAINCODE_NOT_FOUND": Status(grpc.StatusCode.INTERNAL, 502),
    "IDENTITY_UNKNOWN": Status(grpc.StatusCode.INTERNAL, 502),
    "IDENTITY_REFUSED": Status(grpc.StatusCode.INTERNAL, 502),
    "IDENTITY_EXPIRED": Status(grpc.StatusCode.INTERNAL, 502),
    "CLOCK_OFF": Status(grpc.StatusCode.INTERNAL, 502),
    "LEDGER_UNREADABLE": Status(grpc.StatusCode.INTERNAL, 502),
    "ENDORSEMENT_ALTERED": Status(grpc.StatusCode.INTERNAL, 502),
    "TRANSACTION_INVALID": Status(grpc.StatusCode.INTERNAL, 502),
}
"""Reason -> status. A reason is never renamed once published."""

_KINDS: Mapping[str, type[ChanrongError]] = {
    kind.reason: kind
    for kind in (
        ChanrongError,
        ConfigurationError,
        ConflictError,
        DeniedError,
        InvalidInputError,
        NotFoundError,
        OutcomeUnknownError,
        OverloadedError,
        UnauthenticatedError,
        UnavailableError,
    )
}

_KIND_OF_STATUS = {ERROR_MAP[kind].grpc: kind for kind in _KINDS if kind not in {"INTERNAL", "CONFIGURATION"}}

_REPEAT = "Repeat it; writing calls under the same idempotency key."

_NOT_SENT = ("failed to connect to all addresses", "DNS resolution failed")
"""How gRPC's text begins when no request left this machine; with any other text it may have."""

# What a bare gRPC status (a proxy's, gRPC's own) means to us: kind, reason, remedy.
_BARE: Mapping[grpc.StatusCode, tuple[type[ChanrongError], str, str]] = {
    grpc.StatusCode.INVALID_ARGUMENT: (InvalidInputError, "INVALID_INPUT", ""),
    grpc.StatusCode.OUT_OF_RANGE: (InvalidInputError, "INVALID_INPUT", ""),
    grpc.StatusCode.UNAUTHENTICATED: (UnauthenticatedError, "UNAUTHENTICATED", ""),
    grpc.StatusCode.PERMISSION_DENIED: (DeniedError, "DENIED", ""),
    grpc.StatusCode.NOT_FOUND: (NotFoundError, "NOT_FOUND", ""),
    grpc.StatusCode.ALREADY_EXISTS: (ConflictError, "CONFLICT", ""),
    grpc.StatusCode.FAILED_PRECONDITION: (ConflictError, "CONFLICT", ""),
    grpc.StatusCode.ABORTED: (ConflictError, "CONFLICT", ""),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (
        OverloadedError,
        "OVERLOADED",
        "Send smaller messages or fewer calls at once.",
    ),
    # The connection broke and the request may have arrived; _NOT_SENT is the exception.
    grpc.StatusCode.UNAVAILABLE: (OutcomeUnknownError, "CONNECTION_LOST", _REPEAT),
    grpc.StatusCode.DEADLINE_EXCEEDED: (OutcomeUnknownError, "DEADLINE_EXCEEDED", _REPEAT),
    grpc.StatusCode.UNIMPLEMENTED: (
        ChanrongError,
        "NOT_IMPLEMENTED",
        "The server is of another version: check the address.",
    ),
}


def to_status(error: ChanrongError) -> Status:
    """Status of an error: its reason's line, else that of the nearest class with one.

    An error that has ``outcome_unknown`` set (the ledger client's do) is that before anything else.
    """
    if getattr(error, "outcome_unknown", False):
        return ERROR_MAP[OutcomeUnknownError.reason]
    listed = ERROR_MAP.get(error.reason)
    return listed if listed is not None else ERROR_MAP[_class_kind(error)]


def kind_of(error: ChanrongError) -> str:
    """The class that an error is raised as on the other side, by its published name, such as ``DENIED``.

    It is the error's own class where that is one of consortium.errors, else the one with the same status.
    """
    kind = _class_kind(error)
    if kind != ChanrongError.reason and not getattr(error, "outcome_unknown", False):
        return kind
    return _KIND_OF_STATUS.get(to_status(error).grpc, ChanrongError.reason)


def _class_kind(error: ChanrongError) -> str:
    for cls in type(error).__mro__:
        reason = cls.__dict__.get("reason")
        if isinstance(reason, str) and reason in _KINDS:
            return reason
    return ChanrongError.reason


def incident(error: BaseException) -> ChanrongError:
    """What the caller learns of an unexpected error: an incident id and nothing else."""
    number = secrets.token_hex(6)
    outward = ChanrongError(
        f"Internal error, incident {number}.",
        remedy="Tell the operator the incident id.",
        details={"incident": number},
    )
    outward.__cause__ = error
    return outward


def to_trailer(error: ChanrongError) -> tuple[tuple[str, bytes], ...]:
    """Trailing metadata that carries an error over gRPC."""
    details: dict[str, str] = {}
    room = MAX_DETAILS_BYTES
    for name, value in error.details.items():
        room -= len(json.dumps([name, value], ensure_ascii=False).encode())
        if room < 0:
            break
        details[name] = value
    content = {
        "reason": error.reason,
        "kind": kind_of(error),
        "message": shortened(error.message),
        "remedy": shortened(error.remedy),
        "details": details,
    }
    return ((TRAILER, json.dumps(content, ensure_ascii=False).encode()),)


def loggable(error: ChanrongError) -> str | None:
    """The message for a log, or None when it is about the caller's input and so may quote a document."""
    quotes_input = isinstance(error, InvalidInputError | ConflictError | NotFoundError)
    return None if quotes_input else shortened(error.message)


def told(error: ChanrongError) -> dict[str, str]:
    """What an edge logs of an error: reason, incident id, and the message where it may be logged."""
    facts = {"reason": error.reason, "problem": loggable(error), "incident": error.details.get("incident")}
    return {name: value for name, value in facts.items() if value is not None}


def shortened(text: str) -> str:
    """A text cut to what a status may carry."""
    if len(text) <= MAX_MESSAGE_CHARACTERS:
        return text
    return text[: MAX_MESSAGE_CHARACTERS - 3] + "..."


class _Carried(BaseModel):
    model_config = ConfigDict(frozen=True)

    reason: str = Field(min_length=1, max_length=100)
    kind: str
    message: str
    remedy: str = ""
    details: dict[str, str] = {}


def from_rpc_error(error: grpc.aio.AioRpcError) -> ChanrongError:
    """The error that a server raised, as far as the wire carried it; gRPC's own ones translated.

    Use as ``raise from_rpc_error(error) from error``.
    """
    carried = _carried(error)
    if carried is not None:
        kind = _KINDS.get(carried.kind, ChanrongError)
        return kind(carried.message, reason=carried.reason, remedy=carried.remedy, details=carried.details)
    cls, reason, remedy = _BARE.get(error.code(), (ChanrongError, "INTERNAL", ""))
    text = error.details() or error.code().name
    if error.code() is grpc.StatusCode.UNAVAILABLE and text.startswith(_NOT_SENT):
        cls, reason, remedy = UnavailableError, "UNAVAILABLE", "Check that the service runs at that address."
    return cls(f"The call failed: {shortened(text)}", reason=reason, remedy=remedy)


def _carried(error: grpc.aio.AioRpcError) -> _Carried | None:
    for name, value in error.trailing_metadata() or ():
        if name == TRAILER and isinstance(value, bytes) and len(value) <= MAX_TRAILER_BYTES:
            try:
                return _Carried.model_validate_json(value)
            except ValidationError:
                return None
    return None


def problem(error: ChanrongError) -> dict[str, object]:
    """RFC 9457 problem details of an error; its ``details`` become members, as far as names are free."""
    status = to_status(error)
    body: dict[str, object] = {
        "type": f"urn:chanrong:error:{error.reason.lower().replace('_', '-')}",
        "title": HTTPStatus(status.http).phrase,
        "status": status.http,
        "detail": error.message,
        "reason": error.reason,
    }
    if error.remedy:
        body["remedy"] = error.remedy
    for name, value in error.details.items():
        body.setdefault(name, value)
    return body
