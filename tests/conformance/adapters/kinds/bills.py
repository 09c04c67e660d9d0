"""The commercial-paper exchange (票交所) for the conformance suite."""

from __future__ import annotations

import grpc.aio

from consortium.wire.chanrong.sources.v1 import bills_pb2 as pb
from consortium.wire.chanrong.sources.v1 import bills_pb2_grpc as rpc
from crossverify.evidence import SourceAnswer
from crossverify.sources.asking import AskingLimits
from crossverify.sources.bills import BillsSource
from tests.conformance.adapters.kind import Kind
from tests.support.bills import named, package


async def _ask(link: grpc.aio.Channel, names: list[str], limits: AskingLimits) -> SourceAnswer:
    """Bills are named by package number and sub-range; the suite names them as it likes."""
    asked = {name: named(name) for name in names}
    answer = await BillsSource(link, limits).ask(list(asked.values()))
    answers = {
        name: answer.answers[each.reference]
        for name, each in asked.items()
        if each.reference in answer.answers
    }
    return answer.model_copy(update={"answers": answers})


def _request(names: list[str], last: str | None = None) -> pb.CheckBillsRequest:
    asked = [pb.BillQuestion(reference=name, package_number=named(name).package_number) for name in names]
    if asked and last is not None:
        asked[-1].package_number = last
    return pb.CheckBillsRequest(bills=asked)


KIND = Kind(
    name="bills",
    service="BillSourceService",
    batch=1_000,
    stub=lambda link: rpc.BillSourceServiceStub(link).CheckBills,
    request=_request,
    stream=lambda link: (
        rpc.BillSourceServiceStub(link).StreamBills,
        lambda question: pb.StreamBillsRequest(question=question),
    ),
    field="answers",
    ask=_ask,
    data=lambda: package(1),
    broken=b'{"package_number": "12345"}',
    known="bill:1",
    is_known=lambda answer: bool(answer["known"]),
    wrong=lambda names: _request(names, "twelve"),
)
