"""PRICE_FAIR: the price against the seller's own history and the bank's reference."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from consortium.documents import Document
from crossverify.desk import DeskInfo, ReferencePrice
from crossverify.profiles import ORDER_V1
from crossverify.rule import Effect
from tests.support.trade_world import (
    OTHER,
    SELLER,
    World,
    alone,
    codes2,
    fp,
    goods,
    invoice,
    judged2,
    order,
    said,
)

DAY = date(2026, 4, 10)


def sold(number: int, price: str, **fields: Any) -> Document:
    line = {"price": Decimal(price), "item": goods("bolt M1")}
    values = {"issue_date": DAY - timedelta(days=10 * number), "order_number": None, "buyer": OTHER}
    return invoice(f"OLD-{number}", [line], **(values | fields))


HISTORY = [sold(1, "9"), sold(2, "10"), sold(3, "11")]


def of(world: World, bill: Document, **figures: Any) -> list[tuple[str, str]]:
    return [
        (i.outcome.value, i.code) for i in judged2(world, "PRICE_FAIR", 1, **figures) if i.subject == fp(bill)
    ]


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        ("10", ("PASS", "USUAL")),
        ("13", ("PASS", "USUAL")),
        ("13.01", ("WARN", "UNUSUAL")),
        ("20", ("WARN", "UNUSUAL")),
        ("20.01", ("FAIL", "FAR_OFF")),
        ("7.7", ("PASS", "USUAL")),
        ("7.6", ("WARN", "UNUSUAL")),
        ("0.1", ("WARN", "UNUSUAL")),
    ],
)
def test_against_the_middle_one_of_earlier_prices(price: str, expected: tuple[str, str]) -> None:
    bill = invoice(lines=[{"price": Decimal(price)}])
    assert of(World(*HISTORY, bill), bill) == [expected]


def test_figures_come_from_the_profile() -> None:
    bill = invoice(lines=[{"price": Decimal(15)}])
    assert of(World(*HISTORY, bill), bill) == [("WARN", "UNUSUAL")]
    assert of(World(*HISTORY, bill), bill, unusual=Decimal("0.5")) == [("PASS", "USUAL")]
    assert of(World(*HISTORY, bill), bill, far_off=Decimal("0.4")) == [("FAIL", "FAR_OFF")]
    assert of(World(*HISTORY, bill), bill, min_history=4) == [("UNKNOWN", "NO_HISTORY")]
    assert of(World(*HISTORY, bill), bill, history_days=15) == [("UNKNOWN", "NO_HISTORY")]


def test_far_off_by_history_goes_to_a_person_and_no_history_is_information() -> None:
    bill = invoice(lines=[{"price": Decimal(50)}])
    (far,) = [item for item in judged2(World(*HISTORY, bill), "PRICE_FAIR") if item.subject == fp(bill)]
    assert far.effect is Effect.REFER
    assert "10 in the middle of 3 earlier documents" in far.message
    (none,) = judged2(World(bill), "PRICE_FAIR")
    assert (none.code, none.effect) == ("NO_HISTORY", Effect.INFORMATION)


@pytest.mark.parametrize(
    ("unit", "price", "code"),
    [
        ("DZN", "120", "USUAL"),
        ("DZN", "10", "UNUSUAL"),
        ("MIL", "10000", "USUAL"),
        ("KGM", "10", "NO_HISTORY"),
    ],
)
def test_prices_are_compared_per_unit(unit: str, price: str, code: str) -> None:
    bill = invoice(lines=[{"price": Decimal(price), "unit": unit}])
    assert of(World(*HISTORY, bill), bill)[0][1] == code


def test_history_is_of_the_same_item_currency_and_seller_and_older() -> None:
    bill = invoice(lines=[{"price": Decimal(50)}])
    for wrong in (
        [sold(n, "10", currency="EUR") for n in (1, 2, 3)],
        [sold(n, "10", seller=OTHER, buyer=SELLER) for n in (1, 2, 3)],
        [sold(n, "10", issue_date=DAY) for n in (1, 2, 3)],
        [invoice(f"X{n}", [{"item": goods("nut")}], issue_date=DAY - timedelta(days=n)) for n in (1, 2, 3)],
    ):
        assert of(World(*wrong, bill), bill) == [("UNKNOWN", "NO_HISTORY")]


def test_cancelled_invoices_are_neither_history_nor_judged() -> None:
    bill = invoice(lines=[{"price": Decimal(50)}])
    world = World(*HISTORY, bill)
    world.tax[fp(HISTORY[0])]["state"] = "void"
    assert of(world, bill) == [("UNKNOWN", "NO_HISTORY")]
    assert of(world, HISTORY[0]) == [("NOT_APPLICABLE", "CANCELLED")]


def test_the_order_of_the_trade_is_no_history_but_other_orders_are() -> None:
    dear = [{"price": Decimal(50)}]
    bill = invoice(lines=dear)
    assert of(World(*HISTORY[:2], order(lines=dear), bill), bill) == [("UNKNOWN", "NO_HISTORY")]
    others = [order(f"PO-{n}", issue_date=date(2026, 1, n)) for n in (2, 3, 4)]
    assert of(World(*others, order(lines=dear), bill), bill) == [("FAIL", "FAR_OFF")]


def test_one_document_of_many_lines_is_one_witness() -> None:
    many = invoice("OLD-9", [{"item": goods("bolt M1")}] * 5, issue_date=date(2026, 1, 1), order_number=None)
    bill = invoice()
    assert of(World(many, bill), bill) == [("UNKNOWN", "NO_HISTORY")]


def desk(**fields: Any) -> DeskInfo:
    values = {
        "item": "BOLT m1",
        "unit": "MIL",
        "currency": "CNY",
        "low": "9000",
        "high": "11000",
        "source": "index",
    }
    return DeskInfo(as_of=1, prices=(ReferencePrice(**(values | fields)),))


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        ("9", ("PASS", "USUAL")),
        ("11", ("PASS", "USUAL")),
        ("14.3", ("PASS", "USUAL")),
        ("14.31", ("WARN", "UNUSUAL")),
        ("22.01", ("FAIL", "FAR_OFF_REFERENCE")),
        ("6", ("WARN", "UNUSUAL")),
    ],
)
def test_the_banks_reference_comes_before_the_sellers_history(price: str, expected: tuple[str, str]) -> None:
    bill = invoice(lines=[{"price": Decimal(price)}])
    world = World(*(sold(n, "50") for n in (1, 2, 3)), bill)
    world.changes["desk"] = desk()
    assert of(world, bill) == [expected]


def test_far_above_the_reference_excludes() -> None:
    bill = invoice(lines=[{"price": Decimal(30)}])
    world = World(bill)
    world.changes["desk"] = desk()
    (finding,) = judged2(world, "PRICE_FAIR")
    assert (finding.code, finding.effect) == ("FAR_OFF_REFERENCE", Effect.EXCLUDE)
    assert any(item.source == "desk" for item in finding.inputs)


@pytest.mark.parametrize("fields", [{"currency": "USD"}, {"unit": "KGM"}, {"item": "nut"}])
def test_a_reference_of_something_else_says_nothing(fields: dict[str, str]) -> None:
    world = World(invoice())
    world.changes["desk"] = desk(**fields)
    assert codes2(world, "PRICE_FAIR") == [("UNKNOWN", "NO_HISTORY")]


def test_a_price_per_a_unit_that_cannot_be_compared_is_unknown() -> None:
    world = World(invoice(lines=[{"base_unit": "XBX", "base_quantity": Decimal(1)}]))
    assert codes2(world, "PRICE_FAIR") == [("UNKNOWN", "NO_PRICE")]


def test_orders_that_are_lent_on_are_judged_too() -> None:
    dear = order(lines=[{"price": Decimal(50)}], issue_date=date(2026, 5, 1))
    found = said(World(*HISTORY, dear), alone("PRICE_FAIR", 1, ORDER_V1))
    assert [(item.subject, item.code) for item in found] == [(fp(dear), "FAR_OFF")]
