"""One trade's order, receipts and invoices: what is used of one is used of those above it."""

from __future__ import annotations

import pytest

from consortium.contract import claim_handle, names, reasons
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
    document,
    fp,
    key,
    link,
    opening,
    refused,
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


def test_an_order_and_then_its_invoice(chain: World) -> None:
    chain.claim(BANK_A, "PO1", "a")
    for bank in (BANK_A, BANK_B):
        result = chain.reserve(bank, "I1", "b", 2)
        assert refused(result) == reasons.OVER_FACE_VALUE_LINKED
        assert (result["asset"], result["free"]) == (fp("I1"), FACE)
        assert fp("PO1") in result["message"]
    assert chain.row("I1")["claims"] == []
    assert chain.row("PO1")["via"] == {}


def test_an_invoice_and_then_its_order(chain: World) -> None:
    chain.claim(BANK_A, "I1", "a")
    row = chain.row("PO1")
    assert (row["via"], row["via_total"], row["free"], row["state"]) == ({fp("I1"): HALF}, HALF, HALF, "free")
    assert refused(chain.reserve(BANK_B, "PO1", "b", HALF + 1)) == reasons.OVER_FACE_VALUE
    assert chain.reserve(BANK_B, "PO1", "b", HALF)["status"] == "done"
    assert refused(chain.reserve(BANK_B, "I2", "c", 2)) == reasons.OVER_FACE_VALUE_LINKED


def test_both_halves_of_an_order(chain: World) -> None:
    chain.claim(BANK_A, "I1", "a")
    chain.claim(BANK_B, "I2", "b")
    assert chain.row("PO1")["free"] == 0
    chain.on_claim(BANK_A, names.ENCUMBRANCES_RELEASE, "I1", "a", reason="repaid")
    assert chain.row("PO1")["free"] == HALF
    chain.on_claim(BANK_B, names.ENCUMBRANCES_SETTLE, "I2", "b", share=FACE)
    assert chain.row("PO1")["via"] == {fp("I2"): HALF}  # what was paid of the invoice is gone from the order


