"""What the finance gateway asks of the ledger: reads, signed reads, and writes that happen exactly once.

A write, in order:
1. its operation id, function and request are stored before anything leaves the process;
2. it is endorsed; a refusal by the contract as a whole ends it;
3. it is submitted, and its verdict awaited on the block stream, for these very bytes;
4. a conflict (MVCC, phantom) or an outcome that stays unknown leads to a new transaction with the *same* operation id:
   the contract answers a repeated operation with its first result, so nothing happens twice;
5. the result is stored. After a crash, operations that are still pending are run again from step 2.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import structlog

from consortium.documents.canonical import canonical_bytes
from consortium.errors import ChanrongError, OutcomeUnknownError, UnavailableError
from consortium.ledger.contract import Contract
from consortium.ledger.errors import CommitError, CommitStatusError, EndorseError, SubmitError
from consortium.ledger.follower import BlockHandler, CommitFollower
from consortium.ledger.network import Network

MAX_ATTEMPTS: Final = 8
"""Transactions tried for one operation within one call; after that it is pending, and the resumer goes on."""

VERDICT_TIMEOUT_S: Final = 10.0
PAUSE_S: Final = 0.05

_log = structlog.get_logger("chanrong.finance.ledger")


@dataclass(frozen=True, slots=True)
class Written:
    """What the contract answered to a committed write."""

    txid: str
    answer: dict[str, Any]


class Ledger:
    """The consortium's contract, as this bank's organisation sees it.

    :param organisations: whose peers endorse writes and sign reads; the bank's own among them
    """

    def __init__(self, network: Network, contract: Contract, organisations: Sequence[str]) -> None:
        self.network = network
        self._contract = contract
        self._follower: CommitFollower | None = None
        self.organisations = tuple(organisations)

    async def follow(self, start: int, handler: BlockHandler) -> None:
        """Begins to read blocks, from the one that the handler has not stored yet; verdicts come from them.

        :raises UnavailableError: the ledger does not answer
        """
        self._follower = CommitFollower(self.network, start=start, handler=handler)
        await self._follower.start()

    async def stop(self) -> None:
        """Stops reading blocks."""
        if self._follower is not None:
            await self._follower.stop()

    async def read(self, function: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """One peer's answer to a read.

        :raises ChanrongError: the contract refuses, or no peer answers
        """
        answer = await self._contract.evaluate(function, canonical_bytes(dict(request)))
        return dict(orjson.loads(answer))

    async def signed_read(self, function: str, request: Mapping[str, Any]) -> bytes:
        """A read that the organisations' peers sign."""
        return await self._contract.signed_read(
            function, canonical_bytes(dict(request)), organisations=self.organisations
        )

    async def height(self) -> int:
        """Number of blocks."""
        return await self.network.height()

    async def write(
        self,
        function: str,
        request: bytes,
        *,
        transient: Mapping[str, bytes],
        tried: Callable[[str], Awaitable[None]],
    ) -> Written:
        """Runs one stored operation until the ledger has its verdict.

        :param request: canonical JSON with the operation id
        :param transient: openings of claims
        :param tried: told each transaction id before it is submitted, so that it can be stored
        :raises EndorseError: refused as a whole
        :raises OutcomeUnknownError: not resolved within the attempts; run the same operation again later
        """
        last: ChanrongError | None = None
        for attempt in range(MAX_ATTEMPTS):
            try:
                return await self._attempt(function, request, transient, tried)
            except CommitError as error:
                last = error
                _log.info("ledger_write_conflict", function=function, txid=error.txid, attempt=attempt)
            except (CommitStatusError, OutcomeUnknownError, SubmitError) as error:
                last = error
                _log.warning("ledger_write_unknown", function=function, reason=error.reason, attempt=attempt)
            except EndorseError as error:
                if error.contract_reason or attempt == MAX_ATTEMPTS - 1:
                    raise
                last = error
            await asyncio.sleep(PAUSE_S * (attempt + 1) * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load
        if isinstance(last, EndorseError):
            raise UnavailableError(
                "The ledger did not endorse it.", remedy="Repeat the call later."
            ) from last
        raise OutcomeUnknownError(
            "The ledger's verdict is not known yet.",
            remedy="Repeat the call with the same idempotency key: it is one operation, whatever happens.",
        ) from last

    async def _attempt(
        self,
        function: str,
        request: bytes,
        transient: Mapping[str, bytes],
        tried: Callable[[str], Awaitable[None]],
    ) -> Written:
        prepared = await self._contract.endorse(
            function, request, transient=transient, organisations=self.organisations
        )
        await tried(prepared.txid)
        commit = await prepared.submit()
        assert self._follower is not None, "writes need verdicts: follow() first"
        status = await self._follower.wait(commit.txid, commit.envelope_digest, VERDICT_TIMEOUT_S)
        status.raise_if_invalid()
        return Written(commit.txid, dict(orjson.loads(prepared.result)))
