from __future__ import annotations

from typing import Any

import pytest

from chanrong.demo.ubl_writer import to_ubl
from consortium.documents import CreditNote, Document, Invoice, Problem
from consortium.documents.ubl import read_ubl
from tests.support.document_cases import document

INVOICE = to_ubl(document("invoice"))


def problems(content: bytes) -> dict[str, str]:
    found = read_ubl(content)
    assert not isinstance(found, Document)
    return {each.path: each.rule for each in found}


def invoice(content: bytes) -> Invoice:
    found = read_ubl(content)
    assert isinstance(found, Invoice), found
    return found


@pytest.mark.parametrize(
    ("old", "new", "path", "rule"),
    [
        (b"2026-03-16", b"2026-02-30", "/Invoice/cbc:DueDate", "DATE_IMPOSSIBLE"),
        (b">CNY<", b">RMB<", "/Invoice/cbc:DocumentCurrencyCode", "CURRENCY_UNKNOWN"),
        (b">380<", b">381<", "/Invoice/cbc:InvoiceTypeCode", "TYPE_UNKNOWN"),
        (
            b'unitCode="C62"',
            b'unitCode="pcs"',
            "/Invoice/cac:InvoiceLine[1]/cbc:InvoicedQuantity",
            "UNIT_UNKNOWN",
        ),
        (
            b' unitCode="C62"',
            b"",
            "/Invoice/cac:InvoiceLine[1]/cbc:InvoicedQuantity/@unitCode",
            "FIELD_MISSING",
        ),
        (b">0.925<", b">-0.925<", "/Invoice/cac:InvoiceLine[1]/cac:Price/cbc:PriceAmount", "NUMBER_NEGATIVE"),
        (b">92.5<", b">1e3<", "/Invoice/cac:InvoiceLine[1]/cbc:LineExtensionAmount", "NUMBER_INVALID"),
        (b">92.5<", b">92.505<", "/Invoice/cac:InvoiceLine[1]/cbc:LineExtensionAmount", "AMOUNT_PRECISION"),
        (b">92.5<", b">NaN<", "/Invoice/cac:InvoiceLine[1]/cbc:LineExtensionAmount", "NUMBER_NOT_FINITE"),
        (b">92.5<", b"><", "/Invoice/cac:InvoiceLine[1]/cbc:LineExtensionAmount", "FIELD_MISSING"),
        (b"<cbc:ID>2</cbc:ID><cbc:Inv", b"<cbc:Inv", "/Invoice/cac:InvoiceLine[2]/cbc:ID", "FIELD_MISSING"),
        (b"<cbc:Name>\xe5", b"<cbc:X>\xe5", "", "XML_MALFORMED"),
        (
            b'<cbc:PayableAmount currencyID="CNY">',
            b'<cbc:PayableAmount currencyID="USD">',
            "/Invoice/cac:LegalMonetaryTotal/cbc:PayableAmount",
            "CURRENCY_MISMATCH",
        ),
        (
            b'<cbc:PayableAmount currencyID="CNY">',
            b"<cbc:PayableAmount>",
            "/Invoice/cac:LegalMonetaryTotal/cbc:PayableAmount",
            "CURRENCY_MISSING",
        ),
        (
            b">CN<",
            b">China<",
            "/Invoice/cac:AccountingSupplierParty/cac:Party/cac:PostalAddress/cac:Country/cbc:IdentificationCode",
            "TEXT_MALFORMED",
        ),
        (
            b"<cbc:DueDate>",
            b"<cbc:DueDate>2026-03-17</cbc:DueDate><cbc:DueDate>",
            "/Invoice/cbc:DueDate[2]",
            "ELEMENT_REPEATED",
        ),
        (b"<cbc:IssueDate>2026-01-15</cbc:IssueDate>", b"", "/Invoice/cbc:IssueDate", "FIELD_MISSING"),
    ],
)
def test_every_problem_names_its_xpath(old: bytes, new: bytes, path: str, rule: str) -> None:
    assert old in INVOICE
    found = problems(INVOICE.replace(old, new))
    assert rule in found.values()
    if path:
        assert found[path] == rule


def test_all_problems_are_told_at_once() -> None:
    content = (
        INVOICE.replace(b"2026-03-16", b"2026-02-30")
        .replace(b'unitCode="C62"', b'unitCode="pcs"')
        .replace(b'<cbc:PayableAmount currencyID="CNY">', b'<cbc:PayableAmount currencyID="USD">')
        .replace(b">0.925<", b">0.92512345678<")
    )
    assert len(problems(content)) == 6


def test_missing_parts_are_told_where_they_belong() -> None:
    empty = b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>'
    assert problems(empty) == {
        "/Invoice/cbc:ID": "FIELD_MISSING",
        "/Invoice/cbc:IssueDate": "FIELD_MISSING",
        "/Invoice/cbc:DocumentCurrencyCode": "FIELD_MISSING",
        "/Invoice/cac:AccountingSupplierParty/cac:Party": "FIELD_MISSING",
        "/Invoice/cac:AccountingCustomerParty/cac:Party": "FIELD_MISSING",
        "/Invoice/cac:LegalMonetaryTotal": "FIELD_MISSING",
        "/Invoice/cac:InvoiceLine": "FIELD_MISSING",
    }


