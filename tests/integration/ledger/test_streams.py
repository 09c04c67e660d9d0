"""Blocks, events and verdicts, also when the ledger goes away and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pytest

from chaincode.hosts.embedded.server import EmbeddedLedger
from consortium.ledger import events as events_module
from consortium.ledger.checkpoints import FileCheckpointer
from consortium.ledger.connection import Deadlines
from consortium.ledger.errors import LedgerError, OutcomeUnknown, StreamError, SubmitError
from consortium.ledger.events import ChaincodeEvent
from consortium.ledger.follower import CommitFollower
from consortium.ledger.network import Network
from tests.integration.ledger.conftest import Connect
from tests.support import embedded
from tests.support.embedded import CHAINCODE, CHANNEL
from tests.support.kv_contract import KvContract

T = TypeVar("T")


async def test_what_the_query_chaincode_knows(network: Network) -> None:
    contract = network.contract(CHAINCODE)
    height = await network.height()
    prepared = (await contract.endorse("put", b"a", b"1")).signed()
    assert await network.transaction(prepared.txid) is None
    assert await network.block_of(prepared.txid) is None
    status = await (await prepared.submit()).status()

    block = await network.block(status.block)

    assert block is not None
    assert (block.number, await network.height()) == (height, height + 1)
    assert [item.txid for item in block.transactions] == [prepared.txid]
    assert block.transactions[0].read_writes[-1].writes == (("a", b"1"),)
    by_id = await network.block_of(prepared.txid)
    assert by_id is not None
    assert by_id.header_hash == block.header_hash
    assert await network.block(height + 1) is None


async def test_blocks_are_a_chain(network: Network) -> None:
    contract = network.contract(CHAINCODE)
    for number in range(3):
        await contract.submit("event", f"e{number}".encode(), b"payload")
    height = await network.height()

    blocks = [block async for block in network.blocks(0, stop=height - 1)]
    filtered = [block async for block in network.filtered_blocks(0, stop=height - 1)]

    assert [block.number for block in blocks] == list(range(height))
    assert all(block.intact(before) for before, block in pairwise(blocks))
    names = [item.event.name for block in blocks for item in block.transactions if item.event]
    assert names == ["e0", "e1", "e2"]
    assert [event for block in filtered for item in block.transactions for event in item.events] == [
        (CHAINCODE, name) for name in names
    ]
    assert [[item.txid for item in block.transactions] for block in filtered] == [
        [item.txid for item in block.transactions] for block in blocks
    ]


async def test_events_of_valid_transactions_only(network: Network) -> None:
    contract = network.contract(CHAINCODE)
    async with aclosing(network.chaincode_events(CHAINCODE, 0)) as events:
        await contract.submit("event", b"first", b"1")
        losers = [await contract.endorse("many", b"x", b"1", b"10") for _ in range(2)]
        for prepared in losers:
            await (await prepared.submit()).status()
        await contract.submit("event", b"last", b"2")
        got = [await anext(events) for _ in range(3)]

    assert [(event.name, event.payload) for event in got] == [("first", b"1"), ("many", b"1"), ("last", b"2")]
    assert got[1].txid == losers[0].txid


async def test_events_from_now_on_and_after_a_transaction(network: Network) -> None:
    contract = network.contract(CHAINCODE)
    prepared = await contract.endorse("event", b"before", b"")
    status = await (await prepared.submit()).status()
    async with aclosing(network.chaincode_events(CHAINCODE)) as events:
        first = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        while not first.done():
            await contract.submit("event", b"after", b"")
            await asyncio.wait([first], timeout=0.2)
        now_on = await first
    async with aclosing(
        network.chaincode_events(CHAINCODE, status.block, after_txid=prepared.txid)
    ) as events:
        after = await anext(events)

    assert (now_on.name, after.name) == ("after", "after")


async def test_a_denied_stream(
    ledger: EmbeddedLedger, connect: Connect, organisations: embedded.Network, tmp_path: Path
) -> None:
    stranger = embedded.make_network(tmp_path / "stranger", ["BankAMSP"]).identities["BankAMSP"]
    network = connect(ledger.target, identity=stranger).network(CHANNEL)

    for items in (network.blocks(0), network.chaincode_events(CHAINCODE, 0)):
        with pytest.raises(StreamError) as caught:
            await anext(items)
        assert caught.value.reason == "LEDGER_DENIED"


async def test_a_channel_that_is_not_there(
    ledger: EmbeddedLedger, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "NOT_THERE_S", 0.1)

    with pytest.raises(StreamError) as caught:
        await anext(connect(ledger.target).network("nowhere").blocks(0))
    assert caught.value.reason == "LEDGER_NOT_FOUND"


class Restarting:
    """A ledger that goes away and comes back at the same address."""

    def __init__(self, organisations: embedded.Network, database: Path) -> None:
        self._organisations = organisations
        self._database = database
        self.target = "127.0.0.1:0"
        self._running: EmbeddedLedger | None = None

    async def start(self) -> None:
        settings = self._organisations.settings(self._database, listen=self.target)
        self._running = EmbeddedLedger(settings, KvContract())
        await self._running.start()
        self.target = self._running.target

    async def stop(self) -> None:
        if self._running is not None:
            await self._running.stop(0)
            self._running = None


@pytest.fixture
async def restarting(organisations: embedded.Network, tmp_path: Path) -> AsyncIterator[Restarting]:
    ledger = Restarting(organisations, tmp_path / "ledger.db")
    await ledger.start()
    yield ledger
    await ledger.stop()


async def until_it_works(call: Callable[[], Awaitable[T]]) -> T:
    """Repeats a call while the ledger cannot be reached: a client finds a peer that is back within a second."""
    while True:
        try:
            return await call()
        except LedgerError as error:
            if error.reason != "LEDGER_UNAVAILABLE":
                raise
            await asyncio.sleep(0.02)


async def test_streams_go_on_after_a_restart(
    restarting: Restarting, connect: Connect, tmp_path: Path
) -> None:
    network = connect(restarting.target).network(CHANNEL)
    contract = network.contract(CHAINCODE)
    keeper = FileCheckpointer(tmp_path / "checkpoint.json")
    seen: list[ChaincodeEvent] = []

    async def read(number: int) -> None:
        async with aclosing(network.chaincode_events(CHAINCODE, 0, checkpointer=keeper)) as events:
            while len(seen) < number:
                seen.append(await anext(events))
                await keeper.save(seen[-1].checkpoint)

    await contract.submit("event", b"one", b"")
    await read(1)
    reading = asyncio.ensure_future(read(3))
    async with aclosing(network.blocks(0)) as blocks:
        numbers = [(await anext(blocks)).number for _ in range(2)]
        await restarting.stop()
        await restarting.start()
        await until_it_works(lambda: contract.submit("event", b"two", b""))
        await contract.submit("event", b"three", b"")
        numbers += [(await anext(blocks)).number for _ in range(2)]
    await reading

    assert [event.name for event in seen] == ["one", "two", "three"]
    assert numbers == [0, 1, 2, 3]
    # a reader of another process goes on where this one stopped
    await contract.submit("event", b"four", b"")
    await read(4)
    assert seen[-1].name == "four"


async def test_an_unknown_outcome_is_resolved_by_the_same_bytes(
    restarting: Restarting, connect: Connect
) -> None:
    network = connect(restarting.target, deadlines=Deadlines(10, 10, 2, 10)).network(CHANNEL)
    prepared = (await network.contract(CHAINCODE).endorse("update", b"a", b"1")).signed()
    saved, digest = prepared.to_bytes(), prepared.envelope_digest
    async with CommitFollower(network) as follower:
        await restarting.stop()
        with pytest.raises(SubmitError) as caught:
            await prepared.submit()
        assert caught.value.outcome_unknown
        with pytest.raises(OutcomeUnknown):
            await follower.wait(prepared.txid, digest, 0.05)
        await restarting.start()
        # not found, which does not mean never
        assert await until_it_works(lambda: follower.resolve(prepared.txid, digest)) is None

        again = network.contract(CHAINCODE).resume_transaction(saved)
        await again.submit()
        status = await follower.wait(prepared.txid, digest)

        assert status.ok
        assert await follower.resolve(prepared.txid, digest) == status


async def test_a_verdict_waits_through_a_restart(restarting: Restarting, connect: Connect) -> None:
    network = connect(restarting.target).network(CHANNEL)
    contract = network.contract(CHAINCODE)
    prepared = (await contract.endorse("put", b"a", b"1")).signed()
    async with CommitFollower(network) as follower:
        wait = asyncio.ensure_future(follower.wait(prepared.txid, prepared.envelope_digest))
        await restarting.stop()
        await restarting.start()
        await until_it_works(prepared.submit)

        assert (await wait).ok
