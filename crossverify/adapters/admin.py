"""How a reference institution is given its data, and paused: the same for all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import PurePath
from typing import Final, Protocol, TypeVar, runtime_checkable

import structlog

from consortium.errors import InvalidInputError
from consortium.rpc.guard import current_caller
from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.adapters.context import Context
from crossverify.adapters.institution import Institution
from crossverify.adapters.records import LoadProblem, LoadReport

MAX_FILE_BYTES: Final = 24 * 1024 * 1024
"""Of one load: about 50,000 bank entries. On its way through gRPC a message is in memory four times."""

MAX_FILE_NAME_CHARACTERS: Final = 120
CLOCK_SKEW_S: Final = 300
"""How far ahead of our clock an as-of time may be."""

BATCH_RECORDS: Final = 500
"""Records of one database transaction: few enough that questions never wait long for the writer."""

Item = TypeVar("Item")
_log = structlog.get_logger("chanrong.adapters")


class Loader(Protocol):
    """Reads the files of one institution."""

    async def load(self, content: bytes, as_of: int) -> LoadReport:
        """Take in what can be read; the report says what could not. Paths in it are relative to the file."""
        ...


@runtime_checkable
class NamedLoader(Protocol):
    """A loader to which a file's name says something as well."""

    async def load_named(self, content: bytes, as_of: int, name: str) -> LoadReport:
        """As ``Loader.load``."""
        ...


class AdminService(rpc.InstitutionAdminServiceServicer):
    """Loads data and pauses; only operators are let in (permission table).

    :param clock: seconds since 1970 UTC
    """

    def __init__(
        self, institution: Institution, loader: Loader, clock: Callable[[], float] = time.time
    ) -> None:
        self._institution = institution
        self._loader = loader
        self._clock = clock
        self._turn = asyncio.Lock()

    async def LoadData(  # noqa: N802 -- the proto's name
        self, request: pb.LoadDataRequest, context: Context
    ) -> pb.LoadDataResponse:
        """Load one file; one at a time."""
        as_of = self._as_of(request.as_of_unix)
        content = request.content
        request.ClearField("content")  # each reading of the field is a copy; one is enough for a large file
        if len(content) > MAX_FILE_BYTES:
            raise InvalidInputError(
                f"The file has {len(content)} bytes; {MAX_FILE_BYTES} are taken at once.",
                reason="TOO_LARGE",
                remedy="Load it in several files.",
            )
        async with self._turn:
            report = await self._load(content, as_of, request.file_name)
            async with self._institution.database.write() as session:
                await self._institution.move_as_of(session, report.datasets, as_of)
        _log.info(
            "loaded",
            institution=self._institution.name,
            by=current_caller().name,
            loaded=report.loaded,
            unchanged=report.unchanged,
            problems=len(report.problems) + report.further_problems,
        )
        name = PurePath(request.file_name).name[-MAX_FILE_NAME_CHARACTERS:] or "file"
        return pb.LoadDataResponse(
            loaded=report.loaded,
            unchanged=report.unchanged,
            problems=[_problem(name, problem) for problem in report.problems],
            further_problems=report.further_problems,
        )

    async def SetPaused(  # noqa: N802 -- the proto's name
        self, request: pb.SetPausedRequest, context: Context
    ) -> pb.SetPausedResponse:
        """Pause or resume."""
        await self._institution.set_paused(request.paused)
        _log.info("paused" if request.paused else "resumed", by=current_caller().name)
        return pb.SetPausedResponse(paused=self._institution.paused)

    async def _load(self, content: bytes, as_of: int, name: str) -> LoadReport:
        if isinstance(self._loader, NamedLoader):
            return await self._loader.load_named(
                content, as_of, PurePath(name).name[-MAX_FILE_NAME_CHARACTERS:]
            )
        return await self._loader.load(content, as_of)

    def _as_of(self, given: int) -> int:
        now = int(self._clock())
        if given < 0 or given > now + CLOCK_SKEW_S:
            raise InvalidInputError(
                f"The as-of time {given} is not between 1970 and now.",
                reason="AS_OF_INVALID",
                remedy="Give the time at which the data were true, in seconds since 1970, or none for now.",
            )
        return given or now


def _problem(name: str, problem: LoadProblem) -> pb.LoadProblem:
    return pb.LoadProblem(path=f"{name}{problem.path}", message=problem.message, remedy=problem.remedy)


async def in_batches(items: Iterator[Item], size: int = BATCH_RECORDS) -> AsyncIterator[list[Item]]:
    """Items of a slow iterator in batches, each made in a thread so that questions are answered meanwhile."""

    def take() -> list[Item]:
        return [item for _, item in zip(range(size), items, strict=False)]

    while batch := await asyncio.to_thread(take):
        yield batch
