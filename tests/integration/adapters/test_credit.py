"""The reference credit bureau."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from consortium.errors import InvalidInputError
from consortium.rpc.client import call
from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.sources.credit import CreditSource, ReportQuestion
from tests.support.adapters import AS_OF, BUYER, SELLER, RunningAdapter, adapter, report_json
from tests.support.certs import TestConsortium


@pytest.fixture
async def credit(consortium: TestConsortium, tmp_path: Path) -> AsyncIterator[RunningAdapter]:
    async with adapter("credit", consortium, tmp_path) as running:
        yield running


async def report_of(credit: RunningAdapter, subject: str = SELLER) -> dict[str, Any]:
    answer = await CreditSource(credit.channel()).ask([ReportQuestion(subject, "consent-1")])
    assert answer.reason == ""
    return answer.answers[subject]


async def test_a_report(credit: RunningAdapter) -> None:
    await credit.load(report_json(current_overdue_days=12, past_overdue_count=3, under_enforcement=True))
    assert await report_of(credit) == {
        "subject_id": SELLER,
        "known": True,
        "current_overdue_days": 12,
        "past_overdue_count": 3,
        "under_enforcement": True,
        "liabilities": "250000.5",
        "currency": "CNY",
    }
    assert (await report_of(credit, BUYER))["known"] is False


@pytest.mark.parametrize("form", ["single", "array", "lines"])
async def test_every_form_of_json(credit: RunningAdapter, form: str) -> None:
    reports = [report_json(), report_json(BUYER)]
    text = {
        "single": json.dumps(reports[0], indent=2),
        "array": json.dumps(reports),
        "lines": "\n".join(map(json.dumps, reports)),
    }[form]
    assert (await credit.load(text)).loaded == (1 if form == "single" else 2)


async def test_a_newer_report_replaces_an_older_one(credit: RunningAdapter) -> None:
    await credit.load(report_json(), as_of=AS_OF)
    assert (await credit.load(report_json(past_overdue_count=2), as_of=AS_OF + 1)).loaded == 1
    assert (await credit.load(report_json(), as_of=AS_OF)).unchanged == 1
    assert (await report_of(credit))["past_overdue_count"] == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"subject_id": "nobody"}, "subject_id"),
        ({"current_overdue_days": -1}, "current_overdue_days"),
        ({"current_overdue_days": 1.5}, "current_overdue_days"),
        ({"past_overdue_count": "2"}, "past_overdue_count"),
        ({"under_enforcement": 1}, "under_enforcement"),
        ({"liabilities": "-5"}, "liabilities"),
        ({"liabilities": "5.555"}, "liabilities"),
        ({"liabilities": "1e9"}, "liabilities"),
        ({"currency": "RMB"}, "currency"),
        ({"score": 700}, "score"),
    ],
)
async def test_a_wrong_report_is_refused_alone(
    credit: RunningAdapter, change: dict[str, Any], said: str
) -> None:
    lines = [json.dumps(report_json(**change)), json.dumps(report_json(BUYER))]
    report = await credit.load("\n".join(lines), name="reports.jsonl")
    assert report.loaded == 1
    (problem,) = report.problems
    assert problem.path == "reports.jsonl:1"
    assert said in problem.message
    assert problem.remedy


async def test_exact_json_numbers_are_taken(credit: RunningAdapter) -> None:
    text = json.dumps(report_json(liabilities="@")).replace('"@"', "1234567890123456.78")
    await credit.load(text)
    assert Decimal((await report_of(credit))["liabilities"]) == Decimal("1234567890123456.78")


async def test_many_problems_are_counted_not_listed(credit: RunningAdapter) -> None:
    report = await credit.load("\n".join(["{}"] * 250))
    assert (len(report.problems), report.further_problems) == (200, 50)


async def test_no_report_without_authorisation(credit: RunningAdapter) -> None:
    request = pb.GetReportsRequest(subjects=[pb.ReportQuestion(subject_id=SELLER)])
    with pytest.raises(InvalidInputError, match="authorisation"):
        await call(rpc.CreditSourceServiceStub(credit.channel()).GetReports, request)
