"""The gateway is killed at every commit point, one after the other, and started again each time: what it
acknowledged is on the ledger exactly once, and nothing is left half-done.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

import industry_gateway.app  # noqa: F401 - declares all failpoints
from consortium.contract.codec import encode, read_results
from consortium.errors import ChanrongError, UnavailableError
from consortium.rpc.client import call
from consortium.storage.failpoints import EXIT_CODE, VARIABLE, declared
from consortium.wire.chanrong.industry.v1 import industry_pb2, industry_pb2_grpc
from tests.integration.industry.papers import credit_note, invoice, order
from tests.integration.industry.world import BUYER, SELLER, Process, World, ledger_running, make_world

ELSEWHERE = {"outbox.split", "outbox.refused", "outbox.noted"}
"""Reached only when the ledger conflicts, refuses or is silent: tests/unit/industry/test_outbox_kills.py."""
OWN = ("calls.", "follower.", "followups.", "intake.", "outbox.", "parties.", "webhooks.")
"""Another product's points are declared too when its tests run in the same process."""
POINTS = sorted(point for point in declared() - ELSEWHERE if point.startswith(OWN))
ONE = 1_000_000_000
INVOICES = 10


@dataclass
class Killer:
    """The gateway's process, armed with one commit point after the other."""

    world: World
    process: Process
    left: list[str] = field(default_factory=lambda: list(POINTS))
    died: list[tuple[str, int]] = field(default_factory=list)
    armed: str = ""

    async def start(self) -> None:
        """Starts it with the next point, or with none when all have been reached."""
        self.armed = self.left.pop(0) if self.left else ""
        await self.process.start({VARIABLE: self.armed}, webhook_loopback=True)
        while self.process.process is not None and self.process.process.returncode is not None:
            await self._again()

    async def _again(self) -> None:
        self.died.append((self.armed, await self.process.ended()))
        self.armed = self.left.pop(0) if self.left else ""
        await self.process.start({VARIABLE: self.armed}, webhook_loopback=True)

    async def surely(self, step: Callable[[], Awaitable[Any]]) -> Any:
        """A step as an ERP takes it: repeated, under the same key, until it is answered."""
        for _ in range(len(POINTS) + 1):
            try:
                return await step()
            except ChanrongError:
                await self._again()
        raise AssertionError("never answered")


def test_every_commit_point_has_a_name() -> None:
    assert len(POINTS) >= 12
    assert declared() >= ELSEWHERE


@pytest.mark.slow
async def test_killed_at_every_commit_point(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    async with ledger_running(world):
        killer = Killer(world, Process(world, "gateway"))
        acknowledged: list[str] = []
        try:
            await killer.start()
            await killer.surely(lambda: world.register("seller", SELLER))
            await killer.surely(lambda: world.register("buyer", BUYER))
            await killer.surely(partial(_webhook, world))
            for number in range(len(POINTS) + 1):
                acknowledged += await _round(killer, f"K{number}")
                if not killer.left and not killer.armed:
                    break
        finally:
            await killer.process.kill()
        assert killer.died == [(point, EXIT_CODE) for point in POINTS]
        registered = await registrations(world)
        assert registered == dict.fromkeys(acknowledged, 1)


async def _round(killer: Killer, prefix: str) -> list[str]:
    """A trade, pushed so that every commit point is passed: links and a credit come after their documents."""
    world, surely = killer.world, killer.surely
    await surely(
        lambda: world.register(
            f"{prefix.lower()}-party", {"name": prefix, "identifiers": [{"scheme": "name", "value": prefix}]}
        )
    )
    papers: list[tuple[str, list[dict[str, Any]]]] = [
        ("seller", [invoice(f"{prefix}-{n}", 100, order_number=f"{prefix}-PO") for n in range(INVOICES)]),
        ("seller", [credit_note(f"{prefix}-CN", f"{prefix}-0", 25)]),
        ("buyer", [order(f"{prefix}-PO", 4000)]),
    ]
    found: list[str] = []
    for number, (party, documents) in enumerate(papers):
        answer = await surely(partial(world.push, party, documents, key=f"{prefix}-{number}"))
        assert all(each.document_id for each in answer.results)
        found += [each.fingerprint for each in answer.results]
        await surely(partial(world.settled, party, answer.push_id))
    await surely(partial(_linked, world, found[:INVOICES]))
    return found


async def _webhook(world: World) -> None:
    """Has the seller told at an address where nobody listens."""
    try:
        async with world.http("seller") as http:
            (await http.put("/v1/webhook", json={"url": "http://127.0.0.1:9/"})).raise_for_status()
    except httpx.HTTPError as error:
        raise UnavailableError("the gateway is gone") from error


async def _linked(world: World, invoices: list[str]) -> None:
    """Waits until weights and credit are on the ledger; raises when the gateway is dead."""
    async with world.chaincode() as contract, asyncio.timeout(30):
        while True:
            answer = await contract.evaluate("assets:get", encode({"assets": invoices}))
            assets = json.loads(answer)["assets"]
            weights = [each["parents"][0]["of_parent"] for each in assets]
            if weights == [ONE // 40] * len(invoices) and assets[0]["diluted"] == ONE // 4:
                return
            async with world.stub(industry_pb2_grpc.PartyServiceStub, "operator", role="operator") as stub:
                await call(stub.ListParties, industry_pb2.ListPartiesRequest(), timeout_s=5)
            await asyncio.sleep(0.05)


async def registrations(world: World) -> dict[str, int]:
    """How often each fingerprint was registered, by the valid transactions of all blocks."""
    found: Counter[str] = Counter()
    async with world.network() as network:
        height = await network.height()
        async for block in network.blocks(0, stop=height - 1):
            for each in block.transactions:
                if each.ok and each.function == "documents:register" and each.event is not None:
                    found.update(
                        result["fp"]
                        for result in read_results(each.event.payload)
                        if result["status"] == "registered"
                    )
    return dict(found)
