"""assets:alias and grouped documents: one receivable, one asset."""

from __future__ import annotations

from hashlib import sha256

import pytest

from chaincode.contracts.trade import MAX_JOINS
from consortium.contract import names, reasons
from consortium.contract.statements import alias_statement
from tests.support.contract_world import (
    BANK_A,
    BANK_B,
    FACE,
    INDUSTRY_A,
    INDUSTRY_B,
    Json,
    World,
    alias,
    digest,
    document,
    fp,
    key,
    link,
    refused,
    signed_by,
)

HALF = FACE // 2
THIRD = FACE // 3


def order(name: str = "PO1", **changes: object) -> Json:
    return document(name, kind="purchase_order", **changes)  # type: ignore[arg-type]


@pytest.fixture
def world() -> World:
    world = World()
    world.trade()
    return world


@pytest.fixture
def chain(world: World) -> World:
    """An order and two invoices of half of it each."""
    world.register(
        order(), document("I1", links=[link("PO1", HALF)]), document("I2", links=[link("PO1", HALF)])
    )
    return world


def relink(world: World, child: str, *links: Json, msp: str = INDUSTRY_A) -> Json:
    return world.one(msp, names.ASSETS_LINK, {"child": fp(child), "links": list(links)})


def join(world: World, asset: str, other: str, msp: str = INDUSTRY_A, **more: object) -> Json:
    item = {"asset": fp(asset), "alias": fp(other), "evidence": None, **more}
    return world.one(msp, names.ASSETS_ALIAS, item)


def test_joined_assets_are_one_under_every_key(chain: World) -> None:
    chain.register(document("I1 again", keys=[key("I1 again"), key("I1 again", epoch=2)]))
    result = join(chain, "I1", "I1 again")
    assert (result["status"], result["asset"]) == ("joined", fp("I1"))
    assert join(chain, "I1 again", "I1")["status"] == "already"
    chain.claim(BANK_A, "I1 again", "a")
    for name in (fp("I1"), fp("I1 again"), fp("I1 again", 2)):
        result = chain.reserve(BANK_B, "I1", "b", 2, asset=name)
        assert (refused(result), result["asset"]) == (reasons.OVER_FACE_VALUE, fp("I1"))
    assert chain.row("PO1")["via"] == {fp("I1"): HALF}
    (view,) = chain.read(names.ASSETS_GET, assets=[fp("I1 again", 2)])["assets"]
    assert view["asset"] == fp("I1")
    assert view["documents"] == [fp("I1"), fp("I1 again")]
    assert view["keys"] == [fp("I1"), fp("I1 again"), fp("I1 again", 2)]


def test_joining_adds_what_both_carried(world: World) -> None:
    world.register(
        order("PO1"),
        order("PO2"),
        document("A", links=[link("PO1", THIRD)]),
        document("B", links=[link("PO1", HALF), link("PO2", HALF, of_child=0)]),
    )
    world.claim(BANK_A, "A", "a", HALF)
    world.claim(BANK_B, "B", "b", HALF)
    world.fact("B", "credit", 7, "note")
    world.fact("A", "payment", 8, "line")
    assert join(world, "A", "B")["status"] == "joined"
    (change,) = world.event()["changed"]
    assert change["asset"] == fp("A")
    assert change["shortfall"] == 15
    assert len(change["handles"]) == 2
    row = world.row("B")
    assert (row["asset"], row["claimed"], row["diluted"], row["settled"]) == (fp("A"), FACE, 7, 8)
    # The heavier link of both; the joined asset is used whole.
    assert world.row("PO1")["via"] == {fp("A"): HALF}
    assert world.row("PO2")["via"] == {fp("A"): HALF}
    for bank, claim in ((BANK_A, "a"), (BANK_B, "b")):
        result = world.on_claim(bank, names.ENCUMBRANCES_SETTLE, "B", claim, share=HALF)
        assert result["status"] == "done"


def test_joining_children_and_parents(world: World) -> None:
    """An order confirmation turns out to be the order; the other way round works too."""
    world.register(order("A"), order("B", links=[link("A", HALF)]), document("I1", links=[link("B", HALF)]))
    world.claim(BANK_A, "I1", "a")
    assert join(world, "B", "A")["status"] == "joined"
    assert world.row("A")["via"] == {fp("I1"): HALF}
    assert refused(world.reserve(BANK_B, "A", "b", HALF + 1)) == reasons.OVER_FACE_VALUE

    world.register(order("C"), order("D", links=[link("C", HALF)]), document("I2", links=[link("C", None)]))
    world.claim(BANK_A, "D", "d")
    world.claim(BANK_A, "I2", "e")
    assert join(world, "C", "D")["status"] == "joined"
    row = world.row("D")
    assert (row["asset"], row["via"], row["claimed"], row["unweighted"]) == (fp("C"), {}, FACE, True)


