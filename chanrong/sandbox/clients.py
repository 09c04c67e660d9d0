"""Channels to the sandbox's services, as the persons and systems that the sandbox has certificates for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import grpc
import grpc.aio

from chanrong.sandbox import fabric
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile, Service
from consortium.errors import UnavailableError
from consortium.identity.directory import OrgDirectory
from consortium.rpc.client import channel, serves
from consortium.rpc.tls import TlsFiles

HEALTH_TIMEOUT_S = 2.0
HEALTH_INTERVAL_S = 0.1


def tls_of(layout: Layout, name: str) -> TlsFiles:
    """The TLS files of a service or person of the sandbox."""
    folder = layout.tls(name)
    return TlsFiles(certificate=folder / "cert.pem", key=folder / "key.pem", roots=layout.bundle)


@contextlib.asynccontextmanager
async def connect(layout: Layout, service: Service, who: str) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a service, as ``who`` (the name of a certificate of the sandbox).

    :raises UnavailableError: nobody listens there
    """
    roots = OrgDirectory.load(layout.directory).roots(service.msp_id)
    link = channel(service.grpc, tls_of(layout, who), roots=roots)
    try:
        yield link
    except UnavailableError as error:
        if error.reason != UnavailableError.reason:
            raise  # its own words about what it needs
        raise UnavailableError(
            f"{service.name} does not answer at {service.grpc}.",
            remedy="`chanrong status` shows what runs, `chanrong up` starts what does not.",
        ) from error
    finally:
        await link.close()


def admin_of(service: Service) -> str:
    """The certificate with which an operator calls this service."""
    return "institutions-operator" if service.kind == "adapter" else f"{service.name}-operator"


def officer_of(bank: Service) -> str:
    """The certificate with which a loan officer calls a bank's gateway."""
    return f"{bank.name}-officer"


async def healthy(layout: Layout, service: Service) -> bool:
    """Whether a service says that it serves."""
    if service.kind in fabric.KINDS:
        return await fabric.healthy(layout, service)
    async with connect(layout, service, service.name) as link:
        return await serves(link, timeout_s=HEALTH_TIMEOUT_S)


async def wait_healthy(layout: Layout, service: Service) -> None:
    """Returns when the service says that it serves; the caller sets the limit."""
    while not await healthy(layout, service):  # noqa: ASYNC110 - the other side is another process
        await asyncio.sleep(HEALTH_INTERVAL_S)


def bank_of(profile: Profile, name: str) -> Service:
    """A bank's gateway; the only one when no name is given."""
    return profile.service(name or profile.of_kind("finance")[0].name, "finance")


def gateway_of(profile: Profile, name: str) -> Service:
    """An industry gateway; the first one when no name is given."""
    return profile.service(name or profile.of_kind("industry")[0].name, "industry")
