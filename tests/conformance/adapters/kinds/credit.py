"""The credit bureau (征信) for the conformance suite."""

from __future__ import annotations

from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.sources.credit import CreditSource, ReportQuestion
from tests.conformance.adapters.kind import Kind
from tests.support.adapters import report_json


def _request(names: list[str], last: str = "consent-1") -> pb.GetReportsRequest:
    asked = [pb.ReportQuestion(subject_id=name, authorisation="consent-1") for name in names]
    if asked:
        asked[-1].authorisation = last
    return pb.GetReportsRequest(subjects=asked)


KIND = Kind(
    name="credit",
    service="CreditSourceService",
    batch=100,
    stub=lambda link: rpc.CreditSourceServiceStub(link).GetReports,
    request=_request,
    stream=lambda link: (
        rpc.CreditSourceServiceStub(link).StreamReports,
        lambda question: pb.StreamReportsRequest(question=question),
    ),
    field="reports",
    ask=lambda link, names, limits: CreditSource(link, limits).ask(
        [ReportQuestion(name, "consent-1") for name in names]
    ),
    data=lambda: report_json("test:INV-1"),
    broken=b'{"subject_id": "test:2"}',
    known="test:INV-1",
    is_known=lambda answer: bool(answer["known"]),
    wrong=lambda names: _request(names, ""),
)
