"""The intake use case: what an ERP pushes is stored durably, or said to be wrong, document by document.

1. A repeated push (same party, same Idempotency-Key) gives the first result; other content under the key is
   refused; while the first is under way, a second waits and is then told to come back.
2. Contents are parsed one by one; a bad document never fails its neighbours.
3. Up to ``CHUNK_DOCUMENTS`` at a time are prepared and stored in one database transaction with their results
   and the idempotency record. Only then do they count as accepted.
4. The outbox worker is handed what was stored.

A push that ends half-way (the process dies, the database is lost) is not acknowledged; repeated under its key
it gives the stored results of the chunks that were stored, and stores the rest.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from sqlalchemy.exc import IntegrityError

from consortium.errors import ConflictError, InvalidInputError, OverloadedError
from consortium.storage import failpoints
from industry_gateway.bodies import Bodies
from industry_gateway.intake.chunk import ChunkStore, Entry
from industry_gateway.intake.reading import Reader, Source, count_in
from industry_gateway.intake.results import Outcome, from_bytes, opened, to_bytes
from industry_gateway.outbox.model import OutboxItem, new_id
from industry_gateway.parties.directory import Tenant
from industry_gateway.store import pushes as statements
from industry_gateway.store.database import Database, StaleError
from industry_gateway.store.pushes import DONE, IN_FLIGHT, Chunk, Push

CHUNK_DOCUMENTS = 500
"""Documents stored in one database transaction."""
CHUNK_BYTES = 4 * 1024 * 1024
"""Bodies stored in one database transaction; bounds what one push holds in memory."""
MAX_PUSH_DOCUMENTS = 20_000
"""Documents of one push: their results have to fit into one answer."""
MAX_PUSHES = 64
"""Pushes under way at once; further ones are told to come back."""
LEASE_S = 60
"""A push under way that stored nothing for so long may be taken over under its key."""
WAIT_S = 20.0
"""How long a repeated push waits for the first one."""
RACES = 5
"""How often a chunk is tried when another replica stores the same documents at the same moment."""

failpoints.declare("intake.before_commit", "intake.after_commit")


@dataclass(frozen=True, slots=True)
class PushResult:
    """Results of a push, one per document in order. ``repeated``: they are those of an earlier push."""

    push_id: str
    outcomes: list[Outcome]
    repeated: bool = False


@dataclass(slots=True)
class _Run:
    """A push under way."""

    push: Push
    key: str | None
    tenant: Tenant
    stored: bool = False
    chunks: int = 0
    index: int = 0
    earlier: list[Chunk] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)


class Intake:
    """Takes pushes for one gateway process."""

    def __init__(
        self,
        database: Database,
        reader: Reader,
        store: ChunkStore,
        bodies: Bodies,
        offer: Callable[[Iterable[OutboxItem]], None],
        *,
        clock: Callable[[], float] = time.time,
        wait_s: float = WAIT_S,
    ) -> None:
        self._database = database
        self._reader = reader
        self._store = store
        self._bodies = bodies
        self._offer = offer
        self._clock = clock
        self._wait_s = wait_s
        self._process = new_id()
        self._under_way: dict[tuple[str, str], asyncio.Event] = {}
        self._count = 0

    async def start(self) -> None:
        """Ends leases of pushes that a process before this one did not finish."""
        if self._database.one_process:
            async with self._database.write() as connection:
                await statements.end_leases(connection)

    async def push(
        self, tenant: Tenant, sources: AsyncIterator[Source], idempotency_key: str = ""
    ) -> PushResult:
        """Steps 1 to 4.

        :raises OverloadedError: too many pushes under way
        :raises ConflictError: the key was used for other content, or its first use is still under way
        :raises InvalidInputError: nothing was pushed, or too much
        :raises UnavailableError: it was not stored; the same push may be repeated
        """
        if self._count >= MAX_PUSHES:
            raise OverloadedError(
                "Too many pushes are under way.", remedy="Repeat the push in a few seconds, with its key."
            )
        self._count += 1
        try:
            if not idempotency_key:
                return await self._take(self._new(tenant, None), sources)
            return await self._once(tenant, sources, _checked_key(idempotency_key))
        finally:
            self._count -= 1

    async def _once(self, tenant: Tenant, sources: AsyncIterator[Source], key: str) -> PushResult:
        """Step 1."""
        name = (tenant.alias, key)
        try:
            async with asyncio.timeout(self._wait_s):
                while (other := self._under_way.get(name)) is not None:
                    await other.wait()
        except TimeoutError:
            raise _in_flight() from None
        self._under_way[name] = asyncio.Event()
        try:
            run, finished = await self._begun(tenant, key)
            if finished is not None:
                return await self._again(finished, sources)
            return await self._take(run, sources)
        finally:
            self._under_way.pop(name).set()

    async def _begun(self, tenant: Tenant, key: str) -> tuple[_Run, Push | None]:
        """A push to go on with; beside it the finished one, when the key's first push is done."""
        async with self._database.read() as connection:
            push = await statements.find_key(connection, tenant.alias, key)
        if push is None:
            return self._new(tenant, key), None
        run = _Run(push, key, tenant, stored=True)
        if push.state == DONE:
            return run, push
        now = int(self._clock())
        if push.lease_until > now and push.owner != self._process:
            raise _in_flight()
        async with self._database.write() as connection:
            if not await statements.take_over(
                connection, push, owner=self._process, lease_until=now + LEASE_S
            ):
                raise _in_flight()
            run.earlier = await statements.chunks(connection, push.push_id)
        return run, None

    def _new(self, tenant: Tenant, key: str | None) -> _Run:
        now = int(self._clock())
        push = Push(new_id(), tenant.alias, IN_FLIGHT, "", now + LEASE_S, self._process, now)
        return _Run(push, key, tenant)

    async def _again(self, push: Push, sources: AsyncIterator[Source]) -> PushResult:
        """The results of a finished push, when its content is the same."""
        digest = hashlib.sha256()
        async for source in sources:
            count_in(digest, source)
        if digest.hexdigest() != push.digest:
            raise _reused()
        async with self._database.read() as connection:
            chunks = await statements.chunks(connection, push.push_id)
        return PushResult(push.push_id, opened(self._bodies, push.push_id, chunks), repeated=True)

    async def _take(self, run: _Run, sources: AsyncIterator[Source]) -> PushResult:
        """Steps 2 to 4. A chunk is held back until it is known whether it is the last."""
        batch: list[Entry] = []
        size = 0
        digest = ""
        async with aclosing(self._reader.read(run.tenant, sources)) as documents:
            async for read, so_far in documents:
                index = run.index + len(batch)
                if index >= MAX_PUSH_DOCUMENTS:
                    raise _too_many()
                more = 0 if read.prepared is None else len(read.prepared.body)
                if batch and (len(batch) >= CHUNK_DOCUMENTS or size + more > CHUNK_BYTES):
                    await self._chunk(run, batch, digest, last=False)
                    batch, size = [], 0
                batch.append(Entry(index, read.label, read.prepared, read.problems, read.kind, read.number))
                size += more
                digest = so_far
        if not batch:
            raise InvalidInputError(
                "Nothing was pushed.", reason="EMPTY_PUSH", remedy="Send at least one document."
            )
        await self._chunk(run, batch, digest, last=True)
        return PushResult(run.push.push_id, run.outcomes)

    async def _chunk(self, run: _Run, entries: Sequence[Entry], digest: str, *, last: bool) -> None:
        """Step 3 for some documents."""
        if run.chunks < len(run.earlier):
            earlier = run.earlier[run.chunks]
            if earlier.digest != digest:
                raise _reused()
            name = statements.seal_name(run.push.push_id, run.chunks)
            outcomes = from_bytes(self._bodies.open_other(name, earlier.sealed))
            run.chunks += 1
            run.index += len(entries)
            run.outcomes += outcomes
            if last:
                await self._end(run, digest)
            return
        for race in range(RACES):
            try:
                outcomes, items = await self._stored(run, entries, digest, last=last)
                break
            except IntegrityError as error:
                # Another replica stored one of these documents, or this key, between our look and our insert.
                if race == RACES - 1 or (not run.stored and run.key and await self._key_taken(run)):
                    raise _in_flight() from error
            except StaleError as error:
                raise _in_flight() from error
        failpoints.reach("intake.after_commit")
        run.stored = True
        run.chunks += 1
        run.index += len(entries)
        run.outcomes += outcomes
        self._offer(items)

    async def _stored(
        self, run: _Run, entries: Sequence[Entry], digest: str, *, last: bool
    ) -> tuple[list[Outcome], list[OutboxItem]]:
        now = int(self._clock())
        state = DONE if last else IN_FLIGHT
        push = Push(
            run.push.push_id,
            run.push.party,
            state,
            digest,
            now + LEASE_S,
            self._process,
            run.push.created_at,
        )
        async with self._database.write() as connection:
            if run.stored:
                await statements.go_on(
                    connection,
                    push.push_id,
                    owner=self._process,
                    state=state,
                    digest=digest,
                    lease_until=push.lease_until,
                )
            else:
                await statements.begin(connection, push, run.key)
            outcomes, items = await self._store.store(connection, entries, run.tenant, push.push_id, at=now)
            name = statements.seal_name(push.push_id, run.chunks)
            sealed = self._bodies.seal_other(name, to_bytes(outcomes))
            await statements.add_chunk(connection, push.push_id, run.chunks, Chunk(digest, sealed))
            failpoints.reach("intake.before_commit")
        return outcomes, items

    async def _end(self, run: _Run, digest: str) -> None:
        async with self._database.write() as connection:
            await statements.go_on(
                connection,
                run.push.push_id,
                owner=self._process,
                state=DONE,
                digest=digest,
                lease_until=0,
            )

    async def _key_taken(self, run: _Run) -> bool:
        async with self._database.read() as connection:
            return await statements.find_key(connection, run.tenant.alias, run.key or "") is not None


def _too_many() -> InvalidInputError:
    return InvalidInputError(
        f"One push takes at most {MAX_PUSH_DOCUMENTS} documents; those before were stored.",
        reason="TOO_LARGE",
        remedy="Push the rest in further pushes.",
    )


def _checked_key(key: str) -> str:
    if len(key) > 128 or not key.isprintable():
        raise InvalidInputError(
            "An Idempotency-Key has at most 128 printable characters.", remedy="A random UUID is a good one."
        )
    return key


def _in_flight() -> ConflictError:
    return ConflictError(
        "A push under this Idempotency-Key is still under way.",
        reason="IDEMPOTENCY_IN_FLIGHT",
        remedy="Repeat it after a few seconds with the same key.",
    )


def _reused() -> ConflictError:
    return ConflictError(
        "This Idempotency-Key was used for another content.",
        reason="IDEMPOTENCY_KEY_REUSED",
        remedy="Use a new key for a new push, or send the very same content.",
    )
