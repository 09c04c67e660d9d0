"""Takes filings: registrations, amendments, cancellations, each exactly once.

1. who files is known by its certificate; 2. its operation id is looked up: the same request again gets the first
result, another request under the same id is refused; 3. the filing is checked; 4. what it does and its result under
the operation id are one database transaction. So a filer whose answer was lost asks again, and nothing happens twice.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from google.protobuf.message import Message
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.documents.canonical import canonical_bytes
from consortium.errors import ConflictError, DeniedError, InvalidInputError, NotFoundError
from consortium.rpc.guard import current_caller
from consortium.wire.chanrong.sources.v1 import registry_pb2 as pb
from consortium.wire.chanrong.sources.v1 import registry_pb2_grpc as rpc
from crossverify.adapters.context import Context
from crossverify.adapters.institution import Institution, check_text, wrong_question
from crossverify.adapters.registry import store
from crossverify.adapters.registry.load import REGISTRATIONS
from crossverify.adapters.registry.records import REASONS, Amendment, Entry, RegistrationRecord
from crossverify.adapters.strict import mistakes
from crossverify.sources.digest import sparse

MIN_OPERATION_ID: Final = 16
MAX_OPERATION_ID: Final = 64

Response = TypeVar("Response", bound=Message)
Act = Callable[[AsyncSession, str, int], Awaitable[pb.Filing]]
"""Does a filing for a filer (MSP id) at a time, in one transaction."""


class FilingService(rpc.RegistryFilingServiceServicer):
    """Filings.

    :param clock: seconds since 1970 UTC: when a filing is registered
    """

    def __init__(self, institution: Institution, clock: Callable[[], float] = time.time) -> None:
        self._institution = institution
        self._clock = clock

    async def FileRegistration(  # noqa: N802 -- the proto's name
        self, request: pb.FileRegistrationRequest, context: Context
    ) -> pb.FileRegistrationResponse:
        """Make a registration."""

        async def act(session: AsyncSession, filer: str, now: int) -> pb.Filing:
            _record(request, "0000", now)  # before a place in the order is taken
            sequence, at = await store.next_place(session, now)
            record = _record(request, number_of(at, sequence), at)
            entry = Entry(record=record, sequence=sequence, filed_by=filer)
            await store.put(session, entry, at)
            return _filing(request.operation_id, entry, at)

        return await self._once(request, pb.FileRegistrationResponse, act)

    async def AmendRegistration(  # noqa: N802 -- the proto's name
        self, request: pb.AmendRegistrationRequest, context: Context
    ) -> pb.AmendRegistrationResponse:
        """Change one's own registration."""

        async def act(session: AsyncSession, filer: str, now: int) -> pb.Filing:
            entry = await _own(session, request.number, filer, now)
            values = {
                "at": max(now, _last_time(entry)),
                "kind": request.kind,
                "description": request.description,
                "term_months": request.term_months,
            }
            try:
                amendment = Amendment.model_validate(values)
                changed = {**entry.record.model_dump(), "amendments": (*entry.record.amendments, amendment)}
                record = RegistrationRecord.model_validate(changed)
            except ValidationError as error:
                raise wrong_question("amendment", request.number, mistakes(error, values)) from error
            entry = entry.model_copy(update={"record": record})
            if entry.expires <= now:
                raise wrong_question("term_months", str(request.term_months), "it would have ended already")
            await store.put(session, entry, amendment.at)
            return _filing(request.operation_id, entry, amendment.at)

        return await self._once(request, pb.AmendRegistrationResponse, act)

    async def CancelRegistration(  # noqa: N802 -- the proto's name
        self, request: pb.CancelRegistrationRequest, context: Context
    ) -> pb.CancelRegistrationResponse:
        """End one's own registration."""

        async def act(session: AsyncSession, filer: str, now: int) -> pb.Filing:
            if request.reason not in REASONS:
                raise wrong_question("reason", request.reason[:40], f"it is none of {', '.join(REASONS)}")
            entry = await _own(session, request.number, filer, now)
            at = max(now, _last_time(entry))
            entry = entry.changed(cancelled=at)
            await store.put(session, entry, at)
            return _filing(request.operation_id, entry, at)

        return await self._once(request, pb.CancelRegistrationResponse, act)

    async def _once(self, request: Any, kind: type[Response], act: Act) -> Response:
        self._institution.check_answering()
        operation_id = str(request.operation_id)
        check_text(operation_id, "operation_id", limit=MAX_OPERATION_ID)
        if len(operation_id) < MIN_OPERATION_ID or not operation_id.isascii():
            raise wrong_question("operation_id", operation_id, f"it has {MIN_OPERATION_ID} to 64 characters")
        filer = current_caller().org  # 1
        digest = request_digest(request)
        now = int(self._clock())
        async with self._institution.database.write() as session:
            await store.in_turn(session)
            known = await store.recall(session, filer, operation_id)  # 2
            if known is None:
                filing = await act(session, filer, now)  # 3
                await store.remember(session, filer, operation_id, digest, sparse(filing))  # 4
                await self._institution.move_as_of(session, [REGISTRATIONS], filing.at_unix)
            else:
                filing = _again(digest, *known)
        response = kind(filing=filing)
        self._institution.sign_off(request, response, filing.at_unix)
        return response


