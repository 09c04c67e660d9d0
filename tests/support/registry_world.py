"""Registrations in the world of tests of rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from consortium.documents.party import primary_id
from crossverify.answers import GAP_CODES
from crossverify.case import Case
from crossverify.engine import evaluate
from crossverify.evidence import SourceAnswer, SourceState
from crossverify.profiles import RECEIVABLE_V2, Profile
from crossverify.profiles.model import settings
from crossverify.rule import Finding, Outcome, Stage
from crossverify.rules import RULES
from tests.support.trade_world import BANK, DAY, NOW, SELLER, World

SUBJECT = str(primary_id(SELLER))
YEAR = 365 * DAY


def registration(number: str = "R-1", **fields: Any) -> dict[str, Any]:
    """A live assignment of invoice INV-1 to another bank, made a hundred days ago, for three years."""
    values = {
        "number": number,
        "kind": "assignment",
        "assignor": {"name": SELLER.name, "identifiers": [SUBJECT], "former_names": []},
        "secured_party": {
            "name": "Second Bank",
            "identifiers": ["uscc:9131000071A2B3C4D5"],
            "former_names": [],
        },
        "description": "应收账款转让。1. 付款人:Great Wheel Motors;发票号码:INV-1;金额:CNY 1,130。",
        "first_description": "",
        "registered_unix": NOW - 100 * DAY,
        "sequence": 7,
        "term_months": 36,
        "expires_unix": NOW - 100 * DAY + 3 * YEAR,
        "state": "live",
        "cancelled_unix": 0,
        "amendments": [],
        "filed_by": "",
    }
    return values | fields


def own(number: str = "R-OWN", **fields: Any) -> dict[str, Any]:
    """The same, filed by the asking bank, fifty days ago."""
    values = {"filed_by": BANK, "registered_unix": NOW - 50 * DAY, "sequence": 9}
    return registration(
        number, **({"secured_party": {"name": "Bank A", "identifiers": []}} | values | fields)
    )


def registered(world: World, *registrations: Mapping[str, Any], **answer: Any) -> World:
    """Lets the registry answer."""
    said = {
        "assignor": SUBJECT,
        "searched_names": [SELLER.name],
        "registrations": [dict(each) for each in registrations],
    }
    world.changes["registry"] = SourceAnswer(
        source="registry",
        institution="registry of Hua",
        state=SourceState.ANSWERED,
        as_of=world.now,
        digest="d" * 64,
        answers={SUBJECT: said | answer},
    )
    return world


def staged(world: World, stage: Stage) -> World:
    """The same at a later stage."""
    world.request = world.request.model_copy(update={"stage": stage})
    return world


def only(rule: str, overrides: Mapping[str, Any] | None = None) -> Profile:
    """The second profile with one rule."""
    profile = replace(RECEIVABLE_V2, rules=settings({rule: 1}))
    return profile.with_overrides({"rules": {rule: overrides}}) if overrides else profile


def judged(world: World, rule: str, **overrides: Any) -> list[Finding]:
    """What one rule finds, in order."""
    findings = list(evaluate(world.evidence(), only(rule, overrides)).findings)
    for item in findings:
        assert item.code in RULES[rule].codes | (GAP_CODES if item.outcome is Outcome.UNKNOWN else set())
        assert item.inputs, "every finding rests on something"
        assert item.message
    return findings


def codes(world: World, rule: str, **overrides: Any) -> list[tuple[str, str]]:
    """Outcome and code of what one rule finds, in order."""
    return [(item.outcome.value, item.code) for item in judged(world, rule, **overrides)]


def case_of(world: World) -> Case:
    """The indexed evidence."""
    return Case(world.evidence(), RECEIVABLE_V2.max_ages)
