from __future__ import annotations

import pytest

from chanrong.demo.ubl_writer import to_ubl
from industry_gateway.formats import FORMATS, format_of_media_type, parse, recognise
from tests.support.document_cases import as_json, document, example

UBL = to_ubl(document("invoice"))
JSON = as_json(example("invoice"))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (UBL, "ubl"),
        (b"\xef\xbb\xbf  \r\n" + UBL, "ubl"),
        (b"<x/>", "ubl"),
        ("<x/>".encode("utf-16"), "ubl"),
        (JSON, "json"),
        (b"\xef\xbb\xbf\n[]", "json"),
        (b"", None),
        (b"%PDF-1.7", None),
        (b"number;date\n1;2", None),
    ],
)
def test_formats_are_recognised_by_their_first_bytes(content: bytes, name: str | None) -> None:
    assert recognise(content) == name


@pytest.mark.parametrize(
    ("media_type", "name"),
    [
        ("application/xml", "ubl"),
        ("Text/XML; charset=utf-8", "ubl"),
        ("application/json", "json"),
        ("application/x-ndjson", "json"),
        ("application/pdf", None),
        ("", None),
    ],
)
def test_formats_are_known_by_media_type(media_type: str, name: str | None) -> None:
    assert format_of_media_type(media_type) == name


def test_what_no_format_knows_is_told_not_raised() -> None:
    assert [each.problems[0].rule for each in parse(b"%PDF-1.7", label="a.pdf")] == ["FORMAT_UNKNOWN"]
    assert [each.problems[0].rule for each in parse(JSON, format="edifact")] == ["FORMAT_UNKNOWN"]
    assert [each.problems[0].rule for each in parse(b" \n", label="a")] == ["EMPTY"]
    (found,) = parse(b"%PDF", label="a.pdf")
    assert found.label == "a.pdf"
    assert all(name in found.problems[0].remedy for name in FORMATS)


def test_a_named_format_is_believed() -> None:
    assert parse(UBL, format="json")[0].problems[0].rule == "JSON_MALFORMED"
    assert parse(JSON, format="ubl")[0].problems[0].rule == "XML_MALFORMED"
    assert parse(UBL, format="")[0].document == parse(JSON, format=None)[0].document == document("invoice")
