"""The gRPC side: who may call what, and the way from messages to use cases and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio

from consortium.errors import DeniedError, InvalidInputError
from consortium.identity.directory import Caller
from consortium.reconcile.service import METHODS as RECONCILIATION_METHODS
from consortium.rpc.guard import current_caller
from consortium.rpc.permissions import Permission, allow
from consortium.wire.chanrong.industry.v1 import industry_pb2, industry_pb2_grpc
from industry_gateway import wire
from industry_gateway.consent.consents import Consents
from industry_gateway.financing.requests import Asked, FinancingRequests
from industry_gateway.intake.push import Intake
from industry_gateway.intake.status import Statuses
from industry_gateway.parties.directory import PartyDirectory, Tenant
from industry_gateway.parties.registry import PartyRegistry
from industry_gateway.release.release import ReleaseQuestion, Releases

MAX_PUSH_SOURCES = 1_000
"""Documents of one Push call; more go in several calls, or as NDJSON over REST."""

Context = grpc.aio.ServicerContext[Any, Any]

_PACKAGE = "chanrong.industry.v1"


def permissions(msp_id: str) -> dict[str, Permission]:
    """Every method with those who may call it; what is not here is denied.

    :param msp_id: this gateway's organisation: its ERPs and operators are its own
    """
    erp = allow("erp", orgs={msp_id})
    operator = allow("operator", orgs={msp_id})
    others_gateway = allow("gateway", orgs=lambda caller: caller.org != msp_id)
    erp_or_bank = allow(
        "erp", "gateway", orgs=lambda caller: (caller.role == "erp") == (caller.org == msp_id)
    )
    table = {
        "IntakeService/Push": erp,
        "IntakeService/GetDocuments": erp,
        "PartyService/RegisterParty": operator,
        "PartyService/ListParties": operator,
        "ConsentService/Grant": erp,
        "ConsentService/Revoke": erp,
        "ConsentService/ListConsents": erp,
        "ReleaseService/Release": others_gateway,
        "FinancingRequestService/RequestFinancing": erp,
        "FinancingRequestService/ListFinancingRequests": erp_or_bank,
    }
    listed = {f"/{_PACKAGE}.{method}": permission for method, permission in table.items()}
    return listed | dict.fromkeys(RECONCILIATION_METHODS, operator)


def tenant_of(directory: PartyDirectory, caller: Caller) -> Tenant:
    """The registered party that a caller is: its certificate's or token's name is the party's alias.

    :raises DeniedError: when no party of this name is registered
    """
    tenant = directory.alias(caller.name)
    if tenant is None:
        raise DeniedError(
            "The caller is not a registered party of this gateway.",
            reason="UNKNOWN_PARTY",
            remedy="Ask the gateway's operator to register you under the name in your certificate.",
        )
    return tenant


class IntakeService(industry_pb2_grpc.IntakeServiceServicer):
    """For ERPs: hand documents in, see where they are."""

    def __init__(self, intake: Intake, statuses: Statuses, directory: PartyDirectory) -> None:
        self._intake = intake
        self._statuses = statuses
        self._directory = directory

    async def Push(self, request: industry_pb2.PushRequest, context: Context) -> industry_pb2.PushResponse:
        """Hands in documents."""
        tenant = tenant_of(self._directory, current_caller())
        if len(request.documents) > MAX_PUSH_SOURCES:
            raise InvalidInputError(
                f"One call takes at most {MAX_PUSH_SOURCES} documents.", reason="TOO_LARGE"
            )
        done = await self._intake.push(tenant, wire.sources(request.documents), request.idempotency_key)
        return industry_pb2.PushResponse(
            results=[wire.result(each) for each in done.outcomes], push_id=done.push_id
        )

    async def GetDocuments(
        self, request: industry_pb2.GetDocumentsRequest, context: Context
    ) -> industry_pb2.GetDocumentsResponse:
        """Tells where documents are."""
        tenant = tenant_of(self._directory, current_caller())
        if bool(request.push_id) == bool(request.document_ids):
            raise InvalidInputError("Name a push or documents, one of the two.")
        if request.push_id:
            _, statuses = await self._statuses.push(tenant, request.push_id)
            found = list(statuses.values())
        else:
            found = await self._statuses.documents(tenant, request.document_ids)
        return industry_pb2.GetDocumentsResponse(documents=[wire.status(each) for each in found])


class PartyService(industry_pb2_grpc.PartyServiceServicer):
    """For the operator: the parties that this gateway vouches for."""

    def __init__(self, registry: PartyRegistry, directory: PartyDirectory) -> None:
        self._registry = registry
        self._directory = directory

    async def RegisterParty(
        self, request: industry_pb2.RegisterPartyRequest, context: Context
    ) -> industry_pb2.RegisterPartyResponse:
        """Makes a party known."""
        tenant, secret = await self._registry.register(
            request.alias, request.name, request.identifiers, request.public_key
        )
        return industry_pb2.RegisterPartyResponse(party=wire.party(tenant), client_secret=secret)

    async def ListParties(
        self, request: industry_pb2.ListPartiesRequest, context: Context
    ) -> industry_pb2.ListPartiesResponse:
        """Lists all parties."""
        return industry_pb2.ListPartiesResponse(parties=[wire.party(each) for each in self._directory.all()])


class ConsentService(industry_pb2_grpc.ConsentServiceServicer):
    """For ERPs: their own consents."""

    def __init__(self, consents: Consents, directory: PartyDirectory) -> None:
        self._consents = consents
        self._directory = directory

    async def Grant(self, request: industry_pb2.GrantRequest, context: Context) -> industry_pb2.GrantResponse:
        """Records a consent."""
        tenant = tenant_of(self._directory, current_caller())
        found = await self._consents.grant(tenant, request.statement, request.signature, request.key_number)
        return industry_pb2.GrantResponse(consent=wire.consent(found))

    async def Revoke(
        self, request: industry_pb2.RevokeRequest, context: Context
    ) -> industry_pb2.RevokeResponse:
        """Records a withdrawal."""
        tenant = tenant_of(self._directory, current_caller())
        found = await self._consents.revoke(tenant, request.statement, request.signature, request.key_number)
        return industry_pb2.RevokeResponse(consent=wire.consent(found))

    async def ListConsents(
        self, request: industry_pb2.ListConsentsRequest, context: Context
    ) -> industry_pb2.ListConsentsResponse:
        """Lists the caller's consents."""
        tenant = tenant_of(self._directory, current_caller())
        found = await self._consents.list(tenant)
        return industry_pb2.ListConsentsResponse(consents=[wire.consent(each) for each in found])


