"""One network for all tests here that run in one process. What a test leaves dead or doing wrong is mended before the
next one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.integration.fabric_faults.world import Faults, faults_world


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def faults(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Faults]:
    """The network with the contract on it; no gateway runs yet."""
    async with faults_world(tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def mended(faults: Faults) -> AsyncIterator[None]:
    """Everything runs again when a test has ended, however it ended."""
    yield
    await faults.mend()
