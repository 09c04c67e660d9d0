"""Filings: stored before they are sent, settled by asking again, once whatever the registry does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import grpc.aio
import pytest
from sqlalchemy import select

from consortium.documents.canonical import canonical_bytes
from consortium.errors import (
    ChanrongError,
    ConflictError,
    DeniedError,
    InvalidInputError,
    NotFoundError,
    OutcomeUnknownError,
    UnavailableError,
)
from consortium.identity.directory import Caller
from consortium.storage.crypto import BodyVault
from consortium.storage.engine import Database
from consortium.wire.chanrong.sources.v1 import registry_pb2 as pb
from crossverify.collateral import Relation, compare, read_description
from crossverify.registrations import facts_of
from crossverify.sources.digest import answer_digest
from finance_gateway.filing.registry import Filed, RegistryFilings, Request
from finance_gateway.filing.text import describe, term_months
from finance_gateway.filing.usecase import AmendWanted, FileWanted, Filings, Secured
from finance_gateway.packages.envelope import FORMAT
from finance_gateway.packages.store import PackageRow
from finance_gateway.store.tables import filings as table
from tests.support.registry_world import case_of
from tests.support.trade_world import BUYER, NOW, SELLER, World, fp, invoice

OFFICER = Caller("BankAMSP", "anna", "bank")
PACKAGE = "p" * 32
ONE, TWO = fp(invoice()), fp(invoice("INV-2"))


@dataclass
class FakeRegistry:
    """Does what is asked once per operation id; ``faults`` come first, one per call.

    A fault "lost" is done, and its answer does not arrive.
    """

    faults: list[ChanrongError | str] = field(default_factory=list)
    done: dict[str, Filed] = field(default_factory=dict)
    sent: list[Request] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def send(self, request: Request) -> Filed:
        self.sent.append(request)
        if self.gate is not None:
            await self.gate.wait()
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, ChanrongError):
            raise fault
        number = getattr(request, "number", "") or f"{len(self.done) + 1:020}"
        result = self.done.setdefault(request.operation_id, Filed(number, NOW, NOW + 10**8, "d" * 64))
        if fault == "lost":
            raise OutcomeUnknownError("The connection broke.", reason="CONNECTION_LOST")
        return result


def package(world: World, decisions: dict[str, str] | None = None) -> bytes:
    """A package file with this evidence; only its form is right."""
    said = decisions or {}
    receivables = [
        {"fingerprint": each.fingerprint, "decision": said.get(each.fingerprint, "eligible")}
        for each in case_of(world).receivables
    ]
    return canonical_bytes(
        {
            "format": FORMAT,
            "nonce": "0" * 64,
            "payload": {"evidence": world.evidence().to_json(), "receivables": receivables},
            "signature": "",
            "signed_reads": [],
        }
    )


class FakePackages:
    def __init__(self, content: bytes) -> None:
        self.content = content

    async def get(self, package_id: str) -> tuple[PackageRow, bytes]:
        if package_id != PACKAGE:
            raise NotFoundError("no such package")
        values: dict[str, Any] = dict.fromkeys(PackageRow.__slots__, "")
        return PackageRow(**(values | {"profile": "receivable-v2"})), self.content


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def filings(database: Database, vault: BodyVault, registry: FakeRegistry) -> Filings:
    return make(database, vault, registry)


def make(database: Database, vault: BodyVault, registry: FakeRegistry | None) -> Filings:
    return Filings(
        database=database,
        vault=vault,
        packages=FakePackages(package(World(invoice(), invoice("INV-2")))),
        registry=registry,
        search=None,
        secured=Secured("Bank A", ("msp:BankAMSP",)),
        clock=lambda: NOW,
    )


WANTED = FileWanted(PACKAGE, (ONE,))


async def test_what_is_sent_is_what_was_stored(filings: Filings, registry: FakeRegistry) -> None:
    filed = await filings.file(WANTED, "k", OFFICER)
    (request,) = registry.sent
    assert isinstance(request, pb.FileRegistrationRequest)
    assert filed.request == request
    assert (filed.row.state, filed.row.registration, filed.row.attempts) == ("done", "0" * 19 + "1", 1)
    assert (filed.row.registered, filed.row.expires) == (NOW, NOW + 10**8)
    assert request.assignor.name == SELLER.name
    assert list(request.secured_party.identifiers) == ["msp:BankAMSP"]
    assert request.term_months == 9, "due in August, now June; six months beyond"
    (listed,) = await filings.listed(fingerprint=ONE)
    assert listed.row == filed.row
    assert await filings.listed(fingerprint=TWO) == []


async def test_the_text_is_sealed(filings: Filings, database: Database) -> None:
    await filings.file(WANTED, "k", OFFICER)
    async with database.read() as session:
        row = (await session.execute(select(table))).one()
    assert BUYER.name is not None
    assert BUYER.name.encode() not in b"".join(str(value).encode() for value in row)


async def test_a_lost_answer_is_asked_for_again_under_the_same_id(
    filings: Filings, registry: FakeRegistry
) -> None:
    registry.faults = ["lost", "lost"]
    first = await filings.file(WANTED, "k", OFFICER)
    assert (first.row.state, first.row.reason, first.row.registration) == ("unknown", "CONNECTION_LOST", "")
    second = await filings.file(WANTED, "k", OFFICER)
    assert second.row.state == "unknown"
    await filings.resume()
    (settled,) = await filings.listed()
    assert (settled.row.state, settled.row.attempts, settled.row.reason) == ("done", 3, "")
    assert len({request.operation_id for request in registry.sent}) == 1
    assert len(registry.done) == 1
    await filings.resume()
    assert len(registry.sent) == 3, "what is settled is not sent again"


async def test_after_a_crash_the_next_process_goes_on(
    database: Database, vault: BodyVault, registry: FakeRegistry
) -> None:
    registry.faults = ["lost"]
    await make(database, vault, registry).file(WANTED, "", OFFICER)
    successor = make(database, vault, registry)
    await successor.start()
    try:
        async with asyncio.timeout(10):
            while (await successor.listed())[0].row.state != "done":
                await asyncio.sleep(0.01)
    finally:
        await successor.stop()
    assert len(registry.done) == 1


async def test_what_goes_wrong_once_does_not_end_the_resuming(
    filings: Filings, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.faults = ["lost"]
    await filings.file(WANTED, "k", OFFICER)
    rounds, settled = 0, asyncio.Event()
    resume = filings.resume

    async def first_wrong() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise RuntimeError("unexpected")
        await resume()
        settled.set()

    monkeypatch.setattr("finance_gateway.filing.usecase.RESUME_INTERVAL_S", 0)
    monkeypatch.setattr(filings, "resume", first_wrong)
    await filings.start()
    await asyncio.wait_for(settled.wait(), 10)
    await filings.stop()
    (listed,) = await filings.listed(fingerprint=ONE)
    assert listed.row.state == "done"


async def test_silence_before_the_first_answer_is_pending_not_unknown(
    filings: Filings, registry: FakeRegistry
) -> None:
    registry.faults = [UnavailableError("paused", reason="INSTITUTION_PAUSED")]
    filed = await filings.file(WANTED, "k", OFFICER)
    assert (filed.row.state, filed.row.reason) == ("pending", "INSTITUTION_PAUSED")
    registry.faults = ["lost", UnavailableError("paused", reason="INSTITUTION_PAUSED")]
    await filings.resume()
    await filings.resume()
    (unknown,) = await filings.listed()
    assert unknown.row.state == "unknown", "an earlier attempt may have been done"


@pytest.mark.parametrize(
    "refusal",
    [
        InvalidInputError("bad", reason="FILING_INVALID"),
        ConflictError("ended", reason="REGISTRATION_ENDED"),
        DeniedError("not yours", reason="REGISTRATION_NOT_OWN"),
    ],
)
async def test_a_refusal_ends_it(filings: Filings, registry: FakeRegistry, refusal: ChanrongError) -> None:
    registry.faults = [refusal]
    filed = await filings.file(WANTED, "k", OFFICER)
    assert (filed.row.state, filed.row.reason) == ("refused", refusal.reason)
    assert (await filings.file(WANTED, "k", OFFICER)).row.state == "refused"
    await filings.resume()
    assert len(registry.sent) == 1
    assert (await filings.file(WANTED, "new", OFFICER)).row.state == "done", "a new one may be filed"


async def test_who_is_not_let_in_waits(filings: Filings, registry: FakeRegistry) -> None:
    """A wrong certificate at the registry says nothing about what an earlier attempt did."""
    registry.faults = ["lost", DeniedError("no", reason="DENIED")]
    await filings.file(WANTED, "k", OFFICER)
    assert (await filings.file(WANTED, "k", OFFICER)).row.state == "unknown"
    await filings.resume()
    assert [each.row.state for each in await filings.listed()] == ["done"]
    assert len(registry.done) == 1


async def test_one_key_is_one_filing_also_at_once(filings: Filings, registry: FakeRegistry) -> None:
    registry.gate = asyncio.Event()
    calls = [asyncio.create_task(filings.file(WANTED, "k", OFFICER)) for _ in range(3)]
    async with asyncio.timeout(10):
        while not registry.sent:
            await asyncio.sleep(0.01)
    registry.gate.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    made = [each for each in results if not isinstance(each, BaseException)]
    assert made
    assert len({each.row.filing_id for each in made}) == 1
    assert len(registry.done) == 1
    with pytest.raises(ConflictError) as caught:
        await filings.file(FileWanted(PACKAGE, (TWO,)), "k", OFFICER)
    assert caught.value.reason == "IDEMPOTENCY_KEY_REUSED"


async def test_an_asset_is_filed_once(filings: Filings, registry: FakeRegistry) -> None:
    filed = await filings.file(WANTED, "a", OFFICER)
    with pytest.raises(ConflictError) as caught:
        await filings.file(FileWanted(PACKAGE), "b", OFFICER)
    assert caught.value.reason == "ALREADY_FILED"
    await filings.cancel(filed.row.registration, "agreed", "c", OFFICER)
    assert len((await filings.file(FileWanted(PACKAGE), "b", OFFICER)).row.fingerprints) == 2


async def test_amendments_are_described_from_the_package(filings: Filings, registry: FakeRegistry) -> None:
    filed = await filings.file(WANTED, "", OFFICER)
    more = AmendWanted(filed.row.registration, "description", package_id=PACKAGE, fingerprints=(ONE, TWO))
    changed = await filings.amend(more, "", OFFICER)
    assert "INV-1、INV-2" in changed.description
    with pytest.raises(NotFoundError):
        await filings.amend(AmendWanted("9" * 20, "term", term_months=3), "", OFFICER)
    for wrong in (
        AmendWanted(filed.row.registration, "term"),
        AmendWanted(filed.row.registration, "term", term_months=361),
        AmendWanted(filed.row.registration, "parties"),
        AmendWanted(filed.row.registration, "release"),
    ):
        with pytest.raises((InvalidInputError, NotFoundError)):
            await filings.amend(wrong, "", OFFICER)


async def test_without_a_registry_nothing_is_stored(database: Database, vault: BodyVault) -> None:
    filings = make(database, vault, None)
    with pytest.raises(UnavailableError) as caught:
        await filings.file(WANTED, "", OFFICER)
    assert caught.value.reason == "REGISTRY_NOT_CONFIGURED"
    with pytest.raises(UnavailableError):
        await filings.search("local:17", [])
    assert await filings.listed() == []


@pytest.mark.parametrize(
    "slip", ["", "supplier", ":", "uscc:", "uscc:91310000MA1FL8TQ33", "USCC:1", "uscc:1"]
)
async def test_a_slip_in_an_identifier_is_no_empty_registry(filings: Filings, slip: str) -> None:
    with pytest.raises(InvalidInputError):
        await filings.search(slip, [])


# --- the text -------------------------------------------------------------------------------------------


def test_the_description_covers_exactly_its_assets() -> None:
    world = World(invoice(), invoice("INV-2"))
    described = describe(package(world), "receivable-v2", (ONE,), "assignment")
    found = read_description(described.description)
    case = case_of(world)
    relations = {}
    for asset in case.assets:
        facts = facts_of(case, asset)
        assert facts is not None
        relations[asset.fingerprint] = compare(found, facts).relation
    assert relations == {ONE: Relation.SAME, TWO: Relation.OTHER}
    assert described.last_due == date(2026, 8, 8)


def test_excluded_receivables_are_left_out_unless_named() -> None:
    content = package(World(invoice(), invoice("INV-2")), {TWO: "excluded"})
    assert describe(content, "receivable-v2", (), "pledge").fingerprints == (ONE,)
    assert describe(content, "receivable-v2", (TWO, TWO), "pledge").fingerprints == (TWO,)


def test_the_assignor_has_its_registered_and_former_names() -> None:
    world = World(invoice())
    world.taxpayer(SELLER, name="Huadong Castings Group", former_names=["Huadong Foundry"])
    party = describe(package(world), "receivable-v2", (), "assignment").assignor
    assert party.name == "Huadong Castings Group"
    assert set(party.former_names) == {"Huadong Castings Ltd", "Huadong Foundry"}
    assert list(party.identifiers) == [str(SELLER.identifiers[0])]


@pytest.mark.parametrize(
    ("due", "given", "months"),
    [
        (date(2026, 8, 8), 0, 9),
        (date(2026, 6, 30), 0, 7),
        (date(2020, 1, 1), 0, 6),
        (date(2090, 1, 1), 0, 360),
        (None, 0, 24),
        (None, 360, 360),
        (date(2026, 8, 8), 3, 3),
    ],
)
def test_terms(due: date | None, given: int, months: int) -> None:
    assert term_months(given, due, NOW) == months


# --- the client -----------------------------------------------------------------------------------------


def answer(request: Any, **changes: Any) -> pb.FileRegistrationResponse:
    filing = {
        "operation_id": request.operation_id,
        "number": "1" * 20,
        "at_unix": NOW,
        "expires_unix": NOW + 9,
    }
    made = pb.FileRegistrationResponse(filing=pb.Filing(**(filing | changes.pop("filing", {}))))
    made.provenance.source = changes.pop("source", "registry")
    made.provenance.institution = changes.pop("institution", "Registry")
    made.provenance.as_of_unix = NOW
    made.provenance.digest = changes.pop("digest", answer_digest(request, made))
    return made


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"source": "tax"}, "does not come from a registry"),
        ({"institution": ""}, "does not come from a registry"),
        ({"digest": "0" * 64}, "digest"),
        ({"filing": {"operation_id": "another"}}, "another operation"),
        ({"filing": {"number": ""}}, "another registration"),
        ({"filing": {"number": "1" * 41}}, "another registration"),
        ({"filing": {"at_unix": NOW + 3600}}, "future"),
        ({"filing": {"at_unix": 0}}, "future"),
        ({"filing": {"expires_unix": NOW}}, "ends before"),
    ],
)
async def test_an_answer_that_cannot_be_one_leaves_the_outcome_unknown(
    changes: dict[str, Any], said: str
) -> None:
    link = grpc.aio.insecure_channel("127.0.0.1:1")
    client = RegistryFilings(link, 1.0, clock=lambda: NOW)
    request = pb.FileRegistrationRequest(operation_id="operation-000001")

    async def method(asked: Any, timeout: float) -> Any:
        return answer(asked, **dict(changes))

    client._methods[pb.FileRegistrationRequest] = method
    if not said:
        assert (await client.send(request)).number == "1" * 20
    else:
        with pytest.raises(OutcomeUnknownError, match=said) as caught:
            await client.send(request)
        assert caught.value.reason == "ANSWER_UNREADABLE"
    await link.close()
