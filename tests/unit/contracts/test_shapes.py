"""consortium.contract: checks, statements, codec."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import rfc8785

from consortium.contract import claim_handle, codec, decode, encode, opening_key, schema, statements
from consortium.contract.schema import SchemaError
from tests.support.contract_world import DAY, MONDAY, Json, digest, document

BUILDERS: list[tuple[str, Callable[..., bytes], Json]] = [
    (
        statements.CONSENT,
        statements.consent_statement,
        {
            "consent_id": "consent-1",
            "subject": digest("s"),
            "recipient": "BankAMSP",
            "purpose": "融资",
            "scope": "assess",
            "fields": ["*"],
            "issued": MONDAY,
            "expires": MONDAY + DAY,
        },
    ),
    (
        statements.REVOCATION,
        statements.revocation_statement,
        {"consent_id": "consent-1", "subject": digest("s"), "issued": MONDAY},
    ),
    (
        statements.KEY_ROTATION,
        statements.key_rotation_statement,
        {"party": digest("s"), "number": 2, "spki": "A" * 120, "issued": MONDAY},
    ),
    (
        statements.RESERVATION,
        statements.reservation_statement,
        {
            "asset": digest("a"),
            "claim": "0" * 16,
            "recipient": "BankAMSP",
            "share": 1,
            "issued": MONDAY,
            "expires": MONDAY + 1,
        },
    ),
    (
        statements.TAKE_OVER,
        statements.take_over_statement,
        {
            "fp": digest("f"),
            "previous": digest("p"),
            "commitment": digest("c"),
            "owner": "IndustryAMSP",
            "issued": MONDAY,
        },
    ),
    (
        statements.AMENDMENT,
        statements.amendment_statement,
        {
            "fp": digest("f"),
            "previous": digest("p"),
            "commitment": digest("c"),
            "reason": "改正",
            "evidence": None,
        },
    ),
    (statements.VOID, statements.void_statement, {"fp": digest("f"), "reason": "x", "evidence": digest("e")}),
    (statements.ALIAS, statements.alias_statement, {"asset": digest("a"), "alias": digest("b")}),
]


@pytest.mark.parametrize(("kind", "build", "fields"), BUILDERS)
def test_statements_are_canonical_and_read_back(kind: str, build: Callable[..., bytes], fields: Json) -> None:
    data = build(**fields)
    read = statements.read(kind, data)
    assert data == rfc8785.dumps(read)
    assert (read["v"], read["type"]) == (1, kind)
    expected = {("id" if name == "consent_id" else name): value for name, value in fields.items()}
    assert read == {"v": 1, "type": kind, **expected}
    for other, _, _ in BUILDERS:
        if other != kind:
            with pytest.raises(SchemaError):
                statements.read(other, data)


@pytest.mark.parametrize(("kind", "build", "fields"), BUILDERS)
def test_builders_refuse_what_the_contract_would(
    kind: str, build: Callable[..., bytes], fields: Json
) -> None:
    for name in fields:
        with pytest.raises(SchemaError, match=rf"^value\.{'id' if name == 'consent_id' else name}"):
            build(**{**fields, name: [1.5] if name == "fields" else 1.5})


def test_every_statement_has_a_builder() -> None:
    assert {kind for kind, _, _ in BUILDERS} == set(statements._CHECKS)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (schema.integer(1, 3), [1, 3], [0, 4, "1", 1.0, True, None]),
        (schema.hexadecimal(4), ["00ff"], ["00FF", "00f", "00fff", "00fg", 5, "０0ff", "00f\n"]),
        (schema.token(2, 4), ["ab", "a.-9"], ["a", "abcde", "a b", "é9", "ab\n", 12]),
        (schema.text(1, 3), ["a b", "中文"], ["", "abcd", "a\n", "a\x00", 1]),
        (schema.base64_bytes(1, 3), ["AA==", "AAAA"], ["", "AAAAAA==", "AA", "A===", "AA=\n=", "éAAA", 1]),
        (schema.choice("a", "b"), ["a"], ["c", None, ["a"]]),
        (schema.boolean, [True, False], [0, 1, "true", None]),
        (schema.nullable(schema.boolean), [None, True], [0]),
        (schema.either_empty(schema.hexadecimal(2)), ["", "00"], [None, "0"]),
        (schema.array(schema.boolean, 1, 2), [[True], [True, False]], [[], [True] * 3, [1], "x", (True,)]),
        (
            schema.record({"a": schema.boolean}, {"b": schema.boolean}),
            [{"a": True}, {"a": True, "b": False}],
            [{}, {"b": True}, {"a": 1}, {"a": True, "b": 1}, {"a": True, "c": 1}, [], None],
        ),
    ],
)
def test_checks(check: schema.Check, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        check(value)
    for value in bad:
        with pytest.raises(SchemaError):
            check(value)


def test_errors_name_the_path() -> None:
    inner = schema.record({"x": schema.array(schema.integer(0, 1), 0, 9)})
    check = schema.record({"outer": schema.array(inner, 0, 9)})
    with pytest.raises(SchemaError) as caught:
        check({"outer": [{"x": []}, {"x": [1, 0, 7]}]})
    assert caught.value.at("item") == "item.outer[1].x[2]: must be from 0 to 1"
    with pytest.raises(SchemaError) as caught:
        check({"outer": [{}]})
    assert caught.value.at("item") == "item.outer[0].x: is missing"
    with pytest.raises(SchemaError) as caught:
        check({"outer": [{"x": [], "y": 1}]})
    assert caught.value.at("item") == "item.outer[0]: unknown field 'y'"


def test_requests_are_canonical() -> None:
    request = {"op": "o" * 16, "items": [document("I1"), document("发票")]}
    assert encode(request) == rfc8785.dumps(request)  # type: ignore[arg-type]
    assert decode(encode(request)) == request
    for bad in (b"[]", b"1", b"", b"{"):
        with pytest.raises(ValueError, match=r"(?i)json|input|unexpected"):
            decode(bad)


def test_a_result_without_transaction_happened_in_the_responses() -> None:
    payload = encode({"txid": "t", "results": [{"status": "registered"}, {"status": "already", "txid": "u"}]})
    assert [result["txid"] for result in codec.read_results(payload)] == ["t", "u"]


def test_handles_are_bound_to_organisation_and_opening() -> None:
    """A vector for whoever computes handles in another language."""
    opening = "00" * 32
    assert claim_handle("BankAMSP", opening) == digest(f"chanrong-claim|BankAMSP|{opening}")
    handles = {
        claim_handle(msp, secret) for msp in ("BankAMSP", "BankBMSP") for secret in (opening, "11" * 32)
    }
    assert len(handles) == 4
    assert opening_key("00ff") == "opening:00ff"
