"""The REST side of a service: a FastAPI app on uvicorn within the service's own loop, errors as problem+json.

```python
app = FastAPI(title=...)
dress(app)                                   # problem+json, body limit, one log line per request
caller = BearerAuth(issuer.verifier())       # Depends(caller) -> Caller
server = RestServer(app, "127.0.0.1:0", tls)
port = await server.start()
...
await server.stop(grace=10)
```
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any

import orjson
import structlog
import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.models import OAuthFlowClientCredentials, OAuthFlows
from fastapi.responses import Response
from fastapi.security import OAuth2
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from consortium.errors import (
    ChanrongError,
    ConfigurationError,
    DeniedError,
    InvalidInputError,
    NotFoundError,
    OutcomeUnknownError,
    UnauthenticatedError,
)
from consortium.identity.directory import Caller
from consortium.identity.tokens import TokenVerifier
from consortium.rpc.errors import ERROR_MAP, incident, problem, to_status, told
from consortium.rpc.guard import set_current_caller
from consortium.rpc.tls import TlsFiles

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Largest request body unless an app says otherwise; parsers have limits of their own."""

REQUEST_DEADLINE_S = 120.0
"""Longest time of one request, its upload included."""

MAX_CONCURRENT_REQUESTS = 256
KEEP_ALIVE_S = 30
NEXT_REQUEST_S = 30.0
"""Within it a connection brings its first or next request whole, or is cut off: idle ones would use up the limit
above, and after an early answer a body without end would be read for ever."""

BACKLOG = 512
"""Connections that wait to be taken."""


class ProblemDetails(BaseModel):
    """RFC 9457 problem details: every error looks like this, whatever raised it."""

    type: str = Field(examples=["urn:chanrong:error:idempotency-key-reused"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["This Idempotency-Key was used for another content."])
    reason: str = Field(examples=["IDEMPOTENCY_KEY_REUSED"])
    remedy: str = Field(default="", examples=["Use a new key for a new push, or send the very same content."])


MEDIA_TYPE = "application/problem+json"

PROBLEMS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "Any error, as problem+json (RFC 9457).",
        "content": {MEDIA_TYPE: {"schema": ProblemDetails.model_json_schema()}},
    }
}
"""``responses`` of a router or route: what FastAPI's OpenAPI document is to say of errors."""

TOKEN_PATH = "/oauth2/token"  # noqa: S105 -- a path

_QUIET_PATHS = frozenset({"/healthz", "/metrics"})
_log = structlog.get_logger("chanrong.rest")


class BearerAuth(OAuth2):
    """Dependency that turns ``Authorization: Bearer ...`` into the caller.

    :param roles: roles that may; None lets every valid token in
    """

    def __init__(self, verifier: TokenVerifier, *roles: str) -> None:
        flows = OAuthFlows(clientCredentials=OAuthFlowClientCredentials(tokenUrl=TOKEN_PATH))
        super().__init__(flows=flows, scheme_name="client-credentials", auto_error=False)
        self._verifier = verifier
        self._roles = frozenset(roles)

    async def __call__(self, request: Request) -> Caller:  # type: ignore[override]
        """The caller of a request.

        :raises UnauthenticatedError: no token, or none that is valid
        :raises DeniedError: the role may not
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise UnauthenticatedError(
                "The request has no bearer token.",
                remedy=f"Get one from {TOKEN_PATH} and send it as Authorization: Bearer.",
            )
        caller = self._verifier.verify(token.strip())
        if self._roles and caller.role not in self._roles:
            raise DeniedError(
                f"{caller.role} may not do this.", remedy=f"It is for {', '.join(sorted(self._roles))}."
            )
        set_current_caller(caller)
        request.scope["chanrong.caller"] = caller
        return caller


def dress(
    app: FastAPI,
    *,
    max_body_bytes: int = MAX_BODY_BYTES,
    larger: Mapping[str, int] | None = None,
    deadline_s: float = REQUEST_DEADLINE_S,
) -> None:
    """Give an app what every REST side of ours has: problem+json, limits, log line, safe headers.

    :param max_body_bytes: FastAPI reads a JSON body whole before it asks for a token: keep it small
    :param larger: path -> limit of a route that reads its body itself, after the token
    """
    app.add_exception_handler(ChanrongError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_middleware(_Edge, max_body_bytes=max_body_bytes, larger=dict(larger or {}), deadline_s=deadline_s)


def problem_response(error: ChanrongError) -> Response:
    """RFC 9457 response of an error."""
    body = problem(error)
    status = to_status(error).http
    headers = {"www-authenticate": "Bearer"} if status == ERROR_MAP["UNAUTHENTICATED"].http else {}
    return Response(orjson.dumps(body), status, headers, media_type=MEDIA_TYPE)


class RestServer:
    """uvicorn within a running loop; leaves signals to the service.

    :param listen: "host:port"; port 0 lets the system choose
    :param tls: own certificate and key; clients need none (they have tokens). None is plain HTTP, for tests
    """

    def __init__(self, app: ASGIApp, listen: str, tls: TlsFiles | None) -> None:
        self._listen = listen
        options: dict[str, Any] = {}
        if tls is not None:
            options = {"ssl_certfile": str(tls.certificate), "ssl_keyfile": str(tls.key)}
        self._config = uvicorn.Config(
            app,
            http=_Protocol,
            lifespan="off",  # the service's own life cycle starts and stops things
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MAX_CONCURRENT_REQUESTS,
            timeout_keep_alive=KEEP_ALIVE_S,
            backlog=BACKLOG,
            **options,
        )
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Bind and serve.

        :returns: the bound port
        :raises ConfigurationError: address or TLS files unusable
        """
        bound = _bind(self._listen)
        try:
            self._config.load()
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            bound.close()
            raise ConfigurationError(
                "The TLS certificate of the REST side cannot be used.", remedy="Check the TLS files."
            ) from error
        self._server = _Server(self._config)
        self._task = asyncio.create_task(self._server.serve(sockets=[bound]))
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise ConfigurationError("The REST side did not start.", remedy="See the log.")
            await asyncio.sleep(0.005)
        return int(bound.getsockname()[1])

    async def stop(self, grace: float = 10.0) -> None:
        """Take no new requests, give running ones ``grace`` seconds, then cut them off."""
        if self._server is None or self._task is None:
            return
        self._config.timeout_graceful_shutdown = int(grace) or None
        self._server.should_exit = True
        done, _ = await asyncio.wait({self._task}, timeout=grace + 1.0)
        if not done:
            self._server.force_exit = True
            await asyncio.wait({self._task}, timeout=2.0)
            self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._server = self._task = None


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Protocol(H11Protocol):
    """uvicorn's own, which waits for a first request for ever, with a clock."""

    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._clock is not None:
            self._clock.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
        self._clock = self.loop.call_later(NEXT_REQUEST_S, self._late)

    def _late(self) -> None:
        # A request under way has a deadline of its own, and its end sets the clock again.
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()


