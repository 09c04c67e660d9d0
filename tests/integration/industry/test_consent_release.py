"""Consent is the party's own; bodies leave only under a live one, and always on record."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64encode
from typing import Any

import pytest
from sqlalchemy import select

from consortium.contract.claims import claim_handle, opening_key
from consortium.contract.codec import encode
from consortium.documents.canonical import document_bytes
from consortium.documents.commitment import (
    DisclosedLeaf,
    Disclosure,
    commitment_hex,
    verify_disclosure,
)
from consortium.documents.kinds import parse_canonical
from consortium.errors import ChanrongError, DeniedError, InvalidInputError, NotFoundError
from consortium.rpc.client import call, stream
from consortium.storage.engine import create_engine
from consortium.wire.chanrong.documents.v1 import documents_pb2
from consortium.wire.chanrong.industry.v1 import industry_pb2, industry_pb2_grpc
from industry_gateway.store import audit
from industry_gateway.store.database import Database
from industry_gateway.store.tables import audit_log
from tests.integration.industry.papers import confirmation, invoice, order
from tests.integration.industry.world import BANK, SELLER, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

PURPOSE = "credit_assessment"


async def grant(world: World, alias: str = "seller", **changes: Any) -> industry_pb2.Consent:
    """A consent, granted over gRPC."""
    statement, signature = world.parties[alias].consent(**changes)
    async with world.stub(industry_pb2_grpc.ConsentServiceStub, alias) as stub:
        request = industry_pb2.GrantRequest(statement=statement, signature=signature, key_number=1)
        answer: industry_pb2.GrantResponse = await call(stub.Grant, request)
        return answer.consent


async def release(
    world: World, consent_id: str, *, msp: str = BANK, purpose: str = PURPOSE, **more: Any
) -> list[documents_pb2.DisclosedDocument]:
    """What a bank's gateway gets."""
    request = industry_pb2.ReleaseRequest(
        subject=more.pop("subject", world.parties["seller"].handle),
        consent_id=consent_id,
        purpose=purpose,
        **more,
    )
    found: list[documents_pb2.DisclosedDocument] = []
    async with world.stub(industry_pb2_grpc.ReleaseServiceStub, "bank-a", msp, "gateway") as stub:
        async for part in stream(stub.Release, request, timeout_s=20):
            found += part.documents
    return found


async def audited(world: World) -> list[dict[str, Any]]:
    """The audit log's entries, oldest first; the log is whole."""
    return await audited_in(f"sqlite:///{world.root / 'industry.db'}")


async def audited_in(url: str) -> list[dict[str, Any]]:
    """The same of any database."""
    database = Database(create_engine(url))
    async with database.read() as connection:
        assert await audit.broken(connection) == []
        rows = await connection.execute(select(audit_log.c.entry).order_by(audit_log.c.sequence))
        found = [json.loads(row.entry) for row in rows]
    await database.close()
    return found


@pytest.fixture(scope="module")
def numbers() -> list[str]:
    return [f"R-{n}" for n in range(3)]


async def _trade(world: World, numbers: list[str]) -> None:
    seller = await world.push("seller", [invoice(each, order_number="R-PO") for each in numbers])
    buyer = await world.push("buyer", [order("R-PO"), confirmation("R-CONF", numbers[0])])
    other_order = await world.push("buyer", [order("R-OTHER", seller=_third())])
    for party, answer in (("seller", seller), ("buyer", buyer), ("buyer", other_order)):
        await world.settled(party, answer.push_id)


def _third() -> dict[str, Any]:
    return {"name": "别的供应商", "identifiers": [{"scheme": "gln", "value": "6901234500009"}]}


async def test_a_consent_is_granted_listed_and_withdrawn(world: World) -> None:
    granted = await grant(world, fields=["invoice", "purchase_order.lines"])
    assert (granted.state, granted.recipient, granted.scope) == ("live", BANK, "assess")
    assert granted.transaction_id
    async with world.http("seller") as http:
        listed = (await http.get("/v1/consents")).json()["consents"]
        assert granted.consent_id in {each["consent_id"] for each in listed}
        statement, signature = world.parties["seller"].revocation(granted.consent_id)
        body = {
            "statement": b64encode(statement).decode(),
            "signature": b64encode(signature).decode(),
            "key_number": 1,
        }
        answer = await http.post(f"/v1/consents/{granted.consent_id}/revoke", json=body)
        assert answer.json()["consent"]["state"] == "revoked"
        again = await http.post(f"/v1/consents/{granted.consent_id}/revoke", json=body)
        assert again.json()["consent"]["state"] == "revoked", "repeating is harmless"
        wrong = await http.post("/v1/consents/ffffffffffffffff/revoke", json=body)
        assert wrong.status_code == 400
    async with world.http("buyer") as http:
        assert (await http.get("/v1/consents")).json()["consents"] == []


