"""The use case: a bank's officer asks for a package, reads it, follows it.

1. a repeated idempotency key leads to the first call's package, whatever became of it
2. the request is stored before anything is asked
3. evidence, rules, signature, proof (:mod:`finance_gateway.packages.builder`)
4. ONE database transaction: the sealed content, what it rests on, and the operation that anchors its digest
5. the digest is anchored; with the result the package becomes valid and its event is recorded
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from consortium.contract import names
from consortium.documents.fingerprint import ConsortiumKeys
from consortium.errors import ChanrongError, ConflictError, InvalidInputError, NotFoundError
from consortium.identity.directory import Caller
from consortium.storage import failpoints
from consortium.storage.crypto import BodyVault
from consortium.storage.engine import Database
from crossverify.profiles import Profile
from crossverify.rule import Stage
from finance_gateway.operations import Operation, Operations, Results, new_operation
from finance_gateway.packages import store
from finance_gateway.packages.builder import Builder
from finance_gateway.packages.collect import Wanted
from finance_gateway.packages.ports import Opens
from finance_gateway.packages.store import PackageEvent, PackageRow
from finance_gateway.store import idempotency

METHOD: Final = "RequestPackage"
MAX_FINGERPRINTS: Final = 20_000
EVENTS_PER_READ: Final = 100
_HANDLE: Final = re.compile(r"^[0-9a-f]{64}$")

AFTER_BUILD: Final = "package.built"
AFTER_STORE: Final = "package.stored"
failpoints.declare(AFTER_BUILD, AFTER_STORE)


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

    def digestible(self) -> bytes:
        """What has to be equal for two calls to be the same."""
        parts = (
            self.subject,
            self.purpose,
            self.consent_id,
            self.profile,
            self.supersedes,
            *self.fingerprints,
        )
        return "\x00".join(parts).encode()


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
        opens: Opens,
    ) -> None:
        self._database = database
        self._vault = vault
        self._keys = keys
        self._builder = builder
        self._operations = operations
        self._profiles = profiles
        self._default_profile = default_profile
        self._opens = opens
        self._changed = asyncio.Condition()

    async def request(self, request: PackageRequest, caller: Caller) -> tuple[PackageRow, bytes]:
        """Makes a package.

        :raises ChanrongError: no consent, something does not answer, or the request is wrong
        """
        wanted, profile = self._understand(request)
        package_id = secrets.token_hex(16)
        async with self._database.write() as session:  # 1, 2
            known = await idempotency.recall(
                session, caller, METHOD, request.idempotency_key, request.digestible()
            )
            if known is None:
                await idempotency.remember(
                    session, caller, METHOD, request.idempotency_key, request.digestible(), package_id
                )
                await store.add(session, _making(package_id, wanted, profile, request), caller.name)
        if known is not None:
            return await self._again(known)
        try:
            built = await self._builder.build(
                package_id, wanted, profile, request.supersedes or None, self._opens
            )  # 3
        except ChanrongError as error:
            async with self._database.write() as session:
                await store.fail(session, package_id, f"{error.reason}: {error.message}")
            raise
        failpoints.reach(AFTER_BUILD)
        sealed = self._vault.seal(package_id, built.content)
        anchor = new_operation(
            names.PACKAGES_ANCHOR,
            [
                {
                    "id": package_id,
                    "digest": built.digest,
                    "subject": wanted.subject,
                    "consent": built.evidence.request.consent_id,
                    "profile": f"{profile.id}/{profile.version}:{profile.digest()[:16]}",
                    "supersedes": request.supersedes or None,
                }
            ],
        )
        async with self._database.write() as session:  # 4
            await store.complete(session, built, sealed.wrapped_key, sealed.ciphertext)
            await self._operations.store(session, anchor)
        failpoints.reach(AFTER_STORE)
        result = (await self._operations.run(anchor))[0]  # 5
        await self.notify()
        if result["status"] == "refused":
            raise ConflictError(
                f"The ledger refused the package: {result['message']}", reason=str(result["reason"])
            )
        return await self.get(package_id)

    def _understand(self, request: PackageRequest) -> tuple[Wanted, Profile]:
        name = request.profile or self._default_profile
        if name not in self._profiles:
            raise InvalidInputError(
                f"There is no rule profile {name!r}.", remedy=f"Known profiles: {', '.join(self._profiles)}."
            )
        if not request.purpose:
            raise InvalidInputError("The request names no purpose.", remedy="Name the consent's purpose.")
        if len(request.fingerprints) > MAX_FINGERPRINTS:
            raise InvalidInputError(f"At most {MAX_FINGERPRINTS} receivables can be named.")
        wanted = Wanted(
            subject=self.handle(request.subject),
            identifiers=() if _HANDLE.match(request.subject) else (request.subject,),
            purpose=request.purpose,
            consent_id=request.consent_id,
            stage=Stage.ASSESS,
            fingerprints=request.fingerprints,
        )
        return wanted, self._profiles[name]

    def handle(self, subject: str) -> str:
        """The ledger handle of a subject: itself, or made from an identifier "scheme:value".

        :raises InvalidInputError: neither
        """
        if _HANDLE.match(subject):
            return subject
        if ":" not in subject:
            raise InvalidInputError(
                f"{subject!r} is no subject.", remedy="Give a ledger handle or an identifier as scheme:value."
            )
        return self._keys.party_handle(subject)

    async def _again(self, package_id: str) -> tuple[PackageRow, bytes]:
        """What became of an earlier call with the same key."""
        async with self._database.read() as session:
            row = await store.get(session, package_id)
        if row.stage == "making":
            raise ConflictError(
                "The first call with this idempotency key is still making the package.",
                reason="IDEMPOTENCY_KEY_IN_USE",
                remedy="Repeat the call in a moment; if the gateway was restarted meanwhile, use a new key.",
            )
        if row.stage == "failed":
            reason, _, message = row.state_reason.partition(": ")
            raise ChanrongError(
                message, reason=reason, remedy="This is the first call's result; use a new key to try again."
            )
        return await self.get(package_id)

    async def get(self, package_id: str) -> tuple[PackageRow, bytes]:
        """A package and its file.

        :raises NotFoundError: there is none, or its content was erased
        """
        async with self._database.read() as session:
            row = await store.get(session, package_id)
            wrapped_key, content = await store.sealed_content(session, package_id)
        if content is None:
            raise NotFoundError(f"Package {package_id} has no content.", remedy="It was not made, or erased.")
        return row, self._vault.open(package_id, wrapped_key, content)

    async def listed(self, subject: str, limit: int) -> list[PackageRow]:
        """Packages, newest first."""
        chosen = self.handle(subject) if subject else ""
        async with self._database.read() as session:
            return await store.listed(session, chosen, limit)

    async def watch(self, after: int, package_id: str) -> AsyncIterator[tuple[PackageEvent, PackageRow]]:
        """Events as they come; from now on when ``after`` is 0."""
        if not after:
            async with self._database.read() as session:
                after = await store.last_sequence(session)
        while True:
            async with self._database.read() as session:
                events = await store.events_after(session, after, package_id, EVENTS_PER_READ)
                rows = [(event, await store.get(session, event.package_id)) for event in events]
            for event, row in rows:
                yield event, row
                after = event.sequence
            if not rows:
                async with self._changed:
                    # Another replica's events come without a notice: so look again now and then.
                    try:
                        await asyncio.wait_for(self._changed.wait(), 1.0)
                    except TimeoutError:
                        continue

    async def notify(self) -> None:
        """Wakes those who watch."""
        async with self._changed:
            self._changed.notify_all()

    @staticmethod
    async def settle_anchor(session: AsyncSession, operation: Operation, results: Results) -> None:
        """What an anchored digest means: the package is valid, and the one it replaces is not any more."""
        for result in results:
            package_id = str(result.get("id", ""))
            if result["status"] in {"anchored", "already"}:
                row = await store.get(session, package_id)
                txid = str(result["txid"])
                await store.change(
                    session, package_id, stage="valid", event="issued", reason="", anchor_txid=txid
                )
                if row.supersedes:
                    reason = f"replaced by {package_id}"
                    await store.change(
                        session, row.supersedes, stage="superseded", event="superseded", reason=reason
                    )
            elif package_id:
                await store.fail(session, package_id, f"{result['reason']}: {result['message']}")


def _making(package_id: str, wanted: Wanted, profile: Profile, request: PackageRequest) -> PackageRow:
    summary: dict[str, Any] = {}
    return PackageRow(
        package_id=package_id,
        subject=wanted.subject,
        purpose=wanted.purpose,
        consent_id=wanted.consent_id,
        profile=profile.id,
        stage="making",
        state_reason="",
        digest="",
        summary=summary,
        evaluated_at=0,
        valid_until=0,
        supersedes=request.supersedes or None,
        anchor_txid="",
    )
