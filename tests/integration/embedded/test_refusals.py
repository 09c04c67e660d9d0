"""What Evaluate and Endorse refuse, with the codes and details that real peers give."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from chaincode.hosts.embedded.server import EmbeddedLedger
from consortium.identity.ca import CertificateAuthority
from consortium.identity.msp import make_identity
from consortium.identity.signer import P256_ORDER
from consortium.wire.fabric.gateway import gateway_pb2
from consortium.wire.fabric.peer import proposal_pb2
from tests.support.embedded import MSPS, Bent, Network, RawClient, details_of, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")
Bend = Callable[[Bent], None]
COLLECT = "failed to collect enough transaction endorsements, see attached details for more info"
FIRST = "failed to endorse transaction, see attached details for more info"
ALL_TRIED = "failed to evaluate transaction, see attached details for more info"
ASKED = "evaluate call to endorser returned error: "


async def both(client: RawClient, **changes: Any) -> tuple[grpc.aio.AioRpcError, grpc.aio.AioRpcError]:
    """How evaluate and endorse refuse the same proposal."""
    evaluated = await refusal(client.evaluate("get", "a", **changes))
    endorsed = await refusal(client.endorse("get", "a", **changes))
    return evaluated, endorsed


class TestContract:
    """Answers of the contract itself."""

    @pytest.mark.parametrize("status", [100, 199, 400, 404, 500, 599])
    async def test_status_outside_of_success(self, client: RawClient, status: int) -> None:
        text = f"chaincode response {status}, because"
        error = await refusal(client.evaluate("fail", str(status), "because"))
        assert (error.code(), error.details()) == (grpc.StatusCode.UNKNOWN, ASKED + text)
        assert details_of(error) == [("peer0.industryamsp:7051", "IndustryAMSP", text)]
        error = await refusal(client.endorse("fail", str(status), "because"))
        assert (error.code(), error.details()) == (grpc.StatusCode.ABORTED, FIRST)
        assert details_of(error) == [("peer0.industryamsp:7051", "IndustryAMSP", text)]

    @pytest.mark.parametrize("status", [200, 201, 299, 399])
    async def test_status_of_success_is_endorsed(self, client: RawClient, status: int) -> None:
        assert await client.evaluate("fail", str(status), "fine") == b"payload"
        assert (await client.submit("fail", str(status), "fine")).code == 0

    async def test_exception_is_a_response(self, client: RawClient) -> None:
        error = await refusal(client.evaluate("raise", "broken"))
        assert error.code() == grpc.StatusCode.UNKNOWN
        assert error.details() == ASKED + "chaincode response 500, StateError: broken"

    async def test_every_named_endorser_tells(self, client: RawClient) -> None:
        error = await refusal(client.endorse("fail", "500", "no", organisations=["BankAMSP", "IndustryAMSP"]))
        assert (error.code(), error.details()) == (grpc.StatusCode.ABORTED, COLLECT)
        assert [detail[1] for detail in details_of(error)] == ["BankAMSP", "IndustryAMSP"]

    async def test_too_slow(self, client: RawClient) -> None:
        evaluated = await refusal(client.evaluate("slow", "5"))
        assert (evaluated.code(), evaluated.details()) == (grpc.StatusCode.ABORTED, ALL_TRIED)
        assert [detail[1] for detail in details_of(evaluated)] == list(MSPS)
        assert details_of(evaluated)[0][2].endswith("timeout expired while executing transaction")
        assert (await refusal(client.endorse("slow", "5"))).code() == grpc.StatusCode.ABORTED

    async def test_long_texts_fit_into_the_trailer(self, client: RawClient) -> None:
        error = await refusal(client.endorse("fail", "400", "x" * 100_000, organisations=list(MSPS)))
        assert error.code() == grpc.StatusCode.ABORTED
        assert len(details_of(error)) == 3


class TestNames:
    """Channels, chaincodes and organisations that are not there."""

    async def test_channel(self, client: RawClient) -> None:
        evaluated, endorsed = await both(client, channel="nowhere")
        assert evaluated.code() == grpc.StatusCode.UNAVAILABLE
        assert endorsed.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert not details_of(evaluated)
        assert not details_of(endorsed)
        named = await refusal(client.endorse("get", "a", channel="nowhere", organisations=["BankAMSP"]))
        assert named.code() == grpc.StatusCode.UNAVAILABLE

    async def test_chaincode(self, client: RawClient) -> None:
        evaluated, endorsed = await both(client, chaincode="nothing")
        assert evaluated.code() == endorsed.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert evaluated.details() == "no peers available to evaluate chaincode nothing in channel trade"
        named = await refusal(client.endorse("get", "a", chaincode="nothing", organisations=["BankAMSP"]))
        assert named.code() == grpc.StatusCode.UNAVAILABLE

    async def test_the_header_decides_what_runs(self, client: RawClient) -> None:
        error = await refusal(client.evaluate("get", "a", chaincode="nothing", target="kv"))
        assert error.code() == grpc.StatusCode.ABORTED
        assert "chaincode nothing not found" in details_of(error)[0][2]

    async def test_organisation(self, client: RawClient) -> None:
        evaluated = await refusal(client.evaluate("get", "a", organisations=["NobodyMSP"]))
        assert evaluated.code() == grpc.StatusCode.FAILED_PRECONDITION
        endorsed = await refusal(client.endorse("get", "a", organisations=["NobodyMSP", "BankAMSP"]))
        assert endorsed.code() == grpc.StatusCode.UNAVAILABLE
        assert endorsed.details() == "failed to find any endorsing peers for org(s): NobodyMSP"

    async def test_evaluate_passes_over_unknown_organisations(self, client: RawClient) -> None:
        error = await refusal(client.evaluate("fail", "400", "x", organisations=["NobodyMSP", "BankBMSP"]))
        assert [detail[1] for detail in details_of(error)] == ["BankBMSP"]


def _altered(**changes: Any) -> Bend:
    def bend(parts: Bent) -> None:
        for name, value in changes.items():
            setattr(parts, name, value)

    return bend


MALFORMED: dict[str, tuple[Bend, str]] = {
    "kind": (_altered(kind=5), "invalid header type DELIVER_SEEK_INFO"),
    "epoch": (_altered(epoch=1), "epoch is non-zero"),
    "nonce": (_altered(nonce=b""), "nonce is empty"),
    "creator": (_altered(creator=b""), "creator is empty"),
    "txid": (_altered(txid="00" * 32), "incorrectly computed txid"),
    "garbled creator": (_altered(creator=b"\xff\xff"), "creator org unknown, creator is malformed"),
}


class TestProposal:
    """Proposals that a peer refuses before the chaincode runs."""

    @pytest.mark.parametrize("case", MALFORMED)
    async def test_malformed(self, client: RawClient, case: str) -> None:
        bend, text = MALFORMED[case]
        evaluated, endorsed = await both(client, bend=bend)
        assert evaluated.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert text in (evaluated.details() or "")
        assert text in details_of(evaluated)[0][2]
        assert (endorsed.code(), endorsed.details()) == (grpc.StatusCode.ABORTED, FIRST)
        assert text in details_of(endorsed)[0][2]

    @pytest.mark.parametrize("data", [b"", b"\xff\xff\xff", b"\x0a\x02\xff\xff"])
    async def test_unreadable(self, client: RawClient, data: bytes) -> None:
        signed = proposal_pb2.SignedProposal(proposal_bytes=data, signature=b"x")
        for call in (client.evaluate_signed("x", signed), client.endorse_signed("x", signed)):
            assert (await refusal(call)).code() == grpc.StatusCode.INVALID_ARGUMENT

    @pytest.mark.parametrize(
        ("chaincode", "extension", "text"),
        [
            ("kv", b"\xff", "ChaincodeHeaderExtension"),
            ("kv", b"", "ChaincodeId is nil"),
            ("kv", b"\x12\x00", "ChaincodeId.Name is empty"),
        ],
    )
    async def test_header_extension(
        self, client: RawClient, chaincode: str, extension: bytes, text: str
    ) -> None:
        """A gateway does not look at it, a peer refuses."""
        evaluated, endorsed = await both(client, chaincode=chaincode, extension=extension)
        assert evaluated.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert text in details_of(evaluated)[0][2]
        assert endorsed.code() == grpc.StatusCode.ABORTED
        assert text in details_of(endorsed)[0][2]

    async def test_no_target(self, client: RawClient) -> None:
        evaluated, endorsed = await both(client, chaincode="", extension=b"\x12\x04\x12\x02kv")
        assert evaluated.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert endorsed.code() == grpc.StatusCode.FAILED_PRECONDITION
        error = await refusal(client.evaluate("get", "a", channel=""))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT

    async def test_no_proposal(self, client: RawClient) -> None:
        error = await refusal(client.gateway.Endorse(gateway_pb2.EndorseRequest()))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert error.details() == "the proposed transaction must contain a signed proposal"

    @pytest.mark.parametrize("minutes", [-16, 16])
    async def test_time_off_for_the_peer(self, client: RawClient, minutes: int) -> None:
        evaluated, endorsed = await both(client, at=time.time() + minutes * 60)
        assert (evaluated.code(), evaluated.details()) == (grpc.StatusCode.UNAVAILABLE, ALL_TRIED)
        assert "incorrect timestamp" in details_of(evaluated)[0][2]
        assert endorsed.code() == grpc.StatusCode.ABORTED

    @pytest.mark.parametrize("minutes", [-6, 6])
    async def test_time_off_for_the_chaincode(self, client: RawClient, minutes: int) -> None:
        evaluated, endorsed = await both(client, at=time.time() + minutes * 60)
        assert evaluated.code() == grpc.StatusCode.UNKNOWN
        assert "TRANSACTION_TIME" in (evaluated.details() or "")
        assert endorsed.code() == grpc.StatusCode.ABORTED

    async def test_used_transaction_id(self, client: RawClient) -> None:
        txid, signed = client.proposal("put", "used", "1")
        envelope = await client.endorse_signed(txid, signed)
        await client.order(txid, client.sign(envelope))
        await client.status(txid)
        evaluated = await refusal(client.evaluate_signed(txid, signed))
        assert evaluated.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert f"duplicate transaction found [{txid}]" in (evaluated.details() or "")
        endorsed = await refusal(client.endorse_signed(txid, signed))
        assert endorsed.code() == grpc.StatusCode.ABORTED

    async def test_signature(self, client: RawClient) -> None:
        txid, signed = client.proposal("get", "a")
        for bad in (b"", b"garbage", signed.signature[:-1], client.identity.sign(b"other"), high_s(signed)):
            changed = proposal_pb2.SignedProposal(proposal_bytes=signed.proposal_bytes, signature=bad)
            error = await refusal(client.evaluate_signed(txid, changed))
            assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
            assert details_of(error)
        changed = proposal_pb2.SignedProposal(proposal_bytes=signed.proposal_bytes, signature=high_s(signed))
        error = await refusal(client.endorse_signed(txid, changed))
        assert error.code() == grpc.StatusCode.ABORTED
        assert "creator org [IndustryAMSP]" in details_of(error)[0][2]


def high_s(signed: proposal_pb2.SignedProposal) -> bytes:
    """The equivalent signature with the higher S."""
    r, s = decode_dss_signature(signed.signature)
    return encode_dss_signature(r, P256_ORDER - s)


class TestCreator:
    """Certificates that are not a client's of the channel."""

    @pytest_asyncio.fixture(loop_scope="module")
    async def connect(self, network: Network, ledger: EmbeddedLedger) -> AsyncIterator[Callable[..., Any]]:
        def use(msp: str, issued: Any) -> Any:
            return network.client(ledger, identity=make_identity(msp, issued))

        yield use

    async def test_another_authority(self, connect: Callable[..., Any]) -> None:
        stranger = CertificateAuthority.create("ca.industryamsp", "IndustryAMSP").issue("x", ou="client")
        async with connect("IndustryAMSP", stranger) as client:
            evaluated, endorsed = await both(client)
            assert evaluated.code() == grpc.StatusCode.FAILED_PRECONDITION
            assert "creator org [IndustryAMSP]" in (evaluated.details() or "")
            assert endorsed.code() == grpc.StatusCode.ABORTED

    async def test_another_organisations_name(self, network: Network, connect: Callable[..., Any]) -> None:
        async with connect("BankAMSP", network.clients["IndustryAMSP"]) as client:
            assert (await both(client))[0].code() == grpc.StatusCode.FAILED_PRECONDITION

    async def test_unknown_organisation(self, network: Network, connect: Callable[..., Any]) -> None:
        async with connect("NobodyMSP", network.clients["IndustryAMSP"]) as client:
            assert "creator org unknown" in ((await both(client))[0].details() or "")

    @pytest.mark.parametrize("units", [(), ("erp",), ("client", "peer")])
    async def test_units(self, network: Network, connect: Callable[..., Any], units: tuple[str, ...]) -> None:
        issued = network.authorities["BankAMSP"].issue("odd", ou=units)
        async with connect("BankAMSP", issued) as client:
            assert (await both(client))[0].code() == grpc.StatusCode.FAILED_PRECONDITION

    async def test_peers_do_not_write(self, network: Network, connect: Callable[..., Any]) -> None:
        async with connect("BankAMSP", network.peers["BankAMSP"]) as client:
            evaluated, _ = await both(client)
            assert "policy [/Channel/Application/Writers]" in (evaluated.details() or "")
            assert await client.evaluate("GetChainInfo", "trade", chaincode="qscc")

    async def test_expired(self, network: Network, connect: Callable[..., Any]) -> None:
        now = dt.datetime.now(dt.UTC)
        issued = network.authorities["BankAMSP"].issue(
            "old", ou="client", not_before=now - dt.timedelta(days=2), not_after=now - dt.timedelta(days=1)
        )
        async with connect("BankAMSP", issued) as client:
            evaluated, endorsed = await both(client)
            assert (evaluated.code(), evaluated.details()) == (grpc.StatusCode.UNAVAILABLE, ALL_TRIED)
            assert details_of(evaluated)[0][2] == "proposal client identity expired"
            assert endorsed.code() == grpc.StatusCode.ABORTED

    async def test_intermediate_authority_is_not_enough_by_itself(
        self, network: Network, connect: Callable[..., Any]
    ) -> None:
        below = network.authorities["BankAMSP"].issue_ca("not listed")
        async with connect("BankAMSP", below.issue("x", ou="client")) as client:
            assert (await both(client))[0].code() == grpc.StatusCode.FAILED_PRECONDITION

    async def test_administrators_write(self, network: Network, connect: Callable[..., Any]) -> None:
        issued = network.authorities["BankAMSP"].issue("admin", ou="admin")
        async with connect("BankAMSP", issued) as client:
            assert (await client.submit("put", "by-admin", "1")).code == 0
