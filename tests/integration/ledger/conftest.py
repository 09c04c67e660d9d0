"""The client against a real embedded ledger over TLS: certificates once per worker, one ledger per test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from chaincode.hosts.embedded.server import EmbeddedLedger
from consortium.ledger.connection import Deadlines, Endpoint, SigningIdentity
from consortium.ledger.gateway import Gateway
from consortium.ledger.network import Network
from tests.support import embedded

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
