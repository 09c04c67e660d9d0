"""What every reference institution has: a name, datasets with an as-of time, and a switch that pauses it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from google.protobuf.message import Message
from sqlalchemy import BigInteger, Column, MetaData, String, Table, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.errors import ChanrongError, ConfigurationError, InvalidInputError, UnavailableError
from consortium.storage.engine import Database, create_engine
from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from crossverify.sources.digest import answer_digest

SCHEMA_VERSION: Final = "2"
"""Of the reference institutions' tables; their data are loaded again when it changes."""

MAX_REFERENCE_CHARACTERS: Final = 200  # of a caller's reference, which is repeated in the answer

METADATA = MetaData()

DATASETS = Table(
    "datasets",
    METADATA,
    Column("name", String, primary_key=True),
    Column("as_of", BigInteger, nullable=False),
)
"""As-of time (seconds since 1970 UTC) of each kind of data."""

SWITCHES = Table(
    "switches",
    METADATA,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)
"""What has to survive a restart: schema version, pause."""


class Institution:
    """One reference institution.

    :param source: "tax", "bank" or "credit"
    :param name: the institution's name, told in every answer
    :param database_url: of its own database
    :param tables: its own tables
    """

    def __init__(self, source: str, name: str, database_url: str, tables: MetaData) -> None:
        self.source = source
        self.name = name
        self.database = Database(create_engine(database_url))
        self._tables = tables
        self._paused = False

    async def open(self) -> None:
        """Make what is missing in the database and read the switches.

        :raises ConfigurationError: the database was made by another version
        """
        async with self.database.engine.begin() as connection:
            await connection.run_sync(METADATA.create_all)
            await connection.run_sync(self._tables.create_all)
        async with self.database.write() as session:
            switches = dict((await session.execute(select(SWITCHES.c.name, SWITCHES.c.value))).all())
            if not switches:
                await _put(session, SWITCHES, "schema", SCHEMA_VERSION)
        if switches.get("schema", SCHEMA_VERSION) != SCHEMA_VERSION:
            raise ConfigurationError(
                f"The database of {self.name} has schema {switches['schema']}, not {SCHEMA_VERSION}.",
                remedy="Give an empty database and load the data again.",
            )
        self._paused = switches.get("paused") == "1"

    async def close(self) -> None:
        """Close the database."""
        await self.database.close()

    @property
    def paused(self) -> bool:
        """Whether questions are refused."""
        return self._paused

    async def set_paused(self, paused: bool) -> None:
        """Refuse questions from now on, or answer again; survives a restart."""
        async with self.database.write() as session:
            await _put(session, SWITCHES, "paused", "1" if paused else "0")
        self._paused = paused

    def check_answering(self) -> None:
        """Let a question in.

        :raises UnavailableError: ``INSTITUTION_PAUSED``
        """
        if self._paused:
            raise UnavailableError(
                f"{self.name} is paused.",
                reason="INSTITUTION_PAUSED",
                remedy="Ask again when its operator resumed it.",
            )

    async def as_of(self, session: AsyncSession, first: str, *others: str) -> int:
        """State of knowledge that an answer from several datasets reflects: the oldest of them.

        :param first: dataset without which nothing is known: its as-of time, or 0, limits the answer's
        :param others: datasets that count once there are any data of them
        """
        rows = await session.execute(
            select(DATASETS.c.name, DATASETS.c.as_of).where(DATASETS.c.name.in_([first, *others]))
        )
        found = dict(rows.all())
        return min(found.values()) if first in found else 0

    async def move_as_of(self, session: AsyncSession, datasets: Iterable[str], as_of: int) -> None:
        """Move the as-of time of datasets forward; it never goes back, as what is known stays known."""
        for name in sorted(datasets):
            known = await session.scalar(select(DATASETS.c.as_of).where(DATASETS.c.name == name))
            if known is None or known < as_of:
                await _put(session, DATASETS, name, as_of)

    def sign_off(self, request: Message, response: Message, as_of: int) -> None:
        """Fill in where the answer comes from, with the digest of question and answer."""
        provenance = pb.Provenance(source=self.source, institution=self.name, as_of_unix=as_of)
        getattr(response, "provenance").CopyFrom(provenance)  # noqa: B009 -- every response has one
        getattr(response, "provenance").digest = answer_digest(request, response)  # noqa: B009


def check_batch(count: int, limit: int, field: str) -> None:
    """Refuse a batch that is too long.

    :raises InvalidInputError: ``BATCH_TOO_LONG``
    """
    if count > limit:
        raise InvalidInputError(
            f"{field} has {count} questions; {limit} are answered at once.",
            reason="BATCH_TOO_LONG",
            remedy=f"Ask in batches of at most {limit}.",
        )


def check_text(value: str, path: str, *, limit: int = MAX_REFERENCE_CHARACTERS) -> None:
    """Refuse a question whose text is missing or too long.

    :raises InvalidInputError: ``QUESTION_INVALID``
    """
    if not value:
        raise wrong_question(path, value, "it is empty")
    if len(value) > limit:
        raise wrong_question(path, value[:40], f"it is longer than {limit} characters")


def wrong_question(path: str, value: str, what: str) -> InvalidInputError:
    """The error for a question that cannot be understood."""
    return InvalidInputError(
        f"{path} is {value!r}: {what}.", reason="QUESTION_INVALID", remedy="Correct the question."
    )


def question_error(error: ChanrongError) -> pb.QuestionError:
    """What an answer says in place of values, so that one wrong question costs its neighbours nothing."""
    return pb.QuestionError(reason=error.reason, message=error.message)


async def _put(session: AsyncSession, table: Table, name: str, value: str | int) -> None:
    column = next(column for column in table.c if column.name != "name")
    await upsert(session, table, [{"name": name, column.name: value}], ["name"])


async def upsert(
    session: AsyncSession, table: Table, rows: Sequence[Mapping[str, object]], key: Sequence[str]
) -> None:
    """Insert rows, or replace what is there under the same key; on either kind of database.

    :param rows: all with the same columns
    """
    if not rows:
        return
    insert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    statement = insert(table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in key}
    await session.execute(
        statement.on_conflict_do_update(index_elements=key, set_=changed)
        if changed
        else statement.on_conflict_do_nothing(index_elements=key),
        list(rows),
    )
