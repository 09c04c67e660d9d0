"""Bringing a sandbox up, looking at it, taking it down.

`up`, in order:
1. one `up` or `down` at a time per folder (a lock file);
2. the profile is read or planned, certificates and settings are made where missing;
3. services that run already stay, but for those whose settings have changed; ports that strangers took are reported
   before anything starts;
4. ledger and institutions first, then the gateways; each is waited for until its health service says so, Fabric until
   every organisation's peer can have the contract endorsed by all;
5. when one fails, everything that this call started is ended again.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from chanrong.fabric import programs
from chanrong.fabric.network import LocalNetwork, together
from chanrong.sandbox import clients, fabric, processes
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.overrides import Overrides
from chanrong.sandbox.profile import Profile, Service, load_profile, save_profile
from chanrong.sandbox.provision import provision, write_settings
from chanrong.sandbox.topology import plan, taken
from consortium.errors import ChanrongError, ConflictError
from consortium.identity.files import write_file

READY_TIMEOUT_S = 60.0
FAILED_GRACE_S = 3.0
STAGES: tuple[tuple[str, ...], ...] = (("ledger", "adapter"), ("industry", "finance"))

Ledger = Literal["embedded", "fabric"]
Progress = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """What `status` tells of one service."""

    service: Service
    state: Literal["healthy", "starting", "down"]
    pid: int | None
    memory_mb: float


@contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """Holds the sandbox's lock.

    :raises ConflictError: another `up` or `down` works on this folder
    """
    layout.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(layout.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(
                f"Another `chanrong up` or `down` is working on {layout.root}.",
                remedy="Wait until it is done.",
            ) from None
        yield
    finally:
        os.close(descriptor)


async def up(
    layout: Layout,
    *,
    ledger: Ledger | None,
    industries: int,
    banks: int,
    overrides: Overrides | None,
    progress: Progress,
) -> Profile:
    """Brings the sandbox up and returns its profile; a second call finds everything running.

    :param ledger: None is what the sandbox has, the embedded one at the first time
    :param overrides: the user's own settings; None keeps those of the last time
    """
    if ledger == "fabric" or (layout.profile.exists() and load_profile(layout).ledger == "fabric"):
        programs.find()  # before anything is made
    with locked(layout):
        profile = _profile(layout, ledger, industries, banks)
        provision(layout, profile)
        net = None
        if profile.ledger == "fabric":
            net = fabric.prepare(layout, profile, programs.find())
            profile = fabric.with_servers(profile, fabric.definition_of(net, profile))
        changed = write_settings(layout, profile, overrides or kept_overrides(layout))
        if overrides is not None:
            write_file(layout.overrides, overrides.text.encode(), private=True)
        save_profile(layout, profile)
        for name in changed:
            processes.stop(layout, name)
        missing = [s for s in profile.services.values() if processes.find(layout, s.name) is None]
        _check_ports(missing, layout)
        started: list[processes.Running] = []
        try:
            first, second = ([s for s in missing if s.kind in stage] for stage in STAGES)
            institutions = _start_stage(layout, first, started, progress)
            if net is None:
                await institutions
            else:
                await together([institutions, _fabric(layout, net, started, progress)])
                profile = load_profile(layout)
            await _start_stage(layout, second, started, progress)
        except BaseException:
            processes.end([running.process for running in started], FAILED_GRACE_S)
            raise
    return profile


async def _fabric(
    layout: Layout, net: LocalNetwork, started: list[processes.Running], progress: Progress
) -> None:
    save_profile(layout, await fabric.up(net, load_profile(layout), started, progress))


def kept_overrides(layout: Layout) -> Overrides:
    """The user's own settings of the last time."""
    return Overrides.read(layout.overrides if layout.overrides.exists() else None) or Overrides()


