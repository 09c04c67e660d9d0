"""The REST side over TLS: tokens, problems, limits."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Body, Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse

from consortium.errors import ConfigurationError, ConflictError
from consortium.identity.client_secrets import hash_client_secret, new_client_secret
from consortium.identity.directory import Caller
from consortium.identity.signer import P256Signer
from consortium.identity.tokens import TokenIssuer
from consortium.rpc.oauth import Client, token_router
from consortium.rpc.rest import BearerAuth, RestServer, dress
from consortium.rpc.server import current_caller
from tests.support.certs import TestConsortium

SECRET = new_client_secret()
STORED = hash_client_secret(SECRET)
KEY = P256Signer.generate()
MAX_BODY = 1000
ISSUER = TokenIssuer("industry-a", KEY, "k1")
ERP = BearerAuth(ISSUER.verifier(), "erp")


def _app() -> FastAPI:
    async def find(client_id: str) -> Client | None:
        roles = {"acme": "erp", "boss": "operator"}
        if client_id not in roles:
            return None
        return Client(Caller("IndustryAMSP", client_id, roles[client_id]), STORED)

    app = FastAPI()
    dress(app, max_body_bytes=MAX_BODY, deadline_s=5)
    app.include_router(token_router(ISSUER, find))

    @app.post("/things/{number}")
    async def post(
        number: int, caller: Annotated[Caller, Depends(ERP)], content: Annotated[dict[str, Any], Body()]
    ) -> dict[str, str]:
        assert current_caller() == caller
        return {"who": caller.name, "org": caller.org}

    @app.get("/fail/{how}")
    async def fail(how: str) -> None:
        if how == "conflict":
            raise ConflictError("Another one.", reason="OPERATION_ID_REUSED", remedy="Take a new id.")
        if how == "teapot":
            raise HTTPException(418, "short and stout")
        raise ValueError("hunter2")

    @app.get("/stream")
    async def broken_stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first"
            raise ValueError("hunter2")

        return StreamingResponse(parts())

    return app


@pytest.fixture
async def http(certs: TestConsortium) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a running server that trusts the organisation's CA."""
    server = RestServer(_app(), "127.0.0.1:0", certs.tls("industry-a", "IndustryAMSP", "gateway"))
    port = await server.start()
    context = ssl.create_default_context(cafile=str(certs.tls_ca_file("IndustryAMSP")))
    base = f"https://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base, verify=context, trust_env=False) as client:
        yield client
    await server.stop(grace=5)


async def _token(http: httpx.AsyncClient, name: str = "acme") -> dict[str, str]:
    form = {"grant_type": "client_credentials"}
    answer = await http.post("/oauth2/token", data=form, auth=(name, SECRET))
    assert answer.status_code == 200
    assert answer.json()["token_type"] == "Bearer"
    assert 0 < answer.json()["expires_in"] <= 900
    assert answer.headers["cache-control"] == "no-store"
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


def _problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    return body


async def test_a_token_opens_what_its_role_may(http: httpx.AsyncClient) -> None:
    answer = await http.post("/things/1", json={}, headers=await _token(http))
    assert answer.json() == {"who": "acme", "org": "IndustryAMSP"}
    denied = await http.post("/things/1", json={}, headers=await _token(http, "boss"))
    assert _problem(denied, 403)["reason"] == "DENIED"


async def test_the_secret_may_stand_in_the_form(http: httpx.AsyncClient) -> None:
    form = {"grant_type": "client_credentials", "client_id": "acme", "client_secret": SECRET}
    assert (await http.post("/oauth2/token", data=form)).status_code == 200


@pytest.mark.parametrize(
    ("form", "auth", "status", "error"),
    [
        ({"grant_type": "client_credentials"}, ("acme", "wrong"), 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, ("nobody", SECRET), 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, None, 401, "invalid_client"),
        ({"grant_type": "password"}, ("acme", SECRET), 400, "unsupported_grant_type"),
    ],
)
async def test_wrong_token_requests_are_answered_as_the_rfc_says(
    http: httpx.AsyncClient, form: dict[str, str], auth: tuple[str, str] | None, status: int, error: str
) -> None:
    answer = await http.post("/oauth2/token", data=form, auth=auth or httpx.Auth())
    assert (answer.status_code, answer.json()) == (status, {"error": error})


