"""Every kind of document through a real gateway: pushed, registered, released under consent and checked by the bank;
wrong ones get an error of their own, and their neighbours go on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import pytest_asyncio

from consortium.contract.names import ASSET_KINDS
from consortium.documents.canonical import document_bytes
from consortium.documents.commitment import commitment_hex
from consortium.documents.kinds import KINDS, parse_canonical
from consortium.documents.origin import origin_statement
from consortium.rpc.client import call
from consortium.wire.chanrong.documents.v1 import documents_pb2 as pb
from consortium.wire.chanrong.industry.v1 import industry_pb2, industry_pb2_grpc
from tests.integration.industry.test_consent_release import grant, release
from tests.integration.industry.test_intake import states, statuses
from tests.integration.industry.test_trade import ONE, asset, eventually, pushed
from tests.integration.industry.world import World
from tests.support.document_cases import BANK, CARRIER, EXAMPLES, as_json, example

pytestmark = pytest.mark.asyncio(loop_scope="module")

PUSHED_BY = {
    "purchase_order": "buyer",
    "goods_receipt": "buyer",
    "warehouse_receipt": "buyer",
    "debtor_confirmation": "buyer",
    "statement_of_account": "buyer",
    "assignment_acknowledgement": "buyer",
    "keeper_attestation": "buyer",
    "transport_document": "carrier",
    "inspection_report": "carrier",
}
"""Who hands a kind in; the seller all others."""


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def carrier(world: World) -> None:
    """A carrier that inspects goods too."""
    await world.register("carrier", CARRIER)


def kind_of(each: pb.DisclosedDocument) -> str:
    return pb.DocumentKind.Name(each.kind).removeprefix("DOCUMENT_KIND_").lower()


async def test_every_kind_comes_to_stand_on_the_ledger_and_reaches_the_bank(world: World) -> None:
    for kind in KINDS:
        alias = PUSHED_BY.get(kind, "seller")
        answer = await world.push(alias, [example(kind)])
        assert statuses(answer) == ["ACCEPTED"], (kind, answer.results[0].problems)
        assert answer.results[0].kind == pb.DocumentKind.Value(f"DOCUMENT_KIND_{kind.upper()}")
        assert states(await world.settled(alias, answer.push_id)) == ["REGISTERED"], kind
        (record,) = await world.records([answer.results[0].fingerprint])
        assert record is not None
        assert (record["kind"], record["asset"] is not None) == (kind, kind in ASSET_KINDS)
        assert record["seller"] == world.parties["seller"].handle

    consent = await grant(world)
    found = {kind_of(each): each for each in await release(world, consent.consent_id)}
    assert set(found) == set(KINDS), "the subject's own, and what others wrote about its trade"
    for kind, each in found.items():
        document = parse_canonical(kind, each.canonical_json)
        assert document_bytes(document) == each.canonical_json
        assert commitment_hex(document, each.salt_secret) == each.commitment
        assert each.pushed_by == world.parties[PUSHED_BY.get(kind, "seller")].handle


async def test_a_consent_covers_the_kinds_and_fields_that_it_names(world: World) -> None:
    consent = await grant(world, fields=["contract.due_rule", "statement_of_account", "bill.lines"])
    found = {kind_of(each): each for each in await release(world, consent.consent_id)}
    assert set(found) == {"contract", "statement_of_account", "bill"}
    assert found["statement_of_account"].canonical_json
    assert [leaf.name for leaf in found["contract"].leaves] == ["due_rule"]
    assert [leaf.name for leaf in found["bill"].leaves] == ["lines/1"]


async def test_a_bill_uses_up_the_invoice_that_it_pays_for_whichever_comes_first(world: World) -> None:
    listed = {"line_id": "1", "invoice_number": "K-INV", "invoice_date": "2026-01-15", "amount": "209.05"}
    number = "530884100001320260115000000777"
    (bill,) = await pushed(world, "seller", example("bill", number=number, lines=[listed]))
    (edge,) = (await asset(world, bill))["parents"]
    assert (edge["of_parent"], edge["counts"]) == (None, False), "the invoice is not there yet"
    (invoice,) = await pushed(world, "seller", example("invoice", number="K-INV"))
    found = await eventually(world, bill, lambda each: each["parents"][0]["of_parent"] is not None)
    (edge,) = found["parents"]
    assert (edge["fp"], edge["of_child"], edge["of_parent"], edge["basis"]) == (invoice, ONE, ONE, "gross")

    part = example(
        "bill", number=number, range_to=10000, amount="100", split_from=1, split_to=20905, lines=[]
    )
    (half,) = await pushed(world, "seller", part)
    (edge,) = (await asset(world, half))["parents"]
    assert (edge["fp"], edge["of_parent"]) == (bill, 10_000 * ONE // 20_905)


async def test_an_endorsed_bill_is_the_bill_that_is_there(world: World) -> None:
    answer = await world.push("buyer", [example("bill", holder=BANK, state="CS06")])
    assert statuses(answer) == ["ALREADY_REGISTERED"]


@pytest.mark.parametrize(
    ("kind", "alias", "field"),
    [
        ("statement_of_account", "seller", "buyer"),
        ("assignment_acknowledgement", "seller", "buyer"),
        ("keeper_attestation", "seller", "keeper"),
        ("inspection_report", "seller", "inspector"),
        ("debtor_confirmation", "seller", "buyer"),
    ],
)
async def test_somebodys_word_is_taken_from_nobody_else(
    world: World, kind: str, alias: str, field: str
) -> None:
    answer = await world.push(alias, [example(kind, number="W-1"), example("contract", number=f"W-{kind}")])
    assert statuses(answer) == ["REFUSED", "ACCEPTED"]
    (problem,) = answer.results[0].problems
    rule = "CONFIRMATION_NOT_FROM_DEBTOR" if kind == "debtor_confirmation" else "NOT_FROM_ISSUER"
    assert (problem.field, problem.rule) == (field, rule)
    assert problem.remedy


async def test_the_sellers_own_signature_makes_no_word_of_the_debtor(world: World) -> None:
    values = example("assignment_acknowledgement", number="W-2")
    statement = origin_statement(parse_canonical("assignment_acknowledgement", values))
    for alias, expected in (("seller", "REFUSED"), ("buyer", "ACCEPTED")):
        signature = world.parties[alias].signer.sign(statement)
        source = pb.SourceDocument(
            content=as_json(values), origin=pb.OriginSignature(key_number=1, signature=signature)
        )
        async with world.stub(industry_pb2_grpc.IntakeServiceStub, "seller") as stub:
            answer = await call(stub.Push, industry_pb2.PushRequest(documents=[source]))
        assert statuses(answer) == [expected], "the buyer's signature does, whoever hands it in"


async def test_a_stranger_pushes_nothing(world: World) -> None:
    kinds = [kind for kind in EXAMPLES if kind not in ("financing_request",)]
    answer = await world.push("other", [example(kind) for kind in kinds])
    assert statuses(answer) == ["REFUSED"] * len(kinds)
    assert {each.problems[0].rule for each in answer.results} == {"NOT_A_PARTY"}


GOODS = {"line_id": "1", "item": {"name": "x"}, "unit": "C62"}
BAD: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "transport_document",
        {"lines": [GOODS | {"quantity": "0"}]},
        "/lines/0/quantity",
        "NUMBER_NOT_POSITIVE",
    ),
    ("contract", {"lines": [GOODS | {"quantity": "-3"}]}, "/lines/0/quantity", "NUMBER_NEGATIVE"),
    ("contract", {"assignement_barred": True}, "/assignement_barred", "FIELD_UNKNOWN"),
    ("contract", {"number": "B-1", "amends_number": "B-1"}, "", "SELF_REFERENCE"),
    ("statement_of_account", {"closing_balance": "1"}, "", "BALANCE_WRONG"),
    ("bill", {"amount": "999"}, "", "RANGE_AMOUNT"),
    ("bill", {"split_from": 1, "split_to": 20905}, "", "SPLIT_RANGE"),
    ("assignment_notice", {"lines": []}, "", "NOTHING_ASSIGNED"),
    ("financing_request", {"requested_amount": "0"}, "", "NUMBER_NOT_POSITIVE"),
    ("keeper_attestation", {"capacity": "lots"}, "/capacity", "NUMBER_INVALID"),
    ("inspection_report", {"inspected_on": "2026-02-30"}, "/inspected_on", "DATE_IMPOSSIBLE"),
]


async def test_each_wrong_document_says_what_is_wrong_and_its_neighbour_goes_on(world: World) -> None:
    papers = [example(kind, **changes) for kind, changes, _, _ in BAD]
    answer = await world.push("seller", [*papers, example("contract", number="GOOD-1")])
    assert statuses(answer) == ["REFUSED"] * len(BAD) + ["ACCEPTED"]
    for (kind, _, path, rule), result in zip(BAD, answer.results, strict=False):
        assert [(each.path, each.rule) for each in result.problems] == [(path, rule)], kind
        assert result.problems[0].message
        assert result.problems[0].remedy


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("statement_of_account", {"line_id": "1", "document_number": "X", "amount": "1"}),
        ("transport_document", GOODS | {"quantity": "1"}),
        ("contract", GOODS),
        ("invoice", GOODS | {"quantity": "1", "price": "1", "net_amount": "1"}),
    ],
)
async def test_a_hundred_thousand_lines_are_refused_at_once(
    world: World, kind: str, line: dict[str, Any]
) -> None:
    long = example(kind, number="LONG", lines=[line] * 100_000)
    answer = await world.push("seller", [long, example("contract", number=f"AFTER-{kind}")])
    assert statuses(answer) == ["REFUSED", "ACCEPTED"]
    rules = {each.rule for each in answer.results[0].problems}
    assert rules & {"TOO_MANY", "TOO_LARGE"}, rules


async def test_contradicting_copies_conflict_and_say_with_what(world: World) -> None:
    first = await world.push("seller", [example("contract", number="X-1")])
    await world.settled("seller", first.push_id)
    answer = await world.push(
        "buyer",
        [
            example("contract", number="x 1", note="the same again"),
            example("contract", number="X-1", assignment_barred=False),
            example("contract", number="X-2"),
        ],
    )
    assert statuses(answer) == ["ALREADY_REGISTERED", "CONFLICT", "ACCEPTED"]
    assert answer.results[1].problems[0].rule == "CONTENT_CONFLICT"
    assert answer.results[1].first_transaction_id


async def test_contracts_in_a_circle_are_taken_as_they_are(world: World) -> None:
    papers = [example("contract", number=f"C-{n}", amends_number=f"C-{(n + 1) % 3}") for n in range(3)]
    answer = await world.push("seller", papers)
    assert statuses(answer) == ["ACCEPTED"] * 3
    async with asyncio.timeout(20):
        assert states(await world.settled("seller", answer.push_id)) == ["REGISTERED"] * 3


async def test_the_same_over_rest(world: World) -> None:
    async with world.http("seller") as http:
        body = as_json(example("bill", number="530884100001320260115000000555"))
        answer = await http.post("/v1/documents", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 202
        (result,) = answer.json()["results"]
        assert (result["kind"], result["status"]) == ("bill", "accepted")
        wrong = as_json(example("bill", amount="1"))
        answer = await http.post("/v1/documents", content=wrong, headers={"content-type": "application/json"})
        (result,) = answer.json()["results"]
        assert result["status"] == "refused"
        assert result["problems"][0]["rule"] == "RANGE_AMOUNT"
