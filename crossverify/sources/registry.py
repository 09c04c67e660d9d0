"""Questions to the movable-property registry (中登): what did this assignor assign or pledge, and to whom?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import grpc
import grpc.aio

from consortium.documents import Document
from consortium.documents.party import rank
from consortium.documents.roles import parties_of
from consortium.wire.chanrong.sources.v1 import registry_pb2 as pb
from consortium.wire.chanrong.sources.v1 import registry_pb2_grpc as rpc
from crossverify.collateral import name_key
from crossverify.evidence import SourceAnswer
from crossverify.sources.asking import (
    CLOCK_SKEW_S,
    MAX_STREAMED_BYTES,
    Asker,
    AskingLimits,
    Batch,
    WrongAnswerError,
    batches,
)
from crossverify.sources.values import need_one_of

SOURCE: Final = "registry"
MAX_ASSIGNORS: Final = 100  # of one call
PART_REGISTRATIONS: Final = 200  # of one message of a stream
MAX_REGISTRATIONS: Final = 20_000
"""Of one call's answer: far more than any assignor has; a stream that never ends is no answer."""
MAX_OTHER_IDENTIFIERS: Final = 16
MAX_NAMES: Final = 32
MAX_NAME_CHARACTERS: Final = 200
KINDS: Final = ("assignment", "pledge", "movables", "lease", "retention", "other")
STATES: Final = ("live", "expired", "cancelled")
AMENDMENTS: Final = ("description", "term", "release")

if TYPE_CHECKING:  # the stub's asynchronous type is in its type stubs only
    Stub = rpc.RegistrySourceServiceAsyncStub


@dataclass(frozen=True, slots=True)
class RegistryQuestion:
    """One assignor.

    :ivar assignor: identifier "scheme:value"; the answer is found under it
    :ivar other_identifiers: further ones of the same party
    :ivar names: its name and former names
    """

    assignor: str
    other_identifiers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, assignor: str, other_identifiers: Iterable[str] = (), names: Iterable[str | None] = ()
    ) -> Self:
        """The question about a party, without repetitions and within the registry's limits."""
        others = dict.fromkeys(each for each in other_identifiers if each and each != assignor)
        texts = dict.fromkeys(name.strip()[:MAX_NAME_CHARACTERS] for name in names if name and name.strip())
        return cls(assignor, tuple(others)[:MAX_OTHER_IDENTIFIERS], tuple(texts)[:MAX_NAMES])


def questions_about(
    identifiers: Sequence[str], documents: Iterable[Document], former_names: Iterable[str] = ()
) -> list[RegistryQuestion]:
    """The one question about a subject: under its best identifier, with the others and with every name that
    documents give a party with one of them.

    :param identifiers: the subject's, "scheme:value"; without any there is nothing to ask
    :param former_names: known from elsewhere (tax, say)
    """
    own = {each.casefold() for each in identifiers}
    names: list[str | None] = []
    for document in documents:
        for party in parties_of(document):
            if any(str(each).casefold() in own for each in party.identifiers):
                names += [party.name, party.trading_name]
    ordered = sorted(set(identifiers), key=lambda each: (rank(each.partition(":")[0]), each))
    if not ordered:
        return []
    return [RegistryQuestion.of(ordered[0], ordered[1:], [*dict.fromkeys(names), *former_names])]


