"""What an ERP relies on when it hands documents in."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from typing import Any

import pytest

from consortium.documents import parse_canonical
from consortium.documents.origin import origin_statement
from consortium.errors import ConflictError, DeniedError, NotFoundError, UnauthenticatedError
from consortium.rpc.client import call
from consortium.wire.chanrong.documents.v1 import documents_pb2 as pb
from consortium.wire.chanrong.industry.v1 import industry_pb2, industry_pb2_grpc
from tests.integration.industry.conftest import OTHER
from tests.integration.industry.papers import confirmation, credit_note, invoice, order
from tests.integration.industry.world import BANK, BUYER, SELLER, World

pytestmark = pytest.mark.asyncio(loop_scope="module")


def statuses(answer: industry_pb2.PushResponse) -> list[str]:
    return [pb.IntakeStatus.Name(each.status).removeprefix("INTAKE_STATUS_") for each in answer.results]


def states(found: list[industry_pb2.DocumentStatus]) -> list[str]:
    return [pb.LedgerState.Name(each.position.state).removeprefix("LEDGER_STATE_") for each in found]


async def test_accepted_documents_come_to_stand_on_the_ledger(world: World) -> None:
    answer = await world.push("seller", [invoice(f"A-{n}") for n in range(5)])
    assert statuses(answer) == ["ACCEPTED"] * 5
    found = await world.settled("seller", answer.push_id)
    assert states(found) == ["REGISTERED"] * 5
    assert len({each.fingerprint for each in found}) == 5
    assert all(each.position.transaction_id and each.position.block_number for each in found)
    for result, record in zip(
        answer.results, await world.records([each.fingerprint for each in answer.results]), strict=True
    ):
        assert record is not None
        assert (record["kind"], record["owner"], record["state"]) == ("invoice", "IndustryAMSP", "asserted")
        assert record["seller"] == world.parties["seller"].handle
        assert record["first_tx"] in {each.position.transaction_id for each in found}
        assert result.number.startswith("A-")


async def test_kinds_come_in_any_order(world: World) -> None:
    first = await world.push("seller", [credit_note("B-CN", "B-INV")])
    second = await world.push("buyer", [confirmation("B-CONF", "B-INV")])
    third = await world.push("seller", [invoice("B-INV", order_number="B-PO")])
    fourth = await world.push("buyer", [order("B-PO")])
    for party, answer in (("seller", first), ("buyer", second), ("seller", third), ("buyer", fourth)):
        assert statuses(answer) == ["ACCEPTED"]
        assert states(await world.settled(party, answer.push_id)) == ["REGISTERED"]


async def test_copies_and_conflicts_are_said_per_document(world: World) -> None:
    answer = await world.push("seller", [invoice("C-1"), invoice("C-1"), invoice("C-1", quantity=7), {}])
    assert statuses(answer) == ["ACCEPTED", "ALREADY_REGISTERED", "CONFLICT", "REFUSED"]
    assert answer.results[1].document_id == answer.results[0].document_id
    assert answer.results[2].problems[0].rule == "CONTENT_CONFLICT"
    assert answer.results[2].problems[0].remedy
    await world.settled("seller", answer.push_id)

    again = await world.push("buyer", [invoice("C-1", note="another remark"), invoice("C-1", quantity=8)])
    assert statuses(again) == ["ALREADY_REGISTERED", "CONFLICT"]
    assert again.results[0].first_transaction_id == again.results[1].first_transaction_id != ""
    assert again.results[1].document_id == ""


async def test_a_refusal_names_field_value_rule_and_remedy(world: World) -> None:
    bad = invoice("D-1") | {"issue_date": "2026-02-30", "surprise": 1}
    answer = await world.push("seller", [bad, invoice("D-2")])
    assert statuses(answer) == ["REFUSED", "ACCEPTED"]
    problems = {each.field: each for each in answer.results[0].problems}
    assert (problems["issue_date"].rule, problems["issue_date"].value) == ("DATE_IMPOSSIBLE", "2026-02-30")
    assert problems["surprise"].rule == "FIELD_UNKNOWN"
    assert all(each.path and each.message for each in problems.values())


async def test_only_parties_of_a_document_push_it(world: World) -> None:
    answer = await world.push("other", [invoice("E-1")])
    assert statuses(answer) == ["REFUSED"]
    assert answer.results[0].problems[0].rule == "NOT_A_PARTY"


async def test_an_identifier_beside_the_victims_own_makes_no_party(world: World) -> None:
    # Anybody can write his own GLN beside another's USCC: the better identifier says who is meant.
    stolen = SELLER | {"identifiers": [*SELLER["identifiers"], *OTHER["identifiers"]]}
    refused = await world.push("other", [invoice("E-2", seller=stolen)])
    assert refused.results[0].problems[0].rule == "NOT_A_PARTY"
    # Also where the victim is not registered here: a LEI that is not the caller's contradicts.
    lei, gln = "5493001KJTIIGC8Y1R12", {"scheme": "gln", "value": "4000001123452"}
    await world.register("strong", {"name": "强", "identifiers": [{"scheme": "lei", "value": lei}, gln]})
    victim = {"name": "X", "identifiers": [{"scheme": "lei", "value": "7ZW8QJWVPR4P1J1KQY45"}, gln]}
    refused = await world.push("strong", [invoice("E-3", seller=victim)])
    assert refused.results[0].problems[0].rule == "NOT_A_PARTY"


async def test_a_confirmation_comes_from_the_debtor(world: World) -> None:
    refused = await world.push("seller", [confirmation("F-1", "A-1")])
    assert refused.results[0].problems[0].rule == "CONFIRMATION_NOT_FROM_DEBTOR"
    paper = confirmation("F-2", "A-1")
    document = parse_canonical("debtor_confirmation", paper)
    signature = world.parties["buyer"].signer.sign(origin_statement(document))
    async with world.http("seller") as http:
        headers = {"chanrong-key-number": "1", "chanrong-origin-signature": b64encode(signature).decode()}
        answer = await http.post("/v1/documents", json=paper, headers=headers)
    assert answer.json()["results"][0]["status"] == "accepted"
    fingerprint = answer.json()["results"][0]["fingerprint"]
    await world.settled("seller", answer.json()["push_id"])
    (record,) = await world.records([fingerprint])
    assert record is not None
    assert record["grade"] == "signed"
    assert record["origin"]["party"] == world.parties["buyer"].handle


async def test_a_wrong_origin_signature_is_refused(world: World) -> None:
    paper = invoice("G-1")
    statement = origin_statement(parse_canonical("invoice", invoice("G-2")))
    for signer, number in (("seller", 1), ("buyer", 1), ("seller", 2)):
        source = pb.SourceDocument(
            content=json.dumps(paper).encode(),
            origin=pb.OriginSignature(
                key_number=number, signature=world.parties[signer].signer.sign(statement)
            ),
        )
        async with world.stub(industry_pb2_grpc.IntakeServiceStub, "seller") as stub:
            answer = await call(stub.Push, industry_pb2.PushRequest(documents=[source]))
        assert answer.results[0].problems[0].rule == "ORIGIN_SIGNATURE_INVALID"


# ------------------------------------------------------------------ idempotency


async def test_the_same_key_and_content_give_the_first_result(world: World) -> None:
    first = await world.push("seller", [invoice("H-1"), {}], key="key-h")
    again = await world.push("seller", [invoice("H-1"), {}], key="key-h")
    assert again == first
    assert statuses(again) == ["ACCEPTED", "REFUSED"]


async def test_the_same_key_with_other_content_is_refused(world: World) -> None:
    await world.push("seller", [invoice("H-2")], key="key-h2")
    with pytest.raises(ConflictError) as caught:
        await world.push("seller", [invoice("H-3")], key="key-h2")
    assert caught.value.reason == "IDEMPOTENCY_KEY_REUSED"
    async with world.http("seller") as http:
        answer = await http.post("/v1/documents", json=invoice("H-3"), headers={"idempotency-key": "key-h2"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] == "IDEMPOTENCY_KEY_REUSED"


async def test_keys_of_different_parties_never_meet(world: World) -> None:
    mine = await world.push("seller", [invoice("H-4")], key="shared")
    theirs = await world.push("buyer", [order("H-PO")], key="shared")
    assert mine.push_id != theirs.push_id
    assert statuses(theirs) == ["ACCEPTED"]


async def test_concurrent_pushes_under_one_key_are_one(world: World) -> None:
    papers = [invoice(f"H-C{n}") for n in range(200)]
    answers = await asyncio.gather(*(world.push("seller", papers, key="key-c") for _ in range(4)))
    assert len({each.push_id for each in answers}) == 1
    assert all(statuses(each) == ["ACCEPTED"] * 200 for each in answers)


# ------------------------------------------------------------------ REST


async def test_rest_answers_with_a_status_address(world: World) -> None:
    async with world.http("seller") as http:
        answer = await http.post("/v1/documents", json=[invoice("I-1"), invoice("I-2")])
        assert answer.status_code == 202
        assert answer.headers["location"] == answer.json()["status_url"]
        await world.settled("seller", answer.json()["push_id"])
        status = (await http.get(answer.headers["location"])).json()
        assert [each["position"]["state"] for each in status["documents"]] == ["registered"] * 2
        one = (await http.get(f"/v1/documents/{status['documents'][0]['document_id']}")).json()
        assert one == status["documents"][0]
        again = await http.post("/v1/documents", json=invoice("I-3"), headers={"idempotency-key": "i-3"})
        assert "idempotent-replayed" not in again.headers
        again = await http.post("/v1/documents", json=invoice("I-3"), headers={"idempotency-key": "i-3"})
        assert again.headers["idempotent-replayed"] == "true"


async def test_ndjson_is_read_as_it_streams(world: World) -> None:
    lines = [json.dumps(invoice(f"J-{n}")) for n in range(1500)]
    lines[700] = "{broken"
    body = ("\ufeff" + "\n".join(lines) + "\n\n").encode()

    async def pieces() -> Any:
        for start in range(0, len(body), 9973):
            yield body[start : start + 9973]

    headers = {"content-type": "application/x-ndjson", "idempotency-key": "ndjson"}
    async with world.http("seller") as http:
        answer = await http.post("/v1/documents", content=pieces(), headers=headers)
        results = answer.json()["results"]
        assert [each["index"] for each in results] == list(range(1500))
        assert results[700]["status"] == "refused"
        assert results[700]["label"] == "line 701"
        assert sum(each["status"] == "accepted" for each in results) == 1499
        again = await http.post("/v1/documents", content=body, headers=headers)
        assert again.json() == answer.json()
    assert states(await world.settled("seller", answer.json()["push_id"], 60)) == ["REGISTERED"] * 1499


async def test_files_of_several_formats_come_in_one_form(world: World) -> None:
    files = [
        ("documents", ("a.json", json.dumps(invoice("K-1")), "application/json")),
        (
            "documents",
            ("b.ndjson", "\n".join(json.dumps(invoice(f"K-{n}")) for n in (2, 3)), "application/x-ndjson"),
        ),
        ("documents", ("c.xml", '<!DOCTYPE x [<!ENTITY e "y">]><x>&e;</x>', "application/xml")),
    ]
    async with world.http("seller") as http:
        answer = (await http.post("/v1/documents", files=files)).json()
    assert [each["status"] for each in answer["results"]] == ["accepted", "accepted", "accepted", "refused"]
    assert answer["results"][3]["label"] == "c.xml"
    assert answer["results"][3]["problems"][0]["remedy"]


@pytest.mark.parametrize(
    ("content", "media_type", "status", "reason"),
    [
        (b"", "application/json", 202, "EMPTY"),
        (b"x" * (11 * 1024 * 1024), "application/json", 413, "TOO_LARGE"),
        (b"%PDF-1.7", "application/pdf", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"", "application/x-ndjson", 400, "EMPTY_PUSH"),
        (b'{"a": NaN}', "application/json", 202, "FIELD_MISSING"),
        (b"\xff\xfe\x00", "application/octet-stream", 202, "FORMAT_UNKNOWN"),
    ],
)
async def test_bad_bodies_are_refused_with_a_reason(
    world: World, content: bytes, media_type: str, status: int, reason: str
) -> None:
    async with world.http("seller") as http:
        answer = await http.post("/v1/documents", content=content, headers={"content-type": media_type})
    assert answer.status_code == status
    body = answer.json()
    found = body["results"][0]["problems"][0]["rule"] if status == 202 else body["reason"]
    assert found == reason or (reason == "FORMAT_UNKNOWN" and status == 202)


# ------------------------------------------------------------------ who may


async def test_a_party_sees_its_own_pushes_and_documents_only(world: World) -> None:
    answer = await world.push("seller", [invoice("L-1")])
    document_id = answer.results[0].document_id
    async with world.stub(industry_pb2_grpc.IntakeServiceStub, "other") as stub:
        for request in (
            industry_pb2.GetDocumentsRequest(push_id=answer.push_id),
            industry_pb2.GetDocumentsRequest(document_ids=[document_id]),
        ):
            with pytest.raises(NotFoundError):
                await call(stub.GetDocuments, request)
    async with world.stub(industry_pb2_grpc.IntakeServiceStub, "buyer") as stub:
        found = await call(stub.GetDocuments, industry_pb2.GetDocumentsRequest(document_ids=[document_id]))
        assert found.documents[0].number == "L-1", "the debtor is a party of it"
        with pytest.raises(NotFoundError):
            await call(stub.GetDocuments, industry_pb2.GetDocumentsRequest(push_id=answer.push_id))
    async with world.http("other") as http:
        assert (await http.get(f"/v1/pushes/{answer.push_id}")).status_code == 404
        assert (await http.get(f"/v1/documents/{document_id}")).status_code == 404


@pytest.mark.parametrize(
    ("name", "msp", "role"),
    [
        ("seller", "IndustryBMSP", "erp"),  # another organisation's ERP of the same name
        ("seller", BANK, "bank"),
        ("seller", "IndustryAMSP", "operator"),
        ("nobody", "IndustryAMSP", "erp"),
    ],
)
async def test_others_are_denied(world: World, name: str, msp: str, role: str) -> None:
    async with world.stub(industry_pb2_grpc.IntakeServiceStub, name, msp, role) as stub:
        with pytest.raises(DeniedError):
            await call(stub.Push, industry_pb2.PushRequest(documents=[pb.SourceDocument(content=b"{}")]))


@pytest.mark.parametrize(
    ("name", "msp", "role"), [("seller", "IndustryAMSP", "erp"), ("x", BANK, "operator")]
)
async def test_only_the_operator_registers_parties(world: World, name: str, msp: str, role: str) -> None:
    async with world.stub(industry_pb2_grpc.PartyServiceStub, name, msp, role) as stub:
        with pytest.raises((DeniedError, UnauthenticatedError)):
            await call(stub.RegisterParty, industry_pb2.RegisterPartyRequest(alias="x", name="x"))
        with pytest.raises((DeniedError, UnauthenticatedError)):
            await call(stub.ListParties, industry_pb2.ListPartiesRequest())


async def test_rest_needs_a_token(world: World) -> None:
    async with world.http(None) as http:
        for headers in ({}, {"authorization": "Bearer nonsense"}):
            answer = await http.post("/v1/documents", json=invoice("M-1"), headers=headers)
            assert answer.status_code == 401
            assert answer.json()["remedy"]
        assert (await http.get("/v1/parties")).status_code == 401
        wrong = await http.post(
            "/oauth2/token", data={"grant_type": "client_credentials"}, auth=("seller", "wrong")
        )
        assert wrong.status_code == 401
    async with world.http("seller") as http:
        assert (await http.get("/v1/parties")).status_code == 403


async def test_registering_again_gives_a_new_secret_and_nothing_else(world: World) -> None:
    old = world.parties["buyer"]
    new = await world.register("buyer", BUYER)
    assert (new.handle, new.secret != old.secret) == (old.handle, True)
    with pytest.raises(ConflictError):
        await world.register("buyer-2", BUYER)
    with pytest.raises(ConflictError):
        await world.register("buyer", OTHER)


async def test_health_and_metrics_tell_the_truth(world: World) -> None:
    async with world.http(None) as http:
        health = (await http.get("/healthz")).json()
        assert (health["status"], health["database"], health["ledger"]) == ("ok", "ok", "ok")
        metrics = (await http.get("/metrics")).text
        assert 'chanrong_intake_documents_total{status="accepted"}' in metrics
        document = (await http.get("/openapi.json")).json()
        assert document["paths"]["/v1/documents"]["post"]["requestBody"]["content"]["application/x-ndjson"]
