"""Writes that happen exactly once, whatever the ledger, the network and the process do in between."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.errors import ConflictError, OutcomeUnknownError
from consortium.storage.crypto import BodyVault
from consortium.storage.engine import Database, create_engine
from consortium.storage.migrate import migrate
from finance_gateway import operations as module
from finance_gateway.app import MIGRATIONS
from finance_gateway.operations import Operation, Operations, Outcome, new_operation
from finance_gateway.store.tables import checkpoints, operations
from tests.support.finance_fakes import Envelope, FakeLedger, PowerCutError

FUNCTION = "encumbrances:reserve"


async def _settle(session: AsyncSession, operation: Operation, outcome: Outcome) -> None:
    """Counts effects in the gateway's tables."""
    name = "refused" if outcome.reason else "settled"
    query = select(checkpoints.c.block).where(checkpoints.c.name == name)
    found = (await session.execute(query)).scalar_one_or_none()
    if found is None:
        await session.execute(insert(checkpoints).values(name=name, block=1))
    else:
        await session.execute(update(checkpoints).where(checkpoints.c.name == name).values(block=found + 1))


async def _counted(database: Database, name: str) -> int:
    async with database.read() as session:
        query = select(checkpoints.c.block).where(checkpoints.c.name == name)
        return int((await session.execute(query)).scalar_one_or_none() or 0)


async def _row(database: Database, op: str) -> Any:
    async with database.read() as session:
        return (await session.execute(select(operations).where(operations.c.op == op))).one()


def _start(database: Database, ledger: FakeLedger, vault: BodyVault) -> Operations:
    """A process: what it knows is the database."""
    made = Operations(database, ledger, vault, {FUNCTION: _settle})
    ledger.operations, ledger.database = made, database
    return made


async def _stored(database: Database, made: Operations) -> Operation:
    operation = new_operation(FUNCTION, [{"claim": "c"}])
    async with database.write() as session:
        await made.store(session, operation)
    return operation


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.0)


async def test_an_operation_is_settled_by_its_block(database: Database, vault: BodyVault) -> None:
    ledger = FakeLedger()
    made = _start(database, ledger, vault)
    operation = await _stored(database, made)
    results = await made.result(operation.op)
    assert results == [{"status": "done", "claim": "c", "n": 1, "txid": "t1"}]
    assert await made.result(operation.op) == results
    row = await _row(database, operation.op)
    assert (row.state, row.txid, ledger.endorsed) == ("done", "t1", 1)
    assert await _counted(database, "settled") == 1


async def test_a_refusal_of_the_whole_call_ends_it_and_says_why_again(
    database: Database, vault: BodyVault
) -> None:
    ledger = FakeLedger(endorse_faults=["refused"])
    made = _start(database, ledger, vault)
    operation = await _stored(database, made)
    for _ in range(2):
        with pytest.raises(ConflictError) as refused:
            await made.result(operation.op)
        assert refused.value.reason == "UNKNOWN_FUNCTION"
    assert ledger.endorsed == 0
    assert await _counted(database, "refused") == 1


async def test_a_refusal_does_not_end_what_may_have_been_sent(database: Database, vault: BodyVault) -> None:
    """The first transaction is on its way; the second is refused as the contract was replaced: not a verdict."""
    ledger = FakeLedger(commit_faults=["held"], endorse_faults=["ok", *["refused"] * 20])
    made = _start(database, ledger, vault)
    operation = await _stored(database, made)
    with pytest.raises(OutcomeUnknownError):
        await made.result(operation.op)
    assert (await _row(database, operation.op)).state == "pending"
    assert await ledger.order(ledger.held[0])
    assert (await made.result(operation.op))[0]["status"] == "done"


async def test_what_was_settled_as_refused_follows_the_ledger_all_the_same(
    database: Database, vault: BodyVault
) -> None:
    ledger = FakeLedger(endorse_faults=["refused"])
    made = _start(database, ledger, vault)
    operation = await _stored(database, made)
    with pytest.raises(ConflictError):
        await made.result(operation.op)
    await ledger.order(Envelope("t9", operation.request))
    assert (await made.result(operation.op))[0]["txid"] == "t9"


