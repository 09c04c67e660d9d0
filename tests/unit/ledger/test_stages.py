"""Stages against scripted peers: what is sent, what goes elsewhere, what is known afterwards."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from consortium.identity.msp import Identity
from consortium.ledger import contract as contract_module
from consortium.ledger.connection import Deadlines, OfflineIdentity
from consortium.ledger.errors import (
    CommitError,
    CommitStatusError,
    EndorseError,
    EvaluateError,
    LedgerError,
    NotSignedError,
    SubmitError,
    UnreadableError,
)
from consortium.ledger.messages import build_proposal
from consortium.ledger.stages import Commit, PreparedTransaction, Proposal, Status
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.gateway import gateway_pb2
from tests.support.ledger_fakes import CHAINCODE, CHANNEL, Failure, FakePeer, endorse
from tests.unit.ledger.conftest import GatewayMaker, PeerMaker

UNAVAILABLE = Failure(grpc.StatusCode.UNAVAILABLE, "gone")
ABORTED = "failed to endorse transaction, see attached details for more info"
DEAD = "127.0.0.1:1"


def refused(message: str, msp_id: str = "BankAMSP") -> Failure:
    return Failure(grpc.StatusCode.ABORTED, ABORTED, (("peer:7051", msp_id, message),))


def kv(gateway: object, *targets: FakePeer | str, **options: object) -> contract_module.Contract:
    return gateway(*targets, **options).network(CHANNEL).contract(CHAINCODE)  # type: ignore[operator,no-any-return]


async def test_all_stages(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer()

    assert await kv(gateway, server).submit("put", b"k", b"v") == b"answer"
    assert server.calls == ["endorse", "submit", "commit_status"]


async def test_a_stage_goes_on_from_its_bytes(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer()
    proposal = kv(gateway, server).propose("put", b"k", organisations=["BankAMSP", "IndustryAMSP"]).signed()

    again = gateway(server).resume_proposal(proposal.to_bytes())
    prepared = (await again.endorse()).signed()
    restored = gateway(server).resume_transaction(prepared.to_bytes())
    commit = (await restored.submit()).signed()
    status = await gateway(server).resume_commit(commit.to_bytes()).status()

    assert again.organisations == ("BankAMSP", "IndustryAMSP")
    assert (again.txid, prepared.txid, restored.txid, commit.txid) == (proposal.txid,) * 4
    assert server.submitted == [prepared.envelope]
    assert restored.envelope_digest == prepared.envelope_digest == commit.envelope_digest
    assert restored.result == b"answer"
    assert status == Status(proposal.txid, 0, 1)


async def test_bytes_are_those_of_the_official_clients(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer()
    proposal = kv(gateway, server).propose("put", organisations=["BankAMSP"]).signed()
    prepared = (await proposal.endorse()).signed()
    commit = Commit.of(prepared.session, CHANNEL, prepared.txid).signed()

    proposed = gateway_pb2.ProposedTransaction.FromString(proposal.to_bytes())
    assert (proposed.transaction_id, proposed.proposal.signature) == (proposal.txid, proposal.signature)
    transaction = gateway_pb2.PreparedTransaction.FromString(prepared.to_bytes())
    assert (transaction.transaction_id, transaction.envelope.signature) == (proposal.txid, prepared.signature)
    request = gateway_pb2.SignedCommitStatusRequest.FromString(commit.to_bytes())
    assert request.signature == commit.signature


async def test_offline_signing(peer: PeerMaker, gateway: GatewayMaker, identity: Identity) -> None:
    server = await peer()
    offline = OfflineIdentity(identity.msp_id, identity.cert_pem)
    contract = kv(gateway, server, identity=offline)
    proposal = contract.propose("put", b"k")
    with pytest.raises(NotSignedError):
        await proposal.endorse()
    with pytest.raises(NotSignedError):
        await proposal.evaluate()

    prepared = await proposal.with_signature(identity.sign(proposal.signing_bytes)).endorse()
    with pytest.raises(NotSignedError):
        await prepared.submit()
    with pytest.raises(NotSignedError):
        _ = prepared.envelope_digest
    commit = await prepared.with_signature(identity.sign(prepared.signing_bytes)).submit()
    with pytest.raises(NotSignedError):
        await commit.status()
    status = await commit.with_signature(identity.sign(commit.signing_bytes)).status()

    assert status.ok
    assert offline.serialized() == identity.serialized()
    assert len({len(stage.digest) for stage in (proposal, prepared, commit)} | {32}) == 1


async def test_with_transient_data_the_prepared_transaction_is_still_ours(
    peer: PeerMaker, gateway: GatewayMaker
) -> None:
    server = await peer()

    prepared = await kv(gateway, server).endorse("put", b"k", transient={"opening": b"secret"})

    assert b"secret" in server.proposals[0]
    assert b"secret" not in prepared.payload


async def test_a_peer_that_returns_another_transaction_gets_no_signature(
    peer: PeerMaker, gateway: GatewayMaker, identity: Identity, peers: list[Identity]
) -> None:
    def swap(_: common_pb2.Envelope) -> common_pb2.Envelope:
        foreign, _parts = build_proposal(
            channel=CHANNEL,
            chaincode=CHAINCODE,
            function="steal",
            args=[],
            creator=identity.serialized(),
            nonce=b"n" * 24,
            at_ns=0,
        )
        return endorse(foreign, peers)

    server = await peer(alter=swap)

    with pytest.raises(EndorseError) as caught:
        await kv(gateway, server).submit("put", b"k")
    assert caught.value.reason == "ENDORSEMENT_ALTERED"
    assert server.submitted == []


async def test_a_peer_that_returns_nothing_is_named(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer(alter=lambda _: common_pb2.Envelope())

    with pytest.raises(EndorseError) as caught:
        await kv(gateway, server).endorse("put", b"k")
    assert caught.value.reason == "ENDORSEMENT_ALTERED"


async def test_the_contracts_refusal_is_told_from_the_ledgers(peer: PeerMaker, gateway: GatewayMaker) -> None:
    words = "chaincode response 400, UNKNOWN_FUNCTION: there is no put"
    server = await peer(
        fail={
            "endorse": [refused(words)],
            "evaluate": [
                Failure(grpc.StatusCode.UNKNOWN, f"evaluate call to endorser returned error: {words}"),
                Failure(grpc.StatusCode.UNKNOWN, "chaincode response 500, ValueError: no reason in it"),
            ],
        }
    )
    contract = kv(gateway, server, server)

    with pytest.raises(EndorseError) as endorsing:
        await contract.endorse("put")
    with pytest.raises(EvaluateError) as evaluating:
        await contract.evaluate("put")
    with pytest.raises(EvaluateError) as crashed:
        await contract.evaluate("put")

    for error in (endorsing.value, evaluating.value):
        assert (error.reason, error.contract_reason) == ("CONTRACT_REFUSED", "UNKNOWN_FUNCTION")
        assert error.contract_message == "there is no put"
        assert not error.retryable
    assert endorsing.value.details_list == (("peer:7051", "BankAMSP", words),)
    assert endorsing.value.code == "ABORTED"
    assert endorsing.value.details["txid"] == endorsing.value.txid != ""
    assert (crashed.value.contract_reason, crashed.value.contract_message) == (
        None,
        "ValueError: no reason in it",
    )
    assert server.calls == ["endorse", "evaluate", "evaluate"]  # nothing was asked twice


async def test_mismatched_endorsements_are_proposed_anew(
    peer: PeerMaker, gateway: GatewayMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract_module, "MISMATCH_PAUSE_S", 0.001)
    mismatch = refused("ProposalResponsePayloads do not match")
    server = await peer(fail={"endorse": [mismatch] * 4})

    assert (await kv(gateway, server).endorse("put", b"k")).result == b"answer"
    assert len(server.proposals) == len(set(server.proposals)) == 5

    server.fail["endorse"] = [mismatch] * 5
    with pytest.raises(EndorseError) as caught:
        await kv(gateway, server).endorse("put", b"k")
    assert (caught.value.reason, caught.value.retryable) == ("ENDORSEMENT_MISMATCH", True)
    assert len(server.proposals) == 10


@pytest.mark.parametrize(
    ("failure", "goes_elsewhere"),
    [
        (UNAVAILABLE, True),
        (refused("chaincode stream terminated"), True),
        (Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "the gateway is at its concurrency limit"), True),
        (refused("chaincode response 400, NO: no"), False),
        (Failure(grpc.StatusCode.PERMISSION_DENIED, "no"), False),
        (Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "Sent message larger than max (9 vs. 8)"), False),
    ],
)
async def test_which_failures_to_endorse_another_peer_may_mend(
    peer: PeerMaker, gateway: GatewayMaker, failure: Failure, goes_elsewhere: bool
) -> None:
    first, second = await peer(fail={"endorse": [failure]}), await peer()
    contract = kv(gateway, first, second)

    if goes_elsewhere:
        await contract.endorse("put")
    else:
        with pytest.raises(EndorseError):
            await contract.endorse("put")
    assert second.calls == ["endorse"] * goes_elsewhere
    if goes_elsewhere:
        assert first.proposals == second.proposals  # the same proposal, not a new one


async def test_a_dead_endpoint_is_passed_over_and_then_asked_last(
    peer: PeerMaker, gateway: GatewayMaker
) -> None:
    alive = await peer()
    client = gateway(DEAD, alive)
    contract = client.network(CHANNEL).contract(CHAINCODE)

    assert await contract.evaluate("get") == b"answer"
    assert [item.endpoint.target for item in contract.session.connection.peers()] == [alive.target, DEAD]
    assert await contract.submit("put") == b"answer"


async def test_balanced_calls_are_spread(peer: PeerMaker, gateway: GatewayMaker) -> None:
    servers = [await peer(), await peer()]
    contract = kv(gateway, *servers, balance=True)

    for _ in range(4):
        await contract.evaluate("get")

    assert [len(server.calls) for server in servers] == [2, 2]


async def test_when_nobody_answers(gateway: GatewayMaker) -> None:
    with pytest.raises(EvaluateError) as caught:
        await kv(gateway, DEAD, DEAD).evaluate("get")

    assert (caught.value.reason, caught.value.retryable, caught.value.outcome_unknown) == (
        "LEDGER_UNAVAILABLE",
        True,
        False,
    )


async def test_every_stage_ends_at_its_deadline(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer()
    hanging = await peer(hang={"evaluate", "endorse", "submit", "commit_status"})
    prepared = (await kv(gateway, server).endorse("put")).signed()
    contract = kv(gateway, hanging, deadlines=Deadlines(0.05, 0.05, 0.05, 0.05))
    commit = await prepared.submit()

    for stage in (
        contract.evaluate("get"),
        contract.endorse("put"),
        contract.resume_transaction(prepared.to_bytes()).submit(),
        contract.resume_commit(commit.to_bytes()).status(),
    ):
        with pytest.raises(LedgerError) as caught:
            await stage
        assert caught.value.reason == "LEDGER_TIMEOUT"
        assert caught.value.outcome_unknown is isinstance(caught.value, SubmitError | CommitStatusError)


@pytest.mark.parametrize(("late", "reason"), [(True, "LEDGER_TIMEOUT"), (False, "LEDGER_UNAVAILABLE")])
def test_a_peer_that_notices_the_deadline_first(late: bool, reason: str) -> None:
    """Go's servers reset the stream of a call that is over: it reads CANCELLED, and is a timeout."""
    reset = grpc.aio.AioRpcError(grpc.StatusCode.CANCELLED, grpc.aio.Metadata(), grpc.aio.Metadata())

    failure = SubmitError.from_rpc(reset, late=late)

    assert (failure.reason, failure.outcome_unknown) == (reason, True)


