"""Many transactions on one stream, one question each at a time; several streams at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest

from chaincode.hosts.peer import ChaincodeServer
from tests.integration.peer_host.conftest import serving, target
from tests.integration.peer_host.odd_contract import OddContract
from tests.support.scripted_peer import (
    FABRIC_25,
    Kind,
    Message,
    ScriptedPeer,
    dial,
    dialled,
    transaction,
)


@pytest.fixture
async def odd() -> AsyncIterator[ScriptedPeer]:
    """A peer with the odd contract."""
    async with serving(OddContract()) as server, dialled(target(server)) as peer:
        yield peer


async def test_answers_find_their_transaction_in_whatever_order_they_come(peer: ScriptedPeer) -> None:
    calls = [transaction("update", f"k{number}", f"new{number}") for number in range(40)]
    inboxes = [peer.inbox(call) for call in calls]
    for call in calls:
        await peer.send(call)
    questions = [await peer.next(inbox) for inbox in inboxes]
    assert {question.type for question in questions} == {Kind.GET_STATE}
    for number, question in reversed(list(enumerate(questions))):
        answer = Message(type=Kind.RESPONSE, txid=question.txid, channel_id=question.channel_id)
        answer.payload = f"old{number}".encode()
        await peer.send(answer)
    for number, inbox in enumerate(inboxes):
        await peer.reply(await peer.next(inbox))
        done = await peer.next(inbox)
        assert done.type == Kind.COMPLETED
        assert f"old{number}".encode() in done.payload
        assert peer.ledger.state["", f"k{number}"] == f"new{number}".encode()


async def test_the_same_transaction_id_on_two_channels_is_two_transactions(peer: ScriptedPeer) -> None:
    first, second = (transaction("get", "a", txid="same", channel=name) for name in ("one", "two"))
    inboxes = [peer.inbox(first), peer.inbox(second)]
    await peer.send(first)
    await peer.send(second)
    for inbox, channel in zip(inboxes, ("one", "two"), strict=True):
        question = await peer.next(inbox)
        assert question.channel_id == channel
        await peer.send(
            Message(type=Kind.RESPONSE, txid="same", channel_id=channel, payload=channel.encode())
        )
    for inbox, channel in zip(inboxes, ("one", "two"), strict=True):
        assert channel.encode() in (await peer.next(inbox)).payload


async def test_hundreds_at_once_with_few_running(server: ChaincodeServer) -> None:
    async with serving(max_transactions=4) as narrow, dialled(target(narrow)) as peer:
        done = await asyncio.gather(*(peer.call("update", f"k{number}", "v") for number in range(300)))
        assert all(each.response.status == 200 for each in done)
        assert len(peer.ledger.state) == 300


async def test_no_more_run_at_once_than_allowed() -> None:
    contract = OddContract()
    async with serving(contract, max_transactions=2) as server, dialled(target(server)) as peer:
        calls = [transaction("gather", "a") for _ in range(5)]
        inboxes = [peer.inbox(call) for call in calls]
        for call in calls:
            await peer.send(call)
        first, second = await peer.next(inboxes[0]), await peer.next(inboxes[1])
        await peer.call_keepalive()
        assert [inbox.qsize() for inbox in inboxes[2:]] == [0, 0, 0]
        assert server.transactions == 5
        await peer.reply(first)
        assert (await peer.next(inboxes[0])).type == Kind.COMPLETED
        third = await peer.next(inboxes[2])
        for question, inbox in ((second, inboxes[1]), (third, inboxes[2])):
            await peer.reply(question)
            assert (await peer.next(inbox)).type == Kind.COMPLETED
        for inbox in inboxes[3:]:
            await peer.reply(await peer.next(inbox))
            assert (await peer.next(inbox)).type == Kind.COMPLETED


async def test_more_than_may_wait_are_refused() -> None:
    async with (
        serving(OddContract(), max_transactions=1, max_waiting=1) as server,
        dialled(target(server)) as peer,
    ):
        running, waiting, refused = (transaction("gather", "a") for _ in range(3))
        inboxes = [peer.inbox(call) for call in (running, waiting)]
        await peer.send(running)
        await peer.send(waiting)
        assert "busy" in (await peer.run(refused)).error
        for inbox in inboxes:
            await peer.reply(await peer.next(inbox))
            assert (await peer.next(inbox)).type == Kind.COMPLETED


async def test_questions_at_once_wait_their_turn(odd: ScriptedPeer) -> None:
    odd.ledger.state.update({("", key): key.encode() for key in "abc"})
    call = transaction("gather", "a", "b", "x", "c")
    inbox = odd.inbox(call)
    await odd.send(call)
    for _ in range(4):
        question = await odd.next(inbox)
        await odd.call_keepalive()
        assert inbox.empty()
        await odd.reply(question)
    done = await odd.next(inbox)
    assert b"a,b,-,c" in done.payload


async def test_a_question_given_up_is_awaited_before_the_next() -> None:
    contract = OddContract()
    async with serving(contract) as server, dialled(target(server)) as peer:
        peer.ledger.state.update({("", "quick"): b"fox", ("", "slow"): b"late"})
        call = transaction("impatient")
        inbox = peer.inbox(call)
        await peer.send(call)
        slow = await peer.next(inbox)
        await contract.started.wait()
        await peer.call_keepalive()
        assert inbox.empty()
        await peer.reply(slow)
        await peer.reply(await peer.next(inbox))
        done = await peer.next(inbox)
        assert b"fox" in done.payload


async def test_what_outlives_its_transaction_asks_nothing(odd: ScriptedPeer) -> None:
    contract = OddContract()
    async with serving(contract) as server, dialled(target(server)) as peer:
        done = await peer.call("leave_task")
        assert (done.response.status, done.asked) == (200, [])
        contract.go_on.set()
        await asyncio.gather(*contract.tasks)
        assert [str(error) for error in contract.late] == ["the transaction has ended"]
        await peer.call_keepalive()
        assert not peer.unexpected


async def test_two_peers_and_one_that_dials_twice(server: ChaincodeServer) -> None:
    async with (
        dialled(target(server)) as first,
        dialled(target(server), offer=FABRIC_25) as second,
        dialled(target(server), ledger=first.ledger) as again,
    ):
        assert server.streams == 3
        txid = "t" * 64
        calls = (peer.call("update", "a", str(n), txid=txid) for n, peer in enumerate((first, second, again)))
        assert [each.response.status for each in await asyncio.gather(*calls)] == [200, 200, 200]


async def test_a_peer_that_restarts_is_served_again() -> None:
    contract = OddContract()
    async with serving(contract) as server:
        async with dialled(target(server)) as peer:
            await peer.send(transaction("wait"))
            await contract.started.wait()
        async with asyncio.timeout(60):
            while server.streams:
                await asyncio.sleep(0.01)
        assert contract.cancelled == 1
        async with dialled(target(server)) as peer:
            assert (await peer.call("gather", "a")).response.status == 200


async def test_streams_are_bounded() -> None:
    async with serving(max_streams=1) as server, dialled(target(server)) as peer:
        async with dial(target(server)) as channel:
            refused = ScriptedPeer(channel)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await refused.receive()
            assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (await peer.call("put", "a", "1")).response.status == 200
