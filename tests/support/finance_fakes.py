"""Stand-ins for what surrounds a finance gateway's use cases."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from consortium.contract.codec import ContractRefusedError
from consortium.errors import OutcomeUnknownError, UnavailableError
from consortium.storage.engine import Database
from crossverify.profiles import Profile
from finance_gateway.ledger import Endorsed, LostRaceError
from finance_gateway.operations import Operations
from finance_gateway.packages.builder import Built
from finance_gateway.packages.collect import Wanted
from finance_gateway.packages.ports import Desk


class PowerCutError(BaseException):
    """The process ends here."""


@dataclass
class Envelope:
    """A transaction that was endorsed: the operation was not there then."""

    txid: str
    request: bytes


@dataclass
class FakeLedger:
    """The contract's promise and nothing else: the first valid transaction of an operation has its effect; one that
    was endorsed before loses by its read version; one that is endorsed later is answered with the first's result.

    :ivar endorse_faults, commit_faults: what happens to the next calls, in turn; "ok" when they run out
    :ivar follower: whether blocks reach the gateway at once
    """

    endorse_faults: list[str] = field(default_factory=list)
    commit_faults: list[str] = field(default_factory=list)
    follower: bool = True
    operations: Operations | None = None
    database: Database | None = None
    done: dict[str, dict[str, Any]] = field(default_factory=dict)
    effects: list[str] = field(default_factory=list)
    held: list[Envelope] = field(default_factory=list)
    unread: list[tuple[str, bytes]] = field(default_factory=list)
    endorsed: int = 0
    refuses: str | None = None

    async def endorse(self, function: str, request: bytes, transient: Mapping[str, bytes]) -> Endorsed:
        fault = self.endorse_faults.pop(0) if self.endorse_faults else "ok"
        if fault == "cut":
            raise PowerCutError
        if fault == "unavailable":
            raise UnavailableError("No peer.")
        if fault == "refused":
            raise ContractRefusedError("No such function.", reason="UNKNOWN_FUNCTION")
        self.endorsed += 1
        op = orjson.loads(request)["op"]
        if op in self.done:
            return Endorsed(None, "", {**self.done[op], "replayed": True}, True)  # type: ignore[arg-type]
        txid = f"t{self.endorsed}"
        answer = {"txid": txid, "results": [self._result(request, self.endorsed)]}
        return Endorsed(Envelope(txid, request), txid, answer, False)  # type: ignore[arg-type]

    def _result(self, request: bytes, number: int) -> dict[str, Any]:
        """The contract's answer to the one item."""
        if self.refuses is not None:
            return {"status": "refused", "reason": self.refuses, "message": "It says no."}
        item = orjson.loads(request)["items"][0]
        if "digest" in item:
            return {"status": "anchored", "id": item["id"]}
        return {"status": "done", "claim": "c", "n": number}

    async def commit(self, endorsed: Endorsed) -> None:
        fault = self.commit_faults.pop(0) if self.commit_faults else "ok"
        envelope: Any = endorsed.prepared
        if fault == "cut_before":
            raise PowerCutError
        if fault == "unavailable":
            raise UnavailableError("Refused before ordering.")
        if fault == "lost":
            raise OutcomeUnknownError("Nobody knows, and it never arrived.")
        if fault == "conflict":
            raise LostRaceError("Another one wrote first.")
        if fault == "held":
            self.held.append(envelope)
            raise OutcomeUnknownError("Nobody knows, and it will arrive.")
        valid = await self.order(envelope)
        if fault == "cut_after":
            raise PowerCutError
        if fault == "unheard":
            raise OutcomeUnknownError("It is there, and nobody said so.")
        if not valid:
            raise LostRaceError("The operation is there already.")

    async def order(self, envelope: Envelope) -> bool:
        """Puts an envelope into a block; whether it is valid."""
        op = orjson.loads(envelope.request)["op"]
        if op in self.done:
            return False
        self.effects.append(op)
        self.done[op] = {
            "txid": envelope.txid,
            "results": [self._result(envelope.request, int(envelope.txid[1:]))],
        }
        self.unread.append((op, envelope.request))
        if self.follower:
            await self.read_blocks()
        return True

    async def read_blocks(self) -> None:
        """The follower stores what blocks say."""
        assert self.operations is not None
        assert self.database is not None
        for op, request in self.unread:
            async with self.database.write() as session:
                await self.operations.settle(session, op, request, self.done[op])
        self.unread.clear()

    async def caught_up(self) -> bool:
        await self.read_blocks()
        return True


class FakeBuilder:
    """Makes packages out of nothing, or fails as told.

    :ivar faults: errors for the next calls, in turn
    :ivar gate: awaited before a package is made
    :ivar rests_on: what it says the package rests on
    """

    def __init__(self) -> None:
        self.faults: list[BaseException] = []
        self.gate: asyncio.Event | None = None
        self.rests_on = ("a" * 64, "b" * 64)
        self.started = 0
        self.watched = asyncio.Event()

    async def build(
        self, package_id: str, wanted: Wanted, profile: Profile, supersedes: str | None, desk: Desk
    ) -> Built:
        """See :class:`finance_gateway.packages.builder.Builder`."""
        self.started += 1
        await desk.watch("consent-1", self.rests_on[:1], anew=True)
        await desk.watch("consent-1", self.rests_on, anew=False)
        self.watched.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.faults:
            raise self.faults.pop(0)
        digest = hashlib.sha256(package_id.encode()).hexdigest()
        return Built(
            package_id,
            digest,
            "consent-1",
            {},
            1_800_000_000,
            1_800_003_600,
            f"package {package_id}".encode(),
        )


class Counter:
    """Counts what was made and what was not."""

    def __init__(self) -> None:
        self.made = 0
        self.failed: list[str] = []

    def package_made(self, seconds: float) -> None:
        """One was made."""
        self.made += 1

    def package_failed(self, reason: str) -> None:
        """One was not."""
        self.failed.append(reason)


class NoClaims:
    """A bank without claims."""

    async def own_handles(self, handles: Collection[str]) -> set[str]:
        """None are its own."""
        return set()
