"""Peak memory of each process of the sandbox while the bench runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import psutil

from chanrong.sandbox import processes
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import load_profile

INTERVAL_S = 0.2


class Peak:
    """Looks at every process five times a second and keeps the most."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.megabytes: dict[str, float] = {}

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watches while the block lasts."""
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()

    async def _watch(self) -> None:
        names = list(load_profile(self._layout).services)
        found = {name: processes.find(self._layout, name) for name in names}
        while True:
            for name, running in found.items():
                with contextlib.suppress(psutil.Error):
                    if running is not None:
                        used = running.process.memory_info().rss / 1e6
                        self.megabytes[name] = max(self.megabytes.get(name, 0.0), used)
            await asyncio.sleep(INTERVAL_S)
