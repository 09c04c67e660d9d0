"""One execution per slot: what replicas see of each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from consortium.errors import UnavailableError
from consortium.reconcile import breaks
from consortium.reconcile.jobs import Jobs, Snapshot
from consortium.reconcile.rows import BreakClass, Comparison, Row, compare
from consortium.storage.engine import Database, create_engine
from consortium.storage.leases import METADATA, LeaseLostError, Slots, job_slots


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    engine = create_engine(f"sqlite:///{tmp_path / 'jobs.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    database = Database(engine)
    yield database
    await database.close()


async def _expire(database: Database) -> None:
    async with database.write() as session:
        await session.execute(update(job_slots).values(lease_until=0))


async def test_one_of_many_replicas_gets_a_slot(database: Database) -> None:
    replicas = [Slots(database, f"replica-{i}") for i in range(8)]
    leases = await asyncio.gather(*(replica.claim("documents", 600) for replica in replicas))
    assert sum(lease is not None for lease in leases) == 1


async def test_a_finished_slot_is_not_run_again(database: Database) -> None:
    lease = await Slots(database).claim("documents", 600)
    assert lease is not None
    await lease.finish("done", "")
    await _expire(database)
    assert await Slots(database).claim("documents", 600) is None


async def test_a_frozen_replica_cannot_write_after_it_was_replaced(database: Database) -> None:
    frozen = await Slots(database, "frozen").claim("documents", 600)
    assert frozen is not None
    await _expire(database)
    successor = await Slots(database, "successor").claim("documents", 600)
    assert successor is not None
    assert successor.token == frozen.token + 1
    with pytest.raises(LeaseLostError):
        async with frozen.guard() as session:
            await session.execute(text("UPDATE job_slots SET message = 'from the grave'"))
    with pytest.raises(LeaseLostError):
        await frozen.finish("done", "")
    await successor.finish("done", "mine")
    async with database.read() as session:
        row = (await session.execute(select(job_slots))).one()
    assert (row.owner, row.state, row.message) == ("successor", "done", "mine")


async def test_a_live_lease_is_not_taken_over(database: Database) -> None:
    assert await Slots(database, "first").claim("documents", 600) is not None
    assert await Slots(database, "second").claim("documents", 600) is None


async def test_the_lease_under_a_running_job_is_noticed_when_it_is_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consortium.storage.leases.RENEW_S", 0.01)
    lease = await Slots(database, "frozen").claim("documents", 600)
    assert lease is not None
    await _expire(database)
    assert await Slots(database, "successor").claim("documents", 600) is not None
    with pytest.raises(LeaseLostError):
        async with lease.kept():
            await asyncio.Event().wait()


class _Job:
    name = "documents"
    period_s = 60

    def __init__(self) -> None:
        self.left: list[Row] = []
        self.right: list[Row] = []
        self.down = False
        self.runs = 0

    async def compare(self) -> Snapshot:
        self.runs += 1
        if self.down:
            raise UnavailableError("The ledger does not answer.")
        return Snapshot(7, compare(self.left, self.right))


def _row(key: str, value: int) -> Row:
    return Row(key, ("IndustryAMSP", 20_000), {"value": value})


async def test_breaks_open_stay_and_close_by_a_rerun_that_agrees(database: Database) -> None:
    job = _Job()
    jobs = Jobs(Slots(database), [job])
    job.left, job.right = [_row("a", 1), _row("b", 1)], [_row("a", 2)]
    first = (await jobs.run_now())[0]
    assert (first.state, first.opened, first.open, first.height) == ("done", 2, 2, 7)
    async with database.write() as session:
        listed = await breaks.listed(session, include_closed=False)
        assert {item.break_class for item in listed} == {"field", "missing_right"}
        resolved = await breaks.resolve(session, listed[0].id, "typed over by hand", "operator")
    assert (resolved.state, resolved.owner) == ("open", "operator")

    job.right = [_row("a", 1)]
    again = (await jobs.run_now())[0]
    assert (again.opened, again.closed, again.open) == (0, 1, 1)


async def test_a_source_that_is_down_leaves_the_breaks_as_they_are(database: Database) -> None:
    job = _Job()
    jobs = Jobs(Slots(database), [job])
    job.left = [_row("a", 1)]
    await jobs.run_now()
    job.down = True
    result = (await jobs.run_now())[0]
    assert result.state == "source_down"
    async with database.read() as session:
        assert len(await breaks.listed(session, include_closed=False)) == 1
        states = (await session.execute(select(job_slots.c.state).order_by(job_slots.c.slot))).scalars().all()
    assert states == ["done", "failed"]


async def test_start_catches_up_and_runs_a_dead_replicas_slot(database: Database) -> None:
    slots = Slots(database)
    job = _Job()
    now = await slots.now()
    current = now - now % job.period_s
    dead = await Slots(database, "dead").claim(job.name, current - 3 * job.period_s)
    assert dead is not None
    await _expire(database)
    jobs = Jobs(slots, [job])
    await jobs.start()
    try:
        await jobs._tick(job)
    finally:
        jobs.stop()
    async with database.read() as session:
        rows = (
            await session.execute(select(job_slots.c.slot, job_slots.c.state).order_by(job_slots.c.slot))
        ).all()
    assert [row.state for row in rows][:3] == ["done", "missed", "missed"]
    assert rows[-1].state == "done"
    assert job.runs == 2


def test_equal_sides_walk_nothing() -> None:
    rows = [Row(f"k{i}", ("IndustryAMSP", i % 5), {"value": i}) for i in range(100)]
    assert compare(rows, list(reversed(rows))) == Comparison(100, 5, 0, ())


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([_row("a", 1)], [], BreakClass.MISSING_RIGHT),
        ([], [_row("a", 1)], BreakClass.MISSING_LEFT),
        ([_row("a", 1)], [_row("a", 2)], BreakClass.FIELD),
        ([_row("a", 1), _row("a", 1)], [_row("a", 1)], BreakClass.DUPLICATE),
    ],
)
def test_each_disagreement_has_its_class(left: list[Row], right: list[Row], expected: BreakClass) -> None:
    assert [item.break_class for item in compare(left, right).differences] == [expected]


def test_an_amount_that_differs_is_an_amount_break() -> None:
    found = compare([_row("a", 1)], [_row("a", 2)], amounts=frozenset({"value"}))
    assert [item.break_class for item in found.differences] == [BreakClass.AMOUNT]
    assert found.differences[0].left == {"value": 1}
    assert found.differences[0].right == {"value": 2}
