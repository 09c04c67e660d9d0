"""Real Fabric networks for tests: native processes, one peer per organisation, chaincode as a service.

```python
async with fabric_world(tmp_path) as world:
    await world.deploy("kv")
    async with world.gateway("BankAMSP") as gateway: ...
```
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from chanrong.fabric import chaincode, network
from chanrong.fabric.plan import HOST, Definition, Orderer, Organisation, Plan, load_plan, name_of
from chanrong.fabric.programs import Programs, find
from chanrong.sandbox import processes
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.topology import free_ports
from consortium.errors import ChanrongError
from consortium.identity.ca import CertificateAuthority
from consortium.identity.msp import Identity, load_identity
from consortium.ledger.connection import Endpoint
from consortium.ledger.gateway import Gateway

CHANNEL = "trade"
MSPS = ("IndustryAMSP", "BankAMSP", "BankBMSP")
KV = "tests.support.kv_contract:KvContract"
REPOSITORY = Path(__file__).parents[2]


@cache
def programs() -> Programs | str:
    """Fabric's programs, or why there are none."""
    try:
        return find()
    except ChanrongError as missing:
        return f"{missing.message} {missing.remedy}"


def fabric_missing() -> str | None:
    """Why no test can run on Fabric here; None when they can."""
    found = programs()
    return found if isinstance(found, str) else None


requires_fabric = pytest.mark.fabric
"""For tests and for ``pytestmark``: tests/conftest.py skips them, with one line, where the programs are missing."""

LOCK = "shared.lock"
SHARED = "CHANRONG_TEST_FABRIC"
"""Names the folder of the network that all workers of one pytest run share; tests/conftest.py sets it."""


class FabricWorld:
    """A running network. Services: ``orderer``, ``peer-bank-a``, ``chaincode-bank-a-<chaincode>``."""

    def __init__(self, net: network.LocalNetwork) -> None:
        self.network = net

    @property
    def channel(self) -> str:
        """The channel's name."""
        return self.network.plan.channel

    @property
    def msps(self) -> tuple[str, ...]:
        """The members."""
        return tuple(self.network.plan.msps)

    @property
    def layout(self) -> Layout:
        """Where everything is."""
        return self.network.layout

    def endpoint(self, msp: str) -> Endpoint:
        """An organisation's peer."""
        return self.network.endpoint(msp)

    def identity(self, msp: str) -> Identity:
        """An organisation's client (OU client)."""
        return self.network.identity(msp)

    def admin(self, msp: str) -> Identity:
        """An organisation's administrator."""
        return load_identity(self._node(msp) / "admin", msp)

    def peer_identity(self, msp: str) -> Identity:
        """With what an organisation's peer signs."""
        return load_identity(self._node(msp) / "msp", msp)

    def authority(self, msp: str) -> CertificateAuthority:
        """The organisation's authority for identities."""
        return CertificateAuthority.load(self.layout.ca(msp))

    def client_files(self, msp: str) -> tuple[Path, Path]:
        """Certificate and key of an organisation's client."""
        folder = self.layout.msp(msp)
        return folder / "signcerts" / "cert.pem", folder / "keystore" / "priv_sk"

    def ca(self, msp: str) -> Path:
        """The CA certificate of an organisation's identities."""
        return self.layout.ca(msp) / "ca.pem"

    def tls_root(self, msp: str) -> Path:
        """The root of the TLS certificate of an organisation's peer."""
        return self.layout.tls_ca(msp) / "ca.pem"

    @asynccontextmanager
    async def gateway(self, msp: str, **options: Any) -> AsyncIterator[Gateway]:
        """A client of an organisation at its own peer; ``endpoints`` and other options of Gateway as wanted."""
        endpoints: Sequence[Endpoint] = options.pop("endpoints", None) or [self.endpoint(msp)]
        identity = options.pop("identity", None) or self.identity(msp)
        async with Gateway(endpoints, identity, **options) as gateway:
            yield gateway

    async def deploy(
        self,
        name: str,
        contract: str = KV,
        collections: Sequence[dict[str, Any]] = (),
        policy: str | None = None,
        per_org_contract: Mapping[str, str] | None = None,
    ) -> Definition:
        """Brings a chaincode onto the channel with a server for each organisation, once; later calls find it there."""
        with self.layout.root.joinpath(LOCK).open("w") as lock:
            await locked(lock.fileno())
            self.network.plan = load_plan(self.network.home.plan) or self.network.plan
            there = self.network.plan.definitions.get(name)
            if there is None:
                there = self._define(name, contract, collections, policy, per_org_contract or {})
            await chaincode.deploy(self.network, there, [], quiet)
            return there

    def _define(
        self,
        name: str,
        contract: str,
        collections: Sequence[dict[str, Any]],
        policy: str | None,
        own: Mapping[str, str],
    ) -> Definition:
        ports = free_ports(len(self.msps))
        definition = chaincode.define(
            self.network,
            name,
            addresses={msp: f"{HOST}:{port}" for msp, port in zip(self.msps, ports, strict=True)},
            contracts={msp: own.get(msp, contract) for msp in self.msps},
            collections=collections,
            policy=policy,
            suffix=f"-{name}",
        )
        chaincode.write_server_settings(self.network, definition)
        return definition

    async def kill(self, service: str) -> None:
        """Ends a service at once (SIGKILL)."""
        self._signal(service, signal.SIGKILL)
        processes.stop(self.layout, service)

    async def stop(self, service: str) -> None:
        """Ends a service as an operator would."""
        processes.stop(self.layout, service)

    async def pause(self, service: str) -> None:
        """Stops a service where it stands; connections stay open and nobody answers."""
        self._signal(service, signal.SIGSTOP)

    async def resume(self, service: str) -> None:
        """Lets a paused service go on."""
        self._signal(service, signal.SIGCONT)

    async def start(self, service: str) -> None:
        """Starts a service again and waits until it takes connections; then, for orderer and peers, until the orderer
        has a leader and the peers have its blocks."""
        if service in self.network.nodes():
            await network.start_node(self.network, service, [], quiet)
            running = {name for name in self.network.nodes() if processes.find(self.layout, name) is not None}
            if running == set(self.network.nodes()):
                await network.caught_up(self.network)
            return
        definition = next(
            each
            for each in self.network.plan.definitions.values()
            if any(server.name == service for server in each.servers.values())
        )
        await chaincode.start_server(self.network, definition, service, [], quiet)

    async def ready(self, name: str) -> None:
        """Waits until every organisation's peer can have a chaincode endorsed by all organisations."""
        await chaincode.ready(self.network, self.network.plan.definitions[name])

    def log(self, service: str) -> str:
        """The end of a service's log."""
        return processes.tail(self.layout.log(service))

    def _node(self, msp: str) -> Path:
        return self.network.home.node(self.network.plan.organisation(msp).peer)

    def _signal(self, service: str, number: signal.Signals) -> None:
        running = processes.find(self.layout, service)
        assert running is not None, f"{service} does not run"
        running.process.send_signal(number)


