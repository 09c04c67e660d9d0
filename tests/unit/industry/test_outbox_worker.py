"""The outbox carries each item to the ledger exactly once, whatever happens on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from consortium.contract.codec import encode
from consortium.storage.engine import create_engine
from consortium.storage.migrate import migrate
from consortium.storage.outbox import VALID, BatchState, OutboxPolicy
from industry_gateway.outbox.follower import Follower
from industry_gateway.outbox.model import (
    REGISTER,
    Batch,
    OutboxItem,
    in_order,
    new_id,
    new_series,
    next_sequence,
    of_series,
)
from industry_gateway.outbox.projection import Projection
from industry_gateway.outbox.worker import Worker
from industry_gateway.store import documents, outbox
from industry_gateway.store.database import Database
from industry_gateway.webhooks.messages import Messages
from tests.unit.industry.fake_ledger import FakeLedger

POLICY = OutboxPolicy(
    max_items=50, linger_s=0.0, jitter_base_s=0.001, jitter_max_s=0.01, outcome_timeout_s=0.3
)


@dataclass
class Clock:
    """A clock that a test moves."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Rig:
    """A store, a fake ledger, and as many workers one after the other as a test wants."""

    database: Database
    ledger: FakeLedger = field(default_factory=FakeLedger)
    clock: Clock = field(default_factory=Clock)
    policy: OutboxPolicy = POLICY
    parcel: int = 0
    """Items of one parcel; with 0 each has a row of its own."""
    ids: dict[str, str] = field(default_factory=dict)
    """Documents' identifiers by key."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Worker]:
        """A worker and a follower, as a process runs them; killed at the end of the block."""
        projection = Projection(Messages())
        follower = Follower(
            self.database,
            self.ledger,
            msp_id="IndustryAMSP",
            effect=projection.effect,
            policy=self.policy,
            clock=self.clock,
        )
        worker = Worker(
            self.database,
            self.ledger,
            follower,
            refuse=projection.refuse,
            policy=self.policy,
            clock=self.clock,
        )
        tasks = [asyncio.create_task(follower.run()), asyncio.create_task(worker.run())]
        try:
            yield worker
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def add(self, keys: Sequence[str], tag: str = "t") -> list[OutboxItem]:
        """Documents as intake stores them."""
        series = new_series()
        ids = {key: of_series(series, number) if self.parcel else key[:32] for number, key in enumerate(keys)}
        items = [
            OutboxItem(REGISTER, key, key, encode({"fp": key, "tag": tag}), next_sequence()) for key in keys
        ]
        if self.parcel:
            parcels = [new_id() for _ in range(0, len(keys), self.parcel)]
            items = [
                item._replace(parcel=parcels[number // self.parcel], document_id=ids[item.key])
                for number, item in enumerate(items)
            ]
        self.ids |= ids
        someone = "s" * 64
        rows = [
            (
                ids[key],
                key,
                key,
                tag,
                "c" * 64,
                "invoice",
                someone,
                someone,
                someone,
                someone,
                "p",
                "pending",
                0,
            )
            for key in keys
        ]
        async with self.database.write() as connection:
            await documents.add(connection, documents.NewRows(documents=list(rows)))
            await outbox.add_items(connection, items)
        return items

    async def states(self, keys: Sequence[str]) -> dict[str, str]:
        """State of each document."""
        async with self.database.read() as connection:
            found = await documents.by_ids(connection, [self.ids[key] for key in keys])
        return {each.fingerprint: each.state for each in found.values()}

    async def settled(self, keys: Sequence[str]) -> dict[str, str]:
        """Waits until no document is pending."""
        found: dict[str, str] = await until(
            lambda: self.states(keys), lambda states: "pending" not in states.values()
        )
        return found


async def until(look: Callable[[], object], enough: Callable[[Any], bool], timeout_s: float = 120.0) -> Any:
    """Waits for a condition on what an async function returns."""
    async with asyncio.timeout(timeout_s):
        while True:
            value = await look()  # type: ignore[misc]
            if enough(value):
                return value
            await asyncio.sleep(0.005)


def keys_of(count: int, start: int = 0) -> list[str]:
    return [f"{number:064x}"[::-1] for number in range(start + 1, start + count + 1)]


@pytest.fixture(params=[0, 1, 4, 30], ids=lambda size: f"parcels-{size}")
async def rig(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    engine = create_engine(f"sqlite:///{tmp_path / 'outbox.db'}")
    await migrate(engine, "industry_gateway.migrations")
    database = Database(engine)
    yield Rig(database, parcel=request.param)
    await database.close()


def check(rig: Rig, keys: Sequence[str]) -> None:
    """The oracle: each of these is on the ledger exactly once, and nothing else is."""
    assert rig.ledger.registrations() == dict.fromkeys(keys, 1)


async def test_a_lone_document_goes_at_once(rig: Rig) -> None:
    async with rig.running() as worker:
        worker.offer(await rig.add(keys_of(1)))
        assert await rig.settled(keys_of(1)) == {keys_of(1)[0]: "registered"}
    check(rig, keys_of(1))


async def test_a_burst_is_packed(rig: Rig) -> None:
    keys = keys_of(230)
    async with rig.running() as worker:
        worker.offer(await rig.add(keys))
        await rig.settled(keys)
    check(rig, keys)
    size = max(1, rig.parcel)
    most = rig.policy.max_items // size * size
    assert max(count for _, count in rig.ledger.batches) >= most
    assert len(rig.ledger.batches) <= 230 // most + 2


async def test_items_that_nobody_offered_are_found_at_the_start(rig: Rig) -> None:
    keys = keys_of(3)
    await rig.add(keys)
    async with rig.running():
        await rig.settled(keys)
    check(rig, keys)


async def test_results_go_to_the_documents_that_they_are_about(rig: Rig) -> None:
    mine, same, other = keys_of(3)
    rig.ledger.register(same, "t")
    rig.ledger.register(other, "different")
    async with rig.running() as worker:
        worker.offer(await rig.add([mine, same, other]))
        assert await rig.settled([mine, same, other]) == {
            mine: "registered",
            same: "already",
            other: "conflict",
        }
    async with rig.database.read() as connection:
        name = rig.ids[other]
        row = (await documents.by_ids(connection, [name]))[name]
        assert (row.reason, row.txid) == ("CONTENT_CONFLICT", "f" * 64)
        assert await documents.live_by_key(connection, [other]) == {}, "a corrected one can be pushed"
        assert await outbox.count_items(connection) == {}


async def test_a_conflict_is_run_again_under_a_new_id(rig: Rig) -> None:
    keys = keys_of(4)
    rig.ledger.faults.hostile[keys[0]] = 1
    async with rig.running() as worker:
        worker.offer(await rig.add(keys))
        await rig.settled(keys)
    check(rig, keys)
    codes = [each.code for block in rig.ledger.chain for each in block.transactions]
    assert codes == [11, VALID]
    ids = [each.txid for block in rig.ledger.chain for each in block.transactions]
    assert len(set(ids)) == 2


async def test_a_hostile_key_isolates_itself(rig: Rig) -> None:
    keys = keys_of(32)
    hostile = sorted(keys)[20]
    rig.ledger.faults.hostile[hostile] = 10**6
    async with rig.running() as worker:
        worker.offer(await rig.add(keys))
        good = [key for key in keys if key != hostile]
        await until(
            lambda: rig.states(good), lambda states: set(states.values()) == {"registered"}, timeout_s=30
        )
        assert (await rig.states([hostile]))[hostile] == "pending", "it is tried for as long as it takes"
        rig.ledger.faults.hostile[hostile] = 0
        await rig.settled(keys)
    check(rig, keys)


async def test_an_item_that_the_contract_refuses_fails_alone(rig: Rig) -> None:
    keys = keys_of(9)
    rig.ledger.faults.poison.add(keys[3])
    async with rig.running() as worker:
        worker.offer(await rig.add(keys))
        states = await rig.settled(keys)
    assert {key for key, state in states.items() if state == "refused"} == {keys[3]}
    check(rig, [key for key in keys if key != keys[3]])


@pytest.mark.parametrize("fault", ["lose_submits", "hide_submits", "down", "steal_ids"])
async def test_an_unknown_outcome_is_resolved(rig: Rig, fault: str) -> None:
    keys = keys_of(5)
    setattr(rig.ledger.faults, fault, 2)
    async with rig.running() as worker:
        worker.offer(await rig.add(keys))
        await rig.settled(keys)
    check(rig, keys)


async def test_the_same_bytes_are_sent_again_while_they_are_young(rig: Rig) -> None:
    rig.ledger.faults.lose_submits = 1
    async with rig.running() as worker:
        worker.offer(await rig.add(keys_of(1)))
        await rig.settled(keys_of(1))
    assert len(rig.ledger.batches) == 1, "endorsed once"


async def test_an_old_envelope_is_made_anew_under_the_same_operation(rig: Rig) -> None:
    keys = keys_of(2)
    rig.ledger.held = []
    async with rig.running() as worker:
        worker.offer(await rig.add(keys))
        await until(_held(rig), lambda held: held == 1)
    lost = rig.ledger.held
    rig.ledger.held = None
    rig.clock.now += rig.policy.envelope_max_age_s + 1
    async with rig.running():
        await rig.settled(keys)
        assert len(rig.ledger.batches) == 2
        # The old envelope turns up after all: the operation id makes it worth nothing.
        for envelope in lost:
            rig.ledger.commit(envelope)
        await asyncio.sleep(0.05)
    check(rig, keys)
    assert len(rig.ledger.operations) == 1


def _held(rig: Rig) -> Callable[[], object]:
    async def look() -> int:
        return len(rig.ledger.held or [])

    return look


async def test_a_late_old_envelope_counts_when_it_comes_first(rig: Rig) -> None:
    keys = keys_of(2)
    rig.ledger.held = []
    async with rig.running() as worker:
        worker.offer(await rig.add(keys))
        await until(_held(rig), lambda held: held == 1)
    rig.clock.now += rig.policy.envelope_max_age_s + 1
    async with rig.running():
        await until(_held(rig), lambda held: held == 2)
        rig.ledger.release()
        await rig.settled(keys)
        await asyncio.sleep(0.05)
    check(rig, keys)
    assert [each.code for block in rig.ledger.chain for each in block.transactions] == [VALID, 11]


async def test_a_rejecting_ledger_parks_the_batch_and_a_restart_takes_it_up(rig: Rig) -> None:
    keys = keys_of(2)
    rig.ledger.faults.reject_code, rig.ledger.faults.reject_times = 10, 5
    async with rig.running() as worker:
        worker.offer(await rig.add(keys))
        await until(lambda: _batch_states(rig), lambda states: states == {BatchState.PARKED})
    assert await rig.states(keys) == dict.fromkeys(keys, "pending"), "not the documents' fault"
    async with rig.running():
        await rig.settled(keys)
    check(rig, keys)


async def _batch_states(rig: Rig) -> set[BatchState]:
    async with rig.database.read() as connection:
        return {state for _, state, _ in await outbox.open_batches(connection, until=2**40)}


@pytest.mark.parametrize(
    "state", [BatchState.PACKED, BatchState.ENDORSED, BatchState.SUBMITTED, BatchState.UNKNOWN]
)
@pytest.mark.parametrize("delivered", [False, True])
async def test_restart_in_each_state(rig: Rig, state: BatchState, delivered: bool) -> None:
    keys = keys_of(3)
    items = await rig.add(keys)
    batch = Batch(REGISTER, in_order(items))
    prepared = await rig.ledger.prepare("documents:register", batch.request())
    async with rig.database.write() as connection:
        await outbox.store_batch(connection, batch, state, at=int(rig.clock.now))
        if state is not BatchState.PACKED:
            sent = replace(
                batch, txid=prepared.txid, envelope=prepared.envelope, prepared_at=int(rig.clock.now)
            )
            await outbox.add_attempt(connection, sent, prepared.digest)
    if delivered and state is not BatchState.PACKED:
        rig.ledger.commit(prepared.envelope)
    async with rig.running():
        assert await rig.settled(keys) == dict.fromkeys(keys, "registered")
    check(rig, keys)


async def test_a_block_read_twice_changes_nothing(rig: Rig) -> None:
    keys = keys_of(3)
    async with rig.running() as worker:
        worker.offer(await rig.add(keys))
        await rig.settled(keys)
    projection = Projection(Messages())
    follower = Follower(rig.database, rig.ledger, msp_id="IndustryAMSP", effect=projection.effect)
    for block in rig.ledger.chain:
        await follower.store(block)
    assert await rig.states(keys) == dict.fromkeys(keys, "registered")
    assert not projection.take().items


async def test_more_items_than_memory_takes_keep_their_way(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("industry_gateway.outbox.backlog.MAX_QUEUED_ITEMS", 40)
    keys = keys_of(300)
    async with rig.running() as worker:
        for start in range(0, 300, 30):
            worker.offer(await rig.add(keys[start : start + 30]))
        await rig.settled(keys)
    check(rig, keys)
