"""What peers say, and what it means. The words are those of Fabric 3.1.5, as real peers said them."""

from __future__ import annotations

import datetime as dt

import grpc
import pytest

from consortium.identity.ca import CertificateAuthority
from consortium.identity.msp import make_identity
from consortium.ledger.diagnosis import Asked, ErrorDetail, Failure, denied, diagnose

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
CA = CertificateAuthority.create("ca", "IndustryAMSP")
CREATOR = make_identity("IndustryAMSP", CA.issue("client", ou="client")).serialized()
OLD = make_identity(
    "IndustryAMSP",
    CA.issue("old", ou="client", not_before=NOW - 2 * DAY, not_after=NOW - DAY),
).serialized()
ASKED = Asked("id", "trade", "kv", (), CREATOR)
NAMED = Asked("id", "trade", "kv", ("IndustryAMSP", "BankAMSP"), CREATOR)
Code = grpc.StatusCode
POLICY = (
    "Failed evaluating policy on signed data during check policy on channel [trade] with policy "
    "[/Channel/Application/Writers]: [implicit policy evaluation failed - 0 sub-policies were satisfied, but this "
    "policy requires 1 of the 'Writers' sub-policies to be satisfied]"
)
EVALUATED = "failed to evaluate transaction, see attached details for more info"
ENDORSED = "failed to endorse transaction, see attached details for more info"
COLLECTED = "failed to collect enough transaction endorsements, see attached details for more info"
UNKNOWN_CREATOR = (
    "error validating proposal: access denied: channel [trade] creator org unknown, creator is malformed"
)
REFUSED_CREATOR = "error validating proposal: access denied: channel [trade] creator org [IndustryAMSP]"
NOT_ALLOWED = "chaincode response 400, NOT_ALLOWED: because"
DOWN = "error in simulation: failed to execute transaction: could not launch chaincode: connection refused"
DIFFERENT = "ProposalResponsePayloads do not match"


def industry(message: str) -> ErrorDetail:
    return ErrorDetail("peer0:7051", "IndustryAMSP", message)


def bank(message: str) -> ErrorDetail:
    return ErrorDetail("peer1:7051", "BankAMSP", message)


