"""Answers searches by assignor: by its identifiers, its names, and names that the registry has for those.

1. what carries one of the identifiers or names is found; 2. so are the names that stand with these identifiers in
what was found, and registrations under them: a firm that changed its name is found under the old one;
3. all are told, live or not, in the order of registration, as who asks has to see what ended, too.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from consortium.errors import InvalidInputError
from consortium.wire.chanrong.sources.v1 import registry_pb2 as pb
from consortium.wire.chanrong.sources.v1 import registry_pb2_grpc as rpc
from crossverify.adapters.context import Context
from crossverify.adapters.ids import normal_id
from crossverify.adapters.institution import (
    Institution,
    check_batch,
    check_text,
    question_error,
    wrong_question,
)
from crossverify.adapters.registry import store
from crossverify.adapters.registry.load import REGISTRATIONS
from crossverify.adapters.registry.records import (
    MAX_IDENTIFIERS,
    MAX_NAME_CHARACTERS,
    MAX_NAMES,
    Entry,
    RegistryParty,
)
from crossverify.collateral import name_key
from crossverify.sources.registry import MAX_ASSIGNORS, PART_REGISTRATIONS


class RegistryService(rpc.RegistrySourceServiceServicer):
    """Questions to the registry.

    :param clock: seconds since 1970 UTC: a registration ends by itself
    """

    def __init__(self, institution: Institution, clock: Callable[[], float] = time.time) -> None:
        self._institution = institution
        self._clock = clock

    async def SearchRegistrations(
        self, request: pb.SearchRegistrationsRequest, context: Context
    ) -> pb.SearchRegistrationsResponse:
        """Registrations of each assignor."""
        return await self._answer(request)

    async def StreamRegistrations(
        self, request: pb.StreamRegistrationsRequest, context: Context
    ) -> AsyncIterator[pb.StreamRegistrationsResponse]:
        """The same in parts, then the provenance of the whole."""
        whole = await self._answer(request.question)
        for part in parts(whole):
            yield pb.StreamRegistrationsResponse(part=part)

    async def _answer(self, request: pb.SearchRegistrationsRequest) -> pb.SearchRegistrationsResponse:
        self._institution.check_answering()
        check_batch(len(request.assignors), MAX_ASSIGNORS, "assignors")
        for index, question in enumerate(request.assignors):
            check_text(question.assignor, f"assignors[{index}].assignor")
        now = int(self._clock())
        async with self._institution.database.read() as session:
            as_of = await self._institution.as_of(session, REGISTRATIONS)
            answers = [await _search(session, question, now) for question in request.assignors]
        response = pb.SearchRegistrationsResponse(answers=answers)
        self._institution.sign_off(request, response, as_of)
        return response


def _check(question: pb.AssignorQuestion) -> None:
    """Refuse one question; its neighbours are answered."""
    check_batch(len(question.other_identifiers), MAX_IDENTIFIERS, "other_identifiers")
    check_batch(len(question.names), MAX_NAMES, "names")
    for identifier in (question.assignor, *question.other_identifiers):
        check_text(identifier, "identifier")
        if not normal_id(identifier):
            raise wrong_question("identifier", identifier, "it is not written scheme:value")
    for name in question.names:
        check_text(name, "name", limit=MAX_NAME_CHARACTERS)


@dataclass(frozen=True, slots=True)
class _Found:
    names: tuple[str, ...]
    entries: tuple[Entry, ...]


async def _find(session: AsyncSession, identifiers: Sequence[str], names: Sequence[str]) -> _Found:
    keys = store.search_keys(identifiers, names)  # 1
    by_key = await store.numbers_of(session, keys)
    entries = await store.entries(session, {number for found in by_key.values() for number in found})
    own = {store.id_key(each) for each in identifiers} - {""}
    known = list(names)
    for entry in entries.values():  # 2
        assignor = entry.record.assignor
        if own & {store.id_key(each) for each in assignor.identifiers}:
            known += [assignor.name, *assignor.former_names]
    further = store.search_keys((), known) - keys
    if further:
        by_key = await store.numbers_of(session, further)
        numbers = {number for found in by_key.values() for number in found} - entries.keys()
        entries |= await store.entries(session, numbers)
    unique = {name_key(name): name for name in reversed(known)}
    ordered = sorted(entries.values(), key=lambda each: (each.record.registered, each.sequence))  # 3
    return _Found(tuple(sorted(unique.values())), tuple(ordered))


async def _search(session: AsyncSession, question: pb.AssignorQuestion, now: int) -> pb.AssignorAnswer:
    try:
        _check(question)
    except InvalidInputError as error:
        return pb.AssignorAnswer(assignor=question.assignor, error=question_error(error))
    found = await _find(session, (question.assignor, *question.other_identifiers), list(question.names))
    return pb.AssignorAnswer(
        assignor=question.assignor,
        searched_names=found.names,
        registrations=[registration(entry, now) for entry in found.entries],
    )


def registration(entry: Entry, now: int) -> pb.Registration:
    """A registration as it is told."""
    record = entry.record
    return pb.Registration(
        number=record.number,
        kind=record.kind,
        assignor=_party(record.assignor),
        secured_party=_party(record.secured_party),
        description=entry.description,
        registered_unix=record.registered,
        sequence=entry.sequence,
        term_months=entry.term_months,
        expires_unix=entry.expires,
        state=entry.state(now),
        cancelled_unix=record.cancelled or 0,
        amendments=[
            pb.RegistryAmendment(
                at_unix=each.at, kind=each.kind, description=each.description, term_months=each.term_months
            )
            for each in record.amendments
        ],
        filed_by=entry.filed_by,
        first_description="" if entry.description == record.description else record.description,
    )


def _party(party: RegistryParty) -> pb.RegistryParty:
    return pb.RegistryParty(name=party.name, identifiers=party.identifiers, former_names=party.former_names)


MAX_PART_CHARACTERS: Final = 500_000
"""Descriptions in one part: a message stays far below what a channel takes."""


def parts(whole: pb.SearchRegistrationsResponse) -> Iterator[pb.SearchRegistrationsResponse]:
    """A long answer in parts; the last has the provenance."""
    part = pb.SearchRegistrationsResponse()
    count = size = 0
    for answer in whole.answers:
        begun = pb.AssignorAnswer(assignor=answer.assignor, searched_names=answer.searched_names)
        if answer.HasField("error"):
            begun.error.CopyFrom(answer.error)
        part.answers.append(begun)
        for each in answer.registrations:
            length = _length(each)
            if count and (count >= PART_REGISTRATIONS or size + length > MAX_PART_CHARACTERS):
                yield part
                part = pb.SearchRegistrationsResponse(answers=[pb.AssignorAnswer(assignor=answer.assignor)])
                count = size = 0
            part.answers[-1].registrations.append(each)
            count, size = count + 1, size + length
    part.provenance.CopyFrom(whole.provenance)
    yield part


def _length(each: Any) -> int:
    return len(each.description) + sum(len(change.description) for change in each.amendments)
