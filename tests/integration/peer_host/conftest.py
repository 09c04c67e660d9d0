"""A chaincode server with the key/value contract, and peers that dial it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from chaincode.hosts.peer import ChaincodeServer, ChaincodeSettings
from chaincode.state import Contract
from tests.support.kv_contract import KvContract
from tests.support.scripted_peer import ScriptedPeer, dialled

Serving = Callable[..., AbstractAsyncContextManager[ChaincodeServer]]


def target(server: ChaincodeServer) -> str:
    """Where it listens."""
    return f"127.0.0.1:{server.port}"


@asynccontextmanager
async def serving(
    contract: Contract | None = None, *, clock: Any = None, **settings: Any
) -> AsyncIterator[ChaincodeServer]:
    """A server with its own settings."""
    made = ChaincodeSettings(package_id="kv_1:abc", **settings)
    options = {} if clock is None else {"clock": clock}
    server = ChaincodeServer(made, contract or KvContract(), **options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop(0)


@pytest.fixture
async def server() -> AsyncIterator[ChaincodeServer]:
    """A server with the key/value contract."""
    async with serving() as running:
        yield running


@pytest.fixture
async def peer(server: ChaincodeServer) -> AsyncIterator[ScriptedPeer]:
    """A 3.1 peer that has dialled."""
    async with dialled(target(server)) as dialling:
        yield dialling
