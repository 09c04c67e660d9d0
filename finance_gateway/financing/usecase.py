"""The use case: claims of this bank on receivables.

Each write: ONE database transaction stores the claim (with its sealed opening), the idempotency key and the operation.
Then the operation runs, and the block that holds it settles the claim in the tables: :mod:`finance_gateway.operations`.
Over-financing is refused by the contract, atomically and across banks; this gateway only asks.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.contract import names
from consortium.contract.claims import claim_handle, latest_expiry
from consortium.errors import ConflictError, InvalidInputError
from consortium.identity.directory import Caller
from consortium.storage.crypto import BodyVault
from consortium.storage.engine import Database
from finance_gateway.checks import check_fingerprint, check_length
from finance_gateway.financing import store
from finance_gateway.financing.store import ClaimRow
from finance_gateway.operations import Operation, Operations, Outcome, new_operation
from finance_gateway.store import idempotency

MAX_ITEMS: Final = names.MAX_CLAIM_ITEMS
MAX_CONSENT_CHARS: Final = 64
EXPIRY_SLACK_S: Final = 60
"""The transaction's time may be a little behind this clock."""


@dataclass(frozen=True, slots=True)
class ReserveItem:
    """A share to reserve; ``duration_s`` 0 is the longest that the contract takes."""

    fingerprint: str
    share: int
    consent_id: str
    duration_s: int = 0


@dataclass(frozen=True, slots=True)
class ClaimOutcome:
    """What became of an operation on a claim."""

    claim: ClaimRow
    done: bool
    reason: str = ""
    message: str = ""
    free: int = 0
    txid: str = ""


