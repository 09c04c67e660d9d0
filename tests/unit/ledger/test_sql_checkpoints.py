"""An event's effect and the reader's place in one database transaction: nothing twice, nothing left out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from consortium.ledger.checkpoints import Checkpoint
from consortium.ledger.events import ChaincodeEvent
from consortium.ledger.sql_checkpoints import SqlPositions
from tests.support.ledger_fakes import CHAINCODE, CHANNEL
from tests.unit.ledger.conftest import GatewayMaker, PeerMaker

METADATA = MetaData()
POSITIONS = SqlPositions(METADATA)
SEEN = Table("seen", METADATA, Column("id", Integer, primary_key=True), Column("txid", String))


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    made = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'reader.db'}")
    async with made.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    yield made
    await made.dispose()


async def test_what_is_saved_is_there_for_the_next(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        assert await POSITIONS.load(connection, "a") is None
        await POSITIONS.save(connection, "a", Checkpoint(2**40, "ab"))
        await POSITIONS.save(connection, "b", Checkpoint(1))
        await POSITIONS.save(connection, "a", Checkpoint(2**40 + 1))
    async with AsyncSession(engine) as session:
        assert await POSITIONS.load(session, "a") == Checkpoint(2**40 + 1)
        assert await POSITIONS.load(session, "b") == Checkpoint(1)


async def test_a_reader_that_fails_anywhere_sees_each_event_once(
    engine: AsyncEngine, peer: PeerMaker, gateway: GatewayMaker
) -> None:
    node = await peer(event=("registered", b"payload"), commit=False)
    network = gateway(node).network(CHANNEL)
    contract = network.contract(CHAINCODE)
    for _ in range(3):  # three blocks with two events each
        pair = [(await contract.endorse("put")).signed() for _ in range(2)]
        await node.add_block([item.envelope for item in pair])

    async def store(event: ChaincodeEvent, *, fails: bool) -> None:
        async with engine.begin() as connection:
            await connection.execute(insert(SEEN).values(txid=event.txid))
            await POSITIONS.save(connection, "reader", event.checkpoint)
            if fails:
                raise RuntimeError("the process dies")

    async def seen() -> list[str]:
        async with engine.begin() as connection:
            return [row.txid for row in await connection.execute(select(SEEN.c.txid).order_by(SEEN.c.id))]

    while (
        len(await seen()) < 6
    ):  # each reader stores one event and dies with the second, just before it is stored
        async with engine.begin() as connection:
            start = await POSITIONS.load(connection, "reader") or Checkpoint(0)
        async with aclosing(
            network.chaincode_events(CHAINCODE, start.block, after_txid=start.txid)
        ) as events:
            await store(await anext(events), fails=False)
            if len(await seen()) < 6:
                with pytest.raises(RuntimeError):
                    await store(await anext(events), fails=True)

    async with aclosing(network.chaincode_events(CHAINCODE, 0)) as events:
        everything = [(await anext(events)).txid for _ in range(6)]
    assert await seen() == everything
