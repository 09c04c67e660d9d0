"""Running jobs: on schedule in every replica, once per slot, or now because an operator asks.

1. A tick computes its slot (UTC, the database's clock) and claims it; whoever cannot, leaves.
2. The job gathers both sides at one pinned block height. A source that does not answer raises: then the slot ends as
   failed and the breaks stay as they are, since "source down" is never "no breaks".
3. Differences and the slot's end are written under the lease's guard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Final, Protocol

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from consortium.errors import ChanrongError, NotFoundError, OutcomeUnknownError, UnavailableError
from consortium.reconcile import breaks
from consortium.reconcile.rows import Comparison
from consortium.storage.leases import Lease, LeaseLostError, Slots, database_time

MISFIRE_GRACE_S: Final = 3600
"""A tick that comes late still runs: its slot is computed when it runs, and a slot runs once."""

MAX_CAUGHT_UP: Final = 1000
"""Missed slots that are noted one by one at start; a longer absence is noted from here on."""

KEPT_S: Final = 90 * 86_400
"""How long the record of a slot is kept."""

_log = structlog.get_logger("chanrong.reconcile")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a job found at one block height."""

    height: int
    comparison: Comparison


class Job(Protocol):
    """Something that compares two sides."""

    @property
    def name(self) -> str:
        """Name of the job, such as "documents"."""
        ...

    @property
    def period_s(self) -> int:
        """Length of a slot, seconds."""
        ...

    async def compare(self) -> Snapshot:
        """Gathers both sides at one pinned height and compares them.

        :raises UnavailableError: a side does not answer
        """
        ...


@dataclass(frozen=True, slots=True)
class JobResult:
    """What a run of a job did."""

    job: str
    state: str
    height: int = 0
    rows: int = 0
    opened: int = 0
    closed: int = 0
    open: int = 0
    message: str = ""


class Jobs:
    """The jobs of one process over one database."""

    def __init__(self, slots: Slots, jobs: Sequence[Job]) -> None:
        self._slots = slots
        self._jobs: Mapping[str, Job] = {job.name: job for job in jobs}
        self._scheduler = AsyncIOScheduler(timezone=UTC)

    @property
    def names(self) -> list[str]:
        """Names of the jobs."""
        return list(self._jobs)

    async def start(self) -> None:
        """Catches up what was missed and starts the scheduler."""
        await self._slots.forget(await self._slots.now() - KEPT_S)
        for job in self._jobs.values():
            await self._catch_up(job)
            self._scheduler.add_job(
                self._tick,
                IntervalTrigger(seconds=job.period_s, timezone=UTC),
                args=[job],
                id=job.name,
                max_instances=1,
                coalesce=True,
                misfire_grace_time=MISFIRE_GRACE_S,
            )
        self._scheduler.start()

    def stop(self) -> None:
        """Stops the scheduler; a run that is under way ends with the process, and its slot is taken over."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    async def _catch_up(self, job: Job) -> None:
        latest = await self._slots.latest(job.name)
        if latest is None:
            return
        current = await self._slot(job)
        missed = list(range(latest + job.period_s, current, job.period_s))[-MAX_CAUGHT_UP:]
        if missed:
            await self._slots.record_missed(job.name, missed)
            _log.info("reconcile_slots_missed", job=job.name, slots=len(missed))

    async def _slot(self, job: Job) -> int:
        now = await self._slots.now()
        return now - now % job.period_s

    async def _tick(self, job: Job) -> None:
        try:
            for slot in [*await self._slots.expired(job.name), await self._slot(job)]:
                lease = await self._slots.claim(job.name, slot)
                if lease is not None:
                    await self._run(job, lease)
        except ChanrongError as error:
            _log.warning("reconcile_tick_failed", job=job.name, reason=error.reason)

    async def run_now(self, name: str = "") -> list[JobResult]:
        """Runs jobs because an operator asks: each in a slot of its own, the present second.

        :raises NotFoundError: there is no such job
        """
        if name and name not in self._jobs:
            raise NotFoundError(
                f"There is no job {name!r} here.", remedy=f"There are: {', '.join(self._jobs)}."
            )
        results = []
        for job in [self._jobs[name]] if name else self._jobs.values():
            lease = await self._slots.claim_now(job.name)
            if lease is None:
                results.append(
                    JobResult(job.name, "skipped", message="another replica runs it at this moment")
                )
            else:
                results.append(await self._run(job, lease))
        return results

    async def _run(self, job: Job, lease: Lease) -> JobResult:
        try:
            async with lease.kept():
                snapshot = await job.compare()
                result = await self._record(job, lease, snapshot)
                await lease.finish("done", result.message)
        except LeaseLostError as error:
            return JobResult(job.name, "skipped", message=error.message)
        except (UnavailableError, OutcomeUnknownError) as error:
            # A connection that breaks in the middle of a question has an unknown outcome; here it is no answer.
            _log.warning("reconcile_source_down", job=job.name, reason=error.reason)
            await self._fail(lease, error)
            return JobResult(job.name, "source_down", message=error.message)
        except Exception as error:
            await self._fail(lease, error)
            raise
        _log.info("reconcile_done", job=job.name, height=result.height, rows=result.rows, open=result.open)
        return result

    @staticmethod
    async def _fail(lease: Lease, error: Exception) -> None:
        try:
            await lease.finish("failed", type(error).__name__)
        except LeaseLostError:
            _log.info("reconcile_lease_lost", job=lease.job, slot=lease.slot)

    @staticmethod
    async def _record(job: Job, lease: Lease, snapshot: Snapshot) -> JobResult:
        compared = snapshot.comparison
        async with lease.guard() as session:
            now = await database_time(session)
            tally = await breaks.record(session, job.name, compared.differences, now, height=snapshot.height)
        return JobResult(
            job=job.name,
            state="done",
            height=snapshot.height,
            rows=compared.rows,
            opened=tally.opened,
            closed=tally.closed,
            open=tally.open,
            message=f"{compared.segments} segments, {compared.walked} walked",
        )

    async def ages(self) -> dict[str, int | None]:
        """Seconds since each job last ended well; None when it never did. For metrics."""
        now = await self._slots.now()
        found: dict[str, int | None] = {}
        for name in self._jobs:
            last = await self._slots.last_success(name)
            found[name] = None if last is None else now - last
        return found
