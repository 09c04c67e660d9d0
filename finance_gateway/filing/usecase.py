"""The use case: this bank's registrations in the movable-property registry, each act exactly once.

1. What is filed is made from the package's documents (:mod:`finance_gateway.filing.text`) and checked.
2. ONE database transaction stores it: the sealed message with its operation id, and the idempotency key. From then on
   it will be filed.
3. That it is about to be sent is stored: from then on its outcome is *unknown* until the registry says it.
4. It is sent under its operation id, which the registry keeps with what it did.
5. The answer settles it: done, or refused. Silence, or an answer that cannot be one, settles nothing: it is asked again
   under the same operation id, by the next call with the same key, by the background task, or after a crash. The
   registry then tells what it did the first time, or does it now: once, whatever happens.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog
from pydantic import ValidationError

from consortium.documents.identifiers import Validity, check_identifier
from consortium.documents.party import PartyId
from consortium.errors import (
    ChanrongError,
    ConflictError,
    DeniedError,
    InvalidInputError,
    NotFoundError,
    OutcomeUnknownError,
    UnavailableError,
)
from consortium.identity.directory import Caller
from consortium.storage import failpoints
from consortium.storage.crypto import BodyVault
from consortium.storage.engine import Database
from consortium.wire.chanrong.sources.v1 import registry_pb2 as pb
from crossverify.evidence import SourceAnswer
from crossverify.sources.registry import RegistryQuestion
from finance_gateway.checks import check_length
from finance_gateway.filing import store
from finance_gateway.filing.registry import FilingPort, Request
from finance_gateway.filing.store import FilingRow
from finance_gateway.filing.text import (
    KINDS,
    MAX_DESCRIPTION_CHARACTERS,
    MAX_TERM_MONTHS,
    Described,
    describe,
    term_months,
)
from finance_gateway.heavy import heavy
from finance_gateway.packages.store import PackageRow
from finance_gateway.store import idempotency

MAX_ASSETS: Final = 1_000
RESUME_INTERVAL_S: Final = 5.0
"""How often filings whose outcome is not known are asked for again."""

RESUMED_AT_ONCE: Final = 4
REASONS: Final = ("paid", "agreed", "error")
AMENDMENTS: Final = ("description", "term", "release")

AFTER_STORE: Final = "filing.stored"
AFTER_NOTED: Final = "filing.noted"
AFTER_ANSWER: Final = "filing.answered"
failpoints.declare(AFTER_STORE, AFTER_NOTED, AFTER_ANSWER)

MESSAGES: Final[dict[str, type[Any]]] = {
    store.FILE: pb.FileRegistrationRequest,
    store.AMEND: pb.AmendRegistrationRequest,
    store.CANCEL: pb.CancelRegistrationRequest,
}
_log = structlog.get_logger("chanrong.finance.filing")


class PackagesPort(Protocol):
    """What this asks of :class:`finance_gateway.packages.usecase.Packages`."""

    async def get(self, package_id: str) -> tuple[PackageRow, bytes]:
        """A package and its file."""
        ...


class SearchPort(Protocol):
    """The registry, searched."""

    async def ask(self, assignors: Sequence[RegistryQuestion]) -> SourceAnswer:
        """Never raises: silent is an answer."""
        ...


@dataclass(frozen=True, slots=True)
class Secured:
    """The bank as it stands in its registrations."""

    name: str
    identifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filing:
    """A filing as it now is, with what was sent."""

    row: FilingRow
    request: Request

    @property
    def description(self) -> str:
        """The property as described; empty for a cancellation."""
        return getattr(self.request, "description", "")


@dataclass(frozen=True, slots=True)
class FileWanted:
    """What to file; see ``FileAssetsRequest``."""

    package_id: str
    fingerprints: tuple[str, ...] = ()
    kind: str = ""
    term_months: int = 0


@dataclass(frozen=True, slots=True)
class AmendWanted:
    """What to change; see ``AmendFilingRequest``."""

    registration: str
    kind: str
    description: str = ""
    term_months: int = 0
    package_id: str = ""
    fingerprints: tuple[str, ...] = ()


class Filings:
    """Registrations of one bank.

    :param registry: None where this bank has no contract with a registry
    :param clock: seconds since 1970 UTC
    """

    def __init__(
        self,
        *,
        database: Database,
        vault: BodyVault,
        packages: PackagesPort,
        registry: FilingPort | None,
        search: SearchPort | None,
        secured: Secured,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._vault = vault
        self._packages = packages
        self._registry = registry
        self._search = search
        self._secured = secured
        self._clock = clock
        self._running: dict[str, asyncio.Task[None]] = {}
        self._resumer: asyncio.Task[None] | None = None

    # --- life -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Goes on with what is open, now and from time to time."""
        if self._registry is not None:
            self._resumer = asyncio.create_task(self._resume_always(), name="filings-resume")

    async def stop(self) -> None:
        """Ends; what is open goes on at the next start."""
        tasks = [task for task in (self._resumer, *self._running.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _resume_always(self) -> None:
        while True:
            try:
                await self.resume()
            except ChanrongError as error:
                _log.warning("filings_wait", reason=error.reason)
            except Exception:  # noqa: BLE001 - what was promised goes on, whatever went wrong once
                _log.exception("filings_wait")
            await asyncio.sleep(RESUME_INTERVAL_S)

    async def resume(self) -> None:
        """Asks again for every filing whose outcome is not known."""
        async with self._database.read() as session:
            waiting = await store.open_ids(session, self._running.keys())
        gate = asyncio.Semaphore(RESUMED_AT_ONCE)

        async def one(filing_id: str) -> None:
            async with gate:
                await self._run(filing_id)

        for outcome in await asyncio.gather(*(one(each) for each in waiting), return_exceptions=True):
            if isinstance(outcome, Exception):  # one that cannot be read stops no other
                _log.warning("filing_waits", kind=type(outcome).__name__)

    # --- questions ------------------------------------------------------------------------------

    async def search(self, assignor: str, names: Sequence[str]) -> SourceAnswer:
        """What the registry has on an assignor, as of now.

        :raises UnavailableError: this bank has no registry
        """
        check_length("assignor", assignor, 240)
        wrong = _wrong_identifier(assignor)
        if wrong:
            raise InvalidInputError(
                f"{assignor[:40]!r} is no identifier: {wrong}",
                remedy="Write scheme:value, such as uscc:91310000MA1FL8TQ32.",
            )
        if self._search is None:
            raise self._no_registry()
        return await self._search.ask([RegistryQuestion.of(assignor, (), names)])

    async def listed(self, registration: str = "", fingerprint: str = "") -> list[Filing]:
        """Filings, newest first."""
        async with self._database.read() as session:
            rows = await store.listed(session, registration, fingerprint)
        return [self._opened(row) for row in rows]

    async def preview(self, wanted: FileWanted) -> Filing:
        """What would be filed; nothing is stored or sent."""
        request, described = await self._made(wanted)
        row = self._row(store.FILE, request, described.fingerprints, "preview")
        return Filing(row, request)

    # --- acts -----------------------------------------------------------------------------------

    async def file(self, wanted: FileWanted, key: str, caller: Caller) -> Filing:
        """Makes the description from the package's documents, and files it.

        :raises ConflictError: ALREADY_FILED, one of the assets stands in a registration of this bank
        """
        said = [wanted.package_id, *sorted(wanted.fingerprints), wanted.kind, wanted.term_months]
        known = await self._recalled("FileAssets", key, said, caller)
        if known is not None:
            return await self._settled(known)
        request, described = await self._made(wanted)
        return await self._act(store.FILE, request, described.fingerprints, ("FileAssets", key, said), caller)

    async def amend(self, wanted: AmendWanted, key: str, caller: Caller) -> Filing:
        """Changes term or description of one of this bank's registrations, or releases assets from it."""
        said = [wanted.registration, wanted.kind, wanted.description, wanted.term_months, wanted.package_id]
        said += sorted(wanted.fingerprints)
        known = await self._recalled("AmendFiling", key, said, caller)
        if known is not None:
            return await self._settled(known)
        if wanted.kind not in AMENDMENTS:
            raise InvalidInputError(
                f"{wanted.kind[:40]!r} cannot be amended.", remedy=f"Give one of {', '.join(AMENDMENTS)}."
            )
        async with self._database.read() as session:
            before = await store.made(session, wanted.registration)
        description, fingerprints = wanted.description, before.fingerprints
        if wanted.kind == "term":
            description = ""
            if not 1 <= wanted.term_months <= MAX_TERM_MONTHS:
                raise InvalidInputError(
                    f"A term of {wanted.term_months} months cannot be registered.",
                    remedy=f"Give 1 to {MAX_TERM_MONTHS} months, from the registration on.",
                )
        elif not description:
            described = await self._described(wanted.package_id, wanted.fingerprints, before.kind)
            description, fingerprints = described.description, described.fingerprints
        check_length("description", description, MAX_DESCRIPTION_CHARACTERS)
        request = pb.AmendRegistrationRequest(
            operation_id=secrets.token_hex(16),
            number=wanted.registration,
            kind=wanted.kind,
            description=description,
            term_months=wanted.term_months if wanted.kind == "term" else 0,
        )
        return await self._act(store.AMEND, request, fingerprints, ("AmendFiling", key, said), caller)

    async def cancel(self, registration: str, reason: str, key: str, caller: Caller) -> Filing:
        """Ends one of this bank's registrations."""
        said = [registration, reason]
        known = await self._recalled("CancelFiling", key, said, caller)
        if known is not None:
            return await self._settled(known)
        if reason not in REASONS:
            raise InvalidInputError(
                f"{reason[:40]!r} is no reason to cancel.", remedy=f"Give one of {', '.join(REASONS)}."
            )
        async with self._database.read() as session:
            before = await store.made(session, registration)
        request = pb.CancelRegistrationRequest(
            operation_id=secrets.token_hex(16), number=registration, reason=reason
        )
        return await self._act(
            store.CANCEL, request, before.fingerprints, ("CancelFiling", key, said), caller
        )

    async def _made(self, wanted: FileWanted) -> tuple[pb.FileRegistrationRequest, Described]:
        """Step 1."""
        kind = wanted.kind or "assignment"
        described = await self._described(wanted.package_id, wanted.fingerprints, kind)
        request = pb.FileRegistrationRequest(
            operation_id=secrets.token_hex(16),
            kind=kind,
            assignor=described.assignor,
            secured_party=pb.RegistryParty(name=self._secured.name, identifiers=self._secured.identifiers),
            description=described.description,
            term_months=term_months(wanted.term_months, described.last_due, int(self._clock())),
        )
        return request, described

    async def _described(self, package_id: str, fingerprints: Sequence[str], kind: str) -> Described:
        if kind not in KINDS:
            raise InvalidInputError(
                f"{kind[:40]!r} cannot be filed.", remedy=f"Give one of {', '.join(KINDS)}."
            )
        if len(fingerprints) > MAX_ASSETS:
            raise InvalidInputError(f"File at most {MAX_ASSETS} assets at once.")
        row, content = await self._packages.get(package_id)
        return await heavy(describe, content, row.profile, fingerprints, kind)

    async def _act(
        self,
        act: str,
        request: Request,
        fingerprints: Sequence[str],
        called: tuple[str, str, Sequence[object]],
        caller: Caller,
    ) -> Filing:
        """Steps 2 to 5."""
        if self._registry is None:
            raise self._no_registry()
        method, key, said = called
        row = self._row(act, request, fingerprints, store.PENDING, f"{caller.role}/{caller.name}")
        async with self._database.write() as session:
            known = await idempotency.recall(session, caller, method, key, repr(said).encode())
            if known is None:
                if act == store.FILE:
                    before = await store.covering(session, row.fingerprints, int(self._clock()))
                    if before is not None:
                        raise _already(before)
                await idempotency.remember(session, caller, method, key, repr(said).encode(), row.filing_id)
                await store.add(session, row)
        failpoints.reach(AFTER_STORE)
        return await self._settled(known or row.filing_id)

    async def _recalled(self, method: str, key: str, said: Sequence[object], caller: Caller) -> str | None:
        async with self._database.read() as session:
            return await idempotency.recall(session, caller, method, key, repr(said).encode())

    def _row(
        self, act: str, request: Request, fingerprints: Sequence[str], state: str, requested_by: str = ""
    ) -> FilingRow:
        filing_id = secrets.token_hex(16)
        sealed = self._vault.seal(filing_id, request.SerializeToString(deterministic=True))
        return FilingRow(
            filing_id=filing_id,
            operation_id=request.operation_id,
            act=act,
            state=state,
            registration=getattr(request, "number", ""),
            kind=getattr(request, "kind", "") or getattr(request, "reason", ""),
            term_months=getattr(request, "term_months", 0),
            fingerprints=tuple(fingerprints),
            request=sealed.ciphertext,
            wrapped_key=sealed.wrapped_key,
            attempts=0,
            registered=0,
            expires=0,
            reason="",
            message="",
            created=int(self._clock()),
            requested_by=requested_by[:128],
        )

    def _opened(self, row: FilingRow) -> Filing:
        content = self._vault.open(row.filing_id, row.wrapped_key, row.request)
        return Filing(row, MESSAGES[row.act].FromString(content))

    # --- sending --------------------------------------------------------------------------------

    async def _settled(self, filing_id: str) -> Filing:
        """The filing after one more attempt, where it is open; its state says whether that settled it."""
        async with self._database.read() as session:
            row = await store.get(session, filing_id)
        if row.state in store.OPEN:
            await self._run(filing_id)
            async with self._database.read() as session:
                row = await store.get(session, filing_id)
        return self._opened(row)

    async def _run(self, filing_id: str) -> None:
        task = self._running.get(filing_id)
        if task is None:
            task = asyncio.create_task(self._attempt(filing_id), name=f"filing-{filing_id}")
            self._running[filing_id] = task
            task.add_done_callback(lambda _: self._running.pop(filing_id, None))
        # A caller that goes away does not stop a filing that may have reached the registry.
        await asyncio.shield(task)

    async def _attempt(self, filing_id: str) -> None:
        if self._registry is None:
            return
        async with self._database.write() as session:
            row = await store.get(session, filing_id)
            if not await store.sending(session, filing_id):  # 3
                return
        failpoints.reach(AFTER_NOTED)
        filing = self._opened(row)
        try:
            filed = await self._registry.send(filing.request)  # 4
        except (InvalidInputError, ConflictError, NotFoundError, DeniedError) as error:
            await self._refused(row, error)
            return
        except UnavailableError as error:
            # Nothing was done by this attempt; whether an earlier one did is as unknown as before.
            await self._waits(row, row.state, error)
            return
        except ChanrongError as error:
            await self._waits(row, store.UNKNOWN, error)
            return
        failpoints.reach(AFTER_ANSWER)
        async with self._database.write() as session:  # 5
            await store.settle(
                session,
                filing_id,
                store.DONE,
                registration=filed.number,
                registered=filed.at,
                expires=filed.expires,
                digest=filed.digest,
                reason="",
                message="",
            )
            if row.act == store.AMEND:
                await store.extend(session, filed.number, filed.expires)
        _log.info("filed", act=row.act, registration=filed.number, attempts=row.attempts + 1)

    async def _refused(self, row: FilingRow, error: ChanrongError) -> None:
        if isinstance(error, DeniedError) and error.reason != "REGISTRATION_NOT_OWN":
            # Not about the filing, but about who may call: an earlier attempt may have been let in.
            state = row.state if row.state == store.UNKNOWN else store.PENDING
            await self._waits(row, state, error)
            return
        async with self._database.write() as session:
            await store.settle(session, row.filing_id, store.REFUSED, reason=error.reason, message=str(error))
        _log.warning("filing_refused", act=row.act, reason=error.reason)

    async def _waits(self, row: FilingRow, state: str, error: ChanrongError) -> None:
        async with self._database.write() as session:
            await store.settle(session, row.filing_id, state, reason=error.reason, message=str(error))
        outcome = "unknown" if isinstance(error, OutcomeUnknownError) else "not now"
        _log.warning("filing_waits", act=row.act, reason=error.reason, outcome=outcome)

    @staticmethod
    def _no_registry() -> UnavailableError:
        return UnavailableError(
            "This bank's gateway has no movable-property registry.",
            reason="REGISTRY_NOT_CONFIGURED",
            remedy="Give its address in the gateway's settings (adapters.registry).",
        )


def _wrong_identifier(text: str) -> str:
    """Why a text identifies nobody; empty when it may. With a slip nothing is found, which reads like good news."""
    scheme, _, value = text.partition(":")
    try:
        checked = check_identifier(PartyId(scheme=scheme, value=value))
    except ValidationError:
        return "it is not written scheme:value."
    return checked.reason if checked.validity is Validity.INVALID else ""


def _already(before: FilingRow) -> ConflictError:
    what = f"registration {before.registration}" if before.registration else f"filing {before.filing_id}"
    return ConflictError(
        f"This bank has {what} on one of these assets already.",
        reason="ALREADY_FILED",
        remedy="Amend or cancel that one; `chanrong registry show` lists them.",
        details={"filing": before.filing_id, "registration": before.registration},
    )
