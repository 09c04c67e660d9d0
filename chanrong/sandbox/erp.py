"""An ERP's side of the industry gateway's REST interface: token, push, consent, status."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Party, Service
from consortium.errors import ChanrongError, NotFoundError, UnavailableError

TIMEOUT_S = 60.0
POLL_FIRST_S = 0.01
POLL_MOST_S = 1.0
"""A status of 1,000 documents is work for the gateway: ask at once, then ever more seldom."""

SETTLED = frozenset({"registered", "already_registered", "conflict", "refused"})

Json = dict[str, Any]


class ErpClient:
    """One party's session with one gateway: gets a token when needed, and turns problems into errors."""

    def __init__(self, http: httpx.AsyncClient, party: Party, gateway: Service) -> None:
        self._http = http
        self._party = party
        self._gateway = gateway
        self._token = ""
        self._token_until = 0.0

    async def request(self, method: str, path: str, **kwargs: Any) -> Json:
        """Calls the interface and returns its JSON.

        :raises ChanrongError: what the gateway's problem document says
        """
        headers = {**kwargs.pop("headers", {}), "Authorization": f"Bearer {await self._fresh_token()}"}
        response = await self._send(method, path, headers=headers, **kwargs)
        return _answer(response)

    async def push(self, content: bytes, content_type: str, *, idempotency_key: str) -> Json:
        """Pushes one body of documents; the answer has one result per document."""
        headers = {"Content-Type": content_type, "Idempotency-Key": idempotency_key}
        return await self.request("POST", "/v1/documents", content=content, headers=headers)

    async def push_files(self, files: Sequence[tuple[str, bytes, str]], *, idempotency_key: str) -> Json:
        """Pushes several files in one call: (name, content, content type)."""
        return await self.request(
            "POST",
            "/v1/documents",
            files=[("documents", file) for file in files],
            headers={"Idempotency-Key": idempotency_key},
        )

    async def wait_push(
        self, push_id: str, quiet_s: float, seen: Callable[[int, int], None] | None = None
    ) -> Json:
        """The push's status once every document has a verdict of the ledger, or when nothing moves any more.

        :param quiet_s: how long nothing may move, in seconds
        :param seen: told of how many documents have a verdict, and how many there are
        """
        moved, done, pause = time.monotonic(), -1, POLL_FIRST_S
        while True:
            status = await self.request("GET", f"/v1/pushes/{push_id}")
            documents = status["documents"]
            settled = sum(d["position"]["state"] in SETTLED for d in documents)
            if settled != done:
                moved, done = time.monotonic(), settled
            if seen is not None:
                seen(settled, len(documents))
            if settled == len(documents) or time.monotonic() - moved > quiet_s:
                return status
            await asyncio.sleep(pause)
            pause = min(pause * 1.6, POLL_MOST_S)

    async def _fresh_token(self) -> str:
        if time.monotonic() < self._token_until:
            return self._token
        secret = self._party.secrets.get(self._gateway.name)
        if secret is None:
            raise NotFoundError(
                f"Party {self._party.alias!r} is not known at {self._gateway.name}.",
                remedy=f"It is known at: {', '.join(self._party.secrets) or 'no gateway'}.",
            )
        form = {"grant_type": "client_credentials"}
        response = await self._send("POST", "/oauth2/token", data=form, auth=(self._party.alias, secret))
        token = _answer(response)
        self._token = str(token["access_token"])
        self._token_until = time.monotonic() + float(token["expires_in"]) * 0.8
        return self._token

    async def _send(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        try:
            return await self._http.request(method, path, **kwargs)
        except httpx.TransportError as error:
            raise UnavailableError(
                f"{self._gateway.name} does not answer at {self._gateway.rest_url}.",
                remedy="`chanrong status` shows what runs, `chanrong up` starts what does not; then repeat this.",
            ) from error


def _answer(response: httpx.Response) -> Json:
    if response.status_code < 400:
        return dict(response.json())
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    raise ChanrongError(
        problem.get("detail") or f"The gateway answered {response.status_code}.",
        reason=problem.get("reason", f"HTTP_{response.status_code}"),
        remedy=problem.get("remedy", ""),
    )


@asynccontextmanager
async def session(layout: Layout, gateway: Service, party: Party) -> AsyncIterator[ErpClient]:
    """A party's session with a gateway."""
    context = ssl.create_default_context(cafile=str(layout.tls_ca(gateway.msp_id) / "ca.pem"))
    async with httpx.AsyncClient(base_url=gateway.rest_url, verify=context, timeout=TIMEOUT_S) as http:
        yield ErpClient(http, party, gateway)


async def post(layout: Layout, gateway: Service, party: Party, path: str, body: Mapping[str, Any]) -> Json:
    """One POST of a JSON body, as a party."""
    async with session(layout, gateway, party) as client:
        return await client.request("POST", path, json=body)
