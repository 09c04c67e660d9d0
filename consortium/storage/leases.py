"""One execution per scheduled slot, however many replicas run the scheduler.

Every replica's tick tries to insert a row that is unique on (job, slot); whoever inserted it runs the job under a
lease that it renews, with a fencing token. A replica that finds a slot whose lease ran out takes it over with a higher
token. Every effect of a job is written in a transaction that first touches the slot's row with its token
(:meth:`Lease.guard`): a replica that froze past its lease finds its token outdated and its writes undone.

All times are the database's own clock, so replicas' clocks may be off.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, cast

import structlog
from sqlalchemy import (
    BigInteger,
    Column,
    CursorResult,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Result,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.errors import ChanrongError
from consortium.storage.engine import Database

LEASE_S: Final = 30
"""How long a lease lasts unless renewed: several missed renewals, and still soon enough for a take-over."""

RENEW_S: Final = 8.0
"""How often a lease is renewed."""

_log = structlog.get_logger("chanrong.storage")

METADATA = MetaData()

job_slots = Table(
    "job_slots",
    METADATA,
    Column("job", String(64), nullable=False),
    Column("slot", BigInteger, nullable=False, comment="start of the slot, seconds since 1970 UTC"),
    Column("owner", String(64), nullable=False),
    Column("token", Integer, nullable=False, comment="fencing token: grows with every take-over"),
    Column("lease_until", BigInteger, nullable=False, comment="seconds since 1970 UTC, the database's clock"),
    Column("state", String(16), nullable=False, comment="running, done, failed or missed"),
    Column("started", BigInteger, nullable=False),
    Column("finished", BigInteger),
    Column("message", String(512), nullable=False, server_default=""),
    PrimaryKeyConstraint("job", "slot"),
)


def on_demand(job: str) -> str:
    """The name under which runs that an operator asked for are kept, beside the scheduled slots."""
    return f"{job}@now"


class LeaseLostError(ChanrongError):
    """Another replica runs the slot now; nothing of this transaction was written."""

    reason = "LEASE_LOST"


async def database_time(session: AsyncSession) -> int:
    """The database's clock, seconds since 1970 UTC."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    query = "SELECT unixepoch()" if sqlite else "SELECT extract(epoch from clock_timestamp())::bigint"
    return int((await session.execute(text(query))).scalar_one())


def rows_changed(result: Result[Any]) -> int:
    """How many rows a statement changed."""
    return cast("CursorResult[Any]", result).rowcount


