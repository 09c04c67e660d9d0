from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortium.documents import KINDS, Document, Problem
from consortium.documents.json_reader import MAX_JSON_BYTES, read_json
from consortium.documents.problems import MAX_PROBLEMS, MAX_VALUE_CHARS
from tests.support.document_cases import (
    EXAMPLES,
    as_json,
    document,
    example,
    examples_with_path,
    value_at,
    with_value,
)


def problems(content: bytes) -> tuple[Problem, ...]:
    found = read_json(content)
    assert not isinstance(found, Document)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read(kind: str) -> None:
    assert read_json(as_json(example(kind))) == document(kind)
    assert read_json(b"\xef\xbb\xbf" + as_json(example(kind))) == document(kind)


def test_numbers_keep_all_their_digits() -> None:
    content = as_json(example("invoice")).replace(b'"209.05"', b"123456789012345678.91")
    found = read_json(content)
    assert isinstance(found, Document)
    assert str(found.totals.payable) == "123456789012345678.91"  # type: ignore[attr-defined]
    assert read_json(as_json(example("invoice")).replace(b'"185"', b"185.00")) == document("invoice")


# Each row: how the text of an invoice is changed, and the path, field and rule that the problem names.
BAD = [
    ('"2026-03-16"', '"2026-02-30"', "/due_date", "DATE_IMPOSSIBLE"),
    ('"2026-03-16"', '"0001-01-01"', "/due_date", "DATE_IMPOSSIBLE"),
    ('"2026-03-16"', '"9999-12-31"', "/due_date", "DATE_IMPOSSIBLE"),
    ('"2026-03-16"', '"16.03.2026"', "/due_date", "DATE_FORMAT"),
    ('"2026-03-16"', '"2026-03-16T00:00:00Z"', "/due_date", "DATE_FORMAT"),
    ('"2026-03-16"', "1773619200", "/due_date", "DATE_FORMAT"),
    ('"CNY"', '"RMB"', "/currency", "CURRENCY_UNKNOWN"),
    ('"CNY"', '"cny"', "/currency", "CURRENCY_UNKNOWN"),
    ('"CNY"', "156", "/currency", "CURRENCY_UNKNOWN"),
    ('"due_date"', '"dueDate"', "/dueDate", "FIELD_UNKNOWN"),
    ('"account_id"', '"iban": "DE1", "account_id"', "/payee_accounts/0/iban", "FIELD_UNKNOWN"),
    ('"due_date"', '"number": "2", "due_date"', "/number", "FIELD_REPEATED"),
    ('"INV-2026-0042"', "42", "/number", "TEXT_EXPECTED"),
    ('"INV-2026-0042"', '" "', "/number", "TEXT_EMPTY"),
    ('"INV-2026-0042"', '"' + "9" * 129 + '"', "/number", "TEXT_TOO_LONG"),
    ('"INV-2026-0042"', '"A\\u0000B"', "/number", "TEXT_MALFORMED"),
    ('"INV-2026-0042"', '"\\ud800"', "/number", "TEXT_MALFORMED"),
    ('"209.05"', "NaN", "/totals/gross", "NUMBER_NOT_FINITE"),
    ('"209.05"', "-Infinity", "/totals/gross", "NUMBER_NOT_FINITE"),
    ('"209.05"', "1e400", "/totals/gross", "NUMBER_TOO_LARGE"),
    ('"209.05"', "9" * 5000, "/totals/gross", "NUMBER_TOO_LARGE"),
    ('"209.05"', "209.051", "/totals/gross", "AMOUNT_PRECISION"),
    ('"209.05"', '"209,05"', "/totals/gross", "NUMBER_INVALID"),
    ('"209.05"', "true", "/totals/gross", "NUMBER_INVALID"),
    ('"0.925"', '"-0.925"', "/lines/0/price", "NUMBER_NEGATIVE"),
    ('"0.925"', '"0.12345678901"', "/lines/0/price", "NUMBER_TOO_PRECISE"),
    ('"0.925", ', '"0.925", "base_quantity": 0, ', "/lines/0/base_quantity", "NUMBER_NOT_POSITIVE"),
    ('"C62"', '"个"', "/lines/0/unit", "UNIT_UNKNOWN"),
    ('"380"', '"381"', "/type_code", "TYPE_UNKNOWN"),
    ('"totals"', '"lines": [], "totals"', "/lines", "FIELD_REPEATED"),
    ('{"date": "2026-01-14"}', '"2026-01-14"', "/delivery", "OBJECT_EXPECTED"),
    ('[{"category": "S"', '{"x": [{"category": "S"', "/taxes", "LIST_EXPECTED"),
]


