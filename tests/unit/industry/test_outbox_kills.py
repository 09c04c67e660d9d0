"""Killed at the commit points that only conflicts and refusals reach, and at all others too: a fresh worker
on the same database goes on, and each item is on the ledger exactly once. (A kill is an exception here; a
process that really dies is in tests/integration/industry/test_kill_points.py.)
"""

from __future__ import annotations

import asyncio

import pytest

from consortium.storage import failpoints
from tests.unit.industry.test_outbox_worker import Rig, check, keys_of, rig  # noqa: F401 - a fixture

POINTS = [
    "outbox.endorsed",
    "outbox.persisted",
    "outbox.submitted",
    "outbox.noted",
    "outbox.split",
    "outbox.refused",
    "follower.before_commit",
    "follower.after_commit",
]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("times", [1, 2])
async def test_a_fresh_worker_goes_on(
    rig: Rig,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    point: str,
    times: int,
) -> None:
    keys = keys_of(24)
    rig.ledger.faults.hostile[keys[2]] = 4  # makes the batch split
    rig.ledger.faults.poison.add(keys[7])  # makes an item refused
    rig.ledger.faults.lose_submits = 1  # makes the worker wait in vain
    killed = asyncio.Event()
    left = times

    def reach(name: str) -> None:
        nonlocal left
        if name == point and not killed.is_set():
            left -= 1
            if left <= 0:
                killed.set()
                raise asyncio.CancelledError  # what unwinds tasks without being handled as an error

    monkeypatch.setattr(failpoints, "reach", reach)
    await rig.add(keys)
    async with rig.running():
        done = asyncio.create_task(rig.settled(keys))
        await asyncio.wait({done, asyncio.create_task(killed.wait())}, return_when=asyncio.FIRST_COMPLETED)
        done.cancel()
    assert killed.is_set() or times == 2, "the point was reached"
    monkeypatch.setattr(failpoints, "reach", lambda name: None)
    rig.clock.now += 60
    async with rig.running():
        states = await rig.settled(keys)
    assert {key for key, state in states.items() if state != "registered"} == {keys[7]}
    check(rig, [key for key in keys if key != keys[7]])
