"""Everything is killed in turn under load, the gateway too; what was acknowledged is on the ledger exactly once, and
so are links and credits that came of it.

RELIABILITY, row 2, in short form. ``CHANRONG_STORM_PARTS`` makes it longer.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from consortium.contract import decode, encode, names
from consortium.errors import ChanrongError
from tests.integration.fabric_faults.world import CHAINCODE, PATIENCE_S, Faults, Trader
from tests.integration.industry.papers import credit_note, invoice, order
from tests.integration.industry.world import Process
from tests.support.fabric import requires_fabric

pytestmark = [requires_fabric, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

PARTS = int(os.environ.get("CHANRONG_STORM_PARTS", "6"))
"""How many times a part is ended, each once before any is ended again."""
PAUSE_S = 0.5
"""Between one part's return and the next one's end."""
DOWN_S = 0.5
DOCUMENTS = 40
"""Invoices of one trade."""
ONE = names.FACE_VALUE_PPB


@dataclass
class Storm:
    """The seller's gateway as a process of its own, all parts of the network, and who keeps pushing."""

    net: Faults
    gateway: Process
    rng: random.Random
    prefix: str = field(default_factory=lambda: os.urandom(4).hex())
    trades: int = 0
    pushed: list[tuple[Trader, str]] = field(default_factory=list)
    invoices: list[list[str]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    async def hurt(self, over: asyncio.Event) -> None:
        """Ends one part after the other."""
        parts: dict[str, Callable[[], Awaitable[None]]] = {
            "gateway": self._gateway,
            "paused peer": self._paused,
            **{name: lambda name=name: self._killed(name) for name in self._services()},  # type: ignore[misc]
        }
        left: list[str] = []
        for _ in range(PARTS):
            left = left or [*self.rng.sample(sorted(set(parts) - {"gateway"}), len(parts) - 1), "gateway"]
            part = left.pop()
            print(f"{time.strftime('%H:%M:%S')} {part}, {self.trades} trades")
            await parts[part]()
            self.ended.append(part)
            await asyncio.sleep(PAUSE_S)
        over.set()

    def _services(self) -> list[str]:
        members = ("industry-a", "industry-b", "bank-a")
        peers = [f"peer-{each}" for each in members]
        return ["orderer", *peers, *(f"chaincode-{each}-{CHAINCODE}" for each in members)]

    async def _killed(self, service: str) -> None:
        await self.net.fabric.kill(service)
        await asyncio.sleep(DOWN_S)
        await self.net.fabric.start(service)

    async def _paused(self) -> None:
        await self.net.fabric.pause("peer-industry-a")
        await asyncio.sleep(2 * DOWN_S)
        await self.net.fabric.resume("peer-industry-a")

    async def _gateway(self) -> None:
        await self.gateway.kill()
        await self.gateway.start()

    async def push(self, over: asyncio.Event) -> None:
        """An ERP that pushes one trade after the other. Orders come later than their invoices."""
        while not over.is_set():
            self.trades += 1
            trade = f"{self.prefix}T{self.trades}N"  # separators count for nothing in numbers
            invoices = [
                invoice(f"{trade}{number}", 100, order_number=f"{trade}PO") for number in range(DOCUMENTS)
            ]
            told = await self._surely([*invoices, credit_note(f"{trade}CN", f"{trade}0", 25)], trade)
            self.invoices.append(told[:DOCUMENTS])
            await self._surely([order(f"{trade}PO", 100 * DOCUMENTS)], f"{trade}order")
            await asyncio.sleep(0.2)

    async def _surely(self, documents: list[dict[str, Any]], key: str) -> list[str]:
        """Repeats a push under its key until it is answered; the fingerprints."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    answer = await self.net.a.give(documents, key)
                    break
                except ChanrongError:
                    await asyncio.sleep(0.1)
        self.pushed.append((self.net.a, answer.push_id))
        return self.net.told(answer)

    async def linked(self) -> None:
        """Every invoice draws its part of its order, and one of each trade is credited, once."""
        async with self.net.a.chaincode() as contract, asyncio.timeout(PATIENCE_S):
            for invoices in self.invoices:
                while True:
                    answer = await contract.evaluate(names.ASSETS_GET, encode({"assets": invoices}))
                    assets = decode(answer)["assets"]
                    weights = {parent["of_parent"] for each in assets for parent in each["parents"]}
                    diluted = [each["diluted"] for each in assets]
                    if weights == {ONE // DOCUMENTS} and sum(diluted):
                        break
                    await asyncio.sleep(0.1)
                assert diluted == [ONE // 4] + [0] * (DOCUMENTS - 1)


@pytest.mark.timeout(240 + 30 * PARTS)
async def test_everything_is_killed_in_turn(faults: Faults, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    storm = Storm(faults, Process(faults.a, "gateway"), random.Random(seed))
    try:
        await storm.gateway.start()
        await faults.a.take_party()
        over = asyncio.Event()
        await asyncio.gather(storm.push(over), storm.hurt(over))
        await faults.mend()
        print(f"{time.strftime('%H:%M:%S')} calm")
        await faults.oracle(*storm.pushed)
        await storm.linked()
    finally:
        await storm.gateway.kill()
    assert "gateway" in storm.ended
    assert len(storm.pushed) >= 3
    print(f"{len(faults.acknowledged)} documents, ended: {', '.join(storm.ended)}")
