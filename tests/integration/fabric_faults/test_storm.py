"""Everything is killed in turn under load, the gateway too; what was acknowledged is on the ledger exactly once.

RELIABILITY, row 2, in short form. ``CHANRONG_STORM_PARTS`` makes it longer.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from consortium.errors import ChanrongError
from tests.integration.fabric_faults.world import CHAINCODE, Faults, Trader, papers
from tests.integration.industry.world import Process
from tests.support.fabric import requires_fabric

pytestmark = [requires_fabric, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

PARTS = int(os.environ.get("CHANRONG_STORM_PARTS", "7"))
"""How many times a part is ended, each once before any is ended again."""
PAUSE_S = 0.5
"""Between one part's return and the next one's end."""
DOWN_S = 0.5
DOCUMENTS = 40
"""Of one push."""


@dataclass
class Storm:
    """The seller's gateway as a process of its own, all parts of the network, and who keeps pushing."""

    net: Faults
    gateway: Process
    rng: random.Random
    pushed: list[tuple[Trader, str]] = field(default_factory=list)
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
        """An ERP that repeats a push under its key until it is answered."""
        number = 0
        while not over.is_set():
            number += 1
            documents = papers(f"storm-{number}", DOCUMENTS)
            async with asyncio.timeout(60):
                while True:
                    try:
                        answer = await self.net.a.give(documents, key=f"storm-{number}")
                        break
                    except ChanrongError:
                        await asyncio.sleep(0.1)
            self.net.told(answer)
            self.pushed.append((self.net.a, answer.push_id))
            await asyncio.sleep(0.1)


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
        await faults.oracle(*storm.pushed)
    finally:
        await storm.gateway.kill()
    assert "gateway" in storm.ended
    assert len(storm.pushed) >= 3
    print(f"{len(faults.acknowledged)} documents, ended: {', '.join(storm.ended)}")