def _profile(layout: Layout, ledger: Ledger | None, industries: int, banks: int) -> Profile:
    if not layout.profile.exists():
        return plan(ledger or "embedded", industries, banks)
    profile = load_profile(layout)
    if ledger not in (None, profile.ledger):
        raise ConflictError(
            f"The sandbox in {layout.root} was made with --ledger {profile.ledger}.",
            remedy="The ledger is chosen when it is made: use another --dir, or `chanrong down --purge` first.",
        )
    there = (len(profile.of_kind("industry")), len(profile.of_kind("finance")))
    if (industries, banks) > there or industries > there[0] or banks > there[1]:
        raise ConflictError(
            f"The sandbox in {layout.root} was made with --industry {there[0]} --banks {there[1]}.",
            remedy="Members are fixed when it is made: use another --dir, or `chanrong down --purge` first.",
        )
    return profile


def _check_ports(services: list[Service], layout: Layout) -> None:
    for service in services:
        for address in filter(None, (service.grpc, service.rest)):
            if taken(address):
                raise ConflictError(
                    f"{service.name} cannot listen on {address}: another program does.",
                    reason="PORT_TAKEN",
                    remedy=f"End that program, or start anew with `chanrong down --purge --dir {layout.root}`.",
                )


async def _start_stage(
    layout: Layout, services: list[Service], started: list[processes.Running], progress: Progress
) -> None:
    async def one(service: Service) -> None:
        progress(service.name, "starting")
        running = processes.start(service, layout)
        started.append(running)
        ready = asyncio.create_task(clients.wait_healthy(layout, service))
        await processes.wait_ready(running, layout.log(service.name), ready, READY_TIMEOUT_S)
        progress(service.name, "healthy")

    await asyncio.gather(*(one(service) for service in services))


async def restart(layout: Layout, profile: Profile, name: str) -> None:
    """Starts one service of a sandbox again and waits until it is healthy."""
    service = profile.service(name)
    if service.kind in fabric.KINDS:
        net = fabric.prepare(layout, profile, programs.find())
        await fabric.up(net, profile, [], lambda *_: None)
        return
    await _start_stage(layout, [service], [], lambda *_: None)


async def status(layout: Layout) -> list[ServiceStatus]:
    """What runs and whether it is healthy."""
    profile = load_profile(layout)

    async def one(service: Service) -> ServiceStatus:
        running = processes.find(layout, service.name)
        if running is None:
            return ServiceStatus(service, "down", None, 0.0)
        healthy = await clients.healthy(layout, service)
        memory = running.process.memory_info().rss / 1e6
        return ServiceStatus(service, "healthy" if healthy else "starting", running.process.pid, memory)

    return list(await asyncio.gather(*(one(service) for service in profile.services.values())))


def down(layout: Layout, *, purge: bool) -> int:
    """Ends every process of the sandbox; with ``purge`` its folder goes too. Returns how many processes ended.

    :raises ChanrongError: reason NOT_A_SANDBOX when the folder to purge does not look like one
    """
    if not layout.root.exists():
        return processes.stop_all(layout)  # of a folder that was removed by hand
    strangers = [p for p in layout.root.iterdir() if p.name not in OWN_NAMES]
    if purge and strangers:
        raise ChanrongError(
            f"{layout.root} holds files that are not the sandbox's, such as {strangers[0].name}.",
            reason="NOT_A_SANDBOX",
            remedy="Move them away, or remove the folder by hand.",
        )
    if strangers and not layout.profile.exists():
        return processes.stop_all(layout)
    with locked(layout):
        ended = processes.stop_all(layout)
        if purge:
            shutil.rmtree(layout.root)
    return ended


OWN_NAMES = frozenset(
    {
        "profile.json",
        "lock",
        "directory.json",
        "consortium-keys.json",
        "trust",
        "tls",
        "ca",
        "orgs",
        "peers",
        "services",
        "data",
        "logs",
        "run",
        "parties",
        "master-keys",
        "demo",
        "config.toml",
        "pushed.ndjson",
        "fabric",
    }
)
