"""One document at a time: from the push to the moment at which the gateway says that it is on the ledger."""

from __future__ import annotations

import secrets
import time

from chanrong.sandbox import erp
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile
from consortium.documents.canonical import document_bytes
from tests.bench import documents
from tests.bench.gateway import supplier

WAIT_S = 30.0


async def push(layout: Layout, profile: Profile, count: int) -> tuple[float, float]:
    """p50 and p99 in seconds; the wait for the verdict polls as an ERP would, so it counts too."""
    trades = documents.trades(max(count, 20))
    profile = await supplier(layout, "lone-supplier", trades)
    gateway = profile.of_kind("industry")[0]
    times = []
    async with erp.session(layout, gateway, profile.party("lone-supplier")) as client:
        for invoice in trades.invoices:
            began = time.perf_counter()
            key = secrets.token_hex(16)
            answer = await client.push(document_bytes(invoice), "application/json", idempotency_key=key)
            await client.wait_push(answer["push_id"], WAIT_S)
            times.append(time.perf_counter() - began)
    times.sort()
    return times[len(times) // 2], times[min(len(times) - 1, int(len(times) * 0.99))]
