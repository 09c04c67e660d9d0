"""Bringing the nodes of a local network up.

In order:
1. certificates, configuration and the channel's first block are made where missing;
2. orderer and peers that do not run are started, and waited for until they take TLS connections;
3. at the first time, the orderer joins the channel, then all peers do;
4. the orderer has a Raft leader (it hands out its newest block under strict rules only then), and every peer is as
   high as the orderer.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from chanrong.fabric.commands import CommandFailedError, Commands, environment
from chanrong.fabric.material import Home, authorities, make_material
from chanrong.fabric.plan import Organisation, Plan, save_plan
from chanrong.fabric.programs import Programs
from chanrong.fabric.waiting import until
from chanrong.sandbox import processes
from chanrong.sandbox.layout import Layout
from consortium.errors import UnavailableError
from consortium.identity.msp import Identity, load_identity, write_msp
from consortium.ledger.connection import Endpoint
from consortium.ledger.gateway import Gateway
from consortium.wire.fabric.common import common_pb2

START_TIMEOUT_S = 60.0
LEADER_TIMEOUT_S = 60.0
HEIGHT_TIMEOUT_S = 120.0
CONNECT_TIMEOUT_S = 1.0
ALIVE_INTERVAL_S = 0.5

Progress = Callable[[str, str], None]


@dataclass(slots=True)
class LocalNetwork:
    """A network in a folder: its plan, and what is done with it."""

    layout: Layout
    plan: Plan
    programs: Programs
    peer_environment: dict[str, str] = field(default_factory=dict)
    server_environment: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Home:
        """Paths."""
        return Home(self.layout)

    @property
    def commands(self) -> Commands:
        """Fabric's command-line programs."""
        return Commands(self.home, self.plan, self.programs)

    def save(self, **changes: object) -> None:
        """Changes the plan and keeps it."""
        self.plan = self.plan.model_copy(update=changes)
        save_plan(self.home.plan, self.plan)

    def identity(self, msp_id: str) -> Identity:
        """An organisation's client."""
        return load_identity(self.layout.msp(msp_id), msp_id)

    def endpoint(self, msp_id: str) -> Endpoint:
        """An organisation's peer."""
        root = (self.layout.tls_ca(msp_id) / "ca.pem").read_bytes()
        return Endpoint(self.plan.organisation(msp_id).listen, root, msp_id=msp_id)

    @contextlib.asynccontextmanager
    async def gateway(self, msp_id: str) -> AsyncIterator[Gateway]:
        """A client of an organisation, at its own peer."""
        async with Gateway([self.endpoint(msp_id)], self.identity(msp_id)) as gateway:
            yield gateway

    def nodes(self) -> list[str]:
        """Names of orderer and peers."""
        return [self.plan.orderer.name, *(org.peer for org in self.plan.organisations)]

    def launch(self, name: str) -> processes.Running:
        """Starts a node or a chaincode server of this network."""
        folder = self.home.node(name)
        if name == self.plan.orderer.name:
            argv = [str(self.home.program("orderer"))]
            env = environment({"FABRIC_CFG_PATH": str(folder)})
        elif name in self.nodes():
            argv = [str(self.home.program("peer")), "node", "start"]
            env = environment({"FABRIC_CFG_PATH": str(folder), **self.peer_environment})
        else:
            argv = [
                sys.executable,
                "-m",
                "chanrong",
                "chaincode",
                "serve",
                "--config",
                str(self.layout.config(name)),
            ]
            env = environment(self.server_environment)
        return processes.launch(name, argv, self.layout, env)

    def address(self, name: str) -> tuple[str, bytes]:
        """Where a node listens, and the root of its TLS certificate (PEM)."""
        root = (self.home.node(name) / "tls" / "ca.pem").read_bytes()
        if name == self.plan.orderer.name:
            return self.plan.orderer.listen, root
        return next(org.listen for org in self.plan.organisations if org.peer == name), root


async def reachable(address: str, root: bytes, timeout_s: float = CONNECT_TIMEOUT_S) -> bool:
    """Whether somebody with a certificate under that root (PEM) answers TLS there."""
    credentials = grpc.ssl_channel_credentials(root)
    async with grpc.aio.secure_channel(address, credentials) as channel:
        try:
            async with asyncio.timeout(timeout_s):
                await channel.channel_ready()
        except TimeoutError:
            return False
    return True


async def start_node(
    network: LocalNetwork, name: str, started: list[processes.Running], progress: Progress
) -> None:
    """Starts one node and waits until it takes connections.

    :raises ChanrongError: reason SERVICE_FAILED, with the end of its log
    """
    progress(name, "starting")
    running = network.launch(name)
    started.append(running)
    address, root = network.address(name)

    async def answers() -> None:
        while not await reachable(address, root):  # noqa: ASYNC110 - the other side is another process
            await asyncio.sleep(0.05)

    ready = asyncio.create_task(answers())
    await processes.wait_ready(running, network.layout.log(name), ready, START_TIMEOUT_S)


