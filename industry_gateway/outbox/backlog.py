"""Items that wait in memory, and which of them go next. No I/O.

The database holds every item; memory holds the next ones, so that packing needs no query. ``held`` are the
items that this process has queued or packed and not stored in a batch: reading the database again must not
queue them twice.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from consortium.storage.outbox import OutboxPolicy, fitting
from industry_gateway.outbox.model import LANES, Batch, OutboxItem

MAX_QUEUED_ITEMS = 20_000
"""Items of one lane in memory, about 600 bytes each; further ones wait in the database."""


class Backlog:
    """What one worker has to carry, lane by lane."""

    def __init__(self, policy: OutboxPolicy, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._monotonic = monotonic
        self._queues: dict[str, deque[OutboxItem]] = {lane: deque() for lane in LANES}
        self._held: dict[str, set[str]] = {lane: set() for lane in LANES}
        self._busy_roots: set[str] = set()
        self._lingering_since: float | None = None
        self.beyond: set[str] = set(LANES)
        """Lanes that may have items in the database which are not here."""

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    def offer(self, items: Iterable[OutboxItem]) -> None:
        """Takes stored items in, as far as there is room and none older is left in the database."""
        for item in items:
            if item.lane in self.beyond or len(self._queues[item.lane]) >= MAX_QUEUED_ITEMS:
                self.beyond.add(item.lane)
            else:
                self._take(item)

    def room(self, lane: str) -> int:
        """How many items should be asked of the database; 0 when memory holds enough."""
        free = MAX_QUEUED_ITEMS // 2 - len(self._queues[lane])
        return free + len(self._held[lane]) if free > 0 else 0

    def refill(self, lane: str, items: Sequence[OutboxItem], asked: int) -> None:
        """Takes in what the database gave; fewer than asked for means that there is no more."""
        if len(items) < asked:
            self.beyond.discard(lane)
        for item in items:
            self._take(item)

    def next_batch(self, *, in_flight: int) -> Batch | None:
        """The next batch, or None when nothing should be sent now."""
        for name, lane in LANES.items():
            if not self._queues[name]:
                continue
            items = self._pick_by_root(name, lane.max_items) if lane.grouped else self._pick(name, in_flight)
            if items:
                return Batch(name, sorted(items, key=lambda item: item.key))
        return None

    def wait_s(self) -> float | None:
        """How long until a lingering batch should be sent; None when none lingers."""
        if self._lingering_since is None:
            return None
        return max(0.0, self._lingering_since + self._policy.linger_s - self._monotonic())

    def stored(self, batch: Batch) -> None:
        """The database knows that these items are in a batch: it will not give them as waiting again."""
        self._held[batch.lane].difference_update(item.key for item in batch.items)

    def done(self, batch: Batch) -> None:
        """A batch has ended, or was handed to somebody else."""
        self.stored(batch)
        if LANES[batch.lane].grouped:
            self._busy_roots.difference_update(item.root for item in batch.items)

    def _take(self, item: OutboxItem) -> None:
        if item.key not in self._held[item.lane]:
            self._held[item.lane].add(item.key)
            self._queues[item.lane].append(item)

    def _pick(self, name: str, in_flight: int) -> list[OutboxItem]:
        """The first items that fit.

        A batch that is not full waits a moment, unless nothing else is under way.
        """
        queue = self._queues[name]
        sizes = [len(item.payload) + 1 for _, item in zip(range(self._policy.max_items), queue, strict=False)]
        count = fitting(sizes, self._policy)
        if in_flight and count == len(queue) and count < self._policy.max_items:
            if self._lingering_since is None:
                self._lingering_since = self._monotonic()
            if self._monotonic() - self._lingering_since < self._policy.linger_s:
                return []
        self._lingering_since = None
        return [queue.popleft() for _ in range(count)]

    def _pick_by_root(self, name: str, max_items: int) -> list[OutboxItem]:
        """The first items whose trade root is not under way; all of one root go into the same batch."""
        queue = self._queues[name]
        picked: list[OutboxItem] = []
        left: deque[OutboxItem] = deque()
        for item in queue:
            if item.root in self._busy_roots or len(picked) >= max_items:
                left.append(item)
            else:
                picked.append(item)
        self._queues[name] = left
        self._busy_roots.update(item.root for item in picked)
        return picked
