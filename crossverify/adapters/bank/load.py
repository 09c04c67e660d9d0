"""Takes in bank reports; what several of them say of the same money counts once (``merging``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from consortium.storage.engine import Database
from crossverify.adapters.admin import in_batches
from crossverify.adapters.bank import store
from crossverify.adapters.bank.forms import read_reports
from crossverify.adapters.bank.merging import Grouped, Merger, entry_keys, grouped, transaction_keys
from crossverify.adapters.bank.movements import Movement, Statement
from crossverify.adapters.records import LoadProblem, LoadReport

STATEMENTS: Final = "statements"


class BankLoader:
    """Loads reports into the bank's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, content: bytes, as_of: int) -> LoadReport:
        """Take in one file; see ``Loader``."""
        return await self.load_named(content, as_of, "")

    async def load_named(self, content: bytes, as_of: int, name: str) -> LoadReport:
        """Take in one file whose name may say whose account it is of; see ``sheet``."""
        report = LoadReport()
        accounts: dict[str, int] = {}
        async for batch in in_batches(grouped(read_reports(content, name))):
            async with self._database.write() as session:
                await _store(session, batch, accounts, report)
        return report


async def _store(
    session: AsyncSession, batch: Sequence[Grouped], accounts: dict[str, int], report: LoadReport
) -> None:
    for head in (item for item in batch if isinstance(item, Statement)):
        accounts[head.account.number] = await store.put_account(session, head)
        report.datasets.add(STATEMENTS)
    for problem in (item for item in batch if isinstance(item, LoadProblem)):
        report.refuse(problem)
    entries = [item for item in batch if isinstance(item, tuple)]
    movements = [movement for entry in entries for movement in entry]
    keys = {key for each in movements for key in (*entry_keys(each), *transaction_keys(each))}
    merger = Merger(
        contents=await store.known_places(session, map(store.place_of, movements)),
        links=await store.known_links(session, keys),
        number=await store.next_movement(session),
    )
    for entry in entries:
        account = accounts[entry[0].statement.account.number]
        for movement, changed in merger.take(entry, account):
            if changed is None:
                report.refuse(_changed(movement))
            else:
                report.count(changed=changed)
    await store.apply(session, merger.changes)


def _changed(movement: Movement) -> LoadProblem:
    return LoadProblem(
        movement.path,
        f"Entry {movement.entry!r} of this statement is known with another amount, date or direction.",
        "A booked entry does not change: load the entry that reverses it, or a statement with an id of its own.",
    )
