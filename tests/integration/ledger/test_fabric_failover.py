"""Several gateway peers, of other organisations too: peers that are down, frozen or alone in what they say.

A network of its own, which these tests hurt and mend; each finds it whole.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest
import pytest_asyncio

from chanrong.fabric.plan import name_of
from consortium.ledger import liveness
from consortium.ledger.connection import Endpoint
from consortium.ledger.errors import EndorseError, EvaluateError, LedgerError
from consortium.ledger.follower import CommitFollower
from consortium.ledger.gateway import Gateway
from consortium.ledger.network import Network
from tests.support.embedded import MSPS
from tests.support.fabric import FabricWorld, fabric_world, requires_fabric
from tests.support.ledgers import BANK, BANK_B, INDUSTRY, Keys, until

pytestmark = [requires_fabric, pytest.mark.asyncio(loop_scope="module")]
ALL = "AND(" + ",".join(f"'{msp}.peer'" for msp in MSPS) + ")"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FabricWorld]:
    """Three organisations: ``kv`` under the usual policy, ``odd`` where the first bank runs something else."""
    async with fabric_world(tmp_path_factory.mktemp("failover")) as started:
        await started.deploy("kv")
        odd = {BANK: "tests.support.odd_contract:OddContract"}
        await started.deploy("odd", per_org_contract=odd)
        await started.deploy("all", policy=ALL)
        yield started


def endpoint(world: FabricWorld, msp: str) -> Endpoint:
    return replace(world.endpoint(msp), msp_id=msp)


@asynccontextmanager
async def client(world: FabricWorld, msp: str, *at: str) -> AsyncIterator[Network]:
    """An organisation's client at some organisations' peers, the preferred one first."""
    async with Gateway([endpoint(world, each) for each in at or (msp,)], world.identity(msp)) as gateway:
        yield gateway.network(world.channel)


@asynccontextmanager
async def without(world: FabricWorld, *services: str) -> AsyncIterator[None]:
    """Ends services for a while."""
    for service in services:
        await world.stop(service)
    try:
        yield
    finally:
        for service in services:
            await world.start(service)
        for chaincode in ("kv", "odd", "all"):
            if chaincode != "odd":  # which is never endorsed by all
                await world.ready(chaincode)


async def test_own_chaincode_server_is_down(world: FabricWorld, k: Keys) -> None:
    async with without(world, "chaincode-bank-a-kv"):
        async with client(world, BANK) as alone:
            with pytest.raises(EndorseError) as caught:
                await alone.contract("kv").endorse("put", k().encode(), b"1")
        async with client(world, BANK, BANK, INDUSTRY) as network:
            # BankB and the industry organisation satisfy the policy, and our own peer gives up.
            assert await network.contract("kv").submit("put", k().encode(), b"1") == b"1"
            assert await network.contract("kv").evaluate("get", k().encode()) == b"1"

    assert (caught.value.reason, caught.value.retryable) == ("ENDORSER_FAILED", True)
    assert [item.msp_id for item in caught.value.details_list] == [BANK]


async def test_every_chaincode_server_is_down(world: FabricWorld) -> None:
    servers = [f"chaincode-{name_of(msp)}-kv" for msp in MSPS]
    async with without(world, *servers), client(world, INDUSTRY) as network:
        with pytest.raises(EvaluateError) as evaluating:
            await network.contract("kv").evaluate("whoami")
        with pytest.raises(EndorseError) as endorsing:
            await network.contract("kv").endorse("whoami")

    for error in (evaluating.value, endorsing.value):
        assert (error.reason, error.code, error.retryable) == ("ENDORSER_FAILED", "ABORTED", True)
    assert {item.msp_id for item in evaluating.value.details_list} == set(MSPS)


async def test_own_organisation_alone_answers_differently(world: FabricWorld, k: Keys) -> None:
    async with client(world, BANK) as alone:
        with pytest.raises(EndorseError) as caught:
            await alone.contract("odd").endorse("put", k().encode(), b"1")
    async with client(world, BANK, BANK, INDUSTRY) as network:
        prepared = await network.contract("odd").endorse("put", k().encode(), b"1")
        status = await (await prepared.submit()).status()

    assert (caught.value.reason, caught.value.retryable) == ("ENDORSEMENT_MISMATCH", True)
    assert any("ProposalResponsePayloads do not match" in item.message for item in caught.value.details_list)
    assert (prepared.result, status.ok) == (b"1", True)


async def test_one_of_those_named_refuses(world: FabricWorld, k: Keys) -> None:
    async with client(world, INDUSTRY) as network:
        with pytest.raises(EndorseError) as caught:
            await network.contract("odd").endorse(
                "update", k().encode(), b"1", organisations=[INDUSTRY, BANK, BANK_B]
            )

    assert (caught.value.reason, caught.value.contract_reason) == ("ENDORSEMENT_MISMATCH", "NOT_HERE")
    assert [item.msp_id for item in caught.value.details_list] == [BANK]


async def test_own_peer_is_down(world: FabricWorld, k: Keys) -> None:
    async with client(world, BANK, BANK, BANK_B, INDUSTRY) as network:
        contract = network.contract("kv")
        assert await contract.submit("put", k("a").encode(), b"1") == b"1"
        async with CommitFollower(network) as follower:
            async with without(world, "peer-bank-a"):
                assert await contract.submit("put", k("b").encode(), b"2") == b"2"
                assert await contract.submit("put", k("c").encode(), b"3", verdicts=follower) == b"3"
            assert await contract.submit("put", k("d").encode(), b"4", verdicts=follower) == b"4"
    async with client(world, BANK) as network:

        async def has_all() -> bool:
            try:
                return await network.contract("kv").evaluate("get", k("d").encode()) == b"4"
            except LedgerError:
                return False

        await until(has_all)


async def test_a_frozen_peer_is_noticed(world: FabricWorld, k: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "ASK_AFTER_S", 0.3)
    monkeypatch.setattr(liveness, "ANSWER_S", 0.7)
    monkeypatch.setattr(liveness, "STREAM_SILENCE_S", 0.5)
    async with client(world, BANK_B, BANK, BANK_B) as network:
        contract = network.contract("kv")
        assert await contract.submit("put", k("a").encode(), b"1") == b"1"
        async with aclosing(network.blocks(await network.height())) as blocks:
            waits = asyncio.ensure_future(anext(blocks))
            await world.pause("peer-bank-a")
            try:
                began = time.monotonic()
                assert await contract.evaluate("get", k("a").encode()) == b"1"
                assert await contract.submit("put", k("b").encode(), b"2") == b"2"
                block = await asyncio.wait_for(waits, 20)
                took = time.monotonic() - began
            finally:
                await world.resume("peer-bank-a")

    assert [item.args for item in block.transactions] == [(k("b").encode(), b"2")]
    assert took < network.session.deadlines.endorse_s  # not a deadline that ran out
    await world.ready("kv")


async def test_transient_data_stays_with_whom_it_is_for(world: FabricWorld, k: Keys) -> None:
    secret = {"value": b"secret"}
    async with client(world, BANK, BANK, INDUSTRY) as network, without(world, "peer-bank-a"):
        contract = network.contract("kv")
        for call in (
            lambda: contract.evaluate("whoami", transient=secret),
            lambda: contract.endorse("whoami", transient=secret),
        ):
            with pytest.raises(LedgerError) as caught:
                await call()
            assert isinstance(caught.value, EvaluateError | EndorseError)
            assert caught.value.reason == "LEDGER_UNAVAILABLE"
        # the industry organisation is told to endorse, so it may see
        prepared = await contract.endorse("whoami", transient=secret, organisations=[INDUSTRY, BANK_B])
        assert b"secret" in prepared.result
        assert await contract.evaluate("whoami") != b""  # without transient data anybody may answer


async def test_too_few_endorsers(world: FabricWorld, k: Keys) -> None:
    async with client(world, INDUSTRY) as network:
        contract = network.contract("all")
        assert await contract.submit("put", k().encode(), b"conga") == b"conga"
        async with without(world, "peer-bank-b"):
            with pytest.raises(EndorseError) as caught:
                await contract.submit("put", k().encode(), b"conga")

    assert caught.value.reason in ("ENDORSERS_NOT_FOUND", "ENDORSER_FAILED", "LEDGER_UNAVAILABLE")
    assert caught.value.retryable


async def test_nobody_is_there(world: FabricWorld, k: Keys) -> None:
    dead = Endpoint("127.0.0.1:1", world.endpoint(BANK).tls_root, msp_id=BANK)
    async with Gateway([dead, dead], world.identity(BANK)) as gateway:
        calls: list[Callable[[], object]] = []
        contract = gateway.network(world.channel).contract("kv")
        calls += [lambda: contract.evaluate("whoami"), lambda: contract.endorse("whoami")]
        for call in calls:
            with pytest.raises(LedgerError, match=r"127\.0\.0\.1:1") as caught:
                await call()  # type: ignore[misc]
            assert caught.value.reason == "LEDGER_UNAVAILABLE"
