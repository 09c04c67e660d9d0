"""Parts of a real network fail at chosen moments: nothing is lost, nothing twice, no document stuck."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from copy import copy
from typing import Any

import pytest
import pytest_asyncio

from consortium.wire.chanrong.documents.v1 import documents_pb2 as pb
from consortium.wire.chanrong.industry.v1 import industry_pb2
from industry_gateway.outbox.ledger import FabricLedger
from industry_gateway.outbox.port import Prepared
from tests.integration.fabric_faults.faulty import DIFFERS, FAILS, REFUSES
from tests.integration.fabric_faults.hostile import Hostile
from tests.integration.fabric_faults.world import (
    BANK,
    CHAINCODE,
    PATIENCE_S,
    Faults,
    Trader,
    fault_of,
    papers,
)
from tests.integration.industry.world import gateway_running
from tests.support.fabric import requires_fabric

pytestmark = [requires_fabric, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

PEER_A, PEER_B, ORDERER = "peer-industry-a", "peer-industry-b", "orderer"
SERVER_A, SERVER_BANK = f"chaincode-industry-a-{CHAINCODE}", f"chaincode-bank-a-{CHAINCODE}"
MANY = 200
Submit = Callable[[Any, bytes], Awaitable[None]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def net(faults: Faults) -> AsyncIterator[Faults]:
    """Both gateways, and who pushes to them."""
    async with gateway_running(faults.a), gateway_running(faults.b):
        for trader in (faults.a, faults.b):
            await trader.take_party()
        yield faults


def name() -> str:
    """A prefix for documents' numbers."""
    return os.urandom(4).hex()


def on_submit(
    monkeypatch: pytest.MonkeyPatch, instead: Callable[[Submit, Any, bytes], Awaitable[None]]
) -> None:
    """Puts something in the place of handing an envelope to the orderer, for both gateways."""
    original = FabricLedger.submit

    async def submit(ledger: FabricLedger, envelope: bytes) -> None:
        await instead(original, ledger, envelope)

    monkeypatch.setattr(FabricLedger, "submit", submit)


def endorsed_by(monkeypatch: pytest.MonkeyPatch, *organisations: str) -> None:
    """Has gateways ask these organisations, instead of leaving it to the policy."""
    original = FabricLedger.prepare

    async def prepare(ledger: FabricLedger, function: str, payload: bytes) -> Prepared:
        asked = copy(ledger)
        asked._organisations = organisations
        return await original(asked, function, payload)

    monkeypatch.setattr(FabricLedger, "prepare", prepare)


