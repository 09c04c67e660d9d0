"""The commercial-paper exchange: what is loaded is what is answered, over real mutual TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from consortium.rpc.client import call
from consortium.wire.chanrong.sources.v1 import bills_pb2 as pb
from consortium.wire.chanrong.sources.v1 import bills_pb2_grpc as rpc
from crossverify.adapters.bills import load
from crossverify.answers.bills import BillAnswer
from crossverify.evidence import SourceState
from crossverify.sources.asking import STREAM_FROM
from crossverify.sources.bills import BillQuestion, BillsSource
from crossverify.subranges import SubRange
from tests.support.adapters import AS_OF, RunningAdapter, adapter
from tests.support.bills import HOLDER, OTHER, bill_party, number, package, question, units
from tests.support.certs import TestConsortium


@pytest.fixture
async def served(consortium: TestConsortium, tmp_path: Path) -> AsyncIterator[RunningAdapter]:
    async with adapter("bills", consortium, tmp_path) as running:
        yield running


async def told(served: RunningAdapter, *asked: BillQuestion) -> list[dict[str, Any]]:
    answer = await BillsSource(served.channel()).ask(list(asked))
    assert (answer.state, answer.reason) == (SourceState.ANSWERED, "")
    return [answer.answers[each.reference] for each in asked]


def shape(answer: dict[str, Any]) -> list[tuple[int, int, str, str]]:
    return [
        (each["range_from"], each["range_to"], each["circulation"], each["amount"])
        for each in answer["ranges"]
    ]


async def test_an_entry_is_told_in_full(served: RunningAdapter) -> None:
    pledged = units(40_001, 100_000, circulation="TF0304", pledgee=bill_party("Bank of Somewhere", OTHER))
    await served.load(package(1, units(1, 40_000), pledged, acceptor_overdue=True), as_of=AS_OF)
    (answer,) = await told(served, question())
    assert answer["known"]
    assert answer["acceptor_overdue"]
    assert answer["acceptor"]["bank_number"] == "102290000011"
    assert answer["package_amount"] == "1000"
    assert answer["package_units"] == 100_000
    assert shape(answer) == [(1, 40_000, "TF0301", "400"), (40_001, 100_000, "TF0304", "600")]
    typed = BillAnswer.model_validate(answer)
    assert typed.ranges[1].pledgee.identifiers == (OTHER,)
    assert typed.ranges[0].holder.identifiers == (HOLDER,)


async def test_a_split_leaves_the_rest_and_a_merge_is_told_as_one(served: RunningAdapter) -> None:
    await served.load(package(), as_of=AS_OF)
    sold = units(20_001, 50_000, holder=bill_party("Third Hand Trading", OTHER))
    await served.load(package(1, sold), as_of=AS_OF + 10)
    (answer,) = await told(served, question())
    assert [each[:2] for each in shape(answer)] == [(1, 20_000), (20_001, 50_000), (50_001, 100_000)]
    back = units(20_001, 50_000)
    await served.load(package(1, back), as_of=AS_OF + 20)
    (answer,) = await told(served, question())
    assert shape(answer) == [(1, 100_000, "TF0301", "1000")]


async def test_what_is_older_changes_nothing(served: RunningAdapter) -> None:
    await served.load(package(1, units(circulation="TF0302")), as_of=AS_OF)
    report = await served.load(package(1, units()), as_of=AS_OF - 10)
    assert (report.loaded, report.unchanged) == (0, 1)
    (answer,) = await told(served, question())
    assert shape(answer) == [(1, 100_000, "TF0302", "1000")]


async def test_only_the_part_asked_about_is_told(served: RunningAdapter) -> None:
    await served.load(package(1, units(1, 40_000), units(40_001, 100_000, circulation="TF0302")))
    (answer,) = await told(served, question(1, 30_001, 60_000))
    assert shape(answer) == [(30_001, 40_000, "TF0301", "100"), (40_001, 60_000, "TF0302", "200")]


async def test_units_that_the_exchange_does_not_have_are_missing(served: RunningAdapter) -> None:
    await served.load(package(1, units(1, 40_000)))
    (answer,) = await told(served, question(1, 30_001, 60_000))
    assert shape(answer) == [(30_001, 40_000, "TF0301", "100")]


async def test_a_package_that_cannot_be_divided_goes_as_a_whole(served: RunningAdapter) -> None:
    old = package(1, units(0, 0), divisible=False, package_number=number(1, first="2"))
    await served.load(old)
    asked = BillQuestion(number(1, first="2"), SubRange(0, 0))
    (answer,) = await told(served, asked)
    assert (answer["package_units"], shape(answer)) == (0, [(0, 0, "TF0301", "1000")])


async def test_one_wrong_question_does_not_silence_the_others(served: RunningAdapter) -> None:
    await served.load(package())
    wrong = BillQuestion("12345", SubRange(1, 2))
    inverted = BillQuestion(number(), SubRange(5, 2))
    one, other, good = await told(served, wrong, inverted, question())
    assert one["error"] == {"reason": "QUESTION_INVALID", "message": "a package number has 30 digits."}
    assert "inverted" in other["error"]["message"]
    assert good["known"]


async def test_many_bills_are_answered_in_parts(served: RunningAdapter) -> None:
    count = STREAM_FROM + 7
    await served.load([package(serial) for serial in range(1, count)])
    asked = [question(serial) for serial in range(1, count + 1)]
    answers = await told(served, *asked)
    assert [each["known"] for each in answers] == [True] * (count - 1) + [False]


async def test_parts_are_the_answer_of_one_call(served: RunningAdapter) -> None:
    await served.load([package(serial) for serial in range(1, 151)])
    stub = rpc.BillSourceServiceStub(served.channel())
    request = pb.CheckBillsRequest(
        bills=[pb.BillQuestion(reference=str(n), package_number=number(n)) for n in range(1, 151)]
    )
    whole = await call(stub.CheckBills, request)
    parts = [
        each.part async for each in stub.StreamBills(pb.StreamBillsRequest(question=request), timeout=20)
    ]
    assert len(parts) > 1
    joined = pb.CheckBillsResponse()
    for part in parts:
        joined.MergeFrom(part)
    assert joined == whole


@pytest.mark.parametrize(
    ("record", "what"),
    [
        (package(1, units(1, 50_000), units(50_000, 100_000)), "overlap"),
        (package(1, units(50_000, 1)), "inverted"),
        (package(1, units(1, 100_001)), "ends behind"),
        (package(1, units(0, 0)), "has sub-ranges"),
        (package(divisible=False), "goes as a whole"),
        (package(package_number="6" * 29), "30 digits"),
        (package(package_number=number(day="20261341")), "are no day"),
        (package(package_number="9" + number()[1:]), "no kind of bill"),
        (package(package_number=number(first="1")), "former system"),
        (package(due_date="2026-04-01"), "before its issue"),
        (package(package_amount="1000.001"), "units of 0.01"),
        (package(1, units(circulation="TF0304")), "pledgee"),
        (package(1, units(status="CS06")), "is never"),
        (package(1, units(status="CS07")), "status"),
        (package(colour="red"), "colour"),
    ],
)
async def test_what_cannot_be_is_refused(served: RunningAdapter, record: dict[str, Any], what: str) -> None:
    report = await served.load(record)
    assert report.loaded == 0
    (problem,) = report.problems
    assert what in problem.message


async def test_two_records_of_one_file_do_not_contradict_each_other(served: RunningAdapter) -> None:
    report = await served.load([package(1, units(1, 60_000)), package(1, units(50_001, 70_000))])
    assert (report.loaded, len(report.problems)) == (1, 1)
    assert report.problems[0].path == "data[1]"
    assert "overlaps" in report.problems[0].message


async def test_the_amount_of_a_package_never_changes(served: RunningAdapter) -> None:
    await served.load(package(), as_of=AS_OF)
    report = await served.load(package(1, units(1, 10), package_amount="2000"), as_of=AS_OF + 1)
    assert "package_amount" in report.problems[0].message
    (answer,) = await told(served, question())
    assert answer["package_amount"] == "1000"


async def test_only_banks_ask(served: RunningAdapter) -> None:
    channel = served.channel("InstitutionsMSP", "operator")
    answer = await BillsSource(channel).ask([question()])
    assert answer.state is SourceState.SILENT
    assert "PERMISSION_DENIED" in answer.reason or "DENIED" in answer.reason


async def test_a_paused_exchange_is_silent(served: RunningAdapter) -> None:
    await served.pause()
    answer = await BillsSource(served.channel()).ask([question()])
    assert (answer.state, answer.reason[:18]) == (SourceState.SILENT, "INSTITUTION_PAUSED")


async def test_the_entry_that_the_loader_shows(served: RunningAdapter) -> None:
    assert load.__doc__ is not None
    shown = load.__doc__.partition("```json")[2].partition("```")[0]
    report = await served.load(shown)
    assert (report.loaded, list(report.problems)) == (1, [])
    (answer,) = await told(served, question())
    assert shape(answer) == [(1, 40_000, "TF0301", "400"), (40_001, 100_000, "TF0304", "600")]
