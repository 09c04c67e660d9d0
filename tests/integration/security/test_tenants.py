"""Parties of one gateway see and move nothing of each other's, and nobody consents for somebody else."""

from __future__ import annotations

import secrets
from typing import Any

import httpx
import pytest
import structlog

from consortium.documents.canonical import document_bytes
from consortium.identity.signer import P256Signer
from tests.integration.security.world import BANK, World, base64_of, trades_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEEDS = ("ledger", "industry")

Refusal = tuple[int, str]


async def refused(client: httpx.AsyncClient, method: str, path: str, **body: Any) -> Refusal:
    """Status and reason of a refusal that is on the log, and says nothing of what there is."""
    with structlog.testing.capture_logs() as lines:
        answer = await client.request(method, path, **body)
    reason = str(answer.json().get("reason"))
    assert [line["reason"] for line in lines if line["event"] == "request"] == [reason]
    return answer.status_code, reason


@pytest.fixture(scope="module")
def numbers() -> dict[str, str]:
    """What alice's push left behind."""
    return {}


async def test_a_push_and_its_documents_are_the_pusher_s(world: World, numbers: dict[str, str]) -> None:
    trade = trades_of("alice")[0]
    pushed = await world.push("alice", trade.order, *trade.invoices)
    order, invoice = await world.settled("alice", pushed["push_id"])
    numbers |= {"order": order["fingerprint"], "invoice": invoice["fingerprint"]}
    paths = (
        f"/v1/pushes/{pushed['push_id']}",
        f"/v1/documents/{order['document_id']}",
        f"/v1/documents/{invoice['document_id']}",
    )
    unknown = (f"/v1/pushes/{'0' * 32}", f"/v1/documents/{'0' * 32}", f"/v1/documents/{'0' * 32}")
    async with world.as_party("bob") as bob:
        for path, nothing in zip(paths, unknown, strict=True):
            told = await refused(bob, "GET", path)
            assert told == (404, "UNKNOWN_PUSH" if "pushes" in path else "UNKNOWN_DOCUMENT")
            theirs, none = (await bob.get(path)).json(), (await bob.get(nothing)).json()
            assert theirs == none  # not even that it is there
    async with world.as_party("carol") as carol:  # the buyer: the documents concern it, the push does not
        assert await refused(carol, "GET", paths[0]) == (404, "UNKNOWN_PUSH")
        assert (await carol.get(paths[1])).status_code == 200
        assert (await carol.get(paths[2])).status_code == 200


async def test_documents_of_others_cannot_be_pushed(world: World) -> None:
    trade = trades_of("alice")[1]
    pushed = await world.push("bob", trade.order, *trade.despatches, *trade.invoices)
    assert {each["status"] for each in pushed["results"]} == {"refused"}
    assert {each["problems"][0]["rule"] for each in pushed["results"]} == {"NOT_A_PARTY"}


