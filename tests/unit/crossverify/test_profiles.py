"""Profiles: figures as data."""

from __future__ import annotations

from typing import Any

import pytest

from consortium.documents.canonical import canonical_bytes
from consortium.errors import InvalidInputError
from crossverify.profiles import PROFILES, RECEIVABLE_V1, Profile, rules_digest
from crossverify.rule import Effect, Outcome
from crossverify.rules import ALL, RULES


def test_the_first_profile_has_the_rules_of_the_issue() -> None:
    assert {item.rule.id for item in RECEIVABLE_V1.rules} == {
        "DOC_VALID", "PARTY_ID", "TOTALS_TAX", "INV_AUTHENTIC", "INV_STATE", "MATCH_QTY", "MATCH_PRICE",
        "DATE_ORDER", "PO_EXHAUSTED", "LINK_WEIGHT", "DUP_EXACT", "DEBTOR_CONFIRM", "CASH_CLOSURE", "CONSENT",
        "CREDIT_STATUS",
    }  # fmt: skip


def test_rules_are_listed_under_their_names() -> None:
    for name, rule in RULES.items():
        assert rule.id == name
        assert rule.version == max(version for other, version in ALL if other == name)
    for (name, version), rule in ALL.items():
        assert (rule.id, rule.version) == (name, version)


def test_a_profile_survives_its_own_json() -> None:
    for profile in PROFILES.values():
        figures = {"rules": {"CONSENT": {"expiring_days": 31}}, "waterfall": {"advance_rate": "0.61"}}
        changed = profile.with_overrides(figures)
        again = Profile.from_json(changed.to_json())
        assert canonical_bytes(again.to_json()) == canonical_bytes(changed.to_json())
        assert again.digest() == changed.digest() != profile.digest()


def test_overrides_change_what_they_name_and_nothing_else() -> None:
    changed = RECEIVABLE_V1.with_overrides(
        {
            "max_ages": {"tax": 60},
            "waterfall": {"advance_rate": "0.7"},
            "rules": {"MATCH_QTY": {"tolerance": "0.05", "effects": {"WARN": "refer"}}},
        }
    )
    assert (changed.max_ages.tax, changed.max_ages.bank) == (60, RECEIVABLE_V1.max_ages.bank)
    before = {item.rule.id: item for item in RECEIVABLE_V1.rules}
    for item in changed.rules:
        if item.rule.id == "MATCH_QTY":
            assert item.thresholds.model_dump(mode="json") == {"tolerance": "0.05"}
            assert item.effect_of(Outcome.WARN, "WITHIN_TOLERANCE") is Effect.REFER
            assert item.effect_of(Outcome.FAIL, "OVER_RECEIVED") is Effect.EXCLUDE
        else:
            assert item == before[item.rule.id]


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ({"waterfal": {}}, "waterfal"),
        ({"max_ages": {"tax": 0}}, "max_ages.tax"),
        ({"max_ages": {"moon": 5}}, "max_ages.moon"),
        ({"waterfall": {"advance_rate": "1.1"}}, "waterfall.advance_rate"),
        ({"rules": {"NO_RULE": {}}}, "NO_RULE"),
        ({"rules": {"MATCH_QTY": {"tolerance": "-0.1"}}}, "MATCH_QTY.tolerance"),
        ({"rules": {"MATCH_QTY": {"tolerance": "much"}}}, "MATCH_QTY.tolerance"),
        ({"rules": {"MATCH_QTY": {"tolerence": "0.1"}}}, "tolerence"),
        ({"rules": {"MATCH_QTY": {"effects": {"WARN": "shout"}}}}, "WARN"),
        ({"rules": {"MATCH_QTY": {"effects": {"WARNING": "refer"}}}}, "WARNING"),
        ({"rules": {"MATCH_QTY": 5}}, "MATCH_QTY"),
        ({"requires": ["NO_RULE"]}, "NO_RULE"),
        ({"requires": ["MATCH_QTY.NO_CODE"]}, "MATCH_QTY.NO_CODE"),
        ({"requires": "MATCH_QTY"}, "requires"),
    ],
)
def test_wrong_overrides_are_refused_by_name(overrides: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        RECEIVABLE_V1.with_overrides(overrides)
    assert caught.value.reason == "PROFILE_INVALID"
    assert named in caught.value.message


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(InvalidInputError) as caught:
        RECEIVABLE_V1.with_overrides({"max_ages": {"tax": 0}, "rules": {"NO_RULE": {}}, "x": 1})
    assert all(name in caught.value.message for name in ("max_ages.tax", "NO_RULE", "x is no part"))


def test_a_bank_says_what_it_has_to_know() -> None:
    changed = RECEIVABLE_V1.with_overrides({"requires": ["INV_AUTHENTIC", "DOC_VALID.WITHHELD"]})
    by_rule = {item.rule.id: item for item in changed.rules}
    assert by_rule["INV_AUTHENTIC"].effect_of(Outcome.UNKNOWN, "SOURCE_SILENT") is Effect.EXCLUDE
    assert by_rule["DOC_VALID"].effect_of(Outcome.UNKNOWN, "WITHHELD") is Effect.EXCLUDE
    assert by_rule["DOC_VALID"].effect_of(Outcome.UNKNOWN, "NOT_REGISTERED") is Effect.REFER


def test_the_four_products_are_there() -> None:
    lends_on = {name: profile.lends_on.value for name, profile in PROFILES.items()}
    assert lends_on == {
        "receivable-v1": "receivable",
        "receivable-v2": "receivable",
        "order-v1": "order",
        "warehouse-v1": "warehouse_receipt",
        "bill-v1": "bill",
    }
    for profile in PROFILES.values():
        assert Profile.from_json(profile.to_json()) == profile
        named = [item.rule.id for item in profile.rules]
        assert len(set(named)) == len(named)


def test_a_rule_of_another_version_does_not_replay() -> None:
    data = RECEIVABLE_V1.to_json()
    data["rules"][0]["version"] += 1
    with pytest.raises(InvalidInputError) as caught:
        Profile.from_json(data)
    assert caught.value.reason == "RULE_VERSION"


@pytest.mark.parametrize("broken", [{}, {"rules": [{}]}, {"rules": 3}, {"rules": ["x"]}])
def test_what_is_no_profile_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Profile.from_json(broken)
    assert caught.value.reason == "PROFILE_INVALID"


def test_a_pass_informs_unless_its_code_says_otherwise() -> None:
    cash = next(item for item in RECEIVABLE_V1.rules if item.rule.id == "CASH_CLOSURE")
    assert cash.effect_of(Outcome.PASS, "AGREES") is Effect.INFORMATION
    assert cash.effect_of(Outcome.PASS, "SETTLED") is Effect.EXCLUDE


def test_the_digest_of_the_rules_is_stable() -> None:
    assert rules_digest() == rules_digest.__wrapped__()
    assert len(rules_digest()) == 64
