"""A bank files in the movable-property registry: over real gRPC and mutual TLS, killed and paused on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chanrong.sandbox.clients import admin_of, connect
from consortium.errors import ChanrongError, ConflictError, DeniedError, InvalidInputError, NotFoundError
from consortium.identity.client_secrets import hash_client_secret
from consortium.rpc.client import call
from consortium.wire.chanrong.finance.v1 import registry_pb2 as pb
from consortium.wire.chanrong.finance.v1 import registry_pb2_grpc as rpc
from consortium.wire.chanrong.sources.v1 import sources_pb2, sources_pb2_grpc
from finance_gateway.filing import usecase
from tests.support.finance_bank import Bank, a_bank, until
from tests.support.finance_process import armed

PLACES = (usecase.AFTER_STORE, usecase.AFTER_NOTED, usecase.AFTER_ANSWER)


class Desk:
    """One bank's officer at the registry service."""

    def __init__(self, bank: Bank, name: str = "bank-a") -> None:
        self.bank = bank
        self.name = name

    async def ask(self, method: str, request: Any) -> Any:
        async with self.bank.sandbox.as_officer(self.name) as link:
            return await call(getattr(rpc.RegistryServiceStub(link), method), request, timeout_s=30)

    async def file(self, package_id: str, key: str = "", **fields: Any) -> pb.FilingRecord:
        request = pb.FileAssetsRequest(package_id=package_id, idempotency_key=key, **fields)
        answer: pb.FileAssetsResponse = await self.ask("FileAssets", request)
        return answer.filing

    async def amend(self, **fields: Any) -> pb.FilingRecord:
        answer: pb.AmendFilingResponse = await self.ask("AmendFiling", pb.AmendFilingRequest(**fields))
        return answer.filing

    async def cancel(self, registration: str, reason: str = "paid", key: str = "") -> pb.FilingRecord:
        request = pb.CancelFilingRequest(registration=registration, reason=reason, idempotency_key=key)
        answer: pb.CancelFilingResponse = await self.ask("CancelFiling", request)
        return answer.filing

    async def filings(self, **fields: Any) -> list[pb.FilingRecord]:
        answer: pb.ListFilingsResponse = await self.ask("ListFilings", pb.ListFilingsRequest(**fields))
        return list(answer.filings)

    async def registered(self) -> list[Any]:
        """What the registry has on the supplier."""
        request = pb.SearchRegistryRequest(assignor=self.bank.supplier)
        answer: pb.SearchRegistryResponse = await self.ask("SearchRegistry", request)
        assert answer.state == "answered", answer.reason
        return list(answer.answer.registrations)


async def pause(bank: Bank, paused: bool) -> None:
    service = bank.sandbox.profile.service("registry", "adapter")
    async with connect(bank.sandbox.layout, service, admin_of(service)) as link:
        stub = sources_pb2_grpc.InstitutionAdminServiceStub(link)
        await call(stub.SetPaused, sources_pb2.SetPausedRequest(paused=paused))


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Bank]:
    async with a_bank(tmp_path, trades=3, start=("bank-a", "bank-b")) as made:
        yield made


async def a_package(bank: Bank, name: str = "bank-a") -> str:
    """A package in which nothing is excluded: the institutions have no data, and this profile refers then."""
    await bank.consent(name)
    return (await bank.package(name, profile="receivable-v1")).summary.package_id


