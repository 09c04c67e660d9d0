"""TOTALS_TAX: lines, tax and totals add up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from consortium.documents import AllowanceCharge, Invoice, Tax, TaxSubtotal, Totals
from tests.support.trade_world import RATE, World, codes, invoice

D = Decimal


def totals(**changes: str) -> Totals:
    """Totals of one line of 1,000.00 with 13 % tax, with changes."""
    values: dict[str, Any] = {
        "line_net": "1000",
        "net": "1000",
        "tax": "130",
        "gross": "1130",
        "payable": "1130",
    }
    return Totals(**{name: D(value) for name, value in (values | changes).items()})


def outcome(document: Invoice) -> tuple[str, str]:
    (found,) = codes(World(document), "TOTALS_TAX")
    return found


def test_passes_exact_sums() -> None:
    assert outcome(invoice()) == ("PASS", "EXACT")
    assert outcome(invoice(lines=[{"quantity": D(3), "price": D("3.333")}, {}])) == ("PASS", "EXACT")


# One line and one tax group: a total may be off by one fen.
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"gross": "1130.01", "payable": "1130.01"}, ("WARN", "ROUNDING")),
        ({"gross": "1130.02", "payable": "1130.02"}, ("FAIL", "GROSS")),
        ({"payable": "1130.01"}, ("WARN", "ROUNDING")),
        ({"payable": "1129.98"}, ("FAIL", "PAYABLE")),
        ({"line_net": "1000.01"}, ("WARN", "ROUNDING")),
        ({"line_net": "1000.02", "net": "1000.02"}, ("FAIL", "LINES_SUM")),
        ({"net": "900"}, ("FAIL", "NET")),
        ({"tax": "131", "gross": "1131", "payable": "1131"}, ("FAIL", "TAX_SUM")),
        ({"prepaid": "130", "payable": "1000"}, ("PASS", "EXACT")),
        ({"rounding": "-0.3", "payable": "1129.7"}, ("PASS", "EXACT")),
        ({"allowances": "100", "net": "900"}, ("FAIL", "ALLOWANCES")),
        ({"charges": "100", "net": "1100"}, ("FAIL", "CHARGES")),
    ],
)
def test_totals(changes: dict[str, str], expected: tuple[str, str]) -> None:
    assert outcome(invoice(totals=totals(**changes))) == expected


def test_half_a_minor_unit_per_line_and_tax_group_is_rounding() -> None:
    lines: list[dict[str, Any]] = [{}, {}, {}]  # three lines and one group: two fen
    made = {"line_net": "3000", "net": "3000", "tax": "390", "gross": "3390.02", "payable": "3390.02"}
    assert outcome(invoice(lines=lines, totals=totals(**made))) == ("WARN", "ROUNDING")
    made |= {"gross": "3390.03", "payable": "3390.03"}
    assert outcome(invoice(lines=lines, totals=totals(**made))) == ("FAIL", "GROSS")


def test_currencies_without_minor_units_round_to_whole_units() -> None:
    yen: dict[str, Any] = {"currency": "JPY", "taxes": (subtotal("130"),)}
    assert outcome(invoice(totals=totals(gross="1131", payable="1131"), **yen)) == ("WARN", "ROUNDING")
    assert outcome(invoice(totals=totals(gross="1132", payable="1132"), **yen)) == ("FAIL", "GROSS")


def subtotal(
    tax: str, taxable: str = "1000", rate: Decimal | None = RATE, category: str = "S"
) -> TaxSubtotal:
    return TaxSubtotal(category=category, rate=rate, taxable_amount=D(taxable), tax_amount=D(tax))


@pytest.mark.parametrize(
    ("tax", "expected"),
    [
        ("130", ("PASS", "EXACT")),
        ("130.01", ("WARN", "ROUNDING")),
        ("130.02", ("FAIL", "TAX")),
        ("60", ("FAIL", "TAX")),
    ],
)
def test_tax_is_the_rate_of_what_is_taxed(tax: str, expected: tuple[str, str]) -> None:
    gross = str(D(1000) + D(tax))
    document = invoice(taxes=(subtotal(tax),), totals=totals(tax=tax, gross=gross, payable=gross))
    assert outcome(document) == expected


def test_tax_reckoned_line_by_line_is_exact() -> None:
    lines = [{"quantity": D(1), "price": D("0.05")}] * 10  # 13 % of 0.05 is 0.0065: 0.01 each, 0.07 on all
    document = invoice(
        lines=lines,
        taxes=(subtotal("0.1", "0.5"),),
        totals=totals(line_net="0.5", net="0.5", tax="0.1", gross="0.6", payable="0.6"),
    )
    assert outcome(document) == ("PASS", "EXACT")


@pytest.mark.parametrize(
    ("taxable", "expected"),
    [("1000", ("PASS", "EXACT")), ("999.99", ("WARN", "ROUNDING")), ("900", ("FAIL", "TAXABLE"))],
)
def test_what_is_taxed_is_what_the_lines_say(taxable: str, expected: tuple[str, str]) -> None:
    document = invoice(taxes=(subtotal("130", taxable),))
    if taxable == "900":
        document = invoice(
            taxes=(subtotal("117", "900"),), totals=totals(tax="117", gross="1117", payable="1117")
        )
    assert outcome(document) == expected


def test_amounts_cannot_move_between_tax_groups() -> None:
    lines = [{}, {"tax": Tax(category="S", rate=D(6))}]
    right = (subtotal("130"), subtotal("60", rate=D(6)))
    made = {"line_net": "2000", "net": "2000", "tax": "190", "gross": "2190", "payable": "2190"}
    assert outcome(invoice(lines=lines, taxes=right, totals=totals(**made))) == ("PASS", "EXACT")
    moved = (subtotal("0", "0"), subtotal("120", "2000", rate=D(6)))
    made |= {"tax": "120", "gross": "2120", "payable": "2120"}
    assert outcome(invoice(lines=lines, taxes=moved, totals=totals(**made))) == ("FAIL", "TAXABLE")


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        ("1000", ("PASS", "EXACT")),
        ("1000.5", ("WARN", "ROUNDING")),  # the price may be 10.005, printed as 10
        ("1000.51", ("FAIL", "LINE")),
        ("999.5", ("WARN", "ROUNDING")),
        ("1500", ("FAIL", "LINE")),
    ],
)
def test_a_line_is_price_by_quantity(net: str, expected: tuple[str, str]) -> None:
    if net == "1000":
        assert outcome(invoice(lines=[{"net_amount": D(net)}])) == expected
        return
    tax = (D(net) * RATE / 100).quantize(D("0.01"))
    gross = str(D(net) + tax)
    document = invoice(
        lines=[{"net_amount": D(net)}],
        taxes=(subtotal(str(tax), net),),
        totals=totals(line_net=net, net=net, tax=str(tax), gross=gross, payable=gross),
    )
    assert outcome(document) == expected


def test_a_fine_price_leaves_no_room_beyond_its_last_place() -> None:
    line = {"price": D("10.0000001"), "net_amount": D("1000.02")}
    document = invoice(
        lines=[line],
        taxes=(subtotal("130", "1000.02"),),
        totals=totals(line_net="1000.02", net="1000.02", gross="1130.02", payable="1130.02"),
    )
    assert outcome(document) == ("FAIL", "LINE")


def test_allowances_of_lines_and_document_count() -> None:
    line = {
        "allowances": (
            AllowanceCharge(charge=False, amount=D(50)),
            AllowanceCharge(charge=True, amount=D(10)),
        ),
        "net_amount": D(960),
    }
    off = AllowanceCharge(charge=False, amount=D(60), tax=Tax(category="S", rate=RATE))
    document = invoice(
        lines=[line],
        allowances=(off,),
        taxes=(subtotal("117", "900"),),
        totals=totals(line_net="960", allowances="60", net="900", tax="117", gross="1017", payable="1017"),
    )
    assert outcome(document) == ("PASS", "EXACT")


@pytest.mark.parametrize(
    "document",
    [
        invoice(taxes=()),
        invoice(taxes=(subtotal("130", rate=None),)),
        invoice(lines=[{"base_unit": "XBX", "base_quantity": D(1), "net_amount": D(1000)}]),
    ],
)
def test_what_cannot_be_checked_is_unknown(document: Invoice) -> None:
    assert outcome(document) == ("UNKNOWN", "NOT_COMPARABLE")


def test_a_wrong_total_fails_though_something_else_is_unknown() -> None:
    document = invoice(taxes=(), totals=totals(gross="2000", payable="2000"))
    assert outcome(document) == ("FAIL", "GROSS")


def test_tax_free_invoices_add_up() -> None:
    document = invoice(
        lines=[{"tax": Tax(category="E")}],
        taxes=(subtotal("0", category="E", rate=None),),
        totals=totals(tax="0", gross="1000", payable="1000"),
    )
    assert outcome(document) == ("PASS", "EXACT")


def test_does_not_apply_to_what_is_void() -> None:
    world = World()
    world.add(invoice(), state="void")
    assert codes(world, "TOTALS_TAX") == [("NOT_APPLICABLE", "CANCELLED")]