@pytest.mark.parametrize("header", ["Basic ====", "Basic bm9jb2xvbg==", "Basic /w=="])
async def test_broken_basic_authentication_is_nobodys(http: httpx.AsyncClient, header: str) -> None:
    form = {"grant_type": "client_credentials", "client_id": "acme", "client_secret": SECRET}
    answer = await http.post("/oauth2/token", data=form, headers={"authorization": header})
    assert answer.json() == {"error": "invalid_client"}


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x.y.z", "Basic YTpi"])
async def test_without_a_good_token_nothing(http: httpx.AsyncClient, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}
    answer = await http.post("/things/1", json={}, headers=headers)
    assert _problem(answer, 401)["reason"] in {"UNAUTHENTICATED", "TOKEN_INVALID"}
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_errors_are_problems_with_reason_and_remedy(http: httpx.AsyncClient) -> None:
    body = _problem(await http.get("/fail/conflict"), 409)
    assert (body["reason"], body["detail"]) == ("OPERATION_ID_REUSED", "Another one.")
    assert body["remedy"] == "Take a new id."
    assert _problem(await http.get("/nowhere"), 404)["reason"] == "NOT_FOUND"
    assert _problem(await http.get("/things/1"), 405)["reason"] == "METHOD_NOT_ALLOWED"
    assert _problem(await http.get("/fail/teapot"), 418)["detail"] == "short and stout"


async def test_an_unexpected_error_tells_its_incident_only(http: httpx.AsyncClient) -> None:
    answer = await http.get("/fail/odd")
    assert _problem(answer, 500)["incident"] in answer.json()["detail"]
    assert "hunter2" not in answer.text


async def test_an_answer_that_breaks_off_is_seen_to_be_broken(http: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await http.get("/stream")


async def test_wrong_forms_name_field_and_fault(http: httpx.AsyncClient) -> None:
    token = await _token(http)
    path = _problem(await http.post("/things/one", json={}, headers=token), 400)
    assert "path.number" in path["detail"]
    body = _problem(await http.post("/things/1", content=b"{", headers=token), 400)
    assert body["reason"] == "INVALID_INPUT"


async def test_bodies_over_the_limit_are_refused_declared_or_not(http: httpx.AsyncClient) -> None:
    token = await _token(http)
    big = json.dumps({"x": "y" * MAX_BODY}).encode()

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(big), 100):
            yield big[start : start + 100]

    for content in (big, chunks()):
        answer = await http.post("/things/1", content=content, headers=token)
        assert _problem(answer, 413)["reason"] == "TOO_LARGE"


async def test_a_body_that_never_comes_ends_at_the_deadline(certs: TestConsortium) -> None:
    app = FastAPI()
    dress(app, deadline_s=0.2)

    @app.post("/")
    async def post(content: Annotated[dict[str, Any], Body()]) -> None:
        raise AssertionError

    server = RestServer(app, "127.0.0.1:0", None)
    port = await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{")
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 30)
    assert b"504" in answer
    writer.close()
    await server.stop(grace=1)


async def test_small_answers_do_not_wait_for_acknowledgements(http: httpx.AsyncClient) -> None:
    # Nagle's delay would hold back the second of a response's two writes; only the option can be looked at.
    import socket

    from consortium.rpc.rest import _bind

    bound = _bind("127.0.0.1:0")
    assert bound.proto == socket.IPPROTO_TCP
    bound.close()


async def test_a_taken_port_and_unusable_certificates_are_clear_errors(certs: TestConsortium) -> None:
    tls = certs.tls("industry-a", "IndustryAMSP", "gateway")
    server = RestServer(FastAPI(), "127.0.0.1:0", tls)
    port = await server.start()
    with pytest.raises(ConfigurationError, match=str(port)):
        await RestServer(FastAPI(), f"127.0.0.1:{port}", tls).start()
    await server.stop(grace=1)
    wrong = tls.model_copy(update={"key": tls.certificate})
    with pytest.raises(ConfigurationError, match="certificate"):
        await RestServer(FastAPI(), "127.0.0.1:0", wrong).start()
    with pytest.raises(ConfigurationError):
        await RestServer(FastAPI(), "127.0.0.1:none", None).start()


async def test_stopping_lets_a_running_request_end(certs: TestConsortium) -> None:
    app = FastAPI()
    inside, leave = asyncio.Event(), asyncio.Event()

    @app.get("/")
    async def get() -> str:
        inside.set()
        await leave.wait()
        return "done"

    server = RestServer(app, "127.0.0.1:0", None)
    port = await server.start()
    async with httpx.AsyncClient(trust_env=False) as client:
        request = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/"))
        await asyncio.wait_for(inside.wait(), 10)
        stopping = asyncio.create_task(server.stop(grace=30))
        leave.set()
        assert (await request).json() == "done"
        await stopping
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://127.0.0.1:{port}/")
