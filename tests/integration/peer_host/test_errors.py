"""Every exception answers; malformed and hostile messages hurt nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest

from chaincode.hosts.peer import ChaincodeServer, exchange, stream
from chaincode.state import MAX_FAILURE_BYTES
from consortium.wire.fabric.common.common_pb2 import HeaderType
from consortium.wire.fabric.peer.proposal_pb2 import SignedProposal
from tests.integration.peer_host.conftest import serving, target
from tests.integration.peer_host.odd_contract import ANSWERS, RAISED, OddContract
from tests.support.scripted_peer import (
    Kind,
    Message,
    RefusedError,
    ScriptedPeer,
    dial,
    dialled,
    transaction,
)

MB = 1024 * 1024


@pytest.fixture
async def odd() -> AsyncIterator[ScriptedPeer]:
    """A peer with the odd contract."""
    async with serving(OddContract()) as server, dialled(target(server)) as peer:
        yield peer
        # Whatever happened, the stream serves on.
        assert (await peer.call("gather", "a")).response.status == 200
        assert not peer.unexpected


@pytest.mark.parametrize("name", list(RAISED))
async def test_whatever_is_raised_is_answered(odd: ScriptedPeer, name: str) -> None:
    response = (await odd.call("raise", name)).response
    assert (response.status, response.message) == (500, f"{name}: on purpose")
    assert not odd.ledger.state


async def test_a_stack_that_overflows_is_answered(odd: ScriptedPeer) -> None:
    response = (await odd.call("recurse")).response
    assert response.status == 500
    assert response.message.startswith("RecursionError")


@pytest.mark.parametrize("name", list(ANSWERS))
async def test_an_answer_that_is_none_is_answered(odd: ScriptedPeer, name: str) -> None:
    response = (await odd.call("answer", name)).response
    assert response.status == 500
    assert response.message


async def test_a_message_that_is_no_text_is_sent_as_text(odd: ScriptedPeer) -> None:
    assert (await odd.call("surrogate")).response.message == "half ? a character"


async def test_functions_that_are_not_there(odd: ScriptedPeer) -> None:
    assert (await odd.call("nothing")).response.status == 500
    assert (await odd.call()).response.status == 500


async def test_an_error_of_the_peer_is_raised_in_the_contract(peer: ScriptedPeer) -> None:
    def refuse(_: bytes) -> bytes:
        raise RefusedError("no ledger context")

    for kind in (Kind.GET_STATE, Kind.PUT_STATE):
        peer.ledger.answers = {kind: refuse}
        response = (await peer.call("update", "a", "1")).response
        assert (response.status, response.message) == (500, "StateError: no ledger context")
    assert not peer.ledger.state


@pytest.mark.parametrize(
    ("args", "kind"),
    [
        (("get_many", "a", "b"), Kind.GET_STATE_MULTIPLE),
        (("range", "a", "b"), Kind.GET_STATE_BY_RANGE),
        (("history", "a"), Kind.GET_HISTORY_FOR_KEY),
        (("get_metadata", "a"), Kind.GET_STATE_METADATA),
        (("call", "other", "f"), Kind.INVOKE_CHAINCODE),
    ],
)
async def test_answers_that_cannot_be_read(peer: ScriptedPeer, args: tuple[str, ...], kind: int) -> None:
    peer.ledger.answers[kind] = lambda _: b"\xff\xff\xff"
    response = (await peer.call(*args)).response
    assert (response.status, response.message[:28]) == (500, "StateError: the peer's answe")


async def test_fewer_values_than_keys(peer: ScriptedPeer) -> None:
    peer.ledger.answers[Kind.GET_STATE_MULTIPLE] = lambda _: b"\x0a\x01a"
    response = (await peer.call("get_many", "a", "b")).response
    assert response.message == "StateError: the peer answered 1 values for 2 keys"


@pytest.mark.parametrize("which", ["surrogate", "empty"])
async def test_keys_that_cannot_be(peer: ScriptedPeer, which: str) -> None:
    done = await peer.call("put_odd", which)
    assert (done.response.status, done.asked) == (500, [])


async def test_a_payload_that_cannot_be_read(odd: ScriptedPeer) -> None:
    call = transaction("gather", "a")
    call.payload = b"\xff\xff"
    assert (await odd.run(call)).error.startswith("not run: ")


@pytest.mark.parametrize("part", [b"\xff\xff", b"\x0a\x02\xff\xff"])
async def test_a_proposal_that_cannot_be_read(odd: ScriptedPeer, part: bytes) -> None:
    call = transaction("gather", "a")
    call.proposal.proposal_bytes = part
    assert (await odd.run(call)).error.startswith("not run: the signed proposal cannot be read")


async def test_no_proposal(odd: ScriptedPeer) -> None:
    call = transaction("gather", "a")
    call.ClearField("proposal")
    assert (await odd.run(call)).error == "not run: the message carries no signed proposal"
    call = transaction("gather", "a")
    call.proposal.CopyFrom(SignedProposal())
    assert (await odd.run(call)).error.startswith("not run: ")


async def test_a_proposal_of_another_transaction_channel_or_kind(odd: ScriptedPeer) -> None:
    call = transaction("gather", "a", txid="one")
    call.proposal.CopyFrom(transaction("gather", "a", txid="two").proposal)
    assert (await odd.run(call)).error == "not run: the proposal is of transaction 'two'"
    call = transaction("gather", "a", txid="one")
    call.proposal.CopyFrom(transaction("gather", "a", txid="2€" * 5000).proposal)
    assert (
        MAX_FAILURE_BYTES - 4
        < len((await odd.run(call)).message.payload.decode().encode())
        <= MAX_FAILURE_BYTES
    )  # peers cannot pass on more
    strayed = await odd.call("gather", "a", channel="here", proposed_on="there")
    assert strayed.error == "not run: the proposal is for channel 'there', not 'here'"
    wrong = await odd.call("gather", "a", header_type=HeaderType.CONFIG_UPDATE)
    assert (
        wrong.error
        == f"not run: the proposal's header type {HeaderType.CONFIG_UPDATE} is no call of a chaincode"
    )


async def test_calls_from_other_channels_where_they_are_allowed() -> None:
    async with serving(cross_channel=True) as server, dialled(target(server)) as peer:
        done = await peer.call("whoami", channel="here", proposed_on="there")
        assert b'"here"' in done.response.payload


@pytest.mark.parametrize(
    ("off", "runs"), [(-301, False), (-299, True), (299, True), (301, False), (10**11, False)]
)
async def test_proposals_off_the_clock_are_refused(off: int, runs: bool) -> None:
    now = 1_800_000_000
    async with serving(clock=lambda: now + 0.0) as server, dialled(target(server)) as peer:
        done = await peer.call("put", "a", "1", at=now + off)
        if runs:
            assert done.response.status == 200
        else:
            refusal = "TRANSACTION_TIME: the proposal is more than 5 minutes off this clock"
            assert (done.response.status, done.response.message) == (400, refusal)
            assert not peer.ledger.state


async def test_how_far_off_is_a_setting() -> None:
    async with serving(clock=lambda: 2000.0, max_clock_skew_s=10) as server, dialled(target(server)) as peer:
        assert "10 seconds" in (await peer.call("put", "a", "1", at=1989)).response.message
        assert (await peer.call("put", "a", "1", at=1990)).response.status == 200


async def test_answers_that_nobody_waits_for_are_passed_over(odd: ScriptedPeer) -> None:
    for kind in (Kind.RESPONSE, Kind.ERROR):
        await odd.send(Message(type=kind, txid="unknown", channel_id="x", payload=b"?"))
    call = transaction("gather", "a", "b")
    inbox = odd.inbox(call)
    await odd.send(call)
    question = await odd.next(inbox)
    answer = Message(type=Kind.RESPONSE, txid=call.txid, channel_id=call.channel_id, payload=b"1")
    await odd.send(answer)
    await odd.send(answer)  # a second one, which would be that of the next question
    del question
    await odd.reply(await odd.next(inbox))
    assert (await odd.next(inbox)).type == Kind.COMPLETED


@pytest.mark.parametrize("kind", [0, Kind.REGISTERED, Kind.READY, Kind.COMPLETED, Kind.GET_STATE, 12, 99])
async def test_messages_that_no_chaincode_is_sent_are_passed_over(odd: ScriptedPeer, kind: int) -> None:
    await odd.send(Message(type=kind, txid="t", channel_id="c", payload=b"\xff"))  # type: ignore[arg-type]


async def test_what_is_no_message_ends_the_stream_and_no_other(server: ChaincodeServer) -> None:
    async with dialled(target(server)) as other, dialled(target(server)) as hostile:
        await hostile.send(b"\xff\xff\xff\xff")
        assert await hostile.ended() == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "the peer sent what is no chaincode message",
        )
        assert (await other.call("put", "a", "1")).response.status == 200


@pytest.mark.parametrize("kind", [Kind.READY, Kind.TRANSACTION, Kind.ERROR, Kind.REGISTER])
async def test_a_handshake_out_of_order_ends_the_stream(server: ChaincodeServer, kind: int) -> None:
    async with dial(target(server)) as channel:
        peer = ScriptedPeer(channel)
        await peer.receive()
        await peer.send(Message(type=kind))  # type: ignore[arg-type]
        code, details = await peer.ended()
        assert code == grpc.StatusCode.INVALID_ARGUMENT
        assert details == f"{Kind.Name(kind)} came where REGISTERED was to come"  # type: ignore[arg-type]


async def test_a_peer_that_does_not_know_the_package(
    server: ChaincodeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HANDSHAKE_S", 0.1)
    async with dial(target(server)) as channel:
        peer = ScriptedPeer(channel)
        await peer.receive()
        await peer.send(Message(type=Kind.KEEPALIVE))
        assert (await peer.receive()).type == Kind.KEEPALIVE
        code, details = await peer.ended()
        assert (code, details[:47]) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "the peer did not answer REGISTER of kv_1:abc wi",
        )


async def test_an_offer_that_cannot_be_read_is_none(server: ChaincodeServer) -> None:
    async with dial(target(server)) as channel:
        peer = ScriptedPeer(channel)
        await peer.receive()
        await peer.send(Message(type=Kind.REGISTERED))
        await peer.send(Message(type=Kind.READY, payload=b"\xff\xff"))
        peer.begin()
        assert (await peer.call("many", "k", "2", "1")).asked == ["GET_STATE"] * 2 + ["PUT_STATE"] * 2
        await peer.hang_up()


async def test_a_transaction_proposed_again_while_it_runs(server: ChaincodeServer) -> None:
    """The peer gave up the first: its questions would mix with the second's."""
    contract = OddContract()
    async with serving(contract) as serves, dialled(target(serves)) as peer:
        call = transaction("wait", txid="same")
        inbox = peer.inbox(call)
        await peer.send(call)
        await contract.started.wait()
        await peer.send(call)
        refusal = await peer.next(inbox)
        assert (refusal.type, refusal.payload[:14]) == (Kind.ERROR, b"an earlier run")
        done = await peer.run(transaction("gather", "a", txid="same"))
        assert done.response.status == 200
        assert contract.cancelled == 1
        assert inbox.empty()


