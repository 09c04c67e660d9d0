"""A contract is upgraded while clients write: nothing is lost, nothing happens twice, state stays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from chanrong.fabric import chaincode, upgrade
from chanrong.fabric.commands import CommandFailedError
from chanrong.fabric.network import LocalNetwork
from chanrong.fabric.plan import HOST, Definition
from chanrong.sandbox import processes
from chanrong.sandbox.topology import free_ports
from consortium.errors import ChanrongError
from consortium.ledger.errors import LedgerError
from consortium.ledger.gateway import Gateway
from tests.support.fabric import KV, FabricWorld, quiet, requires_fabric, standing_world

pytestmark = requires_fabric

NAME = "upgraded"
CLIENTS = 6
BEFORE, AFTER = 20, 40
TRIES = 40


@pytest.fixture(scope="module")
def fabric(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FabricWorld]:
    """A network of this file's own: what changes definitions keeps away from the shared one."""
    with standing_world(tmp_path_factory.mktemp("upgrade")) as world:
        yield world


@dataclass
class Load:
    """Clients that write new keys, each once, until told to stop."""

    written: dict[str, str] = field(default_factory=dict)
    again: int = 0
    stopped: bool = False
    grown: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def client(self, gateway: Gateway, channel: str, number: int) -> None:
        """One client: what it could not place is tried again; what it placed is never written twice."""
        contract = gateway.network(channel).contract(NAME)
        count = 0
        while not self.stopped:
            key, value = f"{number}-{count}", f"value {number} {count}"
            for _ in range(TRIES):
                try:
                    await contract.submit("put", key.encode(), value.encode())
                    break
                except LedgerError as refused:
                    if refused.outcome_unknown:
                        raise  # nobody was killed: every outcome has to be known
                    self.again += 1
            else:
                raise AssertionError(f"{key} could not be written")
            self.written[key] = value
            count += 1
            async with self.grown:
                self.grown.notify_all()

    async def reaches(self, number: int) -> None:
        """Returns when so many keys are written."""
        async with self.grown:
            await self.grown.wait_for(lambda: len(self.written) >= number)


def next_of(net: LocalNetwork, old: Definition, contract: str = KV) -> Definition:
    """The next definition, with free ports."""
    ports = free_ports(len(old.servers))
    return upgrade.define_next(
        net,
        old,
        addresses={msp: f"{HOST}:{port}" for msp, port in zip(old.servers, ports, strict=True)},
        contracts=dict.fromkeys(old.servers, contract),
    )


async def test_under_load(fabric: FabricWorld) -> None:
    old = await fabric.deploy(NAME)
    load = Load()
    async with fabric.gateway("IndustryAMSP") as first, fabric.gateway("BankAMSP") as second:
        gateways = (first, second)
        async with asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(load.client(gateways[number % 2], fabric.channel, number))
            await load.reaches(BEFORE)
            new = next_of(fabric.network, old)
            before = await upgrade.upgrade(fabric.network, new, [], quiet)
            await load.reaches(len(load.written) + AFTER)
            await upgrade.retire(fabric.network, before)
            await load.reaches(len(load.written) + AFTER)
            load.stopped = True
        contract = first.network(fabric.channel).contract(NAME)
        for key, value in load.written.items():
            history = json.loads(await contract.evaluate("history", key.encode()))
            assert len(history) == 1, f"{key} was written {len(history)} times"
            assert (await contract.evaluate("get", key.encode())).decode() == value
    there = fabric.network.plan.definitions[NAME]
    assert (there.version, there.sequence) == ("1.1", 2)
    assert await chaincode.committed_sequence(fabric.network, NAME) == 2
    for server in before.servers.values():
        assert processes.find(fabric.layout, server.name) is None
    for server in there.servers.values():
        assert processes.find(fabric.layout, server.name) is not None


async def test_a_contract_that_does_not_start_changes_nothing(fabric: FabricWorld) -> None:
    old = await fabric.deploy("unchanged")
    new = next_of(fabric.network, old, "nowhere:Nothing")
    with pytest.raises(ChanrongError, match="nowhere:Nothing"):
        await upgrade.upgrade(fabric.network, new, [], quiet)
    await upgrade.settle(fabric.network)
    assert fabric.network.plan.definitions["unchanged"].servers == old.servers
    assert not fabric.network.plan.upgrades
    assert await chaincode.committed_sequence(fabric.network, "unchanged") == 1
    await fabric.ready("unchanged")


async def test_the_channel_decides_about_an_interrupted_upgrade(fabric: FabricWorld) -> None:
    """The process ended between the commit and its own note of it."""
    old = await fabric.deploy("interrupted")
    new = next_of(fabric.network, old)
    kept = fabric.network.plan
    await upgrade.upgrade(fabric.network, new, [], quiet)
    fabric.network.save(definitions=kept.definitions, upgrades=kept.upgrades)
    await upgrade.settle(fabric.network)
    assert fabric.network.plan.definitions["interrupted"].sequence == 2
    await fabric.ready("interrupted")
    for server in old.servers.values():
        assert processes.find(fabric.layout, server.name) is None


async def test_a_commit_that_failed_and_happened_is_taken_up(
    fabric: FabricWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The orderer took it; the command's wait for the peers ran out."""
    old = await fabric.deploy("late")
    new = next_of(fabric.network, old)
    commit = chaincode.commit

    async def late(net: LocalNetwork, definition: Definition) -> None:
        await commit(net, definition)
        raise CommandFailedError("peer lifecycle chaincode commit", "timed out waiting for txid on all peers")

    monkeypatch.setattr(chaincode, "commit", late)
    await upgrade.upgrade(fabric.network, new, [], quiet)
    assert fabric.network.plan.definitions["late"].sequence == 2
    assert not fabric.network.plan.upgrades
    await fabric.ready("late")


async def test_a_commit_that_failed_changes_nothing(
    fabric: FabricWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await fabric.deploy("refused")
    new = next_of(fabric.network, old)

    async def refused(_net: LocalNetwork, _definition: Definition) -> None:
        raise CommandFailedError("peer lifecycle chaincode commit", "the orderer is not there")

    monkeypatch.setattr(chaincode, "commit", refused)
    with pytest.raises(CommandFailedError, match="not there"):
        await upgrade.upgrade(fabric.network, new, [], quiet)
    assert fabric.network.plan.definitions["refused"].servers == old.servers
    assert not fabric.network.plan.upgrades
    for server in new.servers.values():
        assert processes.find(fabric.layout, server.name) is None
    await fabric.ready("refused")


async def test_a_first_commit_that_the_plan_does_not_know_is_taken_up(fabric: FabricWorld) -> None:
    """The process ended between the commit and its own note of it."""
    there = await fabric.deploy("unnoted")
    known = fabric.network.plan.definitions["unnoted"]
    unnoted = known.model_copy(update={"committed": False})
    chaincode.keep(fabric.network, unnoted)
    await chaincode.deploy(fabric.network, unnoted, [], quiet)
    assert fabric.network.plan.definitions["unnoted"].committed
    assert await chaincode.committed_sequence(fabric.network, "unnoted") == there.sequence == 1
