"""What Evaluate and Endorse refuse, with the codes and details that real peers give."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from consortium.wire.fabric.gateway import gateway_pb2
from consortium.wire.fabric.peer import proposal_pb2
from tests.support.embedded import NOT_ENOUGH, Bent, Code, RawClient, details_of, high_s, refusal
from tests.support.ledgers import BANK, BANK_B, INDUSTRY, Keys, LedgerUnderTest

pytestmark = pytest.mark.asyncio(loop_scope="module")
Bend = Callable[[Bent], None]
Error = grpc.aio.AioRpcError
COLLECT = NOT_ENOUGH
FIRST = "failed to endorse transaction, see attached details for more info"
ALL_TRIED = "failed to evaluate transaction, see attached details for more info"
ASKED = "evaluate call to endorser returned error: "
C = grpc.StatusCode


async def both(client: RawClient, **changes: Any) -> tuple[Error, Error]:
    """How evaluate and endorse refuse the same proposal."""
    return await asyncio.gather(
        refusal(client.evaluate("get", "a", **changes)), refusal(client.endorse("get", "a", **changes))
    )


class TestContract:
    """Answers of the contract itself."""

    @pytest.mark.parametrize("msp", [INDUSTRY, BANK])
    async def test_status_outside_of_success(self, ledger: LedgerUnderTest, msp: str) -> None:
        """The gateway peer of the caller's organisation says so, by its address."""
        async with ledger.raw(msp) as client:
            for status in (100, 199, 400, 404, 500, 599):
                text = f"chaincode response {status}, because"
                call = ("fail", str(status), "because")
                evaluated, endorsed = await asyncio.gather(
                    refusal(client.evaluate(*call)), refusal(client.endorse(*call))
                )
                assert (evaluated.code(), evaluated.details()) == (C.UNKNOWN, ASKED + text)
                assert (endorsed.code(), endorsed.details()) == (C.ABORTED, FIRST)
                for error in (evaluated, endorsed):
                    assert details_of(error) == [(ledger.address(msp), msp, text)]

    async def test_status_of_success_is_endorsed(self, client: RawClient) -> None:
        async def succeed(status: int) -> None:
            call = ("fail", str(status), "fine")
            assert await client.evaluate(*call) == b"payload"
            done = await client.submit(*call)
            assert (done.code, done.result) == (Code.VALID, b"payload")

        await asyncio.gather(*(succeed(status) for status in (200, 201, 299, 399)))

    async def test_exception_is_a_response(self, client: RawClient) -> None:
        error = await refusal(client.evaluate("raise", "broken"))
        assert error.code() == C.UNKNOWN
        assert error.details() == ASKED + "chaincode response 500, StateError: broken"

    async def test_every_named_endorser_tells(self, client: RawClient, ledger: LedgerUnderTest) -> None:
        error = await refusal(client.endorse("fail", "500", "no", organisations=[BANK, INDUSTRY]))
        assert (error.code(), error.details()) == (C.ABORTED, COLLECT)
        text = "chaincode response 500, no"
        assert sorted(details_of(error)) == sorted(
            (ledger.address(msp), msp, text) for msp in (BANK, INDUSTRY)
        )

    async def test_function_that_is_not_there(self, client: RawClient) -> None:
        error = await refusal(client.evaluate("nothing"))
        assert error.details() == ASKED + "chaincode response 400, UNKNOWN_FUNCTION: nothing"


