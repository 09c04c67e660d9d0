"""A caller that goes away at any moment leaves no transaction behind that nobody ends."""

from __future__ import annotations

import asyncio
import random

from sqlalchemy import text

from consortium.storage.engine import Database


async def test_cancelled_at_any_moment_the_next_one_comes_through(database: Database) -> None:
    async with database.write() as session:
        await session.execute(text("create table notes (word varchar(20))"))

    async def use(*, write: bool) -> None:
        async with database.write() if write else database.read() as session:
            for _ in range(2):
                statement = "insert into notes values ('x')" if write else "select count(*) from notes"
                await session.execute(text(statement))

    moments = random.Random(7)
    for _ in range(120):
        tasks = [asyncio.create_task(use(write=bool(number % 2))) for number in range(4)]
        await asyncio.sleep(moments.random() * 0.003)
        for task in tasks:
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert not [each for each in found if isinstance(each, Exception)]
        async with asyncio.timeout(5):
            await use(write=False)
            await use(write=True)
