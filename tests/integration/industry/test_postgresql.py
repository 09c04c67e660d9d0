"""The gateway on PostgreSQL, and two replicas of it on one database: each document is on the ledger once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from consortium.contract.codec import encode
from consortium.errors import DeniedError
from consortium.wire.chanrong.documents.v1 import documents_pb2 as pb
from tests.integration.industry.papers import credit_note, invoice, order
from tests.integration.industry.test_consent_release import audited_in, grant, release
from tests.integration.industry.test_kill_points import registrations
from tests.integration.industry.world import BUYER, SELLER, World, gateway_running, ledger_running, make_world
from tests.support.postgresql import server

pytestmark = pytest.mark.asyncio(loop_scope="module")

ONE = 1_000_000_000


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """URL of a PostgreSQL of our own."""
    with server() as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def replicas(
    tmp_path_factory: pytest.TempPathFactory, postgresql: str
) -> AsyncIterator[tuple[World, World]]:
    """Two gateways of one organisation on one database."""
    world = make_world(tmp_path_factory.mktemp("postgresql"))
    twin = replace(world)
    async with ledger_running(world):
        twin.ledger = world.ledger
        changes: dict[str, Any] = {"database": postgresql}
        async with gateway_running(world, **changes):
            await world.register("seller", SELLER)
            await world.register("buyer", BUYER)
            async with gateway_running(twin, **changes):
                yield world, twin


async def test_a_trade_on_postgresql(replicas: tuple[World, World], postgresql: str) -> None:
    world, _ = replicas
    papers = [invoice(f"PG-{n}", 100, order_number="PG-PO") for n in range(300)]
    answer = await world.push("seller", [*papers, credit_note("PG-CN", "PG-0", 25)], key="pg")
    assert (await world.push("seller", [*papers, credit_note("PG-CN", "PG-0", 25)], key="pg")) == answer
    found = await world.settled("seller", answer.push_id)
    assert {each.position.state for each in found} == {pb.LEDGER_STATE_REGISTERED}
    await world.push("buyer", [order("PG-PO", 30_000)])
    fingerprint = answer.results[0].fingerprint
    async with world.chaincode() as contract, asyncio.timeout(20):
        while True:
            view = json.loads(await contract.evaluate("assets:get", encode({"assets": [fingerprint]})))
            (asset,) = view["assets"]
            if asset["diluted"] == ONE // 4 and asset["parents"][0]["of_parent"] == ONE // 300:
                break
            await asyncio.sleep(0.05)
    consent = await grant(world)
    assert len(await release(world, consent.consent_id)) == 302
    assert (await audited_in(postgresql))[-1]["action"] == "release"


async def test_two_replicas_take_the_same_documents_at_once(replicas: tuple[World, World]) -> None:
    world, twin = replicas
    papers = [invoice(f"TWIN-{n}") for n in range(200)]
    answers = await asyncio.gather(
        *(each.push("seller", papers[start:]) for start in (0, 50, 100) for each in (world, twin))
    )
    statuses = [result.status for answer in answers for result in answer.results]
    assert statuses.count(pb.INTAKE_STATUS_ACCEPTED) == 200
    assert set(statuses) == {pb.INTAKE_STATUS_ACCEPTED, pb.INTAKE_STATUS_ALREADY_REGISTERED}
    for answer in answers:
        await world.settled("seller", answer.push_id)
    fingerprints = {result.fingerprint for answer in answers for result in answer.results}
    counted = await registrations(world)
    assert {each: counted[each] for each in fingerprints} == dict.fromkeys(fingerprints, 1)


async def test_one_key_at_two_replicas_is_one_push(replicas: tuple[World, World]) -> None:
    world, twin = replicas
    papers = [invoice(f"KEY-{n}") for n in range(50)]

    async def push(each: World) -> str:
        async with asyncio.timeout(20):
            while True:
                try:
                    return (await each.push("seller", papers, key="one-key")).push_id
                except Exception as error:
                    if getattr(error, "reason", "") != "IDEMPOTENCY_IN_FLIGHT":
                        raise
                    await asyncio.sleep(0.1)

    first, second = await asyncio.gather(push(world), push(twin))
    assert first == second


async def test_a_party_registered_at_one_replica_may_push_at_the_other(replicas: tuple[World, World]) -> None:
    world, twin = replicas
    await world.register(
        "third", {"name": "THIRD", "identifiers": [{"scheme": "gln", "value": "6901234567892"}]}
    )
    async with asyncio.timeout(20):
        while True:
            try:
                answer = await twin.push("third", [invoice("THIRD-1")])
                break
            except DeniedError:
                await asyncio.sleep(0.2)
    assert answer.results[0].problems[0].rule == "NOT_A_PARTY", "known, and no party of this document"