async def test_a_stubborn_run_of_a_transaction_asks_nothing_more(server: ChaincodeServer) -> None:
    contract = OddContract()
    async with serving(contract) as serves, dialled(target(serves)) as peer:
        call = transaction("stubborn", txid="same")
        inbox = peer.inbox(call)
        await peer.send(call)
        await contract.started.wait()
        await peer.send(call)
        assert (await peer.next(inbox)).type == Kind.ERROR
        done = await peer.run(transaction("gather", "a", txid="same"))
        assert (done.asked, done.response.status) == (["GET_STATE"], 200)
        assert (contract.cancelled, inbox.empty()) == (1, True)


async def test_a_transaction_whose_question_is_open_is_not_run_again(server: ChaincodeServer) -> None:
    async with serving(OddContract(), max_transaction_s=1) as serves, dialled(target(serves)) as peer:
        call = transaction("gather", "a", txid="same")
        inbox = peer.inbox(call)
        await peer.send(call)
        question = await peer.next(inbox)
        given_up = await peer.next(inbox)
        assert (given_up.type, given_up.payload) == (Kind.ERROR, b"not ended within 1 s")
        assert (await peer.run(call)).error.startswith("an earlier run")
        await peer.reply(question)
        assert (await peer.run(transaction("events", "200", txid="same"))).response.status == 200