async def test_one_that_stays_unknown_is_pending_and_goes_on_later(
    database: Database, vault: BodyVault
) -> None:
    ledger = FakeLedger(commit_faults=["lost"] * module.MAX_ATTEMPTS)
    made = _start(database, ledger, vault)
    operation = await _stored(database, made)
    with pytest.raises(OutcomeUnknownError) as unknown:
        await made.result(operation.op)
    assert unknown.value.details["operation"] == operation.op
    assert (await made.pending())[0] == 1
    assert await made.resume() == 1
    assert (await made.result(operation.op))[0]["status"] == "done"
    assert await made.pending() == (0, 0)
    assert ledger.effects == [operation.op]


async def test_two_who_ask_for_one_operation_share_it(database: Database, vault: BodyVault) -> None:
    ledger = FakeLedger()
    made = _start(database, ledger, vault)
    operation = await _stored(database, made)
    first, second = await asyncio.gather(made.result(operation.op), made.result(operation.op))
    assert first == second
    assert ledger.endorsed == 1


async def test_a_caller_that_goes_away_does_not_stop_it(database: Database, vault: BodyVault) -> None:
    ledger = FakeLedger()
    made = _start(database, ledger, vault)
    operation = await _stored(database, made)
    waiting = asyncio.create_task(made.result(operation.op))
    while not made._running:
        await asyncio.sleep(0)
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    assert (await made.result(operation.op))[0]["status"] == "done"


async def test_two_replicas_that_resume_one_operation_have_one_effect(
    database: Database, vault: BodyVault
) -> None:
    ledger = FakeLedger()
    first, second = _start(database, ledger, vault), _start(database, ledger, vault)
    operation = await _stored(database, first)
    await asyncio.gather(first.resume(), second.resume())
    assert ledger.effects == [operation.op]
    assert await _counted(database, "settled") == 1


async def test_the_request_of_another_under_the_same_id_settles_nothing(
    database: Database, vault: BodyVault
) -> None:
    ledger = FakeLedger()
    made = _start(database, ledger, vault)
    operation = await _stored(database, made)
    async with database.write() as session:
        other = operation.request.replace(b'"c"', b'"d"')
        answer = {"txid": "t7", "results": [{"status": "done"}]}
        assert await made.settle(session, operation.op, other, answer) is None
    assert (await _row(database, operation.op)).state == "pending"


_made: list[bytes] = []


async def _empty() -> bytes:
    """A migrated database's file: making it anew for every example would take longer than the rest."""
    if not _made:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "empty.db"
            engine = create_engine(f"sqlite:///{file}")
            await migrate(engine, MIGRATIONS)
            await engine.dispose()
            _made.append(file.read_bytes())
    return _made[0]


_ENDORSE = st.lists(st.sampled_from(["ok", "ok", "ok", "unavailable", "cut"]), max_size=6)
_COMMIT = st.lists(
    st.sampled_from(["ok", "unavailable", "lost", "held", "conflict", "unheard", "cut_before", "cut_after"]),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(endorse=_ENDORSE, commit=_COMMIT, follower=st.booleans(), late=st.integers(0, 3))
def test_whatever_happens_there_is_one_effect_and_the_tables_say_it(
    endorse: list[str], commit: list[str], follower: bool, late: int
) -> None:
    """Faults at every stage, power cuts, blocks that come late, envelopes that arrive after others took their place."""

    async def run() -> None:
        arriving = late
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "bank.db"
            file.write_bytes(await _empty())
            database, vault = Database(create_engine(f"sqlite:///{file}")), BodyVault({1: b"m" * 32}, 1)
            ledger = FakeLedger(endorse_faults=list(endorse), commit_faults=list(commit), follower=follower)
            made = _start(database, ledger, vault)
            operation = await _stored(database, made)
            for _ in range(40):
                try:
                    await made.result(operation.op)
                    break
                except OutcomeUnknownError:
                    pass
                except PowerCutError:
                    made = _start(database, ledger, vault)  # started again: what it knew is gone
                if arriving and ledger.held:
                    await ledger.order(ledger.held.pop())
                    arriving -= 1
            for envelope in ledger.held:  # whatever was held back arrives in the end
                await ledger.order(envelope)
            await ledger.read_blocks()
            assert ledger.effects == [operation.op]
            row = await _row(database, operation.op)
            assert row.state == "done"
            assert orjson.loads(row.result)["results"][0]["txid"] == ledger.done[operation.op]["txid"]
            assert await _counted(database, "settled") == 1
            await database.close()

    asyncio.run(run())
