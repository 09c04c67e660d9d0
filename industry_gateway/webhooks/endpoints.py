"""Where a party wants to be told: set, seen and removed by the party itself."""

from __future__ import annotations

import time
from collections.abc import Callable

from consortium.errors import NotFoundError
from industry_gateway.bodies import Bodies
from industry_gateway.outbox.model import new_id
from industry_gateway.parties.directory import Tenant
from industry_gateway.store import webhooks as statements
from industry_gateway.store.database import Database
from industry_gateway.store.webhooks import Endpoint
from industry_gateway.webhooks import signing
from industry_gateway.webhooks.addresses import target_of


def seal_name(endpoint_id: str) -> str:
    """Under which name an endpoint's secret is sealed."""
    return f"webhook:{endpoint_id}"


class Endpoints:
    """Webhook endpoints of this gateway's parties, one each."""

    def __init__(
        self,
        database: Database,
        bodies: Bodies,
        *,
        loopback: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._bodies = bodies
        self._loopback = loopback
        self._clock = clock

    async def set(self, tenant: Tenant, url: str) -> tuple[Endpoint, str]:
        """Sets the caller's endpoint; with the new secret, which is told once.

        :raises InvalidInputError: the URL leads where webhooks may not go
        """
        await target_of(url, loopback=self._loopback)
        secret = signing.new_secret()
        endpoint_id = new_id()
        sealed = self._bodies.seal_other(seal_name(endpoint_id), secret)
        endpoint = Endpoint(endpoint_id, tenant.alias, url, sealed)
        async with self._database.write() as connection:
            await statements.set_endpoint(connection, endpoint, at=int(self._clock()))
        return endpoint, signing.shown(secret)

    async def find(self, tenant: Tenant) -> Endpoint:
        """The caller's endpoint.

        :raises NotFoundError: it has none
        """
        async with self._database.read() as connection:
            found = await statements.of_party(connection, tenant.alias)
        if found is None:
            raise _none()
        return found

    async def remove(self, tenant: Tenant) -> None:
        """Removes the caller's endpoint, and what is still owed to it.

        :raises NotFoundError: it has none
        """
        async with self._database.write() as connection:
            if not await statements.remove(connection, tenant.alias):
                raise _none()


def _none() -> NotFoundError:
    return NotFoundError("You have no webhook.", reason="UNKNOWN_WEBHOOK", remedy="Set one with PUT.")
