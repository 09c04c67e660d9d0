"""The reference tax authority: invoices as issued, their states, and what it answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from consortium.documents.party import Party
from crossverify.sources.tax import InvoiceQuestion, TaxSource
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

DIGITAL = "25312000000000000001"


@pytest.fixture
async def tax(consortium: TestConsortium, tmp_path: Path) -> AsyncIterator[RunningAdapter]:
    async with adapter("tax", consortium, tmp_path) as running:
        yield running


async def state_of(tax: RunningAdapter, number: str = "INV-1") -> tuple[str, str, bool, bool]:
    (answer,) = await ask(tax, make_invoice(number))
    return (
        answer["state"],
        answer["red_amount"],
        answer["use_confirmed"],
        answer["red_confirmation_open"],
    )


def states(*lines: dict[str, Any]) -> str:
    return "\n".join(json.dumps(line) for line in lines)


async def test_equal_and_unknown(tax: RunningAdapter) -> None:
    await tax.load(invoice_json("INV-1"))
    known, unknown, other = await ask(
        tax, make_invoice("INV-1"), make_invoice("INV-2"), make_invoice("INV-1", seller=OTHER_SELLER)
    )
    assert (known["known"], known["differing"], known["state"]) == (True, [], "normal")
    assert not unknown["known"]
    assert not other["known"]


@pytest.mark.parametrize(
    ("change", "differing"),
    [
        ({"issue_date": "2026-05-05"}, ["issue_date"]),
        ({"issue_date": "2025-05-04"}, ["issue_date"]),
        ({"buyer": OTHER_SELLER}, ["buyer_tax_id"]),
        ({"currency": "USD"}, ["currency"]),
        ({"gross": "2260"}, ["net_amount", "tax_amount", "gross_amount"]),
        ({"gross": "1130.00"}, []),
        ({"number": "inv 1"}, []),
    ],
)
async def test_what_differs_is_named(
    tax: RunningAdapter, change: dict[str, Any], differing: list[str]
) -> None:
    await tax.load(invoice_json("INV-1"))
    (answer,) = await ask(tax, make_invoice(**{"number": "INV-1", **change}))
    assert (answer["known"], answer["differing"]) == (True, differing)


async def test_a_digital_fapiao_is_known_by_its_number_whoever_sells(tax: RunningAdapter) -> None:
    await tax.load(invoice_json(DIGITAL))
    own, stolen = await ask(tax, make_invoice(DIGITAL), make_invoice(DIGITAL, seller=OTHER_SELLER))
    assert (own["known"], own["differing"]) == (True, [])
    assert (stolen["known"], stolen["differing"]) == (True, ["seller_tax_id"])


async def test_a_commercial_invoice_is_known_by_the_fapiao_it_names(tax: RunningAdapter) -> None:
    fapiao = [{"fapiao_kind": "digital_special", "number": DIGITAL}]
    await tax.load(invoice_json(DIGITAL))
    (answer,) = await ask(tax, make_invoice("INV-1", fapiao=fapiao))
    assert (answer["known"], answer["differing"]) == (True, [])


async def test_code_and_number_belong_together(tax: RunningAdapter) -> None:
    def older(code: str) -> list[dict[str, str]]:
        return [{"fapiao_kind": "special", "number": "00123456", "code": code}]

    await tax.load(invoice_json("00123456", fapiao=older("3100191130")))
    right, wrong = await ask(
        tax,
        make_invoice("00123456", fapiao=older("3100191130")),
        make_invoice("00123456", fapiao=older("3100191131")),
    )
    assert (right["known"], wrong["known"]) == (True, False)


async def test_any_identifier_of_a_party_will_do(tax: RunningAdapter) -> None:
    both = {
        "name": "Seller Co",
        "identifiers": [
            {"scheme": "lei", "value": "529900T8BM49AURSDO55"},
            {"scheme": "vat", "value": "DE136695976"},
        ],
    }
    values = invoice_json("INV-1")
    await tax.load({**values, "seller": both})
    asked = make_invoice("INV-1", seller="vat:DE136695976")
    (answer,) = await ask(tax, asked)
    assert (answer["known"], answer["differing"]) == (True, [])


async def test_the_same_number_in_two_years_is_two_invoices(tax: RunningAdapter) -> None:
    old, new = invoice_json("7", issue_date="2025-03-01"), invoice_json("7", gross="2260")
    assert (await tax.load([old, new])).loaded == 2
    answers = await ask(tax, make_invoice("7", issue_date="2025-03-01"), make_invoice("7", gross="2260"))
    assert [answer["differing"] for answer in answers] == [[], []]
    report = await tax.load({"number": "7", "seller": SELLER, "state": "void"})
    assert "issue_date" in report.problems[0].remedy
    await tax.load({"number": "7", "issue_date": "2025-03-01", "state": "void"})
    answers = await ask(tax, make_invoice("7", issue_date="2025-03-01"), make_invoice("7", gross="2260"))
    assert [answer["state"] for answer in answers] == ["void", "normal"]


async def test_an_issued_invoice_does_not_change(tax: RunningAdapter) -> None:
    await tax.load(invoice_json("INV-1"))
    report = await tax.load([invoice_json("INV-1", gross="9999"), invoice_json("INV-2")], name="more.json")
    assert report.loaded == 1
    (problem,) = report.problems
    assert problem.path == "more.json[0]"
    assert "credit note" in problem.remedy
    (answer,) = await ask(tax, make_invoice("INV-1"))
    assert answer["differing"] == []


async def test_twice_in_one_file_counts_once(tax: RunningAdapter) -> None:
    lines = [invoice_json("INV-1"), invoice_json("INV-1"), invoice_json("INV-1", gross="5")]
    report = await tax.load("\n".join(map(json.dumps, lines)))
    assert (report.loaded, report.unchanged, len(report.problems)) == (1, 1, 1)


async def test_credit_notes_reverse_whatever_comes_first(tax: RunningAdapter) -> None:
    note = invoice_json("CN-1", kind="credit_note", gross="226", corrects="INV-1")
    await tax.load(note)
    await tax.load(invoice_json("INV-1"))
    assert await state_of(tax) == ("red_partial", "226", False, False)
    assert (await tax.load(note)).unchanged == 1
    assert await state_of(tax) == ("red_partial", "226", False, False)
    await tax.load(invoice_json("CN-2", kind="credit_note", gross="904", corrects="inv-1"))
    assert await state_of(tax) == ("red_full", "1130", False, False)


async def test_a_red_invoice_with_negative_amounts_reverses(tax: RunningAdapter) -> None:
    await tax.load([invoice_json("INV-1"), invoice_json("RED-1", gross="-113", corrects="INV-1")])
    assert await state_of(tax) == ("red_partial", "113", False, False)


async def test_a_voided_credit_note_reverses_nothing(tax: RunningAdapter) -> None:
    await tax.load(
        [invoice_json("INV-1"), invoice_json("CN-1", kind="credit_note", gross="226", corrects="INV-1")]
    )
    await tax.load({"number": "CN-1", "state": "void"})
    assert await state_of(tax) == ("normal", "0", False, False)


async def test_a_credit_note_of_another_seller_or_currency_reverses_nothing(tax: RunningAdapter) -> None:
    await tax.load(
        [
            invoice_json("INV-1"),
            invoice_json("CN-1", kind="credit_note", gross="226", corrects="INV-1", seller=OTHER_SELLER),
            invoice_json("CN-2", kind="credit_note", gross="226", corrects="INV-1", currency="USD"),
        ]
    )
    assert await state_of(tax) == ("normal", "0", False, False)


async def test_an_invoice_and_a_credit_note_may_have_one_number(tax: RunningAdapter) -> None:
    report = await tax.load(
        [invoice_json("9"), invoice_json("9", kind="credit_note", gross="226", corrects="9")]
    )
    assert (report.loaded, list(report.problems)) == (2, [])
    assert (await state_of(tax, "9"))[:2] == ("red_partial", "226")


async def test_state_lines(tax: RunningAdapter) -> None:
    await tax.load(
        [invoice_json("INV-1"), invoice_json("INV-2"), invoice_json("INV-3"), invoice_json("INV-4")]
    )
    report = await tax.load(
        states(
            {"number": "INV-1", "state": "normal", "red_amount": "0", "use_confirmed": True},
            {"number": "INV-2", "state": "void"},
            {
                "number": "INV-3",
                "state": "red_partial",
                "red_amount": "113.00",
                "red_confirmation_open": True,
            },
            {"number": "INV-4", "state": "red_full"},
        )
    )
    assert (report.loaded, list(report.problems)) == (4, [])
    assert await state_of(tax, "INV-1") == ("normal", "0", True, False)
    assert await state_of(tax, "INV-2") == ("void", "0", False, False)
    assert await state_of(tax, "INV-3") == ("red_partial", "113", False, True)
    assert await state_of(tax, "INV-4") == ("red_full", "1130", False, False)


async def test_a_state_line_keeps_what_it_does_not_say(tax: RunningAdapter) -> None:
    await tax.load(invoice_json("INV-1"))
    await tax.load({"number": "INV-1", "state": "normal", "use_confirmed": True})
    await tax.load({"number": "INV-1", "state": "red_partial", "red_amount": 1.5})
    assert await state_of(tax) == ("red_partial", "1.5", True, False)


async def test_the_same_state_again_is_unchanged(tax: RunningAdapter) -> None:
    await tax.load(invoice_json("INV-1"))
    line = {"number": "INV-1", "state": "void"}
    assert (await tax.load(line)).loaded == 1
    assert (await tax.load(line)).unchanged == 1


async def test_an_older_state_does_not_undo_a_newer_one(tax: RunningAdapter) -> None:
    await tax.load(invoice_json("INV-1"), as_of=AS_OF)
    await tax.load({"number": "INV-1", "state": "void"}, as_of=AS_OF)
    report = await tax.load({"number": "INV-1", "state": "normal"}, as_of=AS_OF - 1)
    assert (report.loaded, report.unchanged) == (0, 1)
    assert (await state_of(tax))[0] == "void"


async def test_a_credit_note_and_a_state_that_tell_the_same_count_once(tax: RunningAdapter) -> None:
    await tax.load(
        [invoice_json("INV-1"), invoice_json("CN-1", kind="credit_note", gross="226", corrects="INV-1")]
    )
    await tax.load({"number": "INV-1", "state": "red_partial", "red_amount": "226"})
    assert (await state_of(tax))[:2] == ("red_partial", "226")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"number": "INV-9", "state": "void"}, "No invoice"),
        ({"number": "INV-1", "state": "gone"}, "state"),
        ({"number": "INV-1", "state": "red_partial"}, "red_amount"),
        ({"number": "INV-1", "state": "red_partial", "red_amount": "1130"}, "red_amount"),
        ({"number": "INV-1", "state": "red_partial", "red_amount": "-5"}, "red_amount"),
        ({"number": "INV-1", "state": "red_full", "red_amount": "5"}, "red_full"),
        ({"number": "INV-1", "state": "normal", "red_amount": "5"}, "red_amount"),
        ({"number": "INV-1", "state": "void", "colour": "red"}, "colour"),
        ({"number": "INV-1", "state": "void", "use_confirmed": "yes"}, "use_confirmed"),
        ({"number": "INV-1", "state": "void", "seller": "nobody"}, "seller"),
        ({"number": "INV-1", "state": "void", "seller": OTHER_SELLER}, "No invoice"),
        ({"number": "INV-1", "state": "void", "issue_date": "2026-13-01"}, "issue_date"),
        ({"number": "INV-1", "state": "red_partial", "red_amount": "1,5"}, "red_amount"),
    ],
)
async def test_a_wrong_state_line_is_refused_alone(
    tax: RunningAdapter, line: dict[str, Any], said: str
) -> None:
    await tax.load([invoice_json("INV-1"), invoice_json("INV-2")])
    report = await tax.load(states(line, {"number": "INV-2", "state": "void"}), name="states.jsonl")
    assert report.loaded == 1
    (problem,) = report.problems
    assert problem.path == "states.jsonl:1"
    assert said in problem.message
    assert problem.remedy
    assert (await state_of(tax))[0] == "normal"


async def test_a_number_of_several_sellers_needs_the_seller(tax: RunningAdapter) -> None:
    await tax.load([invoice_json("INV-1"), invoice_json("INV-1", seller=OTHER_SELLER)])
    report = await tax.load({"number": "INV-1", "state": "void"})
    assert report.loaded == 0
    assert "seller" in report.problems[0].remedy
    assert (await tax.load({"number": "INV-1", "seller": OTHER_SELLER.upper(), "state": "void"})).loaded == 1
    bare = SELLER.removeprefix("uscc:")
    assert (await tax.load({"number": "INV-1", "seller": bare, "state": "red_full"})).loaded == 1
    assert (await state_of(tax))[0] == "red_full"
    (other,) = await ask(tax, make_invoice("INV-1", seller=OTHER_SELLER))
    assert other["state"] == "void"


async def test_taxpayers(tax: RunningAdapter) -> None:
    record = {
        "tax_id": SELLER,
        "state": "active",
        "name": "卖方公司",
        "former_names": ["Old Co"],
        "registered_on": "2019-03-01",
    }
    report = await tax.load([record, {**record, "tax_id": BUYER, "state": "revoked"}], as_of=AS_OF)
    assert report.loaded == 2
    answer = await TaxSource(tax.channel()).ask(taxpayers=[SELLER, BUYER, OTHER_SELLER])
    assert answer.answers[SELLER] == {
        "tax_id": SELLER,
        "known": True,
        "state": "active",
        "name": "卖方公司",
        "former_names": ["Old Co"],
        "registered_on": "2019-03-01",
    }
    assert answer.answers[BUYER]["state"] == "revoked"
    assert not answer.answers[OTHER_SELLER]["known"]
    assert answer.as_of == AS_OF
    newer = {**record, "state": "suspended"}
    assert (await tax.load(newer, as_of=AS_OF + 1)).loaded == 1
    assert (await tax.load(record, as_of=AS_OF)).unchanged == 1
    answer = await TaxSource(tax.channel()).ask(taxpayers=[SELLER])
    assert answer.answers[SELLER]["state"] == "suspended"


@pytest.mark.parametrize("change", [{"state": "asleep"}, {"tax_id": "123"}, {"name": 5}, {"age": 3}])
async def test_a_wrong_taxpayer_is_refused(tax: RunningAdapter, change: dict[str, Any]) -> None:
    record = {"tax_id": SELLER, "state": "active", "name": "A", "former_names": []}
    report = await tax.load({**record, **change})
    assert next(iter(change)) in report.problems[0].message


async def test_kinds_of_record_may_be_mixed(tax: RunningAdapter) -> None:
    report = await tax.load(
        states(
            invoice_json("INV-1"),
            {"number": "INV-1", "state": "normal", "use_confirmed": True},
            {"tax_id": SELLER, "state": "active", "name": "A", "former_names": []},
            {"what": "is this"},
            {"kind": "purchase_order", "number": "1"},
            {"kind": ["invoice"]},
            invoice_json("INV-2"),
        )
    )
    assert (report.loaded, len(report.problems)) == (4, 3)
    assert [problem.path for problem in report.problems] == ["data:4", "data:5", "data:6"]
    assert (await state_of(tax))[2] is True


async def test_answers_are_as_old_as_the_oldest_of_invoices_and_states(tax: RunningAdapter) -> None:
    await tax.load(invoice_json("INV-1"), as_of=AS_OF)
    await tax.load({"number": "INV-1", "state": "normal"}, as_of=AS_OF - 500)
    source = TaxSource(tax.channel())
    question = InvoiceQuestion.of("f", make_invoice("INV-1"))
    assert (await source.ask([question])).as_of == AS_OF - 500
    await tax.load({"number": "INV-1", "state": "normal"}, as_of=AS_OF + 500)
    assert (await source.ask([question])).as_of == AS_OF


async def test_without_taxpayers_the_answer_is_as_old_as_the_invoices(tax: RunningAdapter) -> None:
    await tax.load(invoice_json("INV-1"), as_of=AS_OF)
    source = TaxSource(tax.channel())
    question = InvoiceQuestion.of("f", make_invoice("INV-1"))
    answer = await source.ask([question], [SELLER])
    assert (answer.as_of, answer.answers[SELLER]["known"]) == (AS_OF, False)
    await tax.load({"tax_id": SELLER, "state": "active", "name": "A"}, as_of=AS_OF - 7)
    assert (await source.ask([question], [SELLER])).as_of == AS_OF - 7


async def test_without_invoices_nothing_is_known_of_them(tax: RunningAdapter) -> None:
    await tax.load({"tax_id": SELLER, "state": "active", "name": "A"}, as_of=AS_OF)
    answer = await TaxSource(tax.channel()).ask([InvoiceQuestion.of("f", make_invoice("INV-1"))], [SELLER])
    assert answer.as_of == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("net_amount", "1e3"),
        ("gross_amount", "NaN"),
        ("tax_amount", "1,5"),
        ("issue_date", "yesterday"),
        ("number", ""),
    ],
)
async def test_a_question_that_cannot_be_understood_costs_only_itself(
    tax: RunningAdapter, field: str, value: str
) -> None:
    await tax.load(invoice_json("INV-1"))
    wrong = replace(InvoiceQuestion.of("w", make_invoice("INV-1")), **{field: value})
    asked = [InvoiceQuestion.of("r", make_invoice("INV-1")), wrong]
    answer = await TaxSource(tax.channel()).ask(asked)
    assert answer.answers["r"]["known"]
    error = answer.answers["w"]["error"]
    assert error["reason"] == "QUESTION_INVALID"
    assert f"invoices[1].{field}" in error["message"]


UBL = """<?xml version="1.0" encoding="UTF-8"?>
<{root} xmlns="urn:oasis:names:specification:ubl:schema:xsd:{root}-2"
 xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
 xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