def test_joining_several_one_after_the_other(world: World) -> None:
    world.register(*(document(name) for name in "ABCD"))
    world.claim(BANK_A, "A", "a", HALF)
    items = [
        {"asset": fp(asset), "alias": fp(other), "evidence": None}
        for asset, other in (("B", "A"), ("C", "A"), ("D", "B"), ("A", "C"))
    ]
    results = world.write(INDUSTRY_A, names.ASSETS_ALIAS, *items)
    assert [result["status"] for result in results] == ["joined", "joined", "joined", "already"]
    for name in "ABCD":
        row = world.row(name)
        assert (row["asset"], row["claimed"]) == (fp("D"), HALF)
    (view,) = world.read(names.ASSETS_GET, assets=[fp("A")])["assets"]
    assert sorted(view["documents"]) == sorted(fp(name) for name in "ABCD")
    assert world.finance(BANK_A, "C", "a")["reason"] == reasons.NOT_RESERVED


def test_who_may_join(world: World) -> None:
    world.register(document("A"), document("B"), document("other", seller="other"))
    world.register(document("C"), msp=INDUSTRY_B)
    assert refused(join(world, "A", "B", msp="IndustryCMSP")) == reasons.NOT_ENTITLED
    assert refused(join(world, "A", "C", msp=BANK_A)) == reasons.NOT_ENTITLED
    assert refused(join(world, "A", "other")) == reasons.SELLER_DIFFERS
    assert refused(join(world, "A", "nothing")) == reasons.UNKNOWN_DOCUMENT
    signature = signed_by("seller", alias_statement(asset=fp("A"), alias=fp("B")))
    assert refused(join(world, "B", "A", msp=BANK_A, signature=signature)) == reasons.SIGNATURE_INVALID
    assert join(world, "A", "B", msp=BANK_A, signature=signature)["status"] == "joined"
    assert join(world, "A", "C", msp=INDUSTRY_A)["status"] == "joined"  # vouches for the seller


def test_one_claim_id_on_both_assets_has_to_end_first(world: World) -> None:
    world.register(document("A"), document("B"))
    world.claim(BANK_A, "A", "same", HALF)
    world.claim(BANK_A, "B", "same", HALF)
    assert refused(join(world, "A", "B")) == reasons.CLAIM_EXISTS
    for name in "AB":
        world.on_claim(BANK_A, names.ENCUMBRANCES_RELEASE, name, "same", reason="error")
    assert join(world, "A", "B")["status"] == "joined"


def test_a_grouped_documents_links_are_carried_by_linking(world: World) -> None:
    world.register(document("fapiao"), order("PO1"))
    world.claim(BANK_A, "fapiao", "a")
    keys = [key("commercial"), alias("fapiao")]
    (result,) = world.register(document("commercial", keys=keys, links=[link("PO1", HALF)]))
    assert result["relink"] is True
    assert world.row("PO1")["via"] == {}
    assert relink(world, "commercial", link("PO1", HALF))["status"] == "linked"
    assert world.row("PO1")["via"] == {fp("fapiao"): HALF}
    (view,) = world.read(names.ASSETS_GET, assets=[fp("PO1")])["assets"]
    (edge,) = view["children"]
    assert (edge["fp"], edge["of_parent"], edge["counts"]) == (fp("fapiao"), HALF, True)
    assert edge["figures"]["claimed"] == FACE


def test_use_that_waited_for_a_grouped_document_is_carried_by_linking(world: World) -> None:
    """Invoices name an order by a number under which only another document of it was registered later."""
    world.register(document("I1", links=[link("confirmation", HALF)]), order("PO1"))
    world.claim(BANK_A, "I1", "a")
    (result,) = world.register(order("confirmation", keys=[key("confirmation"), alias("PO1")]))
    assert (result["relink"], result["asset"]) == (True, fp("PO1"))
    assert world.row("PO1")["via"] == {}
    assert relink(world, "confirmation")["status"] == "linked"
    assert world.row("PO1")["via"] == {fp("I1"): HALF}
    assert f"\x00claims\x00{fp('confirmation')}\x00" not in world.ledger.state


def test_use_that_waited_is_carried_further_up_by_linking(world: World) -> None:
    world.register(document("I1", links=[link("call", FACE)]), order("frame"))
    world.claim(BANK_A, "I1", "a")
    (result,) = world.register(order("call", links=[link("frame", HALF)]))
    assert result["relink"] is True
    assert world.row("frame")["via"] == {}
    assert relink(world, "call", link("frame", HALF))["status"] == "linked"
    assert world.row("frame")["via"] == {fp("call"): HALF}


