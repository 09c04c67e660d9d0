"""One set of certificates per worker; one ledger with a client per test module."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from chaincode.hosts.embedded.server import EmbeddedLedger
from tests.support.embedded import Network, RawClient, make_network, running
from tests.support.kv_contract import KvContract


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    """Certificates of three organisations."""
    return make_network(tmp_path_factory.mktemp("network"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ledger(network: Network, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedLedger]:
    """A ledger for the whole module, with a collection and a second chaincode."""
    database = tmp_path_factory.mktemp("ledger") / "ledger.db"
    collections = [
        {"name": "shared"},
        {"name": "banks", "members": ["BankAMSP", "BankBMSP"]},
    ]
    settings = network.settings(database, collections=collections, endorsement_timeout_s=1.0)
    async with running(settings, KvContract(), {"other": KvContract()}) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(network: Network, ledger: EmbeddedLedger) -> AsyncIterator[RawClient]:
    """A client of the first organisation."""
    async with network.client(ledger) as connected:
        yield connected
