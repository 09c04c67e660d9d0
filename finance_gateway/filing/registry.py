"""The registry as this gateway files there: one attempt at a time, its answer checked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

import grpc.aio
from google.protobuf.message import Message

from consortium.errors import OutcomeUnknownError
from consortium.rpc.client import call
from consortium.wire.chanrong.sources.v1 import registry_pb2 as pb
from consortium.wire.chanrong.sources.v1 import registry_pb2_grpc as rpc
from crossverify.sources.asking import CLOCK_SKEW_S
from crossverify.sources.digest import answer_digest

MAX_NUMBER_CHARS: Final = 40
"""Of a registration number; 中登 gives 20 digits."""

Request: TypeAlias = pb.FileRegistrationRequest | pb.AmendRegistrationRequest | pb.CancelRegistrationRequest


@dataclass(frozen=True, slots=True)
class Filed:
    """What the registry did. Times are seconds since 1970 UTC.

    :ivar digest: of question and answer, SHA-256 (hex)
    """

    number: str
    at: int
    expires: int
    digest: str


class FilingPort(Protocol):
    """What filing needs of the registry."""

    async def send(self, request: Request) -> Filed:
        """Sends one filing under its operation id; sent again, it changes nothing and gets the first result.

        :raises OutcomeUnknownError: it may have been done
        :raises UnavailableError: it was not done now
        :raises InvalidInputError, ConflictError, NotFoundError, DeniedError: the registry refuses it
        """
        ...


class RegistryFilings:
    """Client of the registry's filing service.

    :param channel: stays the caller's to close
    :param timeout_s: of one attempt
    """

    def __init__(
        self, channel: grpc.aio.Channel, timeout_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        stub = rpc.RegistryFilingServiceStub(channel)
        self._methods: Final[dict[type[Message], Any]] = {
            pb.FileRegistrationRequest: stub.FileRegistration,
            pb.AmendRegistrationRequest: stub.AmendRegistration,
            pb.CancelRegistrationRequest: stub.CancelRegistration,
        }
        self._timeout_s = timeout_s
        self._clock = clock

    async def send(self, request: Request) -> Filed:
        """See :class:`FilingPort`."""
        response = await call(self._methods[type(request)], request, timeout_s=self._timeout_s)
        filing = response.filing
        wrong = self._wrong(request, response)
        if wrong:
            # It may well have been done: asked again, the registry says what it did.
            raise OutcomeUnknownError(
                f"The registry's answer cannot be one: {wrong}.", reason="ANSWER_UNREADABLE"
            )
        return Filed(filing.number, filing.at_unix, filing.expires_unix, response.provenance.digest)

    def _wrong(self, request: Request, response: Any) -> str:
        filing = response.filing
        latest = int(self._clock()) + CLOCK_SKEW_S
        if response.provenance.source != "registry" or not response.provenance.institution:
            return "it does not come from a registry"
        if response.provenance.digest != answer_digest(request, response):
            return "its digest does not fit question and answer"
        if filing.operation_id != request.operation_id:
            return "it is about another operation"
        wanted = filing.number if isinstance(request, pb.FileRegistrationRequest) else request.number
        if filing.number != wanted or not 0 < len(filing.number) <= MAX_NUMBER_CHARS:
            return "it is about another registration"
        if not 0 < filing.at_unix <= latest:
            return "it is dated in the future, or not at all"
        if filing.expires_unix <= filing.at_unix and isinstance(request, pb.FileRegistrationRequest):
            return "the registration ends before it begins"
        return ""
