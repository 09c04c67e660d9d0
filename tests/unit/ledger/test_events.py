"""Streams go on where they stopped: no gap, nothing twice."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import grpc
import pytest

from consortium.identity.msp import Identity
from consortium.ledger import events as events_module
from consortium.ledger.checkpoints import Checkpoint, MemoryCheckpointer
from consortium.ledger.connection import OfflineIdentity
from consortium.ledger.errors import NotSignedError, StreamError
from consortium.ledger.messages import build_proposal
from tests.support.ledger_fakes import CHAINCODE, CHANNEL, Failure, endorse
from tests.unit.ledger.conftest import GatewayMaker, PeerMaker

UNAVAILABLE = Failure(grpc.StatusCode.UNAVAILABLE, "gone")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(events_module, "LONGEST_PAUSE_S", 0.01)


def envelope(identity: Identity, name: str) -> bytes:
    proposal, _ = build_proposal(
        channel=CHANNEL,
        chaincode=CHAINCODE,
        function="put",
        args=[],
        creator=identity.serialized(),
        nonce=name.encode().ljust(24),
        at_ns=0,
    )
    return endorse(proposal, [], event=(name, b"")).SerializeToString()


async def test_blocks_of_a_range_end_by_themselves(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer()
    for _ in range(4):
        await server.add_block([])
    network = gateway(server).network(CHANNEL)

    assert [block.number async for block in network.blocks(1, stop=3)] == [1, 2, 3]
    assert [block.number async for block in network.filtered_blocks(2, stop=2)] == [2]
    private = [item async for item in network.blocks_with_private_data(0, stop=1)]
    assert [item.block.number for item in private] == [0, 1]
    assert list(private[0].private) == [0]
    assert [block.number async for block in network.blocks(3, stop=2)] == []


async def test_blocks_from_now_on_begin_at_the_height(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer()
    await server.add_block([])
    async with aclosing(gateway(server).network(CHANNEL).blocks()) as blocks:
        coming = asyncio.ensure_future(anext(blocks))
        while not server.sought:
            await asyncio.sleep(0.001)
        await server.add_block([b"x"])

        assert (await coming).number == 2


async def test_a_stream_goes_on_at_another_peer(peer: PeerMaker, gateway: GatewayMaker) -> None:
    first, second = await peer(), await peer()
    for server in (first, second):
        await server.add_block([])
    async with aclosing(gateway(first, second).network(CHANNEL).blocks(0)) as blocks:
        assert [(await anext(blocks)).number for _ in range(2)] == [0, 1]
        await second.add_block([b"new"])
        await first.stop()

        block = await anext(blocks)

    assert (block.number, [item.envelope for item in block.transactions]) == (2, [b"new"])
    assert (first.sought, second.sought) == ([0], [2])


async def test_a_peer_that_lags_behind_is_waited_for(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer(fail={"deliver": [UNAVAILABLE, UNAVAILABLE]})
    async with aclosing(gateway(server).network(CHANNEL).blocks(2)) as blocks:
        coming = asyncio.ensure_future(anext(blocks))
        while not server.sought:  # refused twice, then told NOT_FOUND for block 2 of 1
            await asyncio.sleep(0.001)
        for _ in range(2):
            await server.add_block([])

        assert (await coming).number == 2


async def test_a_channel_that_is_not_there_is_given_up(
    peer: PeerMaker, gateway: GatewayMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "NOT_THERE_S", 0.0)
    server = await peer()

    with pytest.raises(StreamError) as caught:
        await anext(gateway(server).network(CHANNEL).blocks(100))
    assert caught.value.reason == "LEDGER_NOT_FOUND"


@pytest.mark.parametrize("stream", ["deliver", "events"])
async def test_a_denied_stream_is_not_asked_again(
    peer: PeerMaker, gateway: GatewayMaker, stream: str
) -> None:
    server = await peer(fail={stream: [Failure(grpc.StatusCode.PERMISSION_DENIED, "no")]})
    network = gateway(server).network(CHANNEL)
    items = network.blocks(0) if stream == "deliver" else network.chaincode_events(CHAINCODE, 0)

    with pytest.raises(StreamError) as caught:
        await anext(items)
    assert caught.value.reason == "LEDGER_DENIED"


async def test_a_block_out_of_order_is_not_believed(peer: PeerMaker, gateway: GatewayMaker) -> None:
    liar, honest = await peer(), await peer()
    for server in (liar, honest):
        await server.add_block([])
        await server.add_block([])
    liar.blocks[1], liar.blocks[2] = liar.blocks[2], liar.blocks[1]

    network = gateway(liar, honest).network(CHANNEL)

    assert [block.number async for block in network.blocks(0, stop=2)] == [0, 1, 2]
    assert (liar.sought, honest.sought) == ([0], [1])


async def test_events_resume_after_a_disconnect(
    peer: PeerMaker, gateway: GatewayMaker, identity: Identity
) -> None:
    first, second = await peer(), await peer()
    for server in (first, second):
        await server.add_block([envelope(identity, "a"), envelope(identity, "b")], [0, 11])
        await server.add_block([])
        await server.add_block([envelope(identity, "c")])
    events = gateway(first, second).network(CHANNEL).chaincode_events(CHAINCODE, 0)
    async with aclosing(events):
        got = [await anext(events) for _ in range(2)]
        await second.add_block([envelope(identity, "d")])
        await first.stop()
        got.append(await anext(events))

    assert [(event.block, event.name) for event in got] == [(1, "a"), (3, "c"), (4, "d")]


async def test_events_resume_from_a_checkpoint_inside_a_block(
    peer: PeerMaker, gateway: GatewayMaker, identity: Identity
) -> None:
    server = await peer()
    await server.add_block([envelope(identity, "a"), envelope(identity, "b")])
    network = gateway(server).network(CHANNEL)
    keeper = MemoryCheckpointer(Checkpoint(0))
    async with aclosing(network.chaincode_events(CHAINCODE, checkpointer=keeper)) as events:
        first = await anext(events)
        await keeper.save(first.checkpoint)

    async with aclosing(network.chaincode_events(CHAINCODE, checkpointer=keeper)) as events:
        second = await anext(events)
    async with aclosing(network.chaincode_events(CHAINCODE, 1, after_txid=first.txid)) as events:
        assert await anext(events) == second

    assert (first.name, second.name) == ("a", "b")


async def test_blocks_from_a_checkpoint(peer: PeerMaker, gateway: GatewayMaker) -> None:
    server = await peer()
    for _ in range(3):
        await server.add_block([])
    keeper = MemoryCheckpointer(Checkpoint.after_block(1))
    network = gateway(server).network(CHANNEL)

    assert [block.number async for block in network.blocks(0, stop=3, checkpointer=keeper)] == [2, 3]


async def test_pauses_grow_to_a_limit_and_start_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("consortium.ledger.events.asyncio.sleep", sleep)
    monkeypatch.setattr(events_module, "FIRST_PAUSE_S", 1.0)
    monkeypatch.setattr(events_module, "LONGEST_PAUSE_S", 4.0)
    pauses = events_module.Pauses()
    for _ in range(5):
        await pauses.wait()
    pauses.reset()
    await pauses.wait()

    for seconds, pause in zip(slept, [1, 2, 4, 4, 4, 1], strict=True):
        assert pause / 2 <= seconds <= pause


async def test_requests_signed_elsewhere(peer: PeerMaker, gateway: GatewayMaker, identity: Identity) -> None:
    server = await peer()
    await server.add_block([envelope(identity, "a")])
    offline = OfflineIdentity(identity.msp_id, identity.cert_pem)
    network = gateway(server, identity=offline).network(CHANNEL)
    with pytest.raises(NotSignedError):
        await anext(network.blocks(0))
    blocks = network.blocks_request(0, stop=1)
    with pytest.raises(NotSignedError):
        await anext(blocks.items())

    signed = blocks.with_signature(identity.sign(blocks.signing_bytes))
    assert [block.number async for block in signed.items()] == [0, 1]
    assert len(signed.digest) == 32
    events = network.chaincode_events_request(CHAINCODE, 0)
    async with aclosing(events.with_signature(identity.sign(events.signing_bytes)).items()) as items:
        assert (await anext(items)).name == "a"
        await server.stop()
        with pytest.raises(StreamError) as caught:
            await anext(items)
    assert (caught.value.reason, caught.value.retryable) == ("LEDGER_UNAVAILABLE", True)


async def test_closing_the_client_ends_its_streams(peer: PeerMaker, gateway: GatewayMaker) -> None:
    client = gateway(await peer())
    blocks = client.network(CHANNEL).blocks(0)
    await anext(blocks)
    coming = asyncio.ensure_future(anext(blocks))
    await asyncio.sleep(0)

    await client.close()

    with pytest.raises(StreamError) as caught:
        await coming
    assert caught.value.reason == "LEDGER_UNAVAILABLE"
