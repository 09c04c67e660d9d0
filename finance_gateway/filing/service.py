"""The gRPC side of filings."""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.json_format import ParseDict
from grpc import aio

from consortium.rpc.guard import current_caller
from consortium.rpc.permissions import Permission, allow
from consortium.wire.chanrong.finance.v1 import registry_pb2 as pb
from consortium.wire.chanrong.finance.v1 import registry_pb2_grpc as rpc
from consortium.wire.chanrong.sources.v1 import registry_pb2 as sources_pb
from crossverify.evidence import SourceAnswer
from finance_gateway.filing.usecase import AmendWanted, FileWanted, Filing, Filings

Context = aio.ServicerContext[Any, Any]

SERVICE: Final = "chanrong.finance.v1.RegistryService"


def registry_permissions(msp_id: str) -> dict[str, Permission]:
    """Who may call which method: officers file, operators may look as well."""
    own = {msp_id}
    table = {
        f"/{SERVICE}/{name}": allow("bank", orgs=own)
        for name in ("FileAssets", "AmendFiling", "CancelFiling")
    }
    return table | {
        f"/{SERVICE}/{name}": allow("bank", "operator", orgs=own)
        for name in ("SearchRegistry", "ListFilings")
    }


class RegistryService(rpc.RegistryServiceServicer):
    """Filings of this bank."""

    def __init__(self, filings: Filings) -> None:
        self._filings = filings

    async def SearchRegistry(
        self, request: pb.SearchRegistryRequest, context: Context
    ) -> pb.SearchRegistryResponse:
        """Searches the registry."""
        return search_message(await self._filings.search(request.assignor, list(request.names)))

    async def FileAssets(self, request: pb.FileAssetsRequest, context: Context) -> pb.FileAssetsResponse:
        """Files assets of a package."""
        wanted = FileWanted(
            request.package_id, tuple(request.fingerprints), request.kind, request.term_months
        )
        if request.preview:
            filing = await self._filings.preview(wanted)
        else:
            filing = await self._filings.file(wanted, request.idempotency_key, current_caller())
        return pb.FileAssetsResponse(filing=filing_message(filing))

    async def AmendFiling(self, request: pb.AmendFilingRequest, context: Context) -> pb.AmendFilingResponse:
        """Changes a registration."""
        wanted = AmendWanted(
            request.registration,
            request.kind,
            request.description,
            request.term_months,
            request.package_id,
            tuple(request.fingerprints),
        )
        filing = await self._filings.amend(wanted, request.idempotency_key, current_caller())
        return pb.AmendFilingResponse(filing=filing_message(filing))

    async def CancelFiling(
        self, request: pb.CancelFilingRequest, context: Context
    ) -> pb.CancelFilingResponse:
        """Ends a registration."""
        filing = await self._filings.cancel(
            request.registration, request.reason, request.idempotency_key, current_caller()
        )
        return pb.CancelFilingResponse(filing=filing_message(filing))

    async def ListFilings(self, request: pb.ListFilingsRequest, context: Context) -> pb.ListFilingsResponse:
        """Lists filings."""
        found = await self._filings.listed(request.registration, request.fingerprint)
        return pb.ListFilingsResponse(filings=[filing_message(each) for each in found])


def filing_message(filing: Filing) -> pb.FilingRecord:
    """A filing as the interface shows it."""
    row = filing.row
    return pb.FilingRecord(
        filing_id="" if row.state == "preview" else row.filing_id,
        act=row.act,
        state=row.state,
        registration=row.registration,
        description=filing.description,
        kind=row.kind,
        term_months=row.term_months,
        fingerprints=row.fingerprints,
        registered_unix=row.registered,
        expires_unix=row.expires,
        reason=row.reason,
        message=row.message,
        operation_id="" if row.state == "preview" else row.operation_id,
        created_unix=row.created,
        requested_by=row.requested_by,
    )


def search_message(answer: SourceAnswer) -> pb.SearchRegistryResponse:
    """What the registry said, as the interface shows it."""
    said = next(iter(answer.answers.values()), None)
    found = sources_pb.AssignorAnswer()
    if said is not None:
        ParseDict(said, found)
    return pb.SearchRegistryResponse(
        state=answer.state.value,
        reason=answer.reason or (found.error.message if found.HasField("error") else ""),
        as_of_unix=answer.as_of,
        institution=answer.institution,
        answer=found,
        digest=answer.digest,
    )
