"""CREDIT_STATUS, version 2: every identifier of the subject, and its registration."""

from __future__ import annotations

from typing import Any

import pytest

from consortium.documents.party import primary_id
from crossverify.rule import Effect
from tests.support.trade_world import SELLER, World, codes, codes2, judged2

RULE = "CREDIT_STATUS"
OWN = str(primary_id(SELLER))
LEI = "lei:5493001KJTIIGC8Y1R12"


def world(answers: dict[str, dict[str, Any]], identifiers: tuple[str, ...] = (OWN,)) -> World:
    made = World()
    made.credit = answers
    made.subject = made.subject.model_copy(update={"identifiers": identifiers})
    return made


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"past_overdue_count": 1},
        {"current_overdue_days": 1},
        {"under_enforcement": True},
        {"known": False},
    ],
    ids=str,
)
def test_it_says_what_version_1_says_of_one_fault(fields: dict[str, Any]) -> None:
    made = world({OWN: {"known": True, **fields}})
    assert codes2(made, RULE, 2) == codes(made, RULE)


@pytest.mark.parametrize(
    ("status", "expected", "effect"),
    [
        ("", ("PASS", "CLEAN"), Effect.INFORMATION),
        ("active", ("PASS", "CLEAN"), Effect.INFORMATION),
        ("suspended", ("WARN", "SUSPENDED"), Effect.REFER),
        ("revoked", ("FAIL", "ENDED"), Effect.REFER),
        ("deregistered", ("FAIL", "ENDED"), Effect.REFER),
        ("insolvent", ("FAIL", "ENDED"), Effect.REFER),
    ],
)
def test_registration(status: str, expected: tuple[str, str], effect: Effect) -> None:
    (finding,) = judged2(world({OWN: {"known": True, "status": status}}), RULE, 2)
    assert ((finding.outcome.value, finding.code), finding.effect) == (expected, effect)


def test_every_fault_is_told() -> None:
    report = {"known": True, "status": "insolvent", "current_overdue_days": 3, "past_overdue_count": 2}
    assert [code for _, code in codes2(world({OWN: report}), RULE, 2)] == ["ENDED", "OVERDUE", "PAST_OVERDUE"]


def test_the_file_may_be_under_any_identifier() -> None:
    answers: dict[str, dict[str, Any]] = {
        LEI: {"known": False},
        OWN: {"known": True, "current_overdue_days": 3},
    }
    for identifiers in ((LEI, OWN), (OWN, LEI)):
        assert codes2(world(answers, identifiers), RULE, 2) == [("FAIL", "OVERDUE")]


def test_no_file_under_any_of_them() -> None:
    answers = {LEI: {"known": False}, OWN: {"known": False}}
    assert codes2(world(answers, (LEI, OWN)), RULE, 2) == [("UNKNOWN", "NO_FILE")]


def test_a_question_without_an_answer_may_be_the_one_with_a_file() -> None:
    error = {"error": {"reason": "NOT_AUTHORISED", "message": "no authorisation"}}
    cases: list[dict[str, dict[str, Any]]] = [{LEI: {"known": False}, OWN: error}, {LEI: {"known": False}}]
    for answers in cases:
        ((outcome, code),) = codes2(world(answers, (LEI, OWN)), RULE, 2)
        assert (outcome, code) == ("UNKNOWN", "NOT_ANSWERED")


def test_a_report_on_relations_alone_says_nothing_of_credit() -> None:
    made = world({OWN: {"known": True, "relations_only": True, "status": "active"}})
    ((outcome, _),) = codes2(made, RULE, 2)
    assert outcome == "UNKNOWN"


def test_a_silent_bureau_is_unknown() -> None:
    made = world({OWN: {"known": True}})
    made.silence("credit")
    assert codes2(made, RULE, 2) == [("UNKNOWN", "SOURCE_SILENT")]
