"""Killed at any moment, the ledger keeps every commit that it acknowledged, and starts again."""

from __future__ import annotations

import asyncio
import os
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

from chaincode.hosts.embedded.server import EmbeddedLedger
from chaincode.hosts.embedded.store import Reader, open_reader
from chaincode.hosts.embedded.verification import verify
from consortium.errors import ConfigurationError
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.gateway import gateway_pb2
from tests.support.embedded import CHANNEL, Code, Network, RawClient, make_network, refusal, running
from tests.support.embedded_process import process_running, start_process
from tests.support.kv_contract import KvContract

KILLS = int(os.environ.get("CHANRONG_TEST_KILLS", "10"))
WRITERS = 6
SEED = 20261122


@dataclass
class Oracle:
    """What clients know: envelopes that were handed in, and outcomes that they were told."""

    sent: dict[str, common_pb2.Envelope] = field(default_factory=dict)
    values: dict[str, tuple[str, str]] = field(default_factory=dict)
    told: dict[str, tuple[int, int]] = field(default_factory=dict)
    private: dict[str, str] = field(default_factory=dict)


async def write_until_it_breaks(client: RawClient, oracle: Oracle, writer: int, round_number: int) -> None:
    """Submits one transaction after the other, every fourth with a private value, until the ledger is gone."""
    number = 0
    try:
        while True:
            number += 1
            name = f"w{writer}-r{round_number}-{number}"
            if number % 4 == 0:
                call = ("put_private", "shared", name)
                txid, envelope = await client.endorse(*call, transient={"value": name.encode()})
                oracle.private[txid] = name
            else:
                txid, envelope = await client.endorse("update", name, f"value-{name}")
                oracle.values[txid] = (name, f"value-{name}")
            signed = client.sign(envelope)
            oracle.sent[txid] = signed
            await client.order(txid, signed)
            oracle.told[txid] = await client.status(txid)
    except grpc.aio.AioRpcError as error:
        assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED), error  # noqa: PT017


def outcomes(database: Path) -> dict[str, tuple[int, int]]:
    """Code and block of every id, as stored."""
    connection = open_reader(database)
    try:
        reader = Reader(connection)
        found: dict[str, tuple[int, int]] = {}
        for number in range(1, reader.height()):
            for row in reader.transactions(number):
                found.setdefault(row.txid, (row.code, number))
        return found
    finally:
        connection.close()


async def check(client: RawClient, oracle: Oracle, database: Path) -> None:
    """Everything acknowledged is there as told; everything sent can be sent again and counts once."""
    stored = outcomes(database)
    lost = {txid: told for txid, told in oracle.told.items() if stored.get(txid) != told}
    assert lost == {}
    assert set(stored) <= set(oracle.sent)
    for txid in oracle.sent.keys() - oracle.told.keys():
        await client.order(txid, oracle.sent[txid])
        oracle.told[txid] = await client.status(txid)
        assert oracle.told[txid][0] == Code.VALID
    for txid, (key, value) in oracle.values.items():
        if txid in oracle.told:
            assert await client.evaluate("get", key) == value.encode()
    for txid, key in oracle.private.items():
        if txid in oracle.told:
            assert await client.evaluate("get_private", "shared", key) == key.encode()


@pytest.mark.timeout(240 + 30 * KILLS)
async def test_kill_loop(tmp_path: Path) -> None:
    network = make_network(tmp_path)
    database = tmp_path / "ledger.db"
    oracle = Oracle()
    moments = random.Random(SEED)
    settings = {"collections": [{"name": "shared"}]}
    for round_number in range(KILLS):
        process = await start_process(network, **settings)
        async with network.client(process.target) as client:
            writers = [
                asyncio.create_task(write_until_it_breaks(client, oracle, writer, round_number))
                for writer in range(WRITERS)
            ]
            known = len(oracle.told)
            while len(oracle.told) < known + WRITERS:
                await asyncio.sleep(0.001)
            await asyncio.sleep(moments.random() * 0.15)
            await process.kill()
            await asyncio.gather(*writers)
        report = await asyncio.to_thread(verify, database)
        assert report.problems == ()
    assert len(oracle.told) >= KILLS * WRITERS
    async with process_running(network, **settings) as process, network.client(process.target) as client:
        await check(client, oracle, database)
        assert await process.terminate() == 0
    assert (await asyncio.to_thread(verify, database)).problems == ()


async def test_terminated_gracefully_it_commits_what_it_took(tmp_path: Path) -> None:
    network = make_network(tmp_path)
    async with process_running(network, batch_timeout_ms=60_000) as process:
        async with network.client(process.target) as client:
            txid, envelope = await client.endorse("put", "last", "words")
            await client.order(txid, client.sign(envelope))
        begun = time.monotonic()
        assert await process.terminate() == 0
        assert time.monotonic() - begun < 60
    assert outcomes(tmp_path / "ledger.db") == {txid: (Code.VALID, 1)}


async def test_streams_end_when_it_stops(network: Network, tmp_path: Path) -> None:
    """Nobody waits for the grace: open streams and waiting calls are told at once."""
    ledger = EmbeddedLedger(network.settings(tmp_path / "ledger.db", grace_s=300), KvContract())
    await ledger.start()
    async with network.client(ledger) as client:
        request = gateway_pb2.ChaincodeEventsRequest(
            channel_id=CHANNEL, chaincode_id="kv", identity=client.identity.serialized()
        ).SerializeToString()
        events = client.gateway.ChaincodeEvents(
            gateway_pb2.SignedChaincodeEventsRequest(request=request, signature=client.identity.sign(request))
        )
        waiting = [
            asyncio.create_task(refusal(events.read())),
            asyncio.create_task(refusal(client.status("x"))),
        ]
        txid, envelope = await client.endorse("put", "accepted", "1")
        await client.order(txid, client.sign(envelope))
        async with asyncio.timeout(60):
            await ledger.stop()
            codes = [(await task).code() for task in waiting]
    assert codes == [grpc.StatusCode.UNAVAILABLE] * 2
    assert txid in outcomes(tmp_path / "ledger.db")


async def test_one_process_per_database(network: Network, tmp_path: Path) -> None:
    settings = network.settings(tmp_path / "ledger.db")
    async with running(settings):
        with pytest.raises(ConfigurationError, match="in use by another process"):
            async with running(settings):
                pass
    async with running(settings) as again:
        assert again.height == 1
