"""The reference credit bureau."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

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


async def raw_report(credit: RunningAdapter, subject: str = SELLER, **values: Any) -> pb.CreditReport:
    asked = pb.ReportQuestion(subject_id=subject, **{"authorisation": "consent-1", **values})
    stub = rpc.CreditSourceServiceStub(credit.channel())
    response = await call(stub.GetReports, pb.GetReportsRequest(subjects=[asked]))
    report: pb.CreditReport = response.reports[0]
    return report


RELATED = [
    {"kind": "owner", "identifier": "person:P-1", "name": "Li Lei", "share_percent": "60"},
    {"kind": "controller", "identifier": BUYER, "name": "Buyer Co"},
    {"kind": "address", "identifier": "address:1  Road,  Shanghai"},
]


async def test_a_report_stays_and_what_is_derived_of_it_leaves(credit: RunningAdapter) -> None:
    await credit.load(
        report_json(
            current_overdue_days=12,
            past_overdue_count=3,
            under_enforcement=True,
            status="active",
            related=RELATED,
        )
    )
    assert (await raw_report(credit)).liabilities == "250000.5"
    found = await report_of(credit)
    related = found.pop("related")
    assert found == {
        "known": True,
        "current_overdue_days": 12,
        "past_overdue_count": 3,
        "under_enforcement": True,
        "status": "active",
    }
    assert [(each["kind"], each["identifier"], each["share_percent"]) for each in related] == [
        ("owner", "", "60"),
        ("controller", "", ""),
        ("address", "", ""),
    ]
    assert "Li Lei" not in str(related)
    assert "250000" not in str(found)
    assert (await report_of(credit, BUYER))["known"] is False


async def test_related_parties_are_the_same_within_one_request_alone(credit: RunningAdapter) -> None:
    shared = {"kind": "officer", "identifier": "person: P-1", "name": "Li Lei"}
    await credit.load([report_json(related=RELATED), report_json(BUYER, related=[shared])])
    source = CreditSource(credit.channel())
    asked = [ReportQuestion(SELLER, "c"), ReportQuestion(BUYER, "c", relations_only=True)]
    first, second = [(await source.ask(asked)).answers for _ in range(2)]
    owner, controller, _ = first[SELLER]["related"]
    assert first[BUYER]["related"][0]["key"] == owner["key"]
    assert controller["identifier"] == BUYER  # it stands in the package anyway
    assert second[SELLER]["related"][0]["key"] != owner["key"]
    assert first[BUYER] == {
        "known": True,
        "relations_only": True,
        "status": "",
        "related": first[BUYER]["related"],
    }


async def test_of_a_counterparty_no_credit_record_is_told(credit: RunningAdapter) -> None:
    await credit.load(report_json(current_overdue_days=12, status="insolvent", related=RELATED))
    report = await raw_report(credit, relations_only=True)
    assert (report.current_overdue_days, report.liabilities, report.currency) == (0, "", "")
    assert (report.status, len(report.related)) == ("insolvent", 3)


async def test_many_reports_come_in_parts(credit: RunningAdapter) -> None:
    await credit.load([report_json(f"uscc:{number}", past_overdue_count=number) for number in range(120)])
    asked = [ReportQuestion(f"uscc:{number}", "c") for number in range(120)]
    answer = await CreditSource(credit.channel()).ask(asked)
    assert [each["past_overdue_count"] for each in answer.answers.values()] == list(range(120))


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
        ({"status": "asleep"}, "status"),
        ({"related": [{"kind": "cousin", "identifier": "person:1"}]}, "related/0/kind"),
        ({"related": [{"kind": "owner", "identifier": "Li Lei"}]}, "related/0/identifier"),
        ({"related": [{"kind": "owner", "identifier": "person:1", "share_percent": "101"}]}, "share_percent"),
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
    assert (await raw_report(credit)).liabilities == "1234567890123456.78"


async def test_many_problems_are_counted_not_listed(credit: RunningAdapter) -> None:
    report = await credit.load("\n".join(["{}"] * 250))
    assert (len(report.problems), report.further_problems) == (200, 50)


async def test_no_report_without_authorisation_and_its_neighbours_have_theirs(credit: RunningAdapter) -> None:
    await credit.load([report_json(), report_json(BUYER)])
    answer = await CreditSource(credit.channel()).ask(
        [ReportQuestion(SELLER, ""), ReportQuestion(BUYER, "c")]
    )
    assert "authorisation" in answer.answers[SELLER]["error"]["message"]
    assert answer.answers[BUYER]["known"]