async def test_nobody_consents_for_somebody_else(world: World) -> None:
    statement, signature = world.parties["seller"].consent()
    async with world.stub(industry_pb2_grpc.ConsentServiceStub, "buyer") as stub:
        with pytest.raises(DeniedError) as caught:
            await call(
                stub.Grant, industry_pb2.GrantRequest(statement=statement, signature=signature, key_number=1)
            )
    assert caught.value.reason == "CONSENT_FOREIGN"


@pytest.mark.parametrize("wrong", ["signature", "fields", "expired", "bytes"])
async def test_a_wrong_statement_is_refused(world: World, wrong: str) -> None:
    seller = world.parties["seller"]
    changes: dict[str, Any] = {"fields": ["invoices"]} if wrong == "fields" else {}
    if wrong == "expired":
        changes = {"issued": int(time.time()) - 100, "expires": int(time.time()) - 10}
    statement, signature = seller.consent(**changes)
    if wrong == "signature":
        signature = world.parties["buyer"].signer.sign(statement)
    if wrong == "bytes":
        statement += b" "
        signature = seller.signer.sign(statement)
    async with world.stub(industry_pb2_grpc.ConsentServiceStub, "seller") as stub:
        with pytest.raises(InvalidInputError) as caught:
            await call(
                stub.Grant, industry_pb2.GrantRequest(statement=statement, signature=signature, key_number=1)
            )
    reasons = {
        "signature": "SIGNATURE_INVALID",
        "fields": "CONSENT_FIELD_UNKNOWN",
        "expired": "CONSENT_EXPIRED",
        "bytes": "STATEMENT_INVALID",
    }
    assert caught.value.reason == reasons[wrong]


async def test_a_bank_gets_the_trade_whole_and_can_check_it(world: World, numbers: list[str]) -> None:
    await _trade(world, numbers)
    consent = await grant(world)
    found = await release(world, consent.consent_id)
    kinds = sorted(
        documents_pb2.DocumentKind.Name(each.kind).removeprefix("DOCUMENT_KIND_").lower() for each in found
    )
    assert kinds == ["debtor_confirmation", "invoice", "invoice", "invoice", "purchase_order"], (
        "the debtor's own documents of this trade, not of another supplier's"
    )
    records = await world.records([each.fingerprint for each in found])
    for each, record in zip(found, records, strict=True):
        kind = documents_pb2.DocumentKind.Name(each.kind).removeprefix("DOCUMENT_KIND_").lower()
        document = parse_canonical(kind, each.canonical_json)
        assert document_bytes(document) == each.canonical_json
        assert record is not None
        assert commitment_hex(document, each.salt_secret) == each.commitment == record["commitment"]
        assert (each.registered_by, each.position.block_number > 0) == ("IndustryAMSP", True)
        pusher = "seller" if kind == "invoice" else "buyer"
        assert each.pushed_by == world.parties[pusher].handle
    entry = (await audited(world))[-1]
    assert (entry["action"], entry["organisation"], entry["consent"]) == ("release", BANK, consent.consent_id)
    assert sorted(entry["fingerprints"]) == sorted(each.fingerprint for each in found)


async def test_only_named_documents_when_they_are_named(world: World, numbers: list[str]) -> None:
    consent = await grant(world)
    everything = await release(world, consent.consent_id)
    wanted = [each.fingerprint for each in everything[:2]]
    found = await release(world, consent.consent_id, fingerprints=[*wanted, "0" * 64])
    assert sorted(each.fingerprint for each in found) == sorted(wanted)


async def test_single_fields_are_shown_and_the_rest_stays_hidden(world: World) -> None:
    consent = await grant(world, fields=["invoice.number", "invoice.lines/1"])
    found = await release(world, consent.consent_id)
    assert len(found) == 3
    for each in found:
        assert not each.canonical_json
        assert not each.salt_secret
        disclosure = Disclosure(
            "invoice",
            tuple(DisclosedLeaf(leaf.name, leaf.value, leaf.salt) for leaf in each.leaves),
            tuple(each.leaf_digests),
        )
        shown = verify_disclosure(each.commitment, disclosure)
        assert set(shown) == {"number", "lines/1"}


