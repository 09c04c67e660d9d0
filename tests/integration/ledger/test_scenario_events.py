"""The official clients' scenarios of events: blocks of three kinds and chaincode events.

Listen, replay, restart, close one of two listeners, go on from a checkpoint, sign elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from consortium.ledger.blocks import Block, FilteredBlock
from consortium.ledger.checkpoints import Checkpoint, Checkpointer, FileCheckpointer, MemoryCheckpointer
from consortium.ledger.connection import OfflineIdentity
from consortium.ledger.errors import NotSignedError, StreamError
from consortium.ledger.events import ChaincodeEvent, PrivateBlock, StreamRequest
from consortium.ledger.gateway import Gateway
from consortium.ledger.network import Network
from consortium.ledger.stages import Status
from tests.integration.ledger.conftest import INDUSTRY
from tests.support.client_world import OPEN
from tests.support.ledgers import Keys, LedgerUnderTest

pytestmark = pytest.mark.asyncio(loop_scope="module")
BlockItem = Block | FilteredBlock | PrivateBlock
Open = Callable[..., AsyncGenerator[Any, None]]

KINDS: dict[str, Open] = {
    "block": Network.blocks,
    "filtered block": Network.filtered_blocks,
    "block and private data": Network.blocks_with_private_data,
}
kinds = pytest.mark.parametrize("kind", KINDS)


async def put(network: Network, key: str) -> Status:
    """One transaction, committed."""
    prepared = (await network.contract(OPEN).endorse("put", key.encode(), b"value")).signed()
    return (await (await prepared.submit()).status()).raise_if_invalid()


async def event(network: Network, name: str, payload: str) -> None:
    """One transaction with an event, committed."""
    await network.contract(OPEN).submit("event", name.encode(), payload.encode())


def number_of(item: BlockItem) -> int:
    return item.block.number if isinstance(item, PrivateBlock) else item.number


def ids_of(item: BlockItem) -> list[str]:
    block = item.block if isinstance(item, PrivateBlock) else item
    return [transaction.txid for transaction in block.transactions]


async def until_seen(items: AsyncGenerator[Any, None], txid: str) -> Any:
    """Reads a stream up to the block with a transaction: others write to the same network."""
    async with asyncio.timeout(20):
        async for item in items:
            if txid in ids_of(item):
                return item
    raise AssertionError("the stream ended")


async def until_named(items: AsyncGenerator[ChaincodeEvent, None], name: str) -> ChaincodeEvent:
    """Reads events up to the one with a name."""
    async with asyncio.timeout(20):
        async for item in items:
            if item.name == name:
                return item
    raise AssertionError("the stream ended")


@asynccontextmanager
async def listening(items: AsyncGenerator[Any, None]) -> AsyncIterator[Callable[[], list[Any]]]:
    """Reads a stream in the background; gives what came."""
    seen: list[Any] = []

    async def read() -> None:
        async with aclosing(items) as stream:
            async for item in stream:
                seen.append(item)  # noqa: PERF401 - one by one, as they come

    task = asyncio.create_task(read())
    try:
        yield lambda: seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def came(seen: Callable[[], list[Any]], wanted: Callable[[Any], bool]) -> Any:
    """Waits until a listener has been given something."""
    async with asyncio.timeout(20):
        while not any(wanted(item) for item in seen()):
            await asyncio.sleep(0.01)
    return next(item for item in seen() if wanted(item))


@kinds
async def test_receive_and_replay_blocks(industry: Network, kind: str, k: Keys) -> None:
    async with aclosing(KINDS[kind](industry, await industry.height())) as blocks:
        status = await put(industry, k())
        received = await until_seen(blocks, status.txid)
    async with aclosing(KINDS[kind](industry, status.block)) as blocks:
        replayed = await until_seen(blocks, status.txid)

    assert number_of(received) == number_of(replayed) == status.block
    assert ids_of(received) == ids_of(replayed)


@kinds
async def test_blocks_from_now_on_and_again_after_closing(industry: Network, kind: str, k: Keys) -> None:
    for _ in range(2):
        async with listening(KINDS[kind](industry)) as seen:
            # "From now on" is settled when the stream asks for the height: what is put before that is not seen.
            mine: list[str] = []
            while not any(txid in ids_of(item) for item in seen() for txid in mine):
                mine.append((await put(industry, k(str(len(mine))))).txid)


@kinds
async def test_closing_one_listener_leaves_the_other(industry: Network, kind: str, k: Keys) -> None:
    height = await industry.height()
    async with listening(KINDS[kind](industry, height)) as stays:
        async with listening(KINDS[kind](industry, height)) as goes:
            before = await put(industry, k("before"))
            for seen in (stays, goes):
                await came(seen, lambda item: before.txid in ids_of(item))
        after = await put(industry, k("after"))
        await came(stays, lambda item: after.txid in ids_of(item))
        assert not any(after.txid in ids_of(item) for item in goes())


@kinds
@pytest.mark.parametrize("where", ["memory", "file"])
async def test_blocks_go_on_from_a_checkpoint(
    industry: Network, kind: str, where: str, k: Keys, tmp_path: Path
) -> None:
    keeper: Checkpointer = MemoryCheckpointer() if where == "memory" else FileCheckpointer(tmp_path / "at")
    await keeper.save(Checkpoint(await industry.height()))
    numbers = []
    for name in ("first", "second"):
        status = await put(industry, k(name))
        async with aclosing(KINDS[kind](industry, checkpointer=keeper)) as blocks:
            async for block in blocks:
                numbers.append(number_of(block))
                await keeper.save(Checkpoint.after_block(number_of(block)))
                if status.txid in ids_of(block):
                    break

    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))  # none twice, none left out


async def test_receive_and_replay_events(industry: Network, k: Keys) -> None:
    start = await industry.height()
    async with aclosing(industry.chaincode_events(OPEN, start)) as events:
        await event(industry, k("foo"), "bar")
        received = await until_named(events, k("foo"))
    async with aclosing(industry.chaincode_events(OPEN, received.block)) as events:
        replayed = await until_named(events, k("foo"))

    assert received == replayed
    assert (received.payload, received.chaincode) == (b"bar", OPEN)


async def test_events_from_now_on_and_again_after_closing(industry: Network, k: Keys) -> None:
    for name in (k("one"), k("two")):
        async with listening(industry.chaincode_events(OPEN)) as seen:
            while not any(item.name == name for item in seen()):
                await event(industry, name, "")


async def test_closing_one_listener_of_events_leaves_the_other(industry: Network, k: Keys) -> None:
    start = await industry.height()
    async with listening(industry.chaincode_events(OPEN, start)) as stays:
        async with listening(industry.chaincode_events(OPEN, start)) as goes:
            await event(industry, k("before"), "")
            for seen in (stays, goes):
                await came(seen, lambda item: item.name == k("before"))
        await event(industry, k("after"), "")
        await came(stays, lambda item: item.name == k("after"))
        assert not any(item.name == k("after") for item in goes())


async def test_events_go_on_from_a_checkpoint_inside_a_block(
    industry: Network, k: Keys, tmp_path: Path
) -> None:
    keeper = FileCheckpointer(tmp_path / "at")
    await keeper.save(Checkpoint(await industry.height()))
    # Ordered together, so that as a rule one block holds several.
    await asyncio.gather(*(event(industry, k(f"e{number}"), "") for number in range(4)))
    names: list[str] = []
    while len(names) < 4:  # a new reader for each event
        async with aclosing(industry.chaincode_events(OPEN, checkpointer=keeper)) as events:
            async with asyncio.timeout(20):
                item = await anext(events)
            await keeper.save(item.checkpoint)
            if item.name.startswith(k()):
                names.append(item.name)

    assert sorted(names) == [k(f"e{number}") for number in range(4)]


REQUESTS: dict[str, tuple[Callable[..., StreamRequest[Any]], Callable[..., StreamRequest[Any]]]] = {
    "block": (Network.blocks_request, Gateway.resume_blocks_request),
    "filtered block": (Network.filtered_blocks_request, Gateway.resume_filtered_blocks_request),
    "block and private data": (
        Network.blocks_with_private_data_request,
        Gateway.resume_blocks_with_private_data_request,
    ),
}


@pytest.mark.parametrize("kind", REQUESTS)
async def test_requests_for_blocks_are_signed_elsewhere(
    either: LedgerUnderTest, industry: Network, kind: str, k: Keys
) -> None:
    make, resume = REQUESTS[kind]
    status = await put(industry, k())
    signer = either.identity(INDUSTRY)
    offline = OfflineIdentity(INDUSTRY, signer.cert_pem)

    async with Gateway([either.endpoint(INDUSTRY)], offline) as gateway:
        request = make(gateway.network(either.channel), status.block, stop=status.block)
        with pytest.raises(NotSignedError):
            await anext(request.items())
        saved = request.with_signature(signer.sign(request.signing_bytes)).to_bytes()
        # another process goes on with the bytes
        items = [item async for item in resume(gateway, saved).items()]
        wrong = request.with_signature(signer.sign(b"something else"))
        with pytest.raises(StreamError) as caught:
            await anext(wrong.items())

    assert [ids_of(item) for item in items] == [ids_of(items[0])]
    assert status.txid in ids_of(items[0])
    assert caught.value.reason == "LEDGER_DENIED"


async def test_requests_for_events_are_signed_elsewhere(
    either: LedgerUnderTest, industry: Network, k: Keys
) -> None:
    start = await industry.height()
    await event(industry, k("e"), "payload")
    signer = either.identity(INDUSTRY)
    offline = OfflineIdentity(INDUSTRY, signer.cert_pem)

    async with Gateway([either.endpoint(INDUSTRY)], offline) as gateway:
        request = gateway.network(either.channel).chaincode_events_request(OPEN, start)
        saved = request.with_signature(signer.sign(request.signing_bytes)).to_bytes()
        async with aclosing(gateway.resume_chaincode_events_request(saved).items()) as items:
            found = await until_named(items, k("e"))
        wrong = request.with_signature(signer.sign(b"something else"))
        with pytest.raises(StreamError) as caught:
            await anext(wrong.items())

    assert found.payload == b"payload"
    assert caught.value.reason == "LEDGER_DENIED"