def test_joining_takes_over_what_children_use(world: World) -> None:
    world.register(
        order("A"),
        order("B"),
        document("I1", links=[link("B", HALF)]),
        document("I2", links=[link("B", None)]),
        document("I3", links=[link("A", HALF)]),
    )
    for name in ("I1", "I2", "I3"):
        world.claim(BANK_A, name, name, HALF)
    assert join(world, "A", "B")["status"] == "joined"
    row = world.row("B")
    assert (row["via"], row["unweighted"]) == ({fp("I1"): HALF // 2, fp("I3"): HALF // 2}, True)
    for name in ("I1", "I2"):
        world.on_claim(BANK_A, names.ENCUMBRANCES_RELEASE, name, name, reason="error")
    row = world.row("A")
    assert (row["via"], row["unweighted"]) == ({fp("I3"): HALF // 2}, False)


@pytest.mark.parametrize(("one", "other"), [(None, HALF), (HALF, None)])
def test_of_two_weights_the_unknown_one_stays(world: World, one: int | None, other: int | None) -> None:
    world.register(
        order(), document("A", links=[link("PO1", one)]), document("B", links=[link("PO1", other)])
    )
    assert join(world, "A", "B")["status"] == "joined"
    world.claim(BANK_A, "B", "a")
    assert refused(world.reserve(BANK_B, "PO1", "b", 1)) == reasons.LINK_WEIGHT_UNKNOWN


def test_joined_and_then_used_in_one_call(world: World) -> None:
    """Links to the asset that went up into another lead there at once."""
    world.register(order("A"), order("B"), document("I1", links=[link("B", HALF)]), document("I2"))
    world.claim(BANK_A, "I1", "a")
    items = [
        {"asset": fp(asset), "alias": fp(other), "evidence": None}
        for asset, other in (("A", "B"), ("I2", "I1"))
    ]
    results = world.write(INDUSTRY_A, names.ASSETS_ALIAS, *items)
    assert [result["status"] for result in results] == ["joined", "joined"]
    assert world.row("B")["via"] == {fp("I2"): HALF}


def test_joins_one_behind_the_other_are_limited(world: World) -> None:
    most = MAX_JOINS + 1
    world.register(*(document(f"D{number}") for number in range(most + 1)))
    for number in range(1, most):
        assert join(world, f"D{number}", f"D{number - 1}")["status"] == "joined"
    assert world.row("D0")["asset"] == fp(f"D{most - 1}")
    assert refused(join(world, f"D{most}", "D0")) == reasons.LINK_LIMIT
    assert join(world, "D0", f"D{most}")["status"] == "joined"
    world.claim(BANK_A, f"D{most}", "a")
    assert world.row("D0")["claimed"] == FACE


def test_sharing_an_asset_gives_no_power_over_it(world: World) -> None:
    """A member registers a document of its own under an alias of somebody's invoice."""
    thief = "IndustryCMSP"
    world.party("puppet", thief)
    world.register(document("I1"), order())
    (result,) = world.register(
        document("false", buyer="puppet", keys=[key("false"), alias("I1")], links=[link("PO1")]), msp=thief
    )
    assert result["grouped"] is True
    fact = {"asset": fp("false"), "type": "credit", "share": FACE, "evidence": digest("x")}
    assert refused(world.one(thief, names.ENCUMBRANCES_FACT, fact)) == reasons.NOT_ENTITLED
    assert refused(relink(world, "false", link("PO1"), msp=thief)) == reasons.NOT_ENTITLED
    void = {"fp": fp("false"), "reason": "x", "evidence": None}
    assert world.one(thief, names.DOCUMENTS_VOID, void)["status"] == "voided"
    assert world.record("false")["state"] == "void"
    row = world.row("I1")
    assert (row["void"], row["free"]) == (False, FACE)
    world.claim(BANK_A, "I1", "a")


def test_vouching_afterwards_gives_no_power_over_what_is_there(world: World) -> None:
    late = "IndustryCMSP"
    world.register(document("I1", buyer="new"), document("I2", seller="new"))
    world.now += 1
    world.party("new", late)
    for name in ("I1", "I2"):
        fact = {"asset": fp(name), "type": "credit", "share": 1, "evidence": digest(name)}
        assert refused(world.one(late, names.ENCUMBRANCES_FACT, fact)) == reasons.NOT_ENTITLED
    assert world.fact("I2", "credit", 1, "by whoever registered it")["status"] == "done"
    world.register(document("I3", buyer="new"))
    assert world.fact("I3", "credit", 1, "now", msp=late)["status"] == "done"


def test_registering_for_somebody_elses_client_gives_no_power(world: World) -> None:
    other = "IndustryCMSP"
    statement = b"origin"
    origin = {**signed_by("seller", statement), "digest": sha256(statement).hexdigest()}
    world.register(document("asserted"), document("signed", origin=origin), msp=other)
    for name, allowed in (("asserted", False), ("signed", True)):
        assert (world.fact(name, "credit", 1, name, msp=other)["status"] == "done") == allowed
    void = {"fp": fp("asserted"), "reason": "x", "evidence": None}
    assert refused(world.one(other, names.DOCUMENTS_VOID, void)) == reasons.NOT_ENTITLED
