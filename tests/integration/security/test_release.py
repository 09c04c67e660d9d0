"""What a bank's gateway gets, asked directly over gRPC: nothing but what a live consent to it covers, every time anew.

Each refusal is on the log and in the gateway's audit log.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
import time
from typing import Any

import grpc
import pytest
import structlog

from consortium.documents.fingerprint import ConsortiumKeys
from consortium.wire.chanrong.documents.v1 import documents_pb2
from consortium.wire.chanrong.industry.v1 import industry_pb2
from tests.integration.security.methods import Answer, ask, request_of
from tests.integration.security.world import BANK, PURPOSE, World, trades_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEEDS = ("ledger", "industry")
PEERS = 2  # so that there are certificates of other gateways

RELEASE = "/chanrong.industry.v1.ReleaseService/Release"


async def release(world: World, who: str = "bank-a", alias: str = "alice", **fields: Any) -> Answer:
    """Asks for a party's documents with the certificate of a gateway."""
    wanted = {"subject": world.members[alias].handle, "purpose": PURPOSE} | fields
    async with world.link("industry-a", who) as link:
        return await ask(link, RELEASE, request_of(RELEASE, **wanted))


def documents(answer: Answer) -> list[documents_pb2.DisclosedDocument]:
    """What came."""
    assert answer.code is grpc.StatusCode.OK, answer
    return [
        document
        for message in answer.messages
        for document in industry_pb2.ReleaseResponse.FromString(message).documents
    ]


async def denied(world: World, **question: Any) -> str:
    """The reason of a refusal: nothing came, and it is on both logs."""
    before = len(audited(world))
    with structlog.testing.capture_logs() as lines:
        answer = await release(world, **question)
    assert answer.code in {grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.NOT_FOUND}, answer
    assert not answer.messages
    assert [line["reason"] for line in lines if line["event"] == "call"] == [answer.reason]
    (entry,) = audited(world)[before:]
    assert (entry["action"], entry["reason"]) == ("release_denied", answer.reason)
    assert entry["fingerprints"] == []
    return answer.reason


def audited(world: World) -> list[dict[str, Any]]:
    """The gateway's audit log."""
    path = world.sandbox.layout.data("industry-a") / "store.db"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        rows = database.execute("select entry from audit_log order by sequence").fetchall()
    database.close()
    return [json.loads(row[0]) for row in rows]


async def consent(world: World, alias: str = "alice", **changes: Any) -> str:
    """A consent that a party granted over REST; its id."""
    async with world.as_party(alias) as client:
        answer = await client.post("/v1/consents", json=world.members[alias].consent(**changes))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["consent"]["consent_id"])


@pytest.fixture(scope="module")
def keys(world: World) -> ConsortiumKeys:
    return world.sandbox.keys


async def test_a_live_consent_gives_what_it_covers_and_is_on_record(
    world: World, keys: ConsortiumKeys
) -> None:
    for alias in ("alice", "bob"):
        trade = trades_of(alias)[0]
        pushed = await world.push(alias, trade.order, *trade.receipts, *trade.invoices)
        await world.settled(alias, pushed["push_id"])
    found = documents(await release(world, consent_id=await consent(world)))
    trade = trades_of("alice")[0]
    expected = {keys.fingerprint(each) for each in (trade.order, *trade.receipts, *trade.invoices)}
    assert {each.fingerprint for each in found} == expected  # nothing of bob's
    assert all(each.canonical_json for each in found)
    assert audited(world)[-1]["action"] == "release"
    assert set(audited(world)[-1]["fingerprints"]) == expected


async def test_no_consent_no_documents(world: World) -> None:
    for nothing in ("", "0" * 32, "x", "ü" * 20, "a" * 5000):
        assert await denied(world, consent_id=nothing) == "UNKNOWN_CONSENT"


