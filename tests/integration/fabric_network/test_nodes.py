"""A local network's nodes: what stands on disk and on the wire."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from chanrong.fabric import network
from chanrong.sandbox import processes
from consortium.errors import ChanrongError
from tests.support.fabric import (
    MSPS,
    FabricWorld,
    fabric_world,
    open_network,
    plan_network,
    quiet,
    requires_fabric,
    take_down,
)

pytestmark = requires_fabric


async def test_every_peer_has_the_channel(fabric: FabricWorld) -> None:
    for msp in fabric.msps:
        async with fabric.gateway(msp) as gateway:
            assert await gateway.network(fabric.channel).height() >= 1


async def test_a_second_start_finds_everything_running(fabric: FabricWorld) -> None:
    before = {name: processes.find(fabric.layout, name) for name in fabric.network.nodes()}
    started: list[processes.Running] = []
    await network.up(fabric.network, started, quiet)
    assert not started
    assert {name: processes.find(fabric.layout, name) for name in fabric.network.nodes()} == before


async def test_a_first_start_that_was_interrupted_is_no_hindrance(tmp_path: Path) -> None:
    net = open_network(tmp_path, plan_network(MSPS[:2]))
    network.prepare(net)
    half_made = net.home.node("peer-bank-a") / "data" / "ledgersData" / "ledgerProvider" / "CURRENT"
    half_made.parent.mkdir(parents=True)
    half_made.write_text("nothing that opens")
    try:
        await network.up(net, [], quiet)
        assert net.plan.joined
    finally:
        take_down(net.layout)


async def test_a_node_that_ended_is_told_at_once(tmp_path: Path) -> None:
    async with fabric_world(tmp_path, msps=MSPS[:2]) as world:
        await world.kill("peer-bank-a")
        with pytest.raises(ChanrongError, match="Service peer-bank-a ended") as caught:
            await network.while_alive(world.network, network.caught_up(world.network))
        assert caught.value.reason == "SERVICE_FAILED"


def test_only_loopback_is_listened_on(fabric: FabricWorld) -> None:
    listening = {
        each.laddr.ip
        for name in fabric.network.nodes()
        if (running := processes.find(fabric.layout, name)) is not None
        for each in running.process.net_connections("tcp")
        if each.status == "LISTEN"
    }
    assert listening == {"127.0.0.1"}


def test_keys_are_their_owners(fabric: FabricWorld) -> None:
    keys = [*Path(fabric.layout.root).rglob("*.key"), *Path(fabric.layout.root).rglob("key.pem")]
    keys += Path(fabric.layout.root).rglob("priv_sk")
    assert len(keys) > 10
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}


@pytest.mark.parametrize("name", ["orderer", "peer-bank-a"])
async def test_nodes_prove_who_they_are(fabric: FabricWorld, name: str) -> None:
    address, root = fabric.network.address(name)
    assert await network.reachable(address, root)
    stranger = fabric.ca("BankBMSP").read_bytes()
    assert not await network.reachable(address, stranger)
