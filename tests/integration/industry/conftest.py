"""One ledger and one gateway per test file."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.integration.industry.world import BUYER, SELLER, World, gateway_running, ledger_running, make_world

OTHER = {"name": "宁波第三方物资有限公司", "identifiers": [{"scheme": "gln", "value": "6901234567892"}]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Ledger, gateway, and the parties seller, buyer and other."""
    made = make_world(tmp_path_factory.mktemp("world"))
    async with ledger_running(made), gateway_running(made):
        await made.register("seller", SELLER)
        await made.register("buyer", BUYER)
        await made.register("other", OTHER)
        yield made
