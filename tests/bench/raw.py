"""The raw limit: client and contract only, the same packed transactions as the gateway writes, prepared beforehand."""

from __future__ import annotations

from chanrong.sandbox.layout import Layout
from tests.bench import clients
from tests.bench.commits import Commits
from tests.bench.requests import pack, register_items
from tests.bench.target import Target

PER_TRANSACTION = 1_000
IN_FLIGHT = 8
WARM_UP = 2
"""Transactions before the clock starts."""


async def push(
    layout: Layout, target: Target, commits: Commits, count: int
) -> tuple[float, clients.Written, list[str]]:
    """Documents per second, from the first proposal to the commit on every peer; the run, and fingerprints."""
    items = register_items(layout, count + WARM_UP * PER_TRANSACTION)
    requests = pack(items, PER_TRANSACTION)
    written = await clients.write(clients.OURS, target, requests, clients=IN_FLIGHT, warm_up=WARM_UP)
    ended = max(written.ended, await commits.wait(len(items)))
    return count / (ended - written.began), written, [item["keys"][0]["fp"] for item in items]