class TestNames:
    """Channels, chaincodes and organisations that are not there. The gateway's own errors carry no details."""

    async def test_channel(self, client: RawClient) -> None:
        evaluated, endorsed = await both(client, channel="nowhere")
        named = await refusal(client.endorse("get", "a", channel="nowhere", organisations=[BANK]))
        assert [item.code() for item in (evaluated, endorsed, named)] == [
            C.UNAVAILABLE,
            C.FAILED_PRECONDITION,
            C.UNAVAILABLE,
        ]
        assert not any(details_of(item) for item in (evaluated, endorsed, named))

    async def test_chaincode(self, client: RawClient) -> None:
        evaluated, endorsed = await both(client, chaincode="nothing")
        named = await refusal(client.endorse("get", "a", chaincode="nothing", organisations=[BANK]))
        assert [item.code() for item in (evaluated, endorsed, named)] == [
            C.FAILED_PRECONDITION,
            C.FAILED_PRECONDITION,
            C.UNAVAILABLE,
        ]
        assert not any(details_of(item) for item in (evaluated, endorsed, named))
        text = f"no peers available to evaluate chaincode nothing in channel {client.ledger}"
        assert evaluated.details() == text
        assert named.details() == f"failed to find any endorsing peers for org(s): {BANK}"

    async def test_the_header_decides_what_runs(self, client: RawClient) -> None:
        """The gateway looks at the specification, a peer at the header."""
        error = await refusal(client.evaluate("get", "a", chaincode="nothing", target=client.chaincode))
        assert (error.code(), error.details()) == (C.ABORTED, ALL_TRIED)
        assert "chaincode nothing not found" in details_of(error)[0][2]
        text = f"make sure the chaincode nothing has been successfully defined on channel {client.ledger}"
        assert text in details_of(error)[0][2]

    async def test_organisation(self, client: RawClient) -> None:
        evaluated = await refusal(client.evaluate("get", "a", organisations=["NobodyMSP"]))
        assert evaluated.code() == C.FAILED_PRECONDITION
        assert not details_of(evaluated)
        endorsed = await refusal(client.endorse("get", "a", organisations=["NobodyMSP", BANK]))
        assert endorsed.code() == C.UNAVAILABLE
        assert endorsed.details() == "failed to find any endorsing peers for org(s): NobodyMSP"
        assert not details_of(endorsed)

    async def test_evaluate_passes_over_unknown_organisations(self, client: RawClient) -> None:
        error = await refusal(client.evaluate("fail", "400", "x", organisations=["NobodyMSP", BANK_B]))
        assert [detail[1] for detail in details_of(error)] == [BANK_B]

    async def test_transient_data_stays_with_the_gateways_own_organisation(
        self, bank: RawClient, ledger: LedgerUnderTest
    ) -> None:
        error = await refusal(bank.evaluate("fail", "400", "x", transient={"secret": b"s"}))
        assert details_of(error) == [(ledger.address(BANK), BANK, "chaincode response 400, x")]


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
        assert evaluated.code() == C.FAILED_PRECONDITION
        assert (evaluated.details() or "").startswith(ASKED)
        assert text in (evaluated.details() or "")
        assert text in details_of(evaluated)[0][2]
        assert (endorsed.code(), endorsed.details()) == (C.ABORTED, FIRST)
        assert text in details_of(endorsed)[0][2]

    @pytest.mark.parametrize("data", [b"", b"\xff\xff\xff", b"\x0a\x02\xff\xff"])
    async def test_unreadable(self, client: RawClient, data: bytes) -> None:
        signed = proposal_pb2.SignedProposal(proposal_bytes=data, signature=b"x")
        for call in (client.evaluate_signed("x", signed), client.endorse_signed("x", signed)):
            error = await refusal(call)
            assert error.code() == C.INVALID_ARGUMENT
            assert not details_of(error)

    @pytest.mark.parametrize(
        ("extension", "text"),
        [
            (b"\xff", "ChaincodeHeaderExtension"),
            (b"", "ChaincodeId is nil"),
            (b"\x12\x00", "ChaincodeId.Name is empty"),
        ],
    )
    async def test_header_extension(self, client: RawClient, extension: bytes, text: str) -> None:
        """A gateway does not look at it, a peer refuses."""
        evaluated, endorsed = await both(client, extension=extension)
        assert evaluated.code() == C.FAILED_PRECONDITION
        assert text in details_of(evaluated)[0][2]
        assert endorsed.code() == C.ABORTED
        assert text in details_of(endorsed)[0][2]

    async def test_no_target(self, client: RawClient) -> None:
        name = client.chaincode.encode()
        extension = b"\x12" + bytes([len(name) + 2]) + b"\x12" + bytes([len(name)]) + name
        evaluated, endorsed = await both(client, chaincode="", extension=extension)
        assert evaluated.code() == C.INVALID_ARGUMENT
        assert endorsed.code() == C.FAILED_PRECONDITION
        error = await refusal(client.evaluate("get", "a", channel=""))
        assert error.code() == C.INVALID_ARGUMENT

    async def test_no_proposal(self, client: RawClient) -> None:
        error = await refusal(client.gateway.Endorse(gateway_pb2.EndorseRequest()))
        assert error.code() == C.INVALID_ARGUMENT
        assert error.details() == "the proposed transaction must contain a signed proposal"
        error = await refusal(client.gateway.Evaluate(gateway_pb2.EvaluateRequest()))
        assert error.code() == C.INVALID_ARGUMENT
        assert error.details() == "failed to unpack transaction proposal: a signed proposal is required"

    @pytest.mark.parametrize("minutes", [-16, 16])
    async def test_time_off_for_the_peer(self, client: RawClient, minutes: int) -> None:
        evaluated, endorsed = await both(client, at=time.time() + minutes * 60)
        assert (evaluated.code(), evaluated.details()) == (C.UNAVAILABLE, ALL_TRIED)
        assert "incorrect timestamp" in details_of(evaluated)[0][2]
        assert (endorsed.code(), endorsed.details()) == (C.ABORTED, FIRST)
        assert "incorrect timestamp" in details_of(endorsed)[0][2]

    @pytest.mark.parametrize("minutes", [-6, 6])
    async def test_time_off_for_the_chaincode(self, client: RawClient, minutes: int) -> None:
        evaluated, endorsed = await both(client, at=time.time() + minutes * 60)
        assert evaluated.code() == C.UNKNOWN
        assert "TRANSACTION_TIME" in (evaluated.details() or "")
        assert endorsed.code() == C.ABORTED
        assert "TRANSACTION_TIME" in details_of(endorsed)[0][2]

    async def test_used_transaction_id(self, client: RawClient, k: Keys) -> None:
        txid, signed = client.proposal("put", k("used"), "1")
        envelope = await client.endorse_signed(txid, signed)
        await client.order_all((txid, envelope))
        evaluated, endorsed = await asyncio.gather(
            refusal(client.evaluate_signed(txid, signed)), refusal(client.endorse_signed(txid, signed))
        )
        text = f"duplicate transaction found [{txid}]"
        assert evaluated.code() == C.FAILED_PRECONDITION
        assert text in (evaluated.details() or "")
        assert endorsed.code() == C.ABORTED
        assert text in details_of(endorsed)[0][2]

    async def test_an_id_that_was_endorsed_only_is_not_used(self, client: RawClient, k: Keys) -> None:
        txid, signed = client.proposal("put", k("unused"), "1")
        await client.endorse_signed(txid, signed)
        assert await client.endorse_signed(txid, signed)

    async def test_signature(self, client: RawClient) -> None:
        txid, signed = client.proposal("get", "a")
        good = signed.signature
        for bad in (b"", b"garbage", good[:-1], client.identity.sign(b"other"), high_s(good)):
            changed = proposal_pb2.SignedProposal(proposal_bytes=signed.proposal_bytes, signature=bad)
            evaluated, endorsed = await asyncio.gather(
                refusal(client.evaluate_signed(txid, changed)), refusal(client.endorse_signed(txid, changed))
            )
            assert evaluated.code() == C.FAILED_PRECONDITION
            assert (endorsed.code(), endorsed.details()) == (C.ABORTED, FIRST)
            text = f"access denied: channel [{client.ledger}] creator org [{INDUSTRY}]"
            for error in (evaluated, endorsed):
                expected = "empty signature bytes" if not bad else text
                assert expected in details_of(error)[0][2]
