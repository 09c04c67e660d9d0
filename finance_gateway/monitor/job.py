"""The watcher of institutions: what packages rest on is asked about again, and what became worse reopens them.

What the ledger says comes with its blocks (:mod:`finance_gateway.follower`). Institutions do not call: every period

1. one replica takes the slot
2. the packages that may still be relied on, or that money went out on, are taken, the longest not asked about first
3. their consents are looked up on the ledger: a package under a live *assess* consent is asked about wholly; without
   one only what money went out on under a live *monitor* consent (DOMAIN, Consent)
4. the institutions are asked in batches, package by package; one that is silent changes nothing
5. facts that became worse reopen the package and are kept, in one transaction; whoever follows the package is told

So a fact is told at most one period after an institution gives it, as long as one round takes all packages.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final

import structlog

from consortium.contract import names
from consortium.errors import ChanrongError, OutcomeUnknownError, UnavailableError
from consortium.storage import failpoints
from consortium.storage.crypto import BodyVault
from consortium.storage.engine import Database
from consortium.storage.leases import LeaseLostError, Slots
from crossverify.evidence import SourceAnswer, SourceState
from finance_gateway.monitor import store
from finance_gateway.monitor.facts import WATCHED, Fact, fact_of, news_of
from finance_gateway.monitor.sealing import seal, unseal
from finance_gateway.monitor.store import DueRow, FinancedClaim
from finance_gateway.monitor.watched import Item, Watched
from finance_gateway.packages import store as packages_store
from finance_gateway.packages.ports import Institutions, LedgerPort

JOB: Final = "monitor"
MAX_PER_POLL: Final = 200
"""Packages asked about in one period; the others come first in the next."""

KEPT_S: Final = 3_600
"""How long the record of a round is kept: there are thousands a day."""

MAX_TOLD: Final = 5
"""News in one reason; there may be thousands when a supplier fails."""

BEFORE_REOPEN: Final = "monitor.before_commit"
failpoints.declare(BEFORE_REOPEN)

_log = structlog.get_logger("chanrong.finance.monitor")


class Monitor:
    """Asks institutions again for one bank.

    :param msp_id: the bank's organisation; its own filings are no news
    :param period_s: seconds between two rounds
    :param changed: called when packages were reopened, to wake those who follow them
    """

    def __init__(
        self,
        *,
        database: Database,
        vault: BodyVault,
        ledger: LedgerPort,
        institutions: Institutions,
        msp_id: str,
        period_s: int,
        changed: Callable[[], Awaitable[None]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._vault = vault
        self._ledger = ledger
        self._institutions = institutions
        self._msp_id = msp_id
        self._period_s = period_s
        self._changed = changed
        self._clock = clock
        self._slots = Slots(database)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Goes round for ever."""
        self._task = asyncio.create_task(self._rounds(), name="institutions-monitor")

    async def stop(self) -> None:
        """Ends at once; what was under way is asked about again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def age_s(self) -> int | None:
        """Seconds since a round last ended well, at any replica; none when it never did."""
        last = await self._slots.last_success(JOB)
        return None if last is None else await self._slots.now() - last

    async def _rounds(self) -> None:
        while True:
            await asyncio.sleep(self._period_s)
            try:
                await self._slot()
            except ChanrongError as error:
                _log.warning("monitor_failed", reason=error.reason)
            except Exception:  # noqa: BLE001 - the next round may go well
                _log.exception("monitor_failed")

    async def _slot(self) -> None:
        """Step 1. A slot that another replica left behind needs nobody: this one asks about the same."""
        now = await self._slots.now()
        lease = await self._slots.claim(JOB, now - now % self._period_s)
        if lease is None:
            return
        try:
            async with lease.kept():
                reopened = await self.poll()
                await lease.finish("done", f"{reopened} reopened")
            await self._slots.forget(now - KEPT_S, JOB)
        except LeaseLostError:
            return
        except Exception as error:
            await lease.finish("failed", type(error).__name__)
            raise

    async def poll(self) -> int:
        """One round; how many packages were reopened.

        :raises UnavailableError: ledger or store do not answer
        """
        async with self._database.read() as session:  # 2
            rows = await store.due(session, int(self._clock()), MAX_PER_POLL)
            claims = await store.financed_claims(session)
        live = await self._live(
            {row.consent_id for row in rows} | {claim.consent_id for claim in claims}
        )  # 3
        reopened = 0
        for row in rows:
            try:
                reopened += await self._package(row, claims, live)
            except (UnavailableError, OutcomeUnknownError):
                raise
            except Exception as error:  # noqa: BLE001 - one that cannot be read must not stop the others
                _log.error("package_not_watched", package=row.package_id, kind=type(error).__name__)
                async with self._database.write() as session:
                    await store.polled(session, row.package_id, int(self._clock()))
        if reopened:
            _log.info("packages_reopened", packages=reopened)
            await self._changed()
        return reopened

    async def _live(self, consents: Collection[str]) -> Mapping[str, str]:
        """Scope of each consent that is live."""
        wanted = sorted(each for each in consents if each)
        now = int(self._clock())
        found: dict[str, str] = {}
        for start in range(0, len(wanted), names.MAX_READ_ITEMS):
            ids = wanted[start : start + names.MAX_READ_ITEMS]
            answer = await self._ledger.read(names.CONSENTS_GET, {"ids": ids})
            found |= {
                record["id"]: record["scope"]
                for record in answer["consents"]
                if record is not None and not record["revoked"] and now < record["expires"]
            }
        return found

    async def _package(self, row: DueRow, claims: list[FinancedClaim], live: Mapping[str, str]) -> bool:
        kept = unseal(self._vault, row.package_id, row.wrapped_key, row.content)
        asked = kept
        if live.get(row.consent_id) != names.SCOPE_ASSESS or row.valid_until < self._clock():
            assets = {claim.asset for claim in claims if live.get(claim.consent_id) == names.SCOPE_MONITOR}
            asked = kept.about(assets & set(kept.assets.values()))
        facts = await self._facts(asked)  # 4
        told = _told(asked, facts)
        fresh = kept.with_facts(facts)
        async with self._database.write() as session:  # 5
            if fresh == kept:
                await store.polled(session, row.package_id, int(self._clock()))
                return False
            if not await store.put(
                session, row, seal(self._vault, row.package_id, fresh), int(self._clock())
            ):
                return False  # another replica was faster, and told it
            if told:
                await packages_store.reopen(session, row.package_id, _reason(told))
            failpoints.reach(BEFORE_REOPEN)
        return bool(told)

    async def _facts(self, asked: Watched) -> dict[str, dict[str, Fact]]:
        """What the institutions say now, by source and reference; what is silent is left out."""
        answers = await asyncio.gather(
            *(self._ask(source, asked.items.get(source, ())) for source in WATCHED)
        )
        found: dict[str, dict[str, Fact]] = {}
        for source, answer in zip(WATCHED, answers, strict=True):
            if answer is None or answer.state is not SourceState.ANSWERED:
                continue
            facts = {key: fact_of(source, said, self._msp_id) for key, said in answer.answers.items()}
            found[source] = {key: fact for key, fact in facts.items() if fact is not None}
        return found

    async def _ask(self, source: str, items: tuple[Item, ...]) -> SourceAnswer | None:
        institution: Any = getattr(self._institutions, source)
        if institution is None or not items:
            return None
        answer: SourceAnswer = await institution.ask([item.question for item in items])
        return answer


def _told(asked: Watched, facts: Mapping[str, Mapping[str, Fact]]) -> list[str]:
    """What became worse, the sources in their order."""
    found = (
        news_of(source, item.name, item.fact, facts[source][item.reference])
        for source in WATCHED
        for item in asked.items.get(source, ())
        if item.reference in facts.get(source, {})
    )
    return [text for text in found if text]


def _reason(told: list[str]) -> str:
    more = f"; and {len(told) - MAX_TOLD} more" if len(told) > MAX_TOLD else ""
    return "; ".join(told[:MAX_TOLD]) + more
