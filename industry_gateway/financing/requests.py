"""Filing and listing financing requests, and following them on the ledger.

The gateway files a request for its party; the bank that is asked lists what is addressed to it. What the bank
then does shows on the ledger: its transactions on the assets offered move the request on. A bank that says no
says so outside of the ledger; such a request stays ``filed``.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from consortium.contract.codec import encode, read_results
from consortium.contract.names import (
    ENCUMBRANCES_FINANCE,
    ENCUMBRANCES_RELEASE,
    ENCUMBRANCES_RESERVE,
    ENCUMBRANCES_SETTLE,
)
from consortium.documents.codes import MINOR_UNITS
from consortium.documents.money import decimal_text, too_precise
from consortium.errors import ConflictError, DeniedError, InvalidInputError
from industry_gateway.consent.consents import Consents
from industry_gateway.outbox.model import new_id
from industry_gateway.outbox.port import LedgerTransaction
from industry_gateway.parties.directory import Tenant
from industry_gateway.store import documents
from industry_gateway.store import financing as statements
from industry_gateway.store.database import Database
from industry_gateway.store.financing import FinancingRequest

MAX_RECEIVABLES = 1_000
"""Receivables of one request."""
MAX_LISTED = 1_000
MAX_AMOUNT = Decimal(10) ** 18

_STATES: Mapping[str, str] = {
    ENCUMBRANCES_RESERVE: "reserved",
    ENCUMBRANCES_FINANCE: "financed",
    ENCUMBRANCES_RELEASE: "released",
    ENCUMBRANCES_SETTLE: "settled",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an SME asks for.

    :param amount: decimal number as text
    """

    bank: str
    fingerprints: tuple[str, ...]
    amount: str
    currency: str
    consent_id: str


class FinancingRequests:
    """Financing requests at one gateway."""

    def __init__(
        self, database: Database, consents: Consents, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._consents = consents
        self._clock = clock

    async def file(self, tenant: Tenant, asked: Asked, idempotency_key: str = "") -> FinancingRequest:
        """Files a request.

        :raises InvalidInputError: amount, currency or receivables are wrong
        :raises DeniedError: the consent is not the caller's to this bank
        :raises ConflictError: the key was used for another request
        """
        digest = hashlib.sha256(
            encode([asked.bank, list(asked.fingerprints), asked.amount, asked.currency, asked.consent_id])
        ).hexdigest()
        if idempotency_key:
            async with self._database.read() as connection:
                earlier = await statements.find_key(connection, tenant.handle, idempotency_key)
            if earlier is not None:
                return _same(earlier, digest)
        amount = _amount(asked.amount, asked.currency)
        await self._check_receivables(tenant, asked.fingerprints)
        if asked.consent_id:
            await self._check_consent(tenant, asked)
        request = FinancingRequest(
            request_id=new_id(),
            applicant=tenant.handle,
            bank=asked.bank,
            fingerprints=asked.fingerprints,
            amount=amount,
            currency=asked.currency,
            consent_id=asked.consent_id,
            state="filed",
            created_at=int(self._clock()),
        )
        try:
            async with self._database.write() as connection:
                await statements.add(connection, request, key=idempotency_key or None, digest=digest)
        except IntegrityError:
            async with self._database.read() as connection:
                earlier = await statements.find_key(connection, tenant.handle, idempotency_key)
            if earlier is None:
                raise
            return _same(earlier, digest)
        return request

    async def of_applicant(self, tenant: Tenant) -> list[FinancingRequest]:
        """The caller's requests, newest first."""
        async with self._database.read() as connection:
            return await statements.of_applicant(connection, tenant.handle, MAX_LISTED)

    async def to_bank(self, bank: str) -> list[FinancingRequest]:
        """The requests addressed to a bank, newest first."""
        async with self._database.read() as connection:
            return await statements.to_bank(connection, bank, MAX_LISTED)

    async def _check_receivables(self, tenant: Tenant, fingerprints: Sequence[str]) -> None:
        if not 0 < len(fingerprints) <= MAX_RECEIVABLES or len(set(fingerprints)) != len(fingerprints):
            raise InvalidInputError(
                f"A request offers 1 to {MAX_RECEIVABLES} receivables, each once.",
                reason="RECEIVABLES_INVALID",
            )
        async with self._database.read() as connection:
            live = await documents.live_by_key(connection, fingerprints)
        for fingerprint in fingerprints:
            own = [document for _, document in live.get(fingerprint, ()) if document.seller == tenant.handle]
            if not own:
                raise InvalidInputError(
                    "A receivable that is offered is not a document of yours at this gateway.",
                    reason="UNKNOWN_DOCUMENT",
                    remedy="Push the document first, and name its fingerprint.",
                    details={"fingerprint": fingerprint[:64]},
                )

    async def _check_consent(self, tenant: Tenant, asked: Asked) -> None:
        consent = await self._consents.find(asked.consent_id)
        if consent is None or consent.subject != tenant.handle or consent.recipient != asked.bank:
            raise DeniedError(
                "The consent is not yours to this bank.",
                reason="CONSENT_FOREIGN",
                remedy="Grant the bank a consent first, and name its id.",
            )
        if consent.state != "live":
            raise DeniedError(
                f"The consent is {consent.state}.",
                reason="CONSENT_REVOKED" if consent.state == "revoked" else "CONSENT_EXPIRED",
                remedy="Grant a new one.",
            )


class FinancingObserver:
    """Moves requests on when the bank that was asked acts on the ledger."""

    def wants(self, transaction: LedgerTransaction) -> bool:
        """Claims only."""
        return transaction.function in _STATES

    async def observe(self, connection: AsyncConnection, transaction: LedgerTransaction, block: int) -> None:
        """Stores what a bank did. Never fails on what others wrote: at most it means nothing to us."""
        state = _STATES[transaction.function]
        moved: list[str] = []
        for result in read_results(transaction.result):
            asset, claim = result.get("asset"), result.get("claim")
            if result["status"] != "done" or not isinstance(asset, str) or not isinstance(claim, str):
                continue
            found = await statements.claimed(connection, transaction.creator, asset, claim)
            if found is None and state == "reserved":
                found = await statements.reserved(connection, transaction.creator, asset, claim)
            if found is not None:
                moved.append(found)
        await statements.set_state(connection, list(dict.fromkeys(moved)), state)


def _same(earlier: tuple[FinancingRequest, str], digest: str) -> FinancingRequest:
    request, filed = earlier
    if filed != digest:
        raise ConflictError(
            "This Idempotency-Key was used for another request.",
            reason="IDEMPOTENCY_KEY_REUSED",
            remedy="Use a new key for a new request.",
        )
    return request


def _amount(text: str, currency: str) -> str:
    if currency not in MINOR_UNITS:
        raise InvalidInputError(
            "The currency is not an ISO 4217 code.", reason="CURRENCY_UNKNOWN", remedy="Write CNY, EUR, ..."
        )
    try:
        amount = Decimal(text) if len(text) <= 40 else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or not 0 < amount < MAX_AMOUNT:
        raise InvalidInputError(
            "The amount is not a positive decimal number.", reason="AMOUNT_INVALID", remedy="Write 120000.00."
        )
    if too_precise(amount, MINOR_UNITS[currency]):
        raise InvalidInputError(
            f"The amount has more decimals than {currency} has.", reason="AMOUNT_PRECISION"
        )
    return decimal_text(amount)
