"""One consortium per test file, with what the file needs running."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.integration.security.world import World, world_in

EVERYTHING = ("ledger", "adapter", "industry", "finance")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A running consortium: the kinds of services in the file's ``NEEDS``, ``PEERS`` gateways of each kind."""
    kinds: tuple[str, ...] = getattr(request.module, "NEEDS", EVERYTHING)
    peers: int = getattr(request.module, "PEERS", 1)
    folder = tmp_path_factory.mktemp("consortium")
    async with world_in(folder, *kinds, industries=peers, banks=peers) as made:
        yield made
