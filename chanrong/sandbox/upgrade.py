"""Changing the contract of a sandbox on Fabric to a new version, while everything runs."""

from __future__ import annotations

from chanrong.fabric import programs
from chanrong.fabric import upgrade as fabric_upgrade
from chanrong.fabric.network import LocalNetwork, Progress
from chanrong.fabric.plan import Definition
from chanrong.sandbox import fabric, processes
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.lifecycle import kept_overrides, locked
from chanrong.sandbox.profile import load_profile, save_profile
from chanrong.sandbox.provision import write_settings
from chanrong.sandbox.topology import HOST, free_ports
from consortium.errors import ChanrongError


async def upgrade(
    layout: Layout, *, contract: str = "", version: str = "", progress: Progress
) -> tuple[Definition, Definition]:
    """Does it; see :mod:`chanrong.fabric.upgrade`. Returns the definition before and the one now.

    :param contract: ``module:attribute``; empty: the same as now, in the code that is installed now
    :param version: empty: the one after the present one
    :raises ChanrongError: reason NOT_ON_FABRIC; whatever kept the new version from being used: the old one stays
    """
    profile = load_profile(layout)
    if profile.ledger != "fabric":
        raise ChanrongError(
            f"The sandbox in {layout.root} runs the embedded ledger.",
            reason="NOT_ON_FABRIC",
            remedy="There the contract is part of the ledger's process: `chanrong down`, then `chanrong up`.",
        )
    with locked(layout):
        profile = load_profile(layout)
        net = fabric.prepare(layout, profile, programs.find())
        _needs_all_nodes(net)
        await fabric_upgrade.settle(net)
        old = fabric.definition_of(net, profile)
        contracts = {msp: contract or server.contract for msp, server in old.servers.items()}
        ports = free_ports(len(contracts))
        addresses = {msp: f"{HOST}:{port}" for msp, port in zip(contracts, ports, strict=True)}
        new = fabric_upgrade.define_next(net, old, addresses=addresses, contracts=contracts, version=version)
        changed = fabric.with_servers(profile, new)
        write_settings(layout, changed, kept_overrides(layout))
        await _changed(net, new, progress)
        save_profile(layout, changed)
        await fabric_upgrade.retire(net, old)
        return old, net.plan.definitions[new.name]


def _needs_all_nodes(net: LocalNetwork) -> None:
    silent = [name for name in net.nodes() if processes.find(net.layout, name) is None]
    if silent:
        raise ChanrongError(
            f"{', '.join(silent)} {'does' if len(silent) == 1 else 'do'} not run.",
            reason="UNAVAILABLE",
            remedy="Every organisation takes part in an upgrade: `chanrong up` first.",
        )


async def _changed(net: LocalNetwork, new: Definition, progress: Progress) -> None:
    started: list[processes.Running] = []
    try:
        await fabric_upgrade.offer(net, new, started, progress)
    except BaseException:  # the old version stays in use
        for running in started:
            running.process.kill()
        fabric_upgrade.give_up(net, new.name)
        fabric_upgrade.forget(net, new)
        raise
    await fabric_upgrade.change(net, new)
