"""Compact JSON is read on a fast way: it gives what the exact way gives, or leaves the bytes to it."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortium.documents import json_reader
from consortium.documents.json_reader import JsonRefusedError, load_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
WRITERS = [
    lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")),
    lambda value: json.dumps(value, ensure_ascii=True, separators=(",", ":")),
    json.dumps,
]


def _exactly(content: bytes) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_reader, "_compact", lambda _content: None)
        return _outcome(content)


def _outcome(content: bytes) -> Any:
    try:
        return repr(load_json(content))
    except JsonRefusedError as refused:
        return refused.problem


@given(value=VALUES, writer=st.sampled_from(WRITERS))
def test_both_ways_read_the_same(value: Any, writer: Any) -> None:
    content = writer(value).encode("utf-8", "surrogatepass")
    assert _outcome(content) == _exactly(content)


@pytest.mark.parametrize(
    "content",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":1.10}',
        b'{"a":1.5}',
        b"1.5",
        b"-1.5",
        b"[0.1]",
        b"1e3",
        b'{"a":-0}',
        b"-0",
        b'{"a":18446744073709551616}',
        b"9" * 30,
        b'{"a":9007199254740993}',
        b'{"a":NaN}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xed\xa0\x80"}',
        b"null",
        b'{"a":1}{"a":1}',
        b"[" * 300 + b"]" * 300,
        b"[" * 5000 + b"]" * 5000,
    ],
)
def test_what_a_fast_reader_would_get_wrong(content: bytes) -> None:
    assert _outcome(content) == _exactly(content)


def test_a_canonical_document_takes_the_fast_way() -> None:
    content = orjson.dumps({"kind": "invoice", "number": "1", "amount": "1.50"})
    assert json_reader._compact(content) is not None
