"""A package is made once per key, whoever asks how often, and whatever ends the making."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from sqlalchemy import select, update

from consortium.documents.fingerprint import ConsortiumKeys
from consortium.errors import (
    ConflictError,
    DeniedError,
    InvalidInputError,
    NotFoundError,
    OutcomeUnknownError,
    OverloadedError,
    UnavailableError,
)
from consortium.identity.directory import Caller
from consortium.storage.crypto import BodyVault
from consortium.storage.engine import Database
from crossverify.profiles import PROFILES
from finance_gateway import operations as operations_module
from finance_gateway.app import SETTLE
from finance_gateway.operations import Operations
from finance_gateway.packages import store
from finance_gateway.packages import usecase as module
from finance_gateway.packages.usecase import PackageRequest, Packages
from finance_gateway.store.tables import package_documents, package_events, packages
from tests.support.finance_fakes import Counter, FakeBuilder, FakeLedger, NoClaims

SUBJECT = "d" * 64
OFFICER = Caller("BankAMSP", "officer", "bank")
REQUEST = PackageRequest(SUBJECT, "credit_assessment", idempotency_key="k-1")


class Desk:
    """One process of a bank's gateway, on a database that outlives it."""

    def __init__(self, database: Database, vault: BodyVault, ledger: FakeLedger) -> None:
        self.database, self.ledger, self.meter = database, ledger, Counter()
        self.builder = FakeBuilder()
        self.operations = Operations(database, ledger, vault, SETTLE)
        ledger.operations, ledger.database = self.operations, database
        self.packages = Packages(
            database=database,
            vault=vault,
            keys=ConsortiumKeys.create({1: b"k" * 32}, 1, b"p" * 32),
            builder=self.builder,  # type: ignore[arg-type]
            operations=self.operations,
            profiles=PROFILES,
            default_profile="receivable-v1",
            claims=NoClaims(),
            meter=self.meter,
        )

    async def ask(self, request: PackageRequest = REQUEST) -> Any:
        return await self.packages.request(request, OFFICER)

    async def stages(self) -> list[str]:
        async with self.database.read() as session:
            return sorted((await session.execute(select(packages.c.stage))).scalars())

    async def events(self) -> list[tuple[str, str]]:
        async with self.database.read() as session:
            query = select(package_events.c.event, package_events.c.reason).order_by(
                package_events.c.sequence
            )
            return [(row.event, row.reason) for row in await session.execute(query)]


@pytest.fixture
def ledger() -> FakeLedger:
    return FakeLedger()


@pytest.fixture
def desk(database: Database, vault: BodyVault, ledger: FakeLedger) -> Desk:
    return Desk(database, vault, ledger)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations_module, "PAUSE_S", 0.0)


async def test_the_same_key_leads_to_the_first_package(desk: Desk) -> None:
    row, content = await desk.ask()
    again, same = await desk.ask()
    assert (again.package_id, same) == (row.package_id, content)
    assert row.stage == "valid"
    assert (desk.builder.started, desk.meter.made) == (1, 1)
    assert await desk.events() == [("issued", "")]


async def test_without_a_key_every_call_makes_one(desk: Desk) -> None:
    bare = PackageRequest(SUBJECT, "credit_assessment")
    assert (await desk.ask(bare))[0].package_id != (await desk.ask(bare))[0].package_id


async def test_a_key_belongs_to_its_request_and_caller(desk: Desk) -> None:
    await desk.ask()
    with pytest.raises(ConflictError) as reused:
        await desk.ask(PackageRequest(SUBJECT, "another", idempotency_key="k-1"))
    assert reused.value.reason == "IDEMPOTENCY_KEY_REUSED"
    other, _ = await desk.packages.request(REQUEST, Caller("BankAMSP", "colleague", "bank"))
    assert desk.builder.started == 2
    assert other.stage == "valid"


async def test_a_second_call_joins_the_first_while_it_is_made(desk: Desk) -> None:
    desk.builder.gate = asyncio.Event()
    first = asyncio.create_task(desk.ask())
    await desk.builder.watched.wait()
    second = asyncio.create_task(desk.ask())
    await asyncio.sleep(0)
    desk.builder.gate.set()
    assert (await first)[0].package_id == (await second)[0].package_id
    assert desk.builder.started == 1