async def test_a_contract_that_does_not_end_is_given_up(server: ChaincodeServer) -> None:
    contract = OddContract()
    async with (
        serving(contract, max_transaction_s=1, max_transactions=1) as serves,
        dialled(target(serves)) as peer,
    ):
        assert (await peer.call("wait")).error == "not ended within 1 s"
        assert (await peer.call("events", "200")).response.status == 200
        assert contract.cancelled == 1


async def test_answers_and_values_larger_than_a_message(odd: ScriptedPeer) -> None:
    done = await odd.call("large", str(101 * MB))
    assert done.error.startswith("the contract answered ")
    done = await odd.call("put_large", str(101 * MB))
    assert done.response.message.startswith("StateError: a message of ")
    assert done.asked == []


async def test_large_messages_both_ways(odd: ScriptedPeer) -> None:
    size = 40 * MB
    assert len((await odd.call("large", str(size))).response.payload) == size
    assert (await odd.call("put_large", str(size))).response.status == 200
    assert len(odd.ledger.state["", "large"]) == size
    assert len((await odd.call("gather", "large")).response.payload) == size


async def test_a_peer_that_asks_and_does_not_read_is_not_read(
    server: ChaincodeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is to be written is bounded; what the peer sends meanwhile stays in its own buffers."""
    monkeypatch.setattr(exchange, "MAX_QUEUED_FRAMES", 50)
    async with dial(target(server)) as channel:
        peer = ScriptedPeer(channel)
        await peer.receive()
        await peer.send(Message(type=Kind.REGISTERED))
        await peer.send(Message(type=Kind.READY))
        (served,) = server._streams
        calls = [transaction(txid=f"{number:04d}" * 50_000) for number in range(300)]
        for call in calls:
            call.ClearField("proposal")

        async def flood() -> None:
            for call in calls:
                await peer.send(call)

        sending = asyncio.create_task(flood())
        async with asyncio.timeout(60):
            while not served.outbox.is_full:
                await asyncio.sleep(0.01)
        for _ in range(20):
            await asyncio.sleep(0.01)
            assert len(served.outbox._frames) <= 50
        assert not sending.done()
        inboxes = [peer.inbox(call) for call in calls]
        peer.begin()
        for inbox in inboxes:
            assert (await peer.next(inbox)).type == Kind.ERROR
        await sending
        await peer.hang_up()
