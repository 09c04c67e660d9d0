"""A peer that takes only two calls at a time: what is over the limit is told, and asked of another peer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from consortium.ledger.errors import EvaluateError
from consortium.ledger.follower import CommitFollower
from consortium.ledger.gateway import Gateway
from tests.support.fabric import FabricWorld, fabric_world, requires_fabric
from tests.support.ledgers import BANK, INDUSTRY, Keys

pytestmark = [requires_fabric, pytest.mark.asyncio(loop_scope="module")]
LIMIT = {"CORE_PEER_LIMITS_CONCURRENCY_GATEWAYSERVICE": "2"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FabricWorld]:
    """Two organisations."""
    folder = tmp_path_factory.mktemp("limits")
    async with fabric_world(folder, msps=(INDUSTRY, BANK), peer_env=LIMIT) as started:
        await started.deploy("kv")
        yield started


def client(world: FabricWorld, *at: str) -> Gateway:
    return Gateway([replace(world.endpoint(msp), msp_id=msp) for msp in at], world.identity(INDUSTRY))


async def test_what_is_over_the_limit_is_told(world: FabricWorld) -> None:
    async with client(world, INDUSTRY) as gateway:
        contract = gateway.network(world.channel).contract("kv")
        answers = await asyncio.gather(
            *(contract.evaluate("slow", b"1") for _ in range(4)), return_exceptions=True
        )

    refused = [item for item in answers if isinstance(item, BaseException)]
    assert len(refused) == 2
    for error in refused:
        assert isinstance(error, EvaluateError)
        assert (error.reason, error.retryable) == ("LEDGER_OVERLOADED", True)
        assert "exceeding concurrency limit (2)" in error.message


async def test_and_asked_of_another_peer(world: FabricWorld) -> None:
    async with client(world, INDUSTRY, BANK) as gateway:
        contract = gateway.network(world.channel).contract("kv")
        answers = await asyncio.gather(*(contract.evaluate("slow", b"1") for _ in range(4)))

    assert answers == [b""] * 4


async def test_verdicts_of_many_take_none_of_the_places(world: FabricWorld, k: Keys) -> None:
    """CommitStatus would hold a place for each transaction until its block; one stream of blocks is another service."""
    async with client(world, INDUSTRY) as gateway:
        network = gateway.network(world.channel)
        contract = network.contract("kv")
        async with CommitFollower(network) as follower:
            waits = []
            for number in range(6):
                prepared = (await contract.endorse("put", k(str(number)).encode(), b"1")).signed()
                waits.append(asyncio.ensure_future(follower.wait(prepared.txid, prepared.envelope_digest)))
                await prepared.submit()
            statuses = await asyncio.gather(*waits)

    assert all(status.ok for status in statuses)
