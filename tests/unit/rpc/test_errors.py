"""The error map: complete, steady, and the same in both directions."""

from __future__ import annotations

import re

import grpc
import grpc.aio
import pytest
from hypothesis import given
from hypothesis import strategies as st

import consortium.errors
import consortium.ledger.errors
from consortium.errors import (
    ChanrongError,
    ConflictError,
    DeniedError,
    InvalidInputError,
    OutcomeUnknownError,
    UnavailableError,
)
from consortium.identity.chain import ChainError
from consortium.rpc.errors import (
    ERROR_MAP,
    MAX_TRAILER_BYTES,
    TRAILER,
    from_rpc_error,
    incident,
    kind_of,
    loggable,
    problem,
    to_status,
    to_trailer,
    told,
)

CLASSES = [
    kind
    for kind in vars(consortium.errors).values()
    if isinstance(kind, type) and issubclass(kind, ChanrongError)
]


def _rpc_error(code: grpc.StatusCode, text: str = "", trailer: bytes | None = None) -> grpc.aio.AioRpcError:
    metadata = grpc.aio.Metadata(*([(TRAILER, trailer)] if trailer is not None else []))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), metadata, text)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_has_a_status_and_comes_back(kind: type[ChanrongError]) -> None:
    error = kind("Text.", remedy="Do.", details={"a": "b"})
    status = to_status(error)
    assert status == ERROR_MAP[kind.reason]
    back = from_rpc_error(_rpc_error(status.grpc, "Text.", to_trailer(error)[0][1]))
    assert type(back) is kind
    assert (back.reason, back.message, back.remedy, back.details) == (kind.reason, "Text.", "Do.", {"a": "b"})


@given(st.text(max_size=3000), st.text(max_size=3000), st.dictionaries(st.text(), st.text(), max_size=5))
def test_any_text_fits_into_a_trailer(message: str, remedy: str, details: dict[str, str]) -> None:
    # Lone surrogates cannot be text on any wire.
    message, remedy = (text.encode(errors="replace").decode() for text in (message, remedy))
    details = {
        k.encode(errors="replace").decode(): v.encode(errors="replace").decode() for k, v in details.items()
    }
    error = DeniedError(message, remedy=remedy, details=details)
    trailer = to_trailer(error)[0][1]
    assert len(trailer) < MAX_TRAILER_BYTES
    assert from_rpc_error(_rpc_error(grpc.StatusCode.PERMISSION_DENIED, "", trailer)).reason == "DENIED"


def test_a_reason_of_its_own_takes_its_classs_status() -> None:
    assert to_status(DeniedError("x", reason="CONSENT_REVOKED")) == ERROR_MAP["DENIED"]
    assert to_status(ChainError("x")) == ERROR_MAP["DENIED"]
    assert kind_of(ChainError("x")) == "DENIED"
    assert to_status(InvalidInputError("x", reason="TOO_LARGE")).http == 413


def test_the_ledger_clients_errors_arrive_as_what_they_mean() -> None:
    assert kind_of(ChanrongError("x", reason="LEDGER_UNAVAILABLE")) == "UNAVAILABLE"
    assert kind_of(ChanrongError("x", reason="CONTRACT_REFUSED")) == "CONFLICT"
    assert kind_of(ChanrongError("x", reason="LEDGER_DENIED")) == "INTERNAL"
    unknown = ChanrongError("x", reason="LEDGER_UNAVAILABLE")
    unknown.outcome_unknown = True  # type: ignore[attr-defined]
    assert kind_of(unknown) == "OUTCOME_UNKNOWN"
    assert to_status(unknown).http == 504


def test_every_reason_of_the_ledger_client_has_a_status() -> None:
    table = consortium.ledger.errors.__doc__ or ""
    reasons = set(re.findall(r"^([A-Z_]{6,})  *\S", table, re.MULTILINE))
    assert len(reasons) > 8
    assert reasons <= set(ERROR_MAP)


def test_an_unlisted_kind_is_the_root() -> None:
    trailer = b'{"reason": "NEW", "kind": "OF_A_LATER_VERSION", "message": "m"}'
    back = from_rpc_error(_rpc_error(grpc.StatusCode.UNKNOWN, "", trailer))
    assert type(back) is ChanrongError
    assert (back.reason, back.message) == ("NEW", "m")


@pytest.mark.parametrize(
    "trailer", [b"", b"{}", b"\xff", b"[]", b'{"reason": 1}', b"x" * (MAX_TRAILER_BYTES + 1)]
)
def test_a_broken_trailer_leaves_the_status(trailer: bytes) -> None:
    back = from_rpc_error(_rpc_error(grpc.StatusCode.NOT_FOUND, "gone", trailer))
    assert back.reason == "NOT_FOUND"
    assert "gone" in back.message


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_every_bare_status_means_something(code: grpc.StatusCode) -> None:
    assert from_rpc_error(_rpc_error(code)).message


def test_a_broken_connection_may_have_delivered_and_a_refused_one_has_not() -> None:
    broken = from_rpc_error(_rpc_error(grpc.StatusCode.UNAVAILABLE, "Socket closed"))
    assert type(broken) is OutcomeUnknownError
    refused = from_rpc_error(
        _rpc_error(grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses; last error: refused")
    )
    assert type(refused) is UnavailableError


def test_an_incident_hides_its_cause_from_the_caller_only() -> None:
    cause = ValueError("hunter2")
    outward = incident(cause)
    assert "hunter2" not in str(problem(outward)) + str(to_trailer(outward))
    assert outward.__cause__ is cause
    assert told(outward)["incident"] in outward.message


def test_problem_details_have_the_standards_members_and_ours() -> None:
    error = ConflictError(
        "m", reason="OPERATION_ID_REUSED", remedy="r", details={"op": "1", "status": "kept out"}
    )
    assert problem(error) == {
        "type": "urn:chanrong:error:operation-id-reused",
        "title": "Conflict",
        "status": 409,
        "detail": "m",
        "reason": "OPERATION_ID_REUSED",
        "remedy": "r",
        "op": "1",
    }


def test_messages_about_input_stay_out_of_logs() -> None:
    assert loggable(InvalidInputError("Seller Secret Trading is unknown.")) is None
    assert told(ConflictError("Secret Trading")) == {"reason": "CONFLICT"}
    assert loggable(DeniedError("The consent was revoked.")) == "The consent was revoked."
