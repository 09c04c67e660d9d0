"""What later facts on a real ledger do to packages and claims, and what a gateway does when it cannot follow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from consortium.contract import names
from consortium.documents import CreditNote
from consortium.documents.canonical import document_bytes
from consortium.errors import UnavailableError
from consortium.rpc.client import call, stream
from consortium.wire.chanrong.finance.v1 import finance_pb2 as pb
from consortium.wire.chanrong.finance.v1 import finance_pb2_grpc as rpc
from finance_gateway.news import News, read_block
from tests.support.finance_bank import FACE, Bank, a_bank, until


async def _reopened(bank: Bank, package_id: str, name: str = "bank-a") -> pb.PackageSummary:
    async def ask() -> pb.PackageSummary | None:
        summary = await bank.summary(package_id, name)
        return summary if summary.state == "reopened" else None

    return await until(ask)


async def _read_on(bank: Bank) -> None:
    """Waits until every block so far is stored: something later that reopens a package of its own is."""
    consent = await bank.consent()
    later = (await bank.package(consent_id=consent)).summary.package_id
    await bank.sandbox.revoke(bank.subject, consent)
    await _reopened(bank, later)


async def test_the_holder_of_an_impaired_claim_is_told(bank: Bank) -> None:
    assess, monitor = await bank.consent(), await bank.consent(scope="monitor")
    invoice = bank.invoices[0]
    claim = (await bank.reserve("bank-a", invoice, assess)).claim.claim_id
    await bank.finance("bank-a", claim, monitor)
    package_id = (await bank.package(consent_id=assess)).summary.package_id
    assert (await bank.summary(package_id)).state == "valid"
    await bank.sandbox.credit(invoice, FACE // 4)
    told = await _reopened(bank, package_id)
    assert "impaired" in told.state_reason
    assert "25.00 %" in told.state_reason
    (held,) = await bank.claims("bank-a")
    assert (held.asset_state, held.shortfall_ppb, held.state) == ("impaired", FACE // 4, "financed")


async def test_another_banks_claim_reopens_and_ones_own_does_not(bank: Bank) -> None:
    consents = {name: await bank.consent(name) for name in ("bank-a", "bank-b")}
    package_id = (await bank.package(consent_id=consents["bank-a"])).summary.package_id
    assert (await bank.reserve("bank-a", bank.invoices[0], consents["bank-a"], FACE // 2)).done
    await _read_on(bank)
    assert (await bank.summary(package_id)).state == "valid"
    assert (await bank.reserve("bank-b", bank.invoices[1], consents["bank-b"], FACE // 2)).done
    assert (await _reopened(bank, package_id)).state_reason == (
        "another financier claimed a share of the receivable"
    )


async def test_a_reversed_document_reopens(bank: Bank) -> None:
    await bank.consent()
    package_id = (await bank.package()).summary.package_id
    item = {"fp": bank.fingerprint(bank.invoices[0]), "reason": "typed wrongly", "evidence": None}
    (result,) = await bank.sandbox.write("IndustryAMSP", names.DOCUMENTS_VOID, [item])
    assert result["status"] == "voided", result
    assert (await _reopened(bank, package_id)).state_reason == "a document was declared void"
    payload = orjson.loads((await bank.package(supersedes=package_id)).package)["payload"]
    voided = [r for r in payload["receivables"] if r["document"] == item["fp"]]
    assert [r["decision"] for r in voided] == ["excluded"]
    assert (await bank.summary(package_id)).state == "superseded"


async def test_a_new_document_of_the_trade_reopens(bank: Bank) -> None:
    await bank.consent()
    package_id = (await bank.package()).summary.package_id
    invoice = bank.trades.invoices[0]
    fields = orjson.loads(document_bytes(invoice))
    for name in ("due_date", "receiving_advice", "despatch_advice", "type_code", "kind", "fapiao"):
        fields.pop(name, None)
    note = CreditNote.model_validate(
        fields
        | {
            "kind": "credit_note",
            "number": f"{invoice.number}-R",
            "preceding_invoices": [{"number": invoice.number, "issue_date": invoice.issue_date.isoformat()}],
        }
    )
    link = {"parent": bank.fingerprint(invoice), "kind": "invoice", "basis": "unknown"}
    item = bank.sandbox.item(note) | {"links": [link | {"of_child": FACE, "of_parent": None}]}
    (result,) = await bank.sandbox.write("IndustryAMSP", names.DOCUMENTS_REGISTER, [item])
    assert result["status"] == "registered", result
    assert "credit note that refers to it" in (await _reopened(bank, package_id)).state_reason


async def test_events_are_told_once_and_in_order_to_who_comes_back(bank: Bank) -> None:
    consent = await bank.consent()
    first = (await bank.package()).summary.package_id
    second = (await bank.package(supersedes=first)).summary.package_id
    await bank.sandbox.revoke(bank.subject, consent)
    await _reopened(bank, second)

    async def read(after: int, count: int) -> list[tuple[int, str, str]]:
        found: list[tuple[int, str, str]] = []
        async with bank.sandbox.as_officer("bank-a") as link:
            wanted = pb.WatchPackagesRequest(after_sequence=after)
            async for event in stream(rpc.PackageServiceStub(link).WatchPackages, wanted, timeout_s=20):
                found.append((event.sequence, event.event, event.summary.package_id))
                if len(found) == count:
                    break
        return found

    (superseded, issued, reopened) = await read(1, 3)
    assert sorted([superseded[1:], issued[1:]]) == [("issued", second), ("superseded", first)]
    assert reopened[1:] == ("reopened", second)
    assert await read(issued[0], 1) == [reopened]


async def _health(bank: Bank, service: str = "") -> int:
    async with bank.sandbox.as_officer("bank-a") as link:
        check = health_pb2_grpc.HealthStub(link).Check  # type: ignore[attr-defined]
        return int((await check(health_pb2.HealthCheckRequest(service=service))).status)


async def _healthz(bank: Bank) -> tuple[int, dict[str, str]]:
    url = f"https://{bank.sandbox.profile.service('bank-a').rest}/healthz"
    async with httpx.AsyncClient(verify=bank.sandbox.roots("bank-a")) as client:
        answer = await client.get(url)
    return answer.status_code, answer.json()["parts"]


async def test_a_gateway_that_cannot_store_blocks_does_not_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The block is stored as soon as that is possible again, nothing is passed over, and service comes back."""
    broken = True

    def failing(*args: Any) -> News:
        if broken:
            raise OSError("no space left")
        return read_block(*args)

    async with a_bank(tmp_path, start=("bank-a",)) as bank:
        consent = await bank.consent()
        package_id = (await bank.package()).summary.package_id
        assert await _healthz(bank) == (200, {"database": "ok", "follower": "ok", "ledger": "ok"})
        monkeypatch.setattr("finance_gateway.follower.read_block", failing)
        async with bank.sandbox.as_officer("bank-a") as link:  # reading goes on
            await bank.sandbox.revoke(bank.subject, consent)

            async def status(wanted: int) -> None:
                async def ask() -> bool | None:
                    services = ("", "chanrong.finance.v1.PackageService")
                    found = [await _health(bank, each) for each in services]
                    return True if found == [wanted] * len(services) else None

                await until(ask)

            await status(health_pb2.HealthCheckResponse.NOT_SERVING)
            code, parts = await _healthz(bank)
            assert (code, parts["database"], parts["ledger"]) == (503, "ok", "ok")
            assert parts["follower"] != "ok"
            listed = await call(rpc.PackageServiceStub(link).ListPackages, pb.ListPackagesRequest())
            assert [each.state for each in listed.packages] == ["valid"]
            broken = False
            await status(health_pb2.HealthCheckResponse.SERVING)
        assert (await _healthz(bank))[0] == 200
        await _reopened(bank, package_id)


async def test_a_gateway_without_its_ledger_says_so_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    async with a_bank(tmp_path, start=("bank-a",)) as bank:
        assess = await bank.consent()
        package_id = (await bank.package()).summary.package_id
        async with bank.sandbox.without_ledger():

            async def down() -> bool | None:
                return True if (await _healthz(bank))[1]["ledger"] != "ok" else None

            await until(down)
            assert await _health(bank) == health_pb2.HealthCheckResponse.SERVING
            assert (await bank.summary(package_id)).state == "valid"
            with pytest.raises(UnavailableError) as failed:
                await bank.package()
            assert failed.value.reason == "LEDGER_UNAVAILABLE"

        async def again() -> pb.RequestPackageResponse | None:
            try:
                return await bank.package(consent_id=assess, idempotency_key="k-1")
            except UnavailableError:  # connections come back within seconds
                return None

        assert (await until(again)).summary.state == "valid"
