"""A bank's database, as its migrations make it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from consortium.storage.crypto import BodyVault
from consortium.storage.engine import Database, create_engine
from consortium.storage.migrate import migrate
from finance_gateway.app import MIGRATIONS


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    engine = create_engine(f"sqlite:///{tmp_path / 'bank.db'}")
    await migrate(engine, MIGRATIONS)
    opened = Database(engine)
    yield opened
    await opened.close()


@pytest.fixture
def vault() -> BodyVault:
    return BodyVault({1: b"m" * 32}, 1)
