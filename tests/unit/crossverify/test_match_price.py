"""MATCH_PRICE: the invoiced price against the ordered one."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crossverify.rule import Outcome
from tests.support.match_world import both, both_codes
from tests.support.trade_world import World, credit_note, fp, goods, invoice, order


def priced(price: str, **fields: object) -> list[dict[str, object]]:
    return [{"price": Decimal(price), **fields}]


def test_passes_the_ordered_price() -> None:
    (finding,) = both(World(order(), invoice()), "MATCH_PRICE")
    assert (finding.outcome, finding.code) == (Outcome.PASS, "EQUAL")
    assert [item.value for item in finding.inputs] == ["10 per 1 H87", "10 per 1 H87"]


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        ("10.1", ("WARN", "WITHIN_TOLERANCE")),
        ("10.1001", ("FAIL", "HIGHER")),
        ("9.9", ("WARN", "WITHIN_TOLERANCE")),
        ("9.8999", ("WARN", "LOWER")),
        ("1", ("WARN", "LOWER")),
        ("20", ("FAIL", "HIGHER")),
    ],
)
def test_only_a_higher_price_fails(price: str, expected: tuple[str, str]) -> None:
    assert both_codes(World(order(), invoice(lines=priced(price))), "MATCH_PRICE") == [expected]


def test_tolerance_comes_from_the_profile() -> None:
    world = World(order(), invoice(lines=priced("10.5")))
    assert both_codes(world, "MATCH_PRICE", tolerance="0.05") == [("WARN", "WITHIN_TOLERANCE")]
    assert both_codes(world, "MATCH_PRICE", tolerance="0.0499") == [("FAIL", "HIGHER")]


@pytest.mark.parametrize(
    ("ordered", "invoiced", "code"),
    [
        ({"base_quantity": Decimal(1000), "price": Decimal(10000)}, {}, "EQUAL"),
        ({"unit": "TNE", "price": Decimal(5000)}, {"unit": "KGM", "price": Decimal(5)}, "EQUAL"),
        ({"unit": "DZN", "price": Decimal(120)}, {"unit": "EA"}, "EQUAL"),
        ({"unit": "TNE", "price": Decimal(5000)}, {"unit": "KGM", "price": Decimal(6)}, "HIGHER"),
        ({"unit": "KGM", "base_unit": "TNE", "price": Decimal(10000)}, {"unit": "KGM"}, "EQUAL"),
        ({"unit": "XBX"}, {}, "NO_COMPARABLE_PRICE"),
        ({"price": None}, {}, "NO_COMPARABLE_PRICE"),
    ],
)
def test_prices_are_compared_per_unit(
    ordered: dict[str, object], invoiced: dict[str, object], code: str
) -> None:
    world = World(order(lines=[ordered]), invoice(lines=[invoiced]))
    assert [found for _, found in both_codes(world, "MATCH_PRICE")] == [code]


def test_is_judged_line_by_line() -> None:
    world = World(order(lines=[{}, {}]), invoice(lines=[{}, {"price": Decimal(12)}]))
    found = both(world, "MATCH_PRICE")
    assert [(item.code, item.line) for item in found] == [("EQUAL", None), ("HIGHER", "2")]


def test_a_credit_note_on_the_price_corrects_it() -> None:
    dear = invoice(lines=priced("12"))
    note = credit_note(lines=priced("2"))
    assert both_codes(World(order(), dear, note), "MATCH_PRICE") == [("PASS", "CORRECTED")]
    too_little = credit_note(lines=priced("1"))
    assert both_codes(World(order(), dear, too_little), "MATCH_PRICE") == [("FAIL", "HIGHER")]


@pytest.mark.parametrize(
    ("documents", "code"),
    [
        ([invoice()], "NO_ORDER"),
        ([order(), invoice(lines=[{"item": goods("nut")}], order_number=None)], "NO_ORDER"),
        ([order(currency="EUR"), invoice()], "CURRENCY"),
        (
            [order(lines=[{}, {}]), invoice(lines=[{"order_line": "7", "item": {"name": "nut"}}])],
            "LINE_NOT_MATCHED",
        ),
    ],
)
def test_what_cannot_be_known_is_unknown(documents: list[object], code: str) -> None:
    assert both_codes(World(*documents), "MATCH_PRICE") == [("UNKNOWN", code)]  # type: ignore[arg-type]


def test_does_not_apply_to_what_was_taken_back() -> None:
    dear = invoice(lines=priced("12"))
    world = World(order(), dear, credit_note(lines=priced("12")))
    assert both_codes(world, "MATCH_PRICE") == [("NOT_APPLICABLE", "CREDITED")]
    world.tax[fp(dear)]["state"] = "void"
    assert both_codes(world, "MATCH_PRICE") == [("NOT_APPLICABLE", "CANCELLED")]
