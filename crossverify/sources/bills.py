"""Questions to the commercial-paper exchange (票据交易所): in which state are these bills, and whose are they?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Self

import grpc.aio
from google.protobuf.message import Message
from pydantic import ValidationError

from consortium.documents import Bill, Document
from consortium.wire.chanrong.sources.v1 import bills_pb2 as pb
from consortium.wire.chanrong.sources.v1 import bills_pb2_grpc as rpc
from crossverify.answers.bills import BillAnswer
from crossverify.evidence import SourceAnswer
from crossverify.sources.asking import (
    STREAM_FROM,
    Asker,
    AskingLimits,
    Batch,
    WrongAnswerError,
    batches,
    latest_day,
)
from crossverify.subranges import PackageNumber, SubRange, reference_of

SOURCE: Final = "bills"
MAX_BILLS: Final = 1_000  # of one call


@dataclass(frozen=True, slots=True)
class BillQuestion:
    """One bill.

    :ivar package_number: 票据(包)号, 30 digits
    :ivar units: its sub-range (子票区间)
    """

    package_number: str
    units: SubRange

    @property
    def reference(self) -> str:
        """How the answer is found: "package number|from|to"."""
        return reference_of(self.package_number, self.units)

    @classmethod
    def of(cls, bill: Bill) -> Self:
        """The question about a bill."""
        return cls(bill.number, SubRange(bill.range_from, bill.range_to))


def questions_about(documents: Iterable[Document]) -> list[BillQuestion]:
    """Questions about all bills among some documents, each once."""
    found = (BillQuestion.of(each) for each in documents if isinstance(each, Bill))
    return list(dict.fromkeys(found))


class BillsSource:
    """Client of one exchange.

    :param channel: to its server (``consortium.rpc.client.channel``); stays the caller's to close
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        limits: AskingLimits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stub = rpc.BillSourceServiceStub(channel)
        self._asker = Asker(SOURCE, limits, clock)

    async def ask(self, bills: Sequence[BillQuestion]) -> SourceAnswer:
        """Ask about bills; never raises, see ``asking``.

        :param bills: asked about once each
        :returns: answers by the questions' references
        """
        wanted = list(dict.fromkeys(bills))
        return await self._asker.ask([self._batch(each) for each in batches(wanted, MAX_BILLS)])

    def _batch(self, questions: Sequence[BillQuestion]) -> Batch:
        streamed = len(questions) >= STREAM_FROM
        return Batch(
            method=self._stub.StreamBills if streamed else self._stub.CheckBills,
            request=pb.CheckBillsRequest(bills=[_message(each) for each in questions]),
            references=[each.reference for each in questions],
            field="answers",
            key="reference",
            check=_checker({each.reference: each for each in questions}, latest_day(self._asker.clock)),
            wrap=_in_parts if streamed else None,
        )


def _in_parts(request: Message) -> pb.StreamBillsRequest:
    assert isinstance(request, pb.CheckBillsRequest)
    return pb.StreamBillsRequest(question=request)


def _message(question: BillQuestion) -> pb.BillQuestion:
    return pb.BillQuestion(
        reference=question.reference,
        package_number=question.package_number,
        range_from=question.units.first,
        range_to=question.units.last,
    )


def _checker(asked: dict[str, BillQuestion], latest: date) -> Callable[[dict[str, Any]], None]:
    """Looks at one answer: it can be read, is about the bill that was asked about, about no more of it, and was drawn
    and accepted no later than ``latest``."""

    def check(answer: dict[str, Any]) -> None:
        question = asked[answer["reference"]]
        try:
            found = BillAnswer.model_validate(answer)
        except ValidationError as error:
            raise WrongAnswerError(_first(error)) from error
        if not found.known:
            return
        try:
            number = PackageNumber.parse(question.package_number)
        except ValueError as error:
            raise WrongAnswerError(f"it knows a package whose number is none: {error}.") from error
        if found.package_number != number.text:
            raise WrongAnswerError(f"it is about another package, {found.package_number[:40]!r}.")
        if found.bill_kind != number.kind:
            raise WrongAnswerError(
                f"the number is of a {number.kind} bill, the answer of a {found.bill_kind}."
            )
        for day in (found.issue_date, found.acceptance_date):
            if day is not None and day > latest:
                raise WrongAnswerError(f"it was drawn or accepted on {day}, in the future.")
        for each in found.ranges:
            if each.units.common(question.units) != each.units:
                raise WrongAnswerError(f"it tells of units {each.units}, beyond {question.units}.")

    return check


def _first(error: ValidationError) -> str:
    said = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = "/".join(str(step) for step in said["loc"])
    return f"{where or 'answer'}: {said['msg'].removeprefix('Value error, ')}."
