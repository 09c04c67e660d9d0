"""Releasing documents to a bank's gateway.

1. The consent is looked up on the ledger, at every call, whatever was released a minute ago.
2. It has to be live, about this subject, to the organisation whose certificate calls, and for the purpose
   named.
3. It covers the subject's own documents (issued or handed in by it) and those of its debtors that name it as
   the seller (each party agrees to that when it joins), as far as they are on the ledger.
4. ``assess`` gives whole documents or single leaves, as its fields say. ``monitor`` gives no contents:
   positions of documents whose asset is financed, so that the bank can follow their state.
5. What leaves is put on record before it leaves: who, under which consent, which documents, when.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from consortium.contract.names import ENCUMBRANCES_GET, MAX_READ_ITEMS, SCOPE_MONITOR
from consortium.documents.commitment import Disclosure, disclose, leaves
from consortium.errors import ChanrongError, DeniedError, InvalidInputError, NotFoundError
from consortium.identity.directory import Caller
from industry_gateway.bodies import Bodies, Body
from industry_gateway.consent.consents import Consent, Consents
from industry_gateway.consent.coverage import Coverage
from industry_gateway.outbox.calls import LedgerCalls
from industry_gateway.store import audit, documents
from industry_gateway.store.database import Database
from industry_gateway.store.documents import StoredDocument

PAGE_DOCUMENTS = 100
"""Documents of one message."""
PAGE_BYTES = 2 * 1024 * 1024
"""Bodies of one message; one larger document has a message of its own."""
MAX_FINGERPRINTS = 10_000
AUDIT_RACES = 5


@dataclass(frozen=True, slots=True)
class Released:
    """One document that leaves: with its body, with some leaves, or with its position alone."""

    stored: StoredDocument
    body: Body | None = None
    disclosure: Disclosure | None = None

    @property
    def size(self) -> int:
        """About how many bytes it is."""
        if self.body is not None:
            return len(self.body.canonical)
        leaves_shown = () if self.disclosure is None else self.disclosure.leaves
        return 200 + sum(len(leaf.value) for leaf in leaves_shown)


@dataclass(frozen=True, slots=True)
class ReleaseQuestion:
    """What a bank asks for.

    :param subject: ledger handle of the party whose documents are asked for
    :param fingerprints: only these, when given
    """

    subject: str
    consent_id: str
    purpose: str
    fingerprints: tuple[str, ...] = ()


class Releases:
    """Releases documents of this gateway's store."""

    def __init__(
        self,
        database: Database,
        bodies: Bodies,
        consents: Consents,
        calls: LedgerCalls,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._bodies = bodies
        self._consents = consents
        self._calls = calls
        self._clock = clock

    async def release(self, caller: Caller, question: ReleaseQuestion) -> AsyncIterator[list[Released]]:
        """Steps 1 to 5, message by message.

        :raises DeniedError: the consent does not allow it
        :raises UnavailableError: the ledger cannot be asked, so nothing is released
        """
        try:
            consent = await self._checked(caller, question)
        except (DeniedError, NotFoundError) as error:
            await self._record(caller, question, "release_denied", [], reason=error.reason)
            raise
        if len(question.fingerprints) > MAX_FINGERPRINTS:
            raise InvalidInputError(
                f"One call names at most {MAX_FINGERPRINTS} documents.", reason="TOO_LARGE"
            )
        async with self._database.read() as connection:
            found = await documents.of_subject(connection, question.subject, question.fingerprints)
        coverage = Coverage.of(consent.fields)
        monitored = consent.scope == SCOPE_MONITOR
        if monitored:
            found = await self._financed(found)
        else:
            found = [each for each in found if coverage.some(each.kind)]
        for start in range(0, len(found), PAGE_DOCUMENTS):
            part = found[start : start + PAGE_DOCUMENTS]
            shown = [Released(each) for each in part] if monitored else await self._shown(part, coverage)
            for page in _pages(shown):
                fingerprints = [each.stored.fingerprint for each in page]
                await self._record(caller, question, "release", fingerprints, scope=consent.scope)
                yield page

    async def _checked(self, caller: Caller, question: ReleaseQuestion) -> Consent:
        """Steps 1 and 2."""
        consent = await self._consents.find(question.consent_id)
        if consent is None:
            raise NotFoundError("The ledger has no such consent.", reason="UNKNOWN_CONSENT")
        if consent.recipient != caller.org or consent.subject != question.subject:
            raise _denied("CONSENT_FOREIGN", "The consent is not from this subject to your organisation.")
        if consent.state == "revoked":
            raise _denied("CONSENT_REVOKED", "The consent was withdrawn.")
        if consent.state != "live" or consent.expires <= self._clock():
            raise _denied("CONSENT_EXPIRED", "The consent has expired.")
        if consent.purpose != question.purpose:
            raise _denied("CONSENT_PURPOSE", "The consent was given for another purpose.")
        return consent

    async def _financed(self, found: Sequence[StoredDocument]) -> list[StoredDocument]:
        """Those whose asset has a financed claim."""
        kept: list[StoredDocument] = []
        for start in range(0, len(found), MAX_READ_ITEMS):
            part = found[start : start + MAX_READ_ITEMS]
            answer = await self._calls.ask(ENCUMBRANCES_GET, {"assets": [each.fingerprint for each in part]})
            kept += [
                each
                for each, row in zip(part, answer["rows"], strict=True)
                if row is not None and any(claim["state"] == "financed" for claim in row["claims"])
            ]
        return kept

    async def _shown(self, part: Sequence[StoredDocument], coverage: Coverage) -> list[Released]:
        """Step 4 for an assessment. Documents whose body was erased are left out."""
        async with self._database.read() as connection:
            stored = await documents.bodies(connection, [each.document_id for each in part])
        shown: list[Released] = []
        for each in part:
            row = stored.get(each.document_id)
            if row is None or row[0] is None:
                continue
            body = self._bodies.open(each.document_id, row)
            if coverage.whole(each.kind):
                shown.append(Released(each, body=body))
                continue
            document = body.document(each.kind)
            names = coverage.of_leaves(each.kind, list(leaves(document)))
            if names:
                shown.append(Released(each, disclosure=disclose(document, body.secret, names)))
        return shown

    async def _record(
        self,
        caller: Caller,
        question: ReleaseQuestion,
        action: str,
        fingerprints: list[str],
        **more: str,
    ) -> None:
        """Step 5."""
        entry = {
            "action": action,
            "organisation": caller.org,
            "caller": caller.name,
            "subject": question.subject[:64],
            "consent": question.consent_id[:64],
            "purpose": question.purpose[:128],
            "fingerprints": fingerprints,
            **more,
        }
        for race in range(AUDIT_RACES):
            try:
                async with self._database.write() as connection:
                    await audit.append(connection, entry, at=int(self._clock()))
                return
            except IntegrityError:
                if race == AUDIT_RACES - 1:
                    raise ChanrongError("The release could not be put on record.") from None


def _pages(shown: Sequence[Released]) -> list[list[Released]]:
    """Documents in messages of a bounded size."""
    pages: list[list[Released]] = []
    size = 0
    for each in shown:
        if not pages or size + each.size > PAGE_BYTES:
            pages.append([])
            size = 0
        pages[-1].append(each)
        size += each.size
    return pages


def _denied(reason: str, message: str) -> DeniedError:
    return DeniedError(message, reason=reason, remedy="Ask the subject for a consent that fits.")
