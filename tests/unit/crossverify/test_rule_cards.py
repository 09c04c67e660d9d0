"""Every rule says everything that a loan officer, a bank's modeller and an auditor need; docs/rules.md is written from
that."""

from __future__ import annotations

import re
from typing import Any

import pytest

from chanrong.rule_cards import FILE, OUTCOMES, documented, page, stated
from crossverify.answers import GAP_CODES
from crossverify.explain import DECISIONS, GAPS, STEPS
from crossverify.profiles import PROFILES
from crossverify.rule import Effect, Outcome, Rule, Stage, Step, Text
from crossverify.rules import ALL, FAMILIES

EVERY = pytest.mark.parametrize("rule", ALL.values(), ids=[f"{name} {version}" for name, version in ALL])
CHINESE = re.compile("[\u4e00-\u9fff]")
SOURCES = {
    "documents",
    "ledger",
    "tax",
    "bank",
    "credit",
    "registry",
    "bills",
    "desk",
    "request",
}


def said(text: Text) -> None:
    assert text.en.strip()
    assert text.en.isascii() or CHINESE.search(text.en), "English, with the field's own Chinese terms"
    assert CHINESE.search(text.zh)


@EVERY
def test_a_rule_says_what_it_asks_needs_and_rests_on(rule: Rule[Any]) -> None:
    said(rule.title)
    assert rule.basis
    assert all(each.strip() for each in rule.basis)
    assert rule.applies_when.strip()
    assert set(rule.sources) <= SOURCES
    assert rule.sources
    assert rule.stage in Stage
    assert rule.version >= 1
    for outcome in OUTCOMES:
        assert outcome in stated(rule), f"its docstring says when it says {outcome}"


@EVERY
def test_a_rule_explains_every_code(rule: Rule[Any]) -> None:
    assert rule.codes == frozenset(rule.explains)
    assert rule.codes
    for code, text in rule.explains.items():
        assert re.fullmatch(r"[A-Z][A-Z0-9_]*", code)
        said(text)


@EVERY
def test_effects_are_of_outcomes_and_codes(rule: Rule[Any]) -> None:
    names = {outcome.value for outcome in Outcome} | rule.codes | GAP_CODES
    assert set(rule.effects) <= names
    assert all(isinstance(effect, Effect) for effect in rule.effects.values())


@EVERY
def test_every_threshold_is_documented_and_has_a_default(rule: Rule[Any]) -> None:
    texts = documented(rule.thresholds)
    assert set(rule.thresholds.model_fields) <= set(texts)
    assert all(texts[name] for name in rule.thresholds.model_fields)
    assert rule.thresholds().model_dump(mode="json") is not None


def test_codes_that_belong_to_no_rule_are_explained() -> None:
    assert set(GAPS) == GAP_CODES
    assert set(STEPS) == set(Step)
    for text in (*GAPS.values(), *DECISIONS.values(), *STEPS.values()):
        said(text)


def test_every_rule_is_in_a_profile() -> None:
    pinned = {(item.rule.id, item.rule.version) for profile in PROFILES.values() for item in profile.rules}
    assert {name for name, _ in ALL} == {name for name, _ in pinned}


def test_tables_hold_every_rule_once() -> None:
    names = [(rule.id, rule.version) for rules in FAMILIES.values() for rule in rules]
    assert len(names) == len(set(names)) == len(ALL)


def test_the_page_is_what_the_code_says() -> None:
    assert FILE.read_text(encoding="utf-8") == page(), "run `python -m chanrong.rule_cards`"
