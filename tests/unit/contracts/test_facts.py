"""encumbrances:fact and settle: never refused for claims, each evidence once, impaired assets, who may."""

from __future__ import annotations

from hashlib import sha256

import pytest

from consortium.contract import claim_handle, names, reasons
from tests.support.contract_world import (
    BANK_A,
    BANK_B,
    FACE,
    INDUSTRY_A,
    INDUSTRY_B,
    World,
    claim_id,
    digest,
    document,
    fp,
    opened,
    opening,
    refused,
    signed_by,
)

HALF = FACE // 2


@pytest.fixture
def world() -> World:
    world = World()
    world.trade()
    world.register(document("I1"))
    return world


def test_facts_take_the_free_share_first(world: World) -> None:
    world.claim(BANK_A, "I1", "a", HALF)
    result = world.fact("I1", "credit", HALF // 2, "note")
    assert (result["status"], result["free"], result["shortfall"]) == ("done", HALF - HALF // 2, 0)
    assert "changed" not in world.event()
    row = world.row("I1")
    assert (row["state"], row["diluted"], row["shortfall"]) == ("encumbered", HALF // 2, 0)


@pytest.mark.parametrize(("kind", "field"), [("credit", "diluted"), ("payment", "settled")])
def test_what_exceeds_it_is_a_shortfall(world: World, kind: str, field: str) -> None:
    world.claim(BANK_A, "I1", "a", HALF)
    world.claim(BANK_B, "I1", "b", HALF // 2)
    result = world.fact("I1", kind, HALF, "evidence")
    assert (result["status"], result["shortfall"]) == ("done", HALF // 2)
    (change,) = world.event()["changed"]
    assert change == {
        "asset": fp("I1"),
        "state": "impaired",
        "shortfall": HALF // 2,
        "handles": sorted(claim_handle(bank, opening(c)) for bank, c in ((BANK_A, "a"), (BANK_B, "b"))),
    }
    row = world.row("I1")
    assert (row["state"], row[field], row["free"]) == ("impaired", HALF, 0)
    assert refused(world.reserve(BANK_B, "I1", "c", 1)) == reasons.OVER_FACE_VALUE


def test_a_reservation_on_an_impaired_asset_is_not_financed(world: World) -> None:
    world.reserve(BANK_A, "I1", "a", HALF)
    world.fact("I1", "credit", HALF + 1, "note")
    assert refused(world.finance(BANK_A, "I1", "a")) == reasons.ASSET_IMPAIRED
    world.on_claim(BANK_A, names.ENCUMBRANCES_RELEASE, "I1", "a", reason="error")
    world.claim(BANK_A, "I1", "b", HALF - 1)


def test_a_reservation_on_a_void_asset_is_not_financed(world: World) -> None:
    world.reserve(BANK_A, "I1", "a", HALF)
    world.fact("I1", "void", FACE, "tax")
    assert refused(world.finance(BANK_A, "I1", "a")) == reasons.ASSET_VOID


def test_facts_grow_no_further_than_the_asset(world: World) -> None:
    world.fact("I1", "credit", FACE, "note 1")
    world.fact("I1", "credit", FACE, "note 2")
    row = world.row("I1")
    assert (row["diluted"], row["shortfall"], row["free"], row["state"]) == (FACE, 0, 0, "free")


def test_void_as_a_fact(world: World) -> None:
    world.claim(BANK_A, "I1", "a", HALF)
    assert refused(world.fact("I1", "void", 5, "tax")) == reasons.INVALID_ITEM
    assert world.fact("I1", "void", FACE, "tax")["shortfall"] == HALF
    row = world.row("I1")
    assert (row["state"], row["void"]) == ("impaired", True)
    assert world.record("I1")["state"] == "asserted"  # the document itself is voided by documents:void


def test_evidence_counts_once_per_asset(world: World) -> None:
    world.register(document("I2"))
    first = world.fact("I1", "credit", 10, "note")
    assert first["status"] == "done"
    again = world.fact("I1", "credit", 10, "note")
    assert (again["status"], world.row("I1")["diluted"]) == ("already", 10)
    assert world.fact("I1", "payment", 10, "note")["status"] == "already"
    assert world.fact("I2", "credit", 20, "note")["status"] == "done"
    assert world.row("I2")["diluted"] == 20
    assert world.fact("I1", "credit", 10, "other note")["status"] == "done"
    assert world.row("I1")["diluted"] == 20


def test_evidence_counts_once_after_assets_were_joined(world: World) -> None:
    world.register(document("I2"))
    world.fact("I2", "credit", 10, "note")
    item = {"asset": fp("I1"), "alias": fp("I2"), "evidence": None}
    assert world.one(INDUSTRY_A, names.ASSETS_ALIAS, item)["status"] == "joined"
    assert world.fact("I1", "credit", 10, "note")["status"] == "already"
    assert world.fact("I2", "credit", 10, "note")["status"] == "already"
    assert world.row("I1")["diluted"] == 10


def test_a_payment_told_by_fact_and_by_the_holder_counts_once(world: World) -> None:
    world.claim(BANK_A, "I1", "a", HALF)
    assert world.fact("I1", "payment", HALF, "statement line")["status"] == "done"
    settle = {"share": HALF, "evidence": digest("statement line")}
    result = world.on_claim(BANK_A, names.ENCUMBRANCES_SETTLE, "I1", "a", **settle)
    assert (result["status"], result["free"]) == ("done", HALF)
    row = world.row("I1")
    assert (row["settled"], row["claimed"], row["shortfall"]) == (HALF, 0, 0)


def test_the_holder_may_be_first_to_tell(world: World) -> None:
    world.claim(BANK_A, "I1", "a", HALF)
    settle = {"share": HALF, "evidence": digest("statement line")}
    world.on_claim(BANK_A, names.ENCUMBRANCES_SETTLE, "I1", "a", **settle)
    result = world.fact("I1", "payment", HALF + 7, "statement line")
    assert (result["status"], world.row("I1")["settled"]) == ("done", HALF + 7)
    assert world.fact("I1", "payment", HALF + 7, "statement line")["status"] == "already"


def test_settled_beyond_the_payment_told_counts_the_rest(world: World) -> None:
    world.claim(BANK_A, "I1", "a", HALF)
    world.fact("I1", "payment", 100, "line")
    for share, settled in ((60, 100), (60, 120), (10, 130)):
        result = world.on_claim(
            BANK_A, names.ENCUMBRANCES_SETTLE, "I1", "a", share=share, evidence=digest("line")
        )
        assert result["status"] == "done"
        assert world.row("I1")["settled"] == settled


def test_settling_with_evidence_of_something_else_is_refused(world: World) -> None:
    world.claim(BANK_A, "I1", "a", HALF)
    world.fact("I1", "credit", 100, "note")
    settle = {"share": 5, "evidence": digest("note")}
    result = world.on_claim(BANK_A, names.ENCUMBRANCES_SETTLE, "I1", "a", **settle)
    assert refused(result) == reasons.INVALID_ITEM


def test_without_evidence_a_payment_may_count_twice_but_impairs_nobody_in_the_end(world: World) -> None:
    world.claim(BANK_A, "I1", "a")
    world.fact("I1", "payment", FACE, "line")
    assert world.row("I1")["state"] == "impaired"
    world.on_claim(BANK_A, names.ENCUMBRANCES_SETTLE, "I1", "a", share=FACE)
    row = world.row("I1")
    assert (row["state"], row["free"], row["shortfall"]) == ("free", 0, 0)


def test_who_may_state_a_fact(world: World) -> None:
    fact = {"asset": fp("I1"), "type": "credit", "share": 1}
    for number, (msp, allowed) in enumerate(
        ((INDUSTRY_A, True), (INDUSTRY_B, True), (BANK_A, False), ("IndustryCMSP", False))
    ):
        item = {**fact, "evidence": digest(str(number))}
        result = world.one(msp, names.ENCUMBRANCES_FACT, item)
        assert (result["status"] == "done") == allowed
        if not allowed:
            assert refused(result) == reasons.NOT_ENTITLED
    unknown = {**fact, "asset": fp("nothing"), "evidence": digest("x")}
    assert refused(world.one(INDUSTRY_A, names.ENCUMBRANCES_FACT, unknown)) == reasons.UNKNOWN_DOCUMENT


def test_a_holder_may_state_a_fact(world: World) -> None:
    world.claim(BANK_A, "I1", "a")
    item = {"asset": fp("I1"), "type": "credit", "share": 1, "evidence": digest("e"), "claim": claim_id("a")}
    fact = names.ENCUMBRANCES_FACT
    assert refused(world.one(BANK_B, fact, item, opened("a"))) == reasons.NOT_HOLDER
    assert refused(world.one(BANK_A, fact, {**item, "claim": claim_id("b")})) == reasons.UNKNOWN_CLAIM
    assert refused(world.one(BANK_A, fact, {**item, "claim": None})) == reasons.NOT_ENTITLED
    assert world.one(BANK_A, fact, item, opened("a"))["status"] == "done"


def test_a_signed_credit_note_entitles_whoever_registered_it(world: World) -> None:
    other = "IndustryCMSP"
    origin = {**signed_by("seller", b"CN"), "digest": sha256(b"CN").hexdigest()}
    world.register(
        document("CN asserted", kind="credit_note"),
        document("CN", kind="credit_note", origin=origin),
        document("CN of another", kind="credit_note", seller="thief"),
        msp=other,
    )
    for evidence, allowed in ((fp("CN asserted"), False), (fp("CN of another"), False), (fp("CN"), True)):
        item = {"asset": fp("I1"), "type": "credit", "share": 7, "evidence": evidence}
        result = world.one(other, names.ENCUMBRANCES_FACT, item)
        assert (result["status"] == "done") == allowed
    item = {"asset": fp("I1"), "type": "credit", "share": 7, "evidence": fp("CN")}
    assert refused(world.one("IndustryDMSP", names.ENCUMBRANCES_FACT, item)) == reasons.NOT_ENTITLED


def test_evidence_is_counted_for_a_limited_number_of_assets(world: World) -> None:
    most = names.MAX_ASSETS_PER_EVIDENCE
    world.register(*(document(f"D{number}") for number in range(most + 1)))

    def item(number: int) -> dict[str, object]:
        return {"asset": fp(f"D{number}"), "type": "credit", "share": 1, "evidence": digest("all")}

    results = world.write(INDUSTRY_A, names.ENCUMBRANCES_FACT, *(item(number) for number in range(most)))
    assert {result["status"] for result in results} == {"done"}
    assert refused(world.one(INDUSTRY_A, names.ENCUMBRANCES_FACT, item(most))) == reasons.TOO_MANY_ASSETS
    assert world.row(f"D{most}")["diluted"] == 0
