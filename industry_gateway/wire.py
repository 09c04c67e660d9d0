"""Between the use cases' values and the gRPC messages; no decisions here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping

from consortium.documents import Problem
from consortium.errors import InvalidInputError
from consortium.wire.chanrong.documents.v1 import documents_pb2
from consortium.wire.chanrong.industry.v1 import industry_pb2
from industry_gateway.consent.consents import Consent
from industry_gateway.intake.prepare import Origin
from industry_gateway.intake.reading import Source
from industry_gateway.intake.results import IntakeStatus, Outcome
from industry_gateway.intake.status import DocumentStatus
from industry_gateway.parties.directory import Tenant
from industry_gateway.release.release import Released
from industry_gateway.store import documents
from industry_gateway.store.documents import StoredDocument
from industry_gateway.store.financing import FinancingRequest

_STATUSES: Mapping[IntakeStatus, documents_pb2.IntakeStatus.ValueType] = {
    IntakeStatus.ACCEPTED: documents_pb2.INTAKE_STATUS_ACCEPTED,
    IntakeStatus.ALREADY_REGISTERED: documents_pb2.INTAKE_STATUS_ALREADY_REGISTERED,
    IntakeStatus.CONFLICT: documents_pb2.INTAKE_STATUS_CONFLICT,
    IntakeStatus.REFUSED: documents_pb2.INTAKE_STATUS_REFUSED,
}
_STATES: Mapping[str, documents_pb2.LedgerState.ValueType] = {
    documents.PENDING: documents_pb2.LEDGER_STATE_PENDING,
    documents.REGISTERED: documents_pb2.LEDGER_STATE_REGISTERED,
    documents.ALREADY: documents_pb2.LEDGER_STATE_ALREADY_REGISTERED,
    documents.CONFLICT: documents_pb2.LEDGER_STATE_CONFLICT,
    documents.REFUSED: documents_pb2.LEDGER_STATE_REFUSED,
}

MAX_ORIGIN_SIGNATURE_BYTES = 80
"""A P-256 signature in DER has at most 72."""


def kind_value(kind: str) -> documents_pb2.DocumentKind.ValueType:
    """A kind's number on the wire; unspecified for an empty one."""
    name = f"DOCUMENT_KIND_{kind.upper()}" if kind else "DOCUMENT_KIND_UNSPECIFIED"
    return documents_pb2.DocumentKind.Value(name)


async def sources(items: Iterable[documents_pb2.SourceDocument]) -> AsyncIterator[Source]:
    """Pushed documents as the intake takes them."""
    for item in items:
        origin = None
        if item.HasField("origin"):
            if not 0 < len(item.origin.signature) <= MAX_ORIGIN_SIGNATURE_BYTES:
                raise InvalidInputError("An origin signature is a P-256 signature in DER.")
            origin = Origin(item.origin.key_number, item.origin.signature)
        yield Source(item.content, item.format, item.label, origin)


def problem(found: Problem) -> documents_pb2.Problem:
    """A problem."""
    return documents_pb2.Problem(
        path=found.path,
        field=found.field,
        value=found.value,
        rule=found.rule,
        message=found.message,
        remedy=found.remedy,
    )


def result(outcome: Outcome) -> documents_pb2.DocumentResult:
    """The result for one pushed document."""
    return documents_pb2.DocumentResult(
        index=outcome.index,
        status=_STATUSES[outcome.status],
        document_id=outcome.document_id,
        kind=kind_value(outcome.kind),
        number=outcome.number,
        fingerprint=outcome.fingerprint,
        problems=[problem(each) for each in outcome.problems],
        first_transaction_id=outcome.first_transaction_id,
        label=outcome.label,
    )


def position(stored: StoredDocument, found: Problem | None = None) -> documents_pb2.LedgerPosition:
    """Where a document is on the ledger."""
    return documents_pb2.LedgerPosition(
        state=_STATES[stored.state],
        transaction_id=stored.txid,
        block_number=stored.block or 0,
        problem=None if found is None else problem(found),
    )


def status(found: DocumentStatus) -> industry_pb2.DocumentStatus:
    """One document's status."""
    stored = found.stored
    return industry_pb2.DocumentStatus(
        document_id=stored.document_id,
        kind=kind_value(stored.kind),
        number=found.number,
        fingerprint=stored.fingerprint,
        position=position(stored, found.problem),
    )


def party(tenant: Tenant) -> industry_pb2.RegisteredParty:
    """A registered party."""
    return industry_pb2.RegisteredParty(
        alias=tenant.alias,
        name=tenant.name,
        identifiers=[str(each) for each in tenant.identifiers],
        handle=tenant.handle,
        key_number=tenant.key_number,
    )


def consent(found: Consent) -> industry_pb2.Consent:
    """A consent."""
    return industry_pb2.Consent(
        consent_id=found.consent_id,
        subject=found.subject,
        recipient=found.recipient,
        purpose=found.purpose,
        scope=found.scope,
        fields=found.fields,
        expires_unix=found.expires,
        state=found.state,
        transaction_id=found.txid,
        granted_unix=found.granted,
    )


def financing_request(found: FinancingRequest) -> industry_pb2.FinancingRequest:
    """A financing request."""
    return industry_pb2.FinancingRequest(
        request_id=found.request_id,
        bank=found.bank,
        fingerprints=found.fingerprints,
        amount=found.amount,
        currency=found.currency,
        state=found.state,
        applicant=found.applicant,
        consent_id=found.consent_id,
    )


def disclosed(released: Released, msp_id: str) -> documents_pb2.DisclosedDocument:
    """A released document with what is needed to check it against the ledger."""
    stored = released.stored
    message = documents_pb2.DisclosedDocument(
        fingerprint=stored.fingerprint,
        kind=kind_value(stored.kind),
        commitment=stored.commitment,
        position=position(stored),
        registered_by=msp_id,
        pushed_by=stored.pushed_by,
    )
    if released.body is not None:
        message.canonical_json = released.body.canonical
        message.salt_secret = released.body.secret
    elif released.disclosure is not None:
        message.leaf_digests.extend(released.disclosure.digests)
        for leaf in released.disclosure.leaves:
            message.leaves.add(name=leaf.name, value=leaf.value, salt=leaf.salt)
    return message
