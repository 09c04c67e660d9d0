from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from consortium.documents.canonical import canonical_bytes, document_bytes, leaf_values, parse_json, plain
from consortium.documents.commitment import new_secret, seal
from consortium.documents.kinds import KINDS, parse_canonical
from consortium.errors import InvalidInputError
from tests.support.document_cases import EXAMPLES, document, example, rewritten

SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_our_bytes_are_those_of_rfc_8785(value: Any) -> None:
    try:
        expected = rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:  # lone surrogates
        with pytest.raises(InvalidInputError):
            canonical_bytes(value)
        return
    assert canonical_bytes(value) == expected


def test_keys_are_sorted_by_utf16_code_units() -> None:
    value = {"\U0001f600": 1, "\ufb33": 2, "é": 3, "a": 4}
    assert canonical_bytes(value) == '{"a":4,"é":3,"\U0001f600":1,"\ufb33":2}'.encode()
    assert canonical_bytes([value]) == rfc8785.dumps([value])


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        Decimal(1),
        date(2026, 1, 1),
        b"x",
        {1: 2},
        {"a": 0.5},
        [[1.5]],
        2**53,
        -(2**53),
        {1, 2},
        "\ud800",
    ],
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInputError) as raised:
        canonical_bytes(value)
    assert raised.value.reason == "NOT_CANONICAL"


def test_nesting_is_bounded() -> None:
    deep: Any = []
    for _ in range(70):
        deep = [deep]
    with pytest.raises(InvalidInputError, match="levels"):
        canonical_bytes(deep)


@pytest.mark.parametrize("kind", KINDS)
def test_documents_are_rfc_8785_and_read_back(kind: str) -> None:
    made = document(kind)
    body = document_bytes(made)
    assert body == rfc8785.dumps(json.loads(body))
    assert json.loads(body) == EXAMPLES[kind]
    assert parse_canonical(kind, body) == made
    assert parse_canonical(kind, parse_json(body)) == made
    assert seal(made, new_secret()).body == body


@given(st.data(), st.sampled_from(sorted(EXAMPLES)))
def test_order_and_writing_of_numbers_do_not_matter(data: st.DataObject, kind: str) -> None:
    values = data.draw(rewritten(example(kind)))
    assert document_bytes(parse_canonical(kind, values)) == document_bytes(document(kind))


def test_leaves_are_header_fields_and_lines() -> None:
    found = leaf_values(document("invoice"))
    assert {"number", "issue_date", "seller", "totals", "lines/1", "lines/2"} <= set(found)
    assert "lines" not in found
    assert found["lines/2"]["line_id"] == "2"
    assert found["issue_date"] == "2026-01-15"


def test_absent_fields_leave_no_trace() -> None:
    made = plain(document("invoice", due_date=None, delivery=None))
    assert "due_date" not in made
    assert "allowances" not in made
    assert None not in made.values()


@pytest.mark.parametrize("data", [b"", b"[1]", b'"x"', b"{", b"\xff"])
def test_only_json_objects_are_read_back(data: bytes) -> None:
    with pytest.raises(InvalidInputError) as raised:
        parse_json(data)
    assert raised.value.reason == "NOT_JSON"


def test_reading_back_says_what_is_wrong() -> None:
    with pytest.raises(InvalidInputError) as raised:
        parse_canonical("cheque", b"{}")
    assert raised.value.reason == "KIND_UNKNOWN"
    with pytest.raises(InvalidInputError, match="issue_date") as raised:
        parse_canonical("invoice", example("invoice", issue_date="2026-02-30"))
    assert raised.value.reason == "DOCUMENT_INVALID"
    with pytest.raises(InvalidInputError):
        parse_canonical("invoice", example("credit_note"))


@pytest.mark.parametrize("price", ["0.0000000001", "0.0000001", "100000000000000000", "0"])
def test_numbers_never_have_an_exponent(price: str) -> None:
    lines = [line | {"price": price} for line in example("invoice")["lines"]]
    found = plain(document("invoice", lines=lines))
    assert [line["price"] for line in found["lines"]] == [price, price]
