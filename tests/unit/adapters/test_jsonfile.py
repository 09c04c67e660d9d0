"""Reading JSON records: one, an array, one per line."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossverify.adapters.jsonfile import is_json, read_records
from crossverify.adapters.records import LoadProblem


def good(content: bytes) -> list[tuple[str, dict[str, Any]]]:
    return [item for item in read_records(content) if not isinstance(item, LoadProblem)]


def bad(content: bytes) -> list[LoadProblem]:
    return [item for item in read_records(content) if isinstance(item, LoadProblem)]


@pytest.mark.parametrize(
    ("content", "places"),
    [
        (b'{"a": 1}', [""]),
        (b'\xef\xbb\xbf{"a": 1}', [""]),
        (b'{\n  "a": 1,\n  "b": {"c": 2}\n}\n', [""]),
        (b'{"a": 1}\n{"a": 2}\n', [":1", ":2"]),
        (b'{"a": 1}\r\n\r\n{"a": 2}', [":1", ":3"]),
        (b'[{"a": 1}, {"a": 2}]', ["[0]", "[1]"]),
        (b' [\n{"a": 1}\n,\n{"a": 2}\n]\n', ["[0]", "[1]"]),
    ],
)
def test_records_and_their_places(content: bytes, places: list[str]) -> None:
    assert is_json(content)
    assert [path for path, _ in good(content)] == places
    assert bad(content) == []


def test_numbers_are_exact() -> None:
    ((_, values),) = good(b'{"a": 0.1, "b": 12345678901234567890.10, "c": 3}')
    assert values == {"a": Decimal("0.1"), "b": Decimal("12345678901234567890.10"), "c": 3}


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (b'{"a": 1}\n{"a": }\n{"a": 3}', ":2"),
        (b'{"a": }\n{"a": 2}\n{"a": 3}', ":1"),
        (b'{"a": 1}\n[1]\n{"a": 3}', ":2"),
        (b'{"a": 1}\n{"a": NaN}\n{"a": 3}', ":2"),
        (b'{"a": 1}\n{"a": "\\ud83d"}\n{"a": "\\ud83d\\ude00"}', ":2"),
        (b'{"a": 1}\n{"\\uDE00": 1}\n{"a": 3}', ":2"),
        (b'{"a": 1}\n{"a": 1, "a": 2}\n{"a": 3}', ":2"),
        (b'{"a": 1}\n{"a": "\xff"}\n{"a": 3}', ":2"),
        (b'{"a": 1}\n{"a": ' + b"9" * 50 + b'}\n{"a": 3}', ":2"),
        (b'{"a": 1}\n{"a": ' + b"[" * 100_000 + b'}\n{"a": 3}', ":2"),
    ],
)
def test_a_bad_line_costs_only_itself(content: bytes, path: str) -> None:
    (problem,) = bad(content)
    assert problem.path == path
    assert problem.message
    assert problem.remedy
    assert len(good(content)) == 2


@pytest.mark.parametrize(
    ("content", "taken"),
    [
        (b'[{"a": 1}, {"a": }, {"a": 3}]', 1),
        (b'[{"a": 1} {"a": 2}]', 1),
        (b'[{"a": 1}', 1),
        (b'[{"a": 1}] x', 1),
        (b"[]", 0),
        (b"[1]", 0),
        (b"[\xff]", 0),
        (b"", 0),
        (b"   ", 0),
    ],
)
def test_a_bad_array_is_told(content: bytes, taken: int) -> None:
    assert len(good(content)) == taken
    (problem,) = bad(content)
    assert problem.remedy


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for prefix in (b"", b"[", b'{"a": 1}\n', b'[{"a": 1},'):
        for item in read_records(prefix + content):
            assert isinstance(item, LoadProblem) or isinstance(item[1], dict)