def test_the_same_value_twice_is_no_contradiction() -> None:
    twice = INVOICE.replace(b"<cbc:DueDate>", b"<cbc:DueDate>2026-03-16</cbc:DueDate><cbc:DueDate>")
    assert invoice(twice) == document("invoice")


def test_a_base_quantity_of_one_is_as_if_it_were_not_there() -> None:
    price = b'0.925</cbc:PriceAmount><cbc:BaseQuantity unitCode="C62">'
    with_one = INVOICE.replace(b"0.925</cbc:PriceAmount>", price + b"1.00</cbc:BaseQuantity>")
    assert invoice(with_one) == document("invoice")
    with_hundred = invoice(INVOICE.replace(b"0.925</cbc:PriceAmount>", price + b"100</cbc:BaseQuantity>"))
    assert str(with_hundred.lines[0].base_quantity) == "100"
    assert with_hundred.lines[0].base_unit is None


def test_fillers_are_no_references() -> None:
    for filler in (b"NA", b"n/a"):
        assert invoice(INVOICE.replace(b"PO-2026-0007", filler)).order_number is None


def fapiao(*references: str) -> bytes:
    made = "".join(
        f"<cac:AdditionalDocumentReference>{each}</cac:AdditionalDocumentReference>" for each in references
    ).encode()
    return INVOICE.replace(b"<cac:AccountingSupplierParty>", made + b"<cac:AccountingSupplierParty>", 1)


def test_a_commercial_invoice_names_its_digital_fapiao() -> None:
    (found,) = invoice(fapiao('<cbc:ID schemeID="CN-FAPIAO">26312000000123456789</cbc:ID>')).fapiao
    assert (found.number, found.code, found.fapiao_kind) == ("26312000000123456789", None, "digital_special")


def test_an_older_fapiao_has_code_number_and_check_code() -> None:
    content = fapiao(
        '<cbc:ID schemeID="CN-FAPIAO-CODE">310012345678</cbc:ID>'
        "<cbc:DocumentTypeCode>electronic_ordinary</cbc:DocumentTypeCode>",
        '<cbc:ID schemeID="CN-FAPIAO-CHECK">12345678901234567890</cbc:ID>',
    ).replace(b"INV-2026-0042", b"00456789")
    (found,) = invoice(content).fapiao
    assert found.model_dump() == {
        "fapiao_kind": "electronic_ordinary",
        "number": "00456789",
        "code": "310012345678",
        "check_code": "12345678901234567890",
    }


def test_other_supporting_documents_are_no_fapiao() -> None:
    assert invoice(fapiao('<cbc:ID schemeID="AAA">x</cbc:ID>', "<cbc:ID>y</cbc:ID>")).fapiao == ()
    wrong = problems(fapiao('<cbc:ID schemeID="CN-FAPIAO">00456789</cbc:ID>'))
    assert wrong == {"/Invoice/cac:AdditionalDocumentReference": "FAPIAO_NUMBER"}


TRIPS: list[tuple[str, dict[str, Any]]] = [
    ("invoice", {"tax_currency": "USD", "tax_in_tax_currency": "3.3333"}),
    (
        "invoice",
        {
            "payment_means": "30",
            "payment_reference": "R 1",
            "payee_accounts": [{"account_id": "1"}, {"account_id": "2", "bank_id": "B"}],
        },
    ),
    (
        "invoice",
        {"payee": {"name": "保理公司", "identifiers": [{"scheme": "lei", "value": "5493001KJTIIGC8Y1R12"}]}},
    ),
    (
        "invoice",
        {"period": {"start": "2026-01-01", "end": "2026-01-31"}, "note": "a\nb", "contract_number": "HT-1"},
    ),
    (
        "invoice",
        {
            "allowances": [
                {"charge": False, "amount": "5", "percent": "2.5", "base_amount": "200", "reason": "折扣"}
            ]
        },
    ),
    ("invoice", {"order_number": None, "sales_order_number": "SO-1"}),
    ("invoice", {"fapiao": [{"fapiao_kind": "ordinary", "number": "00456789", "code": "3100123456"}]}),
    ("credit_note", {"due_date": "2026-02-01"}),
    (
        "credit_note",
        {"preceding_invoices": [{"number": "00456789", "fapiao_code": "3100123456"}, {"number": "X"}]},
    ),
]


@pytest.mark.parametrize(("kind", "changes"), TRIPS)
def test_what_is_written_is_read(kind: str, changes: dict[str, Any]) -> None:
    made = document(kind, **changes)
    assert read_ubl(to_ubl(made)) == made


def test_a_credit_note_is_read() -> None:
    found = read_ubl(to_ubl(document("credit_note")))
    assert isinstance(found, CreditNote)
    assert found.preceding_invoices[0].number == "INV-2026-0042"
    wrong = to_ubl(document("credit_note")).replace(b">381<", b">380<")
    assert problems(wrong) == {"/CreditNote/cbc:CreditNoteTypeCode": "TYPE_UNKNOWN"}


def test_a_problem_shows_field_value_and_remedy() -> None:
    found = read_ubl(INVOICE.replace(b"2026-03-16", b"2026-02-30"))
    assert isinstance(found, tuple)
    (told,) = found
    assert told == Problem(
        "/Invoice/cbc:DueDate",
        "due_date",
        "2026-02-30",
        "DATE_IMPOSSIBLE",
        "There is no such day.",
        "Check the date.",
    )