async def test_filed_searched_amended_cancelled(bank: Bank) -> None:
    desk = Desk(bank)
    package = await a_package(bank)
    first, second = bank.invoices[:2]
    shown = await desk.file(package, preview=True, fingerprints=[bank.fingerprint(first)])
    assert (shown.state, shown.registration, await desk.registered()) == ("preview", "", [])
    assert f"发票号码:{first.number}" in shown.description

    filed = await desk.file(package, "k-1", fingerprints=[bank.fingerprint(first)])
    assert (filed.state, filed.act, filed.description) == ("done", "file", shown.description)
    assert filed.registered_unix
    assert filed.expires_unix > filed.registered_unix
    (entry,) = await desk.registered()
    assert (entry.number, entry.filed_by, entry.state) == (filed.registration, "BankAMSP", "live")
    assert entry.description == filed.description
    assert entry.registered_unix == filed.registered_unix

    assert await desk.file(package, "k-1", fingerprints=[bank.fingerprint(first)]) == filed
    with pytest.raises(ConflictError) as caught:
        await desk.file(package, "k-2", fingerprints=[bank.fingerprint(first), bank.fingerprint(second)])
    assert (caught.value.reason, caught.value.details["registration"]) == (
        "ALREADY_FILED",
        filed.registration,
    )

    longer = await desk.amend(
        registration=filed.registration, kind="term", term_months=60, idempotency_key="t"
    )
    assert (longer.state, longer.term_months) == ("done", 60)
    assert longer.expires_unix > filed.expires_unix
    released = await desk.amend(
        registration=filed.registration,
        kind="release",
        package_id=package,
        fingerprints=[bank.fingerprint(first)],
    )
    assert released.state == "done"
    (entry,) = await desk.registered()
    assert [each.kind for each in entry.amendments] == ["term", "release"]
    assert entry.expires_unix == longer.expires_unix

    ended = await desk.cancel(filed.registration, key="c")
    assert (ended.state, ended.registration) == ("done", filed.registration)
    assert await desk.cancel(filed.registration, key="c") == ended
    assert [each.state for each in await desk.registered()] == ["cancelled"]
    again = await desk.file(package, fingerprints=[bank.fingerprint(first), bank.fingerprint(second)])
    assert again.state == "done"
    assert again.registration != filed.registration
    acts = [each.act for each in await desk.filings(fingerprint=bank.fingerprint(first))]
    assert sorted(acts) == ["amend", "amend", "cancel", "file", "file"]
    assert [each.act for each in await desk.filings(fingerprint=bank.fingerprint(second))] == ["file"]


async def test_everything_that_is_not_excluded_is_filed_by_default(bank: Bank) -> None:
    desk = Desk(bank)
    package = await a_package(bank)
    summary = await bank.summary(package)
    filed = await desk.file(package)
    assert len(filed.fingerprints) == summary.eligible_count + summary.refer_count > 0
    excluded = await bank.package(profile="receivable-v2")
    assert excluded.summary.excluded_count == len(bank.invoices)
    with pytest.raises(InvalidInputError) as caught:
        await desk.file(excluded.summary.package_id)
    assert caught.value.reason == "NOTHING_TO_FILE"


async def test_a_later_package_knows_the_own_registration(bank: Bank) -> None:
    desk = Desk(bank)
    filed = await desk.file(await a_package(bank))
    assert filed.state == "done"
    package = await bank.package(profile="receivable-v2")
    text = package.package.decode()
    assert filed.registration in text, "the registry was asked, and its answer is in the evidence"
    other = Desk(bank, "bank-b")
    await bank.consent("bank-b")
    theirs = await bank.package("bank-b", profile="receivable-v2")
    assert filed.registration in theirs.package.decode()
    with pytest.raises(NotFoundError):
        await other.cancel(filed.registration)


async def test_only_this_banks_officers_file(bank: Bank) -> None:
    package = await a_package(bank)
    service = bank.sandbox.profile.service("bank-a")
    for who in ("bank-a-operator", "bank-b-officer", "bank-b", "industry-a", "institutions-operator"):
        async with connect(bank.sandbox.layout, service, who) as link:
            stub: Any = rpc.RegistryServiceStub(link)
            for method, request in (
                (stub.FileAssets, pb.FileAssetsRequest(package_id=package)),
                (stub.AmendFiling, pb.AmendFilingRequest(registration="1")),
                (stub.CancelFiling, pb.CancelFilingRequest(registration="1")),
            ):
                with pytest.raises(DeniedError):
                    await call(method, request)
            if who != "bank-a-operator":
                with pytest.raises(DeniedError):
                    await call(stub.ListFilings, pb.ListFilingsRequest())
                with pytest.raises(DeniedError):
                    await call(stub.SearchRegistry, pb.SearchRegistryRequest(assignor="uscc:1"))
            else:
                await call(stub.ListFilings, pb.ListFilingsRequest())
    assert await Desk(bank).registered() == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"fingerprints": ["f" * 64]}, "ASSET_UNKNOWN"),
        ({"kind": "movables"}, "NOT_REGISTRABLE"),
        ({"kind": "lease"}, "INVALID_INPUT"),
        ({"term_months": 361}, "INVALID_INPUT"),
    ],
)
async def test_what_cannot_be_filed(bank: Bank, fields: dict[str, Any], reason: str) -> None:
    desk = Desk(bank)
    with pytest.raises(InvalidInputError) as caught:
        await desk.file(await a_package(bank), **fields)
    assert caught.value.reason == reason
    assert await desk.filings() == []


