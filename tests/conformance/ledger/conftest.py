"""The ledger under test: first the embedded one, one per module, then the shared network of real Fabric."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from chaincode.hosts.embedded.verification import verify
from tests.support.embedded import Network, RawClient, make_network, running
from tests.support.fabric import FabricWorld, requires_fabric
from tests.support.kv_contract import KvContract
from tests.support.ledgers import (
    BANK,
    BANK_B,
    COLLECTIONS,
    CONTRACT,
    INDUSTRY,
    OTHER,
    EmbeddedParts,
    Keys,
    LedgerUnderTest,
)

BATCH_TIMEOUT_MS = 20
"""Transactions that are ordered together share a block, as on Fabric, where it is 200 ms."""


@pytest.fixture(scope="session")
def organisations(tmp_path_factory: pytest.TempPathFactory) -> Network:
    """Certificates of the embedded ledger's three organisations."""
    return make_network(tmp_path_factory.mktemp("organisations"))


@asynccontextmanager
async def embedded_ledger(organisations: Network, folder: Path) -> AsyncIterator[LedgerUnderTest]:
    """A new embedded ledger; what is left behind must verify."""
    database = folder / "ledger.db"
    settings = organisations.settings(database, collections=COLLECTIONS, batch_timeout_ms=BATCH_TIMEOUT_MS)
    async with running(settings, KvContract(), {OTHER: KvContract()}) as started:
        yield LedgerUnderTest("embedded", EmbeddedParts(organisations, started))
    assert (await asyncio.to_thread(verify, database)).problems == ()


@asynccontextmanager
async def fabric_ledger(world: FabricWorld) -> AsyncIterator[LedgerUnderTest]:
    """The shared network, with the key/value contract on it."""
    for name in ("kv", OTHER):
        await world.deploy(name, contract=CONTRACT, collections=COLLECTIONS)
    yield LedgerUnderTest("fabric", world)


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=["embedded", pytest.param("fabric", marks=requires_fabric)],
)
async def ledger(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LedgerUnderTest]:
    """One of the two ledgers."""
    if request.param == "fabric":
        opened = fabric_ledger(request.getfixturevalue("fabric"))
    else:
        organisations = request.getfixturevalue("organisations")
        opened = embedded_ledger(organisations, tmp_path_factory.mktemp("ledger"))
    async with opened as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(ledger: LedgerUnderTest) -> AsyncIterator[RawClient]:
    """A client of the industry organisation, at its own peer."""
    async with ledger.raw(INDUSTRY) as connected:
        yield connected


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bank(ledger: LedgerUnderTest) -> AsyncIterator[RawClient]:
    """A client of the first bank, at its own peer."""
    async with ledger.raw(BANK) as connected:
        yield connected


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bank_b(ledger: LedgerUnderTest) -> AsyncIterator[RawClient]:
    """A client of the second bank, at its own peer."""
    async with ledger.raw(BANK_B) as connected:
        yield connected


@pytest.fixture
def k() -> Keys:
    """Names that no other test uses."""
    return Keys()
