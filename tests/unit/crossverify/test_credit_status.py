"""CREDIT_STATUS: the bureau about the subject."""

from __future__ import annotations

from typing import Any

import pytest

from crossverify.rule import Effect, Finding
from tests.support.trade_world import DAY, World, judged


def reported(**fields: Any) -> World:
    world = World()
    (identifier,) = world.credit
    world.credit[identifier] = {"known": True} | fields
    return world


def found(world: World, **overrides: Any) -> Finding:
    (finding,) = judged(world, "CREDIT_STATUS", **overrides)
    assert finding.subject == ""
    return finding


@pytest.mark.parametrize(
    ("fields", "expected", "effect"),
    [
        ({}, ("PASS", "CLEAN"), Effect.INFORMATION),
        ({"past_overdue_count": 1}, ("WARN", "PAST_OVERDUE"), Effect.INFORMATION),
        ({"current_overdue_days": 1}, ("FAIL", "OVERDUE"), Effect.REFER),
        ({"under_enforcement": True}, ("FAIL", "ENFORCEMENT"), Effect.REFER),
        ({"known": False}, ("UNKNOWN", "NO_FILE"), Effect.REFER),
        ({"current_overdue_days": "some"}, ("UNKNOWN", "ANSWER_UNREADABLE"), Effect.REFER),
    ],
)
def test_reports(fields: dict[str, Any], expected: tuple[str, str], effect: Effect) -> None:
    finding = found(reported(**fields))
    assert ((finding.outcome.value, finding.code), finding.effect) == (expected, effect)
    assert finding.inputs[0].source == "credit"


@pytest.mark.parametrize(("days", "code"), [(5, "CLEAN"), (6, "OVERDUE")])
def test_days_come_from_the_profile(days: int, code: str) -> None:
    assert found(reported(current_overdue_days=days), max_current_overdue_days=5).code == code


@pytest.mark.parametrize(("count", "code"), [(2, "CLEAN"), (3, "PAST_OVERDUE")])
def test_past_debts_come_from_the_profile(count: int, code: str) -> None:
    assert found(reported(past_overdue_count=count), max_past_overdue=2).code == code


@pytest.mark.parametrize(("age", "code"), [(30 * DAY, "CLEAN"), (30 * DAY + 1, "SOURCE_STALE")])
def test_a_report_is_good_for_a_month(age: int, code: str) -> None:
    world = reported()
    world.age("credit", age)
    assert found(world).code == code


def test_a_bureau_that_says_nothing_is_unknown() -> None:
    world = reported()
    world.silence("credit")
    assert found(world).code == "SOURCE_SILENT"
    world.forget("credit")
    assert found(world).code == "NOT_ASKED"
    world = reported()
    world.credit.clear()
    assert found(world).code == "NOT_ANSWERED"
    world.subject = world.subject.model_copy(update={"identifiers": ()})
    assert found(world).code == "NO_IDENTIFIER"
