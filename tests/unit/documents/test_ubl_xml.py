from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from chanrong.demo.ubl_writer import to_ubl
from consortium.documents import Document, Problem
from consortium.documents.problems import MAX_PROBLEMS
from consortium.documents.ubl import read_ubl
from consortium.documents.ubl.xml import MAX_XML_BYTES, parse_xml, xpath_of
from tests.support.document_cases import document

INVOICE = to_ubl(document("invoice"))


def rules(content: bytes) -> list[str]:
    found = read_ubl(content)
    assert not isinstance(found, Document)
    assert all(isinstance(each, Problem) and each.message and each.remedy for each in found)
    return [each.rule for each in found]


BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2">&b;</Invoice>"""
OUTSIDE = BOMB.replace(b'"aaaaaaaaaa"', b'SYSTEM "file:///etc/hostname"')
HIDDEN = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x><x/>'.encode("utf-16")


@pytest.mark.parametrize(
    "content", [BOMB, OUTSIDE, HIDDEN, b"<!DOCTYPE x><x/>"], ids=["bomb", "file", "utf-16", "bare"]
)
def test_any_doctype_is_refused(content: bytes) -> None:
    assert rules(content) == ["XML_DOCTYPE"]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "XML_MALFORMED"),
        (b"<x", "XML_MALFORMED"),
        (b"<x>&unknown;</x>", "XML_MALFORMED"),
        (b"<x>\x00</x>", "XML_MALFORMED"),
        (INVOICE[:-20], "XML_MALFORMED"),
        (b"<a>" * 100_000, "XML_MALFORMED"),
        (b"<x>" + b" " * MAX_XML_BYTES + b"</x>", "TOO_LARGE"),
        (b"<x/>", "NOT_UBL"),
        (b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-1"/>', "NOT_UBL"),
        (
            b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Order-2"/>',
            "DOCUMENT_TYPE_UNSUPPORTED",
        ),
        (
            b'<Waybill xmlns="urn:oasis:names:specification:ubl:schema:xsd:Waybill-2"/>',
            "DOCUMENT_TYPE_UNSUPPORTED",
        ),
    ],
)
def test_what_is_no_ubl_that_we_read_is_refused(content: bytes, rule: str) -> None:
    assert rules(content) == [rule]


def reencoded(encoding: str) -> bytes:
    made = etree.tostring(etree.fromstring(INVOICE), encoding=encoding, xml_declaration=True)
    assert isinstance(made, bytes)
    return made


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + INVOICE,
        INVOICE.replace(b"\n", b"\r\n"),
        INVOICE.replace(b"><", b">\r\n  <"),
        reencoded("US-ASCII"),
        reencoded("UTF-16"),
        reencoded("GB18030"),
        INVOICE.replace(b"<Invoice xmlns=", b"<ubl:Invoice xmlns:ubl=").replace(
            b"</Invoice>", b"</ubl:Invoice>"
        ),
        INVOICE.replace(b"cbc:", b"b:").replace(b"xmlns:cbc", b"xmlns:b"),
        INVOICE.replace(b"INV-2026-0042", b"INV-<!-- no -->2026<?no?>-0042"),
        INVOICE.replace(b"INV-2026-0042", b"<![CDATA[INV-2026-0042]]>"),
        INVOICE.replace(b"INV-2026-0042", b"\n INV-2026-0042 "),
        INVOICE.replace(b"185<", b"+185.000<"),
        INVOICE.replace(b"2026-03-16", b"2026-03-16+08:00"),
        INVOICE.replace(b"<cbc:DueDate>", b"<cbc:UUID/><cbc:DueDate>"),
    ],
)
def test_the_same_document_in_another_dress(content: bytes) -> None:
    assert content != INVOICE
    assert read_ubl(content) == document("invoice")


def test_an_xpath_has_the_usual_prefixes_and_counts_from_one() -> None:
    root = parse_xml(INVOICE.replace(b"cbc:", b"b:").replace(b"xmlns:cbc", b"xmlns:b"))
    lines = root.findall("{*}InvoiceLine")
    assert xpath_of(root) == "/Invoice"
    assert xpath_of(lines[1][0]) == "/Invoice/cac:InvoiceLine[2]/cbc:ID"


@given(st.binary(max_size=300))
def test_no_bytes_are_an_exception(content: bytes) -> None:
    read_ubl(content)


@given(st.integers(0, len(INVOICE) - 1), st.binary(min_size=1, max_size=3))
def test_a_damaged_document_is_read_or_told(position: int, junk: bytes) -> None:
    found = read_ubl(INVOICE[:position] + junk + INVOICE[position + len(junk) :])
    assert isinstance(found, Document) or found


def test_a_document_that_is_wrong_everywhere_is_refused_briefly() -> None:
    """Five thousand wrong lines: what is not told is counted, and nothing is looked for that is not told."""
    start, end = (
        INVOICE.index(b"<cac:InvoiceLine>"),
        INVOICE.index(b"</cac:InvoiceLine>") + len(b"</cac:InvoiceLine>"),
    )
    line = (
        INVOICE[start:end]
        .replace(b'currencyID="CNY"', b'currencyID="USD"')
        .replace(b'unitCode="C62"', b'unitCode="x"')
    )
    found = read_ubl(INVOICE[:start] + line * 5_000 + INVOICE[end:])
    assert isinstance(found, tuple)
    assert len(found) == MAX_PROBLEMS + 1
    assert found[-1].rule == "TOO_MANY_PROBLEMS"
    assert int(found[-1].message.split()[0]) >= 14_000
