"""Questions of the consortium -> questions to the institution -> answers with their source. Steps of every adapter:

1. refuse everything while paused, a batch that is too long, a question without the reference that its answer repeats;
2. ask the backend for all of the batch at once;
3. one answer per question, in order: values, ``known = false``, or ``error``, which costs that question alone;
4. sign off: the institution's name, its as-of time, the digest of question and answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.adapters.context import Context
from crossverify.adapters.ids import normal_id
from crossverify.adapters.institution import Institution, check_batch, check_text
from crossverify.adapters.parts import in_parts
from crossverify.adapters.template.backend import Backend, Failed, Record
from crossverify.sources.credit import MAX_SUBJECTS


class TemplateService(rpc.CreditSourceServiceServicer):
    """Answers what the finance gateways ask."""

    def __init__(self, institution: Institution, backend: Backend) -> None:
        self._institution = institution
        self._backend = backend

    async def GetReports(self, request: pb.GetReportsRequest, context: Context) -> pb.GetReportsResponse:
        """Report on each subject."""
        self._institution.check_answering()  # 1
        check_batch(len(request.subjects), MAX_SUBJECTS, "subjects")
        for index, question in enumerate(request.subjects):
            check_text(question.subject_id, f"subjects[{index}].subject_id")
        found = await self._backend.look_up(  # 2
            [(normal_id(each.subject_id), each.authorisation) for each in request.subjects]
        )
        response = pb.GetReportsResponse(  # 3
            reports=[
                _answer(each.subject_id, found.records.get(normal_id(each.subject_id)))
                for each in request.subjects
            ]
        )
        self._institution.sign_off(request, response, found.as_of)  # 4
        return response

    async def StreamReports(
        self, request: pb.StreamReportsRequest, context: Context
    ) -> AsyncIterator[pb.StreamReportsResponse]:
        """The same in parts, for long answers."""
        response = await self.GetReports(request.question, context)
        for part in in_parts(response, "reports"):
            yield pb.StreamReportsResponse(part=part)


def _answer(subject_id: str, record: Record | Failed | None) -> pb.CreditReport:
    if record is None:
        return pb.CreditReport(subject_id=subject_id, known=False)
    if isinstance(record, Failed):
        error = pb.QuestionError(reason=record.reason, message=record.message)
        return pb.CreditReport(subject_id=subject_id, error=error)
    return pb.CreditReport(
        subject_id=subject_id,
        known=True,
        current_overdue_days=record.current_overdue_days,
        past_overdue_count=record.past_overdue_count,
        under_enforcement=record.under_enforcement,
        liabilities=record.liabilities,
        currency=record.currency,
        status=record.status,
    )
