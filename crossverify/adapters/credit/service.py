"""Answers the questions to the reference credit bureau: one query per batch.

Every question names the authorisation (consent) under which it is asked: without one there is no report
(征信业管理条例, art. 18). The bureau keeps no copy of it here; the asking bank answers for it.
"""

from __future__ import annotations

from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.adapters.context import Context
from crossverify.adapters.credit import store
from crossverify.adapters.credit.load import REPORTS
from crossverify.adapters.ids import normal_id
from crossverify.adapters.institution import Institution, check_batch, check_text
from crossverify.sources.credit import MAX_SUBJECTS


class CreditService(rpc.CreditSourceServiceServicer):
    """Questions to the credit bureau."""

    def __init__(self, institution: Institution) -> None:
        self._institution = institution

    async def GetReports(self, request: pb.GetReportsRequest, context: Context) -> pb.GetReportsResponse:
        """Report on each subject."""
        self._institution.check_answering()
        check_batch(len(request.subjects), MAX_SUBJECTS, "subjects")
        for index, question in enumerate(request.subjects):
            check_text(question.subject_id, f"subjects[{index}].subject_id")
            check_text(question.authorisation, f"subjects[{index}].authorisation")
        async with self._institution.database.read() as session:
            as_of = await self._institution.as_of(session, REPORTS)
            known = await store.find(session, [normal_id(each.subject_id) for each in request.subjects])
        response = pb.GetReportsResponse(
            reports=[_report(each.subject_id, known) for each in request.subjects]
        )
        self._institution.sign_off(request, response, as_of)
        return response


def _report(subject_id: str, known: dict[str, dict[str, object]]) -> pb.CreditReport:
    row = known.get(normal_id(subject_id))
    if row is None:
        return pb.CreditReport(subject_id=subject_id, known=False)
    return pb.CreditReport(
        subject_id=subject_id,
        known=True,
        current_overdue_days=int(str(row["current_overdue_days"])),
        past_overdue_count=int(str(row["past_overdue_count"])),
        under_enforcement=bool(row["under_enforcement"]),
        liabilities=str(row["liabilities"]),
        currency=str(row["currency"]),
    )