async def test_the_same_key_of_two_parties_is_two_keys(world: World) -> None:
    key = {"idempotency-key": secrets.token_hex(8), "content-type": "application/json"}
    alice, bob = (document_bytes(trades_of(name)[1].order) for name in ("alice", "bob"))
    async with world.as_party("alice") as first, world.as_party("bob") as second:
        one = await first.post("/v1/documents", content=alice, headers=key)
        two = await second.post("/v1/documents", content=bob, headers=key)
        again = await first.post("/v1/documents", content=alice, headers=key)
        other = await first.post("/v1/documents", content=bob, headers=key)
    assert (one.status_code, two.status_code) == (202, 202)
    assert one.json()["push_id"] != two.json()["push_id"]
    assert again.json() == one.json()
    assert (other.status_code, other.json()["reason"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_nobody_sees_grants_or_withdraws_another_party_s_consent(world: World) -> None:
    alice, bob = world.members["alice"], world.members["bob"]
    async with world.as_party("alice") as client:
        granted = await client.post("/v1/consents", json=alice.consent())
        assert granted.status_code == 201
        consent_id = granted.json()["consent"]["consent_id"]
        # A statement about bob: signed by alice, or even rightly by bob himself.
        about_bob = alice.consent(subject=bob.handle)
        assert await refused(client, "POST", "/v1/consents", json=about_bob) == (403, "CONSENT_FOREIGN")
        by_bob = bob.consent()
        assert await refused(client, "POST", "/v1/consents", json=by_bob) == (403, "CONSENT_FOREIGN")
    async with world.as_party("bob") as client:
        assert (await client.get("/v1/consents")).json() == {"consents": []}
        path = f"/v1/consents/{consent_id}/revoke"
        theirs = alice.revocation(consent_id)
        assert await refused(client, "POST", path, json=theirs) == (403, "CONSENT_FOREIGN")
        # Bob's own word about alice's consent is no word about it.
        own = bob.revocation(consent_id)
        assert await refused(client, "POST", path, json=own) == (403, "CONSENT_FOREIGN")
    async with world.as_party("alice") as client:
        (found,) = (await client.get("/v1/consents")).json()["consents"]
        assert (found["consent_id"], found["state"]) == (consent_id, "live")


async def test_a_statement_needs_the_subject_s_own_signature(world: World) -> None:
    import base64

    alice = world.members["alice"]
    good = alice.consent()
    statement = base64.b64decode(good["statement"])
    low, other = base64.b64decode(good["signature"]), alice.consent()
    wrong: list[tuple[dict[str, Any], str]] = [
        (alice.signed(statement, P256Signer.generate()), "SIGNATURE_INVALID"),
        (alice.signed(statement, world.members["bob"].signer), "SIGNATURE_INVALID"),
        (good | {"signature": other["signature"]}, "SIGNATURE_INVALID"),
        (good | {"signature": base64_of(low[:-1])}, "SIGNATURE_INVALID"),
        (good | {"signature": base64_of(b"")}, "SIGNATURE_INVALID"),
        (good | {"statement": base64_of(statement.replace(b"assess", b"monitor"))}, "SIGNATURE_INVALID"),
        (good | {"statement": base64_of(statement + b" ")}, "STATEMENT_INVALID"),
        (good | {"statement": base64_of(statement.replace(b"{", b'{"v":1,', 1))}, "STATEMENT_INVALID"),
        (good | {"statement": base64_of(b"\xff")}, "STATEMENT_INVALID"),
        (good | {"statement": "not base64"}, "BASE64_INVALID"),
        (good | {"key_number": 2}, "UNKNOWN_KEY"),
        (alice.consent(expires=1), "STATEMENT_INVALID"),
        (alice.revocation("0" * 32), "STATEMENT_INVALID"),
    ]
    async with world.as_party("alice") as client:
        before = (await client.get("/v1/consents")).json()
        for body, expected in wrong:
            status, reason = await refused(client, "POST", "/v1/consents", json=body)
            assert (status, reason) == (400, expected), body
        assert (await client.get("/v1/consents")).json() == before
        assert (await client.post("/v1/consents", json=good)).status_code == 201


async def test_a_financing_request_offers_own_receivables_under_own_consents(
    world: World, numbers: dict[str, str]
) -> None:
    path = "/v1/financing-requests"
    asked: dict[str, Any] = {
        "bank": BANK,
        "fingerprints": [numbers["invoice"]],
        "amount": "100.00",
        "currency": "CNY",
    }
    async with world.as_party("alice") as alice:
        consent = await alice.post("/v1/consents", json=world.members["alice"].consent())
        consent_id = consent.json()["consent"]["consent_id"]
        other = await alice.post("/v1/consents", json=world.members["alice"].consent(recipient="BankBMSP"))
        elsewhere = other.json()["consent"]["consent_id"]
        foreign = asked | {"consent_id": elsewhere}
        assert await refused(alice, "POST", path, json=foreign) == (403, "CONSENT_FOREIGN")
        for nonsense in ("x", "x" * 64, "ü" * 32):
            body = asked | {"consent_id": nonsense}
            assert await refused(alice, "POST", path, json=body) == (403, "CONSENT_FOREIGN")
        assert (await alice.post(path, json=asked | {"consent_id": consent_id})).status_code == 201
    async with world.as_party("bob") as bob:
        assert await refused(bob, "POST", path, json=asked) == (400, "UNKNOWN_DOCUMENT")
        assert (await bob.get(path)).json() == {"requests": []}
    async with world.as_party("carol") as carol:  # the debtor does not offer what it owes
        assert await refused(carol, "POST", path, json=asked) == (400, "UNKNOWN_DOCUMENT")
        assert (await carol.get(path)).json() == {"requests": []}
