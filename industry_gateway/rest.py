"""The REST side: routes, and the way from requests to use cases and back. Every error is problem+json."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response
from starlette.datastructures import UploadFile

from consortium.documents import KINDS, Problem
from consortium.errors import InvalidInputError
from consortium.identity.directory import Caller
from consortium.identity.tokens import TokenIssuer
from consortium.rpc.oauth import FindClient, token_router
from consortium.rpc.rest import PROBLEMS, BearerAuth, dress
from industry_gateway import rest_models as shapes
from industry_gateway.consent.consents import Consent, Consents
from industry_gateway.financing.requests import Asked, FinancingRequests
from industry_gateway.formats import MAX_DOCUMENT_BYTES, format_of_media_type
from industry_gateway.health import HealthCheck, Metrics
from industry_gateway.intake.lines import ndjson_sources
from industry_gateway.intake.prepare import Origin
from industry_gateway.intake.push import Intake, PushResult
from industry_gateway.intake.reading import Source
from industry_gateway.intake.status import DocumentStatus, Statuses
from industry_gateway.parties.directory import PartyDirectory, Tenant
from industry_gateway.parties.registry import PartyRegistry
from industry_gateway.service import tenant_of
from industry_gateway.store.documents import LEDGER_STATES
from industry_gateway.store.financing import FinancingRequest
from industry_gateway.webhooks.endpoints import Endpoints

MAX_BODY_BYTES = 256 * 1024 * 1024
"""Of one push; only NDJSON may be so long, as it is read line by line."""
MAX_QUESTION_BYTES = 1024 * 1024
"""Of any other request."""
MAX_FILES = 1_000
"""Files of one multipart request."""
MAX_FILES_BYTES = 64 * 1024 * 1024
REQUEST_DEADLINE_S = 300.0
NDJSON = frozenset({"application/x-ndjson", "application/jsonl"})


@dataclass(frozen=True, slots=True)
class UseCases:
    """What the routes call."""

    intake: Intake
    statuses: Statuses
    directory: PartyDirectory
    registry: PartyRegistry
    consents: Consents
    financing: FinancingRequests
    webhooks: Endpoints
    health: HealthCheck
    metrics: Metrics


def make_app(use_cases: UseCases, tokens: TokenIssuer, find_client: FindClient, *, version: str) -> FastAPI:
    """The REST side of one gateway."""
    app = FastAPI(
        title="Chanrong industry gateway",
        version=version,
        description=__doc__,
        docs_url=None,
        redoc_url=None,
    )
    larger = {"/v1/documents": MAX_BODY_BYTES}
    dress(app, max_body_bytes=MAX_QUESTION_BYTES, larger=larger, deadline_s=REQUEST_DEADLINE_S)
    app.include_router(token_router(tokens, find_client))
    verifier = tokens.verifier()
    erp: Any = Depends(BearerAuth(verifier, "erp"))
    operator: Any = Depends(BearerAuth(verifier, "operator"))
    app.include_router(_intake_routes(use_cases, erp))
    app.include_router(_consent_routes(use_cases, erp))
    app.include_router(_financing_routes(use_cases, erp))
    app.include_router(_webhook_routes(use_cases, erp))
    app.include_router(_party_routes(use_cases, operator))
    app.include_router(_operating_routes(use_cases))
    return app


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(value), status, dict(headers or {}), media_type="application/json")


def _intake_routes(use_cases: UseCases, erp: Any) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["documents"], responses=PROBLEMS)

    @router.post(
        "/documents",
        status_code=202,
        summary="Hand in documents",
        response_model=None,
        responses={202: {"model": shapes.PushAnswer, "description": "One result per document."}},
        openapi_extra={"requestBody": _BODIES},
    )
    async def push(
        request: Request,
        caller: Caller = erp,
        idempotency_key: str = Header(
            default="", max_length=128, description="The same key and content give the first result again."
        ),
        chanrong_key_number: int = Header(
            default=0, ge=0, le=9_999, description="Key of the origin signature."
        ),
        chanrong_origin_signature: str = Header(
            default="", max_length=120, description="Origin signature of one document, DER in base64."
        ),
    ) -> Response:
        """Takes UBL 2.1 XML, canonical JSON (one, an array), NDJSON (any number), or several files at
        once.
        """
        tenant = tenant_of(use_cases.directory, caller)
        origin = None
        if chanrong_origin_signature:
            origin = Origin(chanrong_key_number, _decoded(chanrong_origin_signature))
        done = await use_cases.intake.push(tenant, _sources(request, origin), idempotency_key)
        use_cases.metrics.pushed(done.outcomes)
        url = f"/v1/pushes/{done.push_id}"
        headers = {"location": url} | ({"idempotent-replayed": "true"} if done.repeated else {})
        return _json(_push_answer(done, url), 202, headers)

    @router.get("/pushes/{push_id}", summary="See what became of a push", response_model=shapes.PushStatus)
    async def push_status(push_id: str, caller: Caller = erp) -> Response:
        """The results as they were given, and where the documents are now."""
        tenant = tenant_of(use_cases.directory, caller)
        done, statuses = await use_cases.statuses.push(tenant, push_id)
        answer = _push_answer(done, f"/v1/pushes/{push_id}")
        return _json({**answer, "documents": [_document(each) for each in statuses.values()]})

    @router.get(
        "/documents/{document_id}", summary="See where a document is", response_model=shapes.DocumentShape
    )
    async def document_status(document_id: str, caller: Caller = erp) -> Response:
        """One document's way to the ledger."""
        tenant = tenant_of(use_cases.directory, caller)
        (found,) = await use_cases.statuses.documents(tenant, [document_id])
        return _json(_document(found))

    return router


