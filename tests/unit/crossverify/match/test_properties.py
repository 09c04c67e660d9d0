"""What holds of every match, whatever the trade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import combinations, permutations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consortium.documents import Document, GoodsReceipt, Item
from crossverify.case import Case
from crossverify.evidence import Evidence
from crossverify.figures import MaxAges
from crossverify.match import LineMatch, match_case
from crossverify.match.meters import Meter
from crossverify.units import factor
from tests.support.match_world import table
from tests.support.trade_world import OTHER, World, credit_note, goods, invoice, order, receipt

EXAMPLES = settings(max_examples=60, deadline=None)
QUANTITY = st.integers(1, 120)
ITEMS = ("bolt", "nut", "washer")


@dataclass(frozen=True)
class Sale:
    """An invoice line to be: which order line it is about, and how it says so."""

    line: int
    quantity: int
    named: bool


@st.composite
def trades(draw: st.DrawFn) -> list[Document]:
    """An order of up to three lines with items that repeat, receipts, invoices and a note, as references allow."""
    items = draw(st.lists(st.sampled_from(ITEMS), min_size=1, max_size=3))
    prices = [Decimal(10 + ITEMS.index(each)) for each in items]
    lines = [
        {"item": goods(each), "quantity": Decimal(draw(QUANTITY)), "price": price}
        for each, price in zip(items, prices, strict=True)
    ]
    documents: list[Document] = [order(lines=lines)]
    indices = st.integers(0, len(items) - 1)

    def of(index: int, named: bool) -> dict[str, Any]:
        return {"order_line": str(index + 1) if named else None, "item": goods(items[index])}

    for number in range(draw(st.integers(0, 2))):
        picked = draw(st.lists(st.tuples(indices, QUANTITY, st.booleans()), min_size=1, max_size=3))
        taken = [{"received": Decimal(quantity), **of(index, named)} for index, quantity, named in picked]
        documents.append(receipt(f"GR-{number}", taken))
    for number in range(draw(st.integers(1, 3))):
        picked = draw(st.lists(st.tuples(indices, QUANTITY, st.booleans()), min_size=1, max_size=3))
        sold = [
            {"quantity": Decimal(quantity), "price": prices[index], **of(index, named)}
            for index, quantity, named in picked
        ]
        day = date(2026, 4, 10) + timedelta(days=draw(st.integers(0, 3)))
        documents.append(invoice(f"INV-{number}", sold, issue_date=day))
    if draw(st.booleans()):
        index = draw(indices)
        back = {"quantity": Decimal(draw(QUANTITY)), "price": prices[index], **of(index, draw(st.booleans()))}
        documents.append(credit_note(lines=[back], corrects="INV-0"))
    return documents


def tables(evidence: Evidence) -> dict[str, list[dict[str, Any]]]:
    return {number: [row.to_json() for row in rows] for number, rows in table(evidence).items()}


def rows_of(world: World) -> list[LineMatch]:
    return [row for rows in table(world).values() for row in rows]


@EXAMPLES
@given(trades(), st.randoms(use_true_random=False))
def test_the_order_of_documents_does_not_matter(documents: list[Document], random: Any) -> None:
    evidence = World(*documents).evidence()
    shuffled = list(evidence.documents)
    random.shuffle(shuffled)
    assert tables(evidence) == tables(evidence.model_copy(update={"documents": tuple(shuffled)}))


@EXAMPLES
@given(trades())
def test_no_more_is_covered_than_was_accepted_and_no_more_drawn_than_invoiced(
    documents: list[Document],
) -> None:
    case = Case(World(*documents).evidence(), MaxAges())
    matching = match_case(case)
    covered: Fraction = Fraction(0)
    for receivable in case.receivables:
        for line in matching.lines(receivable):
            row = line.row
            assert 0 <= row.credited <= row.invoiced
            assert 0 <= line.own_over <= row.net
            if row.over_accepted is not None:
                assert line.own_over <= row.over_accepted
                covered += Fraction(row.net - line.own_over)
    receipts = [each for each in documents if isinstance(each, GoodsReceipt)]
    accepted = sum((line.accepted or Decimal(0) for each in receipts for line in each.lines), Decimal(0))
    assert covered <= Fraction(accepted)


@EXAMPLES
@given(trades())
def test_the_sum_of_a_table_is_the_invoice(documents: list[Document]) -> None:
    case = Case(World(*documents).evidence(), MaxAges())
    for receivable in case.receivables:
        rows = match_case(case).table(receivable.fingerprint)
        assert sum(row.net_amount for row in rows) == Fraction(receivable.invoice.totals.line_net)
        assert sum(row.invoiced for row in rows) == sum(
            Fraction(each.quantity) for each in receivable.invoice.lines
        )
        for row in rows:
            if row.accepted is not None and row.received is not None and row.rejected is not None:
                assert row.accepted == row.received - row.rejected


@EXAMPLES
@given(trades())
def test_an_unrelated_document_changes_nothing(documents: list[Document]) -> None:
    before = tables(World(*documents).evidence())
    others = [
        order("PO-9", [{"item": goods("bolt")}], buyer=OTHER),
        receipt("GR-9", [{"item": goods("bolt")}], order_number="PO-9", buyer=OTHER),
        invoice(
            "INV-9", [{"item": goods("bolt")}], order_number="PO-9", buyer=OTHER, issue_date=date(2026, 4, 1)
        ),
        order("PO-8", [{"item": goods("gear")}]),
    ]
    after = tables(World(*documents, *others).evidence())
    del after["INV-9"]
    assert before == after


@EXAMPLES
@given(QUANTITY, QUANTITY, st.integers(0, 120), st.booleans())
def test_splitting_an_invoice_gives_the_same_total(whole: int, accepted: int, part: int, named: bool) -> None:
    part = min(part, whole)
    line = {"order_line": "1" if named else None}
    common = (order(), receipt(lines=[{"received": Decimal(accepted)}]))

    def over(*bills: Document) -> Fraction:
        case = Case(World(*common, *bills).evidence(), MaxAges())
        lines = [line for each in case.receivables for line in match_case(case).lines(each)]
        return sum((Fraction(each.own_over) for each in lines), Fraction(0))

    one = over(invoice("INV-1", [{"quantity": Decimal(whole), **line}]))
    halves = [Decimal(part), Decimal(whole - part)]
    two = over(
        *(invoice(f"INV-{n}", [{"quantity": each, **line}]) for n, each in enumerate(halves, 1) if each)
    )
    assert one == two == max(whole - accepted, 0)


@EXAMPLES
@given(
    QUANTITY,
    QUANTITY,
    st.sampled_from(["GRM", "KGM", "TNE", "LBR", "APZ"]),
    st.sampled_from(["GRM", "KGM", "TNE", "LBR", "APZ"]),
)
def test_a_change_of_units_changes_nothing(billed: int, accepted: int, unit: str, other: str) -> None:
    scale = factor(unit, other)
    assert scale is not None
    plain = table(
        World(
            order(lines=[{"unit": unit}]),
            receipt(lines=[{"received": Decimal(accepted), "unit": unit}]),
            invoice(lines=[{"quantity": Decimal(billed), "unit": unit}]),
        )
    )["INV-1"][0]
    exact = Fraction(billed) * scale
    converted = Decimal(exact.numerator) / Decimal(exact.denominator)
    rounded = converted.quantize(Decimal("0.0000000001"))
    changed = table(
        World(
            order(lines=[{"unit": unit}]),
            receipt(lines=[{"received": Decimal(accepted), "unit": unit}]),
            invoice(lines=[{"quantity": rounded, "unit": other, "net_amount": Decimal(1)}]),
        )
    )["INV-1"][0]
    off = abs(Fraction(rounded) - exact)  # documents keep ten places
    assert changed.over_accepted is not None
    assert plain.over_accepted is not None
    assert abs(changed.over_accepted - plain.over_accepted * scale) <= off
    assert changed.accepted == (plain.accepted or 0) * scale


# --- meters against all subsets -------------------------------------------------------------

_SHAPE = (None, 0, 0, 1, 1, 2)
"""Parent of each node: a pair of orders, each with its lines."""


def unmet(capacity: Sequence[int], drawn: Sequence[int]) -> int:
    """The least that stays unmet, by Hall's condition over all sets of nodes: slow, and plainly right."""

    def related(one: int, other: int) -> bool:
        def above(node: int | None) -> set[int]:
            found = set()
            while node is not None:
                found.add(node)
                node = _SHAPE[node]
            return found

        return one in above(other) or other in above(one)

    nodes = range(len(_SHAPE))
    sets = (each for size in range(len(_SHAPE) + 1) for each in combinations(nodes, size))
    return max(
        sum(drawn[n] for n in chosen) - sum(capacity[m] for m in nodes if any(related(n, m) for n in chosen))
        for chosen in sets
    )