async def test_a_consent_to_somebody_else_is_none(world: World) -> None:
    to_a = await consent(world)
    for other in ("bank-b", "industry-b", "ledger"):
        assert await denied(world, who=other, consent_id=to_a) == "CONSENT_FOREIGN"
    to_b = await consent(world, recipient="BankBMSP")
    assert await denied(world, consent_id=to_b) == "CONSENT_FOREIGN"
    assert documents(await release(world, "bank-b", consent_id=to_b))


async def test_a_consent_of_somebody_else_is_none(world: World) -> None:
    bobs = await consent(world, "bob")
    assert await denied(world, consent_id=bobs) == "CONSENT_FOREIGN"
    assert await denied(world, consent_id=bobs, subject="") == "CONSENT_FOREIGN"
    assert await denied(world, consent_id=bobs, subject=world.members["carol"].handle) == "CONSENT_FOREIGN"


async def test_another_purpose_is_another_consent(world: World) -> None:
    given = await consent(world)
    for purpose in ("marketing", "", PURPOSE.upper(), f"{PURPOSE} "):
        assert await denied(world, consent_id=given, purpose=purpose) == "CONSENT_PURPOSE"


async def test_a_withdrawn_consent_is_dead_at_once(world: World) -> None:
    given = await consent(world)
    assert documents(await release(world, consent_id=given))
    async with world.as_party("alice") as client:
        body = world.members["alice"].revocation(given)
        assert (await client.post(f"/v1/consents/{given}/revoke", json=body)).status_code == 200
    assert await denied(world, consent_id=given) == "CONSENT_REVOKED"
    async with world.as_party("alice") as client:  # and stays so
        anew = world.members["alice"].consent(consent_id=given, expires=int(time.time()) + 7200)
        again = await client.post("/v1/consents", json=anew)
        assert (again.status_code, again.json()["reason"]) == (409, "CONSENT_EXISTS")
    assert await denied(world, consent_id=given) == "CONSENT_REVOKED"


async def test_an_expired_consent_is_dead(world: World) -> None:
    end = int(time.time()) + 2
    given = await consent(world, expires=end)
    async with asyncio.timeout(20):
        asked = time.time()
        while (await release(world, consent_id=given)).code is grpc.StatusCode.OK:
            assert asked < end
            await asyncio.sleep(0.05)
            asked = time.time()
    assert await denied(world, consent_id=given) == "CONSENT_EXPIRED"
    assert time.time() >= end


async def test_fields_that_are_not_covered_stay(world: World, keys: ConsortiumKeys) -> None:
    trade = trades_of("alice")[0]
    order, invoice = keys.fingerprint(trade.order), keys.fingerprint(trade.invoices[0])
    only_invoices = await consent(world, fields=["invoice"])
    found = documents(await release(world, consent_id=only_invoices, fingerprints=[order, invoice]))
    assert [each.fingerprint for each in found] == [invoice]
    only_dates = await consent(world, fields=["invoice.issue_date"])
    (shown,) = documents(await release(world, consent_id=only_dates))
    assert (shown.canonical_json, shown.salt_secret) == (b"", b"")
    assert [each.name for each in shown.leaves] == ["issue_date"]
    assert trade.invoices[0].number.encode() not in shown.SerializeToString()
    monitor = await consent(world, scope="monitor")
    assert documents(await release(world, consent_id=monitor)) == []  # nothing of it is financed


async def test_documents_that_are_named_are_given_only_if_they_are_the_subject_s(
    world: World, keys: ConsortiumKeys
) -> None:
    given = await consent(world)
    bobs = [keys.fingerprint(each) for each in trades_of("bob")[0].invoices]
    assert documents(await release(world, consent_id=given, fingerprints=bobs)) == []
    unknown = [secrets.token_hex(32), "", "x", "ü", "' or 1=1 --"]
    assert documents(await release(world, consent_id=given, fingerprints=unknown)) == []
    assert {each["organisation"] for each in audited(world)} <= {
        BANK, "BankBMSP", "IndustryBMSP", "OrdererMSP",
    }  # fmt: skip
