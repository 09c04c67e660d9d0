"""One set of certificates for all tests of the folder, and a real server on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import grpc.aio
import pytest

from consortium.identity.directory import OrgDirectory
from consortium.rpc.client import channel
from consortium.rpc.server import GrpcService, Limits
from consortium.rpc.tls import TlsFiles
from consortium.wire.chanrong.industry.v1 import industry_pb2_grpc
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc
from tests.support.certs import TestConsortium, make_consortium
from tests.unit.rpc.services import PERMISSIONS, Releases, Tax


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory) -> TestConsortium:
    """Certificates of five organisations."""
    return make_consortium(tmp_path_factory.mktemp("certs"))


class Running:
    """A started server and what it serves."""

    def __init__(self, certs: TestConsortium, service: GrpcService, port: int, tax: Tax, releases: Releases):
        self.certs = certs
        self.service = service
        self.port = port
        self.tax = tax
        self.releases = releases
        self._stack = AsyncExitStack()

    def link(self, tls: TlsFiles | None = None) -> grpc.aio.Channel:
        """A channel to it: as bank-a's gateway unless told otherwise."""
        opened = channel(f"127.0.0.1:{self.port}", tls or self.certs.tls("bank-a", "BankAMSP", "gateway"))
        self._stack.push_async_callback(opened.close)
        return opened

    async def close(self) -> None:
        """Close the channels, stop the server."""
        await self._stack.aclose()
        await self.service.stop(grace=0)


Serve = Callable[..., Awaitable[Running]]


@asynccontextmanager
async def serving(certs: TestConsortium) -> AsyncIterator[Serve]:
    """A function that starts servers, all stopped at the end."""
    started: list[Running] = []

    async def serve(
        limits: Limits | None = None,
        directory: OrgDirectory | None = None,
        tls: TlsFiles | None = None,
        listen: str = "127.0.0.1:0",
    ) -> Running:
        own = tls or certs.tls("tax", "InstitutionsMSP", "adapter")
        service = GrpcService("tax", listen, own, directory or certs.directory, PERMISSIONS, limits=limits)
        tax, releases = Tax(), Releases()
        service.add(sources_pb2_grpc.add_TaxSourceServiceServicer_to_server, tax)
        service.add(industry_pb2_grpc.add_ReleaseServiceServicer_to_server, releases)
        running = Running(certs, service, await service.start(), tax, releases)
        started.append(running)
        return running

    try:
        yield serve
    finally:
        for running in started:
            await running.close()


@pytest.fixture
async def serve(certs: TestConsortium) -> AsyncIterator[Serve]:
    """``await serve(limits=...)`` starts a server on loopback with mutual TLS."""
    async with serving(certs) as start:
        yield start
