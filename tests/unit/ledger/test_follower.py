"""One stream gives many verdicts, each about our own envelope."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from consortium.ledger import events as events_module
from consortium.ledger import follower as follower_module
from consortium.ledger.blocks import Block
from consortium.ledger.errors import OutcomeUnknown
from consortium.ledger.follower import CommitFollower
from consortium.ledger.stages import PreparedTransaction, Status
from tests.support.ledger_fakes import CHAINCODE, CHANNEL, Failure, FakePeer
from tests.unit.ledger.conftest import GatewayMaker, PeerMaker

NOWHERE = -1


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(events_module, "LONGEST_PAUSE_S", 0.01)


async def prepare(gateway: GatewayMaker, server: FakePeer) -> PreparedTransaction:
    return (await gateway(server).network(CHANNEL).contract(CHAINCODE).endorse("put")).signed()


def foreign(prepared: PreparedTransaction) -> bytes:
    """Another envelope under the same id."""
    return prepared.with_signature(b"of another").envelope


async def test_many_wait_on_one_stream(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer(commit=False)
    transactions = [await prepare(gateway, server) for _ in range(20)]
    async with CommitFollower(gateway(server).network(CHANNEL)) as follower:
        waits = [
            asyncio.ensure_future(follower.wait(item.txid, item.envelope_digest)) for item in transactions
        ]
        await server.add_block([item.envelope for item in transactions[:10]])
        await server.add_block([item.envelope for item in transactions[10:]], [11] * 10)
        statuses = await asyncio.gather(*waits)
        late = await follower.wait(transactions[0].txid, transactions[0].envelope_digest)

    assert [(status.block, status.code) for status in statuses] == [(1, 0)] * 10 + [(2, 11)] * 10
    assert late == statuses[0]
    assert server.calls.count("deliver") == 1
    assert follower.next_block == 3


async def test_submit_takes_the_followers_verdict(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer()
    network = gateway(server).network(CHANNEL)
    async with CommitFollower(network) as follower:
        assert await network.contract(CHAINCODE).submit("put", verdicts=follower) == b"answer"

    assert "commit_status" not in server.calls


async def test_another_envelope_under_our_id_gives_no_verdict(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer(commit=False)
    prepared = await prepare(gateway, server)
    async with CommitFollower(gateway(server).network(CHANNEL)) as follower:
        wait = asyncio.ensure_future(follower.wait(prepared.txid, prepared.envelope_digest))
        await server.add_block([foreign(prepared)], [0])
        while follower.next_block != 2:
            await asyncio.sleep(0.001)
        assert not wait.done()  # valid, but not ours
        await server.add_block([prepared.envelope], [9])

        status = await wait

    assert status == Status(prepared.txid, 9, NOWHERE)
    assert not status.ok


async def test_the_same_bytes_twice_keep_their_first_verdict(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer(commit=False)
    prepared = await prepare(gateway, server)
    async with CommitFollower(gateway(server).network(CHANNEL)) as follower:
        await server.add_block([prepared.envelope, prepared.envelope], [0, 9])
        assert await follower.wait(prepared.txid, prepared.envelope_digest) == Status(prepared.txid, 0, 1)

    # a follower that begins after the first one sees only the duplicate, and looks up what came first
    async with CommitFollower(gateway(server).network(CHANNEL), start=2) as late:
        wait = asyncio.ensure_future(late.wait(prepared.txid, prepared.envelope_digest))
        await asyncio.sleep(0)
        await server.add_block([prepared.envelope], [9])
        assert await wait == Status(prepared.txid, 0, 1)


async def test_a_wait_that_runs_out_looks_once_more(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer(commit=False)
    known, lost, taken = [await prepare(gateway, server) for _ in range(3)]
    await server.add_block([known.envelope, foreign(taken)], [11, 0])
    async with CommitFollower(gateway(server).network(CHANNEL)) as follower:
        assert await follower.wait(known.txid, known.envelope_digest, 0) == Status(known.txid, 11, 1)
        assert (await follower.wait(taken.txid, taken.envelope_digest, 0)).code == 9
        with pytest.raises(OutcomeUnknown) as caught:
            await follower.wait(lost.txid, lost.envelope_digest, 0)
        assert (caught.value.txid, caught.value.reason) == (lost.txid, "OUTCOME_UNKNOWN")
        assert await follower.resolve(lost.txid, lost.envelope_digest) is None
        server.fail["evaluate"] = [Failure(grpc.StatusCode.UNAVAILABLE, "gone")]
        with pytest.raises(OutcomeUnknown):
            await follower.wait(lost.txid, lost.envelope_digest, 0)

        # "not found" does not mean "never"
        await server.add_block([lost.envelope])
        assert (await follower.wait(lost.txid, lost.envelope_digest)).ok


async def test_verdicts_come_through_a_disconnect(peer: PeerMaker, gateway: GatewayMaker) -> None:
    first, second = await peer(commit=False), await peer(commit=False)
    prepared = await prepare(gateway, first)
    async with CommitFollower(gateway(first, second).network(CHANNEL)) as follower:
        wait = asyncio.ensure_future(follower.wait(prepared.txid, prepared.envelope_digest))
        while not first.sought:
            await asyncio.sleep(0.001)
        await first.stop()
        await second.add_block([prepared.envelope])

        assert (await wait).block == 1


async def test_garbage_in_blocks_hurts_nobody(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer(commit=False)
    prepared = await prepare(gateway, server)
    follower = CommitFollower(gateway(server).network(CHANNEL))
    await follower.start()
    server.blocks[0].data.data.append(b"\xff")
    await server.add_block([prepared.envelope])

    assert (await follower.wait(prepared.txid, prepared.envelope_digest)).ok
    await follower.stop()


async def test_the_handler_comes_before_the_verdicts(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer(commit=False)
    prepared = await prepare(gateway, server)
    stored: list[int] = []

    async def store(block: Block) -> None:
        stored.append(block.number)

    network = gateway(server).network(CHANNEL)
    async with CommitFollower(network, start=0, handler=store) as follower:
        await server.add_block([prepared.envelope])
        await follower.wait(prepared.txid, prepared.envelope_digest)
        assert stored == [0, 1]


async def test_when_the_stream_ends_for_good_everybody_learns_it(
    peer: PeerMaker, gateway: GatewayMaker
) -> None:
    server = await peer(commit=False)
    prepared = await prepare(gateway, server)

    async def fail(_: Block) -> None:
        raise RuntimeError("disk full")

    follower = CommitFollower(gateway(server).network(CHANNEL), handler=fail)
    await follower.start()
    wait = asyncio.ensure_future(follower.wait(prepared.txid, prepared.envelope_digest))
    await asyncio.sleep(0)
    await server.add_block([])
    with pytest.raises(OutcomeUnknown) as caught:
        await wait

    assert isinstance(caught.value.__cause__, RuntimeError)
    assert isinstance(follower.failure, RuntimeError)
    with pytest.raises(OutcomeUnknown):  # at once, not after a minute
        await follower.wait(prepared.txid, prepared.envelope_digest)
    await follower.stop()


async def test_stopping_tells_who_waits(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer(commit=False)
    prepared = await prepare(gateway, server)
    follower = CommitFollower(gateway(server).network(CHANNEL))
    await follower.start()
    waits = [asyncio.ensure_future(follower.wait(prepared.txid, prepared.envelope_digest)) for _ in range(2)]
    await asyncio.sleep(0)

    await follower.stop()

    assert [type(item) for item in await asyncio.gather(*waits, return_exceptions=True)] == [
        OutcomeUnknown
    ] * 2


async def test_closing_the_client_tells_who_waits(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer(commit=False)
    prepared = await prepare(gateway, server)
    client = gateway(server)
    async with CommitFollower(client.network(CHANNEL)) as follower:
        wait = asyncio.ensure_future(follower.wait(prepared.txid, prepared.envelope_digest))
        while not server.sought:
            await asyncio.sleep(0.001)
        await client.close()

        with pytest.raises(OutcomeUnknown):
            await wait


async def test_memory_is_bounded(
    peer: PeerMaker, gateway: GatewayMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_module, "REMEMBERED", 2)
    server = await peer(commit=False)
    transactions = [await prepare(gateway, server) for _ in range(3)]
    async with CommitFollower(gateway(server).network(CHANNEL)) as follower:
        await server.add_block([item.envelope for item in transactions])
        last = transactions[-1]
        assert (await follower.wait(last.txid, last.envelope_digest)).ok
        assert len(follower._seen) == 2
        assert not follower._waiting
        # forgotten, not lost
        first = transactions[0]
        assert (await follower.wait(first.txid, first.envelope_digest, 0)).ok
