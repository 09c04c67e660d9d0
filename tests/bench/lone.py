"""One document at a time: from the push to the moment at which the gateway says that it is on the ledger."""

from __future__ import annotations

import asyncio
import secrets
import time

from chanrong.sandbox import erp
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile
from consortium.documents.canonical import document_bytes
from tests.bench import documents
from tests.bench.gateway import supplier

POLL_S = 0.005
"""How often the verdict is asked for. An ERP would be told by webhook; the wait until the next question counts."""

WAIT_S = 30.0
WARM_UP = 2


async def push(layout: Layout, profile: Profile, count: int) -> list[float]:
    """Seconds that each document took."""
    trades = documents.trades(count + WARM_UP)
    known = await supplier(layout, trades)
    times = []
    async with erp.session(layout, profile.of_kind("industry")[0], known) as client:
        for invoice in trades.invoices:
            began = time.perf_counter()
            key = secrets.token_hex(16)
            answer = await client.push(document_bytes(invoice), "application/json", idempotency_key=key)
            async with asyncio.timeout(WAIT_S):
                while await _state(client, answer["push_id"]) != "registered":
                    await asyncio.sleep(POLL_S)
            times.append(time.perf_counter() - began)
    return times[WARM_UP:]


async def _state(client: erp.ErpClient, push_id: str) -> str:
    status = await client.request("GET", f"/v1/pushes/{push_id}")
    return str(status["documents"][0]["position"]["state"])


def percentile(times: list[float], share: float) -> float:
    """The value below which this share lies."""
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]
