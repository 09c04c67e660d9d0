"""``POST /oauth2/token``: OAuth2 client credentials (RFC 6749, 4.4), answered with a short token.

```python
app.include_router(token_router(issuer, find_client))
```
The client authenticates by HTTP Basic or by ``client_id`` and ``client_secret`` in the form.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import unquote_plus

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from consortium.errors import InvalidInputError, OverloadedError, UnauthenticatedError
from consortium.identity.client_secrets import verify_client_secret
from consortium.identity.directory import Caller
from consortium.identity.tokens import TokenIssuer
from consortium.rpc.rest import MEDIA_TYPE, PROBLEMS, TOKEN_PATH, ProblemDetails

MAX_CHECKS_AT_ONCE = 2
"""Secrets being hashed; each takes 16 MiB and a core."""

MAX_CHECKS_WAITING = 64
"""Further ones wait; more are told to come later."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client as the gateway knows it: who its tokens stand for, and the hash of its secret."""

    caller: Caller
    secret_hash: str


class TokenAnswer(BaseModel):
    """A token (RFC 6749, 5.1)."""

    access_token: str = Field(description="Send it as Authorization: Bearer.")
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds.", examples=[600])


class TokenRefusal(BaseModel):
    """Why there is none (RFC 6749, 5.2)."""

    error: str = Field(examples=["invalid_client"])


_REFUSED: dict[str, Any] = {
    "description": "No token (RFC 6749, 5.2).",
    "content": {
        "application/json": {"schema": TokenRefusal.model_json_schema()},
        MEDIA_TYPE: {"schema": ProblemDetails.model_json_schema()},
    },
}
_RESPONSES: dict[int | str, dict[str, Any]] = {400: _REFUSED, 401: _REFUSED, **PROBLEMS}

FindClient = Callable[[str], Awaitable[Client | None]]
"""client_id -> client, or None."""


def token_router(issuer: TokenIssuer, find: FindClient) -> APIRouter:
    """Router with the token endpoint."""
    router = APIRouter()
    gate = _Gate()

    @router.post(
        TOKEN_PATH,
        tags=["oauth2"],
        summary="Get an access token",
        response_model=TokenAnswer,
        responses=_RESPONSES,
    )
    async def token(
        request: Request,
        grant_type: Annotated[str, Form(description="client_credentials")] = "",
        client_id: Annotated[str | None, Form()] = None,
        client_secret: Annotated[str | None, Form()] = None,
        scope: Annotated[str | None, Form(description="ignored")] = None,
    ) -> JSONResponse:
        if not grant_type:
            return _refusal(request, 400, "invalid_request")
        if grant_type != "client_credentials":
            return _refusal(request, 400, "unsupported_grant_type")
        basic = _basic(request.headers.get("authorization", ""))
        name, secret = basic or (client_id or "", client_secret or "")
        client = await find(name)
        good = await gate.check(secret, client.secret_hash if client is not None else None)
        if client is None or not good:
            return _refusal(request, 401, "invalid_client")
        issued = issuer.issue(client.caller)
        answer = {"access_token": issued.token, "token_type": "Bearer", "expires_in": issued.expires_in}
        return JSONResponse(answer, headers={"pragma": "no-cache"})

    return router


class _Gate:
    """Bounds what checking secrets may cost."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(MAX_CHECKS_AT_ONCE)
        self._waiting = 0

    async def check(self, secret: str, stored: str | None) -> bool:
        if self._waiting >= MAX_CHECKS_WAITING:
            raise OverloadedError("Too many token requests at once.", remedy="Try again in a second.")
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(verify_client_secret, secret, stored)
        finally:
            self._waiting -= 1


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    # RFC 6749, 2.3.1: both are form-encoded before.
    return (unquote_plus(name), unquote_plus(secret)) if colon else ("", "")


def _refusal(request: Request, status: int, error: str) -> JSONResponse:
    # For the log line, which has no name: for an ERP it is a company's.
    kind = UnauthenticatedError if status == 401 else InvalidInputError
    request.scope["chanrong.error"] = kind("No token was given.", reason=error.upper())
    headers: dict[str, Any] = {"www-authenticate": "Basic"} if status == 401 else {}
    return JSONResponse({"error": error}, status, headers)
