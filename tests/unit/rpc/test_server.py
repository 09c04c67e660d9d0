"""The gRPC skeleton against real callers over mutual TLS on loopback."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any, cast

import grpc
import grpc.aio
import pytest
import structlog
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
from consortium.identity.directory import Caller, OrgDirectory
from consortium.rpc.client import call, channel, stream
from consortium.rpc.server import PUBLIC, GrpcService, Limits, allow, current_caller
from consortium.wire.chanrong.industry.v1 import industry_pb2, industry_pb2_grpc
from consortium.wire.chanrong.sources.v1 import sources_pb2, sources_pb2_grpc
from tests.support.certs import LOOPBACK, TestConsortium
from tests.unit.rpc.conftest import Serve
from tests.unit.rpc.services import CHECK_INVOICES, CHECK_TAXPAYERS, OTHERS, PERMISSIONS, Releases, Tax

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


async def test_a_certificate_of_a_foreign_ca_does_not_get_in(serve: Serve, certs: TestConsortium) -> None:
    server = await serve()
    stranger = CertificateAuthority.create("tlsca.bankamsp", "BankAMSP")
    issued = stranger.issue("bank-a", ou="gateway", sans=LOOPBACK)
    stub = sources_pb2_grpc.TaxSourceServiceStub(server.link(certs.save_tls(certs.root / "stranger", issued)))
    with pytest.raises((UnavailableError, OutcomeUnknownError)):
        await call(stub.CheckInvoices, INVOICES, timeout_s=10)
    assert server.tax.callers == []


async def test_a_client_without_a_certificate_does_not_get_in(serve: Serve, certs: TestConsortium) -> None:
    server = await serve()
    credentials = grpc.ssl_channel_credentials(certs.directory.bundle())
    async with grpc.aio.secure_channel(f"127.0.0.1:{server.port}", credentials) as link:
        stub = sources_pb2_grpc.TaxSourceServiceStub(link)
        with pytest.raises((UnavailableError, OutcomeUnknownError)):
            await call(stub.CheckInvoices, INVOICES, timeout_s=10)
    assert server.tax.callers == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"ou": "erp"}, "CERTIFICATE_ROLE_NOT_ALLOWED"),
        ({"ou": "gateway", "organisation": "BankBMSP"}, "CERTIFICATE_FOREIGN_ORGANISATION"),
    ],
)
async def test_a_certificate_that_says_too_much_is_nobody(
    serve: Serve, certs: TestConsortium, options: dict[str, str], reason: str
) -> None:
    server = await serve()
    issued = certs.orgs["BankAMSP"].tls_ca.issue("bank-a", sans=LOOPBACK, **options)  # type: ignore[arg-type]
    stub = sources_pb2_grpc.TaxSourceServiceStub(server.link(certs.save_tls(certs.root / reason, issued)))
    with pytest.raises(UnauthenticatedError) as caught:
        await call(stub.CheckInvoices, INVOICES)
    assert caught.value.reason == reason
    assert server.tax.callers == []


async def test_a_certificate_that_expires_while_connected_ends_to_count(
    serve: Serve, certs: TestConsortium
) -> None:
    now = dt.datetime.now(dt.UTC)
    directory = OrgDirectory(certs.directory.organisations.values(), now=lambda: now)
    server = await serve(directory=directory)
    stub = sources_pb2_grpc.TaxSourceServiceStub(server.link())
    await call(stub.CheckInvoices, INVOICES)
    now += dt.timedelta(days=1000)
    with pytest.raises(UnauthenticatedError) as caught:
        await call(stub.CheckInvoices, INVOICES)
    assert caught.value.reason == "CERTIFICATE_EXPIRED"


async def test_a_role_that_may_not_and_an_organisation_that_may_not(
    serve: Serve, certs: TestConsortium
) -> None:
    server = await serve()
    bank_clerk = sources_pb2_grpc.TaxSourceServiceStub(server.link(certs.tls("clerk", "BankAMSP", "bank")))
    with pytest.raises(DeniedError, match="bank of BankAMSP"):
        await call(bank_clerk.CheckInvoices, INVOICES)
    other_bank = sources_pb2_grpc.TaxSourceServiceStub(server.link(certs.tls("b", "BankBMSP", "gateway")))
    with pytest.raises(DeniedError, match="BankBMSP"):
        await call(other_bank.CheckTaxpayers, sources_pb2.CheckTaxpayersRequest())
    own_bank = sources_pb2_grpc.TaxSourceServiceStub(server.link())
    await call(own_bank.CheckTaxpayers, sources_pb2.CheckTaxpayersRequest())
    clerk_stream = industry_pb2_grpc.ReleaseServiceStub(server.link(certs.tls("clerk", "BankAMSP", "bank")))
    with pytest.raises(DeniedError):
        await anext(stream(clerk_stream.Release, industry_pb2.ReleaseRequest()))
    assert [caller.org for caller in server.tax.callers] == ["BankAMSP"]
    assert server.releases.callers == []


async def test_a_method_that_is_not_served_is_said_to_be_so(serve: Serve) -> None:
    server = await serve()
    stub = sources_pb2_grpc.InstitutionAdminServiceStub(server.link())
    with pytest.raises(ChanrongError) as caught:
        await call(stub.SetPaused, sources_pb2.SetPausedRequest())
    assert caught.value.reason == "NOT_IMPLEMENTED"


async def test_a_table_that_differs_from_the_services_does_not_start(certs: TestConsortium) -> None:
    tls = certs.tls("tax", "InstitutionsMSP", "adapter")
    missing = {name: entry for name, entry in PERMISSIONS.items() if name != CHECK_TAXPAYERS}
    dead = {**PERMISSIONS, "/chanrong.sources.v1.TaxSourceService/Forget": allow("operator")}
    for table, words in ((missing, f"{CHECK_TAXPAYERS} has no line"), (dead, "Forget is not served")):
        service = GrpcService("tax", "127.0.0.1:0", tls, certs.directory, table)
        service.add(sources_pb2_grpc.add_TaxSourceServiceServicer_to_server, Tax())
        service.add(industry_pb2_grpc.add_ReleaseServiceServicer_to_server, Releases())
        with pytest.raises(ConfigurationError, match=words):
            await service.start()


async def test_wrong_roles_in_a_table_do_not_start(certs: TestConsortium) -> None:
    service = GrpcService("tax", "127.0.0.1:0", None, certs.directory, {CHECK_INVOICES: allow("boss")})
    with pytest.raises(ConfigurationError, match="boss"):
        await service.start()


async def test_a_call_without_a_deadline_gets_the_servers(serve: Serve) -> None:
    server = await serve(limits=Limits(deadline_cap_s=0.1))
    server.tax.behave = asyncio.Event().wait  # type: ignore[assignment]
    stub = sources_pb2_grpc.TaxSourceServiceStub(server.link())
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.CheckInvoices(INVOICES)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    with pytest.raises(OutcomeUnknownError) as longer:
        await call(stub.CheckInvoices, INVOICES, timeout_s=100)
    assert longer.value.reason == "DEADLINE_EXCEEDED"
    assert "0.1 s" in longer.value.message


async def test_a_stream_has_a_cap_of_its_own(serve: Serve) -> None:
    server = await serve(limits=Limits(stream_cap_s=0.2))
    server.releases.then = asyncio.Event().wait  # type: ignore[assignment]
    stub = industry_pb2_grpc.ReleaseServiceStub(server.link())
    got = 0

    async def read() -> None:
        nonlocal got
        async for _ in stream(stub.Release, industry_pb2.ReleaseRequest()):
            got += 1

    with pytest.raises(OutcomeUnknownError) as caught:
        await read()
    assert caught.value.reason == "DEADLINE_EXCEEDED"
    assert got == 2
    assert server.releases.ended.is_set()


async def test_the_clients_shorter_deadline_holds(serve: Serve) -> None:
    server = await serve()
    server.tax.behave = asyncio.Event().wait  # type: ignore[assignment]
    stub = sources_pb2_grpc.TaxSourceServiceStub(server.link())
    with pytest.raises(OutcomeUnknownError):
        await call(stub.CheckInvoices, INVOICES, timeout_s=0.1)


async def test_a_message_over_the_limit_does_not_reach_the_handler(serve: Serve) -> None:
    server = await serve(limits=Limits(max_message_bytes=10_000))
    stub = sources_pb2_grpc.TaxSourceServiceStub(server.link())
    question = sources_pb2.InvoiceQuestion(number="x" * 1000)
    await call(stub.CheckInvoices, sources_pb2.CheckInvoicesRequest(invoices=[question] * 9))
    with pytest.raises(OverloadedError):
        await call(stub.CheckInvoices, sources_pb2.CheckInvoicesRequest(invoices=[question] * 10))
    assert len(server.tax.callers) == 1


async def test_calls_over_the_limit_are_turned_away(serve: Serve) -> None:
    server = await serve(limits=Limits(max_concurrent_calls=2))
    full, leave = asyncio.Event(), asyncio.Event()
    inside = 0

    async def stay() -> None:
        nonlocal inside
        inside += 1
        if inside == 2:
            full.set()
        await leave.wait()

    server.tax.behave = stay
    stub = sources_pb2_grpc.TaxSourceServiceStub(server.link())
    staying = [asyncio.create_task(call(stub.CheckInvoices, INVOICES)) for _ in range(2)]
    await asyncio.wait_for(full.wait(), 10)
    with pytest.raises(OverloadedError):
        await call(stub.CheckInvoices, INVOICES)
    leave.set()
    await asyncio.gather(*staying)


@pytest.mark.parametrize(
    "error",
    [
        InvalidInputError("发票 number is empty.", reason="FIELD_EMPTY", remedy="Fill it in."),
        NotFoundError("There is no such consent.", details={"consent": "c1"}),
        ConflictError("Another content.", reason="FINGERPRINT_CONFLICT", details={"txid": "ab" * 32}),
        DeniedError("The consent was revoked.", reason="CONSENT_REVOKED"),
        UnavailableError("The ledger does not answer."),
        OverloadedError("The queue is full.", remedy="Later."),
        OutcomeUnknownError("It is being resolved."),
        ChanrongError("Strange."),
    ],
    ids=lambda error: error.reason,
)
async def test_an_error_arrives_as_it_was_raised(serve: Serve, error: ChanrongError) -> None:
    server = await serve()

    async def fail() -> None:
        raise error

    server.tax.behave = server.releases.then = fail
    stub = sources_pb2_grpc.TaxSourceServiceStub(server.link())
    releases = industry_pb2_grpc.ReleaseServiceStub(server.link())
    with pytest.raises(type(error)) as unary:
        await call(stub.CheckInvoices, INVOICES)
    with pytest.raises(type(error)) as streamed:
        _ = [item async for item in stream(releases.Release, industry_pb2.ReleaseRequest())]
    for arrived in (unary.value, streamed.value):
        assert type(arrived) is type(error)
        assert (arrived.reason, arrived.message) == (error.reason, error.message)
        assert (arrived.remedy, arrived.details) == (error.remedy, error.details)


async def test_an_unexpected_error_tells_an_incident_and_nothing_else(serve: Serve) -> None:
    server = await serve()

    async def fail() -> None:
        raise ValueError("the password is hunter2")

    server.tax.behave = fail
    stub = sources_pb2_grpc.TaxSourceServiceStub(server.link())
    with pytest.raises(grpc.aio.AioRpcError) as raw:
        await stub.CheckInvoices(INVOICES)
    assert "hunter2" not in repr(raw.value)
    with pytest.raises(ChanrongError) as caught:
        await call(stub.CheckInvoices, INVOICES)
    assert caught.value.reason == "INTERNAL"
    assert caught.value.details["incident"] in caught.value.message


async def test_a_very_long_error_still_arrives(serve: Serve) -> None:
    server = await serve()
    details = {f"row{number}": "错" * 50 for number in range(500)}

    async def fail() -> None:
        raise InvalidInputError("字" * 5000, reason="MANY", details=details)

    server.tax.behave = fail
    stub = sources_pb2_grpc.TaxSourceServiceStub(server.link())
    with pytest.raises(InvalidInputError) as caught:
        await call(stub.CheckInvoices, INVOICES)
    assert caught.value.reason == "MANY"
    assert 0 < len(caught.value.details) < 500


async def test_health_and_reflection_are_for_members(serve: Serve, certs: TestConsortium) -> None:
    server = await serve()
    link = server.link(certs.tls("clerk", "BankAMSP", "bank"))
    health: Any = health_pb2_grpc.HealthStub(link)  # the stubs' types know no methods
    name = "chanrong.sources.v1.TaxSourceService"
    serving = health_pb2.HealthCheckResponse.SERVING
    assert (await health.Check(health_pb2.HealthCheckRequest(service=name))).status == serving
    await server.service.set_serving(name, False)
    assert (await health.Check(health_pb2.HealthCheckRequest(service=name))).status != serving
    reflection: Any = reflection_pb2_grpc.ServerReflectionStub(cast("Any", link))
    asked = reflection.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
    listed = {entry.name async for answer in asked for entry in answer.list_services_response.service}
    assert {name, "chanrong.industry.v1.ReleaseService", "grpc.health.v1.Health"} <= listed


async def test_a_taken_port_is_a_clear_error(serve: Serve) -> None:
    server = await serve()
    with pytest.raises(ConfigurationError, match=str(server.port)):
        await serve(listen=f"127.0.0.1:{server.port}")


async def test_stopping_lets_running_calls_end(serve: Serve) -> None:
    server = await serve()
    inside, leave = asyncio.Event(), asyncio.Event()

    async def stay() -> None:
        inside.set()
        await leave.wait()

    server.tax.behave = stay
    stub = sources_pb2_grpc.TaxSourceServiceStub(server.link())
    staying = asyncio.create_task(call(stub.CheckInvoices, INVOICES))
    await asyncio.wait_for(inside.wait(), 10)
    stopping = asyncio.create_task(server.service.stop(grace=30))
    late = sources_pb2_grpc.TaxSourceServiceStub(server.link(server.certs.tls("b", "BankBMSP", "gateway")))
    with pytest.raises(ChanrongError):
        await call(late.CheckInvoices, INVOICES, timeout_s=10)
    leave.set()
    await staying
    await stopping


async def test_a_renewed_certificate_serves_from_the_next_connection_on(
    serve: Serve, certs: TestConsortium
) -> None:
    folder = certs.root / "renewed"
    old, new = (certs.orgs["InstitutionsMSP"].tls_ca.issue(name, ou="adapter", sans=[name]) for name in "on")
    tls = certs.save_tls(folder, old)
    server = await serve(tls=tls)

    async def check(name: str) -> None:
        target = f"127.0.0.1:{server.port}"
        mine = certs.tls("bank-a", "BankAMSP", "gateway")
        async with channel(target, mine, server_name=name) as link:
            await call(sources_pb2_grpc.TaxSourceServiceStub(link).CheckInvoices, INVOICES, timeout_s=10)

    await check("o")
    (folder / "cert.pem").write_text("half of a renewal")
    await check("o")
    certs.save_tls(folder, new)
    await check("n")
    with pytest.raises(ChanrongError):
        await check("o")


async def test_a_client_may_insist_on_the_organisation_that_answers(
    serve: Serve, certs: TestConsortium
) -> None:
    server = await serve()
    mine = certs.tls("bank-a", "BankAMSP", "gateway")
    target = f"127.0.0.1:{server.port}"
    async with channel(target, mine, roots=certs.directory.roots("InstitutionsMSP")) as link:
        await call(sources_pb2_grpc.TaxSourceServiceStub(link).CheckInvoices, INVOICES)
    async with channel(target, mine, roots=certs.directory.roots("IndustryAMSP")) as link:
        with pytest.raises(ChanrongError):
            await call(sources_pb2_grpc.TaxSourceServiceStub(link).CheckInvoices, INVOICES, timeout_s=10)
    assert len(server.tax.callers) == 1


async def test_nobody_listening_is_unavailable_and_was_not_sent(serve: Serve, certs: TestConsortium) -> None:
    server = await serve()
    await server.service.stop(grace=0)
    stub = sources_pb2_grpc.TaxSourceServiceStub(server.link())
    with pytest.raises(UnavailableError) as caught:
        await call(stub.CheckInvoices, INVOICES, timeout_s=10)
    assert caught.value.reason == "UNAVAILABLE"


def test_outside_of_a_call_there_is_no_caller() -> None:
    with pytest.raises(UnauthenticatedError):
        current_caller()


@pytest.mark.parametrize("with_tls", [True, False])
async def test_public_methods_need_no_certificate_and_have_no_caller(
    certs: TestConsortium, with_tls: bool
) -> None:
    tls = certs.tls("tax", "InstitutionsMSP", "adapter") if with_tls else None
    table = {**OTHERS, CHECK_INVOICES: PUBLIC, CHECK_TAXPAYERS: allow("gateway")}
    service = GrpcService("tax", "127.0.0.1:0", tls, None, table)
    service.add(sources_pb2_grpc.add_TaxSourceServiceServicer_to_server, Tax())
    target = f"127.0.0.1:{await service.start()}"
    credentials = grpc.ssl_channel_credentials(certs.directory.bundle())
    plain = grpc.aio.insecure_channel(target)
    async with grpc.aio.secure_channel(target, credentials) if with_tls else plain as link:
        stub = sources_pb2_grpc.TaxSourceServiceStub(link)
        # The method is reached; it is the handler that asks for a caller and finds none.
        with pytest.raises(UnauthenticatedError, match="Nobody is calling"):
            await call(stub.CheckInvoices, INVOICES)
        with pytest.raises(UnauthenticatedError, match="without a client certificate"):
            await call(stub.CheckTaxpayers, sources_pb2.CheckTaxpayersRequest())
        health: Any = health_pb2_grpc.HealthStub(link)
        answer = await health.Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health.Check(health_pb2.HealthCheckRequest(service="unknown"))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    await plain.close()
    await service.stop(grace=0)


async def test_every_call_leaves_one_line_that_says_who_and_how(serve: Serve, certs: TestConsortium) -> None:
    server = await serve()
    link = server.link()
    tax = sources_pb2_grpc.TaxSourceServiceStub(link)
    denied = sources_pb2_grpc.TaxSourceServiceStub(server.link(certs.tls("clerk", "BankAMSP", "bank")))
    health: Any = health_pb2_grpc.HealthStub(link)
    with structlog.testing.capture_logs() as lines:
        await call(tax.CheckInvoices, INVOICES)
        with pytest.raises(DeniedError):
            await call(denied.CheckInvoices, INVOICES)
        with pytest.raises(grpc.aio.AioRpcError):
            await health.Check(health_pb2.HealthCheckRequest(service="unknown"))
    good, bad, aborted = (line for line in lines if line["event"] == "call")
    assert (good["method"], good["code"], good["log_level"]) == (CHECK_INVOICES, "OK", "info")
    assert (good["org"], good["role"]) == ("BankAMSP", "gateway")
    assert (bad["code"], bad["reason"], bad["log_level"]) == ("PERMISSION_DENIED", "DENIED", "warning")
    assert aborted["code"] == "NOT_FOUND"
    assert "clerk" not in str(lines)
