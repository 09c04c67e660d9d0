"""The registry's client: whatever the registry says, it never raises; nonsense is told as such."""

from __future__ import annotations

from typing import Any

import grpc.aio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortium.documents import Party, PartyId
from consortium.wire.chanrong.sources.v1 import registry_pb2 as pb
from crossverify.adapters.registry.filing import number_of
from crossverify.adapters.registry.records import add_months
from crossverify.evidence import SourceAnswer, SourceState
from crossverify.sources.asking import AskingLimits
from crossverify.sources.digest import answer_digest
from crossverify.sources.registry import (
    MAX_NAMES,
    MAX_OTHER_IDENTIFIERS,
    RegistryQuestion,
    RegistrySource,
    questions_about,
)
from tests.support.trade_world import BUYER, NOW, SELLER, invoice, order

SUBJECT = "uscc:S"
QUESTION = RegistryQuestion.of(SUBJECT, ("lei:S",), ("Seller Co",))


def registration(**changes: Any) -> pb.Registration:
    values: dict[str, Any] = {
        "number": "R-1",
        "kind": "assignment",
        "assignor": pb.RegistryParty(name="Seller Co", identifiers=[SUBJECT]),
        "secured_party": pb.RegistryParty(name="Bank"),
        "description": "发票号码:INV-1。",
        "registered_unix": NOW - 100,
        "sequence": 1,
        "term_months": 12,
        "expires_unix": NOW + 10**7,
        "state": "live",
    }
    return pb.Registration(**(values | changes))


class Stub:
    """Answers a search with parts as given; provenance is right unless told otherwise."""

    def __init__(self, *parts: pb.SearchRegistrationsResponse, digest: str = "", last: bool = True) -> None:
        self.parts, self.digest, self.last = parts, digest, last

    def StreamRegistrations(self, request: pb.StreamRegistrationsRequest, timeout: float) -> Any:
        whole = pb.SearchRegistrationsResponse()
        for part in self.parts:
            for each in part.answers:
                if whole.answers and whole.answers[-1].assignor == each.assignor:
                    whole.answers[-1].registrations.extend(each.registrations)
                else:
                    whole.answers.append(each)
        whole.provenance.source, whole.provenance.institution = "registry", "Registry"
        whole.provenance.as_of_unix = NOW
        whole.provenance.digest = self.digest or answer_digest(request.question, whole)
        messages = [pb.StreamRegistrationsResponse(part=part) for part in self.parts]
        if self.last:
            messages.append(
                pb.StreamRegistrationsResponse(
                    part=pb.SearchRegistrationsResponse(provenance=whole.provenance)
                )
            )
        return Stream(messages)


class Stream:
    def __init__(self, messages: list[pb.StreamRegistrationsResponse]) -> None:
        self.messages = messages

    def __aiter__(self) -> Any:
        async def each() -> Any:
            for message in self.messages:
                yield message

        return each()

    def cancel(self) -> None:
        """Nothing runs."""


def part(
    *registrations: pb.Registration, assignor: str = SUBJECT, names: tuple[str, ...] = ("Seller Co",)
) -> pb.SearchRegistrationsResponse:
    answer = pb.AssignorAnswer(assignor=assignor, searched_names=names, registrations=registrations)
    return pb.SearchRegistrationsResponse(answers=[answer])


async def asked(stub: Stub) -> SourceAnswer:
    link = grpc.aio.insecure_channel("127.0.0.1:1")
    source = RegistrySource(link, AskingLimits(), clock=lambda: NOW)
    source._stub = stub  # type: ignore[assignment]
    answer = await source.ask([QUESTION])
    await link.close()
    return answer


async def test_parts_are_one_answer() -> None:
    more = [registration(number=f"R-{n}") for n in range(2, 5)]
    answer = await asked(Stub(part(registration()), part(*more, names=())))
    assert answer.state is SourceState.ANSWERED, answer.reason
    assert [each["number"] for each in answer.answers[SUBJECT]["registrations"]] == [
        "R-1",
        "R-2",
        "R-3",
        "R-4",
    ]
    assert answer.answers[SUBJECT]["searched_names"] == ["Seller Co"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"number": ""}, "no number"),
        ({"kind": "loan"}, "kind"),
        ({"state": "asleep"}, "state"),
        ({"registered_unix": NOW + 3600}, "future"),
        ({"registered_unix": 0}, "no term"),
        ({"registered_unix": -5}, "future"),
        ({"expires_unix": NOW - 200}, "no term"),
        ({"state": "cancelled"}, "another time of cancellation"),
        ({"cancelled_unix": NOW - 1}, "another time of cancellation"),
        ({"state": "cancelled", "cancelled_unix": NOW + 3600}, "future"),
        ({"secured_party": pb.RegistryParty()}, "no number, assignor or secured party"),
        ({"assignor": pb.RegistryParty(name="Somebody Else", identifiers=["uscc:T"])}, "another assignor"),
        ({"amendments": [pb.RegistryAmendment(at_unix=NOW + 3600, kind="term", term_months=1)]}, "future"),
        ({"amendments": [pb.RegistryAmendment(at_unix=NOW, kind="colour")]}, "kind"),
    ],
)
async def test_nonsense_is_no_answer(change: dict[str, Any], said: str) -> None:
    answer = await asked(Stub(part(registration(), registration(**({"number": "R-2"} | change)))))
    assert answer.state is SourceState.SILENT
    assert said in answer.reason


