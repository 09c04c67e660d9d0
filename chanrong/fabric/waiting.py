"""Waiting for a real condition, with an end that says what was missing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from consortium.errors import ChanrongError

T = TypeVar("T")

INTERVAL_S = 0.1


async def until(
    what: str, look: Callable[[], Awaitable[T]], timeout_s: float, *, interval_s: float = INTERVAL_S
) -> T:
    """What ``look`` returns, as soon as it does not raise.

    :param what: what is waited for, as the error tells it
    :raises ChanrongError: reason FABRIC_NOT_READY, with what ``look`` last said
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return await look()
        except ChanrongError as not_yet:
            if time.monotonic() > deadline:
                raise ChanrongError(
                    f"{what}: not within {timeout_s:.0f} s. {not_yet.message}",
                    reason="FABRIC_NOT_READY",
                    remedy="The logs of peers and orderer are below logs.",
                ) from not_yet
        await asyncio.sleep(interval_s)
