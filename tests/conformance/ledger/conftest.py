"""The ledger under test: first the embedded one, one per module, then the shared network of real Fabric."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.embedded import Network, RawClient, make_network
from tests.support.fabric import requires_fabric
from tests.support.ledgers import (
    BANK,
    BANK_B,
    INDUSTRY,
    Keys,
    LedgerUnderTest,
    embedded_ledger,
    fabric_ledger,
)


@pytest.fixture(scope="session")
def organisations(tmp_path_factory: pytest.TempPathFactory) -> Network:
    """Certificates of the embedded ledger's three organisations."""
    return make_network(tmp_path_factory.mktemp("organisations"))


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
