"""A bank on PostgreSQL: the same schema, and two replicas that share its tables and its work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from sqlalchemy import MetaData, func, select

from chanrong.sandbox.clients import tls_of
from consortium.errors import ConflictError
from consortium.identity.directory import OrgDirectory
from consortium.rpc.client import call, channel, stream
from consortium.rpc.run import running
from consortium.rpc.settings import load_settings
from consortium.storage import leases
from consortium.storage.engine import Database, create_engine
from consortium.storage.migrate import migrate, schema_differences
from consortium.wire.chanrong.finance.v1 import finance_pb2 as pb
from consortium.wire.chanrong.finance.v1 import finance_pb2_grpc as rpc
from finance_gateway.app import MIGRATIONS, serve
from finance_gateway.config import FinanceSettings
from finance_gateway.store.tables import METADATA, packages
from tests.integration.finance.test_killed_packages import anchored, breaks_of
from tests.support import postgresql
from tests.support.finance_bank import FACE, PURPOSE, Bank, a_bank


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql.server() as url:
        yield url


@pytest.fixture
async def url(server: str) -> str:
    return await postgresql.new_database(server)


@pytest.fixture
async def bank(tmp_path: Path, url: str) -> AsyncIterator[Bank]:
    """bank-a on PostgreSQL, bank-b on SQLite."""
    async with a_bank(tmp_path, start=("bank-a", "bank-b"), overrides={"bank-a": {"database": url}}) as made:
        yield made


@asynccontextmanager
async def replica(bank: Bank) -> AsyncIterator[grpc.aio.Channel]:
    """A second process of bank-a on the same tables; an officer's channel to it."""
    layout = bank.sandbox.layout
    settings = load_settings(FinanceSettings, layout.config("bank-a")).model_copy(
        update={"listen_grpc": "127.0.0.1:0", "listen_rest": "127.0.0.1:0"}
    )
    async with running(serve, settings) as life:
        roots = OrgDirectory.load(layout.directory).roots("BankAMSP")
        link = channel(f"127.0.0.1:{life.ports['grpc']}", tls_of(layout, "bank-a-officer"), roots=roots)
        try:
            yield link
        finally:
            await link.close()


async def test_the_schema_is_the_same(url: str) -> None:
    engine = create_engine(url)
    await asyncio.gather(*(migrate(engine, MIGRATIONS) for _ in range(3)))
    whole = MetaData()
    for metadata in (METADATA, leases.METADATA):
        for table in metadata.tables.values():
            table.to_metadata(whole)
    assert await schema_differences(engine, whole) == []
    await engine.dispose()


async def test_packages_claims_and_reconciliation(bank: Bank) -> None:
    assess, monitor = await bank.consent(), await bank.consent(scope="monitor")
    answer = await bank.package(idempotency_key="k-1")
    assert bank.verify(answer.package).ok
    assert (await bank.package(idempotency_key="k-1")).package == answer.package
    other = await bank.consent("bank-b")
    tenth = FACE // 10

    async def one(number: int) -> pb.ClaimResult:
        name, consent = ("bank-a", assess) if number % 2 else ("bank-b", other)
        return await bank.reserve(name, bank.invoices[0], consent, tenth)

    results = await asyncio.gather(*(one(number) for number in range(20)))
    assert sum(result.done for result in results) == 10
    held = await bank.claims("bank-a")
    financed = await bank.finance("bank-a", held[0].claim_id, monitor)
    assert financed.claim.state == "financed"
    assert (await bank.settle("bank-a", held[0].claim_id)).claim.state == "settled"
    await bank.sandbox.credit(bank.invoices[0], FACE)
    while (await bank.summary(answer.summary.package_id)).state != "reopened":
        await asyncio.sleep(0.02)
    assert await breaks_of(bank, "bank-a") == []


async def test_two_replicas_make_a_package_once_and_tell_of_each_others_work(bank: Bank, url: str) -> None:
    consent = await bank.consent()
    wanted = pb.RequestPackageRequest(subject=bank.subject, purpose=PURPOSE, idempotency_key="k-1")
    async with replica(bank) as second, bank.sandbox.as_officer("bank-a") as first:
        stubs = [rpc.PackageServiceStub(first), rpc.PackageServiceStub(second)]

        async def ask(stub: Any) -> pb.RequestPackageResponse:
            while True:
                try:
                    made: pb.RequestPackageResponse = await call(stub.RequestPackage, wanted, timeout_s=60)
                    return made
                except ConflictError as error:
                    if error.reason != "IDEMPOTENCY_KEY_IN_USE":
                        raise
                    await asyncio.sleep(0.02)

        one, two = await asyncio.gather(*(ask(stub) for stub in stubs))
        assert one.package == two.package
        assert await anchored(bank) == [one.summary.anchor_transaction_id]

        async def watch() -> pb.WatchPackagesResponse:
            request = pb.WatchPackagesRequest(after_sequence=1)
            async for event in stream(stubs[1].WatchPackages, request, timeout_s=30):
                return event
            raise AssertionError

        watching = asyncio.create_task(watch())
        await bank.sandbox.revoke(bank.subject, consent)
        event = await asyncio.wait_for(watching, 20)
        assert (event.sequence, event.event) == (2, "reopened")
        database = Database(create_engine(url))
        async with database.read() as session:
            count = (await session.execute(select(func.count()).select_from(packages))).scalar_one()
        await database.close()
        assert count == 1
        assert await breaks_of(bank, "bank-a") == []
