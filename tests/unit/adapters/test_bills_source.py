"""The client of the commercial-paper exchange: nonsense silences the question that it answers, and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from consortium.wire.chanrong.sources.v1 import bills_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2
from crossverify.adapters.parts import in_parts
from crossverify.answers import Gap, read
from crossverify.answers.bills import BillAnswer
from crossverify.evidence import SourceAnswer, SourceState
from crossverify.sources.asking import STREAM_FROM, AskingLimits
from crossverify.sources.bills import BillQuestion, BillsSource, questions_about
from crossverify.sources.digest import answer_digest
from crossverify.subranges import SubRange
from tests.support.adapters import AS_OF
from tests.support.bills import number, question
from tests.support.goods_world import bill
from tests.support.institutions import FakeChannel
from tests.support.trade_world import invoice

Change = Callable[[pb.BillAnswer], None]


def sound(asked: pb.BillQuestion) -> pb.BillAnswer:
    """A right answer to one question."""
    party = pb.BillParty(name="Somebody", identifiers=["uscc:1"])
    units = SubRange(asked.range_from, asked.range_to)
    return pb.BillAnswer(
        reference=asked.reference,
        known=True,
        package_number=asked.package_number,
        bill_kind="commercial",
        package_amount="1000",
        currency="CNY",
        package_units=100_000,
        issue_date="2026-04-10",
        acceptance_date="2026-04-10",
        due_date="2026-10-10",
        transferable=True,
        drawer=party,
        acceptor=party,
        payee=party,
        ranges=[
            pb.BillRange(
                range_from=units.first,
                range_to=units.last,
                amount=str(units.amount),
                status="CS03",
                circulation="TF0301",
                holder=party,
            )
        ],
    )


def signed(
    request: pb.CheckBillsRequest, answers: list[pb.BillAnswer], **fields: Any
) -> pb.CheckBillsResponse:
    response = pb.CheckBillsResponse(answers=answers)
    values = {"source": "bills", "institution": "Exchange", "as_of_unix": AS_OF, **fields}
    response.provenance.CopyFrom(sources_pb2.Provenance(**values))
    response.provenance.digest = answer_digest(request, response)
    return response


def exchange(change: Change | None = None, **fields: Any) -> BillsSource:
    """An exchange whose answer to the first question is spoilt."""

    def check(request: pb.CheckBillsRequest) -> pb.CheckBillsResponse:
        answers = [sound(each) for each in request.bills]
        if change is not None:
            change(answers[0])
        return signed(request, answers, **fields)

    def parts(request: pb.StreamBillsRequest) -> list[pb.StreamBillsResponse]:
        return [pb.StreamBillsResponse(part=each) for each in in_parts(check(request.question), "answers")]

    channel: Any = FakeChannel(CheckBills=check, StreamBills=parts)
    return BillsSource(channel, AskingLimits(), clock=lambda: AS_OF + 10)


async def two(source: BillsSource) -> tuple[BillAnswer | Gap, BillAnswer | Gap, SourceAnswer]:
    """Answers to two questions, as a rule sees them."""
    one, other = question(1), question(2)
    answer = await source.ask([one, other])
    if answer.state is not SourceState.ANSWERED:
        gap = Gap("SOURCE_SILENT", answer.reason, "bills")
        return gap, gap, answer
    found = [read(BillAnswer, answer, each.reference, "bills") for each in (one, other)]
    return found[0], found[1], answer


async def test_a_right_answer_is_taken() -> None:
    one, other, answer = await two(exchange())
    assert (answer.state, answer.institution, answer.as_of) == (SourceState.ANSWERED, "Exchange", AS_OF)
    assert isinstance(one, BillAnswer)
    assert isinstance(other, BillAnswer)
    assert [str(each.units) for each in one.ranges] == ["1,100000"]


def spoilt(**fields: Any) -> Change:
    def change(answer: pb.BillAnswer) -> None:
        for name, value in fields.items():
            setattr(answer, name, value)

    return change


def ranged(*ends: tuple[int, int], **fields: Any) -> Change:
    def change(answer: pb.BillAnswer) -> None:
        model = answer.ranges[0]
        made = []
        for first, last in ends:
            part = pb.BillRange()
            part.CopyFrom(model)
            part.range_from, part.range_to, part.amount = first, last, f"{(last - first + 1) / 100:.2f}"
            for name, value in fields.items():
                setattr(part, name, value)
            made.append(part)
        del answer.ranges[:]
        answer.ranges.extend(made)

    return change


def without(name: str) -> Change:
    return lambda answer: answer.ClearField(name)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (spoilt(package_number=number(7)), "another package"),
        (spoilt(package_number=""), "another package"),
        (spoilt(bill_kind="bank"), "of a commercial bill"),
        (spoilt(bill_kind="cheque"), "no kind of bill"),
        (spoilt(issue_date="2026-13-01"), "issue_date"),
        (spoilt(issue_date="2031-04-10", due_date="2031-10-10"), "in the future"),
        (spoilt(acceptance_date="2031-04-10"), "in the future"),
        (spoilt(due_date="2026-04-09"), "before its issue"),
        (spoilt(due_date=""), "missing"),
        (spoilt(package_amount="a lot"), "package_amount"),
        (spoilt(package_amount="-1000"), "units are not"),
        (spoilt(package_units=5), "units are not"),
        (without("acceptor"), "drawer and an acceptor"),
        (ranged((1, 60_000), (60_000, 100_000)), "overlap"),
        (ranged((50_001, 100_000), (1, 50_000)), "not in order"),
        (ranged((60_000, 1)), "inverted"),
        (ranged((0, 100_000)), "first and a last unit"),
        (ranged((1, 100_001)), "not within"),
        (ranged((1, 100_000), amount="999.99"), "are 1000.00 yuan"),
        (ranged((1, 100_000), status="CS09"), "no state of a bill"),
        (ranged((1, 100_000), status="CS06"), "no state of a bill"),
        (ranged((1, 100_000), circulation="TF0304"), "pledged to nobody"),
    ],
)
async def test_nonsense_silences_one_question(change: Change, why: str) -> None:
    one, other, answer = await two(exchange(change))
    assert answer.state is SourceState.ANSWERED
    assert isinstance(one, Gap)
    assert one.code == "ANSWER_UNREADABLE"
    assert why in one.message
    assert isinstance(other, BillAnswer)


async def test_an_answer_to_another_question() -> None:
    one, other, _ = await two(exchange(spoilt(reference="something else")))
    assert isinstance(one, Gap)
    assert one.code == "ANSWER_UNREADABLE"
    assert isinstance(other, BillAnswer)


async def test_units_that_were_not_asked_about() -> None:
    asked = BillQuestion(number(1), SubRange(1, 500))
    answer = await exchange(ranged((1, 501))).ask([asked, question(2)])
    found = read(BillAnswer, answer, asked.reference, "bills")
    assert isinstance(found, Gap)
    assert "beyond 1,500" in found.message


async def test_a_question_that_the_exchange_refuses() -> None:
    def refuse(answer: pb.BillAnswer) -> None:
        reference = answer.reference
        answer.Clear()
        answer.reference = reference
        answer.error.reason, answer.error.message = "QUESTION_INVALID", "no such number."

    one, other, _ = await two(exchange(refuse))
    assert isinstance(one, Gap)
    assert (one.code, "no such number" in one.message) == ("NOT_ANSWERED", True)
    assert isinstance(other, BillAnswer)


@pytest.mark.parametrize("fields", [{"source": "tax"}, {"institution": ""}, {"as_of_unix": AS_OF + 10_000}])
async def test_an_answer_from_elsewhere_or_from_the_future(fields: dict[str, Any]) -> None:
    answer = await exchange(**fields).ask([question()])
    assert answer.state is SourceState.SILENT


async def test_a_package_that_cannot_be() -> None:
    answer = await exchange().ask([BillQuestion("123", SubRange(1, 100)), question(2)])
    found = read(BillAnswer, answer, "123|1|100", "bills")
    assert isinstance(found, Gap)
    assert "30 digits" in found.message


async def test_long_answers_come_in_parts() -> None:
    asked = [question(serial) for serial in range(1, STREAM_FROM + 5)]
    answer = await exchange().ask(asked)
    assert (answer.state, len(answer.answers)) == (SourceState.ANSWERED, len(asked))


async def test_a_bill_is_asked_about_once() -> None:
    answer = await exchange().ask([question(1), question(1)])
    assert list(answer.answers) == [question(1).reference]


def test_questions_are_about_bills_alone() -> None:
    papers = [bill(1), invoice(), bill(1), bill(2, 5, 6)]
    assert [each.reference for each in questions_about(papers)] == [
        f"{number(1)}|1|100000",
        f"{number(2)}|5|6",
    ]
    assert questions_about(papers)[0].reference == papers[0].model_copy().reference  # type: ignore[attr-defined]


async def test_nothing_to_ask() -> None:
    answer = await exchange().ask([])
    assert (answer.state, answer.reason) == (SourceState.SILENT, "Nothing was asked.")