class ReadingPort(Protocol):
    """What this asks of :class:`finance_gateway.ledger.Ledger`."""

    async def read(self, function: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """One peer's answer."""
        ...


class Financing:
    """Claims of one bank.

    :param msp_id: the bank's organisation; the contract knows its claims by handles only
    """

    def __init__(
        self,
        *,
        msp_id: str,
        database: Database,
        vault: BodyVault,
        ledger: ReadingPort,
        operations: Operations,
    ) -> None:
        self._msp_id = msp_id
        self._database = database
        self._vault = vault
        self._ledger = ledger
        self._operations = operations

    async def own_handles(self, handles: Collection[str]) -> set[str]:
        """The handles among these that are of this bank's claims."""
        async with self._database.read() as session:
            return await store.own_handles(session, handles)

    async def reserve(self, items: Sequence[ReserveItem], key: str, caller: Caller) -> list[ClaimOutcome]:
        """Reserves shares; each succeeds or is refused by itself.

        :raises InvalidInputError: no items, too many, or a share that is none
        """
        if not 1 <= len(items) <= MAX_ITEMS:
            raise InvalidInputError(f"Reserve 1 to {MAX_ITEMS} items at once, these are {len(items)}.")
        request = orjson.dumps([(i.fingerprint, i.share, i.consent_id, i.duration_s) for i in items])
        prepared = [self._prepare(item) for item in items]
        operation = new_operation(
            names.ENCUMBRANCES_RESERVE,
            [
                {
                    "asset": claim.fingerprint,
                    "claim": claim.claim_id,
                    "share": claim.share,
                    "handle": claim.handle,
                    "expires": claim.expires,
                    "consent": claim.consent_id,
                    "signature": None,
                }
                for claim, _ in prepared
            ],
            [claim.claim_id for claim, _ in prepared],
        )
        async with self._database.write() as session:
            op = await idempotency.recall(session, caller, "Reserve", key, request)
            if op is None:
                await idempotency.remember(session, caller, "Reserve", key, request, operation.op)
                for claim, opening in prepared:
                    sealed = self._vault.seal(claim.claim_id, opening)
                    await store.add(session, claim, sealed.ciphertext, sealed.wrapped_key)
                await self._operations.store(session, operation)
        return await self._outcomes(op or operation.op)

    def _prepare(self, item: ReserveItem) -> tuple[ClaimRow, bytes]:
        check_fingerprint(item.fingerprint)
        check_length("consent_id", item.consent_id, MAX_CONSENT_CHARS)
        if not 1 <= item.share <= names.FACE_VALUE_PPB:
            raise InvalidInputError(
                f"A share of {item.share} billionths cannot be reserved.", remedy="Give 1 to 1,000,000,000."
            )
        now = int(time.time())
        longest = latest_expiry(now - EXPIRY_SLACK_S)
        opening = secrets.token_hex(32)
        claim = ClaimRow(
            claim_id=secrets.token_hex(8),
            fingerprint=item.fingerprint,
            asset=item.fingerprint,
            handle=claim_handle(self._msp_id, opening),
            share=item.share,
            settled=0,
            state="reserving",
            expires=min(now + item.duration_s, longest) if item.duration_s else longest,
            consent_id=item.consent_id,
            asset_state="",
            shortfall=0,
            txid="",
            created=now,
        )
        return claim, opening.encode()

    async def finance(self, claim_id: str, consent_id: str, key: str, caller: Caller) -> ClaimOutcome:
        """Turns a reservation into a financing; needs the seller's consent with monitor scope."""
        return await self._one(
            names.ENCUMBRANCES_FINANCE, claim_id, {"consent": consent_id}, "Finance", key, caller
        )

    async def release(self, claim_id: str, reason: str, key: str, caller: Caller) -> ClaimOutcome:
        """Gives a claim up.

        :raises InvalidInputError: no reason that the contract knows
        """
        if reason not in names.RELEASE_REASONS:
            raise InvalidInputError(
                f"{reason!r} is no reason to release.",
                remedy=f"Give one of {', '.join(names.RELEASE_REASONS)}.",
            )
        return await self._one(
            names.ENCUMBRANCES_RELEASE, claim_id, {"reason": reason}, "Release", key, caller
        )

    async def settle(self, claim_id: str, share: int, key: str, caller: Caller) -> ClaimOutcome:
        """Says that a claim was paid; share 0 is all that is left of it.

        :raises ConflictError: nothing is left
        """
        return await self._one(names.ENCUMBRANCES_SETTLE, claim_id, {"share": share}, "Settle", key, caller)

    async def _one(
        self, function: str, claim_id: str, fields: Mapping[str, Any], method: str, key: str, caller: Caller
    ) -> ClaimOutcome:
        request = orjson.dumps([claim_id, {name: fields[name] for name in sorted(fields)}])
        async with self._database.write() as session:
            claim = await store.get(session, claim_id)
            op = await idempotency.recall(session, caller, method, key, request)
            if op is None:
                # What is meant by "all that is left" is decided once, with the key.
                operation = new_operation(
                    function,
                    [{"asset": claim.asset, "claim": claim_id, **_as_meant(fields, claim)}],
                    [claim_id],
                )
                op = operation.op
                await idempotency.remember(session, caller, method, key, request, op)
                await self._operations.store(session, operation)
        return (await self._outcomes(op))[0]

    async def _outcomes(self, op: str) -> list[ClaimOutcome]:
        """What became of each item of an operation, in the order asked."""
        results = await self._operations.result(op)
        claim_ids = await self._operations.claims_of(op)
        async with self._database.read() as session:
            return [
                ClaimOutcome(
                    claim=await store.get(session, claim_id),
                    done=result["status"] == "done",
                    reason=str(result.get("reason", "")),
                    message=str(result.get("message", "")),
                    free=int(result.get("free", 0)),
                    txid=str(result.get("txid", "")),
                )
                for claim_id, result in zip(claim_ids, results, strict=True)
            ]

    async def listed(self, fingerprint: str) -> list[ClaimRow]:
        """This bank's claims, with the ledger's state of their assets as it is now.

        :raises UnavailableError: the ledger does not answer
        """
        async with self._database.read() as session:
            rows = await store.listed(session, fingerprint)
        assets = sorted({row.asset for row in rows if row.state not in {"reserving", "refused"}})
        figures: dict[str, Mapping[str, Any]] = {}
        for start in range(0, len(assets), names.MAX_READ_ITEMS):
            chunk = assets[start : start + names.MAX_READ_ITEMS]
            answer = await self._ledger.read(names.ENCUMBRANCES_GET, {"assets": chunk})
            figures |= {fp: row for fp, row in zip(chunk, answer["rows"], strict=True) if row is not None}
        return [_as_now(row, figures.get(row.asset)) for row in rows]

    @staticmethod
    async def settle_results(session: AsyncSession, operation: Operation, outcome: Outcome) -> None:
        """What the contract's results mean for the claims of an operation."""
        if outcome.reason:
            for item in operation.items:
                await store.refuse(session, item["claim"])
            return
        for item, result in zip(operation.items, outcome.results, strict=True):
            await store.apply(session, operation.function, item, result)


def _as_meant(fields: Mapping[str, Any], claim: ClaimRow) -> dict[str, Any]:
    """The contract's fields: a share of 0 is all that is left of the claim."""
    if fields.get("share") != 0:
        return dict(fields)
    left = claim.share - claim.settled
    if left <= 0:
        raise ConflictError(f"Nothing is left of claim {claim.claim_id}.", reason="SHARE_TOO_LARGE")
    return {**fields, "share": left}


def _as_now(row: ClaimRow, figures: Mapping[str, Any] | None) -> ClaimRow:
    if figures is None:
        return row
    claim = next((c for c in figures["claims"] if c["claim"] == row.claim_id), None)
    return replace(
        row,
        state=claim["state"] if claim else row.state,
        settled=claim["settled"] if claim else row.settled,
        asset_state=figures["state"],
        shortfall=figures["shortfall"],
    )
