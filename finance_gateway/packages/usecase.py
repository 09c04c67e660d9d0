"""The use case: a bank's officer asks for a package and reads it.

1. A repeated idempotency key leads to the first call's package: the one that is there, or the one that is being made.
   A call that failed made nothing, so its key may be tried again.
2. The request is stored before anything is asked. It is made by a task of its own: a caller that goes away, or a second
   one with the same key, does not make it twice.
3. Evidence, rules, signature, proof (:mod:`finance_gateway.packages.builder`). What the package will rest on is watched
   from before the ledger is read.
4. ONE database transaction: the sealed content, and the operation that anchors its digest. From now on the package will
   be anchored, wherever this process is killed.
5. The digest is anchored. The block that holds it makes the package valid (:mod:`finance_gateway.follower`), and
   reopened at once if something happened to what it rests on since 3.

A process that is killed before 4 leaves a package ``making``: it is given up when the gateway starts, or where several
replicas share the database, once it has been made for longer than is allowed.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.contract import names
from consortium.documents.fingerprint import ConsortiumKeys, party_id
from consortium.errors import (
    ChanrongError,
    ConflictError,
    DeniedError,
    InvalidInputError,
    NotFoundError,
    OverloadedError,
    UnavailableError,
)
from consortium.identity.directory import Caller
from consortium.storage import failpoints
from consortium.storage.crypto import BodyVault, Sealed
from consortium.storage.engine import Database
from crossverify.profiles import Profile
from crossverify.rule import Stage
from finance_gateway.checks import check_fingerprint, check_length, is_hex32
from finance_gateway.heavy import heavy
from finance_gateway.monitor import store as monitor_store
from finance_gateway.monitor.sealing import seal
from finance_gateway.operations import Operation, Operations, Outcome, new_operation
from finance_gateway.packages import store
from finance_gateway.packages.builder import Builder
from finance_gateway.packages.collect import Wanted
from finance_gateway.packages.store import PackageRow
from finance_gateway.store import idempotency

METHOD: Final = "RequestPackage"
PACKING: Final = 1
"""Level of zlib: higher ones save little and take several times as long."""

MAX_FINGERPRINTS: Final = 10_000
MAX_MAKING_S: Final = 110.0
"""Longest time of making one package, within the deadline of a call."""

MAX_MAKING: Final = 2
"""Packages made at once: one waits for institutions while another one is reckoned; each takes tens of megabytes."""

MAX_WAITING: Final = 32
"""Packages made or waiting for their turn."""

GIVEN_UP_AFTER_S: Final = 180
"""A package that has been ``making`` for longer is nobody's any more."""

_LONGEST: Final = {"subject": 256, "purpose": 128, "consent_id": 64, "profile": 64, "supersedes": 32}

AFTER_ADD: Final = "package.added"
AFTER_BUILD: Final = "package.built"
AFTER_STORE: Final = "package.stored"
failpoints.declare(AFTER_ADD, AFTER_BUILD, AFTER_STORE)

_log = structlog.get_logger("chanrong.finance.packages")


@dataclass(frozen=True, slots=True)
class PackageRequest:
    """What a bank asks for; see ``chanrong.finance.v1.RequestPackageRequest``."""

    subject: str
    purpose: str
    consent_id: str = ""
    profile: str = ""
    fingerprints: tuple[str, ...] = ()
    idempotency_key: str = ""
    supersedes: str = ""
    stage: str = ""

    def digestible(self) -> bytes:
        """What has to be equal for two calls to be the same."""
        texts = [getattr(self, name) for name in _LONGEST]
        said = [*texts, list(self.fingerprints)]
        return orjson.dumps(said if self.stage in {"", Stage.ASSESS} else [*said, self.stage])


class OwnHandles(Protocol):
    """Which claims this bank can open; :class:`finance_gateway.financing.usecase.Financing` knows."""

    async def own_handles(self, handles: Collection[str]) -> set[str]:
        """The handles among these that are this bank's."""
        ...


