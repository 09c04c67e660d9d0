"""Changing a chaincode to a new version while it is in use; its state stays.

In order:
1. new servers, with certificates, ports and packages of their own, start beside the old ones; peers install;
2. each organisation approves the next sequence; one commits it. From then on peers ask the new servers;
3. ready: the contract of every organisation answers through the new servers;
4. the old servers are asked to end: each finishes the transactions that it has.

What was endorsed by the old version and not committed before step 2 becomes MVCC_READ_CONFLICT (endorsements name the
definition that they rest on), and organisations that changed a block apart disagree for a moment: clients endorse
again in both cases. Nothing is lost or done twice.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping

from chanrong.fabric import chaincode
from chanrong.fabric.commands import CommandFailedError
from chanrong.fabric.material import make_packages
from chanrong.fabric.network import LocalNetwork, Progress, together
from chanrong.fabric.plan import Definition
from chanrong.sandbox import processes
from consortium.errors import ChanrongError

END_TIMEOUT_S = chaincode.DRAIN_S + 10.0


def next_version(version: str) -> str:
    """The version after this one: its last number and one."""
    head, dot, last = version.rpartition(".")
    return f"{head}{dot}{int(last) + 1}" if last.isdecimal() else f"{version}.1"


def define_next(
    network: LocalNetwork,
    old: Definition,
    *,
    addresses: Mapping[str, str],
    contracts: Mapping[str, str],
    version: str = "",
) -> Definition:
    """The definition that follows; kept in the plan as an upgrade under way.

    :param addresses: ``host:port`` of each organisation's new server
    :raises ChanrongError: reason INVALID_INPUT, the version is the present one
    """
    wanted = version or next_version(old.version)
    if wanted == old.version:
        raise ChanrongError(
            f"{old.name} is of version {old.version} already.",
            reason="INVALID_INPUT",
            remedy="Name another --version.",
        )
    sequence = old.sequence + 1
    base = next(iter(old.servers.values())).name.removeprefix("chaincode-")
    name = network.plan.organisation(next(iter(old.servers))).name
    suffix = base.removeprefix(name).removesuffix(f"-{old.sequence}" if old.sequence > 1 else "")
    made = Definition(
        name=old.name,
        version=wanted,
        sequence=sequence,
        policy=old.policy,
        collections=old.collections,
        servers=chaincode.servers(network, addresses, contracts, f"{suffix}-{sequence}"),
    )
    for server in made.servers.values():  # what an upgrade left that was given up
        shutil.rmtree(network.home.server(server.name), ignore_errors=True)
    made = make_packages(network.home, made)
    network.save(upgrades={**network.plan.upgrades, made.name: made})
    chaincode.write_server_settings(network, made)
    return made


async def upgrade(
    network: LocalNetwork, new: Definition, started: list[processes.Running], progress: Progress
) -> Definition:
    """Takes an upgrade through steps 1 to 3. Returns the definition that was in use; its servers still run.

    :param started: is told of every process, also when this fails
    """
    old = network.plan.definitions[new.name]
    await offer(network, new, started, progress)
    await change(network, new)
    return old


async def offer(
    network: LocalNetwork, new: Definition, started: list[processes.Running], progress: Progress
) -> None:
    """Step 1, and the approvals of step 2. What fails here changed nothing."""
    organisations = network.plan.organisations
    serve = chaincode.start_servers(network, new, started, progress)
    await together([serve, *(chaincode.install(network, org, new) for org in organisations)])
    await together([chaincode.approve(network, org, new) for org in organisations])


async def change(network: LocalNetwork, new: Definition) -> None:
    """The commit of step 2, and step 3.

    A commit that failed here may have happened all the same: the channel is asked. One that was interrupted stays an
    upgrade under way, and :func:`settle` asks later.
    """
    try:
        await chaincode.commit(network, new)
    except CommandFailedError:
        await settle(network)
        if network.plan.definitions[new.name].sequence < new.sequence:
            raise
    else:
        promote(network, new)
    await chaincode.ready(network, new)


def promote(network: LocalNetwork, new: Definition) -> None:
    """The upgrade is what is in use."""
    network.save(
        definitions={**network.plan.definitions, new.name: new.model_copy(update={"committed": True})},
        upgrades={name: each for name, each in network.plan.upgrades.items() if name != new.name},
    )


def give_up(network: LocalNetwork, name: str) -> None:
    """Forgets an upgrade that was not committed."""
    network.save(upgrades={each: what for each, what in network.plan.upgrades.items() if each != name})


async def retire(network: LocalNetwork, old: Definition) -> None:
    """Step 4: ends the servers of a definition that is not in use any more."""
    names = [server.name for server in old.servers.values()]
    await asyncio.gather(
        *(asyncio.to_thread(processes.stop, network.layout, name, END_TIMEOUT_S) for name in names)
    )
    forget(network, old)


def forget(network: LocalNetwork, definition: Definition) -> None:
    """Removes settings, certificates and packages of servers that have ended."""
    for name in [server.name for server in definition.servers.values()]:
        network.layout.config(name).unlink(missing_ok=True)
        network.layout.pid(name).unlink(missing_ok=True)
        shutil.rmtree(network.home.server(name), ignore_errors=True)


async def settle(network: LocalNetwork) -> None:
    """Decides upgrades that a crash interrupted: the channel says whether they happened. The nodes must run."""
    for name, new in list(network.plan.upgrades.items()):
        old = network.plan.definitions[name]
        if await chaincode.committed_sequence(network, name) >= new.sequence:
            promote(network, new)
            await retire(network, old)
        else:
            give_up(network, name)
            await retire(network, new)
