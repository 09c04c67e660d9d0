"""What a bank's loan desk relies on: packages that hold offline, and that say when something does not."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from consortium.documents.canonical import canonical_bytes
from consortium.errors import ChanrongError, DeniedError, NotFoundError, UnavailableError
from consortium.rpc.client import AFTER_HEADER, call, stream
from consortium.wire.chanrong.finance.v1 import finance_pb2 as pb
from consortium.wire.chanrong.finance.v1 import finance_pb2_grpc as rpc
from tests.support.finance_bank import Bank


async def test_a_package_is_made_and_holds_offline(bank: Bank) -> None:
    await bank.consent()
    answer = await bank.package()
    payload = orjson.loads(answer.package)["payload"]
    assert answer.summary.state == "valid"
    assert answer.summary.anchor_transaction_id
    assert len(payload["evidence"]["documents"]) == len(bank.trades.documents)
    report = bank.verify(answer.package)
    assert report.ok, report.checks
    assert any("embedded ledger" in notice for notice in report.notices)
    for receivable in payload["receivables"]:
        assert receivable["waterfall"][-1]["balance"] == receivable["amount"]


async def test_every_altered_field_is_found(bank: Bank) -> None:
    await bank.consent()
    package = (await bank.package()).package
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
        report = bank.verify(altered(change))
        assert not report.ok, name
    assert not bank.verify(package + b"\n").ok
    assert not bank.verify(package[:-1]).ok


async def test_a_package_of_an_unknown_issuer_does_not_hold(bank: Bank) -> None:
    await bank.consent()
    package = (await bank.package()).package
    trust = bank.sandbox.layout.trust / "trust.json"
    known = orjson.loads(trust.read_bytes())
    del known["package_issuers"]["BankAMSP"]
    trust.write_bytes(orjson.dumps(known))
    report = bank.verify(package)
    assert [check.name for check in report.checks if not check.ok] == ["signature"]


async def test_a_package_runs_out(bank: Bank) -> None:
    await bank.consent()
    answer = await bank.package()
    report = bank.verify(answer.package, at=answer.summary.valid_until_unix + 1)
    assert [check.name for check in report.checks if not check.ok] == ["validity"]


async def test_without_consent_nothing_is_asked(bank: Bank) -> None:
    await bank.consent("bank-b")
    with pytest.raises(DeniedError) as denied:
        await bank.package()
    assert denied.value.reason == "CONSENT_MISSING"
    assert bank.releases.asked == []


async def test_the_same_key_gives_the_same_package(bank: Bank) -> None:
    await bank.consent()
    first = await bank.package(idempotency_key="k-1")
    again = await bank.package(idempotency_key="k-1")
    other = await bank.package(idempotency_key="k-2")
    assert again.package == first.package
    assert other.summary.package_id != first.summary.package_id
    with pytest.raises(ChanrongError) as reused:
        await bank.package(idempotency_key="k-1", profile="receivable-v1")
    assert reused.value.reason == "IDEMPOTENCY_KEY_REUSED"


async def test_a_body_that_is_not_the_ledgers_is_withheld(bank: Bank) -> None:
    await bank.consent()
    invoice = bank.trades.invoices[0]
    body = bank.sandbox.bodies[bank.fingerprint(invoice)]
    document = orjson.loads(body.canonical_json)
    document["totals"]["payable"] = "1"
    body.canonical_json = canonical_bytes(document)
    payload = orjson.loads((await bank.package()).package)["payload"]
    withheld = payload["evidence"]["withheld"]
    assert [item["reason"] for item in withheld] == ["COMMITMENT_MISMATCH"]


async def test_a_gateway_that_does_not_know_the_subject_has_no_documents(bank: Bank) -> None:
    await bank.consent()
    bank.releases.unknown.add(bank.subject)
    payload = orjson.loads((await bank.package()).package)["payload"]
    assert payload["evidence"]["documents"] == []


async def test_a_gateway_that_does_not_answer_ends_the_request(bank: Bank) -> None:
    await bank.consent()
    bank.releases.down = True
    with pytest.raises(UnavailableError) as failed:
        await bank.package()
    assert failed.value.reason == "INDUSTRY_GATEWAY_UNAVAILABLE"


async def test_a_later_fact_reopens_the_package_and_tells_who_watches(bank: Bank) -> None:
    consent = await bank.consent()
    package_id = (await bank.package()).summary.package_id
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


async def test_a_stream_says_after_which_event_it_begins(bank: Bank) -> None:
    await bank.consent()
    package_id = (await bank.package()).summary.package_id
    async with bank.sandbox.as_officer("bank-a") as link:
        follow = rpc.PackageServiceStub(link).WatchPackages
        running = follow(pb.WatchPackagesRequest(package_id=package_id), timeout=30)
        assert dict(await running.initial_metadata())[AFTER_HEADER] == "1"
        running.cancel()
        with pytest.raises(NotFoundError):
            await anext(stream(follow, pb.WatchPackagesRequest(package_id="nonsense"), timeout_s=30))


async def test_a_superseding_package_replaces_the_old_one(bank: Bank) -> None:
    await bank.consent()
    first = await bank.package()
    await bank.package(supersedes=first.summary.package_id)
    assert (await bank.summary(first.summary.package_id)).state == "superseded"


async def test_another_banks_officer_is_denied(bank: Bank) -> None:
    from chanrong.sandbox.clients import connect

    service = bank.sandbox.profile.service("bank-a")
    async with connect(bank.sandbox.layout, service, "bank-b-officer") as link:
        with pytest.raises(DeniedError):
            await call(rpc.PackageServiceStub(link).ListPackages, pb.ListPackagesRequest())