SIX = st.lists(st.integers(0, 9), min_size=len(_SHAPE), max_size=len(_SHAPE))


@settings(max_examples=100, deadline=None)
@given(SIX, st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=8))
def test_a_tree_of_meters_leaves_as_little_unmet_as_can_be(
    capacity: list[int], draws: list[tuple[int, int]]
) -> None:
    meters = [Meter() for _ in _SHAPE]
    for meter, parent in zip(meters, _SHAPE, strict=True):
        meter.parent = meters[parent] if parent is not None else None
    for meter, quantity in zip(meters, capacity, strict=True):
        meter.supply(quantity)
    drawn = [0] * len(_SHAPE)
    total: Any = 0
    for node, quantity in draws:
        drawn[node] += quantity
        total += meters[node].draw(quantity)
        assert meters[0].excess == total == unmet(capacity, drawn)


def test_what_is_given_back_is_at_most_what_was_drawn_there() -> None:
    meter = Meter()
    meter.supply(10)
    assert meter.draw(12) == 2
    assert meter.draw(-20) == -2
    assert meter.draw(10) == 0
    assert (meter.drawn, meter.excess) == (10, 0)


def test_draws_in_any_order_leave_the_same_unmet() -> None:
    for sequence in permutations([(3, 5), (1, 4), (0, 2)]):
        meters = [Meter() for _ in _SHAPE]
        for meter, parent in zip(meters, _SHAPE, strict=True):
            meter.parent = meters[parent] if parent is not None else None
        for meter, quantity in zip(meters, (1, 0, 2, 3, 1, 0), strict=True):
            meter.supply(quantity)
        for node, drawn in sequence:
            meters[node].draw(drawn)
        assert meters[0].excess == 4


def test_items_have_the_names_that_they_are_compared_by() -> None:
    world = World(
        order(lines=[{"item": Item(name="*金属制品*  Ｂｏｌｔ M8", standard_number=" 0690 ")}]),
        receipt(),
        invoice(lines=[{"order_line": None, "item": Item(name="bolt m8")}, {"order_line": None}]),
    )
    assert rows_of(world)[0].matched_by.value == "item"
