"""Which gateway peer is asked next, and what is told of it."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace

import grpc
import pytest

from consortium.identity.msp import Identity
from consortium.ledger import connection as connection_module
from consortium.ledger import contract as contract_module
from consortium.ledger.connection import Deadlines, Endpoint
from consortium.ledger.errors import EndorseError, EvaluateError, LedgerError, StreamError
from consortium.ledger.gateway import Gateway
from tests.support.ledger_fakes import CHAINCODE, CHANNEL, Failure, FakePeer
from tests.unit.ledger.conftest import GatewayMaker, PeerMaker

DEAD = "127.0.0.1:1"
OWN, OTHER = "IndustryAMSP", "BankAMSP"
NO_PEERS = Failure(grpc.StatusCode.UNAVAILABLE, "failed to find any endorsing peers for org(s): BankAMSP")
NO_CHAINCODE = Failure(
    grpc.StatusCode.FAILED_PRECONDITION,
    f"no peers available to evaluate chaincode {CHAINCODE} in channel {CHANNEL}",
)
NO_CHANNEL = Failure(grpc.StatusCode.UNAVAILABLE, f"failed to get config for channel [{CHANNEL}]")
DIFFERENT = Failure(
    grpc.StatusCode.ABORTED,
    "failed to collect enough transaction endorsements, see attached details for more info",
    (("peer1:7051", OTHER, "ProposalResponsePayloads do not match"),),
)
REFUSED = Failure(grpc.StatusCode.UNKNOWN, "evaluate call: chaincode response 400, UNKNOWN_FUNCTION: it")


def client(identity: Identity, *endpoints: Endpoint) -> Gateway:
    return Gateway(endpoints, identity, deadlines=Deadlines(5, 5, 5, 5))


@pytest.mark.parametrize(
    ("msps", "organisations", "answers"),
    [
        ((OWN, OTHER), (), False),
        ((OWN, OTHER), (OTHER,), True),
        ((OWN, OWN), (), True),
        (("", OTHER), (), False),
        (("", ""), (), False),  # only the first counts as our own
        (("", OWN), (), True),
    ],
)
async def test_transient_data_goes_to_whom_it_may(
    peer: PeerMaker, identity: Identity, msps: tuple[str, str], organisations: tuple[str, ...], answers: bool
) -> None:
    alive = await peer()
    endpoints = [Endpoint(DEAD, None, msp_id=msps[0]), Endpoint(alive.target, None, msp_id=msps[1])]
    async with client(identity, *endpoints) as gateway:
        contract = gateway.network(CHANNEL).contract(CHAINCODE)
        secret = {"secret": b"value"}
        for call in (contract.evaluate, contract.endorse):
            if answers:
                assert await call("put", transient=secret, organisations=organisations)
            else:
                with pytest.raises(LedgerError) as caught:
                    await call("put", transient=secret, organisations=organisations)
                assert caught.value.reason == "LEDGER_UNAVAILABLE"
        assert await contract.evaluate("put", organisations=organisations) == b"answer"  # nothing to hide

    assert alive.calls == (["evaluate", "endorse", "evaluate"] if answers else ["evaluate"])


async def test_without_any_peer_that_may_see_it_nothing_is_sent(peer: PeerMaker, identity: Identity) -> None:
    other = await peer()
    async with client(identity, Endpoint(other.target, None, msp_id=OTHER)) as gateway:
        with pytest.raises(EndorseError, match="no endpoint may see") as caught:
            await gateway.network(CHANNEL).contract(CHAINCODE).endorse("put", transient={"a": b"b"})

    assert (caught.value.reason, other.calls) == ("LEDGER_UNAVAILABLE", [])
    assert caught.value.remedy


async def test_a_lasting_mismatch_is_asked_of_another_peer(
    peer: PeerMaker, gateway: GatewayMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract_module, "MISMATCH_PAUSE_S", 0.001)
    odd, even = await peer(fail={"endorse": [DIFFERENT] * 5}), await peer()

    prepared = await gateway(odd, even).network(CHANNEL).contract(CHAINCODE).endorse("put")

    assert prepared.result == b"answer"
    assert (len(odd.proposals), len(even.proposals)) == (2, 1)
    assert len({*odd.proposals, *even.proposals}) == 3  # each a new one


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (NO_CHAINCODE, "CHAINCODE_NOT_FOUND"),
        (NO_CHANNEL, "CHANNEL_NOT_FOUND"),
        (REFUSED, "ENDORSERS_NOT_FOUND"),
        (None, "ENDORSERS_NOT_FOUND"),
    ],
)
async def test_what_is_missing_is_asked_for(
    peer: PeerMaker, gateway: GatewayMaker, answer: Failure | None, reason: str
) -> None:
    node: FakePeer = await peer(fail={"endorse": [NO_PEERS], "evaluate": [answer] if answer else []})
    contract = gateway(node).network(CHANNEL).contract(CHAINCODE)

    with pytest.raises(EndorseError) as caught:
        await contract.endorse("put", organisations=[OTHER])

    assert caught.value.reason == reason
    assert "failed to find any endorsing peers" in caught.value.message
    assert caught.value.txid


async def test_the_failure_that_says_most_is_told_with_the_others(
    peer: PeerMaker, gateway: GatewayMaker
) -> None:
    refusing = await peer(fail={"evaluate": [NO_CHANNEL]})

    with pytest.raises(EvaluateError) as caught:
        await gateway(refusing, DEAD).network(CHANNEL).contract(CHAINCODE).evaluate("get")

    assert caught.value.reason == "CHANNEL_NOT_FOUND"
    assert refusing.target in caught.value.message
    assert DEAD in caught.value.message


async def test_the_tls_client_certificate_is_named_in_requests_for_blocks(
    peer: PeerMaker, identity: Identity
) -> None:
    from cryptography.hazmat.primitives import hashes

    from consortium.wire.fabric.common import common_pb2

    alive = await peer()
    # The certificate is not used on a connection without TLS; what is said of it is.
    endpoint = replace(Endpoint(alive.target, None), client_certificate=identity.cert_pem)
    async with client(identity, endpoint) as gateway:
        request = gateway.network(CHANNEL).blocks_request(0)
    header = common_pb2.Payload.FromString(request.signing_bytes).header.channel_header

    assert common_pb2.ChannelHeader.FromString(header).tls_cert_hash == identity.certificate.fingerprint(
        hashes.SHA256()
    )


NOT_JOINED = Failure(
    grpc.StatusCode.PERMISSION_DENIED, f"Failed to get policy manager for channel [{CHANNEL}]"
)


async def test_a_peer_that_has_not_joined_the_channel(
    peer: PeerMaker, gateway: GatewayMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = await peer(
        fail={
            "evaluate": [NO_CHANNEL],
            "endorse": [NO_CHANNEL],
            "submit": [NO_CHANNEL],
            "commit_status": [NOT_JOINED],
            "events": [NOT_JOINED],
        },
        commit=False,
    )
    inside = await peer(event=("name", b""))
    network = gateway(outside, inside).network(CHANNEL)
    contract = network.contract(CHAINCODE)

    with monkeypatch.context() as patched:
        patched.setattr(connection_module, "COOL_DOWN_S", 0)  # asked first again each time
        assert await contract.evaluate("get") == b"answer"
        assert await contract.submit("put") == b"answer"
    async with aclosing(network.chaincode_events(CHAINCODE, 0)) as events:
        assert (await anext(events)).name == "name"
    assert (
        set(outside.calls)
        == set(inside.calls)
        == {"evaluate", "endorse", "submit", "commit_status", "events"}
    )


async def test_a_channel_that_nobody_has_joined(peer: PeerMaker, gateway: GatewayMaker) -> None:
    peers = [await peer(fail={"events": [NOT_JOINED]}) for _ in range(2)]

    with pytest.raises(StreamError) as caught:
        await anext(gateway(*peers).network(CHANNEL).chaincode_events(CHAINCODE, 0))

    assert caught.value.reason == "CHANNEL_NOT_FOUND"
    assert [item.calls for item in peers] == [["events"], ["events"]]


@pytest.mark.parametrize(("whose", "asked_again"), [(OWN, 1), (OTHER, 3)])
async def test_a_peer_whose_own_chaincode_server_is_down_is_asked_last(
    peer: PeerMaker, identity: Identity, whose: str, asked_again: int
) -> None:
    down = Failure(
        grpc.StatusCode.ABORTED,
        "failed to endorse transaction, see attached details for more info",
        (("peer:7051", whose, "error in simulation: could not launch chaincode: connection refused"),),
    )
    own, other = await peer(fail={"endorse": [down]}), await peer()
    endpoints = [Endpoint(own.target, None, msp_id=OWN), Endpoint(other.target, None, msp_id=OTHER)]
    async with client(identity, *endpoints) as gateway:
        contract = gateway.network(CHANNEL).contract(CHAINCODE)
        for _ in range(3):
            assert (await contract.endorse("put")).result == b"answer"

    assert len(own.proposals) == asked_again
    assert len(own.proposals) + len(other.proposals) == 4  # the first was asked of both