class Meter(Protocol):
    """Who counts what was made; :class:`finance_gateway.metrics.Metrics`."""

    def package_made(self, seconds: float) -> None:
        """One was made and anchored."""
        ...

    def package_failed(self, reason: str) -> None:
        """One was not."""
        ...


class Packages:
    """Packages of one bank."""

    def __init__(
        self,
        *,
        database: Database,
        vault: BodyVault,
        keys: ConsortiumKeys,
        builder: Builder,
        operations: Operations,
        profiles: Mapping[str, Profile],
        default_profile: str,
        claims: OwnHandles,
        meter: Meter,
    ) -> None:
        self._database = database
        self._vault = vault
        self._keys = keys
        self._builder = builder
        self._operations = operations
        self._profiles = profiles
        self._default_profile = default_profile
        self._claims = claims
        self._meter = meter
        self._making: dict[str, asyncio.Task[bytes]] = {}
        self._turns = asyncio.Semaphore(MAX_MAKING)

    async def start(self, *, alone: bool) -> None:
        """Gives up what an earlier process left half-made.

        :param alone: whether no other replica can be making packages on this database
        """
        async with self._database.write() as session:
            given_up = await store.fail_interrupted(session, 0 if alone else GIVEN_UP_AFTER_S)
        if given_up:
            _log.warning("packages_interrupted", packages=given_up)

    async def stop(self) -> None:
        """Ends what is being made; what was stored goes on at the next start."""
        tasks = list(self._making.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def request(self, request: PackageRequest, caller: Caller) -> tuple[PackageRow, bytes]:
        """Makes a package.

        :raises ChanrongError: no consent, something does not answer, or the request is wrong
        """
        wanted, profile = self._understand(request)
        package_id = secrets.token_hex(16)
        if len(self._making) >= MAX_WAITING:
            raise OverloadedError(
                f"{len(self._making)} packages are being made or wait for it.", remedy="Ask again later."
            )
        async with self._database.write() as session:  # 1, 2
            found = await self._recalled(session, request, caller)
            if found is None:
                await self._check_superseded(session, wanted, request.supersedes)
                await idempotency.remember(
                    session, caller, METHOD, request.idempotency_key, request.digestible(), package_id
                )
                await store.add(
                    session,
                    package_id,
                    subject=wanted.subject,
                    purpose=wanted.purpose,
                    consent_id=wanted.consent_id,
                    profile=profile.id,
                    supersedes=request.supersedes or None,
                    requested_by=caller.name,
                )
        failpoints.reach(AFTER_ADD)
        if found is None:
            making = _Making(self, package_id, wanted, profile, request.supersedes or None)
            task = asyncio.create_task(making.run(), name=f"package-{package_id}")
            self._making[package_id] = task
            task.add_done_callback(lambda done: self._ended(package_id, done))
        else:
            package_id = found.package_id
            await self._join(found)
        if package_id in self._making:
            content = await asyncio.shield(self._making[package_id])
            return await self.row(package_id), content
        return await self.get(package_id)

    def _ended(self, package_id: str, task: asyncio.Task[bytes]) -> None:
        self._making.pop(package_id, None)
        if not task.cancelled():
            task.exception()  # fetched: the caller may have gone away

    async def _recalled(
        self, session: AsyncSession, request: PackageRequest, caller: Caller
    ) -> PackageRow | None:
        """Step 1: the package that an earlier call with this key made or is making."""
        digest = request.digestible()
        known = await idempotency.recall(session, caller, METHOD, request.idempotency_key, digest)
        if known is None:
            return None
        await store.fail_interrupted(session, GIVEN_UP_AFTER_S, known)
        row = await store.get(session, known)
        if row.stage != store.FAILED:
            return row
        await idempotency.forget(session, caller, METHOD, request.idempotency_key)
        return None

    async def _join(self, row: PackageRow) -> None:
        """Waits for what an earlier call began, as far as this process has it in hand."""
        if row.stage != store.MAKING or row.package_id in self._making:
            return
        if not row.anchor_op:
            raise ConflictError(
                "The first call with this idempotency key is still making the package.",
                reason="IDEMPOTENCY_KEY_IN_USE",
                remedy="Repeat the call in a moment: it gets the first one's result.",
            )
        _raise_if_refused(await self._operations.result(row.anchor_op))

    async def _check_superseded(self, session: AsyncSession, wanted: Wanted, supersedes: str) -> None:
        """Early, before anybody is asked anything; the contract looks again."""
        if not supersedes:
            return
        row = await store.get(session, supersedes)
        if row.subject != wanted.subject:
            raise InvalidInputError(f"Package {supersedes} is on another subject.")
        if row.stage not in store.LIVE:
            raise ConflictError(
                f"Package {supersedes} is {row.stage}; it cannot be replaced.", reason="PACKAGE_FINAL"
            )

    def _understand(self, request: PackageRequest) -> tuple[Wanted, Profile]:
        name = request.profile or self._default_profile
        if name not in self._profiles:
            raise InvalidInputError(
                f"There is no rule profile {name[:64]!r}.",
                remedy=f"Known profiles: {', '.join(self._profiles)}.",
            )
        for field, longest in _LONGEST.items():
            check_length(field, getattr(request, field), longest)
        if not request.purpose:
            raise InvalidInputError("The request names no purpose.", remedy="Name the consent's purpose.")
        if len(request.fingerprints) > MAX_FINGERPRINTS:
            raise InvalidInputError(f"At most {MAX_FINGERPRINTS} receivables can be named.")
        for fingerprint in request.fingerprints:
            check_fingerprint(fingerprint)
        by_handle = is_hex32(request.subject)
        wanted = Wanted(
            subject=self.handle(request.subject),
            identifiers=() if by_handle else (str(party_id(request.subject)),),
            purpose=request.purpose,
            consent_id=request.consent_id,
            stage=_stage(request.stage),
            fingerprints=tuple(sorted(set(request.fingerprints))),
        )
        return wanted, self._profiles[name]

    def handle(self, subject: str) -> str:
        """The ledger handle of a subject: itself, or made from an identifier "scheme:value".

        :raises InvalidInputError: neither
        """
        return subject if is_hex32(subject) else self._keys.party_handle(subject)

    async def row(self, package_id: str) -> PackageRow:
        """What is known of an issued package, without its file.

        :raises NotFoundError: there is none, or it was not issued
        """
        async with self._database.read() as session:
            row = await store.get(session, package_id)
        if row.stage not in store.ISSUED:
            raise NotFoundError(
                f"Package {package_id} was not issued: it is {row.stage}.", remedy="Ask for a new one."
            )
        return row

    async def get(self, package_id: str) -> tuple[PackageRow, bytes]:
        """A package and its file.

        :raises NotFoundError: there is none, it was not issued, or its content was erased
        """
        row = await self.row(package_id)
        async with self._database.read() as session:
            wrapped_key, content = await store.sealed_content(session, package_id)
        if content is None:
            raise NotFoundError(f"Package {package_id} has no content.", remedy="It was erased.")
        return row, await heavy(_opened, self._vault, package_id, wrapped_key, content)

    async def listed(self, subject: str, limit: int) -> list[PackageRow]:
        """Packages, newest first."""
        chosen = self.handle(subject) if subject else ""
        async with self._database.read() as session:
            return await store.listed(session, chosen, limit)

    @staticmethod
    async def settle_anchor(session: AsyncSession, operation: Operation, outcome: Outcome) -> None:
        """What an anchored digest means: the package is valid, and the one it replaces is not any more."""
        if outcome.reason:
            for item in operation.items:
                await store.fail(session, item["id"], f"{outcome.reason}: {outcome.message}")
        for item, result in zip(operation.items, outcome.results, strict=False):
            if result["status"] in {"anchored", "already"}:
                await store.issue(session, item["id"], str(result["txid"]))
            else:
                await store.fail(session, item["id"], f"{result['reason']}: {result['message']}")


class _Making:
    """One package in the making: steps 3 to 5, and the desk that its evidence is gathered at."""

    def __init__(
        self, packages: Packages, package_id: str, wanted: Wanted, profile: Profile, supersedes: str | None
    ) -> None:
        self._of = packages
        self._id = package_id
        self._wanted = wanted
        self._profile = profile
        self._supersedes = supersedes
        self._watched: set[str] = set()

    async def run(self) -> bytes:
        """Makes it; whatever goes wrong is noted on the package. Its file."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(MAX_MAKING_S), self._of._turns:
                content = await self._make()
        except TimeoutError as error:
            await self._failed("DEADLINE_EXCEEDED", "It took too long.")
            raise UnavailableError(
                f"The package was not made within {MAX_MAKING_S:.0f} s.",
                remedy="Repeat the call; ask for fewer receivables.",
            ) from error
        except ChanrongError as error:
            await self._failed(error.reason, error.message)
            raise
        except Exception as error:
            await self._failed("INTERNAL", type(error).__name__)
            raise
        self._of._meter.package_made(time.monotonic() - began)
        return content

    async def _failed(self, reason: str, message: str) -> None:
        """Notes a failure; one that comes after step 4 leaves the package to its operation."""
        self._of._meter.package_failed(reason)
        async with self._of._database.write() as session:
            row = await store.get(session, self._id)
            if not row.anchor_op:
                await store.fail(session, self._id, f"{reason}: {message}")

    async def _make(self) -> bytes:
        of = self._of
        built = await of._builder.build(self._id, self._wanted, self._profile, self._supersedes, self)  # 3
        failpoints.reach(AFTER_BUILD)
        sealed = await heavy(_sealed, of._vault, self._id, built.content)
        watched = await heavy(seal, of._vault, self._id, built.watched)
        anchor = new_operation(
            names.PACKAGES_ANCHOR,
            [
                {
                    "id": self._id,
                    "digest": built.digest,
                    "subject": self._wanted.subject,
                    "consent": built.consent_id,
                    "profile": f"{self._profile.id}/{self._profile.version}:{self._profile.digest()[:16]}",
                    "supersedes": self._supersedes,
                }
            ],
        )
        async with of._database.write() as session:  # 4
            await store.complete(session, built, anchor.op, sealed.wrapped_key, sealed.ciphertext)
            await monitor_store.add(session, self._id, watched, built.evaluated_at)
            await of._operations.store(session, anchor)
        failpoints.reach(AFTER_STORE)
        _raise_if_refused(await of._operations.result(anchor.op))  # 5
        return built.content

    async def own_handles(self, handles: Collection[str]) -> set[str]:
        """See :class:`finance_gateway.packages.ports.Desk`."""
        return await self._of._claims.own_handles(handles)

    async def watch(self, consent_id: str, fingerprints: Collection[str], *, anew: bool) -> None:
        """See :class:`finance_gateway.packages.ports.Desk`."""
        new = set(fingerprints) - self._watched
        self._watched |= new
        async with self._of._database.write() as session:
            await store.watch(session, self._id, consent_id, new, anew=anew)


def _stage(name: str) -> Stage:
    if not name:
        return Stage.ASSESS
    try:
        return Stage(name)
    except ValueError as error:
        raise InvalidInputError(
            f"There is no stage {name[:64]!r}.", remedy=f"Name one of {', '.join(Stage)}, or none."
        ) from error


def _sealed(vault: BodyVault, package_id: str, content: bytes) -> Sealed:
    """A package's file as it is stored: packed, as JSON is six times as large as what it says, then sealed."""
    return vault.seal(package_id, zlib.compress(content, PACKING))


def _opened(vault: BodyVault, package_id: str, wrapped_key: bytes | None, content: bytes) -> bytes:
    return zlib.decompress(vault.open(package_id, wrapped_key, content))


def _raise_if_refused(results: list[dict[str, Any]]) -> None:
    """:raises ConflictError: the ledger refused to anchor; :raises DeniedError: for want of consent"""
    result = results[0]
    if result["status"] != "refused":
        return
    kind = DeniedError if "CONSENT" in result["reason"] else ConflictError
    raise kind(f"The ledger refused the package: {result['message']}", reason=str(result["reason"]))
