"""The job "packages": every seeded break is found, none is false, and it closes when it is mended."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import delete, insert, select, update

from chanrong.sandbox.clients import connect
from consortium.errors import DeniedError, NotFoundError
from consortium.rpc.client import call
from consortium.storage.engine import Database, create_engine
from consortium.wire.chanrong.reconciliation.v1 import reconciliation_pb2 as pb
from consortium.wire.chanrong.reconciliation.v1 import reconciliation_pb2_grpc as rpc
from finance_gateway.reconciliation.packages import LATE_AFTER_S, MAX_BEHIND_BLOCKS
from finance_gateway.store.tables import checkpoints, claims, operations, package_contents, packages
from tests.support.finance_bank import FACE, Bank, a_bank


@dataclass
class Books:
    """A bank with two packages (one replaces the other) and three claims, and a way to its tables behind its back."""

    bank: Bank
    database: Database
    packages: list[str]
    claims: list[str]

    @asynccontextmanager
    async def operator(self, who: str = "bank-a-operator") -> AsyncIterator[Any]:
        service = self.bank.sandbox.profile.service("bank-a")
        async with connect(self.bank.sandbox.layout, service, who) as link:
            yield rpc.ReconciliationServiceStub(link)

    async def run(self) -> pb.JobResult:
        async with self.operator() as stub:
            answer: pb.RunJobsResponse = await call(stub.RunJobs, pb.RunJobsRequest(job="packages"))
            return answer.results[0]

    async def breaks(self, *, closed: bool = False) -> list[pb.Break]:
        async with self.operator() as stub:
            return list((await call(stub.ListBreaks, pb.ListBreaksRequest(include_closed=closed))).breaks)

    async def found(self) -> dict[str, str]:
        """Open breaks: key -> class."""
        return {item.key: item.break_class for item in await self.breaks()}

    async def change(self, statement: Any) -> None:
        async with self.database.write() as session:
            await session.execute(statement)


@pytest.fixture
async def books(tmp_path: Path) -> AsyncIterator[Books]:
    async with a_bank(tmp_path, start=("bank-a", "bank-b")) as bank:
        assess, monitor = await bank.consent(), await bank.consent(scope="monitor")
        first = (await bank.package()).summary.package_id
        second = (await bank.package(supersedes=first)).summary.package_id
        held = [
            (await bank.reserve("bank-a", invoice, assess)).claim.claim_id for invoice in bank.invoices[:3]
        ]
        await bank.finance("bank-a", held[1], monitor)
        await bank.settle("bank-a", held[1], FACE // 2)
        await bank.release("bank-a", held[2], "error")
        # Refusals, and another bank's dealings, are nothing to these books.
        assert not (await bank.reserve("bank-a", bank.invoices[0], assess)).done
        assert (await bank.reserve("bank-b", bank.invoices[3], await bank.consent("bank-b"))).done
        url = f"sqlite:///{bank.sandbox.layout.data('bank-a') / 'store.db'}"
        database = Database(create_engine(url))
        yield Books(bank, database, [first, second], held)
        await database.close()


async def test_both_sides_agree(books: Books) -> None:
    result = await books.run()
    height = await books.bank.sandbox.network("BankAMSP").height()
    assert (result.state, result.rows, result.open, result.block_height) == ("done", 5, 0, height)
    assert await books.breaks(closed=True) == []


Seed = Callable[[Books], Awaitable[dict[str, str]]]


async def _missing_in_the_store(books: Books) -> dict[str, str]:
    await books.change(delete(claims).where(claims.c.claim_id == books.claims[0]))
    await books.change(
        update(packages).where(packages.c.package_id == books.packages[1]).values(stage="failed")
    )
    return {f"claim/{books.claims[0]}": "missing_right", f"package/{books.packages[1]}": "missing_right"}


async def _missing_on_the_ledger(books: Books) -> dict[str, str]:
    async with books.database.write() as session:
        row = dict(
            (await session.execute(select(claims).where(claims.c.claim_id == books.claims[0]))).one()._mapping
        )
        row |= {"claim_id": "f" * 16, "handle": "f" * 64}
        await session.execute(insert(claims).values(**row))
        made = (
            await session.execute(select(packages).where(packages.c.package_id == books.packages[1]))
        ).one()
        await session.execute(insert(packages).values(**{**made._mapping, "package_id": "e" * 32}))
    # An invented package has no content either, and the invented claim's opening cannot be read.
    return {
        f"claim/{'f' * 16}": "missing_left,tamper",
        f"package/{'e' * 32}": "missing_left,tamper",
    }


async def _amounts(books: Books) -> dict[str, str]:
    await books.change(update(claims).where(claims.c.claim_id == books.claims[0]).values(share=FACE - 1))
    await books.change(update(claims).where(claims.c.claim_id == books.claims[1]).values(settled=FACE))
    return {f"claim/{each}": "amount" for each in books.claims[:2]}


async def _fields(books: Books) -> dict[str, str]:
    await books.change(update(claims).where(claims.c.claim_id == books.claims[2]).values(state="reserved"))
    await books.change(update(claims).where(claims.c.claim_id == books.claims[0]).values(expires=1))
    await books.change(
        update(packages).where(packages.c.package_id == books.packages[0]).values(stage="valid")
    )
    return {
        f"claim/{books.claims[2]}": "field",
        f"claim/{books.claims[0]}": "field",
        f"package/{books.packages[0]}": "field",
    }


async def _late(books: Books) -> dict[str, str]:
    async with books.database.write() as session:
        row = (await session.execute(select(operations))).first()
        assert row is not None
        late = {**row._mapping, "op": "0" * 32, "state": "pending", "result": None}
        late["created"] = int(time.time()) - LATE_AFTER_S - 5
        # A function that nobody can run keeps it from being done meanwhile.
        await session.execute(insert(operations).values(**{**late, "function": "documents:nothing"}))
    return {"operation/" + "0" * 32: "late"}


async def _tampered(books: Books) -> dict[str, str]:
    async with books.database.write() as session:
        query = select(package_contents.c.content).where(package_contents.c.package_id == books.packages[0])
        content = bytearray((await session.execute(query)).scalar_one())
        content[len(content) // 2] ^= 1
        await session.execute(
            update(package_contents)
            .where(package_contents.c.package_id == books.packages[0])
            .values(content=bytes(content))
        )
        await session.execute(
            update(packages)
            .where(packages.c.package_id == books.packages[1])
            .values(summary='{"counts":{"eligible":99}}')
        )
        foreign = (
            await session.execute(select(claims.c.opening).where(claims.c.claim_id == books.claims[1]))
        ).scalar_one()
        await session.execute(
            update(claims).where(claims.c.claim_id == books.claims[0]).values(opening=foreign)
        )
    return {
        f"package/{books.packages[0]}": "tamper",
        f"package/{books.packages[1]}": "tamper",
        f"claim/{books.claims[0]}": "tamper",
    }


@pytest.mark.parametrize(
    "seed",
    [_missing_in_the_store, _missing_on_the_ledger, _amounts, _fields, _tampered],
    ids=lambda seed: seed.__name__.strip("_"),
)
async def test_seeded_breaks_are_found_none_false_and_closed_when_mended(books: Books, seed: Seed) -> None:
    kept = await _snapshot(books.database)
    expected = {(key, kind) for key, kinds in (await seed(books)).items() for kind in kinds.split(",")}
    result = await books.run()
    assert (result.state, result.opened, result.open) == ("done", len(expected), len(expected))
    listed = await books.breaks()
    assert {(item.key, item.break_class) for item in listed} == expected
    for item in listed:
        evidence = orjson.loads(item.evidence)
        assert set(evidence) == {"height", "left", "right"}
        assert (evidence["left"], evidence["right"]) != (None, None)
        assert item.state == "open"
    again = await books.run()
    assert (again.opened, again.closed, again.open) == (0, 0, len(expected))
    await _restore(books.database, kept)
    mended = await books.run()
    assert (mended.opened, mended.closed, mended.open) == (0, len(expected), 0)
    assert await books.breaks() == []
    assert {item.state for item in await books.breaks(closed=True)} == {"closed"}


async def test_an_operation_without_a_verdict_is_late(books: Books) -> None:
    expected = await _late(books)
    await books.run()
    assert await books.found() == expected
    await books.change(delete(operations).where(operations.c.op == "0" * 32))
    assert (await books.run()).closed == 1


async def _snapshot(database: Database) -> dict[Any, list[dict[str, Any]]]:
    async with database.read() as session:
        return {
            table: [dict(row._mapping) for row in await session.execute(select(table))]
            for table in (packages, package_contents, claims)
        }


async def _restore(database: Database, kept: dict[Any, list[dict[str, Any]]]) -> None:
    async with database.write() as session:
        for table, rows in kept.items():
            await session.execute(delete(table))
            await session.execute(insert(table), rows)


async def test_a_resolution_is_a_record_and_closes_nothing(books: Books) -> None:
    await _amounts(books)
    await books.run()
    async with books.operator() as stub:
        wanted = (await books.breaks())[0]
        request = pb.ResolveBreakRequest(break_id=wanted.break_id, resolution="looked into it")
        resolved = getattr(await call(stub.ResolveBreak, request), "break")
        assert (resolved.resolution, resolved.owner, resolved.state) == (
            "looked into it",
            "bank-a-operator",
            "open",
        )
        with pytest.raises(NotFoundError):
            await call(stub.ResolveBreak, pb.ResolveBreakRequest(break_id="none", resolution="x"))
        with pytest.raises(NotFoundError):
            await call(stub.RunJobs, pb.RunJobsRequest(job="none"))
    assert (await books.run()).open == 2
    async with books.operator("bank-a-officer") as stub:
        for name in ("RunJobs", "ListBreaks", "ResolveBreak"):
            with pytest.raises(DeniedError):
                await call(getattr(stub, name), getattr(pb, f"{name}Request")())


async def test_a_ledger_that_is_down_leaves_the_breaks(books: Books) -> None:
    expected = await _amounts(books)
    await books.run()
    async with books.bank.sandbox.without_ledger():
        result = await books.run()
        assert result.state == "source_down"
        assert result.message
        assert await books.found() == expected


async def test_a_store_that_is_far_behind_is_no_agreement(books: Books) -> None:
    """As if the follower had stopped long ago: at its old height everything would agree."""
    from consortium.ledger.network import Network

    height = await books.bank.sandbox.network("BankAMSP").height()
    real = Network.height

    async def higher(self: Network) -> int:
        return await real(self) + MAX_BEHIND_BLOCKS + 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Network, "height", higher)
        result = await books.run()
    assert (result.state, result.block_height) == ("source_down", 0)
    assert (await books.run()).block_height == height


async def test_a_store_taken_back_to_an_earlier_day_catches_up_and_agrees(books: Books) -> None:
    """What the backup lacks is read again from the blocks; the job does not compare with what it saw before."""
    await books.run()
    bank = books.bank
    async with books.database.read() as session:
        state = (await session.execute(select(checkpoints.c.block))).scalar_one()
    await books.change(update(checkpoints).values(block=1))
    # The gateway's follower has not noticed yet: the job compares at the height of the store.
    result = await books.run()
    assert (result.state, result.block_height) == ("done", 1)
    assert result.open == 5, "the store says more than the first block"
    await books.change(update(checkpoints).values(block=state))
    assert (await books.run()).open == 0
    assert (await bank.claims("bank-a"))[0].state
