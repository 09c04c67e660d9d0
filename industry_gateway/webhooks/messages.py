"""What is said: which documents came to stand where. Made inside the transaction that stores the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from industry_gateway.outbox.model import OutboxItem, new_id
from industry_gateway.store import webhooks
from industry_gateway.store.webhooks import Concerned, Delivery

MAX_DOCUMENTS = 500
"""Documents of one message."""
TYPE = "documents.position"


class Messages:
    """Owes messages to the endpoints of those who pushed."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock

    async def concerned(self, connection: AsyncConnection, items: Sequence[OutboxItem]) -> list[Concerned]:
        """Whom a batch's items concern; ask before its results are stored."""
        return await webhooks.concerned(connection, [item.key for item in items])

    async def owe(
        self,
        connection: AsyncConnection,
        concerned: list[Concerned],
        positions: Mapping[str, Mapping[str, object]],
    ) -> bool:
        """Stores the messages; whether there are any.

        :param positions: fingerprint -> position as REST tells it
        """
        now = int(self._clock())
        deliveries: list[Delivery] = []
        for endpoint_id, group in groupby(concerned, key=lambda each: each.endpoint_id):
            documents = [
                {
                    "document_id": each.document_id,
                    "kind": each.kind,
                    "fingerprint": each.fingerprint,
                    "position": positions[each.fingerprint],
                }
                for each in group
            ]
            for start in range(0, len(documents), MAX_DOCUMENTS):
                content = {
                    "type": TYPE,
                    "timestamp": now,
                    "data": {"documents": documents[start : start + MAX_DOCUMENTS]},
                }
                deliveries.append(Delivery(new_id(), endpoint_id, orjson.dumps(content), 0))
        await webhooks.owe(connection, deliveries, at=now)
        return bool(deliveries)
