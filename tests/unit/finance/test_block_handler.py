"""What blocks do to a bank's tables, each in one transaction with the checkpoint."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from sqlalchemy import insert, select, text

from consortium.contract import names
from consortium.errors import UnavailableError
from consortium.storage.crypto import BodyVault
from consortium.storage.engine import Database
from finance_gateway.app import SETTLE
from finance_gateway.financing import store as claims_store
from finance_gateway.financing.store import ClaimRow
from finance_gateway.follower import BlockHandler
from finance_gateway.operations import Operations, new_operation
from finance_gateway.packages import store
from finance_gateway.packages.watch import MAX_WATCHERS, Watchers
from finance_gateway.store.tables import operations, package_documents, packages
from tests.support.finance_blocks import CHAINCODE, block_of, envelope
from tests.support.finance_fakes import FakeLedger
from tests.support.trade_world import BANK

INVOICE, ASSET, OTHER = "a" * 64, "b" * 64, "c" * 64


class Bank:
    """A bank's tables and who reads blocks into them."""

    def __init__(self, database: Database, vault: BodyVault) -> None:
        self.database = database
        self.operations = Operations(database, FakeLedger(), vault, SETTLE)
        self.watchers = Watchers(database)
        self.told = 0
        self.handler = self.replica()

    def replica(self) -> BlockHandler:
        return BlockHandler(
            self.database, self.operations, msp_id=BANK, chaincode=CHAINCODE, changed=self.changed
        )

    async def changed(self) -> None:
        self.told += 1
        await self.watchers.notify()

    async def package(self, package_id: str, stage: str = "valid", consent: str = "consent-1") -> None:
        async with self.database.write() as session:
            await session.execute(
                insert(packages).values(
                    package_id=package_id,
                    subject="d" * 64,
                    purpose="p",
                    consent_id=consent,
                    profile="receivable-v1",
                    stage=stage,
                    created=0,
                    requested_by="officer",
                )
            )
            await session.execute(
                insert(package_documents),
                [{"package_id": package_id, "fingerprint": fp} for fp in (INVOICE, ASSET)],
            )

    async def row(self, package_id: str) -> Any:
        async with self.database.read() as session:
            return (await session.execute(select(packages).where(packages.c.package_id == package_id))).one()

    async def claim(self, handle: str) -> ClaimRow:
        claim = ClaimRow(
            claim_id=handle[:16],
            fingerprint=INVOICE,
            asset=ASSET,
            handle=handle,
            share=10**9,
            settled=0,
            state="financed",
            expires=0,
            consent_id="consent-1",
            asset_state="",
            shortfall=0,
            txid="",
            created=0,
        )
        async with self.database.write() as session:
            await claims_store.add(session, claim, b"o", b"k")
        return claim


@pytest.fixture
def bank(database: Database, vault: BodyVault) -> Bank:
    return Bank(database, vault)


def _void(fp: str = INVOICE) -> bytes:
    return envelope(names.DOCUMENTS_VOID, [{}], [{"status": "voided", "fp": fp}])


async def test_live_packages_reopen_and_others_do_not(bank: Bank) -> None:
    for name, stage in (("p1", "valid"), ("p2", "reopened"), ("p3", "superseded"), ("p4", "failed")):
        await bank.package(name, stage)
    await bank.handler.handle(block_of(0, _void()))
    stages = [(await bank.row(f"p{n}")).stage for n in (1, 2, 3, 4)]
    assert stages == ["reopened", "reopened", "superseded", "failed"]
    assert (await bank.row("p1")).state_reason == "a document was declared void"
    assert bank.told == 1


async def test_one_that_is_being_made_keeps_the_reason(bank: Bank) -> None:
    await bank.package("p1", "making")
    await bank.handler.handle(block_of(0, _void(ASSET)))
    row = await bank.row("p1")
    assert (row.stage, row.reopen_reason) == ("making", "a document was declared void")


async def test_what_it_does_not_rest_on_is_nothing_to_it(bank: Bank) -> None:
    await bank.package("p1")
    await bank.handler.handle(block_of(0, _void(OTHER)))
    assert (await bank.row("p1")).stage == "valid"
    assert bank.told == 0
    assert await bank.handler.next_block() == 1


async def test_a_revoked_consent_reopens_what_was_made_under_it(bank: Bank) -> None:
    await bank.package("p1", consent="consent-1")
    await bank.package("p2", consent="consent-2")
    revoked = envelope(names.CONSENTS_REVOKE, [{}], [{"status": "revoked", "id": "consent-1"}])
    await bank.handler.handle(block_of(0, revoked))
    assert [(await bank.row(name)).stage for name in ("p1", "p2")] == ["reopened", "valid"]


async def test_the_holder_of_a_claim_is_told_of_its_impairment(bank: Bank) -> None:
    await bank.package("p1")
    mine, theirs = await bank.claim("1" * 64), "2" * 64
    change = {"asset": ASSET, "state": "impaired", "shortfall": 7, "handles": [mine.handle, theirs]}
    fact = envelope(names.ENCUMBRANCES_FACT, [{}], [{"status": "done", "asset": ASSET}], changed=[change])
    await bank.handler.handle(block_of(0, fact))
    async with bank.database.read() as session:
        claim = await claims_store.get(session, mine.claim_id)
    assert (claim.asset_state, claim.shortfall) == ("impaired", 7)
    assert "impaired" in (await bank.row("p1")).state_reason


async def test_an_own_claim_does_not_reopen_and_anothers_does(bank: Bank) -> None:
    await bank.package("p1")
    done = [{"status": "done", "asset": ASSET, "claim": "c"}]
    await bank.handler.handle(block_of(0, envelope(names.ENCUMBRANCES_RESERVE, [{}], done, by=BANK)))
    assert (await bank.row("p1")).stage == "valid"
    await bank.handler.handle(block_of(1, envelope(names.ENCUMBRANCES_RESERVE, [{}], done, by="BankBMSP")))
    assert (await bank.row("p1")).stage == "reopened"


