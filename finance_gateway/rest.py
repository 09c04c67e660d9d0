"""The REST side: the same use cases for a bank's systems that speak JSON, with OAuth2 client credentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Response
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from pydantic import BaseModel, ConfigDict, Field

from consortium.identity.directory import Caller
from consortium.identity.tokens import TokenIssuer
from consortium.rpc.oauth import Client, token_router
from consortium.rpc.rest import MEDIA_TYPE as MEDIA_TYPE_PROBLEM
from consortium.rpc.rest import BearerAuth, dress
from finance_gateway.filing.rest import filing_routes
from finance_gateway.filing.usecase import Filings
from finance_gateway.financing.usecase import MAX_ITEMS, Financing, ReserveItem
from finance_gateway.health import Health
from finance_gateway.metrics import MEDIA_TYPE
from finance_gateway.packages.store import DEFAULT_LISTED, MAX_LISTED
from finance_gateway.packages.usecase import PackageRequest, Packages
from finance_gateway.service import claim_message, outcome_message, summary

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_DURATION_S = 2**32 - 1
"""As gRPC's field; the contract takes at most 10 business days anyway."""

PROBLEMS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What is wrong (RFC 9457): `reason` is stable, `detail` and `remedy` are for a person.",
        "content": {MEDIA_TYPE_PROBLEM: {"schema": {"type": "object"}}},
    }
}