@pytest.mark.parametrize(("old", "new", "path", "rule"), BAD)
def test_a_bad_value_is_told_with_path_field_value_and_remedy(
    old: str, new: str, path: str, rule: str
) -> None:
    content = as_json(example("invoice")).decode()
    assert old in content
    changed = content.replace(old, new)
    if rule == "LIST_EXPECTED":
        changed = changed.replace('"24.05"}]', '"24.05"}]}', 1)
    found = problems(changed.encode())
    assert (path, rule) in {(each.path, each.rule) for each in found}
    told = next(each for each in found if (each.path, each.rule) == (path, rule))
    assert told.field in path
    assert told.message.endswith(".")
    assert told.remedy
    assert len(told.value) <= MAX_VALUE_CHARS
    json.dumps(str(told)).encode()


def test_all_problems_are_told_at_once() -> None:
    values = example("invoice", issue_date="2026-13-01", currency="CNY", number=None)
    values["totals"]["net"] = "185.001"
    values["lines"][1]["unit"] = "piece"
    values["lines"][1]["net_amount"] = "92.555"
    found = {(each.path, each.rule) for each in problems(as_json(values))}
    assert found == {
        ("/number", "FIELD_MISSING"),
        ("/issue_date", "DATE_IMPOSSIBLE"),
        ("/lines/1/unit", "UNIT_UNKNOWN"),
        ("/totals/net", "AMOUNT_PRECISION"),
        ("/lines/1/net_amount", "AMOUNT_PRECISION"),
    }


def test_amounts_follow_their_currency() -> None:
    lines = [line | {"net_amount": "92"} for line in example("invoice")["lines"]]
    yen = example("invoice", currency="JPY", lines=lines)
    assert {each.path for each in problems(as_json(yen))} == {
        "/totals/tax",
        "/totals/gross",
        "/totals/payable",
        "/taxes/0/tax_amount",
    }
    dinar = example("invoice", currency="KWD")
    dinar["totals"]["payable"] = "209.051"
    assert isinstance(read_json(as_json(dinar)), Document)


def test_due_before_issue_is_no_matter_of_reading() -> None:
    assert isinstance(read_json(as_json(example("invoice", due_date="2025-01-01"))), Document)


def test_negative_invoices_are_legal() -> None:
    values = example("invoice", type_code="384")
    values["totals"] = {name: f"-{value}" for name, value in values["totals"].items()}
    for line in values["lines"]:
        line |= {"quantity": "-100", "net_amount": "-92.5"}
    assert isinstance(read_json(as_json(values)), Document)


@pytest.mark.parametrize(
    ("changes", "path", "rule"),
    [
        ({"seller": {}}, "/seller", "PARTY_UNNAMED"),
        ({"seller": None}, "/seller", "FIELD_MISSING"),
        ({"lines": []}, "/lines", "TOO_FEW"),
        ({"fapiao": [{"fapiao_kind": "special", "number": "00000001"}]}, "/fapiao/0", "FAPIAO_CODE"),
        ({"fapiao": [{"fapiao_kind": "special", "number": "1" * 20}]}, "/fapiao/0", "FAPIAO_NUMBER"),
        (
            {"fapiao": [{"fapiao_kind": "digital_special", "number": "1" * 20, "code": "1" * 10}]},
            "/fapiao/0",
            "FAPIAO_CODE",
        ),
        (
            {"fapiao": [{"fapiao_kind": "paper", "number": "1" * 20}]},
            "/fapiao/0/fapiao_kind",
            "VALUE_UNKNOWN",
        ),
        (
            {"fapiao": [{"fapiao_kind": "digital_special", "number": "123"}]},
            "/fapiao/0/number",
            "TEXT_MALFORMED",
        ),
    ],
)
def test_invoices_that_contradict_themselves(changes: dict[str, Any], path: str, rule: str) -> None:
    assert (path, rule) in {
        (each.path, each.rule) for each in problems(as_json(example("invoice", **changes)))
    }


