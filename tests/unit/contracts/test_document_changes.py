"""documents:amend, void, take_over."""

from __future__ import annotations

import pytest

from consortium.contract import names, reasons
from consortium.contract.statements import (
    amendment_statement,
    statement_digest,
    take_over_statement,
    void_statement,
)
from tests.support.contract_world import (
    BANK_A,
    BANK_B,
    DAY,
    FACE,
    INDUSTRY_A,
    INDUSTRY_B,
    Json,
    World,
    alias,
    claim_id,
    digest,
    document,
    fp,
    key,
    opened,
    opening,
    refused,
    signed_by,
)


@pytest.fixture
def world() -> World:
    world = World()
    world.trade()
    world.register(document("I1"))
    return world


def amendment(world: World, name: str = "I1", content: str = "new", **changes: object) -> Json:
    return {
        "fp": fp(name),
        "keys": [key(name, content=content)],
        "commitment": digest(f"commitment {name} {content}"),
        "reason": "price corrected",
        "evidence": None,
        "signature": None,
        **changes,
    }


def amendment_bytes(world: World, item: Json) -> bytes:
    return amendment_statement(
        fp=item["fp"],
        previous=world.record("I1")["commitment"],
        commitment=item["commitment"],
        reason=item["reason"],
        evidence=item["evidence"],
    )


def test_the_owner_amends_and_the_tag_follows(world: World) -> None:
    result = world.one(INDUSTRY_A, names.DOCUMENTS_AMEND, amendment(world))
    assert (result["status"], result["fp"]) == ("amended", fp("I1"))
    record = world.record("I1")
    assert (record["state"], record["grade"], record["reason"]) == ("amended", "asserted", "price corrected")
    assert record["commitment"] == digest("commitment I1 new")
    assert record["changed_tx"] == result["txid"] != record["first_tx"]
    assert world.register(document("I1", content="new"))[0]["status"] == "already"
    assert world.register(document("I1"))[0]["status"] == "conflict"


def test_others_amend_with_the_sellers_signature_only(world: World) -> None:
    item = amendment(world)
    assert refused(world.one(INDUSTRY_B, names.DOCUMENTS_AMEND, item)) == reasons.NOT_ENTITLED
    statement = amendment_bytes(world, item)
    item["signature"] = signed_by("buyer", statement)
    assert refused(world.one(INDUSTRY_B, names.DOCUMENTS_AMEND, item)) == reasons.NOT_ENTITLED
    item["signature"] = signed_by("seller", statement, key="buyer")
    assert refused(world.one(INDUSTRY_B, names.DOCUMENTS_AMEND, item)) == reasons.SIGNATURE_INVALID
    item["signature"] = signed_by("seller", statement)
    assert world.one(INDUSTRY_B, names.DOCUMENTS_AMEND, item)["status"] == "amended"
    record = world.record("I1")
    assert (record["state"], record["grade"], record["owner"]) == ("amended", "signed", INDUSTRY_A)
    assert record["origin"]["type"] == "amendment"
    # The same signature again would turn a later amendment back; it names what it changed from.
    assert refused(world.one(INDUSTRY_B, names.DOCUMENTS_AMEND, item)) == reasons.SIGNATURE_INVALID


def test_an_unsigned_amendment_of_a_signed_document_is_asserted_again(world: World) -> None:
    item = amendment(world)
    item["signature"] = signed_by("seller", amendment_bytes(world, item))
    world.one(INDUSTRY_A, names.DOCUMENTS_AMEND, item)
    assert world.record("I1")["grade"] == "signed"
    world.one(INDUSTRY_A, names.DOCUMENTS_AMEND, amendment(world, content="newer"))
    record = world.record("I1")
    assert (record["grade"], record["origin"]) == ("asserted", None)


