"""WR_VALUE: the declared value against the bank's reference."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from crossverify.desk import DeskInfo, Rates, ReferencePrice
from crossverify.rule import Effect
from tests.support.goods_world import attestation, goods_codes, goods_judged, goods_world, paper_of, stored
from tests.support.trade_world import World

RULE = "WR_VALUE"


def world_of(*prices: ReferencePrice, rates: Rates | None = None, **fields: Any) -> World:
    world = goods_world(paper_of(**fields), attestation())
    world.changes |= {"version": 2, "desk": DeskInfo(prices=prices, rates=rates)}
    return world


def copper(high: str = "70000", **fields: Any) -> ReferencePrice:
    values: dict[str, Any] = {
        "item": "电解铜 1#",
        "unit": "TNE",
        "currency": "CNY",
        "low": Decimal(1),
        "high": Decimal(high),
        "source": "SHFE",
    }
    return ReferencePrice(**(values | fields))


@pytest.mark.parametrize(
    ("high", "expected", "effect"),
    [
        ("70000", ("PASS", "WITHIN"), Effect.INFORMATION),
        ("69999.99", ("WARN", "ABOVE"), Effect.REFER),
        ("35000", ("WARN", "ABOVE"), Effect.REFER),
        ("34999", ("FAIL", "FAR_ABOVE"), Effect.EXCLUDE),
    ],
)
def test_against_the_high_end(high: str, expected: tuple[str, str], effect: Effect) -> None:
    (finding,) = goods_judged(world_of(copper(high)), RULE)
    assert ((finding.outcome.value, finding.code), finding.effect) == (expected, effect)


def test_the_excess_is_not_lent_on() -> None:
    (finding,) = goods_judged(world_of(copper("56000")), RULE)
    assert finding.cap_ppb == 800_000_000
    assert "SHFE" in finding.inputs[1].value


def test_other_units_and_currencies() -> None:
    assert goods_codes(world_of(copper("70", unit="KGM")), RULE) == [("PASS", "WITHIN")]
    assert goods_codes(world_of(copper("69", unit="KGM")), RULE) == [("WARN", "ABOVE")]
    dollars = copper("10000", currency="USD")
    assert goods_codes(world_of(dollars), RULE) == [("UNKNOWN", "NO_REFERENCE")]
    rates = Rates(source="PBoC", as_of=1, rates={"USD/CNY": Decimal("7.1")})
    assert goods_codes(world_of(dollars, rates=rates), RULE) == [("PASS", "WITHIN")]


def test_the_depositors_word_alone() -> None:
    (finding,) = goods_judged(world_of(), RULE)
    assert (finding.outcome.value, finding.code, finding.effect) == (
        "UNKNOWN",
        "NO_REFERENCE",
        Effect.INFORMATION,
    )
    assert goods_codes(world_of(copper(unit="H87")), RULE) == [("UNKNOWN", "NO_REFERENCE")]
    two = (stored(), stored("L2", line_id="2", item=stored().item.model_copy(update={"name": "锌锭"})))
    assert goods_codes(world_of(copper(), lines=two), RULE) == [("UNKNOWN", "NO_REFERENCE")]


def test_no_value() -> None:
    assert goods_codes(world_of(copper(), declared_value=None), RULE) == [("NOT_APPLICABLE", "NO_VALUE")]


def test_thresholds() -> None:
    assert goods_codes(world_of(copper("56000")), RULE, far_times="1.2") == [("FAIL", "FAR_ABOVE")]
