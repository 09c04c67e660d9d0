"""docs/fabric.md: its steps as they are written, on a network that was there before; and its regulator."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from chanrong.fabric import texts
from chanrong.fabric.plan import HOST, Organisation
from chanrong.sandbox.topology import free_ports
from consortium.ledger.errors import LedgerError
from tests.support.fabric import FabricWorld, requires_fabric, standing_world

GUIDE = (Path(__file__).parents[3] / "docs" / "fabric.md").read_text("utf-8")
BLOCK = re.compile(r"^ *```(.+)\n((?:.*\n)*?) *```$", re.MULTILINE)
REGULATOR = "RegulatorMSP"
TIMEOUT_S = 60


def blocks(label: str) -> list[str]:
    """The guide's blocks with this label, without what sets them back."""
    return [textwrap.dedent(text) for found, text in BLOCK.findall(GUIDE) if found == label]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FabricWorld]:
    """Three members and a regulator."""
    with standing_world(tmp_path_factory.mktemp("guide"), readers=[REGULATOR]) as made:
        yield made


def test_the_builder_is_the_one_that_we_run() -> None:
    for name, text in texts.BUILDER.items():
        assert f"`bin/{name}`\n```sh\n{text}```\n" in GUIDE


def test_the_yaml_is_yaml() -> None:
    found = [yaml.safe_load(text) for text in blocks("yaml")]
    assert found[0]["Application"]["ACLs"] == {"peer/Propose": "/Channel/Application/Readers"}
    assert found[1]["chaincode"]["externalBuilders"][0]["name"] == "ccaas"


@dataclass
class Member:
    """One organisation's administrator, in a folder of its own."""

    world: FabricWorld
    org: Organisation
    folder: Path
    address: str

    def environment(self) -> dict[str, str]:
        """What the guide takes as given."""
        commands = self.world.network.commands
        orderer = commands.orderer_options()
        (policy,) = re.findall(r'^POLICY="(.+)"$', GUIDE, re.MULTILINE)
        search = f"{self.world.network.home.program('peer').parent}:{Path(sys.executable).parent}"
        return {
            **commands.admin_environment(self.org),
            "PATH": f"{search}:{os.environ['PATH']}",
            "CC_ADDRESS": self.address,
            "ORDERER": orderer[1],
            "ORDERER_CA": orderer[-1],
            "CHANNEL": self.world.channel,
            "POLICY": policy,
            "PEERS": " ".join(commands.all_peers()),
        }

    async def run(self, script: str) -> str:
        """Runs a part of the guide; what it printed."""
        done = await asyncio.to_thread(
            subprocess.run,
            ["sh", "-euc", script],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def serve(self) -> subprocess.Popen[bytes]:
        """Runs the guide's server, with the package id that the earlier steps left."""
        (script,) = blocks("sh steps background")
        with (self.folder / "server.log").open("wb") as log:
            return subprocess.Popen(
                ["sh", "-euc", f"{self.package_id()}exec {script}"],
                cwd=self.folder,
                env=self.environment(),
                stdout=log,
                stderr=log,
            )

    def package_id(self) -> str:
        """A line of shell that says the package id again."""
        return (self.folder / "id").read_text("utf-8")

    async def until_approval(self) -> None:
        """Steps 1, 2 and 4."""
        make, package, install, _ = blocks("sh steps")
        await self.run(make)
        await self.run(f'{package}echo "PACKAGE_ID=$PACKAGE_ID" > id')
        await self.run(install)

    async def approve(self) -> str:
        """Step 6."""
        return await self.run(self.package_id() + blocks("sh steps")[3])


@requires_fabric
@pytest.mark.skipif(shutil.which("openssl") is None, reason="the guide's first step uses openssl")
async def test_the_steps_as_they_are_written(world: FabricWorld, tmp_path: Path) -> None:
    ports = free_ports(len(world.msps))
    members = []
    for org, port in zip(world.network.plan.organisations, ports, strict=True):
        folder = tmp_path / org.name
        folder.mkdir()
        members.append(Member(world, org, folder, f"{HOST}:{port}"))
    await asyncio.gather(*(member.until_approval() for member in members))
    servers = [member.serve() for member in members]
    try:
        said = await asyncio.gather(*(member.approve() for member in members))
        assert all(f"{msp}: true" in "".join(said) for msp in world.msps)
        (commit,) = blocks("sh commit")
        assert "Version: 1.0, Sequence: 1" in await members[0].run(commit)
        await register(world)
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait(30)


async def register(world: FabricWorld) -> None:
    """Chanrong's contract answers all three organisations."""
    async with world.gateway("BankAMSP") as gateway:
        contract = gateway.network(world.channel).contract("chanrong")
        deadline = asyncio.get_running_loop().time() + TIMEOUT_S
        while True:
            try:
                wanted = b'{"fps":["' + b"0" * 64 + b'"]}'
                proposal = contract.propose("documents:get", wanted, organisations=list(world.msps))
                assert b'"documents":[null]' in (await proposal.endorse()).result
                return
            except LedgerError:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(0.2)


@requires_fabric
async def test_a_regulator_reads_and_cannot_write(world: FabricWorld) -> None:
    await world.deploy("kv")
    async with world.gateway("BankAMSP") as bank:
        await bank.network(world.channel).contract("kv").submit("put", b"seen", b"by all")
    regulator = world.identity(REGULATOR)
    async with world.gateway("BankAMSP", identity=regulator) as gateway:
        contract = gateway.network(world.channel).contract("kv")
        assert await contract.evaluate("get", b"seen") == b"by all"
        assert await gateway.network(world.channel).height() > 1
        with pytest.raises(LedgerError):
            await contract.submit("put", b"seen", b"by the regulator")
        assert await contract.evaluate("get", b"seen") == b"by all"