Key = Annotated[
    str, Header(alias="Idempotency-Key", max_length=128, description="Repeating a call is harmless.")
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PackageBody(_Body):
    """What a bank asks for."""

    subject: str = Field(examples=["uscc:91310000MA1FL8TQ32"], description="Ledger handle or scheme:value.")
    purpose: str = Field(examples=["credit_assessment"])
    consent_id: str = ""
    profile: str = ""
    fingerprints: list[str] = []
    supersedes: str = ""
    stage: str = Field(default="", description="assess (or empty), before_funding, in_life")


class ReserveBody(_Body):
    """A share to reserve."""

    fingerprint: str
    share_ppb: int = Field(ge=1, le=1_000_000_000, examples=[1_000_000_000])
    consent_id: str
    duration_seconds: int = Field(default=0, ge=0, le=MAX_DURATION_S)


Reservations = Annotated[list[ReserveBody], Field(min_length=1, max_length=MAX_ITEMS)]


class FinanceBody(_Body):
    """Consent with monitor scope."""

    monitor_consent_id: str


class ReleaseBody(_Body):
    """Why the claim is given up."""

    reason: str = Field(examples=["repaid"])


class SettleBody(_Body):
    """How much was paid; 0 is all that is left."""

    share_ppb: int = Field(default=0, ge=0, le=1_000_000_000)


def _json(message: Message) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def make_app(
    *,
    name: str,
    msp_id: str,
    packages: Packages,
    financing: Financing,
    filings: Filings,
    health: Health,
    tokens: TokenIssuer,
    clients: Mapping[str, str],
) -> FastAPI:
    """The app.

    :param clients: REST clients, name -> hash of the secret
    """
    # No page of documentation: it would load its scripts from elsewhere. /openapi.json says all of it.
    app = FastAPI(title=f"Chanrong finance gateway ({name})", version="1", docs_url=None, redoc_url=None)
    dress(app, max_body_bytes=MAX_BODY_BYTES)

    async def find(client_id: str) -> Client | None:
        known = clients.get(client_id)
        return None if known is None else Client(Caller(msp_id, client_id, "bank"), known)

    app.include_router(token_router(tokens, find))
    # A default and not Annotated: FastAPI looks names in annotations up among the module's, not the function's.
    bank: Any = Depends(BearerAuth(tokens.verifier(), "bank"))
    app.include_router(_package_routes(packages, bank))
    app.include_router(_claim_routes(financing, bank))
    app.include_router(filing_routes(filings, bank, PROBLEMS))
    app.include_router(_operation_routes(health))
    return app


def _package_routes(packages: Packages, bank: Any) -> APIRouter:
    router = APIRouter(prefix="/v1/packages", tags=["packages"], responses=PROBLEMS)

    @router.post("", status_code=201)
    async def request_package(
        body: PackageBody, response: Response, caller: Caller = bank, key: Key = ""
    ) -> dict[str, Any]:
        """Makes a package. It is at `Location`, and its file below that, at `file`."""
        wanted = PackageRequest(
            subject=body.subject,
            purpose=body.purpose,
            consent_id=body.consent_id,
            profile=body.profile,
            fingerprints=tuple(body.fingerprints),
            idempotency_key=key,
            supersedes=body.supersedes,
            stage=body.stage,
        )
        row, _ = await packages.request(wanted, caller)
        response.headers["Location"] = f"/v1/packages/{row.package_id}"
        return _json(summary(row))

    @router.get("")
    async def list_packages(
        caller: Caller = bank,
        subject: str = "",
        limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = DEFAULT_LISTED,
    ) -> dict[str, Any]:
        """Lists packages, newest first."""
        return {"packages": [_json(summary(row)) for row in await packages.listed(subject, limit)]}

    @router.get("/{package_id}")
    async def get_package(package_id: str, caller: Caller = bank) -> dict[str, Any]:
        """What is known of a package."""
        return _json(summary(await packages.row(package_id)))

    @router.get("/{package_id}/file", response_model=dict[str, Any])
    async def get_file(package_id: str, caller: Caller = bank) -> Response:
        """The package file, byte for byte as it was signed."""
        _, content = await packages.get(package_id)
        return Response(content, media_type="application/json")

    return router


def _claim_routes(financing: Financing, bank: Any) -> APIRouter:
    router = APIRouter(prefix="/v1/claims", tags=["claims"], responses=PROBLEMS)

    @router.get("")
    async def list_claims(caller: Caller = bank, fingerprint: str = "") -> dict[str, Any]:
        """Lists this bank's claims."""
        return {"claims": [_json(claim_message(row)) for row in await financing.listed(fingerprint)]}

    @router.post("")
    async def reserve(body: Reservations, caller: Caller = bank, key: Key = "") -> dict[str, Any]:
        """Reserves shares; each succeeds or is refused by itself."""
        items = [ReserveItem(i.fingerprint, i.share_ppb, i.consent_id, i.duration_seconds) for i in body]
        outcomes = await financing.reserve(items, key, caller)
        return {"results": [_json(outcome_message(item)) for item in outcomes]}

    @router.post("/{claim_id}/finance")
    async def finance(
        claim_id: str, body: FinanceBody, caller: Caller = bank, key: Key = ""
    ) -> dict[str, Any]:
        """Turns a reservation into a financing."""
        return _json(outcome_message(await financing.finance(claim_id, body.monitor_consent_id, key, caller)))

    @router.post("/{claim_id}/release")
    async def release(
        claim_id: str, body: ReleaseBody, caller: Caller = bank, key: Key = ""
    ) -> dict[str, Any]:
        """Gives a claim up."""
        return _json(outcome_message(await financing.release(claim_id, body.reason, key, caller)))

    @router.post("/{claim_id}/settle")
    async def settle(claim_id: str, body: SettleBody, caller: Caller = bank, key: Key = "") -> dict[str, Any]:
        """Says that a claim was paid."""
        return _json(outcome_message(await financing.settle(claim_id, body.share_ppb, key, caller)))

    return router


def _operation_routes(health: Health) -> APIRouter:
    router = APIRouter(tags=["operation"])

    @router.get("/healthz", responses={503: {"description": "It does not serve; `parts` says why."}})
    async def healthz(response: Response) -> dict[str, Any]:
        """Whether the gateway can do its work, part by part: database, block follower, ledger."""
        state = await health.check()
        response.status_code = 200 if state.serving else 503
        return {"status": "ok" if state.serving else "not serving", "parts": state.parts}

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Figures for Prometheus."""
        return Response(await health.figures(), media_type=MEDIA_TYPE)

    return router