<cbc:ID>{number}</cbc:ID><cbc:IssueDate>2026-05-04</cbc:IssueDate>
<cbc:{type}TypeCode>{code}</cbc:{type}TypeCode><cbc:DocumentCurrencyCode>CNY</cbc:DocumentCurrencyCode>{refers}
<cac:AccountingSupplierParty><cac:Party><cac:PartyLegalEntity><cbc:RegistrationName>Seller Co</cbc:RegistrationName>
<cbc:CompanyID schemeID="USCC">{seller}</cbc:CompanyID></cac:PartyLegalEntity></cac:Party></cac:AccountingSupplierParty>
<cac:AccountingCustomerParty><cac:Party><cac:PartyLegalEntity><cbc:RegistrationName>Buyer Co</cbc:RegistrationName>
<cbc:CompanyID schemeID="USCC">{buyer}</cbc:CompanyID></cac:PartyLegalEntity></cac:Party></cac:AccountingCustomerParty>
<cac:TaxTotal><cbc:TaxAmount currencyID="CNY">130</cbc:TaxAmount></cac:TaxTotal>
<cac:LegalMonetaryTotal><cbc:LineExtensionAmount currencyID="CNY">1000</cbc:LineExtensionAmount>
<cbc:TaxExclusiveAmount currencyID="CNY">1000</cbc:TaxExclusiveAmount>
<cbc:TaxInclusiveAmount currencyID="CNY">1130</cbc:TaxInclusiveAmount>
<cbc:PayableAmount currencyID="CNY">1130</cbc:PayableAmount></cac:LegalMonetaryTotal>
<cac:{root}Line><cbc:ID>1</cbc:ID><cbc:{quantity} unitCode="TNE">1</cbc:{quantity}>
<cbc:LineExtensionAmount currencyID="CNY">1000</cbc:LineExtensionAmount>
<cac:Item><cbc:Name>Steel coil</cbc:Name></cac:Item>
<cac:Price><cbc:PriceAmount currencyID="CNY">1000</cbc:PriceAmount></cac:Price></cac:{root}Line></{root}>"""


def ubl(number: str, *, note_of: str = "") -> bytes:
    names = {"root": "CreditNote", "type": "CreditNote", "code": "381", "quantity": "CreditedQuantity"}
    if not note_of:
        names = {"root": "Invoice", "type": "Invoice", "code": "380", "quantity": "InvoicedQuantity"}
    refers = (
        f"<cac:BillingReference><cac:InvoiceDocumentReference><cbc:ID>{note_of}</cbc:ID>"
        "</cac:InvoiceDocumentReference></cac:BillingReference>"
        if note_of
        else ""
    )
    seller, buyer = SELLER.removeprefix("uscc:"), BUYER.removeprefix("uscc:")
    return UBL.format(number=number, refers=refers, seller=seller, buyer=buyer, **names).encode()


async def test_ubl_and_json_of_one_invoice_are_the_same(tax: RunningAdapter) -> None:
    assert (await tax.load(ubl("INV-1"), name="inv.xml")).loaded == 1
    assert (await tax.load(invoice_json("INV-1"))).unchanged == 1
    assert (await tax.load(ubl("CN-1", note_of="INV-1"))).loaded == 1
    assert (await state_of(tax))[0] == "red_full"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<Invoice/>", "root element"),
        (ubl("INV-1").replace(b"<Invoice", b"<!DOCTYPE x><Invoice", 1), "DOCTYPE"),
        (ubl("INV-1").replace(b"1130<", b"abc<"), "decimal"),
        (b"number,state\n", "neither JSON nor XML"),
        (b"<Order", "XML"),
    ],
)
async def test_a_file_that_is_no_invoice_is_refused(tax: RunningAdapter, content: bytes, said: str) -> None:
    report = await tax.load(content, name="some.xml")
    assert report.loaded == 0
    (problem,) = report.problems
    assert said in problem.message
    assert problem.remedy
    assert problem.path.startswith("some.xml")


async def test_a_party_without_identifier_is_known_by_name(tax: RunningAdapter) -> None:
    nameless = {"name": "Nameless Buyer"}
    await tax.load({**invoice_json("INV-1"), "buyer": nameless})
    asked = make_invoice("INV-1").model_copy(update={"buyer": Party(**nameless)})
    (answer,) = await ask(tax, asked)
    assert answer["differing"] == []


@pytest.mark.parametrize(
    "nasty",
    [
        '{"number": "\\ud800", "state": "void"}',
        '{"number": "INV\\u0000", "state": "void"}',
        '{"number": "INV-1", "code": "\\udfff", "state": "void"}',
        '{"number": "INV-1", "seller": "uscc:\\ud800", "state": "void"}',
        '{"tax_id": "uscc:\\ud800", "state": "active", "name": "A"}',
        '{"tax_id": "x:1", "state": "active", "name": "\\ud800"}',
        '{"tax_id": "x:1", "state": "active", "name": "A", "former_names": ["\\udc00"]}',
        '{"kind": "invoice", "number": "\\ud800"}',
        '{"kind": "\\ud800"}',
        '{"\\ud800": 1, "state": "void"}',
        '{"state": {"a": [1, 2]}, "number": 5}',
    ],
)
async def test_text_that_is_no_unicode_costs_only_its_record(tax: RunningAdapter, nasty: str) -> None:
    await tax.load(invoice_json("INV-1"))
    report = await tax.load(f'{nasty}\n{{"number": "INV-1", "state": "void"}}')
    assert report.loaded == 1
    (problem,) = report.problems
    assert problem.path.startswith("data:1")
    assert problem.remedy
