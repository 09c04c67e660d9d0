"""What every adapter kind must do, whatever it is asked: one suite, run over all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consortium.errors import (
    DeniedError,
    InvalidInputError,
    OverloadedError,
    UnauthenticatedError,
    UnavailableError,
)
from consortium.rpc.client import call, channel
from consortium.wire.chanrong.sources.v1 import bills_pb2, bills_pb2_grpc
from consortium.wire.chanrong.sources.v1 import registry_pb2 as registry_pb
from consortium.wire.chanrong.sources.v1 import registry_pb2_grpc as registry_rpc
from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.adapters.admin import MAX_FILE_BYTES
from crossverify.adapters.kinds import ADAPTERS
from crossverify.evidence import SourceAnswer, SourceState
from crossverify.sources.asking import AskingLimits
from crossverify.sources.bank import BankSource, PaymentQuestion
from crossverify.sources.bills import BillsSource
from crossverify.sources.credit import CreditSource, ReportQuestion
from crossverify.sources.digest import answer_digest
from crossverify.sources.registry import RegistryQuestion, RegistrySource
from crossverify.sources.tax import InvoiceQuestion, TaxSource
from tests.support.adapters import (
    ACCOUNT,
    AS_OF,
    SELLER,
    RunningAdapter,
    adapter,
    camt,
    entry,
    invoice_json,
    make_invoice,
    report_json,
)
from tests.support.bills import named, package
from tests.support.certs import TestConsortium
from tests.support.registry import registration_json


@dataclass(frozen=True)
class Kind:
    """What the suite needs to know of one kind of adapter."""

    name: str
    batch: int
    stub: Callable[[grpc.aio.Channel], Any]
    request: Callable[[list[str]], Any]
    ask: Callable[[grpc.aio.Channel, list[str], AskingLimits], Any]
    data: Callable[[], bytes | str | dict[str, Any]]
    broken: bytes
    known: str
    is_known: Callable[[dict[str, Any]], bool]


def _invoice_question(number: str) -> InvoiceQuestion:
    return InvoiceQuestion.of(number, make_invoice(number))


def _payment_question(number: str) -> PaymentQuestion:
    return PaymentQuestion(number, number, ACCOUNT, "1130", "CNY", SELLER)


async def _bills(link: grpc.aio.Channel, names: list[str], limits: AskingLimits) -> SourceAnswer:
    """Bills are named by package number and sub-range; the suite names them as it likes."""
    asked = {name: named(name) for name in names}
    answer = await BillsSource(link, limits).ask(list(asked.values()))
    answers = {
        name: answer.answers[each.reference]
        for name, each in asked.items()
        if each.reference in answer.answers
    }
    return answer.model_copy(update={"answers": answers})


KINDS = [
    Kind(
        "tax",
        1_000,
        lambda link: rpc.TaxSourceServiceStub(link).CheckInvoices,
        lambda names: pb.CheckInvoicesRequest(
            invoices=[pb.InvoiceQuestion(reference=n, number=n, seller_tax_id=SELLER) for n in names]
        ),
        lambda link, names, limits: TaxSource(link, limits).ask([_invoice_question(n) for n in names]),
        lambda: invoice_json("INV-1"),
        b'{"kind": "invoice", "number": "INV-2"}',
        "INV-1",
        lambda answer: bool(answer["known"]),
    ),
    Kind(
        "bank",
        1_000,
        lambda link: rpc.BankSourceServiceStub(link).FindPayments,
        lambda names: pb.FindPaymentsRequest(
            receivables=[
                pb.PaymentQuestion(reference=n, invoice_number=n, payee_account=ACCOUNT) for n in names
            ]
        ),
        lambda link, names, limits: BankSource(link, limits).ask([_payment_question(n) for n in names]),
        lambda: camt(entry(text="Invoice INV-1")),
        camt(entry(amount="12..34")),
        "INV-1",
        lambda answer: bool(answer["payments"]),
    ),
    Kind(
        "credit",
        100,
        lambda link: rpc.CreditSourceServiceStub(link).GetReports,
        lambda names: pb.GetReportsRequest(
            subjects=[pb.ReportQuestion(subject_id=n, authorisation="consent-1") for n in names]
        ),
        lambda link, names, limits: CreditSource(link, limits).ask(
            [ReportQuestion(n, "consent-1") for n in names]
        ),
        lambda: report_json("test:INV-1"),
        b'{"subject_id": "test:2"}',
        "test:INV-1",
        lambda answer: bool(answer["known"]),
    ),
    Kind(
        "registry",
        100,
        lambda link: registry_rpc.RegistrySourceServiceStub(link).SearchRegistrations,
        lambda names: registry_pb.SearchRegistrationsRequest(
            assignors=[registry_pb.AssignorQuestion(assignor=n) for n in names]
        ),
        lambda link, names, limits: RegistrySource(link, limits).ask([RegistryQuestion.of(n) for n in names]),
        lambda: registration_json(assignor="test:INV-1"),
        b'{"number": "00001234"}',
        "test:INV-1",
        lambda answer: bool(answer["registrations"]),
    ),
    Kind(
        "bills",
        1_000,
        lambda link: bills_pb2_grpc.BillSourceServiceStub(link).CheckBills,
        lambda names: bills_pb2.CheckBillsRequest(
            bills=[bills_pb2.BillQuestion(reference=n, package_number=named(n).package_number) for n in names]
        ),
        _bills,
        lambda: package(1),
        b'{"package_number": "12345"}',
        "bill:1",
        lambda answer: bool(answer["known"]),
    ),
]
LIMITS = AskingLimits(deadline_s=20)


def test_every_adapter_kind_is_here() -> None:
    assert {kind.name for kind in KINDS} == set(ADAPTERS)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture
async def served(kind: Kind, consortium: TestConsortium, tmp_path: Path) -> AsyncIterator[RunningAdapter]:
    async with adapter(kind.name, consortium, tmp_path) as running:
        yield running


async def test_known_and_unknown_are_answered_with_provenance(kind: Kind, served: RunningAdapter) -> None:
    report = await served.load(kind.data(), as_of=AS_OF)
    assert (report.loaded, report.unchanged, list(report.problems)) == (1, 0, [])
    answer: SourceAnswer = await kind.ask(served.channel(), [kind.known, "other:77777"], LIMITS)
    assert (answer.state, answer.reason) == (SourceState.ANSWERED, "")
    assert answer.source == kind.name
    assert answer.institution == served.settings.institution
    assert answer.as_of == AS_OF
    assert len(bytes.fromhex(answer.digest)) == 32
    assert [kind.is_known(answer.answers[name]) for name in (kind.known, "other:77777")] == [True, False]


async def test_loading_again_changes_nothing(kind: Kind, served: RunningAdapter) -> None:
    await served.load(kind.data())
    again = await served.load(kind.data())
    assert (again.loaded, again.unchanged, list(again.problems)) == (0, 1, [])


async def test_a_bad_record_is_told_with_path_and_remedy(kind: Kind, served: RunningAdapter) -> None:
    report = await served.load(kind.broken, name="/tmp/some/broken.dat")
    assert report.loaded == 0
    (problem,) = report.problems
    assert problem.path.startswith("broken.dat")
    assert problem.message
    assert problem.remedy


async def test_what_was_loaded_survives_a_restart(
    kind: Kind, consortium: TestConsortium, tmp_path: Path
) -> None:
    async with adapter(kind.name, consortium, tmp_path) as first:
        await first.load(kind.data(), as_of=AS_OF)
        await first.pause()
    async with adapter(kind.name, consortium, tmp_path) as second:
        paused = await kind.ask(second.channel(), [kind.known], LIMITS)
        assert paused.state == SourceState.SILENT
        await second.pause(False)
        answer = await kind.ask(second.channel(), [kind.known], LIMITS)
    assert kind.is_known(answer.answers[kind.known])
    assert answer.as_of == AS_OF


async def test_without_data_nothing_is_known_as_of_never(kind: Kind, served: RunningAdapter) -> None:
    answer = await kind.ask(served.channel(), [kind.known], LIMITS)
    assert answer.as_of == 0
    assert not kind.is_known(answer.answers[kind.known])


async def test_a_refused_file_moves_no_as_of_time(kind: Kind, served: RunningAdapter) -> None:
    await served.load(kind.data(), as_of=AS_OF)
    await served.load(b"rubbish", as_of=AS_OF + 1000)
    answer = await kind.ask(served.channel(), [kind.known], LIMITS)
    assert answer.as_of == AS_OF


async def test_older_data_do_not_move_the_as_of_time_back(kind: Kind, served: RunningAdapter) -> None:
    await served.load(kind.data(), as_of=AS_OF)
    await served.load(kind.data(), as_of=AS_OF - 1000)
    answer = await kind.ask(served.channel(), [kind.known], LIMITS)
    assert answer.as_of == AS_OF


async def test_as_of_now_by_default(kind: Kind, served: RunningAdapter) -> None:
    before = int(time.time())
    await served.load(kind.data())
    answer = await kind.ask(served.channel(), [kind.known], LIMITS)
    assert before <= answer.as_of <= int(time.time())


@pytest.mark.parametrize("as_of", [-1, 4_000_000_000])
async def test_an_impossible_as_of_time_is_refused(kind: Kind, served: RunningAdapter, as_of: int) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await served.load(kind.data(), as_of=as_of)
    assert caught.value.reason == "AS_OF_INVALID"


async def test_a_file_that_is_too_large_is_refused(kind: Kind, served: RunningAdapter) -> None:
    with pytest.raises((InvalidInputError, OverloadedError)) as caught:
        await served.load(b" " * (MAX_FILE_BYTES + 1))
    assert caught.value.reason == "TOO_LARGE"


async def test_paused_is_unavailable_and_silent_and_resumes(kind: Kind, served: RunningAdapter) -> None:
    await served.load(kind.data())
    await served.pause()
    with pytest.raises(UnavailableError) as caught:
        await call(kind.stub(served.channel()), kind.request([kind.known]))
    assert caught.value.reason == "INSTITUTION_PAUSED"
    answer = await kind.ask(served.channel(), [kind.known], LIMITS)
    assert (answer.state, answer.answers) == (SourceState.SILENT, {})
    assert answer.reason.startswith("INSTITUTION_PAUSED")
    await served.pause(False)
    answer = await kind.ask(served.channel(), [kind.known], LIMITS)
    assert answer.state == SourceState.ANSWERED


async def test_batch_limit_holds_at_the_server_and_the_client_keeps_it(
    kind: Kind, served: RunningAdapter
) -> None:
    await served.load(kind.data())
    names = [kind.known, *(f"test:{number:05}" for number in range(kind.batch))]
    with pytest.raises(InvalidInputError) as caught:
        await call(kind.stub(served.channel()), kind.request(names))
    assert caught.value.reason == "BATCH_TOO_LONG"
    answer = await kind.ask(served.channel(), names, LIMITS)
    assert answer.state == SourceState.ANSWERED
    assert list(answer.answers) == names
    assert kind.is_known(answer.answers[kind.known])


@pytest.mark.parametrize(
    ("msp_id", "role"),
    [
        ("IndustryAMSP", "gateway"),
        ("IndustryAMSP", "erp"),
        ("IndustryBMSP", "operator"),
        ("BankAMSP", "bank"),
        ("BankAMSP", "operator"),
        ("InstitutionsMSP", "operator"),
        ("InstitutionsMSP", "adapter"),
        ("InstitutionsMSP", "regulator"),
    ],
)
async def test_only_gateways_of_banks_may_ask(
    kind: Kind, served: RunningAdapter, msp_id: str, role: str
) -> None:
    with pytest.raises(DeniedError):
        await call(kind.stub(served.channel(msp_id, role)), kind.request([kind.known]))
    answer = await kind.ask(served.channel(msp_id, role), [kind.known], LIMITS)
    assert answer.state == SourceState.SILENT
    assert answer.reason.startswith("DENIED")


@pytest.mark.parametrize(
    ("msp_id", "role"),
    [
        ("BankAMSP", "gateway"),
        ("BankAMSP", "operator"),
        ("IndustryAMSP", "operator"),
        ("IndustryAMSP", "erp"),
        ("InstitutionsMSP", "adapter"),
        ("InstitutionsMSP", "regulator"),
    ],
)
async def test_only_the_institutions_operator_loads_and_pauses(
    kind: Kind, served: RunningAdapter, msp_id: str, role: str
) -> None:
    admin = rpc.InstitutionAdminServiceStub(served.channel(msp_id, role))
    with pytest.raises(DeniedError):
        await call(admin.LoadData, pb.LoadDataRequest(content=b"{}"))
    with pytest.raises(DeniedError):
        await call(admin.SetPaused, pb.SetPausedRequest(paused=True))
    answer = await kind.ask(served.channel(), [kind.known], LIMITS)
    assert answer.state == SourceState.ANSWERED  # not paused


async def test_nobody_asks_without_a_certificate(kind: Kind, served: RunningAdapter) -> None:
    roots = served.consortium.directory.roots("InstitutionsMSP")
    link = grpc.aio.secure_channel(f"127.0.0.1:{served.port}", grpc.ssl_channel_credentials(roots))
    with pytest.raises((UnavailableError, UnauthenticatedError)):
        await call(kind.stub(link), kind.request([kind.known]))
    await link.close()


async def test_the_digest_is_of_this_question_and_this_answer(kind: Kind, served: RunningAdapter) -> None:
    await served.load(kind.data())
    request = kind.request([kind.known])
    response = await call(kind.stub(served.channel()), request)
    assert response.provenance.digest == answer_digest(request, response)
    other = kind.request([kind.known, "other:1"])
    assert response.provenance.digest != answer_digest(other, response)
    response.provenance.as_of_unix += 1
    assert response.provenance.digest != answer_digest(request, response)


async def test_the_same_question_gives_the_same_digest(kind: Kind, served: RunningAdapter) -> None:
    await served.load(kind.data(), as_of=AS_OF)
    first = await kind.ask(served.channel(), [kind.known], LIMITS)
    second = await kind.ask(served.channel("BankBMSP"), [kind.known], LIMITS)
    assert first == second


async def test_an_empty_question_is_answered_with_nothing(kind: Kind, served: RunningAdapter) -> None:
    response = await call(kind.stub(served.channel()), kind.request([]))
    assert response.provenance.source == kind.name


async def test_a_question_without_reference_is_refused_with_its_place(
    kind: Kind, served: RunningAdapter
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await call(kind.stub(served.channel()), kind.request([kind.known, ""]))
    assert caught.value.reason == "QUESTION_INVALID"
    assert "[1]" in caught.value.message


async def test_a_source_that_is_down_is_silent(kind: Kind, consortium: TestConsortium) -> None:
    tls = consortium.tls("bank-a", "BankAMSP", "gateway")
    link = channel("127.0.0.1:1", tls)
    answer = await kind.ask(link, [kind.known], AskingLimits(deadline_s=2))
    await link.close()
    assert (answer.state, answer.answers, answer.as_of) == (SourceState.SILENT, {}, 0)
    assert answer.reason


async def test_a_source_that_is_late_is_silent(kind: Kind, consortium: TestConsortium) -> None:
    """A server that takes the connection and never says anything."""

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = channel(f"127.0.0.1:{port}", consortium.tls("bank-a", "BankAMSP", "gateway"))
    answer = await kind.ask(link, [kind.known], AskingLimits(deadline_s=0.2))
    await link.close()
    server.close()
    assert answer.state == SourceState.SILENT
    assert "DEADLINE" in answer.reason or "UNAVAILABLE" in answer.reason


async def test_mutated_bytes_never_break_the_server(kind: Kind, served: RunningAdapter) -> None:
    """Whatever is sent as a question or a file, the server answers or refuses, and answers the next one."""
    await served.load(kind.data())
    good = kind.request([kind.known, "other:1"]).SerializeToString()
    file = kind.data()
    content = file if isinstance(file, bytes) else b'{"number":"INV-1","state":"void","kind":[],"x":1}'
    path = "/" + kind.stub(served.channel())._method.decode().lstrip("/")
    raw: Any = served.channel().unary_unary(path)
    loop = asyncio.get_running_loop()

    async def send(data: bytes) -> None:
        said = ""
        try:
            await raw(data, timeout=20)
        except grpc.aio.AioRpcError as error:
            said = error.details() or ""
        # gRPC itself may answer INTERNAL when the bytes are no message; an incident is our own failure.
        assert "incident" not in said.lower()

    async def load(data: bytes) -> None:
        report = await served.load(data, name="f")
        assert all(problem.message and problem.path.startswith("f") for problem in report.problems)

    mutated = st.tuples(st.integers(0, 10_000), st.binary(max_size=4), st.integers(0, 6))

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(mutated, st.booleans())
    def mutate(change: tuple[int, bytes, int], question: bool) -> None:
        data = good if question else content
        at = change[0] % (len(data) + 1)
        changed = data[:at] + change[1] + data[at + change[2] :]
        action = send(changed) if question else load(changed)
        asyncio.run_coroutine_threadsafe(action, loop).result(60)

    await asyncio.to_thread(mutate)
    answer = await kind.ask(served.channel(), ["other:1"], LIMITS)
    assert answer.state == SourceState.ANSWERED