def test_a_confirmation_knows_its_codes_and_currency() -> None:
    found = problems(as_json(example("debtor_confirmation", response_code="OK", set_off_waived="no")))
    assert {(each.path, each.rule) for each in found} == {
        ("/response_code", "VALUE_UNKNOWN"),
        ("/set_off_waived", "BOOLEAN_EXPECTED"),
    }
    (told,) = problems(as_json(example("debtor_confirmation", currency=None)))
    assert told.rule == "CURRENCY_MISSING"


def test_a_warehouse_receipt_has_the_words() -> None:
    (told,) = problems(as_json(example("warehouse_receipt", title="收据")))
    assert (told.path, told.rule) == ("/title", "VALUE_UNKNOWN")
    lines = [example("warehouse_receipt")["lines"][0] | {"pieces": 1.5}]
    (told,) = problems(as_json(example("warehouse_receipt", lines=lines)))
    assert (told.path, told.rule) == ("/lines/0/pieces", "INTEGER_EXPECTED")


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "JSON_MALFORMED"),
        (b"{", "JSON_MALFORMED"),
        (b"[" * 100_000, "JSON_TOO_DEEP"),
        (b"\xff\xfe{}", "ENCODING"),
        ('{"kind": "发票"}'.encode("gb18030"), "ENCODING"),
        (b"7", "OBJECT_EXPECTED"),
        (b"null", "OBJECT_EXPECTED"),
        (b"{}", "FIELD_MISSING"),
        (b'{"kind": "invoices"}', "KIND_UNKNOWN"),
        (b'{"kind": ["invoice"]}', "KIND_UNKNOWN"),
        (b'{"kind": "x"} {}', "JSON_MALFORMED"),
        (b" " * (MAX_JSON_BYTES + 1), "TOO_LARGE"),
    ],
)
def test_what_is_no_document_is_refused(content: bytes, rule: str) -> None:
    (told,) = problems(content)
    assert told.rule == rule
    assert told.remedy


def test_names_that_were_meant_are_suggested() -> None:
    (told,) = problems(b'{"kind": "invoce"}')
    assert "'invoice'" in told.remedy
    found = problems(as_json(example("invoice") | {"isue_date": "x", "zzz": 1}))
    remedies = {each.path: each.remedy for each in found}
    assert "'issue_date'" in remedies["/isue_date"]
    assert remedies["/zzz"] == "Remove it."


def test_problems_stay_small_however_large_the_document() -> None:
    values = example("invoice", **{f"x{n}": "y" * 10_000 for n in range(MAX_PROBLEMS + 50)})
    found = problems(as_json(values))
    assert len(found) == MAX_PROBLEMS + 1
    assert found[-1].rule == "TOO_MANY_PROBLEMS"
    long_name = problems(as_json(example("invoice", **{"n" * 100_000: 1})))
    assert len(long_name[0].path) < 200
    nested = problems(as_json(example("invoice", number=[[1] * 1000] * 1000)))
    assert len(nested[0].value) <= MAX_VALUE_CHARS


@given(
    examples_with_path(),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([]) | st.just({}),
)
def test_whatever_stands_in_a_field_is_read_or_told_where(
    case: tuple[str, tuple[Any, ...]], junk: Any
) -> None:
    kind, path = case
    values = with_value(EXAMPLES[kind], path, junk)
    found = read_json(json.dumps(values).encode())
    if isinstance(found, Document):
        return
    top = "/" + str(path[0])
    assert any(each.path.startswith(top) or each.path == "" for each in found), (
        value_at(values, path),
        found,
    )


@given(st.binary(max_size=200))
def test_no_bytes_are_an_exception(content: bytes) -> None:
    assert read_json(content) is not None
