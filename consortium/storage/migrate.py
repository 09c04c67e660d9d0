"""Bringing a database to the code's schema, at the start of a process.

A product keeps its migrations in ``<package>/migrations/versions/`` (alembic revisions); no ``env.py`` is
needed.

```python
await migrate(engine, "industry_gateway.migrations")
```
All of it is one transaction under a lock, so replicas may start together. Code may be older than the
database during a rolling upgrade: migrations are written so that the code before them still works, hence a
revision that this code does not know is logged and left alone.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import structlog
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from consortium.errors import ConfigurationError
from consortium.storage.engine import WRITES

LOCK_NUMBER = 0x6368616E
"""PostgreSQL advisory lock that migrations take ("chan")."""

_log = structlog.get_logger("chanrong.storage")


async def migrate(engine: AsyncEngine, package: str, *, target: str = "head") -> None:
    """Run a product's missing migrations.

    :param package: importable package that holds ``versions/``
    :param target: revision to go up to, for tests
    :raises ConfigurationError: the migrations cannot be run on this database
    """
    script = _script(package)
    try:
        async with engine.connect() as raw:
            connection = await raw.execution_options(**WRITES)
            async with connection.begin():
                # SQLite's lock comes with the first statement; alembic's own things are for one at a time, too.
                await connection.execute(text("select 1"))
                await connection.run_sync(_upgrade, script, target)
    except (CommandError, DBAPIError) as error:
        raise ConfigurationError(
            f"The database could not be migrated by {package}: {type(error).__name__}.",
            remedy="Check the URL and the rights of its user; a backup from before is still what it was.",
        ) from error


async def schema_differences(engine: AsyncEngine, metadata: MetaData) -> list[str]:
    """How a migrated database differs from the models, for a test that there is no difference."""

    def compare(connection: Connection) -> list[str]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [repr(difference) for difference in compare_metadata(context, metadata)]

    async with engine.connect() as connection:
        return await connection.run_sync(compare)


def _script(package: str) -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(str(files(package)))))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def _upgrade(connection: Connection, script: ScriptDirectory, target: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:number)"), {"number": LOCK_NUMBER})
    known = {revision.revision for revision in script.walk_revisions()}

    def steps(revision: tuple[str, ...], _context: MigrationContext) -> list[RevisionStep]:
        unknown = sorted(set(revision) - known)
        if unknown:
            _log.warning("database is newer than this program", revisions=unknown)
            return []
        return list(script._upgrade_revs(target, revision))  # type: ignore[arg-type]

    config = Config()
    with EnvironmentContext(config, script, fn=steps, destination_rev=target) as environment:
        environment.configure(connection=connection, transactional_ddl=True, render_as_batch=True)
        with environment.begin_transaction():
            environment.run_migrations()