def prepare(network: LocalNetwork) -> None:
    """Makes certificates and configuration where missing (step 1), but for the block."""
    for msp_id in (*network.plan.msps, *network.plan.readers):
        folder = network.layout.msp(msp_id)
        if not folder.exists():
            ca, tls_ca = authorities(network.home, msp_id)
            write_msp(folder, ca, tls_ca, ca.issue(f"{msp_id} gateway", ou="client"))
    make_material(network.home, network.plan, network.programs)
    if not network.home.plan.exists():
        network.save()


async def up(network: LocalNetwork, started: list[processes.Running], progress: Progress) -> None:
    """Brings the nodes up; see the module's docstring.

    :param started: is told of every process, also when this fails
    """
    prepare(network)
    if not network.home.genesis.exists():
        await network.commands.genesis()
    missing = [name for name in network.nodes() if processes.find(network.layout, name) is None]
    if not network.plan.joined:
        # Nothing is there that anybody knows of, and a database whose making was interrupted does not open again.
        for name in missing:
            shutil.rmtree(network.home.node(name) / "data", ignore_errors=True)
    await together([start_node(network, name, started, progress) for name in missing])
    await while_alive(network, _join_and_catch_up(network))
    for name in missing:
        progress(name, "healthy")


async def _join_and_catch_up(network: LocalNetwork) -> None:
    if not network.plan.joined:
        await join(network)
    await caught_up(network)


async def while_alive(network: LocalNetwork, work: Coroutine[Any, Any, None]) -> None:
    """Does the work, but gives it up as soon as a node has ended: nobody has to wait for what cannot come.

    :raises ChanrongError: reason SERVICE_FAILED, with the end of the node's log
    """
    task = asyncio.create_task(work)
    try:
        while not task.done():
            for name in network.nodes():
                if processes.find(network.layout, name) is None:
                    raise processes.failed(name, "ended", network.layout.log(name))
            await asyncio.wait([task], timeout=ALIVE_INTERVAL_S)
        await task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def join(network: LocalNetwork) -> None:
    """Step 3. What joined before a crash is left as it is."""
    commands = network.commands

    async def take_up() -> None:
        with _already("cannot join: channel already exists"):
            await commands.orderer_join()

    async def one(org: Organisation) -> None:
        with _already("already exists"):
            await commands.peer(org, "channel", "join", "-b", network.home.genesis)

    await until("The orderer takes the channel up", take_up, LEADER_TIMEOUT_S)
    await together([one(org) for org in network.plan.organisations])
    network.save(joined=True)


@contextlib.contextmanager
def _already(words: str) -> Iterator[None]:
    try:
        yield
    except CommandFailedError as refused:
        if words not in refused.output:
            raise


async def caught_up(network: LocalNetwork) -> None:
    """Step 4: the orderer has a leader, and every peer has all its blocks.

    :raises ChanrongError: reason FABRIC_NOT_READY
    """
    height = await until("The orderer elects a leader", lambda: newest_height(network), LEADER_TIMEOUT_S)

    async def one(msp_id: str) -> None:
        async with network.gateway(msp_id) as gateway:
            channel = gateway.network(network.plan.channel)

            async def high_enough() -> None:
                there = await channel.height()
                if there < height:
                    raise UnavailableError(f"{msp_id}'s peer has {there} of {height} blocks.")

            await until(f"The peer of {msp_id} catches up", high_enough, HEIGHT_TIMEOUT_S)

    await together([one(msp_id) for msp_id in network.plan.msps])


async def newest_height(network: LocalNetwork) -> int:
    """The orderer's height; an orderer without a leader refuses."""
    org = network.plan.organisations[0]
    block = network.home.channel / f"newest-{secrets.token_hex(4)}.block"  # several may ask at once
    commands = network.commands
    words: list[str | Path] = ["channel", "fetch", "newest", block, "-c", network.plan.channel]
    try:
        await commands.peer(org, *words, *commands.orderer_options())
        return common_pb2.Block.FromString(block.read_bytes()).header.number + 1
    finally:
        block.unlink(missing_ok=True)


async def together(tasks: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Awaits all; the first failure ends the others and is raised."""
    running = [asyncio.create_task(task) for task in tasks]
    try:
        await asyncio.gather(*running)
    except BaseException:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        raise


def end(network: LocalNetwork, names: Sequence[str]) -> None:
    """Ends parts of the network."""
    for name in names:
        processes.stop(network.layout, name)