async def test_kinds_that_are_not_covered_stay(world: World) -> None:
    consent = await grant(world, fields=["purchase_order"])
    (found,) = await release(world, consent.consent_id)
    assert found.kind == documents_pb2.DOCUMENT_KIND_PURCHASE_ORDER


async def test_every_release_asks_the_ledger(world: World) -> None:
    consent = await grant(world)
    assert await release(world, consent.consent_id)
    statement, signature = world.parties["seller"].revocation(consent.consent_id)
    async with world.stub(industry_pb2_grpc.ConsentServiceStub, "seller") as stub:
        await call(
            stub.Revoke, industry_pb2.RevokeRequest(statement=statement, signature=signature, key_number=1)
        )
    with pytest.raises(DeniedError) as caught:
        await release(world, consent.consent_id)
    assert caught.value.reason == "CONSENT_REVOKED"
    assert (await audited(world))[-1]["reason"] == "CONSENT_REVOKED"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"msp": "BankBMSP"}, "CONSENT_FOREIGN"),
        ({"purpose": "marketing"}, "CONSENT_PURPOSE"),
        ({"subject": "a" * 64}, "CONSENT_FOREIGN"),
        ({"consent": "0123456789abcdef"}, "UNKNOWN_CONSENT"),
    ],
)
async def test_a_consent_gives_no_more_than_it_says(
    world: World, change: dict[str, str], reason: str
) -> None:
    consent = await grant(world)
    asked = dict(change)
    with pytest.raises((DeniedError, NotFoundError)) as caught:
        await release(world, asked.pop("consent", consent.consent_id), **asked)
    assert caught.value.reason == reason


async def test_an_expired_consent_is_dead(world: World) -> None:
    consent = await grant(world, expires=int(time.time()) + 2)
    while time.time() < consent.expires_unix + 1:
        await asyncio.sleep(0.1)
    with pytest.raises(DeniedError) as caught:
        await release(world, consent.consent_id)
    assert caught.value.reason == "CONSENT_EXPIRED"


@pytest.mark.parametrize(
    ("msp", "role"),
    [(BANK, "bank"), (BANK, "operator"), ("IndustryAMSP", "erp"), ("IndustryAMSP", "gateway")],
)
async def test_only_banks_gateways_ask(world: World, msp: str, role: str) -> None:
    request = industry_pb2.ReleaseRequest(subject="a" * 64, consent_id="b" * 32, purpose=PURPOSE)
    async with world.stub(industry_pb2_grpc.ReleaseServiceStub, "x", msp, role) as stub:
        with pytest.raises(ChanrongError) as caught:
            async for _ in stream(stub.Release, request, timeout_s=10):
                pass
    assert caught.value.reason != "UNKNOWN_CONSENT"


async def test_monitoring_shows_states_of_financed_documents_only(world: World, numbers: list[str]) -> None:
    assess, monitor = await grant(world), await grant(world, scope="monitor")
    assert await release(world, monitor.consent_id) == []
    financed = next(
        each for each in await release(world, assess.consent_id) if b'"R-1"' in each.canonical_json
    )
    claim, opening = "0123456789abcdef", "ab" * 32
    async with world.chaincode(BANK) as contract:
        item = {
            "asset": financed.fingerprint,
            "claim": claim,
            "share": 600_000_000,
            "handle": claim_handle(BANK, opening),
            "expires": int(time.time()) + 3600,
            "consent": assess.consent_id,
            "signature": None,
        }
        transient = {opening_key(claim): opening.encode()}
        for function, body in (
            ("encumbrances:reserve", item),
            (
                "encumbrances:finance",
                {"asset": financed.fingerprint, "claim": claim, "consent": monitor.consent_id},
            ),
        ):
            request = encode({"op": f"op-{function}-{claim}", "items": [body]})
            answer = await contract.submit(
                function, request, transient=transient, organisations=["IndustryAMSP", BANK]
            )
            assert b'"done"' in answer, answer
    (found,) = await release(world, monitor.consent_id)
    assert found.fingerprint == financed.fingerprint
    shown = (found.canonical_json, found.salt_secret, found.leaves, found.leaf_digests)
    assert not any(shown)
    assert found.position.state == documents_pb2.LEDGER_STATE_REGISTERED


async def test_bodies_are_not_readable_in_the_database(world: World) -> None:
    raw = (world.root / "industry.db").read_bytes() + (world.root / "industry.db-wal").read_bytes()
    assert str(SELLER["name"]).encode() in raw, "parties' names are the operator's own data"
    assert "六角螺栓".encode() not in raw
    assert b'"R-1"' not in raw
