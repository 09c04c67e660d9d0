"""The Fabric network of a sandbox: planned from its profile, brought up beside the institutions."""

from __future__ import annotations

from chanrong.fabric import chaincode, network
from chanrong.fabric import upgrade as upgrades
from chanrong.fabric.material import Home
from chanrong.fabric.network import LocalNetwork, Progress
from chanrong.fabric.plan import Definition, Orderer, Organisation, Plan, load_plan, save_plan
from chanrong.fabric.programs import Programs
from chanrong.sandbox import processes
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile, Service
from chanrong.sandbox.topology import members
from consortium.errors import ChanrongError

KINDS = ("orderer", "peer", "chaincode")
"""Services that make the ledger of a sandbox on Fabric."""


def policy(profile: Profile) -> str:
    """The endorsement policy: the first industry organisation and any one bank, as the trust folder says it."""
    industry = profile.of_kind("industry")[0].msp_id
    banks = ", ".join(f"'{bank.msp_id}.peer'" for bank in profile.of_kind("finance"))
    return f"AND('{industry}.peer', OR({banks}))"


def open_network(layout: Layout, profile: Profile, programs: Programs) -> LocalNetwork:
    """The network of a sandbox, planned at the first time; nothing is started."""
    path = Home(layout).plan
    plan = load_plan(path)
    if plan is None:
        plan = _plan(profile)
        save_plan(path, plan)
    return LocalNetwork(layout, plan, programs)


def prepare(layout: Layout, profile: Profile, programs: Programs) -> LocalNetwork:
    """Certificates, configuration and the contract's packages, made where missing."""
    net = open_network(layout, profile, programs)
    network.prepare(net)
    if profile.chaincode not in net.plan.definitions:
        there = {service.msp_id: service.grpc for service in profile.of_kind("chaincode")}
        chaincode.define(
            net,
            profile.chaincode,
            addresses=there,
            contracts=dict.fromkeys(there, chaincode.CONTRACT),
            policy=policy(profile),
        )
    known = {server.name for server in net.plan.servers()}
    for record in layout.pid("x").parent.glob("chaincode-*.json"):
        if record.stem not in known:  # of an upgrade that was interrupted after the change
            processes.stop(layout, record.stem)
            record.unlink(missing_ok=True)
    return net


async def up(
    net: LocalNetwork, profile: Profile, started: list[processes.Running], progress: Progress
) -> Profile:
    """Starts what does not run and waits until the contract can be endorsed by all.

    Returns the profile with the chaincode servers that are in use: an interrupted upgrade may have happened.
    """
    await network.up(net, started, progress)
    await network.while_alive(net, _contract(net, profile, started, progress))
    return with_servers(profile, definition_of(net, profile))


async def _contract(
    net: LocalNetwork, profile: Profile, started: list[processes.Running], progress: Progress
) -> None:
    await upgrades.settle(net)
    await chaincode.deploy(net, definition_of(net, profile), started, progress)


def with_servers(profile: Profile, definition: Definition) -> Profile:
    """The profile with the chaincode servers that a definition has."""
    mine = {
        server.name: Service(name=server.name, kind="chaincode", msp_id=server.msp_id, grpc=server.listen)
        for server in definition.servers.values()
    }
    services: dict[str, Service] = {}
    for name, service in profile.services.items():
        if service.kind != "chaincode":
            services[name] = service
        elif not mine.keys() & services.keys():
            services |= mine
    return profile.model_copy(update={"services": services})


def definition_of(net: LocalNetwork, profile: Profile) -> Definition:
    """The contract as it is in use.

    :raises ChanrongError: reason NO_SANDBOX when the network's plan knows nothing of it
    """
    found = net.plan.definitions.get(profile.chaincode)
    if found is None:
        raise ChanrongError(
            f"The network in {net.home.root} has no chaincode {profile.chaincode}.",
            reason="NO_SANDBOX",
            remedy="`chanrong up` goes on where it stopped.",
        )
    return found


async def healthy(layout: Layout, service: Service) -> bool:
    """Whether a part of the network answers: nodes TLS, chaincode servers their health service."""
    home = Home(layout)
    if service.kind != "chaincode":
        root = home.node(service.name) / "tls" / "ca.pem"
        return await network.reachable(service.grpc, root.read_bytes())
    plan = load_plan(home.plan)
    server = next((each for each in plan.servers() if each.name == service.name), None) if plan else None
    return server is not None and await chaincode.serving(home, server)


def _plan(profile: Profile) -> Plan:
    orderer = profile.of_kind("orderer")[0]
    names = {service.msp_id: service.name.removeprefix("peer-") for service in profile.of_kind("peer")}
    peers = {service.msp_id: service.grpc for service in profile.of_kind("peer")}
    return Plan(
        channel=profile.channel,
        orderer=Orderer(name=orderer.name, msp_id=orderer.msp_id, listen=orderer.grpc, admin=orderer.rest),
        organisations=tuple(
            Organisation(name=names[msp], msp_id=msp, listen=peers[msp]) for msp in members(profile)
        ),
    )
