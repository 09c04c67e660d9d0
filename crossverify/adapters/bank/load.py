"""Takes in bank statements; what a statement repeats is known already and counts once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from consortium.storage.engine import Database
from crossverify.adapters.admin import in_batches
from crossverify.adapters.bank import store
from crossverify.adapters.bank.camt import Item, read_statements
from crossverify.adapters.bank.movements import Movement, Statement
from crossverify.adapters.records import LoadProblem, LoadReport

STATEMENTS: Final = "statements"


class BankLoader:
    """Loads statements into the bank's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, content: bytes, as_of: int) -> LoadReport:
        """Take in one file; see ``Loader``."""
        report = LoadReport()
        accounts: dict[str, int] = {}
        async for batch in in_batches(read_statements(content)):
            async with self._database.write() as session:
                await _store(session, batch, accounts, report)
        return report


async def _store(
    session: AsyncSession, batch: Sequence[Item], accounts: dict[str, int], report: LoadReport
) -> None:
    for head in (item for item in batch if isinstance(item, Statement)):
        accounts[head.account.number] = await store.put_account(session, head)
        report.datasets.add(STATEMENTS)
    for problem in (item for item in batch if isinstance(item, LoadProblem)):
        report.refuse(problem)
    movements = [item for item in batch if isinstance(item, Movement)]
    contents = await store.known_places(session, map(store.place_of, movements))
    elsewhere = await store.known_bank_keys(session, map(store.bank_key_of, movements))
    new: list[tuple[int, Movement]] = []
    for movement in movements:
        place, content = store.place_of(movement), store.content_of(movement)
        statement, key = movement.statement.identifier, store.bank_key_of(movement)
        before = contents.get(place)
        if before is not None and before != content:
            report.refuse(_changed(movement))
            continue
        # On another statement of the account it is the same movement: statements overlap and are copied. Twice
        # on one statement it is two.
        repeated = bool(elsewhere.get(key, set()) - {statement})
        changed = before is None and not repeated
        report.count(changed=changed)
        if changed:
            contents[place] = content
            if key:
                elsewhere.setdefault(key, set()).add(statement)
            new.append((accounts[movement.statement.account.number], movement))
    await store.add_movements(session, new)


def _changed(movement: Movement) -> LoadProblem:
    return LoadProblem(
        movement.path,
        f"Entry {movement.entry!r} of this statement is known with another amount, date or direction.",
        "A booked entry does not change: load the entry that reverses it, or a statement with an id of its own.",
    )
