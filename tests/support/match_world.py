"""Tests of the rules that match: where both versions have to say the same, one call asks both."""

from __future__ import annotations

from typing import Any

from crossverify.case import Case
from crossverify.evidence import Evidence
from crossverify.figures import MaxAges
from crossverify.match import LineMatch, match_case
from crossverify.rule import Effect, Finding
from tests.support.trade_world import World, codes, judged, judged2


def both(world: World, rule: str, **overrides: Any) -> list[Finding]:
    """What version 2 finds, after a look that version 1 finds the same."""
    effects = {name: Effect(effect) for name, effect in overrides.get("effects", {}).items()}
    second = judged2(world, rule, 2, **{**overrides, **({"effects": effects} if effects else {})})
    first = judged(world, rule, **overrides)
    assert [(item.subject, item.outcome, item.code, item.line, item.deduct) for item in first] == [
        (item.subject, item.outcome, item.code, item.line, item.deduct) for item in second
    ]
    return second


def both_codes(world: World, rule: str, **overrides: Any) -> list[tuple[str, str]]:
    """Outcome and code of what both versions find."""
    return [(item.outcome.value, item.code) for item in both(world, rule, **overrides)]


def first_codes(world: World, rule: str) -> list[tuple[str, str]]:
    """Outcome and code of what version 1 finds."""
    return codes(world, rule)


def table(evidence: Evidence | World) -> dict[str, tuple[LineMatch, ...]]:
    """The tables of all receivables, by invoice number."""
    if isinstance(evidence, World):
        evidence = evidence.evidence()
    case = Case(evidence, MaxAges())
    matching = match_case(case)
    return {item.invoice.number: matching.table(item.fingerprint) for item in case.receivables}
