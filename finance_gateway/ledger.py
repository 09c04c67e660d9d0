"""What the finance gateway asks of the ledger: reads, signed reads, single transactions, and the stream of blocks.

Errors of the client are translated here: what the contract refused as a whole is :class:`ContractRefusedError`,
"nothing was done" is :class:`UnavailableError`, "may have been done" is :class:`OutcomeUnknownError`, and a transaction
that a block holds as invalid is :class:`LostRaceError`. How a write is repeated until it is done exactly once is
:mod:`finance_gateway.operations`' business.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson
import structlog

from consortium.contract.codec import ContractRefusedError
from consortium.contract.reasons import CALL_REASONS, REMEDIES
from consortium.documents.canonical import canonical_bytes
from consortium.errors import ChanrongError, OutcomeUnknownError, UnavailableError
from consortium.ledger.blocks import Block
from consortium.ledger.contract import Contract
from consortium.ledger.errors import CommitError, LedgerError
from consortium.ledger.follower import CommitFollower
from consortium.ledger.network import Network
from consortium.ledger.stages import PreparedTransaction

VERDICT_TIMEOUT_S: Final = 10.0
"""How long a submitted transaction is waited for before it is looked up, and then tried again."""

CATCH_UP_S: Final = 10.0
"""How long the stream of blocks may take to reach a height."""

BLOCK_TIMEOUT_S: Final = 30.0
"""How long the next block of those that are there may take."""

WATCH_INTERVAL_S: Final = 0.2
"""How often it is looked whether the stream of blocks still runs."""

RESTART_PAUSE_S: Final = 1.0

_log = structlog.get_logger("chanrong.finance.ledger")


class LostRaceError(ChanrongError):
    """A transaction is in a block as invalid, mostly since another one wrote first. It had no effect; try a new one."""

    reason = "TRANSACTION_CONFLICT"


class Projection(Protocol):
    """Who stores what blocks mean."""

    async def next_block(self) -> int:
        """The block to go on with."""
        ...

    async def handle(self, block: Block) -> None:
        """Stores what a block means; raises when it cannot be stored now."""
        ...


@dataclass(frozen=True, slots=True)
class Endorsed:
    """An endorsed transaction that has not been sent.

    :ivar answer: what the contract answered; it counts once the transaction is valid in a block
    :ivar replayed: the contract knew the operation: its effect is on the ledger already, and ``answer`` is of then
    """

    prepared: PreparedTransaction
    txid: str
    answer: dict[str, Any]
    replayed: bool


class Ledger:
    """The consortium's contract, as this bank's organisation sees it.

    :param organisations: whose peers endorse writes and sign reads; the bank's own among them
    """

    def __init__(self, network: Network, contract: Contract, organisations: Sequence[str]) -> None:
        self.network = network
        self._contract = contract
        self.organisations = tuple(organisations)
        self._follower: CommitFollower | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._stuck_at: int | None = None
        self._failure: BaseException | None = None

    # --- blocks ---------------------------------------------------------------------------------

    async def follow(self, projection: Projection) -> None:
        """Begins to read blocks, from the one that the projection has not stored yet; verdicts come from them.

        A stream that ends for good, as when a block cannot be stored, is begun again; until the block is behind it,
        :attr:`failure` says why.
        """
        self._follower = await self._begin(projection)
        self._supervisor = asyncio.create_task(self._supervise(projection), name="block-supervisor")

    async def _begin(self, projection: Projection) -> CommitFollower:
        follower = CommitFollower(
            self.network, start=await projection.next_block(), handler=projection.handle
        )
        await follower.start()
        return follower

    async def _supervise(self, projection: Projection) -> None:
        while True:
            await asyncio.sleep(WATCH_INTERVAL_S)
            follower = self._follower
            assert follower is not None
            failure = follower.failure
            if failure is None:
                await self._look_whether_mended(follower)
                continue
            self._failure, self._stuck_at = failure, follower.next_block
            _log.error("block_stream_ended", next_block=self._stuck_at, kind=type(failure).__name__)
            await asyncio.sleep(RESTART_PAUSE_S)
            with contextlib.suppress(ChanrongError):  # the database may be what failed: tried again
                self._follower = await self._begin(projection)

    async def _look_whether_mended(self, follower: CommitFollower) -> None:
        if self._stuck_at is None or follower.next_block is None:
            return
        behind = follower.next_block > self._stuck_at
        if not behind:
            with contextlib.suppress(ChanrongError):
                behind = follower.next_block >= await self.height()
        if behind:
            self._failure = self._stuck_at = None

    @property
    def failure(self) -> BaseException | None:
        """Why blocks cannot be read or stored; None while they can."""
        if self._follower is None:
            return UnavailableError("The stream of blocks has not begun.")
        return self._failure or self._follower.failure

    @property
    def next_block(self) -> int:
        """The first block that is not stored yet."""
        return (self._follower.next_block if self._follower is not None else None) or 0

    async def caught_up(self) -> bool:
        """Waits until all blocks that are there now are stored; whether that happened in time."""
        height = await self.height()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CATCH_UP_S):
                while self.next_block < height:  # noqa: ASYNC110 - the follower tells verdicts, not heights
                    await asyncio.sleep(0.01)
                return True
        return False

    async def blocks(self, start: int, last: int) -> AsyncIterator[Block]:
        """Blocks from ``start`` to ``last``, both included, by a stream of their own.

        :raises UnavailableError: the ledger does not give them
        """
        async with aclosing(self.network.blocks(start, stop=last)) as blocks:
            while True:
                try:
                    async with asyncio.timeout(BLOCK_TIMEOUT_S):
                        block = await anext(blocks)
                except StopAsyncIteration:
                    return
                except TimeoutError as error:
                    raise UnavailableError("The ledger gives no blocks.", reason="LEDGER_TIMEOUT") from error
                except LedgerError as error:
                    raise _translated(error) from error
                yield block

    async def stop(self) -> None:
        """Stops reading blocks."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
        if self._follower is not None:
            await self._follower.stop()

    # --- reads ----------------------------------------------------------------------------------

    async def read(self, function: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """One peer's answer to a read.

        :raises ContractRefusedError: the contract refuses the question
        :raises UnavailableError: no peer answers
        """
        try:
            answer = await self._contract.evaluate(function, canonical_bytes(dict(request)))
        except LedgerError as error:
            raise _translated(error) from error
        return dict(orjson.loads(answer))

    async def signed_read(self, function: str, request: Mapping[str, Any]) -> bytes:
        """A read that the organisations' peers sign; same errors as :meth:`read`."""
        try:
            return await self._contract.signed_read(
                function, canonical_bytes(dict(request)), organisations=self.organisations
            )
        except LedgerError as error:
            raise _translated(error) from error

    async def height(self) -> int:
        """Number of blocks.

        :raises UnavailableError: no peer answers
        """
        try:
            return await self.network.height()
        except LedgerError as error:
            raise _translated(error) from error

    # --- writes ---------------------------------------------------------------------------------

    async def endorse(self, function: str, request: bytes, transient: Mapping[str, bytes]) -> Endorsed:
        """Endorses and signs one transaction. Nothing is sent to be ordered.

        :param request: canonical JSON with the operation id
        :param transient: openings of claims
        :raises ContractRefusedError: refused as a whole
        :raises UnavailableError: not endorsed now
        """
        try:
            prepared = await self._contract.endorse(
                function, request, transient=transient, organisations=self.organisations
            )
        except LedgerError as error:
            raise _translated(error) from error
        answer = dict(orjson.loads(prepared.result))
        return Endorsed(prepared.signed(), prepared.txid, answer, bool(answer.get("replayed")))

    async def commit(self, endorsed: Endorsed) -> None:
        """Submits one transaction and waits until a block holds it as valid, and what it means is stored.

        :raises LostRaceError: a block holds it as invalid
        :raises UnavailableError: it was refused before it was ordered
        :raises OutcomeUnknownError: it may be in a block, now or later
        """
        assert self._follower is not None, "writes need verdicts: follow() first"
        try:
            commit = await endorsed.prepared.submit()
            status = await self._follower.wait(commit.txid, commit.envelope_digest, VERDICT_TIMEOUT_S)
            status.raise_if_invalid()
        except CommitError as error:
            raise LostRaceError(error.message, remedy=error.remedy) from error
        except LedgerError as error:
            if error.outcome_unknown or isinstance(error, OutcomeUnknownError):
                raise OutcomeUnknownError(error.message, remedy=error.remedy) from error
            raise _translated(error) from error


def _translated(error: LedgerError) -> ContractRefusedError | UnavailableError:
    reason = error.contract_reason
    if error.reason == "CONTRACT_REFUSED" and reason in CALL_REASONS:
        words = error.contract_message or error.message
        return ContractRefusedError(words, reason=reason, remedy=REMEDIES[reason])
    # What else a peer or its host says no to (clocks that differ, a defect of the contract, an expired certificate)
    # is not about this request: a ledger that refuses it does not work now.
    unknown = "LEDGER_REFUSED" if error.reason == "CONTRACT_REFUSED" else error.reason
    return UnavailableError(
        f"The ledger does not do it now: {error.message}", reason=reason or unknown, remedy=error.remedy
    )
