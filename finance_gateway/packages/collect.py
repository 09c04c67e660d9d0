"""Gathering the evidence for one package.

1. the consent is looked up on the ledger: for this bank and purpose, live; without one nothing else is asked
2. bodies come from every industry gateway, under that consent; one that does not know the subject has none, one that
   does not answer ends the request, since a package must not look complete when it is not
3. each body is parsed, its fingerprint made again from its own content with the consortium's key, and held against what
   the ledger has under it: the commitment, or the content tag where another gateway registered the same document first
4. the assets of the documents and those they are linked to are read, with their claims
5. the institutions are asked in parallel, each in batches and with a deadline; silence is an answer
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from consortium.contract import names
from consortium.contract.consents import ConsentRecord
from consortium.documents import Document, Invoice, parse_canonical
from consortium.documents.commitment import commitment_hex
from consortium.documents.fingerprint import ConsortiumKeys
from consortium.documents.invoice import InvoiceBase
from consortium.documents.roles import buyer_of, issuer_of, parties_of, seller_of
from consortium.errors import ChanrongError, DeniedError, InvalidInputError, UnavailableError
from consortium.wire.chanrong.documents.v1 import documents_pb2
from crossverify.evidence import (
    ConsentState,
    Evidence,
    EvidenceDocument,
    LedgerView,
    RequestInfo,
    SourceAnswer,
    SourceState,
    SubjectInfo,
    WithheldDocument,
)
from crossverify.rule import Stage
from crossverify.sources.bank import PaymentQuestion
from crossverify.sources.credit import ReportQuestion
from crossverify.sources.tax import InvoiceQuestion
from finance_gateway.packages.answers import read_answer
from finance_gateway.packages.assets import read_assets
from finance_gateway.packages.ledger_view import FPS_PER_READ
from finance_gateway.packages.ports import BodiesPort, Institutions, LedgerPort, Opens

MAX_DOCUMENTS = 20_000
"""Documents of one package; a bank that wants more asks for chosen receivables."""

_log = structlog.get_logger("chanrong.finance.packages")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for; ``subject`` is a ledger handle."""

    subject: str
    identifiers: tuple[str, ...]
    purpose: str
    consent_id: str
    stage: Stage
    fingerprints: tuple[str, ...]


