"""A chaincode on a local network: packages, servers, definition, and the moment from which it can be used.

In order:
1. certificates and a package for each organisation; its id is known before any peer has it, so servers start at once;
2. each peer installs its package while the servers start;
3. each organisation approves the definition;
4. one commits it, endorsed by all;
5. ready: a peer's Endorse that names all organisations is answered by the contract of each.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import grpc.aio

from chanrong.fabric.commands import CommandFailedError
from chanrong.fabric.material import Home, make_packages
from chanrong.fabric.network import LocalNetwork, Progress, together
from chanrong.fabric.plan import ChaincodeServer, Definition, Organisation
from chanrong.fabric.waiting import until
from chanrong.sandbox import processes, toml
from consortium.errors import UnavailableError
from consortium.identity.files import write_file
from consortium.ledger.errors import EndorseError
from consortium.ledger.gateway import Gateway
from consortium.rpc.client import serves

READY_TIMEOUT_S = 60.0
HEALTH_TIMEOUT_S = 2.0
POLL_S = 0.05
DRAIN_S = 30.0
"""A server that is asked to end finishes what runs; a peer gives a transaction up after as long."""

PROBE = "chanrong:ready?"
"""No contract has such a function: each refuses it by itself, and so shows that it answers."""

CONTRACT = "chaincode.contracts:ChanrongContract"


def define(
    network: LocalNetwork,
    name: str,
    *,
    addresses: Mapping[str, str],
    contracts: Mapping[str, str],
    policy: str | None = None,
    collections: Sequence[dict[str, Any]] = (),
    suffix: str = "",
) -> Definition:
    """The first definition of a chaincode, its packages and settings made, kept in the plan.

    :param addresses: ``host:port`` of each organisation's server
    :param contracts: ``module:attribute`` for each organisation
    :param suffix: what the servers' names end with
    """
    definition = Definition(
        name=name,
        version="1.0",
        sequence=1,
        policy=policy or network.plan.default_policy(),
        collections=tuple(collections),
        servers=servers(network, addresses, contracts, suffix),
    )
    return keep(network, make_packages(network.home, definition))


def servers(
    network: LocalNetwork, addresses: Mapping[str, str], contracts: Mapping[str, str], suffix: str
) -> dict[str, ChaincodeServer]:
    """One server for each organisation."""
    return {
        org.msp_id: ChaincodeServer(
            name=f"chaincode-{org.name}{suffix}",
            msp_id=org.msp_id,
            listen=addresses[org.msp_id],
            contract=contracts[org.msp_id],
        )
        for org in network.plan.organisations
    }


def keep(network: LocalNetwork, definition: Definition) -> Definition:
    """Puts a definition into the plan, as the one in use."""
    network.save(definitions={**network.plan.definitions, definition.name: definition})
    return definition


def server_values(home: Home, server: ChaincodeServer) -> dict[str, Any]:
    """The settings of a chaincode server."""
    folder = home.server(server.name)
    return {
        "listen": server.listen,
        "package_id": server.package_id,
        "contract": server.contract,
        "tls_cert": folder / "cert.pem",
        "tls_key": folder / "key.pem",
        "client_roots": folder / "roots.pem",
        "grace_s": int(DRAIN_S),
    }


def write_server_settings(network: LocalNetwork, definition: Definition) -> None:
    """The settings file of each server."""
    for server in definition.servers.values():
        text = toml.dumps(server_values(network.home, server)).encode()
        write_file(network.layout.config(server.name), text, private=True)


async def deploy(
    network: LocalNetwork, definition: Definition, started: list[processes.Running], progress: Progress
) -> None:
    """Brings a definition into use; see the module's docstring. One that is in use already gets its servers only."""
    serve = start_servers(network, definition, started, progress)
    if definition.committed:
        await serve
    else:
        await together([serve, *(install(network, org, definition) for org in network.plan.organisations)])
        # A crash may have come between the commit and the plan's note of it.
        if await committed_sequence(network, definition.name) < definition.sequence:
            await together([approve(network, org, definition) for org in network.plan.organisations])
            await commit(network, definition)
        keep(network, definition.model_copy(update={"committed": True}))
    await ready(network, definition)


async def start_servers(
    network: LocalNetwork, definition: Definition, started: list[processes.Running], progress: Progress
) -> None:
    """Starts those servers of a definition that do not run."""
    names = [server.name for server in definition.servers.values()]
    missing = [name for name in names if processes.find(network.layout, name) is None]
    await together([start_server(network, definition, name, started, progress) for name in missing])


async def start_server(
    network: LocalNetwork,
    definition: Definition,
    name: str,
    started: list[processes.Running],
    progress: Progress,
) -> None:
    """Starts one chaincode server and waits until it listens.

    :raises ChanrongError: reason SERVICE_FAILED, with the end of its log
    """
    progress(name, "starting")
    running = network.launch(name)
    started.append(running)
    server = next(each for each in definition.servers.values() if each.name == name)

    ready_task = asyncio.create_task(_serving(network.home, server))
    await processes.wait_ready(running, network.layout.log(name), ready_task, READY_TIMEOUT_S)
    progress(name, "healthy")