@dataclass(slots=True)
class Lease:
    """The right to run one slot of one job, as long as it is renewed."""

    database: Database
    job: str
    slot: int
    owner: str
    token: int

    @contextlib.asynccontextmanager
    async def guard(self) -> AsyncIterator[AsyncSession]:
        """A transaction that commits only while this lease's token is the slot's.

        :raises LeaseLostError: another replica took the slot over
        """
        async with self.database.write() as session:
            await self._touch(session)
            yield session

    async def renew(self) -> None:
        """Prolongs the lease.

        :raises LeaseLostError: another replica took the slot over
        """
        async with self.guard():
            pass

    async def finish(self, state: str, message: str) -> None:
        """Ends the slot.

        :param state: "done" or "failed"
        :raises LeaseLostError: another replica took the slot over
        """
        async with self.guard() as session:
            now = await database_time(session)
            await session.execute(
                update(job_slots)
                .where(job_slots.c.job == self.job, job_slots.c.slot == self.slot)
                .values(state=state, finished=now, message=message[:512])
            )

    async def _touch(self, session: AsyncSession) -> None:
        now = await database_time(session)
        touched = await session.execute(
            update(job_slots)
            .where(
                job_slots.c.job == self.job,
                job_slots.c.slot == self.slot,
                job_slots.c.token == self.token,
                job_slots.c.state == "running",
            )
            .values(lease_until=now + LEASE_S)
        )
        if rows_changed(touched) != 1:
            raise LeaseLostError(f"Slot {self.slot} of job {self.job} is another replica's now.")

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Renews the lease in the background; when it is lost, the block is cancelled and LeaseLostError raised."""
        task = asyncio.current_task()
        assert task is not None
        lost: list[LeaseLostError] = []

        async def renewing() -> None:
            while True:
                await asyncio.sleep(RENEW_S)
                try:
                    await self.renew()
                except LeaseLostError as error:
                    lost.append(error)
                    task.cancel()
                    return
                except ChanrongError as error:
                    # The database does not answer now: there are renewals left before the lease runs out.
                    _log.warning("lease_not_renewed", job=self.job, slot=self.slot, reason=error.reason)

        renewer = asyncio.create_task(renewing())
        try:
            yield
        except asyncio.CancelledError:
            if lost:
                task.uncancel()
                raise lost[0] from None
            raise
        finally:
            renewer.cancel()


class Slots:
    """The slots of one database.

    :param owner: name of this replica; made up when none is given
    """

    def __init__(self, database: Database, owner: str = "") -> None:
        self._database = database
        self._owner = owner or uuid.uuid4().hex

    async def now(self) -> int:
        """The database's clock, seconds since 1970 UTC."""
        async with self._database.read() as session:
            return await database_time(session)

    async def claim(self, job: str, slot: int) -> Lease | None:
        """The lease of a slot, None when another replica has it or it was run already."""
        try:
            async with self._database.write() as session:
                now = await database_time(session)
                await session.execute(
                    insert(job_slots).values(
                        job=job,
                        slot=slot,
                        owner=self._owner,
                        token=1,
                        lease_until=now + LEASE_S,
                        state="running",
                        started=now,
                    )
                )
            return Lease(self._database, job, slot, self._owner, 1)
        except IntegrityError:
            return await self._take_over(job, slot)

    async def _take_over(self, job: str, slot: int) -> Lease | None:
        async with self._database.write() as session:
            now = await database_time(session)
            row = (
                await session.execute(
                    select(job_slots.c.token, job_slots.c.state, job_slots.c.lease_until).where(
                        job_slots.c.job == job, job_slots.c.slot == slot
                    )
                )
            ).one()
            if row.state != "running" or row.lease_until >= now:
                return None
            taken = await session.execute(
                update(job_slots)
                .where(
                    job_slots.c.job == job,
                    job_slots.c.slot == slot,
                    job_slots.c.token == row.token,
                    job_slots.c.state == "running",
                )
                .values(owner=self._owner, token=row.token + 1, lease_until=now + LEASE_S)
            )
            if rows_changed(taken) != 1:
                return None
        return Lease(self._database, job, slot, self._owner, row.token + 1)

    async def claim_now(self, job: str) -> Lease | None:
        """A lease for a run that an operator asks for; None when another such run begins at this moment."""
        name = on_demand(job)
        latest = await self.latest(name)
        return await self.claim(name, max(await self.now(), (latest or 0) + 1))

    async def latest(self, job: str) -> int | None:
        """The newest slot of a job that was ever claimed, None when there is none."""
        async with self._database.read() as session:
            query = (
                select(job_slots.c.slot)
                .where(job_slots.c.job == job)
                .order_by(job_slots.c.slot.desc())
                .limit(1)
            )
            return (await session.execute(query)).scalar_one_or_none()

    async def last_success(self, job: str) -> int | None:
        """When a job last ended well, seconds since 1970 UTC; None when it never did."""
        async with self._database.read() as session:
            query = (
                select(job_slots.c.finished)
                .where(job_slots.c.job.in_((job, on_demand(job))), job_slots.c.state == "done")
                .order_by(job_slots.c.finished.desc())
                .limit(1)
            )
            return (await session.execute(query)).scalar_one_or_none()

    async def expired(self, job: str) -> list[int]:
        """Slots whose replica died: running, and their lease ran out; oldest first."""
        async with self._database.read() as session:
            now = await database_time(session)
            query = (
                select(job_slots.c.slot)
                .where(job_slots.c.job == job, job_slots.c.state == "running", job_slots.c.lease_until < now)
                .order_by(job_slots.c.slot)
            )
            return list((await session.execute(query)).scalars())

    async def record_missed(self, job: str, slots: list[int]) -> None:
        """Notes slots that nobody ran, so that the record has no holes; the newest one is run instead."""
        async with self._database.write() as session:
            now = await database_time(session)
            query = select(job_slots.c.slot).where(job_slots.c.job == job, job_slots.c.slot.in_(slots))
            there = set((await session.execute(query)).scalars())
            for slot in slots:
                if slot in there:
                    continue
                with contextlib.suppress(IntegrityError):  # another replica notes it at this moment
                    async with session.begin_nested():
                        await session.execute(
                            insert(job_slots).values(
                                job=job,
                                slot=slot,
                                owner=self._owner,
                                token=0,
                                lease_until=now,
                                state="missed",
                                started=now,
                                finished=now,
                                message="no replica was running; covered by the next slot",
                            )
                        )

    async def forget(self, before: int, job: str = "") -> None:
        """Deletes the record of slots that ended before a time, seconds since 1970 UTC; the newest ones stay.

        :param job: only this one's
        """
        newest = select(func.max(job_slots.c.slot)).group_by(job_slots.c.job)
        old = delete(job_slots).where(job_slots.c.finished < before, job_slots.c.slot.not_in(newest))
        async with self._database.write() as session:
            await session.execute(old.where(job_slots.c.job == job) if job else old)
