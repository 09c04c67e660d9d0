"""The client against real ledgers over TLS.

``ledger`` is an embedded one, new for each test; ``either`` is first an embedded one and then the shared Fabric
network, one per module: its tests run in the module's event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from chaincode.hosts.embedded.server import EmbeddedLedger
from consortium.ledger.connection import Deadlines, Endpoint, SigningIdentity
from consortium.ledger.gateway import Gateway
from consortium.ledger.network import Network
from tests.support import embedded
from tests.support.client_world import open_embedded, open_fabric
from tests.support.fabric import requires_fabric
from tests.support.ledgers import Keys, LedgerUnderTest

BANK, INDUSTRY = "BankAMSP", "IndustryAMSP"
Connect = Callable[..., Gateway]


@pytest.fixture(scope="session")
def organisations(tmp_path_factory: pytest.TempPathFactory) -> embedded.Network:
    """Certificates of three organisations."""
    return embedded.make_network(tmp_path_factory.mktemp("organisations"))


@pytest.fixture
async def ledger(organisations: embedded.Network, tmp_path: Path) -> AsyncIterator[EmbeddedLedger]:
    """A fresh ledger."""
    settings = organisations.settings(tmp_path / "ledger.db", collections=[{"name": "shared"}])
    async with embedded.running(settings) as started:
        yield started


@pytest.fixture
async def connect(organisations: embedded.Network) -> AsyncIterator[Connect]:
    """Makes clients; they are closed when the test ends."""
    opened: list[Gateway] = []

    def make(*targets: str, identity: SigningIdentity | None = None, **options: Any) -> Gateway:
        gateway = Gateway(
            [Endpoint(target, organisations.tls_ca) for target in targets],
            identity or organisations.identities[INDUSTRY],
            deadlines=options.pop("deadlines", Deadlines(10, 10, 10, 10)),
            **options,
        )
        opened.append(gateway)
        return gateway

    yield make
    for gateway in opened:
        await gateway.close()


@pytest.fixture
def network(connect: Connect, ledger: EmbeddedLedger) -> Network:
    """The channel, seen by the industry organisation."""
    return connect(ledger.target).network(embedded.CHANNEL)


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=["embedded", pytest.param("fabric", marks=requires_fabric)],
)
async def either(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LedgerUnderTest]:
    """One of the two ledgers, with the contract ``open``."""
    if request.param == "fabric":
        opened = open_fabric(request.getfixturevalue("fabric"))
    else:
        opened = open_embedded(tmp_path_factory.mktemp("either"))
    async with opened as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def industry(either: LedgerUnderTest) -> AsyncIterator[Network]:
    """The channel, seen by the industry organisation at its own peer."""
    async with either.gateway(INDUSTRY) as gateway:
        yield gateway.network(either.channel)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bank(either: LedgerUnderTest) -> AsyncIterator[Network]:
    """The channel, seen by the first bank at its own peer."""
    async with either.gateway(BANK) as gateway:
        yield gateway.network(either.channel)


@pytest.fixture
def k() -> Keys:
    """Names that no other test uses."""
    return Keys()
