from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from industry_gateway.formats import FORMATS, MAX_DOCUMENT_BYTES, NdjsonReader, iter_ndjson, parse
from industry_gateway.formats import json as module
from tests.support.document_cases import EXAMPLES, as_json, document, example

ALL = [example(kind) for kind in EXAMPLES]
NDJSON = b"\n".join(as_json(each) for each in ALL)


def test_one_document() -> None:
    (found,) = parse(as_json(example("invoice")), label="a.json")
    assert (found.index, found.label, found.document) == (0, "a.json", document("invoice"))


def test_an_array_gives_one_item_each_and_a_bad_one_spoils_no_other() -> None:
    values = [example("invoice"), example("invoice", due_date="2026-02-30"), 7, example("purchase_order")]
    found = parse(json.dumps(values).encode(), label="a.json")
    assert [each.label for each in found] == ["a.json[0]", "a.json[1]", "a.json[2]", "a.json[3]"]
    assert [each.index for each in found] == [0, 1, 2, 3]
    assert [each.document is not None for each in found] == [True, False, False, True]
    assert found[1].problems[0].path == "/due_date"


def test_ndjson_names_the_line() -> None:
    content = as_json(example("invoice")) + b"\r\n\n{bad\n" + as_json(example("credit_note"))
    found = parse(content, format="json", label="a.ndjson")
    assert [(each.label, each.document is not None) for each in found] == [
        ("a.ndjson:1", True),
        ("a.ndjson:3", False),
        ("a.ndjson:4", True),
    ]
    assert [each.index for each in found] == [0, 1, 2]


@given(st.lists(st.integers(1, 400), max_size=40))
def test_a_stream_is_read_alike_however_it_is_cut(cuts: list[int]) -> None:
    chunks, start = [], 0
    for cut in cuts:
        chunks.append(NDJSON[start : start + cut])
        start += cut
    chunks.append(NDJSON[start:])
    found = list(iter_ndjson(chunks, "s"))
    assert [each.document for each in found] == [document(kind) for kind in EXAMPLES]
    assert [each.label for each in found] == [f"s:{n + 1}" for n in range(len(ALL))]


def test_a_line_that_is_too_long_is_refused_without_being_kept() -> None:
    reader = NdjsonReader("s")
    found = [*reader.feed(as_json(example("invoice")) + b"\n{")]
    for _ in range(30):
        found += reader.feed(b" " * 500_000)
        assert len(reader._rest) <= MAX_DOCUMENT_BYTES + 500_000
    found += reader.feed(b"}\n" + as_json(example("credit_note")) + b"\n")
    found += reader.finish()
    assert [(each.label, each.problems[0].rule if each.problems else "") for each in found] == [
        ("s:1", ""),
        ("s:2", "TOO_LARGE"),
        ("s:3", ""),
    ]
    assert [each.index for each in found] == [0, 1, 2]


def test_a_long_line_in_one_chunk_is_refused() -> None:
    long = b'{"x":"' + b"y" * MAX_DOCUMENT_BYTES + b'"}'
    content = as_json(example("invoice")) + b"\n" + long + b"\n" + as_json(example("credit_note"))
    assert [each.problems[0].rule if each.problems else "" for each in parse(content, label="s")] == [
        "",
        "TOO_LARGE",
        "",
    ]


def test_the_last_line_needs_no_line_break_and_may_be_cut_off() -> None:
    reader = NdjsonReader("s")
    found = [*reader.feed(as_json(example("invoice"))[:-5]), *reader.finish()]
    assert [each.problems[0].rule for each in found] == ["JSON_MALFORMED"]


@pytest.mark.parametrize("content", [b"[]", b" [ ] "])
def test_an_empty_array_is_told(content: bytes) -> None:
    (found,) = parse(content, label="a")
    assert found.problems[0].rule == "EMPTY"


def test_an_empty_stream_is_told() -> None:
    (found,) = iter_ndjson([b"\n", b" \n"], "a")
    assert found.problems[0].rule == "EMPTY"


def test_a_push_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ITEMS", 2)
    for content in (json.dumps(ALL).encode(), NDJSON):
        found = FORMATS["json"].parse(content, "a")
        assert [bool(each.document) for each in found] == [True, True, False]
        assert found[-1].problems[0].rule == "TOO_MANY_DOCUMENTS"