def quiet(_name: str, _state: str) -> None:
    """Shows no progress."""


async def locked(descriptor: int) -> None:
    """Waits for a file's lock without holding the event loop up; it is released when the file is closed."""
    await asyncio.to_thread(fcntl.flock, descriptor, fcntl.LOCK_EX)


def plan_network(
    msps: Sequence[str] = MSPS, batch_timeout_ms: int = 200, readers: Sequence[str] = ()
) -> Plan:
    """A new network with free ports."""
    first, second, *ports = (f"{HOST}:{port}" for port in free_ports(2 + len(msps)))
    return Plan(
        channel=CHANNEL,
        batch_timeout_ms=batch_timeout_ms,
        readers=tuple(readers),
        orderer=Orderer(listen=first, admin=second),
        organisations=tuple(
            Organisation(name=name_of(msp), msp_id=msp, listen=port)
            for msp, port in zip(msps, ports, strict=True)
        ),
    )


def open_network(folder: Path, plan: Plan, peer_env: Mapping[str, str] | None = None) -> network.LocalNetwork:
    """The network of a folder: what it was planned as, else ``plan``."""
    found = programs()
    assert isinstance(found, Programs), found
    layout = Layout(folder.resolve())
    there = load_plan(layout.root / "fabric" / "network.json") or plan
    return network.LocalNetwork(
        layout,
        there,
        found,
        dict(peer_env or {}),
        {"PYTHONPATH": str(REPOSITORY), "PATH": os.environ["PATH"]},
    )


@asynccontextmanager
async def fabric_world(
    folder: Path,
    *,
    msps: Sequence[str] = MSPS,
    batch_timeout_ms: int = 200,
    peer_env: Mapping[str, str] | None = None,
) -> AsyncIterator[FabricWorld]:
    """A network of one's own, to be hurt at will; it ends with the block."""
    net = open_network(folder, plan_network(msps, batch_timeout_ms), peer_env)
    try:
        await network.up(net, [], quiet)
        yield FabricWorld(net)
    finally:
        take_down(net.layout)


def shared_fabric() -> FabricWorld:
    """The network of this pytest run, started by whichever worker asks first. Never hurt it."""
    folder = Path(os.environ[SHARED])
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with folder.joinpath(LOCK).open("w") as lock:
        fcntl.flock(lock.fileno(), fcntl.LOCK_EX)
        return _standing(folder)


@contextmanager
def standing_world(folder: Path, readers: Sequence[str] = ()) -> Iterator[FabricWorld]:
    """As :func:`fabric_world`, for fixtures that outlive an event loop."""
    try:
        yield _standing(folder, readers)
    finally:
        take_down(Layout(folder.resolve()))


def _standing(folder: Path, readers: Sequence[str] = ()) -> FabricWorld:
    net = open_network(folder, plan_network(readers=readers))
    with ThreadPoolExecutor(1) as pool:  # the caller may be inside an event loop
        pool.submit(asyncio.run, network.up(net, [], quiet)).result()
    return FabricWorld(net)


def take_down(layout: Layout) -> None:
    """Ends everything of a network, paused parts as well."""
    for process in processes.stray(layout):
        if process.is_running():
            process.send_signal(signal.SIGCONT)
    processes.stop_all(layout)


def stamp() -> str:
    """Something new for keys and names."""
    return f"{time.time_ns():x}"
