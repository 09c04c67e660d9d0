"""A PostgreSQL of our own, where the machine can run one."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from consortium.storage.engine import create_engine


@contextmanager
def server() -> Iterator[str]:
    """URL of a running server; skips the test, with the reason, where none runs. Its folder is short: a socket."""
    pgserver = pytest.importorskip("pgserver", reason="pgserver is not installed: no PostgreSQL to test with")
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        started = pgserver.get_server(folder / "data", cleanup_mode="delete")
    except Exception as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL does not start here: {type(error).__name__}")
    try:
        yield started.get_uri()
    finally:
        started.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


async def new_database(url: str) -> str:
    """URL of an empty database of a server."""
    name = f"t{uuid.uuid4().hex[:12]}"
    engine = create_engine(url)
    async with engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(
            text(f"create database {name}")
        )
    await engine.dispose()
    return url.replace("/postgres?", f"/{name}?")
