"""Answers the questions to the reference credit bureau: one query per batch.

Every question names the authorisation (consent) under which it is asked: without one there is no report
(征信业管理条例, art. 18). The bureau keeps no copy of it here; the asking bank answers for it. Of a counterparty, whose
authorisation nobody has, only what a business register shows is told: status and related parties.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, Final

from consortium.errors import InvalidInputError
from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.adapters.context import Context
from crossverify.adapters.credit import store
from crossverify.adapters.credit.load import REPORTS
from crossverify.adapters.ids import normal_id
from crossverify.adapters.institution import Institution, check_batch, check_text, question_error
from crossverify.adapters.parts import in_parts
from crossverify.sources.credit import MAX_SUBJECTS

REPORTS_OF_A_PART: Final = 10


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
        async with self._institution.database.read() as session:
            as_of = await self._institution.as_of(session, REPORTS)
            known = await store.find(session, [normal_id(each.subject_id) for each in request.subjects])
        response = pb.GetReportsResponse(
            reports=[_report(index, each, known) for index, each in enumerate(request.subjects)]
        )
        self._institution.sign_off(request, response, as_of)
        return response

    async def StreamReports(
        self, request: pb.StreamReportsRequest, context: Context
    ) -> AsyncIterator[pb.StreamReportsResponse]:
        """As ``GetReports``, in parts."""
        response = await self.GetReports(request.question, context)
        for part in in_parts(response, "reports", REPORTS_OF_A_PART):
            yield pb.StreamReportsResponse(part=part)


def _report(index: int, question: pb.ReportQuestion, known: dict[str, dict[str, Any]]) -> pb.CreditReport:
    subject_id = question.subject_id
    try:
        check_text(question.authorisation, f"subjects[{index}].authorisation")
    except InvalidInputError as error:
        return pb.CreditReport(subject_id=subject_id, error=question_error(error))
    row = known.get(normal_id(subject_id))
    if row is None:
        return pb.CreditReport(subject_id=subject_id, known=False)
    report = pb.CreditReport(
        subject_id=subject_id,
        known=True,
        status=row["status"],
        related=[pb.RelatedParty(**each) for each in json.loads(row["related"])],
    )
    if not question.relations_only:
        report.current_overdue_days = row["current_overdue_days"]
        report.past_overdue_count = row["past_overdue_count"]
        report.under_enforcement = row["under_enforcement"]
        report.liabilities = row["liabilities"]
        report.currency = row["currency"]
    return report