class _Edge:
    """Body limit, deadline, headers, the last resort for exceptions, one log line."""

    def __init__(
        self, app: ASGIApp, max_body_bytes: int, larger: Mapping[str, int], deadline_s: float
    ) -> None:
        self._app = app
        self._max = max_body_bytes
        self._larger = larger
        self._deadline_s = deadline_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        failure: ChanrongError | None = None
        try:
            async with asyncio.timeout(self._deadline_s) as limit:
                _check_coding(scope)
                await self._app(scope, self._limited(scope, receive), send_on)
        except ChanrongError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 -- the edge: everything else is an incident
            failure = _too_long() if limit.expired() else incident(error)
        if failure is not None:
            scope["chanrong.error"] = failure
            if status == 0:
                await problem_response(failure)(scope, receive, send_on)
        _report(scope, started, status)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        most = room = self._larger.get(scope["path"], self._max)
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if declared.isdigit() and int(declared) > room:
            room = -1

        async def limited() -> Message:
            nonlocal room
            message = await receive()
            if message["type"] == "http.request":
                room -= len(message.get("body", b""))
                if room < 0:
                    raise InvalidInputError(
                        f"The request's body is larger than {most} bytes.",
                        reason="TOO_LARGE",
                        remedy="Send several smaller requests.",
                    )
            return message

        return limited


def _check_coding(scope: Scope) -> None:
    coding = next((value for name, value in scope["headers"] if name == b"content-encoding"), b"")
    if coding.strip().lower() not in {b"", b"identity"}:
        raise InvalidInputError(
            f"Bodies do not come with Content-Encoding {coding[:40].decode('latin-1')}.",
            reason="UNSUPPORTED_MEDIA_TYPE",
            remedy="Send the body as it is, not compressed.",
        )


_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))


def _too_long() -> ChanrongError:
    return OutcomeUnknownError(
        "The request took too long.",
        reason="DEADLINE_EXCEEDED",
        remedy="Send less at once; repeat it under the same idempotency key.",
    )


async def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ChanrongError)
    request.scope["chanrong.error"] = error
    return problem_response(error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
    outward = InvalidInputError(
        f"The request is not of the expected form: {'; '.join(found[:20])}.",
        remedy="See /openapi.json for the form.",
    )
    return await _on_error(request, outward)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, ChanrongError):  # FastAPI wraps what reading a body raises
        return await _on_error(request, error.__cause__)
    if error.status_code == 404:
        return await _on_error(request, NotFoundError("There is nothing at this address."))
    phrase = HTTPStatus(error.status_code)
    outward = InvalidInputError(str(error.detail), reason=phrase.name)
    request.scope["chanrong.error"] = outward
    body = problem(outward) | {"status": error.status_code, "title": phrase.phrase}
    return Response(orjson.dumps(body), error.status_code, error.headers, media_type=MEDIA_TYPE)


def _report(scope: MutableMapping[str, Any], started: float, status: int) -> None:
    caller: Caller | None = scope.get("chanrong.caller")
    route = scope.get("route")
    facts: dict[str, object] = {
        "method": scope["method"],
        # The route and not the path, which may hold what somebody typed.
        "route": getattr(route, "path", None),
        "status": status,
        "org": caller.org if caller else None,
        "role": caller.role if caller else None,
        "milliseconds": round((time.perf_counter() - started) * 1000, 1),
    }
    failure: ChanrongError | None = scope.get("chanrong.error")
    if failure is None:
        (_log.debug if scope["path"] in _QUIET_PATHS else _log.info)("request", **facts)
        return
    if failure.reason == ChanrongError.reason:
        _log.error("request", **facts, **told(failure), exc_info=failure.__cause__ or failure)
    else:
        _log.warning("request", **facts, **told(failure))


def _bind(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay off only where the protocol is said.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # A port of a server that just ended is free; one that is listened on is not.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, int(port)))
    except (OSError, ValueError, OverflowError) as error:
        bound.close()
        raise ConfigurationError(
            f"Nothing can listen on {listen}.",
            remedy="Check that the address is this machine's and that nothing else listens there.",
        ) from error
    bound.setblocking(False)
    return bound
