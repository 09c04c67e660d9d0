"""The reconciliation service, as every gateway offers it to its own operator."""

from __future__ import annotations

from typing import Any

from grpc import aio

from consortium.reconcile import breaks
from consortium.reconcile.jobs import JobResult, Jobs
from consortium.rpc.guard import current_caller
from consortium.storage.engine import Database
from consortium.wire.chanrong.reconciliation.v1 import reconciliation_pb2, reconciliation_pb2_grpc

METHODS = tuple(
    f"/chanrong.reconciliation.v1.ReconciliationService/{name}"
    for name in ("RunJobs", "ListBreaks", "ResolveBreak")
)

Context = aio.ServicerContext[Any, Any]


class ReconciliationService(reconciliation_pb2_grpc.ReconciliationServiceServicer):
    """Thin: messages in, messages out."""

    def __init__(self, database: Database, jobs: Jobs) -> None:
        self._database = database
        self._jobs = jobs

    async def RunJobs(
        self, request: reconciliation_pb2.RunJobsRequest, context: Context
    ) -> reconciliation_pb2.RunJobsResponse:
        """Runs jobs now."""
        results = await self._jobs.run_now(request.job)
        return reconciliation_pb2.RunJobsResponse(results=[_result(item) for item in results])

    async def ListBreaks(
        self, request: reconciliation_pb2.ListBreaksRequest, context: Context
    ) -> reconciliation_pb2.ListBreaksResponse:
        """Lists breaks."""
        async with self._database.read() as session:
            found = await breaks.listed(session, include_closed=request.include_closed)
        return reconciliation_pb2.ListBreaksResponse(breaks=[_break(item) for item in found])

    async def ResolveBreak(
        self, request: reconciliation_pb2.ResolveBreakRequest, context: Context
    ) -> reconciliation_pb2.ResolveBreakResponse:
        """Records a resolution."""
        async with self._database.write() as session:
            found = await breaks.resolve(session, request.break_id, request.resolution, current_caller().name)
        return reconciliation_pb2.ResolveBreakResponse(**{"break": _break(found)})


def _result(result: JobResult) -> reconciliation_pb2.JobResult:
    return reconciliation_pb2.JobResult(
        job=result.job,
        state=result.state,
        block_height=result.height,
        rows=result.rows,
        opened=result.opened,
        closed=result.closed,
        open=result.open,
        message=result.message,
    )


def _break(item: breaks.Break) -> reconciliation_pb2.Break:
    return reconciliation_pb2.Break(
        break_id=item.id,
        job=item.job,
        break_class=item.break_class,
        key=item.key,
        evidence=item.evidence,
        first_seen_unix=item.first_seen,
        last_seen_unix=item.last_seen,
        state=item.state,
        owner=item.owner,
        resolution=item.resolution,
    )