def request_digest(request: Message) -> str:
    """What makes two requests under one operation id the same."""
    said = {"method": request.DESCRIPTOR.name, "request": sparse(request)}
    return hashlib.sha256(canonical_bytes(said)).hexdigest()


def number_of(at: int, sequence: int) -> str:
    """A registration number: the day in China, and the place in the order; 20 digits."""
    china = datetime.fromtimestamp(at + 8 * 3600, UTC)
    return f"{china:%Y%m%d}{sequence:012}"


def _again(digest: str, first: str, result: dict[str, Any]) -> pb.Filing:
    if first != digest:
        raise ConflictError(
            "The operation id was used for another filing.",
            reason="OPERATION_ID_REUSED",
            remedy="Use a new operation id for a new filing, and the same request for the same id.",
        )
    return pb.Filing(**result)


def _record(request: pb.FileRegistrationRequest, number: str, at: int) -> RegistrationRecord:
    def party(given: pb.RegistryParty) -> dict[str, Any]:
        return {
            "name": given.name,
            "identifiers": tuple(given.identifiers),
            "former_names": tuple(given.former_names),
        }

    values = {
        "number": number,
        "kind": request.kind,
        "assignor": party(request.assignor),
        "secured_party": party(request.secured_party),
        "description": request.description,
        "registered": at,
        "term_months": request.term_months,
    }
    try:
        return RegistrationRecord.model_validate(values)
    except ValidationError as error:
        raise InvalidInputError(
            f"The registration cannot be made: {mistakes(error, values)}.",
            reason="FILING_INVALID",
            remedy="Correct the filing and send it under a new operation id.",
        ) from error


async def _own(session: AsyncSession, number: str, filer: str, now: int) -> Entry:
    check_text(number, "number", limit=40)
    known = await store.get(session, number)
    if known is None:
        raise NotFoundError(f"There is no registration {number}.", reason="REGISTRATION_UNKNOWN")
    entry = known[0]
    if entry.filed_by != filer:
        raise DeniedError(
            f"Registration {number} was filed by somebody else.",
            reason="REGISTRATION_NOT_OWN",
            remedy="Only who filed a registration can change it; ask the secured party.",
        )
    if entry.state(now) != "live":
        raise ConflictError(
            f"Registration {number} is {entry.state(now)}.",
            reason="REGISTRATION_ENDED",
            remedy="What ended cannot be changed; file a new registration, with a new place in the order.",
        )
    return entry


def _last_time(entry: Entry) -> int:
    amendments = entry.record.amendments
    return amendments[-1].at if amendments else entry.record.registered


def _filing(operation_id: str, entry: Entry, at: int) -> pb.Filing:
    return pb.Filing(
        operation_id=operation_id,
        number=entry.record.number,
        at_unix=at,
        sequence=entry.sequence,
        expires_unix=entry.expires,
    )
