"""The whole way: NDJSON over REST and TLS into the industry gateway, until every peer's ledger has every document."""

from __future__ import annotations

import asyncio
import secrets
import time

from chanrong.demo.trades import Trades
from chanrong.sandbox import erp
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.parties import onboard
from chanrong.sandbox.profile import Party, Profile, load_profile
from consortium.documents.canonical import document_bytes
from tests.bench import documents
from tests.bench.commits import Commits

PER_PUSH = 1_000
PARALLEL_PUSHES = 4
WARM_UP = 1_000
"""Documents before the clock starts."""

WAIT_S = 120.0


async def supplier(layout: Layout, trades: Trades) -> Party:
    """Makes the trades' supplier known."""
    profile = load_profile(layout)
    party = trades.sellers[0]
    alias = f"supplier-{secrets.token_hex(4)}"
    identifiers = tuple(str(identifier) for identifier in party.identifiers)
    gateway = profile.of_kind("industry")[0]
    _, known = await onboard(
        layout, profile, gateway, alias=alias, name=party.name or alias, identifiers=identifiers
    )
    return known


async def push(layout: Layout, profile: Profile, commits: Commits, count: int) -> float:
    """Documents per second, from the first push to the last commit.

    What the gateway tells of the pushes is asked for and checked after the clock has stopped: an ERP is told by
    webhook, and asking for 1,000 documents again and again is work that measures the asker.
    """
    trades = documents.trades((count + WARM_UP) // documents.DOCUMENTS_PER_TRADE)
    known = await supplier(layout, trades)
    bodies = [
        b"".join(document_bytes(document) + b"\n" for document in chunk)
        for chunk in documents.chunks(trades.documents, PER_PUSH)
    ]
    first = WARM_UP // PER_PUSH
    gate = asyncio.Semaphore(PARALLEL_PUSHES)
    async with erp.session(layout, profile.of_kind("industry")[0], known) as client:

        async def one(body: bytes) -> str:
            async with gate:
                answer = await client.push(
                    body, "application/x-ndjson", idempotency_key=secrets.token_hex(16)
                )
            return str(answer["push_id"])

        warm = [await one(body) for body in bodies[:first]]
        await commits.wait(WARM_UP)
        began = time.time()
        pushes = await asyncio.gather(*(one(body) for body in bodies[first:]))
        ended = await commits.wait(len(trades.documents) - WARM_UP)
        states = [await client.wait_push(push_id, WAIT_S) for push_id in [*warm, *pushes]]
    found = [d["position"]["state"] for status in states for d in status["documents"]]
    assert found.count("registered") == len(trades.documents), set(found)
    return (len(trades.documents) - WARM_UP) / (ended - began)