@pytest.mark.parametrize(
    ("failure", "unknown"),
    [
        (UNAVAILABLE, True),
        (Failure(grpc.StatusCode.DEADLINE_EXCEEDED, "submit timeout expired"), True),
        (Failure(grpc.StatusCode.INTERNAL, "?"), True),
        (
            Failure(grpc.StatusCode.ABORTED, "received unsuccessful response from orderer: status=FORBIDDEN"),
            False,
        ),
        (Failure(grpc.StatusCode.FAILED_PRECONDITION, "no such channel"), False),
    ],
)
async def test_what_is_known_after_a_failed_submit(
    peer: PeerMaker, gateway: GatewayMaker, failure: Failure, unknown: bool
) -> None:
    server = await peer(fail={"submit": [failure]})

    with pytest.raises(SubmitError) as caught:
        await kv(gateway, server).submit("put")

    assert caught.value.outcome_unknown is unknown
    assert caught.value.txid


async def test_a_refusal_elsewhere_does_not_make_an_unknown_outcome_known(
    peer: PeerMaker, gateway: GatewayMaker
) -> None:
    first = await peer(fail={"submit": [UNAVAILABLE]})
    second = await peer(fail={"submit": [Failure(grpc.StatusCode.FAILED_PRECONDITION, "no such channel")]})

    with pytest.raises(SubmitError) as caught:
        await kv(gateway, first, second).submit("put")

    assert (caught.value.code, caught.value.outcome_unknown) == ("FAILED_PRECONDITION", True)
    assert first.submitted == second.submitted  # the same envelope