async def test_the_gateways_peer_hangs(net: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps its connections and answers nothing: no verdict comes in time, whoever is asked for it."""
    sent = asyncio.Event()

    async def submit(original: Submit, ledger: Any, envelope: bytes) -> None:
        await original(ledger, envelope)
        if not sent.is_set():
            sent.set()
            await net.fabric.pause(PEER_A)

    on_submit(monkeypatch, submit)
    answer = await net.a.give(papers(name(), MANY))
    net.told(answer)
    await sent.wait()
    with suppress(TimeoutError):
        await net.a.done(answer.push_id, 4.0)  # twice as long as the gateway waits before it asks
    await net.fabric.resume(PEER_A)
    found = await net.a.done(answer.push_id)
    assert {each.position.state for each in found} == {pb.LEDGER_STATE_REGISTERED}
    await net.oracle((net.a, answer.push_id))


async def test_a_peer_that_hangs_is_left_for_the_others(net: Faults) -> None:
    """Nobody resumes it: the other organisations' peers take over, although no connection broke."""
    await net.fabric.pause(PEER_B)
    answer = await net.b.give(papers(name(), MANY))
    net.told(answer)
    found = await net.b.done(answer.push_id)
    assert {each.position.state for each in found} == {pb.LEDGER_STATE_REGISTERED}
    await net.fabric.resume(PEER_B)
    await net.oracle((net.b, answer.push_id))


@pytest.mark.parametrize("moment", ["before the envelope is sent", "after the envelope was sent"])
async def test_the_gateways_own_peer_dies(net: Faults, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """Between endorsement and verdict. The other organisations' peers carry on while it is dead."""
    killed = asyncio.Event()

    async def submit(original: Submit, ledger: Any, envelope: bytes) -> None:
        first, before = not killed.is_set(), moment.startswith("before")
        killed.set()
        if first and before:
            await net.fabric.kill(PEER_B)
        await original(ledger, envelope)
        if first and not before:
            await net.fabric.kill(PEER_B)

    on_submit(monkeypatch, submit)
    answer = await net.b.give(papers(name(), MANY))
    net.told(answer)
    await killed.wait()
    found = await net.b.done(answer.push_id)
    assert {each.position.state for each in found} == {pb.LEDGER_STATE_REGISTERED}
    await net.fabric.start(PEER_B)
    await net.oracle((net.b, answer.push_id))


async def test_a_peer_dies_that_nobody_can_do_without(net: Faults) -> None:
    """The policy asks for its organisation: documents wait for it, and are accepted meanwhile."""
    await net.fabric.kill(PEER_A)
    answers = [await trader.give(papers(name(), MANY)) for trader in (net.a, net.b)]
    net.told(*answers)
    await net.fabric.start(PEER_A)
    await net.oracle((net.a, answers[0].push_id), (net.b, answers[1].push_id))


async def test_the_orderer_is_restarted_under_load(net: Faults) -> None:
    pushed: list[tuple[Trader, str]] = []

    async def push(trader: Trader) -> None:
        for _ in range(6):
            answer = await trader.give(papers(name(), MANY))
            net.told(answer)
            pushed.append((trader, answer.push_id))
            await asyncio.sleep(0.2)

    async def restart() -> None:
        await net.fabric.kill(ORDERER)
        await asyncio.sleep(0.5)
        await net.fabric.start(ORDERER)

    await asyncio.gather(push(net.a), push(net.b), restart())
    await net.oracle(*pushed)


async def test_chaincode_servers_die(net: Faults) -> None:
    """One that can be done without costs a delay; one that cannot is waited for."""
    await net.fabric.kill(SERVER_BANK)
    answer = await net.a.give(papers(name(), MANY))
    net.told(answer)
    await net.a.done(answer.push_id)  # endorsed by the other industry organisation
    await net.fabric.kill(SERVER_A)
    further = await net.a.give(papers(name(), MANY))
    net.told(further)
    await net.fabric.start(SERVER_A)
    await net.oracle((net.a, answer.push_id), (net.a, further.push_id))
    await net.fabric.start(SERVER_BANK)
    await net.fabric.ready(CHAINCODE)


@pytest.mark.parametrize("fault", [DIFFERS, REFUSES, FAILS])
async def test_an_organisations_server_answers_otherwise(
    net: Faults, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """What one organisation alone says is no verdict on a document: it waits until they agree."""
    endorsed_by(monkeypatch, net.a.msp, BANK)
    file = fault_of(net.fabric, SERVER_BANK)
    file.write_text(fault)
    height = await _height(net)
    try:
        answer = await net.a.give(papers(name(), 3))
        net.told(answer)
        with pytest.raises(TimeoutError):
            await net.a.done(answer.push_id, 2.0)
        assert await _height(net) == height
    finally:
        file.unlink()
    found = await net.a.done(answer.push_id)
    assert {each.position.state for each in found} == {pb.LEDGER_STATE_REGISTERED}
    await net.oracle((net.a, answer.push_id))


@pytest.mark.parametrize("fault", [DIFFERS, REFUSES, FAILS])
async def test_a_server_that_answers_otherwise_is_done_without(net: Faults, fault: str) -> None:
    """Where the policy leaves a choice, the peer that is asked chooses anew until those agree whom it asks."""
    file = fault_of(net.fabric, SERVER_BANK)
    file.write_text(fault)
    answer = await net.a.give(papers(name(), 3))
    net.told(answer)
    found = await net.a.done(answer.push_id)
    assert {each.position.state for each in found} == {pb.LEDGER_STATE_REGISTERED}
    assert file.exists()
    await net.oracle((net.a, answer.push_id))


async def test_two_gateways_register_the_same_documents_at_once(net: Faults) -> None:
    """Seller and buyer push the same papers, each at its own gateway: batches that conflict, in both directions."""
    prefix = name()
    same = papers(prefix, 600)

    async def push(trader: Trader, parts: Sequence[slice]) -> list[industry_pb2.PushResponse]:
        return list(await asyncio.gather(*(trader.give(same[part]) for part in parts)))

    thirds = [slice(0, 300), slice(200, 500), slice(400, 600)]
    answers = await asyncio.gather(push(net.a, thirds), push(net.b, thirds[::-1]))
    for answer in answers:
        net.told(*answer)
    pushed = [
        (trader, each.push_id)
        for trader, answer in zip((net.a, net.b), answers, strict=True)
        for each in answer
    ]
    ledger = await net.oracle(*pushed)
    owners = Counter(at.owner for fp, (at,) in ledger.items() if fp in net.told(*answers[0]))
    assert sum(owners.values()) == len(same)


async def test_a_hostile_key_isolates_itself(net: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member changes its own record under one document's key before each of our batches that reads it is ordered."""
    documents = papers(name(), 64)
    hostile = await Hostile.take(net, documents[20])
    splits: list[int] = []

    async def submit(original: Submit, ledger: Any, envelope: bytes) -> None:
        if hostile.active and hostile.fp.encode() in envelope:
            splits.append(len(envelope))
            await hostile.change()
        await original(ledger, envelope)

    on_submit(monkeypatch, submit)
    answer = await net.a.give(documents)
    net.told(answer)
    others = {each.fingerprint for each in answer.results} - {hostile.fp}
    async with asyncio.timeout(PATIENCE_S):
        while {each.fingerprint for each in await net.a.registered(answer.push_id)} != others:
            await asyncio.sleep(0.1)
    assert len(set(splits)) > 5  # the batch was halved until the key was alone
    hostile.active = False
    await net.oracle((net.a, answer.push_id))
    (found,) = (each for each in await net.a.done(answer.push_id) if each.fingerprint == hostile.fp)
    assert found.position.state == pb.LEDGER_STATE_CONFLICT


async def _height(net: Faults) -> int:
    async with net.a.network() as network:
        return int(await network.height())
