"""attest: what a signed read says."""

from __future__ import annotations

import pytest

from consortium.contract import claim_handle, decode, encode, names
from tests.support.contract_world import (
    BANK_A,
    DAY,
    FACE,
    INDUSTRY_A,
    Json,
    World,
    alias,
    digest,
    document,
    fp,
    key,
    link,
    opening,
)

HALF = FACE // 2
CHALLENGE = digest("challenge")


@pytest.fixture
def world() -> World:
    world = World()
    world.trade()
    world.register(
        document("I1", keys=[key("I1"), key("I1", epoch=2), alias("fapiao")], links=[link("PO1", HALF)])
    )
    return world


def attest(world: World, *fps: str) -> Json:
    return world.read(names.ATTEST, challenge=CHALLENGE, fps=list(fps))


def test_the_function_is_called_attest() -> None:
    assert names.ATTEST == "attest"


def test_everything_that_a_verifier_needs(world: World) -> None:
    world.reserve(BANK_A, "I1", "a", HALF)
    world.fact("I1", "credit", 5, "note")
    world.now += 60
    answer = attest(world, fp("I1"), fp("nothing"), fp("I1", 2), fp("fapiao"))
    assert world.last is not None
    assert (answer["channel"], answer["txid"], answer["time"], answer["challenge"]) == (
        "chanrong",
        world.last.txid,
        world.now,
        CHALLENGE,
    )
    first, missing, other_epoch, by_alias = answer["answers"]
    record = world.record("I1")
    assert first == {
        "fp": fp("I1"),
        "found": True,
        "kind": "invoice",
        "commitment": record["commitment"],
        "tag": key("I1")["tag"],
        "state": "asserted",
        "grade": "asserted",
        "first_tx": record["first_tx"],
        "seller": digest("seller"),
        "owner": INDUSTRY_A,
        "asset": fp("I1"),
        "claims": {
            "state": "encumbered",
            "free": HALF - 5,
            "claimed": HALF,
            "settled": 0,
            "diluted": 5,
            "via_total": 0,
            "unweighted": False,
            "shortfall": 0,
            "live": [{"handle": claim_handle(BANK_A, opening("a")), "share": HALF, "state": "reserved"}],
        },
    }
    assert missing == {"fp": fp("nothing"), "found": False}
    assert other_epoch == {**first, "fp": fp("I1", 2), "primary": fp("I1"), "tag": key("I1", epoch=2)["tag"]}
    assert by_alias == {**first, "fp": fp("fapiao"), "primary": fp("I1"), "tag": ""}


def test_claims_are_those_of_the_transactions_time(world: World) -> None:
    world.reserve(BANK_A, "I1", "a", HALF)
    world.register(document("PO1", kind="purchase_order"))
    world.now += 5 * DAY + names.RESERVATION_TOLERANCE_S + 1
    answer = attest(world, fp("I1"), fp("PO1"))
    assert [each["claims"]["free"] for each in answer["answers"]] == [FACE, FACE]
    assert answer["answers"][0]["claims"]["live"] == []


def test_a_document_without_asset(world: World) -> None:
    world.register(document("GR1", kind="goods_receipt"))
    (answer,) = attest(world, fp("GR1"))["answers"]
    assert (answer["asset"], answer["claims"]) == (None, None)


def test_the_answers_stand_in_the_order_asked_each_time(world: World) -> None:
    asked = [fp("nothing"), fp("I1"), fp("nothing"), fp("I1")]
    assert [each["fp"] for each in attest(world, *asked)["answers"]] == asked


def test_who_asks_and_transient_data_do_not_matter(world: World) -> None:
    request = encode({"challenge": CHALLENGE, "fps": [fp("I1")]})
    one = world.call(BANK_A, names.ATTEST, request, {"x": b"y"})
    other = world.call("NobodyMSP", names.ATTEST, request)
    assert decode(one.payload)["answers"] == decode(other.payload)["answers"]


def test_a_thousand_documents_in_two_questions_with_their_rows(world: World) -> None:
    world.register(*(document(f"D{n}") for n in range(1000)))
    fps = [fp(f"D{n}") for n in range(1000)]
    answers = attest(world, *fps)["answers"]
    assert all(each["found"] for each in answers)
    assert world.last is not None
    assert len(world.last.reads) == 2
    read = {name for question in world.last.reads for name in question}
    assert read == {f"\x00{kind}\x00{fp}\x00" for fp in fps for kind in ("doc", "claims")}


@pytest.mark.parametrize(
    "request_",
    [
        {"challenge": "", "fps": [fp("x")]},
        {"challenge": CHALLENGE, "fps": []},
        {"challenge": CHALLENGE, "fps": [fp("x")] * 1001},
        {"challenge": CHALLENGE, "fps": [fp("x").upper()]},
        {"challenge": CHALLENGE},
        {"challenge": CHALLENGE, "fps": [fp("x")], "more": 1},
    ],
)
def test_bad_requests(request_: Json) -> None:
    assert World().call(BANK_A, names.ATTEST, request_).status == 400