async def test_an_invalid_transaction_raises_with_its_code(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer(commit=False)
    contract = kv(gateway, server)
    prepared = (await contract.endorse("put")).signed()
    await server.add_block([prepared.envelope], [11])

    status = await (await prepared.submit()).status()

    assert not status.ok
    with pytest.raises(CommitError, match="MVCC_READ_CONFLICT") as caught:
        status.raise_if_invalid()
    assert (caught.value.reason, caught.value.retryable, caught.value.block) == (
        "TRANSACTION_CONFLICT",
        True,
        1,
    )
    assert caught.value.txid == prepared.txid
    assert CommitError("ab", 10, 3).reason == "TRANSACTION_INVALID"
    assert CommitError("ab", 77, 3).code_name == "77"


@pytest.mark.parametrize("stage", [Proposal, PreparedTransaction, Commit])
@pytest.mark.parametrize("data", [b"", b"\xff\xff", b"\x0a\x02ab"])
def test_bytes_that_are_no_stage_are_unreadable(
    stage: type[Proposal] | type[PreparedTransaction] | type[Commit], data: bytes
) -> None:
    with pytest.raises(UnreadableError):
        stage.from_bytes(None, data)  # type: ignore[arg-type]


@pytest.mark.parametrize("stage", ["evaluate", "submit"])
async def test_a_client_that_is_closed_ends_its_calls(
    peer: PeerMaker, gateway: GatewayMaker, stage: str
) -> None:
    server = await peer(hang={stage})
    client = gateway(server)
    contract = client.network(CHANNEL).contract(CHAINCODE)
    call = asyncio.ensure_future(contract.evaluate("get") if stage == "evaluate" else contract.submit("put"))
    while stage not in server.calls:
        await asyncio.sleep(0.001)

    await client.close()

    with pytest.raises(LedgerError) as caught:
        await call
    assert (caught.value.reason, caught.value.outcome_unknown) == ("LEDGER_UNAVAILABLE", stage == "submit")
    with pytest.raises(LedgerError):
        await contract.evaluate("get")


async def test_a_cancelled_caller_is_cancelled(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer(hang={"evaluate"})
    call = asyncio.ensure_future(kv(gateway, server).evaluate("get"))
    while not server.calls:
        await asyncio.sleep(0.001)

    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call


async def test_calls_at_once_are_limited(
    peer: PeerMaker, gateway: GatewayMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consortium.ledger.connection.MAX_CONCURRENT_CALLS", 1)
    server = await peer(hang={"evaluate"})
    contract = kv(gateway, server)
    first = asyncio.ensure_future(contract.evaluate("get"))
    while not server.calls:
        await asyncio.sleep(0.001)

    with pytest.raises(EvaluateError) as caught:
        await contract.evaluate("get", deadline=0.01)
    first.cancel()

    assert (caught.value.reason, caught.value.retryable) == ("LEDGER_OVERLOADED", True)
    server.hang.clear()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await contract.evaluate("get") == b"answer"
