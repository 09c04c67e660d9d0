"""Sends what is owed, again and again within bounds.

1. A message whose time has come is taken: its attempt is counted before it is made.
2. The address is checked anew and connected to as checked; redirects are not followed.
3. Anything but 2xx in time is tried again after a growing pause; after ``len(PAUSES_S)`` attempts it is given
   up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import httpx
import structlog

from consortium.errors import ChanrongError
from consortium.storage import failpoints
from industry_gateway.bodies import Bodies
from industry_gateway.store import webhooks as statements
from industry_gateway.store.database import Database
from industry_gateway.store.webhooks import Delivery, Endpoint
from industry_gateway.webhooks import signing
from industry_gateway.webhooks.addresses import Resolve, target_of
from industry_gateway.webhooks.endpoints import seal_name

PAUSES_S = (5, 30, 120, 600, 3_600, 6 * 3_600, 24 * 3_600)
"""Pauses after failed attempts; the last failure gives the message up."""
TIMEOUT_S = 10.0
LEASE_S = 60
"""How long others keep away from a message that somebody has taken."""
MAX_AT_ONCE = 8
LONGEST_REST_S = 60.0

failpoints.declare("webhooks.taken", "webhooks.sent")

_log = structlog.get_logger(__name__)


class Sender:
    """Sends one gateway's webhooks."""

    def __init__(
        self,
        database: Database,
        bodies: Bodies,
        *,
        loopback: bool = False,
        resolve: Resolve | None = None,
        clock: Callable[[], float] = time.time,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._database = database
        self._bodies = bodies
        self._loopback = loopback
        self._resolve = resolve
        self._clock = clock
        self._transport = transport
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Says that there is something new to send."""
        self._wake.set()

    async def run(self) -> None:
        """Works until cancelled."""
        # No proxy from the environment: it would connect to addresses that were not checked.
        async with httpx.AsyncClient(
            timeout=TIMEOUT_S, follow_redirects=False, trust_env=False, transport=self._transport
        ) as client:
            while True:
                self._wake.clear()
                try:
                    while await self.round(client):
                        pass
                    rest = await self._rest_s()
                except ChanrongError as error:
                    _log.warning("webhooks wait", reason=error.reason)
                    rest = LONGEST_REST_S / 10
                with suppress(TimeoutError):
                    async with asyncio.timeout(rest):
                        await self._wake.wait()

    async def round(self, client: httpx.AsyncClient) -> int:
        """Sends what is due, at most ``MAX_AT_ONCE``; how many were tried."""
        now = int(self._clock())
        async with self._database.read() as connection:
            found = await statements.due(connection, at=now, limit=MAX_AT_ONCE)
            endpoints = await statements.by_ids(connection, [each.endpoint_id for each in found])
        await asyncio.gather(
            *(self._deliver(client, each, endpoints.get(each.endpoint_id), now) for each in found)
        )
        return len(found)

    async def _rest_s(self) -> float:
        async with self._database.read() as connection:
            due = await statements.next_due(connection)
        if due is None:
            return LONGEST_REST_S
        return min(LONGEST_REST_S, max(0.5, due - self._clock()))

    async def _deliver(
        self, client: httpx.AsyncClient, delivery: Delivery, endpoint: Endpoint | None, now: int
    ) -> None:
        async with self._database.write() as connection:
            if endpoint is None:
                await statements.done(connection, delivery.delivery_id)
                return
            if not await statements.take(connection, delivery, until=now + LEASE_S):
                return
        failpoints.reach("webhooks.taken")
        taken = await self._send(client, delivery, endpoint)
        failpoints.reach("webhooks.sent")
        async with self._database.write() as connection:
            if taken:
                await statements.done(connection, delivery.delivery_id)
                return
            pause = PAUSES_S[delivery.attempts] if delivery.attempts < len(PAUSES_S) else None
            at = None if pause is None else int(self._clock()) + pause
            await statements.later(connection, delivery.delivery_id, at=at)

    async def _send(self, client: httpx.AsyncClient, delivery: Delivery, endpoint: Endpoint) -> bool:
        """Whether the receiver took it."""
        try:
            target = await target_of(endpoint.url, loopback=self._loopback, resolve=self._resolve)
            secret = self._bodies.open_other(seal_name(endpoint.endpoint_id), endpoint.sealed)
            headers = signing.headers(secret, delivery.delivery_id, int(self._clock()), delivery.payload)
            request = client.build_request(
                "POST",
                target.url,
                content=delivery.payload,
                headers={**headers, "host": target.authority, "content-type": "application/json"},
                extensions={"sni_hostname": target.host},
            )
            # Only the status is of interest: a body, however long, is not read.
            response = await client.send(request, stream=True)
            await response.aclose()
        except (httpx.HTTPError, ChanrongError) as error:
            _log.info("webhook not delivered", endpoint=endpoint.endpoint_id, why=type(error).__name__)
            return False
        if not response.is_success:
            _log.info("webhook not taken", endpoint=endpoint.endpoint_id, status=response.status_code)
        return response.is_success