class Collector:
    """Gathers evidence for one bank.

    :param msp_id: the bank's organisation
    """

    def __init__(
        self,
        *,
        msp_id: str,
        channel: str,
        keys: ConsortiumKeys,
        ledger: LedgerPort,
        bodies: Sequence[BodiesPort],
        institutions: Institutions,
    ) -> None:
        self._msp_id = msp_id
        self._channel = channel
        self._keys = keys
        self._ledger = ledger
        self._bodies = bodies
        self._institutions = institutions

    async def collect(self, wanted: Wanted, at: int, opens: Opens) -> Evidence:
        """The evidence for a package.

        :param at: time of evaluation, seconds since 1970 UTC
        :raises DeniedError: CONSENT_MISSING, when there is no live consent for this bank and purpose
        :raises UnavailableError: the ledger or an industry gateway does not answer
        """
        consents = await self._consents(wanted.subject)
        consent = self._choose(consents, wanted, at)
        disclosed = await self._release(wanted, consent.id)
        attested = await self._attest([item.fingerprint for item in disclosed])
        documents, withheld = self._check(disclosed, attested)
        height = await self._ledger.height()
        assets, answers = await asyncio.gather(
            read_assets(self._ledger, [attested[item.fingerprint] for item in documents], opens),
            self._ask(wanted, documents, consent.id),
        )
        tax, bank, credit = answers
        return Evidence(
            evaluated_at=at,
            subject=SubjectInfo(handle=wanted.subject, identifiers=self._identifiers(wanted, documents)),
            request=RequestInfo(
                recipient=self._msp_id, purpose=wanted.purpose, stage=wanted.stage, consent_id=consent.id
            ),
            documents=tuple(sorted(documents, key=lambda item: item.fingerprint)),
            withheld=tuple(sorted(withheld, key=lambda item: item.fingerprint)),
            ledger=LedgerView(
                state=SourceState.ANSWERED, as_of=at, height=height, channel=self._channel, assets=assets
            ),
            consents=tuple(consents),
            tax=tax,
            bank=bank,
            credit=credit,
        )

    async def _consents(self, subject: str) -> list[ConsentState]:
        found: list[ConsentState] = []
        after: str | None = None
        while True:
            answer = await self._ledger.read(
                names.CONSENTS_LIST, {"subject": subject, "after": after, "limit": names.MAX_OTHER_ITEMS}
            )
            records: list[ConsentRecord] = answer["consents"]
            found += [_consent_state(record) for record in records]
            if not answer["more"] or not records:
                return found
            after = records[-1]["id"]

    def _choose(self, consents: Iterable[ConsentState], wanted: Wanted, at: int) -> ConsentState:
        """Step 1. The newest live consent that fits, or the one that was named."""
        fitting = [
            consent
            for consent in consents
            if consent.recipient == self._msp_id
            and consent.purpose == wanted.purpose
            and not consent.revoked_at
            and at < consent.expires
            and wanted.consent_id in ("", consent.id)
        ]
        if not fitting:
            raise DeniedError(
                f"There is no live consent of this subject for {self._msp_id} and purpose {wanted.purpose!r}.",
                reason="CONSENT_MISSING",
                remedy="Ask the subject to grant one; revoked and expired consents do not come back.",
            )
        return max(fitting, key=lambda consent: (consent.issued, consent.id))

    async def _release(self, wanted: Wanted, consent_id: str) -> list[documents_pb2.DisclosedDocument]:
        """Step 2. A document that several gateways have is taken where its commitment is the ledger's."""

        async def one(gateway: BodiesPort) -> list[documents_pb2.DisclosedDocument]:
            try:
                return [
                    item
                    async for item in gateway.release(
                        wanted.subject, consent_id, wanted.purpose, wanted.fingerprints
                    )
                ]
            except ChanrongError as error:
                if error.reason in {"NOT_FOUND", "SUBJECT_UNKNOWN"}:
                    return []
                if isinstance(error, DeniedError):
                    raise
                raise UnavailableError(
                    f"Industry gateway {gateway.name} did not release the documents: {error.message}",
                    reason="INDUSTRY_GATEWAY_UNAVAILABLE",
                    remedy="Repeat the request when it answers: a package without its documents would look whole.",
                ) from error

        merged: dict[str, documents_pb2.DisclosedDocument] = {}
        for found in await asyncio.gather(*(one(gateway) for gateway in self._bodies)):
            for item in found:
                first_hand = item.position.state == documents_pb2.LEDGER_STATE_REGISTERED
                if item.fingerprint not in merged or first_hand:
                    merged[item.fingerprint] = item
        if len(merged) > MAX_DOCUMENTS:
            raise InvalidInputError(
                f"The consent covers {len(merged)} documents, the most in one package is {MAX_DOCUMENTS}.",
                reason="PACKAGE_TOO_LARGE",
                remedy="Name the receivables that the package is about.",
            )
        return list(merged.values())

    async def _attest(self, fingerprints: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Step 3, the ledger's side: what the organisations sign about each document."""
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(fingerprints), FPS_PER_READ):
            chunk = sorted(fingerprints[start : start + FPS_PER_READ])
            read = await self._ledger.signed_read(
                names.ATTEST, {"challenge": secrets.token_hex(32), "fps": chunk}
            )
            for answer in read_answer(read)["answers"]:
                found[answer["fp"]] = answer
        return found

    def _check(
        self,
        disclosed: Iterable[documents_pb2.DisclosedDocument],
        attested: dict[str, dict[str, Any]],
    ) -> tuple[list[EvidenceDocument], list[WithheldDocument]]:
        documents: list[EvidenceDocument] = []
        withheld: list[WithheldDocument] = []
        for item in disclosed:
            kind = documents_pb2.DocumentKind.Name(item.kind).removeprefix("DOCUMENT_KIND_").lower()
            answer = attested[item.fingerprint]
            if not item.canonical_json:
                withheld.append(
                    WithheldDocument(fingerprint=item.fingerprint, kind=kind, reason="CONSENT_FIELDS")
                )
            elif not answer["found"]:
                withheld.append(
                    WithheldDocument(fingerprint=item.fingerprint, kind=kind, reason="NOT_REGISTERED")
                )
            elif (document := self._checked(item, kind, answer)) is None:
                _log.warning(
                    "body_does_not_fit_ledger", fingerprint=item.fingerprint, gateway=item.registered_by
                )
                withheld.append(
                    WithheldDocument(fingerprint=item.fingerprint, kind=kind, reason="COMMITMENT_MISMATCH")
                )
            else:
                documents.append(document)
        return documents, withheld

    def _checked(
        self, item: documents_pb2.DisclosedDocument, kind: str, answer: dict[str, Any]
    ) -> EvidenceDocument | None:
        """Step 3, one body: fingerprint, then commitment, else content tag. None when it fits neither."""
        try:
            document: Document = parse_canonical(kind, item.canonical_json)
        except ChanrongError:
            return None
        keys = {key.fp: key for key in self._keys.keys_of(document)}
        if item.fingerprint not in keys:
            return None
        commitment = commitment_hex(document, item.salt_secret)
        matched = "commitment"
        if commitment != answer["commitment"]:
            key = keys[item.fingerprint]
            if answer["state"] == "amended" or answer["tag"] != key.tag:
                return None
            matched = "tag"
        return EvidenceDocument(
            fingerprint=item.fingerprint,
            document=document,
            commitment=commitment,
            matched_by=matched,
            salt=item.salt_secret.hex(),
            block=item.position.block_number,
            txid=answer["first_tx"],
            registered_by=answer["owner"],
            pushed_by=item.pushed_by,
            signed_by=self._keys.handle_of(issuer_of(document)) if answer["grade"] == "signed" else "",
            seller=answer["seller"] or "",
            buyer=self._keys.handle_of(buyer) if (buyer := buyer_of(document)) is not None else "",
            state=answer["state"],
        )

    def _identifiers(self, wanted: Wanted, documents: Iterable[EvidenceDocument]) -> tuple[str, ...]:
        """The subject's identifiers: those asked with, and those of the party on the documents that has the handle."""
        found = set(wanted.identifiers)
        for item in documents:
            for party in parties_of(item.document):
                if self._keys.handle_of(party) == wanted.subject:
                    found |= {str(identifier) for identifier in party.identifiers}
        return tuple(sorted(found))

    async def _ask(
        self, wanted: Wanted, documents: Sequence[EvidenceDocument], consent_id: str
    ) -> tuple[SourceAnswer | None, SourceAnswer | None, SourceAnswer | None]:
        """Step 5."""
        invoices = [
            (item.fingerprint, item.document) for item in documents if isinstance(item.document, Invoice)
        ]
        taxable = [item.document for item in documents if isinstance(item.document, InvoiceBase)]
        subjects = self._identifiers(wanted, documents)
        taxpayers = sorted({str(p) for document in taxable for p in _tax_parties(document)} | set(subjects))

        async def tax() -> SourceAnswer | None:
            if self._institutions.tax is None:
                return None
            questions = [InvoiceQuestion.of(fingerprint, invoice) for fingerprint, invoice in invoices]
            return await self._institutions.tax.ask(questions, taxpayers)

        async def bank() -> SourceAnswer | None:
            if self._institutions.bank is None:
                return None
            questions = [PaymentQuestion.of(fingerprint, invoice) for fingerprint, invoice in invoices]
            return await self._institutions.bank.ask(questions)

        async def credit() -> SourceAnswer | None:
            if self._institutions.credit is None:
                return None
            return await self._institutions.credit.ask(
                [ReportQuestion(each, consent_id) for each in subjects]
            )

        return await asyncio.gather(tax(), bank(), credit())


def _tax_parties(document: Document) -> list[Any]:
    parties = [party for party in (seller_of(document), buyer_of(document)) if party is not None]
    return [each for party in parties for each in party.identifiers if each.scheme in {"uscc", "vat"}]


def _consent_state(record: ConsentRecord) -> ConsentState:
    revoked = record["revoked"]
    return ConsentState(
        id=record["id"],
        subject=record["subject"],
        recipient=record["recipient"],
        purpose=record["purpose"],
        scope=record["scope"],
        fields=tuple(record["fields"]),
        issued=record["issued"],
        expires=record["expires"],
        revoked_at=revoked["time"] if revoked else 0,
        txid=record["txid"],
    )