@pytest.mark.parametrize(
    ("reason", "retryable", "code", "text", "details"),
    [
        (
            "CHANNEL_NOT_FOUND",
            False,
            Code.UNAVAILABLE,
            "failed to get config for channel [nowhere]: could not get last config for channel nowhere",
            (),
        ),
        (
            "CHANNEL_NOT_FOUND",
            False,
            Code.PERMISSION_DENIED,
            "Failed to get policy manager for channel [nowhere]",
            (),
        ),
        (
            "CHAINCODE_NOT_FOUND",
            False,
            Code.FAILED_PRECONDITION,
            "no combination of peers can be derived which satisfy the endorsement policy: "
            "No metadata was found for chaincode nothing in channel trade",
            (),
        ),
        (
            "CHAINCODE_NOT_FOUND",
            False,
            Code.FAILED_PRECONDITION,
            "no peers available to evaluate chaincode nothing in channel trade",
            (),
        ),
        (
            "ENDORSERS_NOT_FOUND",
            True,
            Code.UNAVAILABLE,
            "failed to find any endorsing peers for org(s): NobodyMSP",
            (),
        ),
        (
            "ENDORSERS_NOT_FOUND",
            True,
            Code.FAILED_PRECONDITION,
            "failed to select a set of endorsers that satisfy the endorsement policy due to unavailability of "
            "peers: []",
            (),
        ),
        (
            "ENDORSERS_NOT_FOUND",
            True,
            Code.FAILED_PRECONDITION,
            "no endorsers found in the gateway's organization; retry specifying endorsing organization(s) to "
            "protect transient data",
            (),
        ),
        ("IDENTITY_UNKNOWN", False, Code.ABORTED, ENDORSED, (industry(UNKNOWN_CREATOR),)),
        ("IDENTITY_REFUSED", False, Code.FAILED_PRECONDITION, REFUSED_CREATOR, ()),
        (
            "IDENTITY_EXPIRED",
            False,
            Code.UNAVAILABLE,
            EVALUATED,
            (industry("proposal client identity expired"),),
        ),
        ("LEDGER_DENIED", False, Code.ABORTED, ENDORSED, (industry(POLICY),)),
        ("LEDGER_DENIED", False, Code.PERMISSION_DENIED, POLICY, ()),
        (
            "LEDGER_DENIED",
            False,
            Code.ABORTED,
            "received unsuccessful response from orderer: status=FORBIDDEN, info=implicit policy evaluation failed",
            (),
        ),
        (
            "CLOCK_OFF",
            False,
            Code.ABORTED,
            ENDORSED,
            (
                industry(
                    "request unauthorized due to incorrect timestamp 2026-11-22T16:34:38Z, peer time ..."
                ),
            ),
        ),
        (
            "CLOCK_OFF",
            False,
            Code.UNKNOWN,
            "evaluate call to endorser returned error: chaincode response 400, TRANSACTION_TIME: 6 minutes off",
            (),
        ),
        (
            "MESSAGE_TOO_LARGE",
            False,
            Code.ABORTED,
            "received unsuccessful response from orderer: status=BAD_REQUEST, info=message payload is 34606501 "
            "bytes and exceeds maximum allowed 10485760 bytes",
            (),
        ),
        (
            "MESSAGE_TOO_LARGE",
            False,
            Code.RESOURCE_EXHAUSTED,
            "grpc: received message larger than max (104857700 vs. 104857600)",
            (),
        ),
        (
            "LEDGER_OVERLOADED",
            True,
            Code.UNKNOWN,
            "too many requests for /gateway.Gateway, exceeding concurrency limit (500)",
            (),
        ),
        ("LEDGER_OVERLOADED", True, Code.RESOURCE_EXHAUSTED, "", ()),
        ("CONTRACT_REFUSED", False, Code.ABORTED, ENDORSED, (industry(NOT_ALLOWED),)),
        ("CONTRACT_REFUSED", False, Code.UNKNOWN, f"evaluate call: {NOT_ALLOWED}", ()),
        ("ENDORSEMENT_MISMATCH", True, Code.ABORTED, COLLECTED, (bank(DIFFERENT),)),
        # Without named organisations somebody endorsed before the others were asked.
        ("ENDORSEMENT_MISMATCH", True, Code.ABORTED, COLLECTED, (bank(NOT_ALLOWED),)),
        ("ENDORSER_FAILED", True, Code.ABORTED, ENDORSED, (industry(DOWN),)),
        ("ENDORSER_FAILED", True, Code.ABORTED, EVALUATED, (industry("chaincode stream terminated"),)),
        ("LEDGER_TIMEOUT", True, Code.DEADLINE_EXCEEDED, "Deadline Exceeded", ()),
        (
            "LEDGER_UNAVAILABLE",
            True,
            Code.UNAVAILABLE,
            "no orderers could successfully process transaction",
            (),
        ),
        ("LEDGER_REFUSED", False, Code.INVALID_ARGUMENT, "no nonce", ()),
        ("LEDGER_REFUSED", True, Code.ABORTED, "", ()),
    ],
)
def test_what_peers_say(
    reason: str, retryable: bool, code: grpc.StatusCode, text: str, details: tuple[ErrorDetail, ...]
) -> None:
    found = diagnose(Failure(code, text, details), ASKED)

    assert (found.reason, found.retryable) == (reason, retryable)


def test_a_refusal_of_all_who_were_named_is_the_contract_s() -> None:
    both = Failure(Code.ABORTED, COLLECTED, (industry(NOT_ALLOWED), bank(NOT_ALLOWED)))
    one = Failure(Code.ABORTED, COLLECTED, (bank(NOT_ALLOWED),))

    assert diagnose(both, NAMED).reason == "CONTRACT_REFUSED"
    assert diagnose(one, NAMED).reason == "ENDORSEMENT_MISMATCH"
    assert "BankAMSP refused" in diagnose(one, NAMED).what
    assert both.contract == ("NOT_ALLOWED", "because")


@pytest.mark.parametrize(
    "words",
    [
        "creator org unknown",
        "too many requests for it",
        "client identity expired",
        DIFFERENT,
        "status=FORBIDDEN",
    ],
)
def test_a_contract_s_words_are_never_taken_for_a_peer_s(words: str) -> None:
    said = f"chaincode response 400, NOT_ALLOWED: {words}"

    for failure in (Failure(Code.UNKNOWN, said), Failure(Code.ABORTED, ENDORSED, (industry(said),))):
        assert diagnose(failure, ASKED).reason == "CONTRACT_REFUSED"


def test_the_organisations_without_peers_are_named() -> None:
    text = "failed to find any endorsing peers for org(s): NobodyMSP, OtherMSP"

    assert (
        "no peers of NobodyMSP, OtherMSP that run 'kv' on 'trade'"
        in diagnose(Failure(Code.UNAVAILABLE, text), NAMED).what
    )


def test_our_own_certificate_tells_why_we_are_denied() -> None:
    assert denied(ASKED).reason == "LEDGER_DENIED"
    expired = denied(Asked(channel="trade", creator=OLD))
    assert expired.reason == "IDENTITY_EXPIRED"
    assert f"{NOW - DAY:%Y-%m-%d}" in expired.what
    assert denied(Asked(creator=b"\xff")).reason == "LEDGER_DENIED"
    assert denied(Asked()).reason == "LEDGER_DENIED"
