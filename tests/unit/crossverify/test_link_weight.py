"""LINK_WEIGHT: link weights on the ledger against the bodies."""

from __future__ import annotations

from decimal import Decimal

import pytest

from consortium.documents import Invoice
from crossverify.evidence import LinkState
from crossverify.rule import Effect
from tests.support.trade_world import World, codes, fp, invoice, judged, order


def linked(bill: Invoice, of_parent: int | None, of_child: int = 1_000_000_000) -> World:
    """A world in which the seller says how much of PO-1 its invoice uses up."""
    ordered = order()
    world = World(ordered, bill)
    link = LinkState(
        child=fp(bill), parent=fp(ordered), of_child_ppb=of_child, of_parent_ppb=of_parent, basis="gross"
    )
    world.asset(fp(bill), links=(link,))
    return world


def thirds() -> Invoice:
    """An invoice of a third of the order: 33.333... % rounded down."""
    return invoice("INV-3", lines=[{"quantity": Decimal(1), "price": Decimal("333.33")}])


def test_passes_the_right_weight() -> None:
    half = invoice(lines=[{"quantity": Decimal(50)}])
    assert codes(linked(half, 500_000_000), "LINK_WEIGHT") == [("PASS", "EQUAL")]
    assert codes(linked(invoice(), 1_000_000_000), "LINK_WEIGHT") == [("PASS", "EQUAL")]


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (500_000_001, ("WARN", "ROUNDING")),
        (500_001_000, ("WARN", "ROUNDING")),
        (499_999_000, ("WARN", "ROUNDING")),
        (500_001_001, ("FAIL", "DIFFERS")),
        (498_000_000, ("FAIL", "DIFFERS")),
        (1, ("FAIL", "DIFFERS")),
    ],
)
def test_other_weights_are_rounding_or_wrong(weight: int, expected: tuple[str, str]) -> None:
    half = invoice(lines=[{"quantity": Decimal(50)}])
    assert codes(linked(half, weight), "LINK_WEIGHT") == [expected]


def test_the_limit_of_rounding_comes_from_the_profile() -> None:
    world = linked(invoice(lines=[{"quantity": Decimal(50)}]), 500_000_001)
    assert codes(world, "LINK_WEIGHT", rounding_ppb=0) == [("FAIL", "DIFFERS")]


def test_the_part_of_the_invoice_counts_too() -> None:
    assert codes(linked(invoice(), 1_000_000_000, of_child=1), "LINK_WEIGHT") == [("FAIL", "DIFFERS")]


def test_gateways_and_banks_reckon_alike() -> None:
    lines = [
        {"order_number": "PO-1", "quantity": Decimal(30)},
        {"order_number": "PO-2", "order_line": "1", "quantity": Decimal(70)},
    ]
    world = World(order("PO-1"), order("PO-2"), invoice(lines=lines, order_number=None), thirds())
    world.link()
    assert codes(world, "LINK_WEIGHT") == [("PASS", "EQUAL")] * 3


def test_currencies_that_differ_are_reckoned_by_quantity() -> None:
    world = World(order(currency="EUR"), invoice(lines=[{"quantity": Decimal(25)}]))
    world.link()
    assert codes(world, "LINK_WEIGHT") == [("PASS", "EQUAL")]
    bill = next(name for name in world.tax if name in world.assets)
    (link,) = world.assets[bill].links
    assert (link.basis, link.of_parent_ppb) == ("quantity", 250_000_000)


@pytest.mark.parametrize(
    ("world", "code"),
    [
        (World(order(), invoice(order_number=None)), "NO_REFERENCE"),
        (World(invoice()), "NO_ORDER"),
        (linked(invoice(), None), "PENDING"),
    ],
)
def test_what_cannot_be_known_is_unknown(world: World, code: str) -> None:
    assert codes(world, "LINK_WEIGHT") == [("UNKNOWN", code)]


def test_a_value_that_no_body_tells_is_unknown() -> None:
    free = order(lines=[{"price": None, "unit": "KGM"}], totals=None)
    bill = invoice()
    world = World(free, bill)
    link = LinkState(child=fp(bill), parent=fp(free), of_child_ppb=10**9, of_parent_ppb=10**9, basis="gross")
    world.asset(fp(bill), links=(link,))
    assert codes(world, "LINK_WEIGHT") == [("UNKNOWN", "NO_ORDER_VALUE")]


def test_a_missing_link_fails_and_goes_to_a_person() -> None:
    (finding,) = judged(World(order(), invoice()), "LINK_WEIGHT")
    assert (finding.code, finding.effect) == ("NOT_LINKED", Effect.REFER)


def test_a_silent_ledger_is_unknown() -> None:
    world = World(order(), invoice())
    world.silence("ledger")
    assert codes(world, "LINK_WEIGHT") == [("UNKNOWN", "SOURCE_SILENT")]


def test_cancelled_invoices_do_not_apply() -> None:
    world = World(order(), invoice())
    world.tax[fp(invoice())]["state"] = "void"
    assert codes(world, "LINK_WEIGHT") == [("NOT_APPLICABLE", "CANCELLED")]
