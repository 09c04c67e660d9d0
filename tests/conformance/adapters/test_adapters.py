"""What every adapter kind must do, whatever it is asked: one suite, run over all of them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consortium.errors import (
    DeniedError,
    InvalidInputError,
    OverloadedError,
    UnauthenticatedError,
    UnavailableError,
)
from consortium.rpc.client import call, channel, stream
from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.adapters.admin import MAX_FILE_BYTES
from crossverify.adapters.kinds import ADAPTERS
from crossverify.evidence import SourceAnswer, SourceState
from crossverify.sources.asking import AskingLimits
from crossverify.sources.digest import answer_digest
from tests.conformance.adapters.kind import Kind
from tests.conformance.adapters.kinds import KINDS
from tests.support.adapters import AS_OF, RunningAdapter, adapter
from tests.support.certs import TestConsortium

LIMITS = AskingLimits(deadline_s=20)


def test_every_adapter_kind_is_here() -> None:
    assert {kind.name for kind in KINDS} == {*ADAPTERS, "template"}


async def test_known_and_unknown_are_answered_with_provenance(kind: Kind, served: RunningAdapter) -> None:
    report = await served.load(kind.data(), as_of=AS_OF)
    assert (report.loaded, report.unchanged, list(report.problems)) == (1, 0, [])
    answer: SourceAnswer = await kind.ask(served.channel(), [kind.known, "other:77777"], LIMITS)
    assert (answer.state, answer.reason) == (SourceState.ANSWERED, "")
    assert answer.source == kind.answers_as
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
    async with adapter(kind.name, consortium, tmp_path, kind.served) as first:
        await first.load(kind.data(), as_of=AS_OF)
        await first.pause()
    async with adapter(kind.name, consortium, tmp_path, kind.served) as second:
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
    assert response.provenance.source == kind.answers_as


async def test_a_question_without_reference_is_refused_with_its_place(
    kind: Kind, served: RunningAdapter
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await call(kind.stub(served.channel()), kind.request([kind.known, ""]))
    assert caught.value.reason == "QUESTION_INVALID"
    assert "[1]" in caught.value.message


async def test_one_wrong_question_costs_only_itself(kind: Kind, served: RunningAdapter) -> None:
    await served.load(kind.data())
    response = await call(kind.stub(served.channel()), kind.wrong([kind.known, "other:1"]))
    right, wrong = getattr(response, kind.field)
    assert not right.HasField("error")
    assert wrong.error.reason
    assert wrong.error.message


async def test_a_long_answer_in_parts_is_the_same_answer(kind: Kind, served: RunningAdapter) -> None:
    await served.load(kind.data())
    request = kind.request([kind.known, *(f"other:{number}" for number in range(min(kind.batch, 250) - 1))])
    whole = await call(kind.stub(served.channel()), request)
    method, wrap = kind.stream(served.channel())
    parts = [item.part async for item in stream(method, wrap(request), timeout_s=20)]
    joined = type(whole)()
    for part in parts:
        joined.MergeFrom(part)
    assert joined == whole
    assert [part.HasField("provenance") for part in parts] == [False] * (len(parts) - 1) + [True]


async def test_parts_are_for_those_who_may_ask(kind: Kind, served: RunningAdapter) -> None:
    method, wrap = kind.stream(served.channel("IndustryAMSP", "gateway"))
    with pytest.raises(DeniedError):
        [item async for item in stream(method, wrap(kind.request([kind.known])), timeout_s=20)]


async def test_its_health_is_told(kind: Kind, served: RunningAdapter) -> None:
    stub: Any = health_pb2_grpc.HealthStub(served.channel())
    for service in ("", f"chanrong.sources.v1.{kind.service}"):
        answer = await call(stub.Check, health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


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
