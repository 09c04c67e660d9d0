"""REGISTRY_OWN."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from crossverify.rule import Effect, Stage
from tests.support.registry_world import codes, judged, own, registered, registration, staged
from tests.support.trade_world import DAY, NOW, World, confirmation, fp, invoice

RULE = "REGISTRY_OWN"
DUE = NOW + 39 * DAY  # 2026-08-08 is the day of which this is noon


def world(*registrations: dict[str, Any], stage: Stage = Stage.BEFORE_FUNDING, **fields: Any) -> World:
    return registered(staged(World(invoice(**fields)), stage), *registrations)


def test_not_run_while_assessing() -> None:
    assert codes(world(stage=Stage.ASSESS), RULE) == []


@pytest.mark.parametrize(
    ("registrations", "before", "in_life"),
    [
        ([], "NOT_YET", "ABSENT"),
        ([registration()], "NOT_YET", "ABSENT"),
        ([own()], "REGISTERED", "REGISTERED"),
        ([own(description="发票号码:INV-2。")], "NOT_YET", "ABSENT"),
        ([own(description="现有及将有的全部应收账款")], "REGISTERED", "REGISTERED"),
        ([own(state="cancelled", cancelled_unix=NOW - DAY)], "NOT_YET", "ABSENT"),
        ([own(expires_unix=NOW - 1)], "NOT_YET", "ABSENT"),
        ([own(expires_unix=DUE - DAY)], "ENDS_BEFORE_DUE", "ENDS_BEFORE_DUE"),
        ([own(expires_unix=DUE + DAY)], "ENDS_SOON", "ENDS_SOON"),
        ([own(expires_unix=DUE + 92 * DAY)], "REGISTERED", "REGISTERED"),
        ([own(expires_unix=NOW - 1), own("R-2")], "REGISTERED", "REGISTERED"),
    ],
)
def test_outcomes(registrations: list[dict[str, Any]], before: str, in_life: str) -> None:
    assert [code for _, code in codes(world(*registrations), RULE)] == [before]
    assert [code for _, code in codes(world(*registrations, stage=Stage.IN_LIFE), RULE)] == [in_life]


def test_a_condition_precedent_is_no_finding_against_the_seller() -> None:
    (finding,) = judged(world(), RULE)
    assert (finding.outcome.value, finding.effect) == ("WARN", Effect.INFORMATION)
    (finding,) = judged(world(stage=Stage.IN_LIFE), RULE)
    assert (finding.outcome.value, finding.effect) == ("FAIL", Effect.REFER)


def test_the_banks_margin() -> None:
    found = world(own(expires_unix=DUE + 20 * DAY))
    assert [code for _, code in codes(found, RULE)] == ["ENDS_SOON"]
    assert [code for _, code in codes(found, RULE, margin_days=10)] == ["REGISTERED"]


def test_without_a_due_date_it_lasts_from_now() -> None:
    assert [c for _, c in codes(world(own(expires_unix=NOW + 100 * DAY), due_date=None), RULE)] == [
        "ENDS_BEFORE_DUE"
    ]
    assert [c for _, c in codes(world(own(expires_unix=NOW + 200 * DAY), due_date=None), RULE)] == [
        "REGISTERED"
    ]


def test_the_due_date_may_stand_on_the_debtors_confirmation() -> None:
    """A Chinese tax invoice says none."""
    found = world(own(expires_unix=DUE + 200 * DAY), due_date=None)
    later = confirmation("AP", due_date=date(2027, 6, 1))
    found.add(later)
    (finding,) = judged(found, RULE)
    assert finding.code == "ENDS_BEFORE_DUE"
    assert finding.inputs[1].document == fp(later)


def test_an_ended_one_is_named() -> None:
    (finding,) = judged(world(own(expires_unix=NOW - 1), stage=Stage.IN_LIFE), RULE)
    assert "R-OWN (expired)" in finding.message


def test_a_silent_registry_is_unknown() -> None:
    found = world()
    found.silence("registry")
    assert codes(found, RULE) == [("UNKNOWN", "SOURCE_SILENT")]