def _consent_routes(use_cases: UseCases, erp: Any) -> APIRouter:
    router = APIRouter(prefix="/v1/consents", tags=["consents"], responses=PROBLEMS)

    def tenant(caller: Caller) -> Tenant:
        return tenant_of(use_cases.directory, caller)

    @router.post("", status_code=201, summary="Give a consent", response_model=shapes.ConsentAnswer)
    async def grant(body: shapes.SignedStatement, caller: Caller = erp) -> Response:
        """Records a consent that the caller has signed (chanrong.consent)."""
        found = await use_cases.consents.grant(
            tenant(caller), _decoded(body.statement), _decoded(body.signature), body.key_number
        )
        return _json({"consent": _consent(found)}, 201)

    @router.post("/{consent_id}/revoke", summary="Withdraw a consent", response_model=shapes.ConsentAnswer)
    async def revoke(consent_id: str, body: shapes.SignedStatement, caller: Caller = erp) -> Response:
        """Withdraws a consent for good; the caller signs that too (chanrong.consent.revocation)."""
        found = await use_cases.consents.revoke(
            tenant(caller),
            _decoded(body.statement),
            _decoded(body.signature),
            body.key_number,
            consent_id=consent_id,
        )
        return _json({"consent": _consent(found)})

    @router.get("", summary="List one's consents", response_model=shapes.ConsentList)
    async def list_consents(caller: Caller = erp) -> Response:
        """The caller's consents as the ledger has them."""
        found = await use_cases.consents.list(tenant(caller))
        return _json({"consents": [_consent(each) for each in found]})

    return router


def _financing_routes(use_cases: UseCases, erp: Any) -> APIRouter:
    router = APIRouter(prefix="/v1/financing-requests", tags=["financing"], responses=PROBLEMS)

    @router.post("", status_code=201, summary="Ask a bank", response_model=shapes.FinancingAnswer)
    async def file(
        body: shapes.FinancingAsked,
        caller: Caller = erp,
        idempotency_key: str = Header(default="", max_length=128),
    ) -> Response:
        """Files a financing request."""
        asked = Asked(body.bank, tuple(body.fingerprints), body.amount, body.currency, body.consent_id)
        tenant = tenant_of(use_cases.directory, caller)
        filed = await use_cases.financing.file(tenant, asked, idempotency_key)
        return _json({"request": _financing(filed)}, 201)

    @router.get("", summary="List one's requests", response_model=shapes.FinancingList)
    async def list_requests(caller: Caller = erp) -> Response:
        """The caller's requests and what has come of them, as far as the ledger shows."""
        found = await use_cases.financing.of_applicant(tenant_of(use_cases.directory, caller))
        return _json({"requests": [_financing(each) for each in found]})

    return router


