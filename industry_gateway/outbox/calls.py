"""Calls to the contract that somebody waits for: a party registered, a consent granted or revoked.

They do not go through the outbox, because the caller is there to repeat them: the contract knows parties and
statements by themselves, so a repetition answers "already". Within one call the operation id stays the same,
so that an envelope which is tried again cannot count twice.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from consortium.contract.codec import decode, encode, read_results
from consortium.errors import OutcomeUnknownError, UnavailableError
from consortium.storage import failpoints
from consortium.storage.outbox import MVCC_READ_CONFLICT, PHANTOM_READ_CONFLICT, VALID
from industry_gateway.outbox.follower import Follower
from industry_gateway.outbox.port import LedgerPort, Prepared

ATTEMPTS = 5
VERDICT_TIMEOUT_S = 20.0
PAUSE_S = 0.1

failpoints.declare("calls.before_submit", "calls.after_submit")


class LedgerCalls:
    """Writes through the contract and waits for the verdict."""

    def __init__(self, ledger: LedgerPort, follower: Follower) -> None:
        self._ledger = ledger
        self._follower = follower

    async def ask(self, function: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """The contract's answer to a question.

        :raises UnavailableError: when the ledger does not answer
        """
        return decode(await self._ledger.evaluate(function, encode(request)))

    async def write(self, function: str, items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Results of a writing call, once they are on the ledger.

        :raises UnavailableError: nothing was written
        :raises OutcomeUnknownError: it may have been written; repeat the call
        """
        request = encode({"op": secrets.token_hex(16), "items": list(items)})
        for attempt in range(1, ATTEMPTS + 1):
            prepared = await self._ledger.prepare(function, request)
            if decode(prepared.result).get("replayed") or await self._committed(prepared):
                return read_results(prepared.result)
            await asyncio.sleep(PAUSE_S * attempt * random.random())  # noqa: S311 - spreads load
        raise UnavailableError(
            "Others kept changing what this call is about.", remedy="Repeat it in a few seconds."
        )

    async def _committed(self, prepared: Prepared) -> bool:
        """Whether the transaction took effect; False when it lost against another and may be run again."""
        watched = self._follower.watch(prepared.txid)
        try:
            # What is submitted may arrive although nobody says so: the block tells.
            unknown: OutcomeUnknownError | None = None
            try:
                failpoints.reach("calls.before_submit")
                await self._ledger.submit(prepared.envelope)
                failpoints.reach("calls.after_submit")
            except OutcomeUnknownError as error:
                unknown = error
            try:
                async with asyncio.timeout(VERDICT_TIMEOUT_S):
                    transaction = await watched
            except TimeoutError:
                raise OutcomeUnknownError(
                    f"The ledger has not said what became of transaction {prepared.txid}.",
                    remedy="Repeat the call: what was written already is recognised.",
                ) from unknown
        finally:
            self._follower.unwatch(prepared.txid)
        if transaction.code == VALID and transaction.digest == prepared.digest:
            return True
        if (
            transaction.code in {MVCC_READ_CONFLICT, PHANTOM_READ_CONFLICT}
            or transaction.digest != prepared.digest
        ):
            return False
        raise UnavailableError(
            f"The ledger found the transaction invalid (code {transaction.code}).",
            reason="TRANSACTION_INVALID",
            remedy="Tell the operator: endorsement policy and certificates are to be looked at.",
        )
