"""The gRPC skeleton against real callers over mutual TLS on loopback."""

from __future__ import annotations

import asyncio
import datetime as dt

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from consortium.errors import (
    ChanrongError,
    ConfigurationError,
    ConflictError,
    DeniedError,
    InvalidInputError,
    NotFoundError,
    OutcomeUnknownError,
    OverloadedError,
    UnauthenticatedError,
    UnavailableError,
)
from consortium.identity.ca import CertificateAuthority
from consortium.identity.directory import Caller, Organisation, OrgDirectory
from consortium.rpc.client import call, channel, stream
from consortium.rpc.server import GrpcService, Limits, allow
from consortium.wire.chanrong.industry.v1 import industry_pb2, industry_pb2_grpc
from consortium.wire.chanrong.sources.v1 import sources_pb2, sources_pb2_grpc
from tests.support.certs import LOOPBACK, TestConsortium
from tests.unit.rpc.conftest import Serve
from tests.unit.rpc.services import CHECK_INVOICES, CHECK_TAXPAYERS, PERMISSIONS, RELEASE, Releases, Tax

INVOICES = sources_pb2.CheckInvoicesRequest()


async def test_the_caller_is_who_its_certificate_says(serve: Serve, certs: TestConsortium) -> None:
    server = await serve()
    stub = sources_pb2_grpc.TaxSourceServiceStub(server.link())
    await call(stub.CheckInvoices, INVOICES)
    assert server.tax.callers == [Caller("BankAMSP", "bank-a", "gateway")]


async def test_callers_of_concurrent_calls_do_not_mix(serve: Serve, certs: TestConsortium) -> None:
    server = await serve()
    arrived = 0
    all_in = asyncio.Event()

    async def meet() -> None:
        nonlocal arrived
        arrived += 1
        if arrived == 2:
            all_in.set()
        await all_in.wait()

    server.tax.behave = meet
    stubs = [
        sources_pb2_grpc.TaxSourceServiceStub(server.link(certs.tls(name, msp, "gateway")))
        for name, msp in (("bank-a", "BankAMSP"), ("industry-b", "IndustryBMSP"))
    ]
    await asyncio.gather(*(call(stub.CheckInvoices, INVOICES) for stub in stubs))
    assert {caller.org for caller in server.tax.callers} == {"BankAMSP", "IndustryBMSP"}


async def test_a_stream_knows_its_caller_and_ends(serve: Serve) -> None:
    server = await serve()
    stub = industry_pb2_grpc.ReleaseServiceStub(server.link())
    answers = [item async for item in stream(stub.Release, industry_pb2.ReleaseRequest())]
    assert len(answers) == 2
    assert server.releases.callers[0].org == "BankAMSP"


async def test_leaving_a_stream_ends_it_on_the_server(serve: Serve) -> None:
    server = await serve()
    server.releases.then = asyncio.Event().wait  # type: ignore[assignment]
    stub = industry_pb2_grpc.ReleaseServiceStub(server.link())
    answers = stream(stub.Release, industry_pb2.ReleaseRequest())
    await anext(answers)
    await answers.aclose()
    await asyncio.wait_for(server.releases.ended.wait(), 10)