async def test_a_caller_that_goes_away_finds_its_package_later(desk: Desk) -> None:
    desk.builder.gate = asyncio.Event()
    gone = asyncio.create_task(desk.ask())
    await desk.builder.watched.wait()
    gone.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await gone
    desk.builder.gate.set()
    assert (await desk.ask())[0].stage == "valid"
    assert desk.builder.started == 1


@pytest.mark.parametrize("error", [UnavailableError("Down."), DeniedError("No."), ValueError("A defect.")])
async def test_what_failed_made_nothing_and_may_be_tried_again_with_its_key(
    desk: Desk, error: Exception
) -> None:
    desk.builder.faults = [error]
    with pytest.raises(type(error)):
        await desk.ask()
    assert await desk.stages() == ["failed"]
    assert len(desk.meter.failed) == 1
    assert (await desk.ask())[0].stage == "valid"
    assert await desk.stages() == ["failed", "valid"]


async def test_making_takes_a_bounded_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MAKING_S", 0.05)
    desk.builder.gate = asyncio.Event()
    with pytest.raises(UnavailableError):
        await desk.ask()
    assert await desk.stages() == ["failed"]


async def test_a_process_that_ended_while_making_leaves_a_key_that_works(
    desk: Desk, database: Database, vault: BodyVault, ledger: FakeLedger
) -> None:
    desk.builder.gate = asyncio.Event()
    asking = asyncio.create_task(desk.ask())
    await desk.builder.watched.wait()
    await desk.packages.stop()
    await asyncio.gather(asking, return_exceptions=True)
    assert await desk.stages() == ["making"]
    restarted = Desk(database, vault, ledger)
    await restarted.packages.start(alone=True)
    assert await desk.stages() == ["failed"]
    assert (await restarted.ask())[0].stage == "valid"


async def test_another_replicas_package_is_left_alone_until_its_time_is_up(
    desk: Desk, database: Database, vault: BodyVault, ledger: FakeLedger
) -> None:
    desk.builder.gate = asyncio.Event()
    asking = asyncio.create_task(desk.ask())
    await desk.builder.watched.wait()
    replica = Desk(database, vault, ledger)
    await replica.packages.start(alone=False)
    with pytest.raises(ConflictError) as in_use:
        await replica.ask()
    assert in_use.value.reason == "IDEMPOTENCY_KEY_IN_USE"
    async with database.write() as session:  # the first replica froze, and three minutes went by
        await session.execute(update(packages).values(created=packages.c.created - module.GIVEN_UP_AFTER_S))
    assert (await replica.ask())[0].stage == "valid"
    desk.builder.gate.set()
    with pytest.raises(UnavailableError) as gone:
        await asking
    assert gone.value.reason == "INTERRUPTED"
    assert await desk.stages() == ["failed", "valid"]


async def test_a_package_whose_anchor_waits_is_not_made_again(desk: Desk) -> None:
    desk.ledger.commit_faults = ["lost"] * operations_module.MAX_ATTEMPTS
    with pytest.raises(OutcomeUnknownError):
        await desk.ask()
    assert await desk.stages() == ["making"]
    await desk.packages.start(alone=True)
    assert await desk.stages() == ["making"], "its operation will anchor it"
    row, _ = await desk.ask()
    assert (row.stage, desk.builder.started) == ("valid", 1)


async def test_packages_in_the_making_are_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    desk.builder.gate = asyncio.Event()
    bare = PackageRequest(SUBJECT, "credit_assessment")
    asking = [asyncio.create_task(desk.ask(bare)) for _ in range(3)]
    while len(desk.packages._making) < 3 or desk.builder.started < module.MAX_MAKING:
        await asyncio.sleep(0)
    with pytest.raises(OverloadedError):
        await desk.ask(bare)
    assert desk.builder.started == module.MAX_MAKING, "the third one waits for its turn"
    desk.builder.gate.set()
    assert [row.stage for row, _ in await asyncio.gather(*asking)] == ["valid"] * 3


async def test_what_is_not_issued_cannot_be_had(desk: Desk) -> None:
    desk.ledger.commit_faults = ["lost"] * operations_module.MAX_ATTEMPTS
    with pytest.raises(OutcomeUnknownError):
        await desk.ask()
    async with desk.database.read() as session:
        package_id = (await session.execute(select(packages.c.package_id))).scalar_one()
    for ask in (desk.packages.get, desk.packages.row):
        with pytest.raises(NotFoundError):
            await ask(package_id)
    assert await desk.packages.listed("", 10) == []


