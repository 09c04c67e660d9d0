"""The network fails before and after each stage of a transaction: nothing is lost, nothing twice, nothing stuck.

Between the gateway and its peers stand relays. While a stage's call is under way, its request or its answer is lost
with the connection, passes late, or hangs on a connection that stays open (RELIABILITY, row 3).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from typing import Any

import pytest
import pytest_asyncio

from consortium.wire.chanrong.documents.v1 import documents_pb2 as pb
from industry_gateway.outbox.ledger import FabricLedger
from tests.integration.fabric_faults.relay import Relay
from tests.integration.fabric_faults.world import MEMBERS, Faults, papers
from tests.integration.industry.world import gateway_running
from tests.support.fabric import requires_fabric

pytestmark = [requires_fabric, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

LOST_AFTER_S = 0.3
"""How long bytes are held back before the connection is cut: the other side has long done its part by then."""
HALF_OPEN_S = 2.5
"""Longer than the gateway waits for a verdict."""
DELAY_S = 0.15
MANY = 50


class BadLine:
    """The relays between the gateway and the peers, and what they do at one stage's next call."""

    def __init__(self, relays: list[Relay]) -> None:
        self.relays = relays
        self.happened = 0

    async def request_lost(self) -> None:
        """The other side never hears of it."""
        await self._lost(requests=True, answers=False)

    async def answer_lost(self) -> None:
        """It is done, and nobody here knows."""
        await self._lost(requests=False, answers=True)

    async def half_open(self) -> None:
        """Nothing passes, and nobody is told."""
        self._each(lambda relay: relay.hold(requests=True, answers=True))
        await asyncio.sleep(HALF_OPEN_S)
        self._each(Relay.thaw)

    async def slow(self) -> None:
        """Everything comes late."""
        self._delay(DELAY_S)
        await asyncio.sleep(LOST_AFTER_S)
        self._delay(0)

    async def _lost(self, *, requests: bool, answers: bool) -> None:
        self._each(lambda relay: relay.hold(requests=requests, answers=answers))
        await asyncio.sleep(LOST_AFTER_S)
        self._each(Relay.cut)

    def _each(self, do: Callable[[Relay], None]) -> None:
        self.happened += 1
        for relay in self.relays:
            do(relay)

    def _delay(self, seconds: float) -> None:
        self.happened += 1
        for relay in self.relays:
            relay.delay_s = seconds


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def line(faults: Faults) -> AsyncIterator[BadLine]:
    """The seller's gateway, which reaches every peer over a relay."""
    async with AsyncExitStack() as stack:
        targets = [faults.fabric.endpoint(msp).target for msp in MEMBERS]
        relays = [await stack.enter_async_context(Relay(target)) for target in targets]
        faults.a.endpoints = [f"{msp}@{relay.address}" for msp, relay in zip(MEMBERS, relays, strict=True)]
        await stack.enter_async_context(gateway_running(faults.a))
        await faults.a.take_party()
        yield BadLine(relays)
    faults.a.endpoints = ()


def during(monkeypatch: pytest.MonkeyPatch, stage: str, fault: Callable[[], Awaitable[None]]) -> None:
    """Has a fault begin just before the next call of a stage; the verdict's stage begins when Submit has returned."""
    method = {"endorse": "prepare", "submit": "submit", "verdict": "submit"}[stage]
    original = getattr(FabricLedger, method)
    begun: list[asyncio.Task[None]] = []

    def begin() -> None:
        if not begun:
            begun.append(asyncio.ensure_future(fault()))

    async def call(ledger: FabricLedger, *args: Any) -> Any:
        if stage != "verdict":
            begin()
            await asyncio.sleep(0)
        answer = await original(ledger, *args)
        if stage == "verdict":
            begin()
        return answer

    monkeypatch.setattr(FabricLedger, method, call)


@pytest.mark.parametrize("fault", ["request_lost", "answer_lost", "slow", "half_open"])
@pytest.mark.parametrize("stage", ["endorse", "submit", "verdict"])
async def test_the_network_fails(
    faults: Faults, line: BadLine, monkeypatch: pytest.MonkeyPatch, stage: str, fault: str
) -> None:
    before = line.happened
    during(monkeypatch, stage, getattr(line, fault))
    answer = await faults.a.give(papers(os.urandom(4).hex(), MANY))
    faults.told(answer)
    found = await faults.a.done(answer.push_id)
    assert {each.position.state for each in found} == {pb.LEDGER_STATE_REGISTERED}
    async with asyncio.timeout(10):
        while line.happened < before + 2:  # the line is good again
            await asyncio.sleep(0.05)
    ledger = await faults.oracle((faults.a, answer.push_id))
    if (stage, fault) == ("submit", "answer_lost"):
        # The orderer had it. Handed in again before the block told of it, the same bytes are there twice
        # and count once.
        (at,) = ledger[answer.results[0].fingerprint]
        first, *again = await codes_of(faults, at.txid)
        assert first == "VALID"
        assert set(again) <= {"DUPLICATE_TXID"}


async def codes_of(faults: Faults, txid: str) -> list[str]:
    """The verdicts on every transaction of this id, in the blocks' order."""
    async with faults.a.network() as network:
        height = await network.height()
        async with aclosing(network.blocks(0, stop=height - 1)) as blocks:
            return [
                each.code_name async for block in blocks for each in block.transactions if each.txid == txid
            ]
