"""The REST side: the same use cases for a bank's systems that speak JSON, with OAuth2 client credentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Form, Header, Request, Response
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from pydantic import BaseModel, ConfigDict, Field

from consortium.errors import InvalidInputError, UnauthenticatedError
from consortium.identity.client_secrets import verify_client_secret
from consortium.identity.directory import Caller
from consortium.identity.tokens import TokenIssuer
from consortium.rpc.rest import TOKEN_PATH, BearerAuth, dress
from finance_gateway.financing.usecase import Financing, ReserveItem
from finance_gateway.packages.usecase import PackageRequest, Packages
from finance_gateway.service import claim_message, outcome_message, summary

MAX_BODY_BYTES = 4 * 1024 * 1024

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


class ReserveBody(_Body):
    """A share to reserve."""

    fingerprint: str
    share_ppb: int = Field(ge=1, le=1_000_000_000, examples=[1_000_000_000])
    consent_id: str
    duration_seconds: int = Field(default=0, ge=0)


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
    tokens: TokenIssuer,
    clients: Mapping[str, str],
) -> FastAPI:
    """The app.

    :param clients: REST clients, name -> hash of the secret
    """
    app = FastAPI(title=f"Chanrong finance gateway ({name})", version="1", docs_url="/docs", redoc_url=None)
    dress(app, max_body_bytes=MAX_BODY_BYTES)
    caller = BearerAuth(tokens.verifier(), "bank")
    basic = HTTPBasic(auto_error=False)

    @app.post(TOKEN_PATH, tags=["security"])
    async def token(
        request: Request,
        credentials: Annotated[HTTPBasicCredentials | None, Depends(basic)],
        grant_type: Annotated[str, Form()] = "",
    ) -> dict[str, Any]:
        """OAuth2 client credentials: a short-lived token for a client id and secret."""
        if grant_type != "client_credentials":
            raise InvalidInputError("grant_type must be client_credentials.", reason="UNSUPPORTED_GRANT_TYPE")
        known = clients.get(credentials.username, "") if credentials else ""
        if credentials is None or not verify_client_secret(credentials.password, known or None):
            raise UnauthenticatedError("Client id or secret is wrong.", remedy="Ask the gateway's operator.")
        issued = tokens.issue(Caller(msp_id, credentials.username, "bank"))
        return {"access_token": issued.token, "token_type": "Bearer", "expires_in": issued.expires_in}

    _package_routes(app, packages, caller)
    _claim_routes(app, financing, caller)

    @app.get("/healthz", tags=["operation"])
    async def healthz() -> dict[str, str]:
        """Whether the gateway answers; its parts are told by the gRPC health service."""
        return {"status": "ok"}

    return app


def _package_routes(app: FastAPI, packages: Packages, auth: BearerAuth) -> None:
    @app.post("/v1/packages", status_code=201, tags=["packages"])
    async def request_package(
        body: PackageBody, response: Response, caller: Annotated[Caller, Depends(auth)], key: Key = ""
    ) -> dict[str, Any]:
        """Makes a package; the file itself is at `Location`."""
        wanted = PackageRequest(
            subject=body.subject,
            purpose=body.purpose,
            consent_id=body.consent_id,
            profile=body.profile,
            fingerprints=tuple(body.fingerprints),
            idempotency_key=key,
            supersedes=body.supersedes,
        )
        row, _ = await packages.request(wanted, caller)
        response.headers["Location"] = f"/v1/packages/{row.package_id}/file"
        return _json(summary(row))

    @app.get("/v1/packages", tags=["packages"])
    async def list_packages(
        caller: Annotated[Caller, Depends(auth)], subject: str = "", limit: int = 100
    ) -> dict[str, Any]:
        """Lists packages, newest first."""
        return {"packages": [_json(summary(row)) for row in await packages.listed(subject, limit)]}

    @app.get("/v1/packages/{package_id}", tags=["packages"])
    async def get_package(package_id: str, caller: Annotated[Caller, Depends(auth)]) -> dict[str, Any]:
        """What is known of a package."""
        row, _ = await packages.get(package_id)
        return _json(summary(row))

    @app.get("/v1/packages/{package_id}/file", tags=["packages"])
    async def get_file(package_id: str, caller: Annotated[Caller, Depends(auth)]) -> Response:
        """The package file, byte for byte as it was signed."""
        _, content = await packages.get(package_id)
        return Response(content, media_type="application/json")


def _claim_routes(app: FastAPI, financing: Financing, auth: BearerAuth) -> None:
    Who = Annotated[Caller, Depends(auth)]  # noqa: N806 - a type

    @app.get("/v1/claims", tags=["claims"])
    async def list_claims(caller: Who, fingerprint: str = "") -> dict[str, Any]:
        """Lists this bank's claims."""
        return {"claims": [_json(claim_message(row)) for row in await financing.listed(fingerprint)]}

    @app.post("/v1/claims", tags=["claims"])
    async def reserve(body: list[ReserveBody], caller: Who, key: Key = "") -> dict[str, Any]:
        """Reserves shares; each succeeds or is refused by itself."""
        items = [ReserveItem(i.fingerprint, i.share_ppb, i.consent_id, i.duration_seconds) for i in body]
        outcomes = await financing.reserve(items, key, caller)
        return {"results": [_json(outcome_message(item)) for item in outcomes]}

    @app.post("/v1/claims/{claim_id}/finance", tags=["claims"])
    async def finance(claim_id: str, body: FinanceBody, caller: Who, key: Key = "") -> dict[str, Any]:
        """Turns a reservation into a financing."""
        return _json(outcome_message(await financing.finance(claim_id, body.monitor_consent_id, key, caller)))

    @app.post("/v1/claims/{claim_id}/release", tags=["claims"])
    async def release(claim_id: str, body: ReleaseBody, caller: Who, key: Key = "") -> dict[str, Any]:
        """Gives a claim up."""
        return _json(outcome_message(await financing.release(claim_id, body.reason, key, caller)))

    @app.post("/v1/claims/{claim_id}/settle", tags=["claims"])
    async def settle(claim_id: str, body: SettleBody, caller: Who, key: Key = "") -> dict[str, Any]:
        """Says that a claim was paid."""
        return _json(outcome_message(await financing.settle(claim_id, body.share_ppb, key, caller)))