async def _serving(home: Home, server: ChaincodeServer) -> None:
    while not await serving(home, server):  # noqa: ASYNC110 - the other side is another process
        await asyncio.sleep(POLL_S)


async def serving(home: Home, server: ChaincodeServer) -> bool:
    """Whether a chaincode server says that it serves."""
    folder = home.server(server.name)
    cert, key, roots = ((folder / name).read_bytes() for name in ("cert.pem", "key.pem", "roots.pem"))
    credentials = grpc.ssl_channel_credentials(roots, key, cert)
    async with grpc.aio.secure_channel(server.listen, credentials) as channel:
        return await serves(channel, timeout_s=HEALTH_TIMEOUT_S)


async def install(network: LocalNetwork, org: Organisation, definition: Definition) -> None:
    """An organisation's peer takes its package in; one that has it stays as it is."""
    package = network.home.server(definition.servers[org.msp_id].name) / "package.tar.gz"
    try:
        await network.commands.peer(org, "lifecycle", "chaincode", "install", package)
    except CommandFailedError as refused:
        if "already successfully installed" not in refused.output:
            raise


def _options(network: LocalNetwork, definition: Definition) -> list[str]:
    found = [
        *("--channelID", network.plan.channel, "--name", definition.name, "--version", definition.version),
        *("--sequence", str(definition.sequence), "--signature-policy", definition.policy),
    ]
    if definition.collections:
        path = network.home.root / "chaincode" / f"{definition.name}-collections.json"
        write_file(path, json.dumps(_collections(network, definition)).encode())
        found += ["--collections-config", str(path)]
    return found


def _collections(network: LocalNetwork, definition: Definition) -> list[dict[str, Any]]:
    """Collections in the form of Fabric's file; ``members`` (MSP ids, else everyone) becomes the policy."""
    found = []
    for values in definition.collections:
        given = dict(values)
        members = given.pop("members", None) or network.plan.msps
        defaults = {
            "policy": "OR(" + ", ".join(f"'{msp}.member'" for msp in members) + ")",
            "requiredPeerCount": 0,
            "maxPeerCount": 3,
            "blockToLive": 0,
            "memberOnlyRead": True,
            "memberOnlyWrite": False,
        }
        found.append(defaults | given)
    return found


async def approve(network: LocalNetwork, org: Organisation, definition: Definition) -> None:
    """An organisation approves the definition; its peer has committed that when this returns."""
    commands = network.commands
    package_id = definition.servers[org.msp_id].package_id
    words = [*_options(network, definition), "--package-id", package_id, *commands.orderer_options()]
    try:
        await commands.peer(org, "lifecycle", "chaincode", "approveformyorg", *words)
    except CommandFailedError as refused:
        if "with unchanged content" not in refused.output:
            raise


async def commit(network: LocalNetwork, definition: Definition) -> None:
    """The first organisation commits the definition; every peer has committed that when this returns."""
    commands = network.commands
    words = [*_options(network, definition), *commands.orderer_options(), *commands.all_peers()]
    await commands.peer(network.plan.organisations[0], "lifecycle", "chaincode", "commit", *words)


async def committed_sequence(network: LocalNetwork, name: str) -> int:
    """The sequence of a chaincode's definition on the channel; 0 when there is none."""
    org = network.plan.organisations[0]
    words = ["lifecycle", "chaincode", "querycommitted", "-C", network.plan.channel, "-n", name, "-O", "json"]
    try:
        text = await network.commands.peer(org, *words)
    except CommandFailedError as refused:
        if "is not defined" in refused.output:
            return 0
        raise
    return int(json.loads(text[text.index("{") :])["sequence"])


async def ready(network: LocalNetwork, definition: Definition, timeout_s: float = READY_TIMEOUT_S) -> None:
    """Step 5, through every organisation's peer.

    :raises ChanrongError: reason FABRIC_NOT_READY, with what the peers last said
    """

    async def one(msp_id: str) -> None:
        async with network.gateway(msp_id) as gateway:
            await until(
                f"{definition.name} can be endorsed by all through {msp_id}'s peer",
                lambda: answered_by_all(network, gateway, definition),
                timeout_s,
            )

    await together([one(msp_id) for msp_id in network.plan.msps])


async def answered_by_all(network: LocalNetwork, gateway: Gateway, definition: Definition) -> None:
    """Returns when the contract of every organisation answers an Endorse that names all.

    :raises ChanrongError: not yet, with the peers' words
    """
    contract = gateway.network(network.plan.channel).contract(definition.name)
    msps = network.plan.msps
    try:
        await contract.propose(PROBE, organisations=msps).endorse()
    except EndorseError as refused:
        said = {detail.msp_id for detail in refused.details_list if "chaincode response" in detail.message}
        if said != set(msps):
            raise UnavailableError(f"{refused.message} {_words(refused)}") from refused


def _words(refused: EndorseError) -> str:
    return "; ".join(f"{detail.msp_id}: {detail.message}" for detail in refused.details_list)
