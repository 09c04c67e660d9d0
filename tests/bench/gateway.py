"""The whole way: NDJSON over REST and TLS into the industry gateway, until the ledger has every document."""

from __future__ import annotations

import asyncio
import secrets
import time

from chanrong.demo.trades import Trades
from chanrong.sandbox import erp
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.parties import onboard
from chanrong.sandbox.profile import Profile, load_profile
from consortium.documents.canonical import document_bytes
from tests.bench import documents

PER_PUSH = 1_000
PARALLEL_PUSHES = 4
WAIT_S = 120.0


async def supplier(layout: Layout, alias: str, trades: Trades) -> Profile:
    """Makes the trades' supplier known and returns the profile that knows it."""
    profile = load_profile(layout)
    party = trades.sellers[0]
    identifiers = tuple(str(identifier) for identifier in party.identifiers)
    gateway = profile.of_kind("industry")[0]
    profile, _ = await onboard(
        layout, profile, gateway, alias=alias, name=party.name or alias, identifiers=identifiers
    )
    return profile


async def push(layout: Layout, profile: Profile, count: int) -> float:
    """Documents per second, from the first push to the last commit."""
    trades = documents.trades(count // documents.DOCUMENTS_PER_TRADE)
    profile = await supplier(layout, "bench-supplier", trades)
    bodies = [
        b"".join(document_bytes(document) + b"\n" for document in chunk)
        for chunk in documents.chunks(trades.documents, PER_PUSH)
    ]
    gateway = profile.of_kind("industry")[0]
    gate = asyncio.Semaphore(PARALLEL_PUSHES)
    async with erp.session(layout, gateway, profile.party("bench-supplier")) as client:

        async def one(body: bytes) -> str:
            async with gate:
                answer = await client.push(
                    body, "application/x-ndjson", idempotency_key=secrets.token_hex(16)
                )
            return str(answer["push_id"])

        began = time.perf_counter()
        pushes = await asyncio.gather(*(one(body) for body in bodies))
        states = [await client.wait_push(push_id, WAIT_S) for push_id in pushes]
        seconds = time.perf_counter() - began
    found = [d["position"]["state"] for status in states for d in status["documents"]]
    assert found.count("registered") == len(trades.documents), set(found)
    return len(trades.documents) / seconds