async def test_a_paused_registry_is_asked_again_until_it_does_it(bank: Bank) -> None:
    desk = Desk(bank)
    package = await a_package(bank)
    await pause(bank, True)
    waiting = await desk.file(package, "k")
    assert (waiting.state, waiting.reason, waiting.registration) == ("pending", "INSTITUTION_PAUSED", "")
    with pytest.raises(ConflictError, match="already"):
        await desk.file(package, "other")
    await pause(bank, False)

    async def done() -> pb.FilingRecord | None:
        (found,) = await desk.filings()
        return found if found.state == "done" else None

    settled = await until(done)
    assert await desk.file(package, "k") == settled
    assert [each.number for each in await desk.registered()] == [settled.registration]


@pytest.mark.parametrize("place", PLACES)
async def test_killed_between_storing_and_filing(tmp_path: Path, place: str) -> None:
    """There is one registration, and both sides know it."""
    async with a_bank(tmp_path, trades=2) as bank:
        desk = Desk(bank)
        async with armed(bank, "bank-a", place) as killed:
            package = await a_package(bank)
            with pytest.raises(ChanrongError):
                await desk.file(package, "k")
            await killed.gone()
        async with bank.sandbox.finance("bank-a"):
            filed = await desk.file(package, "k")
            assert filed.state == "done"
            assert [each.number for each in await desk.registered()] == [filed.registration]
            assert [each.filing_id for each in await desk.filings()] == [filed.filing_id]


async def test_what_nobody_asks_for_again_is_filed_at_the_next_start(tmp_path: Path) -> None:
    async with a_bank(tmp_path, trades=2) as bank:
        desk = Desk(bank)
        async with armed(bank, "bank-a", usecase.AFTER_STORE) as killed:
            package = await a_package(bank)
            with pytest.raises(ChanrongError):
                await desk.file(package)
            await killed.gone()
        async with bank.sandbox.finance("bank-a"):

            async def done() -> bool | None:
                return True if [each.state for each in await desk.filings()] == ["done"] else None

            assert await until(done)
            assert len(await desk.registered()) == 1


async def test_over_rest(tmp_path: Path) -> None:
    clients = {"finance": {"clients": {"core-banking": hash_client_secret("a secret")}}}
    async with a_bank(tmp_path, trades=2, start=("bank-a",), overrides=clients) as bank:
        package = await a_package(bank)
        base = f"https://{bank.sandbox.profile.service('bank-a').rest}"
        async with httpx.AsyncClient(
            base_url=base, verify=bank.sandbox.roots("bank-a"), timeout=30
        ) as client:
            body: dict[str, Any] = {"package_id": package}
            assert (await client.post("/v1/registry/filings", json=body)).status_code == 401
            token = await client.post(
                "/oauth2/token", data={"grant_type": "client_credentials"}, auth=("core-banking", "a secret")
            )
            client.headers["authorization"] = f"Bearer {token.json()['access_token']}"
            shown = await client.post("/v1/registry/filings", json=body | {"preview": True})
            assert (shown.status_code, shown.json()["state"]) == (200, "preview")
            key = {"Idempotency-Key": "k"}
            filed = await client.post("/v1/registry/filings", json=body, headers=key)
            assert (filed.status_code, filed.json()["state"]) == (201, "done"), filed.text
            number = filed.json()["registration"]
            assert (await client.post("/v1/registry/filings", json=body, headers=key)).json() == filed.json()
            found = await client.get("/v1/registry/registrations", params={"assignor": bank.supplier})
            assert [each["number"] for each in found.json()["answer"]["registrations"]] == [number]
            change = {"kind": "term", "term_months": 60}
            amended = await client.post(f"/v1/registry/registrations/{number}/amend", json=change)
            assert amended.json()["state"] == "done"
            ended = await client.post(f"/v1/registry/registrations/{number}/cancel", json={"reason": "paid"})
            assert ended.json()["state"] == "done"
            listed = (await client.get("/v1/registry/filings", params={"registration": number})).json()
            assert sorted(each["act"] for each in listed["filings"]) == ["amend", "cancel", "file"]
            await pause(bank, True)
            waiting = await client.post("/v1/registry/filings", json=body)
            assert (waiting.status_code, waiting.json()["state"]) == (202, "pending")