def _webhook_routes(use_cases: UseCases, erp: Any) -> APIRouter:
    router = APIRouter(prefix="/v1/webhook", tags=["webhooks"], responses=PROBLEMS)

    def tenant(caller: Caller) -> Tenant:
        return tenant_of(use_cases.directory, caller)

    @router.put("", summary="Set one's webhook", response_model=shapes.NewWebhook)
    async def set_webhook(body: shapes.WebhookAsked, caller: Caller = erp) -> Response:
        """Documents' positions go there (Standard Webhooks); the secret is told once, a new one each time."""
        endpoint, secret = await use_cases.webhooks.set(tenant(caller), body.url)
        return _json({"endpoint_id": endpoint.endpoint_id, "url": endpoint.url, "secret": secret})

    @router.get("", summary="See one's webhook", response_model=shapes.WebhookShape)
    async def get_webhook(caller: Caller = erp) -> Response:
        """Where the caller is told."""
        endpoint = await use_cases.webhooks.find(tenant(caller))
        return _json({"endpoint_id": endpoint.endpoint_id, "url": endpoint.url})

    @router.delete("", status_code=204, summary="Remove one's webhook", response_class=Response)
    async def remove_webhook(caller: Caller = erp) -> Response:
        """Nothing is sent any longer, also of what was owed."""
        await use_cases.webhooks.remove(tenant(caller))
        return Response(status_code=204)

    return router


def _party_routes(use_cases: UseCases, operator: Any) -> APIRouter:
    router = APIRouter(prefix="/v1/parties", tags=["parties"], responses=PROBLEMS)

    @router.post("", status_code=201, summary="Register a party", response_model=shapes.RegisteredParty)
    async def register(body: shapes.RegisterParty, caller: Caller = operator) -> Response:
        """Makes a party known to the gateway and the ledger; its secret is told once."""
        tenant, secret = await use_cases.registry.register(
            body.alias, body.name, body.identifiers, _decoded(body.public_key)
        )
        return _json({"party": _party(tenant), "client_secret": secret}, 201)

    @router.get("", summary="List the parties", response_model=shapes.Parties)
    async def list_parties(caller: Caller = operator) -> Response:
        """All parties that this gateway vouches for."""
        return _json({"parties": [_party(each) for each in use_cases.directory.all()]})

    return router


def _operating_routes(use_cases: UseCases) -> APIRouter:
    router = APIRouter(tags=["operating"])

    @router.get("/healthz", summary="Health", response_model=shapes.Health)
    async def healthz() -> Response:
        """Asks the database and the ledger; 503 when one of them does not answer."""
        ok, found = await use_cases.health.look()
        return _json(found, 200 if ok else 503)

    @router.get("/metrics", summary="Metrics", response_class=Response)
    async def metrics() -> Response:
        """Prometheus text format."""
        content, media_type = await use_cases.metrics.render()
        return Response(content, media_type=media_type)

    return router


# ------------------------------------------------------------------ requests