async def test_the_same_registration_twice_is_nonsense() -> None:
    answer = await asked(Stub(part(registration(), registration())))
    assert answer.state is SourceState.SILENT
    assert "twice" in answer.reason


async def test_a_registration_under_another_identifier_or_name_of_the_subject_is_its() -> None:
    others = [
        registration(number="R-2", assignor=pb.RegistryParty(name="X", identifiers=["LEI:s"])),
        registration(number="R-3", assignor=pb.RegistryParty(name="SELLER, co.")),
        registration(number="R-4", assignor=pb.RegistryParty(name="New Co", former_names=["Seller Co"])),
    ]
    assert (await asked(Stub(part(*others)))).state is SourceState.ANSWERED


async def test_an_answer_that_breaks_off_is_none() -> None:
    answer = await asked(Stub(part(registration()), last=False))
    assert (answer.state, "before it was whole" in answer.reason) == (SourceState.SILENT, True)


async def test_a_wrong_digest_or_assignor_is_no_answer() -> None:
    assert (await asked(Stub(part(registration()), digest="0" * 64))).state is SourceState.SILENT
    assert (await asked(Stub(part(registration(), assignor="uscc:T")))).state is SourceState.SILENT
    assert (await asked(Stub(part(), part(assignor="uscc:T")))).state is SourceState.SILENT


async def test_an_endless_answer_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crossverify.sources.registry.MAX_REGISTRATIONS", 5)
    answer = await asked(Stub(*(part(registration(number=f"R-{n}")) for n in range(10))))
    assert answer.state is SourceState.SILENT
    assert "more than 5" in answer.reason


async def test_an_answer_of_too_many_bytes_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crossverify.sources.registry.MAX_STREAMED_BYTES", 5_000)
    answer = await asked(
        Stub(*(part(registration(number=f"R-{n}", description="x" * 2_000)) for n in range(3)))
    )
    assert answer.state is SourceState.SILENT
    assert "longer than 5000 bytes" in answer.reason


def test_the_question_about_a_subject_has_every_name_that_documents_give_it() -> None:
    own = str(SELLER.identifiers[0])
    renamed = Party(name="Huadong Foundry", trading_name="HD", identifiers=SELLER.identifiers)
    documents = [invoice(), order(seller=renamed), invoice("INV-2", seller=BUYER, buyer=BUYER)]
    (question,) = questions_about([own.lower(), "lei:X", own], documents, ["Older Co", "HD"])
    assert question.assignor == own
    assert set(question.other_identifiers) == {own.lower(), "lei:X"}
    assert question.names == ("Huadong Castings Ltd", "Huadong Foundry", "HD", "Older Co")
    assert questions_about([], documents) == []


def test_a_question_stays_within_the_registrys_limits() -> None:
    question = RegistryQuestion.of(
        "a:1", (f"a:{n}" for n in range(99)), [*(f"N{n}" for n in range(99)), None, " "]
    )
    assert (len(question.other_identifiers), len(question.names)) == (MAX_OTHER_IDENTIFIERS, MAX_NAMES)
    assert "a:1" not in question.other_identifiers


def test_identifiers_of_partners_own_numbers_name_nobody() -> None:
    local = Party(name="Seller", identifiers=(PartyId(scheme="local", value="7"),))
    (question,) = questions_about(["uscc:S"], [invoice(seller=local)])
    assert question.names == ()


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (1_769_860_800, 1, 1_772_280_000),  # 31 January 2026, noon: 28 February
        (1_709_208_000, 12, 1_740_744_000),  # 29 February 2024: 28 February 2025
        (0, 360, 946_684_800),  # 1970: 2000
    ],
)
def test_months_are_calendar_months(start: int, months: int, end: int) -> None:
    assert add_months(start, months) == end


@given(st.integers(0, 4 * 10**9), st.integers(1, 359))
def test_a_longer_term_never_ends_earlier(start: int, months: int) -> None:
    assert start < add_months(start, months) < add_months(start, months + 1)


def test_numbers_begin_with_the_day_in_china() -> None:
    assert number_of(1_777_650_000, 42) == "20260501000000000042"
    assert number_of(1_777_655_000, 42).startswith("20260502")
