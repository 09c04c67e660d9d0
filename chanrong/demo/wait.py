"""Waiting for something to become true, with an end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

WAIT_S = 20.0
INTERVAL_S = 0.1


async def until(look: Callable[[], Awaitable[T | None]], wait_s: float = WAIT_S) -> T | None:
    """What ``look`` finds, as soon as it finds something; None when the time is up."""
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        found = await look()
        if found is not None:
            return found
        await asyncio.sleep(INTERVAL_S)
    return None
