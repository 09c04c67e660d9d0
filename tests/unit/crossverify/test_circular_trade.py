"""CIRCULAR_TRADE: goods that come back to the seller."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consortium.documents import Classification, Document, DocumentRef, Invoice, Item, Party
from crossverify.evidence import Evidence
from crossverify.graph import Rings
from crossverify.rule import Effect, Finding
from tests.support.portfolio_world import DAY_ONE, bill, declare, evidence_of, firm, judged, said
from tests.support.trade_world import BUYER, OTHER, SELLER, World, credit_note, fp, goods, invoice

BILL = fp(invoice())
THIRD, FOURTH = firm(3), firm(4)
DAY = date(2026, 4, 10)


def sale(seller: Party, buyer: Party, number: str = "X-1", item: str = "bolt M8", **fields: Any) -> Invoice:
    return invoice(number, [{"item": goods(item)}], seller=seller, buyer=buyer, order_number=None, **fields)


def world(*sales: Document) -> World:
    """The receivable, a purchase from somebody who has nothing to do with it, and more sales."""
    return World(
        invoice(lines=[{"item": goods("bolt M10")}]), sale(OTHER, SELLER, "RAW-1", "wire rod"), *sales
    )


def found(made: World, **thresholds: Any) -> Finding:
    (finding,) = [item for item in judged(made, "CIRCULAR_TRADE", **thresholds) if item.subject == BILL]
    return finding


def outcome(made: World, **thresholds: Any) -> tuple[str, str]:
    finding = found(made, **thresholds)
    return finding.outcome.value, finding.code


@pytest.mark.parametrize(
    ("sales", "expected", "effect"),
    [
        ((), ("PASS", "NO_RING"), Effect.INFORMATION),
        ((sale(BUYER, SELLER),), ("FAIL", "SHORT_RING"), Effect.EXCLUDE),
        ((sale(BUYER, THIRD), sale(THIRD, SELLER, "X-2")), ("FAIL", "SHORT_RING"), Effect.EXCLUDE),
        ((sale(BUYER, SELLER, item="drill press"),), ("WARN", "MUTUAL_TRADE"), Effect.INFORMATION),
        ((sale(BUYER, THIRD), sale(THIRD, SELLER, "X-2", "glass")), ("WARN", "LONG_RING"), Effect.REFER),
        (
            (sale(BUYER, THIRD), sale(THIRD, FOURTH), sale(FOURTH, SELLER)),
            ("WARN", "LONG_RING"),
            Effect.REFER,
        ),
        ((sale(BUYER, THIRD), sale(THIRD, FOURTH)), ("PASS", "NO_RING"), Effect.INFORMATION),
        ((sale(BUYER, SELLER, item="来料加工费"),), ("PASS", "NO_RING"), Effect.INFORMATION),
        (
            (sale(BUYER, SELLER, preceding_invoices=(DocumentRef(number="INV-1"),)),),
            ("PASS", "NO_RING"),
            None,
        ),
        ((sale(BUYER, SELLER, issue_date=DAY + timedelta(days=180)),), ("FAIL", "SHORT_RING"), None),
        ((sale(BUYER, SELLER, issue_date=DAY + timedelta(days=181)),), ("PASS", "NO_RING"), None),
    ],
)
def test_rings(sales: tuple[Invoice, ...], expected: tuple[str, str], effect: Effect | None) -> None:
    finding = found(world(*sales))
    assert (finding.outcome.value, finding.code) == expected
    assert effect in (None, finding.effect)


def test_a_ring_names_each_sale() -> None:
    made = world(sale(BUYER, THIRD, "X-1"), sale(THIRD, SELLER, "X-2"))
    finding = found(made)
    assert [item.document for item in finding.inputs] == [
        BILL,
        fp(sale(BUYER, THIRD, "X-1")),
        fp(sale(THIRD, SELLER, "X-2")),
    ]
    assert "invoice X-2 of 2026-04-10, 1,130.00 CNY" in finding.message


def test_similar_goods_by_tax_class() -> None:
    def classed(name: str, code: str) -> Item:
        return goods(name, classifications=(Classification(list_id="CN-TAX", code=code),))

    same = [{"item": classed("紧固件", "1080411010000000000")}]
    mine = invoice(lines=[{"item": classed("螺栓", "1080411990000000000")}])
    back = invoice("X-1", same, seller=BUYER, buyer=SELLER, order_number=None)
    assert outcome(World(mine, back)) == ("FAIL", "SHORT_RING")
    other = invoice("X-1", [{"item": classed("紧固件", "1090411010000000000")}], seller=BUYER, buyer=SELLER)
    assert outcome(World(mine, other)) == ("WARN", "MUTUAL_TRADE")


def test_a_credited_sale_back_is_none() -> None:
    back = sale(BUYER, SELLER)
    note = credit_note(
        "C-1", [{"item": goods("bolt M8")}], "X-1", seller=BUYER, buyer=SELLER, order_number=None
    )
    assert outcome(world(back, note)) == ("PASS", "NO_RING")


def test_processing_is_not_judged() -> None:
    made = World(invoice(lines=[{"item": goods("加工费")}]), sale(BUYER, SELLER))
    assert outcome(made) == ("NOT_APPLICABLE", "PROCESSING")


# --- what tax tells ------------------------------------------------------------------------------------


def test_without_purchases_nothing_is_known() -> None:
    made = World(invoice())
    assert outcome(made) == ("UNKNOWN", "NO_PURCHASES")
    declare(made, customers={BUYER: "1000.00"}, suppliers={OTHER: "400.00"})
    assert outcome(made) == ("PASS", "NO_RING")
    made.silence("tax")
    assert outcome(made) == ("UNKNOWN", "NO_PURCHASES")


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("1000.00", ("WARN", "RING_OF_UNKNOWN_GOODS")),
        ("565.00", ("WARN", "RING_OF_UNKNOWN_GOODS")),
        ("564.99", ("WARN", "MUTUAL_TRADE")),
        ("56.50", ("WARN", "MUTUAL_TRADE")),
        ("56.49", ("PASS", "NO_RING")),
    ],
)
def test_the_debtor_as_supplier_by_tax_alone(amount: str, expected: tuple[str, str]) -> None:
    made = World(invoice())
    declare(made, customers={BUYER: "1000.00"}, suppliers={BUYER: amount})
    assert outcome(made) == expected


def test_tax_closes_a_ring_that_invoices_open() -> None:
    made = world(sale(THIRD, SELLER))
    declare(made, who=BUYER, customers={THIRD: "900.00"})
    assert outcome(made) == ("FAIL", "SHORT_RING")
    made = world(sale(THIRD, SELLER, item="glass"))
    declare(made, who=BUYER, customers={THIRD: "900.00"})
    assert outcome(made) == ("WARN", "RING_OF_UNKNOWN_GOODS")


def test_unreadable_answers_are_no_sales() -> None:
    made = world()
    made.tax["sales:uscc:X"] = {"known": True, "counterparties": "many"}
    assert outcome(made) == ("PASS", "NO_RING")


def test_below_coverage_a_pass_is_unknown_but_a_ring_stays() -> None:
    made = world()
    declare(made, "9000.00", customers={BUYER: "9000.00"})
    finding = found(made)
    assert (finding.outcome.value, finding.code) == ("UNKNOWN", "LOW_COVERAGE")
    assert "11.11 %" in finding.message
    made.add(sale(BUYER, SELLER, item="drill press"))
    assert outcome(made) == ("UNKNOWN", "LOW_COVERAGE")
    made.add(sale(BUYER, SELLER))
    assert outcome(made) == ("FAIL", "SHORT_RING")
    assert outcome(world(), min_coverage="0.9") == ("PASS", "NO_RING")


def test_thresholds() -> None:
    three = world(sale(BUYER, THIRD), sale(THIRD, SELLER, "X-2"))
    assert outcome(three, short_ring=2) == ("WARN", "LONG_RING")
    assert outcome(three, window_days=1) == ("FAIL", "SHORT_RING")
    late = world(sale(BUYER, SELLER, issue_date=DAY + timedelta(days=2)))
    assert outcome(late, window_days=1) == ("PASS", "NO_RING")
    four = world(sale(BUYER, THIRD), sale(THIRD, FOURTH), sale(FOURTH, SELLER))
    assert outcome(four, long_ring=3) == ("PASS", "NO_RING")


def test_a_search_that_is_stopped_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rings.__init__, "__kwdefaults__", {"max_steps": 3})
    ring = [bill(f"{number}", firm(number), firm(number + 1), DAY_ONE) for number in range(9)]
    docs = [
        bill("A", SELLER, firm(0), DAY_ONE),
        *ring,
        bill("Z", firm(9), SELLER, DAY_ONE),
        bill("B", SELLER, OTHER, DAY_ONE),
    ]
    codes = {code for _, code in said(evidence_of(docs), "CIRCULAR_TRADE").values()}
    assert codes == {"GRAPH_TOO_LARGE", "NO_RING"}, "who is in no component has no ring, however large"


# --- properties ----------------------------------------------------------------------------------------


@st.composite
def _sales(draw: st.DrawFn) -> list[Any]:
    people = [SELLER, *(firm(number) for number in range(5))]
    made: list[Any] = []
    for index, (seller, buyer, day, item) in enumerate(
        draw(
            st.lists(
                st.tuples(
                    st.integers(0, 5), st.integers(0, 5), st.integers(0, 300), st.sampled_from(["bar", "rod"])
                ),
                min_size=1,
                max_size=25,
            )
        )
    ):
        if seller != buyer:
            made.append(
                bill(f"N{index}", people[seller], people[buyer], DAY_ONE + timedelta(days=day), item=item)
            )
    return made


def _by_number(evidence: Evidence) -> dict[str, tuple[str, str]]:
    numbers = {item.fingerprint: item.document.number for item in evidence.documents}
    return {numbers[key]: value for key, value in said(evidence, "CIRCULAR_TRADE").items()}


@settings(max_examples=40, deadline=None)
@given(_sales(), st.randoms(use_true_random=False))
def test_the_order_of_documents_does_not_matter(sales: list[Any], shuffle: Any) -> None:
    evidence = evidence_of(sales)
    mixed = list(evidence.documents)
    shuffle.shuffle(mixed)
    other = evidence.model_copy(update={"documents": tuple(mixed)})
    assert judged(evidence, "CIRCULAR_TRADE") == judged(other, "CIRCULAR_TRADE")


@settings(max_examples=40, deadline=None)
@given(_sales(), _sales())
def test_the_trade_of_strangers_changes_nothing(sales: list[Any], theirs: list[Any]) -> None:
    strangers = [
        each.model_copy(
            update={"number": f"Z{index}", "seller": firm(100 + index % 3), "buyer": firm(104 - index % 2)}
        )
        for index, each in enumerate(theirs)
    ]
    assert _by_number(evidence_of(sales)) == _by_number(evidence_of([*sales, *strangers]))


@settings(max_examples=40, deadline=None)
@given(_sales(), st.lists(st.integers(10, 14), unique=True, max_size=6), st.integers(0, 300))
def test_a_planted_ring_of_similar_goods_is_always_found(
    noise: list[Any], others: list[int], day: int
) -> None:
    parties = [SELLER, *(firm(number) for number in [*others, 15]), SELLER]
    ring = [
        bill(f"R{index}", one, two, DAY_ONE + timedelta(days=day), item="ingot", price=Decimal(7))
        for index, (one, two) in enumerate(pairwise(parties))
    ]
    outcome_, code = _by_number(evidence_of([*noise, *ring]))["R0"]
    expected = ("FAIL", "SHORT_RING") if len(ring) <= 3 else ("WARN", "LONG_RING")
    assert (outcome_, code) == expected