def _sources(request: Request, origin: Origin | None) -> AsyncIterator[Source]:
    """The documents of a request, by its media type."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in NDJSON:
        return ndjson_sources(request.stream())
    if media_type == "multipart/form-data":
        return _files(request)
    known = format_of_media_type(media_type)
    if known is None and media_type not in {"", "application/octet-stream"}:
        raise InvalidInputError(
            f"Documents do not come as {media_type[:80]}.",
            reason="UNSUPPORTED_MEDIA_TYPE",
            remedy="Send application/json, application/x-ndjson, application/xml or multipart/form-data.",
        )
    return _one(request, known or "", origin)


async def _one(request: Request, format_name: str, origin: Origin | None) -> AsyncIterator[Source]:
    yield Source(await _whole(request), format_name, "", origin)


async def _whole(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_DOCUMENT_BYTES:
            raise InvalidInputError(
                f"A body that is no NDJSON has at most {MAX_DOCUMENT_BYTES} bytes.",
                reason="TOO_LARGE",
                remedy="Send many documents as application/x-ndjson, one a line.",
            )
    return bytes(body)


async def _files(request: Request) -> AsyncIterator[Source]:
    form = await request.form(max_files=MAX_FILES, max_fields=MAX_FILES)
    total = 0
    try:
        for _, value in form.multi_items():
            if not isinstance(value, UploadFile):
                raise InvalidInputError("Every part of the form is a file.", reason="FORM_INVALID")
            total += value.size or 0
            if total > MAX_FILES_BYTES:
                raise InvalidInputError(
                    f"The files of one request have at most {MAX_FILES_BYTES} bytes.",
                    reason="TOO_LARGE",
                    remedy="Send them in several requests.",
                )
            name = format_of_media_type(value.content_type or "") or ""
            yield Source(await value.read(), name, (value.filename or "")[:200])
    finally:
        await form.close()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError(
            "A field is not standard base64 with padding.", reason="BASE64_INVALID"
        ) from error


_BODIES: dict[str, Any] = {
    "required": True,
    "description": f"Documents of the kinds {', '.join(KINDS)}.",
    "content": {
        "application/json": {
            "schema": {"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]},
            "example": {
                "kind": "debtor_confirmation",
                "number": "CONF-2026-0001",
                "issue_date": "2026-03-02",
                "buyer": {
                    "name": "海尔贸易有限公司",
                    "identifiers": [{"scheme": "uscc", "value": "91370200MA3C1PMJ2H"}],
                },
                "seller": {
                    "name": "青岛轴承有限公司",
                    "identifiers": [{"scheme": "lei", "value": "3003009Q4W8XKZ2T7B10"}],
                },
                "invoice_number": "INV-2026-0001",
                "response_code": "AP",
            },
        },
        "application/x-ndjson": {"schema": {"type": "string"}},
        "application/xml": {"schema": {"type": "string", "description": "One UBL 2.1 document."}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    "documents": {"type": "array", "items": {"type": "string", "format": "binary"}}
                },
            }
        },
    },
}


# ------------------------------------------------------------------ answers


def _problem(found: Problem) -> dict[str, str]:
    return {
        "path": found.path,
        "field": found.field,
        "value": found.value,
        "rule": found.rule,
        "message": found.message,
        "remedy": found.remedy,
    }


def _push_answer(done: PushResult, url: str) -> dict[str, Any]:
    return {
        "push_id": done.push_id,
        "status_url": url,
        # Their fields are what REST tells, in this order: orjson writes them as they are.
        "results": done.outcomes,
    }


def _document(found: DocumentStatus) -> dict[str, Any]:
    stored = found.stored
    return {
        "document_id": stored.document_id,
        "kind": stored.kind,
        "number": found.number,
        "fingerprint": stored.fingerprint,
        "position": {
            "state": LEDGER_STATES[stored.state],
            "transaction_id": stored.txid,
            "block_number": stored.block,
            "problem": None if found.problem is None else _problem(found.problem),
        },
    }


def _party(tenant: Tenant) -> dict[str, Any]:
    return {
        "alias": tenant.alias,
        "name": tenant.name,
        "identifiers": [str(each) for each in tenant.identifiers],
        "handle": tenant.handle,
        "key_number": tenant.key_number,
    }


def _consent(found: Consent) -> dict[str, Any]:
    return {
        "consent_id": found.consent_id,
        "subject": found.subject,
        "recipient": found.recipient,
        "purpose": found.purpose,
        "scope": found.scope,
        "fields": list(found.fields),
        "expires_unix": found.expires,
        "state": found.state,
        "transaction_id": found.txid,
        "granted_unix": found.granted,
    }


def _financing(found: FinancingRequest) -> dict[str, Any]:
    return {
        "request_id": found.request_id,
        "bank": found.bank,
        "fingerprints": list(found.fingerprints),
        "amount": found.amount,
        "currency": found.currency,
        "state": found.state,
        "applicant": found.applicant,
        "consent_id": found.consent_id,
    }
