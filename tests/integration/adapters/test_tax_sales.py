"""The reference tax authority: red letters and notes on several invoices, open confirmations, declared sales."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from crossverify.answers import Sales, read, sales_reference
from crossverify.sources.tax import InvoiceQuestion, SalesQuestion, TaxSource
from tests.support.adapters import (
    AS_OF,
    BUYER,
    OTHER_SELLER,
    SELLER,
    RunningAdapter,
    adapter,
    invoice_json,
    make_invoice,
)
from tests.support.certs import TestConsortium
from tests.support.tax import ask


@pytest.fixture
async def tax(consortium: TestConsortium, tmp_path: Path) -> AsyncIterator[RunningAdapter]:
    async with adapter("tax", consortium, tmp_path) as running:
        yield running


async def test_a_note_that_corrects_several_fills_them_in_its_order(tax: RunningAdapter) -> None:
    numbers = ["INV-1", "INV-2", "INV-3"]
    note = invoice_json(
        "CN-1",
        kind="credit_note",
        gross="1695",
        issue_date="2026-05-20",
        preceding_invoices=[{"number": number} for number in numbers],
    )
    assert (await tax.load([note, *(invoice_json(number) for number in numbers)])).loaded == 4
    answers = await ask(tax, *(make_invoice(number) for number in numbers))
    assert [(each["state"], each["red_amount"]) for each in answers] == [
        ("red_full", "1130"),
        ("red_partial", "565"),
        ("normal", "0"),
    ]
    assert answers[1]["red_letters"] == [{"number": "CN-1", "issue_date": "2026-05-20", "amount": "565"}]


async def test_what_is_left_of_a_note_falls_on_its_last_invoice(tax: RunningAdapter) -> None:
    note = invoice_json(
        "CN-1",
        kind="credit_note",
        gross="2825",
        preceding_invoices=[{"number": "INV-1"}, {"number": "INV-2"}],
    )
    await tax.load([note, invoice_json("INV-1"), invoice_json("INV-2")])
    answers = await ask(tax, make_invoice("INV-1"), make_invoice("INV-2"))
    assert [each["red_amount"] for each in answers] == ["1130", "1695"]


async def test_several_notes_of_one_invoice_are_told_oldest_first(tax: RunningAdapter) -> None:
    notes = [
        invoice_json(number, kind="credit_note", gross="113", corrects="INV-1", issue_date=day)
        for number, day in (("CN-2", "2026-05-20"), ("CN-1", "2026-05-10"))
    ]
    await tax.load([invoice_json("INV-1"), *notes])
    (answer,) = await ask(tax, make_invoice("INV-1"))
    assert [each["number"] for each in answer["red_letters"]] == ["CN-1", "CN-2"]
    assert (answer["state"], answer["red_amount"]) == ("red_partial", "226")


async def test_an_open_confirmation_with_its_amount(tax: RunningAdapter) -> None:
    await tax.load(invoice_json("INV-1"))
    line = {
        "number": "INV-1",
        "state": "normal",
        "red_confirmation_open": True,
        "red_confirmation_amount": "113",
    }
    assert (await tax.load(line)).loaded == 1
    (answer,) = await ask(tax, make_invoice("INV-1"))
    assert (answer["red_confirmation_open"], answer["red_confirmation_amount"]) == (True, "113")
    assert (await tax.load({**line, "red_confirmation_open": False})).loaded == 0
    closed = {"number": "INV-1", "state": "red_partial", "red_amount": "113", "red_confirmation_open": False}
    assert (await tax.load(closed)).loaded == 1
    (answer,) = await ask(tax, make_invoice("INV-1"))
    assert (answer["red_confirmation_open"], answer["red_confirmation_amount"]) == (False, "")


SALES = {
    "sales_of": SELLER,
    "currency": "CNY",
    "months": [{"month": "2026-05", "amount": "120000.5"}, {"month": "2026-04", "amount": "80000"}],
    "counterparties": [
        {"party_id": OTHER_SELLER, "name": "Small", "role": "supplier", "amount": "5", "invoices": 1},
        {"party_id": BUYER, "name": "Large", "role": "customer", "amount": "150000", "invoices": 12},
    ],
    "counterparties_complete": True,
}


async def test_declared_sales_and_counterparties(tax: RunningAdapter) -> None:
    assert (await tax.load(SALES, as_of=AS_OF)).loaded == 1
    assert (await tax.load(SALES, as_of=AS_OF)).unchanged == 1
    asked = [SalesQuestion.of(SELLER), SalesQuestion.of(BUYER), SalesQuestion.of(OTHER_SELLER, "May")]
    answer = await TaxSource(tax.channel()).ask(sales=asked)
    assert (answer.reason, answer.as_of) == ("", AS_OF)
    sales = read(Sales, answer, sales_reference(SELLER), "tax")
    assert isinstance(sales, Sales)
    assert [(each.month, str(each.amount)) for each in sales.months] == [
        ("2026-04", "80000"),
        ("2026-05", "120000.5"),
    ]
    assert [(each.party_id, each.role) for each in sales.counterparties] == [
        (BUYER, "customer"),
        (OTHER_SELLER, "supplier"),
    ]
    assert sales.counterparties_complete
    assert not answer.answers[sales_reference(BUYER)]["known"]
    assert "from_month" in answer.answers[sales_reference(OTHER_SELLER)]["error"]["message"]


@pytest.mark.parametrize(
    "change",
    [
        {"months": [{"month": "2026-13", "amount": "1"}]},
        {"months": [{"month": "2026-05", "amount": "1"}, {"month": "2026-05", "amount": "2"}]},
        {"currency": "XXY"},
        {"sales_of": "nobody"},
        {"counterparties": [{"party_id": BUYER, "name": "X", "role": "friend", "amount": "1"}]},
    ],
)
async def test_wrong_sales_are_refused(tax: RunningAdapter, change: dict[str, Any]) -> None:
    report = await tax.load({**SALES, **change})
    assert (report.loaded, len(report.problems)) == (0, 1)


async def test_sales_that_were_loaded_long_ago_do_not_make_what_is_known_of_invoices_old(
    tax: RunningAdapter,
) -> None:
    await tax.load(SALES, as_of=AS_OF - 30 * 86_400)
    await tax.load(invoice_json("INV-1"), as_of=AS_OF)
    asked = [InvoiceQuestion.of("f", make_invoice("INV-1"))]
    answer = await TaxSource(tax.channel()).ask(asked, sales=[SalesQuestion.of(SELLER)])
    assert answer.as_of == AS_OF
