"""Connections that are open at one end only: calls and streams move on, live peers are waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from consortium.ledger import liveness
from consortium.ledger.connection import Deadlines
from consortium.ledger.errors import EvaluateError, LedgerError
from tests.support.ledger_fakes import CHAINCODE, CHANNEL
from tests.unit.ledger.conftest import GatewayMaker, PeerMaker


class Hole:
    """Stands before a peer and passes everything on, until it swallows it: no packet comes back, nothing ends."""

    def __init__(self, target: str) -> None:
        self._host, _, port = target.rpartition(":")
        self._port = int(port)
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.open = asyncio.Event()
        self.open.set()
        self.accepted = 0
        self.target = ""

    async def start(self) -> Hole:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.target = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        peer_reader, peer_writer = await asyncio.open_connection(self._host, self._port)
        self._writers += [writer, peer_writer]
        for source, sink in ((reader, peer_writer), (peer_reader, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            await self.open.wait()
            sink.write(data)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asks early."""
    monkeypatch.setattr(liveness, "ASK_AFTER_S", 0.1)
    monkeypatch.setattr(liveness, "ANSWER_S", 0.3)
    monkeypatch.setattr(liveness, "STREAM_SILENCE_S", 0.1)


@pytest.fixture
async def hole(peer: PeerMaker) -> AsyncIterator[Hole]:
    """The way to a peer."""
    made = await Hole((await peer()).target).start()
    yield made
    await made.stop()


async def test_calls_go_elsewhere(hole: Hole, peer: PeerMaker, gateway: GatewayMaker) -> None:
    other = await peer()
    client = gateway(hole.target, other)
    contract = client.network(CHANNEL).contract(CHAINCODE)
    assert await contract.evaluate("get") == b"answer"
    assert other.calls == []

    hole.open.clear()
    # Several at once: the first that notices gives the connection up for all.
    answers = await asyncio.gather(*(contract.evaluate("get") for _ in range(5)))

    assert answers == [b"answer"] * 5
    assert other.calls == ["evaluate"] * 5
    assert [item.endpoint.target for item in contract.session.connection.peers()] == [
        other.target,
        hole.target,
    ]


async def test_an_envelope_that_was_swallowed_goes_elsewhere(
    hole: Hole, peer: PeerMaker, gateway: GatewayMaker
) -> None:
    other = await peer()
    contract = gateway(hole.target, other).network(CHANNEL).contract(CHAINCODE)
    prepared = (await contract.endorse("put")).signed()

    hole.open.clear()
    await prepared.submit()

    assert len(other.submitted) == 1


async def test_without_anybody_else_the_deadline_decides(hole: Hole, gateway: GatewayMaker) -> None:
    client = gateway(hole.target, deadlines=Deadlines(1, 1, 1, 1))
    contract = client.network(CHANNEL).contract(CHAINCODE)
    assert await contract.evaluate("get") == b"answer"

    hole.open.clear()
    with pytest.raises(EvaluateError) as caught:
        await contract.evaluate("get")

    assert caught.value.reason == "LEDGER_TIMEOUT"


async def test_a_slow_peer_is_waited_for(peer: PeerMaker, gateway: GatewayMaker) -> None:
    slow, other = await peer(hang={"evaluate"}), await peer()
    client = gateway(slow, other, deadlines=Deadlines(1.5, 1, 1, 1))

    with pytest.raises(LedgerError) as caught:
        await client.network(CHANNEL).contract(CHAINCODE).evaluate("get")

    # It answered what it was asked meanwhile, so it is alive and its contract slow.
    assert caught.value.reason == "LEDGER_TIMEOUT"
    assert other.calls == []


@pytest.mark.parametrize("elsewhere", [True, False], ids=["at another peer", "by a new connection"])
async def test_a_stream_goes_on(hole: Hole, peer: PeerMaker, gateway: GatewayMaker, elsewhere: bool) -> None:
    other = await peer()
    await other.add_block([])
    client = gateway(hole.target, other) if elsewhere else gateway(hole.target)
    async with aclosing(client.network(CHANNEL).blocks(0)) as blocks:
        assert (await anext(blocks)).number == 0
        hole.open.clear()
        waits = asyncio.ensure_future(anext(blocks))
        if elsewhere:
            assert (await waits).number == 1
        else:
            while hole.accepted < 2:
                await asyncio.sleep(0.01)
            waits.cancel()
            await asyncio.gather(waits, return_exceptions=True)


async def test_closing_the_client_is_told_from_a_peer_that_is_gone(
    peer: PeerMaker, gateway: GatewayMaker
) -> None:
    slow = await peer(hang={"evaluate"})
    client = gateway(slow, await peer())
    call = asyncio.ensure_future(client.network(CHANNEL).contract(CHAINCODE).evaluate("get"))
    while not slow.calls:
        await asyncio.sleep(0.01)
    await client.close()

    with pytest.raises(EvaluateError, match="was closed"):
        await call
