"""Registry and filings on PostgreSQL, where transactions run beside each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from consortium.errors import ConflictError
from consortium.identity.directory import Caller
from consortium.rpc.server import set_current_caller
from consortium.storage.crypto import BodyVault
from consortium.storage.engine import Database, create_engine
from consortium.storage.migrate import migrate
from consortium.wire.chanrong.sources.v1 import registry_pb2 as pb
from crossverify.adapters.institution import Institution
from crossverify.adapters.registry import store
from crossverify.adapters.registry.filing import FilingService
from finance_gateway.app import MIGRATIONS
from finance_gateway.filing.usecase import FileWanted, Filings, Secured
from tests.support import postgresql
from tests.support.trade_world import NOW, World, invoice
from tests.unit.finance.test_filing import OFFICER, ONE, PACKAGE, TWO, FakePackages, FakeRegistry, package

PARTY = pb.RegistryParty(name="Seller Co", identifiers=["uscc:S"])


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql.server() as url:
        yield url


@pytest.fixture
async def institution(server: str) -> AsyncIterator[Institution]:
    made = Institution("registry", "Registry", await postgresql.new_database(server), store.METADATA)
    await made.open()
    yield made
    await made.close()


def to_file(operation_id: str) -> pb.FileRegistrationRequest:
    return pb.FileRegistrationRequest(
        operation_id=operation_id,
        kind="assignment",
        assignor=PARTY,
        secured_party=pb.RegistryParty(name="Bank"),
        description="发票号码:INV-1。",
        term_months=12,
    )


async def test_filings_at_once_stand_one_behind_the_other_and_happen_once(institution: Institution) -> None:
    service: Any = FilingService(institution)
    set_current_caller(Caller("BankAMSP", "gateway", "gateway"))
    wanted = [to_file(f"operation-{n:08}") for n in range(8)]
    made = await asyncio.gather(*(service.FileRegistration(each, None) for each in wanted * 3))
    assert sorted({each.filing.sequence for each in made}) == list(range(1, 9))
    assert len({(each.filing.operation_id, each.filing.number) for each in made}) == 8
    number = made[0].filing.number
    changes = [
        pb.AmendRegistrationRequest(
            operation_id=f"amend-{n:012}", number=number, kind="term", term_months=12 + n
        )
        for n in range(1, 7)
    ]
    await asyncio.gather(*(service.AmendRegistration(each, None) for each in changes * 2))
    async with institution.database.read() as session:
        found = await store.get(session, number)
    assert found is not None
    assert sorted(each.term_months for each in found[0].record.amendments) == list(range(13, 19)), (
        "none is lost"
    )


async def test_two_replicas_file_an_asset_once(server: str) -> None:
    engine = create_engine(await postgresql.new_database(server))
    await migrate(engine, MIGRATIONS)
    database = Database(engine)
    registry = FakeRegistry()
    vault = BodyVault({1: b"m" * 32}, 1)
    replicas = [
        Filings(
            database=database,
            vault=vault,
            packages=FakePackages(package(World(invoice(), invoice("INV-2")))),
            registry=registry,
            search=None,
            secured=Secured("Bank A", ()),
            clock=lambda: NOW,
        )
        for _ in range(2)
    ]
    both = [FileWanted(PACKAGE, (ONE,)), FileWanted(PACKAGE, (TWO, ONE))]
    calls = [
        each.file(wanted, f"k{n}", OFFICER)
        for n in range(3)
        for each, wanted in zip(replicas, both, strict=True)
    ]
    results = await asyncio.gather(*calls, return_exceptions=True)
    done = [each for each in results if not isinstance(each, BaseException)]
    refused = [each for each in results if isinstance(each, ConflictError)]
    assert (len(done), len(refused)) == (1, 5)
    assert {each.reason for each in refused} == {"ALREADY_FILED"}
    assert len(registry.done) == 1
    await database.close()
