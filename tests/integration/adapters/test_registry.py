"""The reference movable-property registry: searches, and filings that happen once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from consortium.errors import (
    ConflictError,
    DeniedError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from consortium.rpc.client import call
from consortium.wire.chanrong.sources.v1 import registry_pb2 as pb
from consortium.wire.chanrong.sources.v1 import registry_pb2_grpc as rpc
from crossverify.adapters.registry.records import add_months
from crossverify.answers import Gap, RegistryAnswer, read
from crossverify.evidence import SourceState
from crossverify.sources.digest import answer_digest
from crossverify.sources.registry import PART_REGISTRATIONS, RegistryQuestion, RegistrySource
from tests.support.adapters import AS_OF, OTHER_SELLER, SELLER, RunningAdapter, adapter
from tests.support.certs import TestConsortium
from tests.support.registry import registration_json

OP = "operation-0000001"


@pytest.fixture
async def registry(consortium: TestConsortium, tmp_path: Path) -> AsyncIterator[RunningAdapter]:
    async with adapter("registry", consortium, tmp_path) as running:
        yield running


async def search(registry: RunningAdapter, *names: str, assignor: str = SELLER) -> dict[str, Any]:
    answer = await RegistrySource(registry.channel()).ask([RegistryQuestion.of(assignor, (), names)])
    assert answer.state is SourceState.ANSWERED, answer.reason
    return answer.answers[assignor]


async def numbers(registry: RunningAdapter, *names: str, assignor: str = SELLER) -> list[str]:
    return [each["number"] for each in (await search(registry, *names, assignor=assignor))["registrations"]]


def filing(registry: RunningAdapter, msp_id: str = "BankAMSP", role: str = "gateway") -> Any:
    return rpc.RegistryFilingServiceStub(registry.channel(msp_id, role))


def to_file(operation_id: str = OP, **fields: Any) -> pb.FileRegistrationRequest:
    values: dict[str, Any] = {
        "kind": "assignment",
        "assignor": pb.RegistryParty(name="Seller Co", identifiers=[SELLER]),
        "secured_party": pb.RegistryParty(name="Bank A", identifiers=["msp:BankAMSP"]),
        "description": "发票号码:INV-1。",
        "term_months": 12,
    }
    return pb.FileRegistrationRequest(operation_id=operation_id, **(values | fields))


# --- searches -----------------------------------------------------------------------------------------


async def test_a_registration_is_told_as_it_is(registry: RunningAdapter) -> None:
    amendments = [
        {"at": "2026-05-02T00:00:00Z", "kind": "description", "description": "发票号码:INV-1、INV-2。"},
        {"at": "2026-05-03T00:00:00Z", "kind": "term", "term_months": 24},
        {"at": "2026-05-04T00:00:00Z", "kind": "release", "description": "发票号码:INV-2。"},
    ]
    await registry.load(registration_json(amendments=amendments, former_names=["Seller Ltd"]), as_of=AS_OF)
    (told,) = (await search(registry))["registrations"]
    assert told["number"] == "20260501000000000001"
    assert told["registered_unix"] == 1_777_600_800
    assert told["expires_unix"] == add_months(1_777_600_800, 24)
    assert told["description"] == "发票号码:INV-1、INV-2。"
    assert told["first_description"].endswith("发票号码:INV-1;金额:CNY 1,130。")
    assert [each["kind"] for each in told["amendments"]] == ["description", "term", "release"]
    assert told["secured_party"]["name"] == "Other Bank"
    assert (told["state"], told["filed_by"], told["cancelled_unix"]) == ("live", "", 0)


async def test_states_at_the_time_of_the_answer(registry: RunningAdapter) -> None:
    await registry.load(
        [
            registration_json("0001", registered="2020-05-01T10:00:00+08:00"),
            registration_json("0002", cancelled="2026-06-01T10:00:00+08:00"),
            registration_json("0003", term_months=360),
        ]
    )
    found = (await search(registry))["registrations"]
    assert {each["number"]: each["state"] for each in found} == {
        "0001": "expired",
        "0002": "cancelled",
        "0003": "live",
    }


async def test_found_by_identifier_name_and_former_names(registry: RunningAdapter) -> None:
    await registry.load(
        [
            registration_json("0001", former_names=["Old Castings Ltd"]),
            registration_json("0002", assignor="", assignor_name="OLD CASTINGS, LTD."),
            registration_json("0003", assignor="", assignor_name="Older Still Co"),
            registration_json("0004", assignor=OTHER_SELLER, assignor_name="Somebody Else"),
        ]
    )
    assert await numbers(registry) == ["0001", "0002"], "the registry itself knows the former name"
    assert await numbers(registry, "older   STILL co.") == ["0001", "0002", "0003"]
    assert await numbers(registry, "Ｏｌｄ　Ｃａｓｔｉｎｇｓ Ltd", assignor="uscc:X") == ["0001", "0002"]
    assert await numbers(registry, assignor="uscc:X") == []
    assert (await search(registry))["searched_names"] == ["Old Castings Ltd", "Seller Co"]


async def test_another_writing_of_the_identifier_is_the_same(registry: RunningAdapter) -> None:
    await registry.load(registration_json("0001"))
    scheme, _, value = SELLER.partition(":")
    assert await numbers(registry, assignor=f"{scheme.upper()}: {value.lower()}") == ["0001"]


async def test_a_question_that_cannot_be_understood_costs_only_itself(registry: RunningAdapter) -> None:
    await registry.load(registration_json("0001"))
    questions = [
        RegistryQuestion(SELLER),
        RegistryQuestion("nobody"),
        RegistryQuestion("uscc:1", ("nobody",)),
        RegistryQuestion("uscc:2", (), ("N" * 201,)),
        RegistryQuestion("uscc:3", (), tuple(f"N{n}" for n in range(33))),
    ]
    answer = await RegistrySource(registry.channel()).ask(questions)
    assert answer.state is SourceState.ANSWERED, answer.reason
    assert [each["number"] for each in answer.answers[SELLER]["registrations"]] == ["0001"]
    for each in questions[1:]:
        told = read(RegistryAnswer, answer, each.assignor, "registry")
        assert isinstance(told, Gap)
        assert told.code in ("NOT_ANSWERED", "ANSWER_UNREADABLE")


async def test_a_long_answer_comes_in_parts_and_is_one_answer(registry: RunningAdapter) -> None:
    count = 2 * PART_REGISTRATIONS + 1
    await registry.load([registration_json(f"{n:08}") for n in range(count)])
    assert len(await numbers(registry)) == count
    stub = rpc.RegistrySourceServiceStub(registry.channel())
    question = pb.SearchRegistrationsRequest(
        assignors=[pb.AssignorQuestion(assignor=each) for each in (OTHER_SELLER, SELLER)]
    )
    parts = [
        item.part async for item in stub.StreamRegistrations(pb.StreamRegistrationsRequest(question=question))
    ]
    assert len(parts) == 3
    assert [part.HasField("provenance") for part in parts] == [False, False, True]
    whole = await call(stub.SearchRegistrations, question)
    assert parts[-1].provenance == whole.provenance
    assert whole.provenance.digest == answer_digest(question, whole)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "loan"}, "kind"),
        ({"registered": "2026-05-01"}, "registered"),
        ({"registered": "2026-05-01T10:00:00"}, "offset"),
        ({"registered": "2199-05-01T10:00:00Z"}, "after the one as of which"),
        ({"term_months": 0}, "term_months"),
        ({"term_months": 361}, "term_months"),
        ({"description": ""}, "description"),
        ({"number": "?"}, "number"),
        ({"assignor": {"name": "..."}}, "name"),
        ({"assignor": {"name": "A", "identifiers": ["nobody"]}}, "identifiers"),
        ({"cancelled": "2026-04-01T10:00:00Z"}, "cancelled before"),
        (
            {"amendments": [{"at": "2026-04-01T10:00:00Z", "kind": "term", "term_months": 3}]},
            "in their order",
        ),
        ({"amendments": [{"at": "2026-06-01T10:00:00Z", "kind": "term"}]}, "term_months"),
        ({"amendments": [{"at": "2026-06-01T10:00:00Z", "kind": "release"}]}, "description"),
        ({"filed_by": "BankAMSP"}, "filed_by"),
    ],
)
async def test_a_wrong_registration_is_refused_alone(
    registry: RunningAdapter, change: dict[str, Any], said: str
) -> None:
    lines = [json.dumps(registration_json("0001") | change), json.dumps(registration_json("0002"))]
    report = await registry.load("\n".join(lines), name="registrations.jsonl")
    assert report.loaded == 1
    (problem,) = report.problems
    assert problem.path == "registrations.jsonl:1"
    assert said in problem.message
    assert problem.remedy


# --- filings ------------------------------------------------------------------------------------------


async def test_filed_and_found(registry: RunningAdapter) -> None:
    answer = await call(filing(registry).FileRegistration, to_file())
    made = answer.filing
    assert len(made.number) == 20
    assert made.operation_id == OP
    assert made.expires_unix == add_months(made.at_unix, 12)
    assert answer.provenance.digest == answer_digest(to_file(), answer)
    (told,) = (await search(registry))["registrations"]
    assert (told["number"], told["filed_by"], told["sequence"]) == (made.number, "BankAMSP", made.sequence)
    assert told["registered_unix"] == made.at_unix


async def test_the_same_operation_again_changes_nothing(registry: RunningAdapter) -> None:
    first = await call(filing(registry).FileRegistration, to_file())
    assert (await call(filing(registry).FileRegistration, to_file())).filing == first.filing
    assert len(await numbers(registry)) == 1
    with pytest.raises(ConflictError) as caught:
        await call(filing(registry).FileRegistration, to_file(term_months=24))
    assert caught.value.reason == "OPERATION_ID_REUSED"
    cancel = pb.CancelRegistrationRequest(operation_id=OP, number=first.filing.number, reason="paid")
    with pytest.raises(ConflictError):
        await call(filing(registry).CancelRegistration, cancel)
    other = await call(filing(registry, "BankBMSP").FileRegistration, to_file())
    assert other.filing.number != first.filing.number, "each filer has its own operation ids"


async def test_many_at_once_stand_one_behind_the_other(registry: RunningAdapter) -> None:
    wanted = [to_file(f"operation-{n:08}") for n in range(20)]
    made = await asyncio.gather(*(call(filing(registry).FileRegistration, each) for each in wanted * 2))
    assert len({each.filing.number for each in made}) == 20
    found = (await search(registry))["registrations"]
    assert [each["sequence"] for each in found] == sorted({each.filing.sequence for each in made})
    times = [each["registered_unix"] for each in found]
    assert times == sorted(times)


async def test_only_who_filed_may_change(registry: RunningAdapter) -> None:
    await registry.load(registration_json("0001"))
    made = (await call(filing(registry).FileRegistration, to_file())).filing
    for number in ("0001", made.number):
        request = pb.CancelRegistrationRequest(operation_id=OP, number=number, reason="paid")
        with pytest.raises(DeniedError) as caught:
            await call(filing(registry, "BankBMSP").CancelRegistration, request)
        assert caught.value.reason == "REGISTRATION_NOT_OWN"
    unknown = pb.CancelRegistrationRequest(operation_id=OP * 2, number="9999", reason="paid")
    with pytest.raises(NotFoundError):
        await call(filing(registry).CancelRegistration, unknown)


async def test_amended_then_cancelled_then_nothing_more(registry: RunningAdapter) -> None:
    made = (await call(filing(registry).FileRegistration, to_file())).filing
    longer = pb.AmendRegistrationRequest(
        operation_id=OP + "a", number=made.number, kind="term", term_months=36
    )
    for _ in range(2):
        amended = (await call(filing(registry).AmendRegistration, longer)).filing
        assert amended.expires_unix == add_months(made.at_unix, 36)
    (told,) = (await search(registry))["registrations"]
    assert (told["term_months"], len(told["amendments"])) == (36, 1)
    ended = pb.CancelRegistrationRequest(operation_id=OP + "b", number=made.number, reason="paid")
    await call(filing(registry).CancelRegistration, ended)
    assert (await search(registry))["registrations"][0]["state"] == "cancelled"
    with pytest.raises(ConflictError) as caught:
        await call(
            filing(registry).AmendRegistration,
            pb.AmendRegistrationRequest(
                operation_id=OP + "c", number=made.number, kind="term", term_months=48
            ),
        )
    assert caught.value.reason == "REGISTRATION_ENDED"
    again = (await call(filing(registry).CancelRegistration, ended)).filing
    assert again.operation_id == OP + "b", "the operation that ended it is still told its result"


@pytest.mark.parametrize(
    "fields",
    [
        {"operation_id": "short"},
        {"operation_id": ""},
        {"operation_id": "x" * 65},
        {"kind": "loan"},
        {"term_months": 0},
        {"term_months": 361},
        {"description": ""},
        {"description": "x" * 20_001},
        {"assignor": pb.RegistryParty(identifiers=[SELLER])},
        {"assignor": pb.RegistryParty(name="A", identifiers=["nobody"])},
        {"secured_party": pb.RegistryParty()},
    ],
)
async def test_a_wrong_filing_is_refused_and_leaves_nothing(
    registry: RunningAdapter, fields: dict[str, Any]
) -> None:
    operation_id = fields.pop("operation_id", OP)
    with pytest.raises(InvalidInputError):
        await call(filing(registry).FileRegistration, to_file(operation_id, **fields))
    assert await numbers(registry) == []
    assert (await call(filing(registry).FileRegistration, to_file())).filing.sequence == 1


@pytest.mark.parametrize(
    ("msp_id", "role"), [("BankAMSP", "bank"), ("BankAMSP", "operator"), ("IndustryAMSP", "gateway")]
)
async def test_only_gateways_of_banks_file(registry: RunningAdapter, msp_id: str, role: str) -> None:
    stub = filing(registry, msp_id, role)
    for method, request in (
        (stub.FileRegistration, to_file()),
        (stub.AmendRegistration, pb.AmendRegistrationRequest(operation_id=OP)),
        (stub.CancelRegistration, pb.CancelRegistrationRequest(operation_id=OP)),
    ):
        with pytest.raises(DeniedError):
            await call(method, request)


async def test_a_paused_registry_takes_no_filings(registry: RunningAdapter) -> None:
    await registry.pause()
    with pytest.raises(UnavailableError) as caught:
        await call(filing(registry).FileRegistration, to_file())
    assert caught.value.reason == "INSTITUTION_PAUSED"
    await registry.pause(False)
    assert (await call(filing(registry).FileRegistration, to_file())).filing.sequence == 1


async def test_filings_survive_a_restart_and_a_load_does_not_touch_them(
    consortium: TestConsortium, tmp_path: Path
) -> None:
    async with adapter("registry", consortium, tmp_path) as first:
        made = (await call(filing(first).FileRegistration, to_file())).filing
    async with adapter("registry", consortium, tmp_path) as second:
        assert (await call(filing(second).FileRegistration, to_file())).filing == made
        report = await second.load(registration_json(made.number, description="发票号码:X。"))
        assert (report.loaded, report.unchanged) == (0, 1)
        (told,) = (await search(second))["registrations"]
        assert (told["description"], told["filed_by"]) == ("发票号码:INV-1。", "BankAMSP")
