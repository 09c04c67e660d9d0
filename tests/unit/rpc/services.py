"""Small servicers over our real wire definitions, whose behaviour a test sets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc.aio

from consortium.identity.directory import Caller
from consortium.rpc.server import Permission, allow, current_caller
from consortium.wire.chanrong.industry.v1 import industry_pb2, industry_pb2_grpc
from consortium.wire.chanrong.sources.v1 import sources_pb2, sources_pb2_grpc

CHECK_INVOICES = "/chanrong.sources.v1.TaxSourceService/CheckInvoices"
CHECK_TAXPAYERS = "/chanrong.sources.v1.TaxSourceService/CheckTaxpayers"
RELEASE = "/chanrong.industry.v1.ReleaseService/Release"

OTHERS: dict[str, Permission | frozenset[str]] = {
    "/chanrong.sources.v1.TaxSourceService/GetSales": allow("gateway"),
    "/chanrong.sources.v1.TaxSourceService/StreamInvoices": allow("gateway"),
}
"""What the service has besides; nobody calls it here."""

PERMISSIONS: dict[str, Permission | frozenset[str]] = {
    **OTHERS,
    CHECK_INVOICES: allow("gateway", "operator"),
    CHECK_TAXPAYERS: allow("gateway", orgs={"BankAMSP"}),
    RELEASE: frozenset({"gateway"}),
}

Behaviour = Callable[[Any], Awaitable[Any]]


class Tax(sources_pb2_grpc.TaxSourceServiceServicer):
    """Answers with what ``behave`` returns; remembers who called."""

    def __init__(self) -> None:
        self.callers: list[Caller] = []
        self.behave: Callable[[], Awaitable[None]] | None = None

    async def CheckInvoices(
        self, request: sources_pb2.CheckInvoicesRequest, context: object
    ) -> sources_pb2.CheckInvoicesResponse:
        self.callers.append(current_caller())
        if self.behave is not None:
            await self.behave()
        return sources_pb2.CheckInvoicesResponse()

    async def CheckTaxpayers(
        self, request: sources_pb2.CheckTaxpayersRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> sources_pb2.CheckTaxpayersResponse:
        self.callers.append(current_caller())
        return sources_pb2.CheckTaxpayersResponse()

    async def GetSales(
        self, request: sources_pb2.GetSalesRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> sources_pb2.GetSalesResponse:
        raise NotImplementedError

    def StreamInvoices(
        self, request: sources_pb2.StreamInvoicesRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[sources_pb2.StreamInvoicesResponse]:
        raise NotImplementedError


class Releases(industry_pb2_grpc.ReleaseServiceServicer):
    """Streams two answers, then does what ``then`` says."""

    def __init__(self) -> None:
        self.callers: list[Caller] = []
        self.then: Callable[[], Awaitable[None]] | None = None
        self.ended = asyncio.Event()

    async def Release(
        self, request: industry_pb2.ReleaseRequest, context: object
    ) -> AsyncIterator[industry_pb2.ReleaseResponse]:
        self.callers.append(current_caller())
        try:
            yield industry_pb2.ReleaseResponse()
            yield industry_pb2.ReleaseResponse()
            if self.then is not None:
                await self.then()
        finally:
            self.ended.set()
