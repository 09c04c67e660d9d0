"""What a bank's loan desk relies on: packages that hold offline, and that say when something does not."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from consortium.documents.canonical import canonical_bytes
from consortium.errors import ChanrongError, DeniedError, UnavailableError
from consortium.identity.trust import TrustRoots
from consortium.rpc.client import call, stream
from consortium.wire.chanrong.finance.v1 import finance_pb2 as pb
from consortium.wire.chanrong.finance.v1 import finance_pb2_grpc as rpc
from finance_gateway.packages.verify import verify_package
from tests.integration.finance.conftest import Bank

PURPOSE = "credit_assessment"


async def _request(bank: Bank, name: str = "bank-a", **fields: Any) -> pb.RequestPackageResponse:
    wanted = pb.RequestPackageRequest(subject=bank.subject, purpose=PURPOSE, **fields)
    async with bank.sandbox.as_officer(name) as link:
        answer: pb.RequestPackageResponse = await call(rpc.PackageServiceStub(link).RequestPackage, wanted)
        return answer


def _verify(bank: Bank, data: bytes, at: int | None = None) -> Any:
    return verify_package(data, TrustRoots.load(bank.sandbox.layout.trust), at=at)


async def test_a_package_is_made_and_holds_offline(bank: Bank) -> None:
    await bank.sandbox.consent(bank.subject, "BankAMSP")
    answer = await _request(bank)
    payload = orjson.loads(answer.package)["payload"]
    assert answer.summary.state == "valid"
    assert answer.summary.anchor_transaction_id
    assert len(payload["evidence"]["documents"]) == len(bank.trades.documents)
    report = _verify(bank, answer.package)
    assert report.ok, report.checks
    assert any("embedded ledger" in notice for notice in report.notices)
    for receivable in payload["receivables"]:
        assert receivable["waterfall"][-1]["balance"] == receivable["amount"]


async def test_every_altered_field_is_found(bank: Bank) -> None:
    await bank.sandbox.consent(bank.subject, "BankAMSP")
    package = (await _request(bank)).package
    content = orjson.loads(package)

    def altered(change: Any) -> bytes:
        copy = orjson.loads(package)
        change(copy)
        return canonical_bytes(copy)

    def flip(text: str) -> str:
        return ("1" if text[0] != "1" else "2") + text[1:]

    changes = {
        "summary": lambda c: c["payload"]["summary"]["counts"].update(eligible=999),
        "finding": lambda c: c["payload"]["findings"][0].update(outcome="PASS", message="fine"),
        "body": lambda c: c["payload"]["evidence"]["documents"][0]["document"].update(number="X-1"),
        "evidence": lambda c: c["payload"]["evidence"].update(
            evaluated_at=content["payload"]["evaluated_at"] + 1
        ),
        "nonce": lambda c: c.update(nonce=flip(c["nonce"])),
        "read": lambda c: c.update(signed_reads=c["signed_reads"][:-1]),
        "signature": lambda c: c.update(signature=c["signature"][:-4] + "AAAA"),
        "digest": lambda c: c["payload"].update(profile_digest=flip(c["payload"]["profile_digest"])),
    }
    for name, change in changes.items():
        report = _verify(bank, altered(change))
        assert not report.ok, name
    assert not _verify(bank, package + b"\n").ok
    assert not _verify(bank, package[:-1]).ok


async def test_a_package_of_an_unknown_issuer_does_not_hold(bank: Bank) -> None:
    await bank.sandbox.consent(bank.subject, "BankAMSP")
    package = (await _request(bank)).package
    trust = bank.sandbox.layout.trust / "trust.json"
    known = orjson.loads(trust.read_bytes())
    del known["package_issuers"]["BankAMSP"]
    trust.write_bytes(orjson.dumps(known))
    report = _verify(bank, package)
    assert [check.name for check in report.checks if not check.ok] == ["signature"]


async def test_a_package_runs_out(bank: Bank) -> None:
    await bank.sandbox.consent(bank.subject, "BankAMSP")
    answer = await _request(bank)
    report = _verify(bank, answer.package, at=answer.summary.valid_until_unix + 1)
    assert [check.name for check in report.checks if not check.ok] == ["validity"]


async def test_without_consent_nothing_is_asked(bank: Bank) -> None:
    await bank.sandbox.consent(bank.subject, "BankBMSP")
    with pytest.raises(DeniedError) as denied:
        await _request(bank)
    assert denied.value.reason == "CONSENT_MISSING"
    assert bank.releases.asked == []


async def test_the_same_key_gives_the_same_package(bank: Bank) -> None:
    await bank.sandbox.consent(bank.subject, "BankAMSP")
    first = await _request(bank, idempotency_key="k-1")
    again = await _request(bank, idempotency_key="k-1")
    other = await _request(bank, idempotency_key="k-2")
    assert again.package == first.package
    assert other.summary.package_id != first.summary.package_id
    with pytest.raises(ChanrongError) as reused:
        await _request(bank, idempotency_key="k-1", profile="receivable-v1")
    assert reused.value.reason == "IDEMPOTENCY_KEY_REUSED"


async def test_a_body_that_is_not_the_ledgers_is_withheld(bank: Bank) -> None:
    await bank.sandbox.consent(bank.subject, "BankAMSP")
    invoice = bank.trades.invoices[0]
    body = bank.sandbox.bodies[bank.fingerprint(invoice)]
    document = orjson.loads(body.canonical_json)
    document["totals"]["payable"] = "1"
    body.canonical_json = canonical_bytes(document)
    payload = orjson.loads((await _request(bank)).package)["payload"]
    withheld = payload["evidence"]["withheld"]
    assert [item["reason"] for item in withheld] == ["COMMITMENT_MISMATCH"]


async def test_a_gateway_that_does_not_know_the_subject_has_no_documents(bank: Bank) -> None:
    await bank.sandbox.consent(bank.subject, "BankAMSP")
    bank.releases.unknown.add(bank.subject)
    payload = orjson.loads((await _request(bank)).package)["payload"]
    assert payload["evidence"]["documents"] == []


async def test_a_gateway_that_does_not_answer_ends_the_request(bank: Bank) -> None:
    await bank.sandbox.consent(bank.subject, "BankAMSP")
    bank.releases.down = True
    with pytest.raises(UnavailableError) as failed:
        await _request(bank)
    assert failed.value.reason == "INDUSTRY_GATEWAY_UNAVAILABLE"


async def test_a_later_fact_reopens_the_package_and_tells_who_watches(bank: Bank) -> None:
    consent = await bank.sandbox.consent(bank.subject, "BankAMSP")
    package_id = (await _request(bank)).summary.package_id
    seen: list[pb.WatchPackagesResponse] = []

    async def watch() -> None:
        async with bank.sandbox.as_officer("bank-a") as link:
            wanted = pb.WatchPackagesRequest(after_sequence=1, package_id=package_id)
            async for event in stream(rpc.PackageServiceStub(link).WatchPackages, wanted, timeout_s=30):
                seen.append(event)
                return

    watcher = asyncio.create_task(watch())
    await bank.sandbox.revoke(bank.subject, consent)
    await asyncio.wait_for(watcher, 20)
    assert (seen[0].event, seen[0].summary.state) == ("reopened", "reopened")
    assert consent in seen[0].reason


async def test_a_superseding_package_replaces_the_old_one(bank: Bank) -> None:
    await bank.sandbox.consent(bank.subject, "BankAMSP")
    first = await _request(bank)
    await _request(bank, supersedes=first.summary.package_id)
    async with bank.sandbox.as_officer("bank-a") as link:
        wanted = pb.GetPackageRequest(package_id=first.summary.package_id)
        old = await call(rpc.PackageServiceStub(link).GetPackage, wanted)
    assert old.summary.state == "superseded"


async def test_another_banks_officer_is_denied(bank: Bank) -> None:
    from chanrong.sandbox.clients import connect

    service = bank.sandbox.profile.service("bank-a")
    async with connect(bank.sandbox.layout, service, "bank-b-officer") as link:
        with pytest.raises(DeniedError):
            await call(rpc.PackageServiceStub(link).ListPackages, pb.ListPackagesRequest())