@pytest.mark.parametrize(
    ("reason", "kind"), [("CONSENT_REVOKED", DeniedError), ("PACKAGE_FINAL", ConflictError)]
)
async def test_an_anchor_that_the_ledger_refuses_ends_the_package(
    desk: Desk, reason: str, kind: type[Exception]
) -> None:
    desk.ledger.refuses = reason
    with pytest.raises(kind):
        await desk.ask()
    assert await desk.stages() == ["failed"]
    desk.ledger.refuses = None
    assert (await desk.ask())[0].stage == "valid"


async def test_what_happens_between_evidence_and_anchor_reopens_the_package(desk: Desk) -> None:
    desk.builder.gate = asyncio.Event()
    asking = asyncio.create_task(desk.ask())
    await desk.builder.watched.wait()
    async with desk.database.write() as session:
        for package_id, fingerprint in await store.touching(session, ["b" * 64, "f" * 64]):
            assert fingerprint == "b" * 64
            await store.reopen(session, package_id, "something happened")
    assert await desk.stages() == ["making"]
    desk.builder.gate.set()
    row, _ = await asking
    assert (row.stage, row.state_reason) == ("reopened", "something happened")
    assert await desk.events() == [("issued", ""), ("reopened", "something happened")]


async def test_a_new_attempt_drops_what_its_evidence_will_show(desk: Desk) -> None:
    await desk.ask()
    async with desk.database.write() as session:
        package_id = (await session.execute(select(packages.c.package_id))).scalar_one()
        await session.execute(update(packages).values(stage="making", reopen_reason="old news"))
        await store.watch(session, package_id, "consent-1", set(), anew=True)
        assert (await session.execute(select(packages.c.reopen_reason))).scalar_one() == ""
        count = len(list(await session.execute(select(package_documents))))
    assert count == 2


async def test_the_same_reason_twice_is_one_event(desk: Desk) -> None:
    row, _ = await desk.ask()
    async with desk.database.write() as session:
        for reason in ("one", "one", "two"):
            await store.reopen(session, row.package_id, reason)
    assert [event for event, _ in await desk.events()] == ["issued", "reopened", "reopened"]


async def test_a_package_replaces_an_earlier_one_of_its_subject(desk: Desk) -> None:
    first, _ = await desk.ask()
    second, _ = await desk.ask(PackageRequest(SUBJECT, "credit_assessment", supersedes=first.package_id))
    assert (await desk.packages.row(first.package_id)).stage == "superseded"
    assert second.supersedes == first.package_id
    with pytest.raises(ConflictError) as final:
        await desk.ask(PackageRequest(SUBJECT, "credit_assessment", supersedes=first.package_id))
    assert final.value.reason == "PACKAGE_FINAL"
    with pytest.raises(InvalidInputError):
        await desk.ask(PackageRequest("e" * 64, "credit_assessment", supersedes=second.package_id))
    with pytest.raises(NotFoundError):
        await desk.ask(PackageRequest(SUBJECT, "credit_assessment", supersedes="0" * 32))
    assert desk.builder.started == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"subject": "nobody"},
        {"subject": "x" * 300},
        {"subject": "uscc:\x00"},
        {"purpose": ""},
        {"purpose": "p" * 129},
        {"purpose": "p\x00"},
        {"profile": "no-such-profile"},
        {"consent_id": "c" * 65},
        {"supersedes": "s" * 33},
        {"fingerprints": ("zz",)},
        {"fingerprints": ("A" * 64,)},
        {"fingerprints": ("a" * 64,) * (module.MAX_FINGERPRINTS + 1)},
        {"idempotency_key": "k" * 129},
    ],
)
async def test_requests_that_make_no_sense_are_refused_before_anything_is_stored(
    desk: Desk, fields: dict[str, Any]
) -> None:
    wanted = {"subject": SUBJECT, "purpose": "credit_assessment"} | fields
    with pytest.raises(InvalidInputError):
        await desk.ask(PackageRequest(**wanted))
    assert await desk.stages() == []


async def test_a_subject_is_a_handle_or_an_identifier(desk: Desk) -> None:
    handle = desk.packages.handle("USCC:91310000MA1FL8TQ32")
    assert handle == desk.packages.handle("uscc:91310000MA1FL8TQ32")
    row, _ = await desk.ask(PackageRequest("uscc:91310000MA1FL8TQ32", "credit_assessment"))
    assert row.subject == handle
    assert [each.package_id for each in await desk.packages.listed(handle, 0)] == [row.package_id]
    assert await desk.packages.listed(SUBJECT, 0) == []