class ReleaseService(industry_pb2_grpc.ReleaseServiceServicer):
    """For banks' gateways: documents under a live consent."""

    def __init__(self, releases: Releases, msp_id: str) -> None:
        self._releases = releases
        self._msp_id = msp_id

    async def Release(
        self, request: industry_pb2.ReleaseRequest, context: Context
    ) -> AsyncIterator[industry_pb2.ReleaseResponse]:
        """Streams documents."""
        question = ReleaseQuestion(
            subject=request.subject,
            consent_id=request.consent_id,
            purpose=request.purpose,
            fingerprints=tuple(request.fingerprints),
        )
        async for page in self._releases.release(current_caller(), question):
            yield industry_pb2.ReleaseResponse(
                documents=[wire.disclosed(each, self._msp_id) for each in page]
            )


class FinancingRequestService(industry_pb2_grpc.FinancingRequestServiceServicer):
    """For ERPs to ask, and for banks to see what they are asked."""

    def __init__(self, requests: FinancingRequests, directory: PartyDirectory) -> None:
        self._requests = requests
        self._directory = directory

    async def RequestFinancing(
        self, request: industry_pb2.RequestFinancingRequest, context: Context
    ) -> industry_pb2.RequestFinancingResponse:
        """Files a request."""
        tenant = tenant_of(self._directory, current_caller())
        asked = Asked(
            bank=request.bank,
            fingerprints=tuple(request.fingerprints),
            amount=request.amount,
            currency=request.currency,
            consent_id=request.consent_id,
        )
        filed = await self._requests.file(tenant, asked, request.idempotency_key)
        return industry_pb2.RequestFinancingResponse(request=wire.financing_request(filed))

    async def ListFinancingRequests(
        self, request: industry_pb2.ListFinancingRequestsRequest, context: Context
    ) -> industry_pb2.ListFinancingRequestsResponse:
        """Lists an applicant's own requests, or those that are addressed to a bank."""
        caller = current_caller()
        if caller.role == "erp":
            found = await self._requests.of_applicant(tenant_of(self._directory, caller))
        else:
            found = await self._requests.to_bank(caller.org)
        return industry_pb2.ListFinancingRequestsResponse(
            requests=[wire.financing_request(each) for each in found]
        )
