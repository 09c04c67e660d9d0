"""What the sandbox's processes take while the bench runs: peak memory, and CPU time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping

import psutil

from chanrong.sandbox import processes
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import load_profile

INTERVAL_S = 0.2
LEAST_US = 1.0
"""Processes that took less per document are left out."""


class Watch:
    """Looks at every process five times a second and keeps the most; tells what CPU time each has had."""

    def __init__(self, layout: Layout) -> None:
        self.megabytes: dict[str, float] = {}
        self._layout = layout
        self._names = list(load_profile(layout).services)
        self._known: dict[str, psutil.Process] = {}

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watches while the block lasts."""
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()

    async def _watch(self) -> None:
        while True:
            for name, process in self._running():
                with contextlib.suppress(psutil.Error):
                    used = process.memory_info().rss / 1e6
                    self.megabytes[name] = max(self.megabytes.get(name, 0.0), used)
            await asyncio.sleep(INTERVAL_S)

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds of each process so far, with its helper processes."""
        found = {}
        for name, process in self._running():
            with contextlib.suppress(psutil.Error):
                family = [process, *process.children(recursive=True)]
                found[name] = sum(sum(each.cpu_times()[:2]) for each in family)
        return found

    def _running(self) -> Iterator[tuple[str, psutil.Process]]:
        """Those that run now; one that was started anew is looked for again."""
        for name in self._names:
            known = self._known.get(name)
            if known is None or not known.is_running():
                running = processes.find(self._layout, name)
                if running is None:
                    continue
                known = self._known[name] = running.process
            yield name, known


def per_document(
    before: Mapping[str, float], after: Mapping[str, float], documents: int, **more: float
) -> dict[str, float]:
    """CPU microseconds per document between two moments; ``more``: seconds of processes that ended."""
    spent = {name: after[name] - before[name] for name in after if name in before} | more
    found = {name: seconds / documents * 1e6 for name, seconds in spent.items()}
    found = {name: used for name, used in found.items() if used >= LEAST_US}
    return found | {"total": sum(found.values())}