async def test_a_block_settles_operations_in_its_own_transaction(bank: Bank) -> None:
    await bank.package("p1", "making")
    operation = new_operation(names.PACKAGES_ANCHOR, [{"id": "p1"}])
    async with bank.database.write() as session:
        await Operations.store(session, operation)
    anchored = envelope(
        operation.function, [], [{"status": "anchored", "id": "p1"}], by=BANK, request=operation.request
    )
    await bank.handler.handle(block_of(0, anchored))
    row = await bank.row("p1")
    assert (row.stage, len(row.anchor_txid)) == ("valid", 64)
    results = await bank.operations.result(operation.op)
    assert results[0]["txid"] == row.anchor_txid


async def test_an_operation_that_cannot_be_settled_does_not_stop_the_news(bank: Bank) -> None:
    """As if a defect were in settling: the block is stored, the operation waits, the figure tells."""
    await bank.package("p1")
    operation = new_operation(names.ENCUMBRANCES_FINANCE, [{"claim": "c"}])
    async with bank.database.write() as session:
        await Operations.store(session, operation)
    odd = envelope(operation.function, [], [{}], by=BANK, request=operation.request, event=b"")
    await bank.handler.handle(block_of(0, odd, _void()))
    assert (await bank.row("p1")).stage == "reopened"
    assert bank.handler.unreadable == 1
    async with bank.database.read() as session:
        state = (await session.execute(select(operations.c.state))).scalar_one()
    assert (state, await bank.handler.next_block()) == ("pending", 1)


async def test_two_replicas_store_a_block_once(bank: Bank) -> None:
    await bank.package("p1")
    one, two = bank.handler, bank.replica()
    block = block_of(0, _void())
    await asyncio.gather(one.handle(block), two.handle(block))
    assert await one.next_block() == 1
    async with bank.database.read() as session:
        assert await store.last_sequence(session) == 1


async def test_a_block_that_is_missing_is_not_passed_over(bank: Bank) -> None:
    await bank.handler.handle(block_of(0))
    with pytest.raises(UnavailableError) as behind:
        await bank.handler.handle(block_of(2))
    assert behind.value.reason == "LEDGER_BEHIND"
    assert await bank.handler.next_block() == 1


async def test_what_fails_in_the_middle_leaves_nothing(bank: Bank) -> None:
    await bank.package("p1")
    async with bank.database.write() as session:
        await session.execute(
            text(
                "CREATE TRIGGER full BEFORE INSERT ON checkpoints BEGIN SELECT RAISE(ABORT, 'disk full'); END"
            )
        )
    with pytest.raises(Exception, match="disk full"):
        await bank.handler.handle(block_of(0, _void()))
    assert (await bank.row("p1")).stage == "valid"
    assert await bank.handler.next_block() == 0


# --- watching -----------------------------------------------------------------------------------


async def _next(stream: Any) -> tuple[int, str, str]:
    event, row = await asyncio.wait_for(anext(stream), 10)
    return event.sequence, event.event, row.package_id


async def test_watchers_see_every_event_once_and_go_on_where_they_stopped(bank: Bank) -> None:
    for name in ("p1", "p2"):
        await bank.package(name)
    first = bank.watchers.watch(0, "")
    coming = asyncio.create_task(_next(first))
    while not bank.watchers.count:
        await asyncio.sleep(0)
    await bank.handler.handle(block_of(0, _void()))
    assert await coming == (1, "reopened", "p1")
    assert await _next(first) == (2, "reopened", "p2")
    await first.aclose()
    await bank.handler.handle(
        block_of(1, envelope(names.DOCUMENTS_AMEND, [{}], [{"status": "amended", "fp": INVOICE}]))
    )
    again = bank.watchers.watch(2, "p2")
    assert await _next(again) == (4, "reopened", "p2")
    await again.aclose()
    assert bank.watchers.count == 0


async def test_another_replicas_events_are_seen_without_a_notice(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("finance_gateway.packages.watch.LOOK_INTERVAL_S", 0.02)
    await bank.package("p1")
    stream = bank.watchers.watch(0, "p1")
    coming = asyncio.create_task(_next(stream))
    while not bank.watchers.count:
        await asyncio.sleep(0)
    elsewhere = BlockHandler(
        bank.database, bank.operations, msp_id=BANK, chaincode=CHAINCODE, changed=_nobody
    )
    await elsewhere.handle(block_of(0, _void()))
    assert (await coming)[1] == "reopened"
    await stream.aclose()


async def _nobody() -> None:
    """Tells nobody."""


async def test_streams_are_bounded(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finance_gateway.packages.watch.MAX_WATCHERS", 1)
    assert MAX_WATCHERS < 256, "a server's calls are not all taken by those who watch"
    stream = bank.watchers.watch(0, "")
    waiting = asyncio.create_task(_next(stream))
    while not bank.watchers.count:
        await asyncio.sleep(0)
    from consortium.errors import OverloadedError

    with pytest.raises(OverloadedError):
        await anext(bank.watchers.watch(0, ""))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert bank.watchers.count == 0


async def test_the_request_is_stored_as_it_was_sent(bank: Bank) -> None:
    operation = new_operation(names.ENCUMBRANCES_RELEASE, [{"b": 1, "a": 2}])
    assert orjson.loads(operation.request) == {"op": operation.op, "items": [{"a": 2, "b": 1}]}
    assert operation.request.index(b'"a"') < operation.request.index(b'"b"'), "canonical"