def test_amending_an_encumbered_document_needs_every_holder(world: World) -> None:
    world.claim(BANK_A, "I1", "a", FACE // 2)
    assert world.reserve(BANK_B, "I1", "b", FACE // 4)["status"] == "done"
    item = amendment(world)
    assert refused(world.one(INDUSTRY_A, names.DOCUMENTS_AMEND, item)) == reasons.ENCUMBERED
    agreed = statement_digest(amendment_bytes(world, item))
    for bank, claim, other in ((BANK_A, "a", BANK_B), (BANK_B, "b", BANK_A)):
        agreement = {"asset": fp("I1"), "claim": claim_id(claim), "amendment": agreed}
        foreign = world.one(other, names.ENCUMBRANCES_AGREE, agreement, opened(claim))
        assert refused(foreign) == reasons.NOT_HOLDER
        assert refused(world.one(INDUSTRY_A, names.DOCUMENTS_AMEND, item)) == reasons.ENCUMBERED
        assert world.one(bank, names.ENCUMBRANCES_AGREE, agreement, opened(claim))["status"] == "done"
    other_change = amendment(world, content="something else")
    assert refused(world.one(INDUSTRY_A, names.DOCUMENTS_AMEND, other_change)) == reasons.ENCUMBERED
    assert world.one(INDUSTRY_A, names.DOCUMENTS_AMEND, item)["status"] == "amended"
    assert refused(world.one(INDUSTRY_A, names.DOCUMENTS_AMEND, other_change)) == reasons.ENCUMBERED


def test_a_lapsed_reservation_has_no_say(world: World) -> None:
    world.reserve(BANK_A, "I1", "a")
    world.now += 5 * DAY + names.RESERVATION_TOLERANCE_S + 1
    assert world.one(INDUSTRY_A, names.DOCUMENTS_AMEND, amendment(world))["status"] == "amended"


def test_amended_keys_are_the_documents_own(world: World) -> None:
    world.register(document("I2", keys=[key("I2"), key("I2", epoch=2), alias("fapiao")]))

    def amend(*keys: Json) -> Json:
        item = amendment(world, "I2", content=str(world.operations), keys=list(keys))
        return world.one(INDUSTRY_A, names.DOCUMENTS_AMEND, item)

    for bad in (
        [key("I1", content="n")],
        [key("I2", content="n"), key("I1", content="n")],
        [key("new")],
        [key("I2"), {**alias("fapiao"), "tag": digest("t")}],
        [alias("I2"), key("I2", epoch=2)],
        [alias("fapiao")],
    ):
        assert refused(amend(*bad)) == reasons.INVALID_ITEM
    assert world.record("I2")["state"] == "asserted"
    assert amend(key("I2", content="n"), key("I2", epoch=3, content="n"))["status"] == "amended"
    tags = {each["fp"]: each["tag"] for each in world.record("I2")["keys"]}
    assert tags == {
        fp("I2"): key("I2", content="n")["tag"],
        fp("I2", 2): key("I2", epoch=2)["tag"],
        fp("I2", 3): key("I2", epoch=3, content="n")["tag"],
        fp("fapiao"): "",
    }
    again = document("I2", keys=[key("I2", epoch=3, content="n")])
    assert world.register(again)[0]["status"] == "already"
    many = [key("I2", epoch=epoch) for epoch in range(4, 35)]
    assert refused(amend(key("I2"), *many)) == reasons.INVALID_ITEM


def test_unknown_documents_are_refused(world: World) -> None:
    for function, item in (
        (names.DOCUMENTS_AMEND, amendment(world, "nothing")),
        (names.DOCUMENTS_VOID, voiding("nothing")),
        (names.DOCUMENTS_TAKE_OVER, take_over(world, "nothing", previous=digest("x"))),
    ):
        assert refused(world.one(INDUSTRY_A, function, item)) == reasons.UNKNOWN_DOCUMENT


def voiding(name: str = "I1", **changes: object) -> Json:
    return {"fp": fp(name), "reason": "cancelled", "evidence": digest("tax answer"), **changes}


def test_the_owner_voids_for_good(world: World) -> None:
    result = world.one(INDUSTRY_A, names.DOCUMENTS_VOID, voiding())
    assert result["status"] == "voided"
    record = world.record("I1")
    assert (record["state"], record["evidence"]) == ("void", digest("tax answer"))
    again = world.one(INDUSTRY_A, names.DOCUMENTS_VOID, voiding())
    assert (again["status"], again["txid"]) == ("already", result["txid"])
    row = world.row("I1")
    assert (row["state"], row["void"], row["free"]) == ("void", True, 0)
    assert refused(world.one(INDUSTRY_A, names.DOCUMENTS_AMEND, amendment(world))) == reasons.DOCUMENT_VOID
    assert refused(world.reserve(BANK_A, "I1", "a")) == reasons.ASSET_VOID


def test_who_may_void(world: World) -> None:
    """The owner, who vouches for seller or buyer, or the seller's key; nobody else."""
    world.register(document("I2"), document("I3", buyer="stranger"), msp=INDUSTRY_B)
    assert refused(world.one(BANK_A, names.DOCUMENTS_VOID, voiding("I2"))) == reasons.NOT_ENTITLED
    assert world.one(INDUSTRY_A, names.DOCUMENTS_VOID, voiding("I2"))["status"] == "voided"  # for the seller
    assert world.one(INDUSTRY_B, names.DOCUMENTS_VOID, voiding("I1"))["status"] == "voided"  # for the buyer
    signature = signed_by("seller", void_statement(fp=fp("I3"), reason="wrong", evidence=None))
    item = voiding("I3", reason="cancelled", evidence=None, signature=signature)
    assert refused(world.one(BANK_A, names.DOCUMENTS_VOID, item)) == reasons.SIGNATURE_INVALID
    item["reason"] = "wrong"
    assert world.one(BANK_A, names.DOCUMENTS_VOID, item)["status"] == "voided"


def test_voiding_after_financing_impairs_and_tells_the_holders(world: World) -> None:
    world.claim(BANK_A, "I1", "a", FACE // 2)
    world.claim(BANK_B, "I1", "b", FACE // 4)
    assert world.one(INDUSTRY_A, names.DOCUMENTS_VOID, voiding())["status"] == "voided"
    (change,) = world.event()["changed"]
    claims = world.row("I1")["claims"]
    assert change == {
        "asset": fp("I1"),
        "state": "impaired",
        "shortfall": FACE // 2 + FACE // 4,
        "handles": sorted(claim["handle"] for claim in claims),
    }
    row = world.row("I1")
    assert (row["state"], row["shortfall"], row["void"]) == ("impaired", FACE // 2 + FACE // 4, True)
    release = {"reason": "repurchased"}
    for bank, claim in ((BANK_A, "a"), (BANK_B, "b")):
        result = world.on_claim(bank, names.ENCUMBRANCES_RELEASE, "I1", claim, **release)
        assert result["status"] == "done"
    row = world.row("I1")
    assert (row["state"], row["shortfall"], row["free"]) == ("void", 0, 0)


def test_voiding_a_document_without_asset(world: World) -> None:
    world.register(document("GR1", kind="goods_receipt"))
    assert world.one(INDUSTRY_A, names.DOCUMENTS_VOID, voiding("GR1"))["status"] == "voided"
    assert world.record("GR1")["state"] == "void"


def test_two_changes_of_one_document_in_one_call(world: World) -> None:
    items = [
        amendment(world),
        amendment(world, content="newest"),
        amendment(world, content="never", fp=fp("x")),
    ]
    results = world.write(INDUSTRY_A, names.DOCUMENTS_AMEND, *items)
    assert [result["status"] for result in results] == ["amended", "amended", "refused"]
    assert world.record("I1")["commitment"] == items[1]["commitment"]


def take_over(
    world: World,
    name: str = "I1",
    *,
    content: str = "",
    previous: str | None = None,
    owner: str = INDUSTRY_B,
    by: str = "seller",
    issued: int | None = None,
) -> Json:
    issued = world.now if issued is None else issued
    commitment = digest(f"commitment {name} {content}")
    statement = take_over_statement(
        fp=fp(name),
        previous=previous or world.record(name)["commitment"],
        commitment=commitment,
        owner=owner,
        issued=issued,
    )
    keys = [key(name, content=content)]
    return {
        "fp": fp(name),
        "keys": keys,
        "commitment": commitment,
        "issued": issued,
        **signed_by(by, statement),
    }


def test_the_seller_takes_an_asserted_document_over(world: World) -> None:
    """A false registration came first; the seller's own document replaces it under another organisation."""
    item = take_over(world, content="the true one")
    result = world.one(INDUSTRY_B, names.DOCUMENTS_TAKE_OVER, item)
    assert result["status"] == "taken_over"
    record = world.record("I1")
    assert (record["owner"], record["state"], record["grade"]) == (INDUSTRY_B, "signed", "signed")
    assert record["commitment"] == item["commitment"]
    assert record["origin"]["type"] == "take_over"
    assert world.register(document("I1", content="the true one"))[0]["status"] == "already"
    again = world.one(INDUSTRY_B, names.DOCUMENTS_TAKE_OVER, item)
    assert (again["status"], again["txid"]) == ("already", result["txid"])
    other = take_over(world, content="yet another")
    assert refused(world.one(INDUSTRY_B, names.DOCUMENTS_TAKE_OVER, other)) == reasons.SIGNED_ALREADY


def test_a_take_over_serves_one_organisation_one_seller_one_time(world: World) -> None:
    cases = [
        (INDUSTRY_A, take_over(world), reasons.SIGNATURE_INVALID),  # signed for INDUSTRY_B
        (INDUSTRY_B, take_over(world, by="buyer"), reasons.NOT_ENTITLED),
        (INDUSTRY_B, take_over(world, previous=digest("older")), reasons.SIGNATURE_INVALID),
        (INDUSTRY_B, take_over(world, issued=world.now + 301), reasons.STATEMENT_INVALID),
        (INDUSTRY_B, {**take_over(world), "key": 9}, reasons.UNKNOWN_KEY),
    ]
    for msp, item, reason in cases:
        assert refused(world.one(msp, names.DOCUMENTS_TAKE_OVER, item)) == reason
    world.one(INDUSTRY_A, names.DOCUMENTS_VOID, voiding())
    item = take_over(world)
    assert refused(world.one(INDUSTRY_B, names.DOCUMENTS_TAKE_OVER, item)) == reasons.DOCUMENT_VOID


def test_a_take_over_with_other_content_needs_the_holders(world: World) -> None:
    world.claim(BANK_A, "I1", "a")
    item = take_over(world, content="true")
    assert refused(world.one(INDUSTRY_B, names.DOCUMENTS_TAKE_OVER, item)) == reasons.ENCUMBERED
    statement = take_over_statement(
        fp=fp("I1"),
        previous=world.record("I1")["commitment"],
        commitment=item["commitment"],
        owner=INDUSTRY_B,
        issued=item["issued"],
    )
    agreement = {"amendment": statement_digest(statement)}
    assert world.on_claim(BANK_A, names.ENCUMBRANCES_AGREE, "I1", "a", **agreement)["status"] == "done"
    assert world.one(INDUSTRY_B, names.DOCUMENTS_TAKE_OVER, item)["status"] == "taken_over"
    assert world.row("I1")["claimed"] == FACE


def test_a_take_over_with_the_same_content_needs_nobody(world: World) -> None:
    world.claim(BANK_A, "I1", "a")
    result = world.one(INDUSTRY_B, names.DOCUMENTS_TAKE_OVER, take_over(world))
    assert result["status"] == "taken_over"


def test_agreeing_needs_a_live_claim(world: World) -> None:
    world.reserve(BANK_A, "I1", "a")
    world.now += 5 * DAY + names.RESERVATION_TOLERANCE_S + 1
    result = world.on_claim(BANK_A, names.ENCUMBRANCES_AGREE, "I1", "a", amendment=digest("x"))
    assert refused(result) == reasons.RESERVATION_LAPSED
    result = world.on_claim(BANK_A, names.ENCUMBRANCES_AGREE, "I1", "none", amendment=digest("x"))
    assert refused(result) == reasons.UNKNOWN_CLAIM
    assert opening("a") != opening("none")
