"""WR_GOODS_OVERLAP: one lot, several receipts."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from consortium.documents import Item, Lot
from crossverify.goods import in_unit
from crossverify.rule import Effect
from tests.support.goods_world import (
    OTHER_KEEPER,
    OTHER_SITE,
    attestation,
    attested,
    goods_codes,
    goods_judged,
    goods_world,
    paper_of,
    stored,
)
from tests.support.trade_world import OTHER

RULE = "WR_GOODS_OVERLAP"
ELSEWHERE: dict[str, Any] = {"keeper": OTHER_KEEPER, "storage_place": "一号仓", "storage_address": OTHER_SITE}


def test_goods_of_their_own() -> None:
    world = goods_world(paper_of(), paper_of("WR-2", stored("L2"), **ELSEWHERE))
    assert goods_codes(world, RULE) == [("PASS", "DISTINCT")] * 2


def test_one_lot_at_two_keepers() -> None:
    world = goods_world(paper_of(), paper_of("WR-2", **ELSEWHERE))
    found = goods_judged(world, RULE)
    assert [(each.outcome.value, each.code, each.effect) for each in found] == [
        ("FAIL", "LOT_TWICE", Effect.EXCLUDE)
    ] * 2
    assert "L1001" in found[0].message
    assert "Inland Depots Ltd" in found[0].message


def test_another_holders_receipt_counts_and_is_not_judged() -> None:
    world = goods_world(paper_of(), paper_of("WR-2", depositor=OTHER, **ELSEWHERE))
    assert goods_codes(world, RULE) == [("FAIL", "LOT_TWICE")]


def test_the_number_of_a_lot_in_another_writing() -> None:
    line = stored(None, marks="l-1001", lots=(Lot(number="L 1001"),))
    world = goods_world(paper_of(), paper_of("WR-2", line, **ELSEWHERE))
    assert goods_codes(world, RULE) == [("FAIL", "LOT_TWICE")] * 2


def test_a_lot_without_marks_on_both() -> None:
    line = stored(marks=None)
    world = goods_world(paper_of("WR-1", line), paper_of("WR-2", line, **ELSEWHERE))
    assert goods_codes(world, RULE) == [("FAIL", "LOT_TWICE")] * 2


def test_a_production_lot_in_two_parts() -> None:
    world = goods_world(paper_of(), paper_of("WR-2", stored(marks="HD/2"), **ELSEWHERE))
    found = goods_judged(world, RULE)
    assert [(each.outcome.value, each.code, each.effect) for each in found] == [
        ("WARN", "LOT_SHARED", Effect.REFER)
    ] * 2


def test_the_same_lot_number_of_other_goods() -> None:
    bolts = stored(item=Item(name="六角螺栓"), marks="X")
    world = goods_world(paper_of(), paper_of("WR-2", bolts, **ELSEWHERE))
    assert goods_codes(world, RULE) == [("PASS", "DISTINCT")] * 2


def test_other_words_for_the_goods_do_not_hide_the_same_marks() -> None:
    renamed = stored(item=Item(name="阴极铜"))
    world = goods_world(paper_of(), paper_of("WR-2", renamed, **ELSEWHERE))
    assert goods_codes(world, RULE) == [("FAIL", "LOT_TWICE")] * 2


def test_one_piece_on_two_receipts_of_one_keeper() -> None:
    piece = stored(None, lots=(Lot(number="L9", serial="SN-77"),))
    world = goods_world(paper_of("WR-1", piece), paper_of("WR-2", piece))
    assert goods_codes(world, RULE) == [("FAIL", "PIECE_TWICE")] * 2


def test_a_keeper_divides_a_lot() -> None:
    one, other = paper_of("WR-1", stored(quantity=60)), paper_of("WR-2", stored(quantity=40))
    assert goods_codes(goods_world(one, other), RULE) == [("WARN", "LOT_SHARED")] * 2
    said = attestation("KA-1", attested("WR-1", quantity=60), attested("WR-2", "2", quantity=40))
    assert goods_codes(goods_world(one, other, said), RULE) == [("PASS", "LOT_DIVIDED")] * 2
    short = attestation("KA-1", attested("WR-1", quantity=60), attested("WR-2", "2", quantity=0))
    assert goods_codes(goods_world(one, other, short), RULE) == [("FAIL", "LOT_OVERDRAWN")] * 2


def test_one_place_and_one_mark_under_two_keepers() -> None:
    line = stored(None, marks="HD 0815")
    world = goods_world(paper_of("WR-1", line), paper_of("WR-2", line, keeper=OTHER_KEEPER))
    assert goods_codes(world, RULE) == [("FAIL", "PLACE_TWICE")] * 2


def test_one_place_under_two_keepers() -> None:
    world = goods_world(paper_of(), paper_of("WR-2", stored(None, marks="Z"), keeper=OTHER_KEEPER))
    assert goods_codes(world, RULE) == [("WARN", "PLACE_SHARED")] * 2


def test_positions_are_named_alike_everywhere() -> None:
    line = stored(None, marks="HD 0815")
    other = paper_of("WR-2", line, keeper=OTHER_KEEPER, storage_address=OTHER_SITE)
    assert goods_codes(goods_world(paper_of("WR-1", line), other), RULE) == [("PASS", "DISTINCT")] * 2


@pytest.mark.parametrize("state", ["released", "unknown_receipt"])
def test_receipts_that_are_no_longer_out_count_for_nothing(state: str) -> None:
    old = paper_of("WR-0")
    said = attestation("KA-1", attested("WR-0", quantity=None, state=state), attested("WR-1", "2"))
    assert ("PASS", "DISTINCT") in goods_codes(goods_world(paper_of(), old, said), RULE)


def test_a_void_receipt_counts_for_nothing() -> None:
    world = goods_world(paper_of())
    world.add(paper_of("WR-2", **ELSEWHERE), state="void")
    assert goods_codes(world, RULE) == [("PASS", "DISTINCT")]


@pytest.mark.parametrize("marks", [None, "N/M", "无标记"])
def test_goods_that_cannot_be_told_from_others(marks: str | None) -> None:
    (finding,) = goods_judged(goods_world(paper_of("WR-1", stored(None, marks=marks))), RULE)
    assert (finding.outcome.value, finding.code, finding.effect) == (
        "UNKNOWN",
        "NOT_INDIVIDUAL",
        Effect.REFER,
    )


def test_thousands_of_receipts() -> None:
    papers = [
        paper_of(f"WR-{number}", stored(f"L{number % 2_000}", marks=str(number))) for number in range(2_001)
    ]
    found = goods_codes(goods_world(*papers), RULE)
    assert found.count(("PASS", "DISTINCT")) == 1_999
    assert found.count(("WARN", "LOT_SHARED")) == 2


def test_one_line_twice() -> None:
    world = goods_world(paper_of("WR-1", stored(), stored(line_id="2")))
    (finding,) = goods_judged(world, RULE)
    assert (finding.outcome.value, finding.code, finding.effect) == ("WARN", "LINE_TWICE", Effect.REFER)
    two = goods_world(paper_of("WR-1", stored(), stored("L2", line_id="2")))
    assert goods_codes(two, RULE) == [("PASS", "DISTINCT")]


def test_a_lot_on_many_receipts_is_added_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"WR-{number}" for number in range(30)]
    lines = [attested(name, line_id=str(at), quantity=1) for at, name in enumerate(names, 1)]
    papers = [paper_of(name, stored(quantity=1)) for name in names]
    asked = []

    def counted(quantity: Decimal, unit: str | None, into: str) -> Fraction | None:
        asked.append(unit)
        return in_unit(quantity, unit, into)

    monkeypatch.setattr("crossverify.rules.warehouse.wr_goods_overlap.in_unit", counted)
    found = goods_codes(goods_world(*papers, attestation("KA-1", *lines)), RULE)
    assert found == [("PASS", "LOT_DIVIDED")] * len(names)
    assert len(asked) <= 2 * len(names), "in each evaluation each receipt once"