def test_three_thirds_fit_and_parts_are_rounded_up(world: World) -> None:
    names_ = ("I1", "I2", "I3")
    world.register(order(), *(document(name, links=[link("PO1", THIRD)]) for name in names_))
    world.claim(BANK_A, "I1", "part", 1)
    assert world.row("PO1")["via"] == {fp("I1"): 1}
    world.claim(BANK_A, "I1", "more", HALF)
    assert world.row("PO1")["via"] == {fp("I1"): -(-(HALF + 1) * THIRD // FACE)}
    world.claim(BANK_A, "I1", "rest", FACE - HALF - 1)
    assert world.row("PO1")["via"] == {fp("I1"): THIRD}
    for name in names_[1:]:
        world.claim(BANK_B, name, name)
    assert world.row("PO1")["free"] == 1


def test_use_travels_over_all_levels(world: World) -> None:
    world.register(
        order("frame"),
        order("call", links=[link("frame", HALF)]),
        document("I1", links=[link("call", HALF)]),
    )
    world.claim(BANK_A, "I1", "a")
    assert world.row("call")["via"] == {fp("I1"): HALF}
    assert world.row("frame")["via"] == {fp("call"): HALF // 2}
    result = world.reserve(BANK_B, "frame", "b", FACE - HALF // 2 + 1)
    assert refused(result) == reasons.OVER_FACE_VALUE
    world.claim(BANK_B, "frame", "b", FACE - HALF // 2)
    world.on_claim(BANK_A, names.ENCUMBRANCES_RELEASE, "I1", "a", reason="error")
    assert refused(world.reserve(BANK_A, "call", "c")) == reasons.OVER_FACE_VALUE_LINKED
    assert world.reserve(BANK_A, "call", "c", HALF)["status"] == "done"


def test_one_invoice_of_two_orders_of_one_frame(world: World) -> None:
    """Both ways to the frame count."""
    halves = [link("PO1", FACE, of_child=HALF), link("PO2", FACE, of_child=HALF)]
    world.register(
        order("frame"),
        order("PO1", links=[link("frame", HALF)]),
        order("PO2", links=[link("frame", HALF)]),
        document("I1", links=halves),
    )
    world.claim(BANK_A, "I1", "a", HALF)
    assert world.row("frame")["via"] == {fp("PO1"): HALF // 2, fp("PO2"): HALF // 2}
    world.on_claim(BANK_A, names.ENCUMBRANCES_RELEASE, "I1", "a", reason="error")
    assert world.row("frame")["via"] == {}


def test_evidence_and_other_sellers_do_not_count(world: World) -> None:
    """The buyer's goods from the same delivery are another asset; receipts are none."""
    world.register(
        order("of another", seller="other"),
        document("GR1", kind="goods_receipt"),
        document("I1", links=[link("of another"), link("GR1", kind="goods_receipt")][:1]),
        document("I2", links=[link("GR1", kind="goods_receipt")]),
    )
    world.claim(BANK_A, "I1", "a")
    world.claim(BANK_A, "I2", "b")
    assert world.row("of another")["via"] == {}
    (view,) = world.read(names.ASSETS_GET, assets=[fp("I1")])["assets"]
    assert [(edge["fp"], edge["counts"]) for edge in view["parents"]] == [(fp("of another"), False)]
    (view,) = world.read(names.ASSETS_GET, assets=[fp("I2")])["assets"]
    assert view["parents"] == []


def test_a_link_that_says_asset_and_leads_to_none_does_not_count(world: World) -> None:
    world.register(document("GR1", kind="goods_receipt"), document("I1", links=[link("GR1")]))
    world.claim(BANK_A, "I1", "a")
    (view,) = world.read(names.ASSETS_GET, assets=[fp("I1")])["assets"]
    assert [(edge["counts"], edge["figures"]) for edge in view["parents"]] == [(False, None)]


def test_an_order_that_comes_after_its_invoices_were_claimed(world: World) -> None:
    world.register(document("I1", links=[link("PO1", HALF)]), document("I2", links=[link("PO1", HALF)]))
    world.claim(BANK_A, "I1", "a")
    world.claim(BANK_A, "I2", "b", HALF)
    assert world.read(names.ENCUMBRANCES_GET, assets=[fp("PO1")]) == {"rows": [None]}
    (result,) = world.register(order())
    assert "relink" not in result
    assert world.row("PO1")["via"] == {fp("I1"): HALF, fp("I2"): HALF // 2}
    assert refused(world.reserve(BANK_B, "PO1", "c", HALF)) == reasons.OVER_FACE_VALUE
    world.on_claim(BANK_A, names.ENCUMBRANCES_RELEASE, "I1", "a", reason="error")
    assert world.row("PO1")["via"] == {fp("I2"): HALF // 2}


def test_a_pending_order_bears_no_more_than_itself(world: World) -> None:
    world.register(document("I1", links=[link("PO1")]), document("I2", links=[link("PO1")]))
    world.claim(BANK_A, "I1", "a", HALF)
    assert refused(world.reserve(BANK_B, "I2", "b", HALF + 1)) == reasons.OVER_FACE_VALUE_LINKED
    world.claim(BANK_B, "I2", "b", HALF)
    world.on_claim(BANK_A, names.ENCUMBRANCES_RELEASE, "I1", "a", reason="error")
    world.on_claim(BANK_B, names.ENCUMBRANCES_RELEASE, "I2", "b", reason="error")
    assert not [name for name in world.ledger.state if name == f"\x00claims\x00{fp('PO1')}\x00"]


def test_use_by_another_seller_is_dropped_when_the_order_comes(world: World) -> None:
    world.party("other")
    world.consent("others", subject="other")
    world.register(
        document("I1", links=[link("PO1", HALF)]), document("I2", seller="other", links=[link("PO1")])
    )
    world.claim(BANK_A, "I1", "a")
    reserved = world.reserve(BANK_A, "I2", "b", consent="consent-others")
    assert (
        reserved["status"] == "done"
    )  # another seller's use of a pending order blocks nobody, and the reverse
    world.register(order())
    assert world.row("PO1")["via"] == {fp("I1"): HALF}


def test_a_pending_order_under_several_keys(world: World) -> None:
    world.register(
        document("I1", links=[link("PO1", THIRD)]),
        document("I2", links=[{**link("PO1", THIRD), "parent": fp("PO1", 2)}]),
        document("I3", links=[link("PO1 alias", THIRD)]),
    )
    for number, name in enumerate(("I1", "I2", "I3")):
        world.claim(BANK_A, name, str(number))
    world.register(order(keys=[key("PO1"), key("PO1", epoch=2), alias("PO1 alias")]))
    assert world.row("PO1")["via"] == {fp(name): THIRD for name in ("I1", "I2", "I3")}
    rows = [name for name in world.ledger.state if name.startswith("\x00claims")]
    assert len(rows) == 4
    world.on_claim(BANK_A, names.ENCUMBRANCES_RELEASE, "I2", "1", reason="error")
    assert world.row("PO1")["via_total"] == 2 * THIRD


def test_lapsed_reservations_free_the_order_by_time_alone(chain: World) -> None:
    chain.reserve(BANK_A, "I1", "a", HALF, expires=chain.now + DAY)
    chain.reserve(BANK_A, "I1", "b", HALF, expires=chain.now + 2 * DAY)
    chain.claim(BANK_A, "I2", "c", HALF)
    assert chain.row("PO1")["via"] == {fp("I1"): HALF, fp("I2"): HALF // 2}
    start, over = chain.now, names.RESERVATION_TOLERANCE_S + 1
    chain.now = start + DAY + over
    assert chain.row("PO1")["via"] == {fp("I1"): HALF // 2, fp("I2"): HALF // 2}
    assert refused(chain.reserve(BANK_B, "PO1", "d", HALF + 1)) == reasons.OVER_FACE_VALUE
    chain.now = start + 2 * DAY + over
    assert chain.row("PO1")["via"] == {fp("I2"): HALF // 2}
    assert chain.reserve(BANK_B, "PO1", "d", FACE - HALF // 2)["status"] == "done"


def test_a_fact_about_an_invoice_impairs_the_order(chain: World) -> None:
    """The invoice was paid; whoever financed the order has to know."""
    chain.claim(BANK_A, "PO1", "a")
    result = chain.fact("I1", "payment", FACE, "line")
    assert (result["status"], result["shortfall"]) == ("done", 0)
    (change,) = chain.event()["changed"]
    assert change == {
        "asset": fp("PO1"),
        "state": "impaired",
        "shortfall": HALF,
        "handles": [claim_handle(BANK_A, opening("a"))],
    }
    assert chain.row("PO1")["shortfall"] == HALF


def test_a_credit_on_an_invoice_leaves_the_order_alone(chain: World) -> None:
    """A credited invoice is written again."""
    chain.fact("I1", "credit", FACE, "note")
    assert chain.row("PO1")["free"] == FACE


def test_a_void_order_impairs_those_who_claimed_its_invoices(chain: World) -> None:
    chain.claim(BANK_A, "I1", "a")
    chain.reserve(BANK_B, "I2", "b", HALF)
    chain.fact("PO1", "void", FACE, "cancelled")
    (change,) = chain.event()["changed"]
    handles = sorted(claim_handle(bank, opening(c)) for bank, c in ((BANK_A, "a"), (BANK_B, "b")))
    assert (change["asset"], change["handles"], change["shortfall"]) == (fp("PO1"), handles, HALF + HALF // 2)
    assert refused(chain.finance(BANK_B, "I2", "b")) == reasons.ASSET_IMPAIRED


def test_a_link_learned_late_is_a_fact(world: World) -> None:
    """Order and invoice were financed at two banks before anybody said that they belong together."""
    world.register(order(), document("I1"))
    world.claim(BANK_A, "PO1", "a")
    world.claim(BANK_B, "I1", "b", HALF)
    world.reserve(BANK_B, "I1", "c", HALF)
    result = relink(world, "I1", link("PO1", FACE))
    assert result["status"] == "linked"
    event = world.event()
    assert event["name"] == "assets"
    (change,) = event["changed"]
    handles = sorted(
        claim_handle(bank, opening(c)) for bank, c in ((BANK_A, "a"), (BANK_B, "b"), (BANK_B, "c"))
    )
    assert change == {"asset": fp("PO1"), "state": "impaired", "shortfall": FACE, "handles": handles}
    assert refused(world.finance(BANK_B, "I1", "c")) == reasons.ASSET_IMPAIRED


def test_an_unknown_weight_lets_order_and_invoice_not_both_be_claimed(world: World) -> None:
    world.register(
        order(), document("I1", links=[link("PO1", None)]), document("I2", links=[link("PO1", None)])
    )
    world.claim(BANK_A, "PO1", "a", 1)
    assert refused(world.reserve(BANK_B, "I1", "b", 1)) == reasons.LINK_WEIGHT_UNKNOWN
    assert world.row("I1")["claims"] == []
    world.on_claim(BANK_A, names.ENCUMBRANCES_RELEASE, "PO1", "a", reason="error")
    world.claim(BANK_B, "I1", "b")
    world.claim(BANK_A, "I2", "c")  # another part of the order
    row = world.row("PO1")
    assert (row["unweighted"], row["via_total"], row["free"]) == (True, 0, FACE)
    assert refused(world.reserve(BANK_A, "PO1", "d", 1)) == reasons.LINK_WEIGHT_UNKNOWN
    assert relink(world, "I1", link("PO1", HALF))["status"] == "linked"
    assert relink(world, "I2", link("PO1", THIRD))["status"] == "linked"
    row = world.row("PO1")
    assert (row["unweighted"], row["via"]) == (False, {fp("I1"): HALF, fp("I2"): THIRD})
    assert world.reserve(BANK_A, "PO1", "d", FACE - HALF - THIRD)["status"] == "done"


def test_unknown_weights_end_with_the_reservation_and_pass_upward(world: World) -> None:
    world.register(
        order("frame"),
        order("call", links=[link("frame", HALF)]),
        document("I1", links=[link("call", None)]),
    )
    world.reserve(BANK_A, "I1", "a")
    for name in ("call", "frame"):
        assert world.row(name)["unweighted"] is True
        assert refused(world.reserve(BANK_B, name, "b", 1)) == reasons.LINK_WEIGHT_UNKNOWN
    world.now += 5 * DAY + names.RESERVATION_TOLERANCE_S + 1
    for name in ("call", "frame"):
        assert world.row(name)["unweighted"] is False
    assert world.reserve(BANK_B, "frame", "b", 1)["status"] == "done"
    assert refused(world.reserve(BANK_A, "I1", "c")) == reasons.LINK_WEIGHT_UNKNOWN


def test_an_unknown_weight_of_a_pending_order(world: World) -> None:
    world.register(document("I1", links=[link("PO1", None)]), document("I2", links=[link("PO1", None)]))
    world.claim(BANK_A, "I1", "a")
    world.claim(BANK_B, "I2", "b")
    world.register(order())
    assert refused(world.reserve(BANK_A, "PO1", "c", 1)) == reasons.LINK_WEIGHT_UNKNOWN


def test_weights_are_only_raised_while_in_use(world: World) -> None:
    world.register(order(), order("PO2"), document("I1", links=[link("PO1", HALF)]))
    assert relink(world, "I1", link("PO1", THIRD))["status"] == "linked"
    world.claim(BANK_A, "I1", "a", HALF)
    assert refused(relink(world, "I1", link("PO1", THIRD - 1))) == reasons.LINK_LOWERED
    assert refused(relink(world, "I1", link("PO1", None))) == reasons.LINK_LOWERED
    assert relink(world, "I1", link("PO1", HALF, of_child=HALF))["status"] == "linked"
    assert world.row("PO1")["via"] == {fp("I1"): HALF // 2}
    assert refused(relink(world, "I1", link("PO2", 1, of_child=HALF + 1))) == reasons.LINKS_OVER_CHILD
    assert relink(world, "I1", link("PO2", 2, of_child=HALF))["status"] == "linked"
    assert world.row("PO2")["via"] == {fp("I1"): 1}


def test_who_may_link(world: World) -> None:
    world.register(document("I1"), msp=INDUSTRY_B)
    world.register(document("GR1", kind="goods_receipt"))
    assert relink(world, "I1", link("PO1"), msp=INDUSTRY_B)["status"] == "linked"  # registered it
    assert relink(world, "I1", link("PO1"), msp=INDUSTRY_A)["status"] == "linked"  # vouches for the seller
    assert refused(relink(world, "I1", link("PO1"), msp=BANK_A)) == reasons.NOT_ENTITLED
    assert refused(relink(world, "nothing", link("PO1"))) == reasons.UNKNOWN_DOCUMENT
    assert refused(relink(world, "GR1", link("PO1"))) == reasons.NO_ASSET


def test_an_asset_has_a_limited_number_of_links(world: World) -> None:
    most = names.MAX_LINKS_PER_DOCUMENT
    world.register(document("I1", links=[link(f"PO{n}", of_child=0) for n in range(most)]))
    assert refused(relink(world, "I1", link("one more", of_child=0))) == reasons.LINK_LIMIT


def test_circles_are_found(world: World) -> None:
    world.register(
        order("PO1", links=[link("PO2", 5)]),
        order("PO2", links=[link("PO3", 5)]),
        order("PO3", links=[link("PO2", 5)]),
        document("I1", links=[link("PO1", 5)]),
    )
    for name in ("I1", "PO1", "PO2"):
        assert refused(world.reserve(BANK_A, name, "a")) == reasons.LINK_CYCLE
    for name in ("I1", "PO2"):
        assert world.fact(name, "payment", FACE, f"line {name}")["status"] == "done"
    assert world.row("PO1")["via"] == {fp("I1"): 5}
    assert world.row("PO3")["via"] == {fp("PO2"): 5}


def test_too_many_levels(world: World) -> None:
    depth = names.MAX_LINK_DEPTH
    world.register(
        *(order(f"L{n}", links=[link(f"L{n + 1}")]) for n in range(depth + 1)), order(f"L{depth + 1}")
    )
    assert refused(world.reserve(BANK_A, "L0", "a")) == reasons.LINK_LIMIT
    assert world.reserve(BANK_A, "L1", "a", HALF)["status"] == "done"
    assert world.row(f"L{depth + 1}")["via_total"] == HALF
    assert world.fact("L0", "payment", FACE, "line")["status"] == "done"  # as far as it is followed
    assert world.row(f"L{depth}")["via_total"] == FACE


def test_too_many_assets_above(world: World) -> None:
    width = names.MAX_LINKS_PER_DOCUMENT
    middle = [order(f"M{m}", links=[link(f"T{m}.{n}", of_child=0) for n in range(width)]) for m in range(3)]
    world.register(*middle, document("I1", links=[link(f"M{m}", of_child=0) for m in range(3)]))
    assert refused(world.reserve(BANK_A, "I1", "a")) == reasons.LINK_LIMIT
    assert world.reserve(BANK_A, "M0", "a")["status"] == "done"


def test_too_many_children(world: World) -> None:
    most = names.MAX_CHILDREN_IN_USE
    world.register(order())
    children = [document(f"I{n}", links=[link("PO1", 1)]) for n in range(most + 1)]
    for start in range(0, most + 1, 500):
        world.register(*children[start : start + 500])

    def payment(number: int) -> Json:
        return {"asset": fp(f"I{number}"), "type": "payment", "share": 1, "evidence": fp(f"line {number}")}

    for start in range(0, most, 250):
        items = [payment(number) for number in range(start, start + 250)]
        results = world.write(INDUSTRY_A, names.ENCUMBRANCES_FACT, *items)
        assert {result["status"] for result in results} == {"done"}
    assert world.row("PO1")["via_total"] == most
    assert refused(world.reserve(BANK_A, f"I{most}", "a", 1)) == reasons.LINK_LIMIT
    assert world.one(INDUSTRY_A, names.ENCUMBRANCES_FACT, payment(most))["status"] == "done"
    assert world.row("PO1")["via_total"] == most
    assert world.reserve(BANK_A, "I0", "b", 1)["status"] == "done"


def test_an_asset_with_its_surroundings(chain: World) -> None:
    chain.claim(BANK_A, "I1", "a", HALF)
    (view,) = chain.read(names.ASSETS_GET, assets=[fp("PO1")])["assets"]
    assert (view["asset"], view["documents"], view["keys"]) == (fp("PO1"), [fp("PO1")], [fp("PO1")])
    assert [edge["fp"] for edge in view["children"]] == sorted([fp("I1"), fp("I2")])
    edge = next(edge for edge in view["children"] if edge["fp"] == fp("I1"))
    assert (edge["of_child"], edge["of_parent"], edge["basis"], edge["counts"]) == (FACE, HALF, "gross", True)
    assert edge["figures"]["claimed"] == HALF
    (view,) = chain.read(names.ASSETS_GET, assets=[fp("I1")])["assets"]
    (edge,) = view["parents"]
    assert (edge["fp"], edge["counts"], edge["figures"]["via_total"]) == (fp("PO1"), True, HALF // 2)
    assert view["claims"][0]["share"] == HALF
    assert chain.read(names.ASSETS_GET, assets=[fp("nothing")]) == {"assets": [None]}


def test_a_pending_parent_in_the_surroundings(world: World) -> None:
    world.register(document("I1", links=[link("PO1", None)]))
    (view,) = world.read(names.ASSETS_GET, assets=[fp("I1")])["assets"]
    (edge,) = view["parents"]
    assert (edge["counts"], edge["figures"], edge["of_parent"]) == (False, None, None)


def test_two_links_to_one_parent_count_once(world: World) -> None:
    """By two keys of the order, as two documents of the receivable may name it."""
    world.register(order(keys=[key("PO1"), key("PO1", epoch=2)]))
    second = {**link("PO1", HALF, of_child=0), "parent": fp("PO1", 2)}
    world.register(document("I1", links=[link("PO1", THIRD), second]))
    world.claim(BANK_A, "I1", "a")
    assert world.row("PO1")["via"] == {fp("I1"): HALF}


def test_a_claim_asks_the_ledger_a_few_times_however_many_items(chain: World) -> None:
    chain.register(*(document(f"D{n}", links=[link("PO1", 1)]) for n in range(100)))
    items = [
        {
            "asset": fp(f"D{n}"),
            "claim": f"{n:016x}",
            "share": 5,
            "handle": claim_handle(BANK_A, opening(str(n))),
            "expires": chain.now + DAY,
            "consent": f"consent-{BANK_A}",
            "signature": None,
        }
        for n in range(100)
    ]
    transient = {f"opening:{n:016x}": opening(str(n)).encode() for n in range(100)}
    results = chain.write(BANK_A, names.ENCUMBRANCES_RESERVE, *items, transient=transient)
    assert {result["status"] for result in results} == {"done"}
    assert chain.last is not None
    assert len(chain.last.reads) <= 5
    assert not chain.last.ranges
