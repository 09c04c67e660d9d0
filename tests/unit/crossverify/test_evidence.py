"""Evidence: one value that survives its own JSON, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest

from consortium.errors import InvalidInputError
from crossverify.evidence import Evidence, SourceAnswer, SourceState, WithheldDocument
from crossverify.rule import Deduction, Effect, Finding, Input, Outcome, Stage, Step
from tests.support.trade_world import World, confirmation, credit_note, despatch, invoice, order, receipt


def world() -> World:
    made = World(order(), despatch(), receipt(), invoice(), credit_note(), confirmation())
    made.link()
    made.pay(next(iter(made.bank)), "12.50")
    made.changes["withheld"] = (WithheldDocument(fingerprint="a" * 64, kind="invoice", reason="ERASED"),)
    return made


def test_survives_its_own_json() -> None:
    evidence = world().evidence()
    again = Evidence.from_bytes(evidence.to_bytes())
    assert again == evidence
    assert again.to_bytes() == evidence.to_bytes()


def test_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        world().evidence().evaluated_at = 1  # type: ignore[misc]


def spoilt(**changes: Any) -> dict[str, Any]:
    return world().evidence().to_json() | changes


@pytest.mark.parametrize(
    "data",
    [
        {},
        spoilt(version=3),
        spoilt(version=1),  # names sources that version 1 has not
        spoilt(surprise=1),
        spoilt(evaluated_at=-1),
        spoilt(evaluated_at="1782000000"),
        spoilt(documents=[{"fingerprint": "a" * 64, "commitment": "b" * 64, "document": {"kind": "poem"}}]),
        spoilt(documents=[{"fingerprint": "a" * 64, "commitment": "b" * 64, "document": {}}]),
        spoilt(documents=[{"fingerprint": "a" * 64, "commitment": "b" * 64, "document": "x"}]),
        spoilt(
            documents=[{"fingerprint": "a" * 64, "commitment": "b" * 64, "document": {"kind": "invoice"}}]
        ),
        spoilt(tax={"source": "tax", "state": "cheerful"}),
        spoilt(ledger={"state": "answered", "assets": {"a": {"asset": "a", "settled_ppb": -1}}}),
        spoilt(ledger={"state": "answered", "assets": {"a": {"asset": "a", "settled_ppb": 1.5}}}),
    ],
)
def test_what_is_no_evidence_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Evidence.from_json(data)
    assert caught.value.reason == "EVIDENCE_INVALID"


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'"x"'])
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Evidence.from_bytes(data)
    assert caught.value.reason == "EVIDENCE_INVALID"


def test_an_answer_with_a_float_has_no_bytes() -> None:
    made = world()
    made.changes["credit"] = SourceAnswer(
        source="credit", state=SourceState.ANSWERED, answers={"x": {"score": 0.1}}
    )
    with pytest.raises(InvalidInputError) as caught:
        made.evidence().to_bytes()
    assert caught.value.reason == "NOT_CANONICAL"


def test_findings_survive_their_own_json() -> None:
    from decimal import Decimal

    full = Finding(
        rule="MATCH_QTY",
        version=1,
        stage=Stage.ASSESS,
        subject="a" * 64,
        outcome=Outcome.WARN,
        effect=Effect.INFORMATION,
        code="WITHIN_TOLERANCE",
        message="Line 1: ...",
        inputs=(Input("b" * 64, "lines/1/quantity", "101 H87", "documents", 5),),
        line="1",
        cap_ppb=7,
        deduct=Deduction(Step.NOT_RECEIVED, Decimal("11.30"), "CNY"),
    )
    plain = Finding("R", 1, Stage.IN_LIFE, "", Outcome.PASS, Effect.INFORMATION, "OK", "fine")
    for finding in (full, plain):
        assert Finding.from_json(finding.to_json()) == finding


@pytest.mark.parametrize(
    "spoil",
    [{"outcome": "MAYBE"}, {"inputs": [{}]}, {"deduct": {"step": "face", "amount": "x", "currency": "CNY"}}],
)
def test_what_is_no_finding_is_refused(spoil: dict[str, Any]) -> None:
    plain = Finding("R", 1, Stage.ASSESS, "", Outcome.PASS, Effect.INFORMATION, "OK", "fine").to_json()
    with pytest.raises(InvalidInputError) as caught:
        Finding.from_json(plain | spoil)
    assert caught.value.reason == "FINDING_INVALID"
