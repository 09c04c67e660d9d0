"""The graph of sales: rings through a seller."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consortium.documents import CreditNote
from crossverify.answers import Sales
from crossverify.graph import Flow, Rings, component, period, trades_of
from crossverify.who import SUBJECT, who_of
from tests.support.portfolio_world import DAY_ONE, SELLER, bill, case_of, evidence_of, firm

WINDOW = 30
STEEL = frozenset({"name:steel"})
PUMP = frozenset({"name:pump"})


def flow(day: int, goods: frozenset[str] | None = STEEL, last: int | None = None) -> Flow:
    return Flow(day, day if last is None else last, f"f{day}", "N", goods, Decimal(100), "CNY")


def rings(*sales: tuple[str, str, Flow], parties: int = 8, steps: int = 10_000) -> Rings:
    flows: dict[tuple[str, str], list[Flow]] = {}
    for seller, buyer, each in sales:
        flows.setdefault((seller, buyer), []).append(each)
    return Rings(flows, "s", range(-40, 300), window_days=WINDOW, max_parties=parties, max_steps=steps)


def test_a_ring_is_found_with_each_of_its_sales() -> None:
    ring = rings(("s", "a", flow(100)), ("a", "b", flow(110)), ("b", "s", flow(120))).shortest("a", 100)
    assert ring is not None
    assert ring.parties == ("s", "a", "b")
    assert [each.first for each in ring.back] == [110, 120]


def test_the_shortest_of_several() -> None:
    found = rings(
        ("s", "a", flow(100)),
        ("a", "b", flow(100)),
        ("b", "c", flow(100)),
        ("c", "s", flow(100)),
        ("b", "s", flow(100)),
    ).shortest("a", 100)
    assert found is not None
    assert found.parties == ("s", "a", "b")


@pytest.mark.parametrize(("day", "found"), [(69, False), (70, True), (130, True), (131, False)])
def test_every_sale_lies_within_the_window(day: int, found: bool) -> None:
    assert (rings(("s", "a", flow(100)), ("a", "s", flow(day))).shortest("a", 100) is not None) is found


@pytest.mark.parametrize("day", range(95, 106))
def test_each_day_has_its_own_shortest_way(day: int) -> None:
    made = rings(
        ("s", "a", flow(100)),
        ("a", "s", flow(130)),
        ("a", "b", flow(100)),
        ("b", "c", flow(100)),
        ("c", "s", flow(100)),
    )
    ring = made.shortest("a", day)
    assert ring is not None
    assert len(ring.parties) == (2 if day >= 100 else 4)


def test_a_ring_longer_than_asked_for_is_none() -> None:
    sales = (("s", "a", flow(1)), ("a", "b", flow(1)), ("b", "c", flow(1)), ("c", "s", flow(1)))
    assert rings(*sales, parties=4).shortest("a", 1) is not None
    assert rings(*sales, parties=3).shortest("a", 1) is None


def test_goods_are_followed_through_sales_of_unknown_goods_but_not_into_the_seller() -> None:
    through = rings(("s", "a", flow(1)), ("a", "b", flow(0, None, 9)), ("b", "s", flow(1)))
    assert through.shortest("a", 1, "name:steel") is not None
    unknown = rings(("s", "a", flow(1)), ("a", "s", flow(0, None, 9)))
    assert unknown.shortest("a", 1, "name:steel") is None
    assert unknown.shortest("a", 1) is not None
    other = rings(("s", "a", flow(1)), ("a", "s", flow(1, PUMP)))
    assert other.shortest("a", 1, "name:steel") is None


def test_an_answer_over_months_counts_where_it_touches_the_window() -> None:
    made = rings(("s", "a", flow(100)), ("a", "s", flow(131, None, 160)))
    assert made.shortest("a", 100) is None
    assert made.shortest("a", 101) is not None


def test_a_used_up_budget_is_said() -> None:
    made = rings(
        *[(f"p{i}", "s", flow(1)) for i in range(9)], *[("s", f"p{i}", flow(1)) for i in range(9)], steps=5
    )
    assert not made.exhausted
    assert made.shortest("p1", 1) is None
    assert made.exhausted


def test_only_the_component_of_the_seller_is_kept() -> None:
    flows: dict[tuple[str, str], list[Flow]] = {
        ("s", "a"): [],
        ("a", "s"): [],
        ("a", "x"): [],
        ("y", "s"): [],
        ("x", "z"): [],
        ("z", "x"): [],
    }
    assert component(flows, "s") == {"s", "a"}
    assert component({}, "s") == {"s"}


@st.composite
def _planted(draw: st.DrawFn) -> tuple[list[tuple[str, str, Flow]], int, int]:
    """Noise of sales that runs one way, from lower to higher numbers, and a ring planted into it."""
    noise = draw(
        st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 200)), max_size=80)
    )
    sales = [(_name(min(a, b)), _name(max(a, b)), flow(day)) for a, b, day in noise if a != b]
    length = draw(st.integers(2, 8))
    others = draw(st.permutations(range(1, 31)))[: length - 1]
    middle = draw(st.integers(0, 200))
    parties = ["s", *(_name(each) for each in others), "s"]
    for one, two in pairwise(parties):
        sales.append((one, two, flow(draw(st.integers(middle - WINDOW, middle + WINDOW)))))
    return draw(st.permutations(sales)), length, middle


def _name(number: int) -> str:
    return "s" if number == 0 else f"p{number:02d}"


@settings(max_examples=80, deadline=None)
@given(_planted())
def test_a_planted_ring_is_always_found(planted: tuple[list[tuple[str, str, Flow]], int, int]) -> None:
    sales, length, middle = planted
    made = rings(*sales)
    buyers = sorted({buyer for seller, buyer, _ in sales if seller == "s"})
    found = [ring for each in buyers if (ring := made.shortest(each, middle)) is not None]
    assert found
    assert min(len(ring.parties) for ring in found) <= length
    for ring in found:
        assert len(set(ring.parties)) == len(ring.parties)
        assert all(abs(each.first - middle) <= WINDOW for each in ring.back)
        steps = zip(ring.parties[1:], [*ring.parties[2:], "s"], ring.back, strict=True)
        assert all((seller, buyer, each) in sales for seller, buyer, each in steps)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 60)), max_size=80),
    st.permutations(range(13)),
)
def test_no_ring_in_sales_that_run_one_way(edges: list[tuple[int, int, int]], order: list[int]) -> None:
    sales = [(_name(order[min(a, b)]), _name(order[max(a, b)]), flow(day)) for a, b, day in edges if a != b]
    made = rings(*sales)
    assert made.members == {"s"}
    assert all(made.shortest(buyer, day) is None for _, buyer, each in sales for day in (each.first,))


# --- flows of a case -----------------------------------------------------------------------------------


def pairs(*documents: object, **changes: object) -> set[tuple[str, str]]:
    case = case_of(evidence_of(documents, **changes))  # type: ignore[arg-type]
    who = who_of(case)
    names = {who.of(firm(number)): f"f{number}" for number in range(5)} | {SUBJECT: "s"}
    return {(names[seller], names[buyer]) for seller, buyer in trades_of(case).flows}


def test_invoices_are_sales_of_anybody() -> None:
    made = (
        bill("1", SELLER, firm(1), DAY_ONE),
        bill("2", firm(1), firm(2), DAY_ONE),
        bill("3", firm(2), SELLER, DAY_ONE),
    )
    assert pairs(*made) == {("s", "f1"), ("f1", "f2"), ("f2", "s")}


def test_processing_fees_returns_and_what_was_credited_are_no_sales() -> None:
    sold = bill("1", SELLER, firm(1), DAY_ONE)
    assert pairs(sold, bill("2", firm(1), SELLER, DAY_ONE, item="加工费")) == {("s", "f1")}
    assert pairs(sold, bill("2", firm(1), SELLER, DAY_ONE, item="toll processing of steel")) == {("s", "f1")}
    assert pairs(sold, bill("2", firm(1), SELLER, DAY_ONE, quantity=40, corrects="1")) == {("s", "f1")}
    larger = bill("2", firm(1), SELLER, DAY_ONE, quantity=101, corrects="1")
    assert pairs(sold, larger) == {("s", "f1"), ("f1", "s")}
    nowhere = bill("2", firm(1), SELLER, DAY_ONE, quantity=40, corrects="77")
    assert pairs(sold, nowhere) == {("s", "f1"), ("f1", "s")}
    note = bill("C", SELLER, firm(1), DAY_ONE, kind=CreditNote, corrects="1")
    assert pairs(sold, note) == set()
    part = bill("C", SELLER, firm(1), DAY_ONE, quantity=99, kind=CreditNote, corrects="1")
    assert pairs(sold, part) == {("s", "f1")}


def test_void_invoices_are_no_sales() -> None:
    evidence = evidence_of([bill("1", SELLER, firm(1), DAY_ONE)])
    void = evidence.documents[0].model_copy(update={"state": "void"})
    assert not trades_of(case_of(evidence.model_copy(update={"documents": (void,)}))).flows


@pytest.mark.parametrize(
    ("months", "expected"),
    [
        (["2026-02", "2025-11"], (date(2025, 11, 1), date(2026, 2, 28))),
        (["2024-02"], (date(2024, 2, 1), date(2024, 2, 29))),
        (["2024-13", "soon", "0000-01"], (date(1970, 1, 2) - timedelta(days=365), date(1970, 1, 2))),
        ([], (date(1970, 1, 2) - timedelta(days=365), date(1970, 1, 2))),
    ],
)
def test_the_period_of_an_answer(months: list[str], expected: tuple[date, date]) -> None:
    rows = [{"month": each, "currency": "CNY", "amount": "1"} for each in months]
    assert period(Sales.model_validate({"known": True, "months": rows}), 86_400) == expected


# --- work is bounded: counted in pairs looked at, not in seconds ------------------------------------------


def test_a_complete_graph_takes_at_most_one_pass_per_step() -> None:
    names = ["s", *(f"p{number:02d}" for number in range(60))]
    sales = [
        (one, two, flow((7 * here + 11 * there) % 260))
        for here, one in enumerate(names)
        for there, two in enumerate(names)
        if one != two
    ]
    made = rings(*sales, parties=8, steps=7 * len(sales))
    found = [made.shortest(buyer, day) for buyer in names[1:] for day in range(0, 260, 20)]
    assert not made.exhausted
    assert all(ring is not None for ring in found)


def test_a_hub_takes_one_pass_over_its_customers() -> None:
    sales = [("s", f"p{number}", flow(number % 200)) for number in range(3_000)]
    sales += [(f"p{number}", "s", flow(number * 7 % 200)) for number in range(3_000)]
    made = rings(*sales, steps=2 * 3_000)
    found = sum(made.shortest(f"p{number}", number % 200) is not None for number in range(3_000))
    assert not made.exhausted
    assert found == sum(abs(number % 200 - number * 7 % 200) <= WINDOW for number in range(3_000))
