"""One consortium per test file."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.integration.security.world import World, world_in


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Two industry gateways, two banks, the institutions and a ledger."""
    folder = tmp_path_factory.mktemp("consortium")
    async with world_in(folder, "ledger", "adapter", "industry", "finance", industries=2, banks=2) as made:
        yield made