class RegistrySource:
    """Client of one registry.

    :param channel: to its server (``consortium.rpc.client.channel``); stays the caller's to close
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        limits: AskingLimits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stub = rpc.RegistrySourceServiceStub(channel)
        self._asker = Asker(SOURCE, limits, clock)
        self._clock = clock

    async def ask(self, assignors: Sequence[RegistryQuestion]) -> SourceAnswer:
        """Search; never raises, see ``asking``. Long answers come in parts.

        :param assignors: identifiers must differ
        :returns: registrations by the assignors' identifiers
        """
        asked = {each.assignor: each for each in assignors}

        def check(answer: dict[str, Any]) -> None:
            _check(answer, asked[answer["assignor"]], int(self._clock()) + CLOCK_SKEW_S)

        calls = [
            Batch(
                _Gathered(self._stub),
                pb.SearchRegistrationsRequest(assignors=[_message(question) for question in batch]),
                [question.assignor for question in batch],
                "answers",
                "assignor",
                check,
            )
            for batch in batches(assignors, MAX_ASSIGNORS)
        ]
        return await self._asker.ask(calls)


class _Gathered:
    """The streaming search, called as if it answered once; a part of an answer is none."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    async def __call__(
        self,
        request: pb.SearchRegistrationsRequest,
        *,
        timeout: float,  # noqa: ASYNC109 -- as a stub's method takes it
    ) -> pb.SearchRegistrationsResponse:
        """Parts put together."""
        running = self._stub.StreamRegistrations(
            pb.StreamRegistrationsRequest(question=request), timeout=timeout
        )
        whole = pb.SearchRegistrationsResponse()
        count = size = 0
        try:
            async for message in running:
                size += message.part.ByteSize()
                if size > MAX_STREAMED_BYTES:
                    raise WrongAnswerError(f"The answer is longer than {MAX_STREAMED_BYTES} bytes.")
                count += _join(whole, message.part)
                if count > MAX_REGISTRATIONS:
                    raise WrongAnswerError(f"The answer has more than {MAX_REGISTRATIONS} registrations.")
        finally:
            running.cancel()
        if not whole.HasField("provenance"):
            raise WrongAnswerError("The answer ended before it was whole.")
        return whole


def _join(whole: pb.SearchRegistrationsResponse, part: pb.SearchRegistrationsResponse) -> int:
    """Put a part behind what is there; how much there was in it."""
    if whole.HasField("provenance"):
        raise WrongAnswerError("Something follows the end of the answer.")
    for each in part.answers:
        if whole.answers and whole.answers[-1].assignor == each.assignor:
            whole.answers[-1].MergeFrom(_without_key(each))
        else:
            whole.answers.append(each)
    if part.HasField("provenance"):
        whole.provenance.CopyFrom(part.provenance)
    return sum(len(each.registrations) for each in part.answers) + 1


def _without_key(part: pb.AssignorAnswer) -> pb.AssignorAnswer:
    return pb.AssignorAnswer(searched_names=part.searched_names, registrations=part.registrations)


def _message(question: RegistryQuestion) -> pb.AssignorQuestion:
    return pb.AssignorQuestion(
        assignor=question.assignor, other_identifiers=question.other_identifiers, names=question.names
    )


def _check(answer: dict[str, Any], question: RegistryQuestion, latest: int) -> None:
    numbers = [each["number"] for each in answer["registrations"]]
    if len(set(numbers)) != len(numbers):
        raise WrongAnswerError("A registration is there twice.")
    own = {each.casefold() for each in (question.assignor, *question.other_identifiers)}
    names = {name_key(each) for each in (*question.names, *answer["searched_names"])}
    for each in answer["registrations"]:
        _check_registration(each, latest)
        assignor = each["assignor"]
        called = {name_key(name) for name in (assignor["name"], *assignor["former_names"])}
        if own.isdisjoint(each.casefold() for each in assignor["identifiers"]) and names.isdisjoint(called):
            raise WrongAnswerError(f"{each['number'][:40]} is of another assignor.")


def _check_registration(each: dict[str, Any], latest: int) -> None:
    if not each["number"] or not each["assignor"]["name"] or not each["secured_party"]["name"]:
        raise WrongAnswerError("A registration has no number, assignor or secured party.")
    where = each["number"][:40]
    need_one_of(each, "kind", KINDS)
    need_one_of(each, "state", STATES)
    changes = [change["at_unix"] for change in each["amendments"]]
    for seconds in (each["registered_unix"], each["cancelled_unix"], *changes):
        if not 0 <= seconds <= latest:
            raise WrongAnswerError(f"{where} has a time in the future.")
    if not each["registered_unix"] or each["expires_unix"] <= each["registered_unix"]:
        raise WrongAnswerError(f"{where} has no term.")
    if (each["state"] == "cancelled") != bool(each["cancelled_unix"]):
        raise WrongAnswerError(f"{where} is {each['state']}, with another time of cancellation.")
    for change in each["amendments"]:
        need_one_of(change, "kind", AMENDMENTS)
