"""Granting, withdrawing and listing consents, for the party that they are about.

The gateway checks what it can tell the caller at once (that the statement is the caller's own, readable, and
signed by its key); the contract checks all of it again and is what counts.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from consortium.contract.names import CONSENTS_GET, CONSENTS_GRANT, CONSENTS_LIST, CONSENTS_REVOKE
from consortium.contract.reasons import REMEDIES
from consortium.contract.schema import IDENTIFIER, SchemaError
from consortium.contract.statements import CONSENT, REVOCATION, read
from consortium.errors import ChanrongError, ConflictError, DeniedError, InvalidInputError, NotFoundError
from consortium.identity.signer import verify_p256
from industry_gateway.consent.coverage import meaningless
from industry_gateway.outbox.calls import LedgerCalls
from industry_gateway.parties.directory import Tenant

MAX_LISTED = 1_000
"""Consents told in one list."""

_STATES = {
    "UNKNOWN_CONSENT": NotFoundError,
    "CONSENT_EXISTS": ConflictError,
    "CONSENT_FOREIGN": DeniedError,
}


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent as the ledger has it.

    :param state: ``live``, ``expired`` or ``revoked``
    :param expires: seconds since 1970 UTC; dead from this second on
    :param granted: transaction time of its recording, seconds since 1970 UTC
    """

    consent_id: str
    subject: str
    recipient: str
    purpose: str
    scope: str
    fields: tuple[str, ...]
    expires: int
    state: str
    txid: str
    granted: int


class Consents:
    """Consents of this gateway's parties."""

    def __init__(self, calls: LedgerCalls, *, clock: Callable[[], float] = time.time) -> None:
        self._calls = calls
        self._clock = clock

    async def grant(self, tenant: Tenant, statement: bytes, signature: bytes, key_number: int) -> Consent:
        """Records a consent that the caller has signed.

        :raises InvalidInputError: statement or signature cannot be what they should be
        :raises DeniedError: the statement is about somebody else
        """
        fields = _statement(CONSENT, tenant, statement)
        words = meaningless(fields["fields"])
        if words:
            raise InvalidInputError(
                f"These words cover nothing: {', '.join(words)[:200]}.",
                reason="CONSENT_FIELD_UNKNOWN",
                remedy="Name kinds (invoice), single fields (invoice.issue_date), or * for everything.",
            )
        await self._record(CONSENTS_GRANT, tenant, statement, signature, key_number)
        return await self._own(tenant, fields["id"])

    async def revoke(
        self, tenant: Tenant, statement: bytes, signature: bytes, key_number: int, consent_id: str = ""
    ) -> Consent:
        """Withdraws a consent for good.

        :param consent_id: the consent that the caller means, where it says so beside the statement
        :raises InvalidInputError: statement or signature cannot be what they should be
        :raises DeniedError: the statement is about somebody else
        """
        fields = _statement(REVOCATION, tenant, statement)
        if consent_id and fields["id"] != consent_id:
            raise InvalidInputError(
                "The statement withdraws another consent than the one that is named.",
                reason="STATEMENT_INVALID",
                remedy="Name the consent whose id is in the statement.",
            )
        await self._record(CONSENTS_REVOKE, tenant, statement, signature, key_number)
        return await self._own(tenant, fields["id"])

    async def list(self, tenant: Tenant) -> list[Consent]:
        """The caller's consents, newest first, at most ``MAX_LISTED``."""
        answer = await self._calls.ask(CONSENTS_LIST, {"subject": tenant.handle, "limit": MAX_LISTED})
        found = [_consent(record) for record in answer["consents"]]
        return sorted(found, key=lambda each: (each.granted, each.consent_id), reverse=True)

    async def find(self, consent_id: str) -> Consent | None:
        """One consent as the ledger has it now; None when it has none of this id."""
        try:
            IDENTIFIER(consent_id)
        except SchemaError:
            return None  # no consent has such an id
        answer = await self._calls.ask(CONSENTS_GET, {"ids": [consent_id]})
        record = answer["consents"][0]
        return None if record is None else _consent(record)

    async def _own(self, tenant: Tenant, consent_id: str) -> Consent:
        found = await self.find(consent_id)
        if found is None or found.subject != tenant.handle:
            raise NotFoundError("The ledger has no such consent of yours.", reason="UNKNOWN_CONSENT")
        return found

    async def _record(
        self, function: str, tenant: Tenant, statement: bytes, signature: bytes, key_number: int
    ) -> None:
        if key_number == tenant.key_number and not verify_p256(tenant.public_key, statement, signature):
            raise _refused("SIGNATURE_INVALID", "The signature does not fit the statement and your key.")
        item = {
            "statement": base64.b64encode(statement).decode(),
            "key": key_number,
            "signature": base64.b64encode(signature).decode(),
        }
        (result,) = await self._calls.write(function, [item])
        if result["status"] == "refused":
            raise _refused(str(result.get("reason", "")), str(result.get("message", "")))


def _statement(kind: str, tenant: Tenant, statement: bytes) -> dict[str, Any]:
    try:
        fields = read(kind, statement)
    except SchemaError as error:
        raise _refused("STATEMENT_INVALID", str(error)) from error
    if fields["subject"] != tenant.handle:
        raise DeniedError(
            "The statement is about another party than the caller.",
            reason="CONSENT_FOREIGN",
            remedy="Each party gives and withdraws its own consents; the subject is its own handle.",
        )
    return fields


def _consent(record: dict[str, Any]) -> Consent:
    state = "revoked" if record["state"] == "revoked" else ("live" if record["live"] else "expired")
    return Consent(
        consent_id=record["id"],
        subject=record["subject"],
        recipient=record["recipient"],
        purpose=record["purpose"],
        scope=record["scope"],
        fields=tuple(record["fields"]),
        expires=record["expires"],
        state=state,
        txid=record["txid"],
        granted=record["time"],
    )


def _refused(reason: str, message: str) -> ChanrongError:
    kind = _STATES.get(reason, InvalidInputError)
    return kind(message or "The ledger refuses it.", reason=reason, remedy=REMEDIES.get(reason, ""))
