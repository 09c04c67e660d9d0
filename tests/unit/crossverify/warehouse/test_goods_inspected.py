"""GOODS_INSPECTED: a third party's look."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from crossverify.rule import Effect
from tests.support.goods_world import (
    KEEPER,
    OTHER_KEEPER,
    PLEDGEE,
    goods_codes,
    goods_judged,
    goods_world,
    inspected,
    inspection,
    paper_of,
    stored,
)
from tests.support.trade_world import SELLER, handle

RULE = "GOODS_INSPECTED"


def test_as_declared() -> None:
    assert goods_codes(goods_world(paper_of(), inspection()), RULE) == [("PASS", "AS_DECLARED")]


def test_documents_cannot_see_inside_a_box() -> None:
    (finding,) = goods_judged(goods_world(paper_of()), RULE)
    assert (finding.outcome.value, finding.code, finding.effect) == ("UNKNOWN", "NOT_INSPECTED", Effect.REFER)


def test_something_else_in_the_box() -> None:
    stones = inspected(conforming=False, finding="石块")
    (finding,) = goods_judged(goods_world(paper_of(), inspection("IR-1", stones)), RULE)
    assert (finding.outcome.value, finding.code, finding.effect) == (
        "FAIL",
        "NOT_AS_DECLARED",
        Effect.EXCLUDE,
    )
    assert "石块" in finding.message


def test_a_friendlier_inspector_does_not_undo_it() -> None:
    stones = inspection("IR-1", inspected(conforming=False))
    friendly = inspection("IR-2", inspector=PLEDGEE, inspected_on=date(2026, 6, 2))
    assert goods_codes(goods_world(paper_of(), stones, friendly), RULE) == [("FAIL", "NOT_AS_DECLARED")]
    again = inspection("IR-3", inspected_on=date(2026, 6, 2))
    assert goods_codes(goods_world(paper_of(), stones, again), RULE) == [("PASS", "AS_DECLARED")]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"method": "documents_only"}, ("UNKNOWN", "PAPERS_ONLY")),
        ({"inspector": KEEPER}, ("UNKNOWN", "NOT_THIRD_PARTY")),
        ({"inspector": SELLER}, ("UNKNOWN", "NOT_THIRD_PARTY")),
        ({"issue_date": date(2026, 7, 9), "inspected_on": date(2026, 7, 9)}, ("UNKNOWN", "DATED_AHEAD")),
        ({"issue_date": date(2026, 1, 1), "inspected_on": date(2026, 1, 1)}, ("PASS", "AS_DECLARED")),
        ({"issue_date": date(2026, 1, 1), "inspected_on": date(2025, 12, 31)}, ("WARN", "OLD")),
        ({"receipt_number": "WR-7"}, ("UNKNOWN", "NOT_INSPECTED")),
        ({"keeper": OTHER_KEEPER}, ("UNKNOWN", "NOT_INSPECTED")),
        ({"receipt_number": None}, ("PASS", "AS_DECLARED")),
        ({"keeper": None}, ("PASS", "AS_DECLARED")),
    ],
)
def test_reports(fields: dict[str, Any], expected: tuple[str, str]) -> None:
    assert goods_codes(goods_world(paper_of(), inspection(**fields)), RULE) == [expected]


def test_only_from_the_inspector() -> None:
    world = goods_world(paper_of())
    world.add(inspection(), pushed_by=handle(SELLER))
    assert goods_codes(world, RULE) == [("UNKNOWN", "NOT_FROM_INSPECTOR")]


def test_a_bad_report_does_not_hide_a_good_one() -> None:
    world = goods_world(paper_of(), inspection("IR-1"))
    world.add(inspection("IR-2", inspected_on=date(2026, 6, 2)), pushed_by=handle(SELLER))
    assert goods_codes(world, RULE) == [("PASS", "AS_DECLARED")]


def test_lots_that_nobody_looked_at() -> None:
    paper = paper_of("WR-1", stored(), stored("L2", line_id="2"))
    (finding,) = goods_judged(goods_world(paper, inspection()), RULE)
    assert (finding.outcome.value, finding.code) == ("WARN", "PARTLY")
    assert "L2" in finding.message


@pytest.mark.parametrize(
    ("found", "code"), [("100", "AS_DECLARED"), ("99.7", "AS_DECLARED"), ("99", "LESS_FOUND")]
)
def test_less_than_was_declared(found: str, code: str) -> None:
    line = inspected(declared=Decimal(100), found=Decimal(found), unit="TNE")
    assert [each[1] for each in goods_codes(goods_world(paper_of(), inspection("IR-1", line)), RULE)] == [
        code
    ]


def test_thresholds() -> None:
    assert goods_codes(goods_world(paper_of(), inspection()), RULE, recent_days=10) == [("WARN", "OLD")]
