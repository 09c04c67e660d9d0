"""Items that wait in memory, and which of them go next. No I/O.

The database holds every item; memory holds the next ones, so that packing needs no query. ``held`` are the
items that this process has queued or packed and not stored in a batch: reading the database again must not
queue them twice. Items of one parcel, which is one stored row, stay together.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from consortium.storage.outbox import OutboxPolicy
from industry_gateway.outbox.model import LANES, Batch, OutboxItem, in_order, parcels_of

MAX_QUEUED_ITEMS = 20_000
"""Items of one lane in memory, about 600 bytes each; further ones wait in the database."""


class Backlog:
    """What one worker has to carry, lane by lane."""

    def __init__(self, policy: OutboxPolicy, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._monotonic = monotonic
        self._queues: dict[str, deque[list[OutboxItem]]] = {lane: deque() for lane in LANES}
        self._counts: dict[str, int] = dict.fromkeys(LANES, 0)
        self._held: dict[str, set[str]] = {lane: set() for lane in LANES}
        self._busy_roots: set[str] = set()
        self._lingering_since: float | None = None
        self.beyond: set[str] = set(LANES)
        """Lanes that may have items in the database which are not here."""

    def __len__(self) -> int:
        return sum(self._counts.values())

    def offer(self, items: Iterable[OutboxItem]) -> None:
        """Takes stored items in, as far as there is room and none older is left in the database."""
        for parcel in parcels_of(items):
            lane = parcel[0].lane
            if lane in self.beyond or self._counts[lane] >= MAX_QUEUED_ITEMS:
                self.beyond.add(lane)
            else:
                self._take(parcel)

    def room(self, lane: str) -> int:
        """How many items should be asked of the database; 0 when memory holds enough."""
        return max(0, MAX_QUEUED_ITEMS // 2 - self._counts[lane])

    def held(self, lane: str) -> frozenset[str]:
        """Stored rows that the database need not give again."""
        return frozenset(self._held[lane])

    def refill(self, lane: str, items: Sequence[OutboxItem], *, more: bool) -> None:
        """Takes in what the database gave, and whether it may have more."""
        if not more:
            self.beyond.discard(lane)
        for parcel in parcels_of(items):
            self._take(parcel)

    def next_batch(self, *, in_flight: int) -> Batch | None:
        """The next batch, or None when nothing should be sent now."""
        for name, lane in LANES.items():
            if not self._queues[name]:
                continue
            items = self._pick_by_root(name, lane.max_items) if lane.grouped else self._pick(name, in_flight)
            if items:
                return Batch(name, in_order(items))
        return None

    def wait_s(self) -> float | None:
        """How long until a lingering batch should be sent; None when none lingers."""
        if self._lingering_since is None:
            return None
        return max(0.0, self._lingering_since + self._policy.linger_s - self._monotonic())

    def stored(self, batch: Batch) -> None:
        """The database knows that these items are in a batch: it will not give them as waiting again."""
        self._held[batch.lane].difference_update({item.stored_as for item in batch.items})

    def done(self, batch: Batch) -> None:
        """A batch has ended, or was handed to somebody else."""
        self.stored(batch)
        if LANES[batch.lane].grouped:
            self._busy_roots.difference_update(item.root for item in batch.items)

    def _take(self, parcel: list[OutboxItem]) -> None:
        name, lane = parcel[0].stored_as, parcel[0].lane
        if name not in self._held[lane]:
            self._held[lane].add(name)
            self._queues[lane].append(parcel)
            self._counts[lane] += len(parcel)

    def _pick(self, name: str, in_flight: int) -> list[OutboxItem]:
        """The first parcels that fit, at least one; what is too much is refused and halved.

        A batch that is not full waits a moment, unless nothing else is under way.
        """
        queue, policy = self._queues[name], self._policy
        picked: list[list[OutboxItem]] = []
        left: list[list[OutboxItem]] = []
        items = size = 0
        while queue and items < policy.max_items:
            parcel = queue.popleft()
            more = sum([len(item.payload) + 1 for item in parcel])
            if picked and (items + len(parcel) > policy.max_items or size + more > policy.max_bytes):
                left.append(parcel)  # a smaller one behind it may fit
            else:
                picked.append(parcel)
                items, size = items + len(parcel), size + more
        queue.extendleft(reversed(left))
        if in_flight and not queue and items < policy.max_items:
            if self._lingering_since is None:
                self._lingering_since = self._monotonic()
            if self._monotonic() - self._lingering_since < policy.linger_s:
                queue.extend(picked)
                return []
        self._lingering_since = None
        self._counts[name] -= items
        return [item for parcel in picked for item in parcel]

    def _pick_by_root(self, name: str, max_items: int) -> list[OutboxItem]:
        """The first items whose trade root is not under way; all of one root go into the same batch."""
        picked: list[OutboxItem] = []
        left: deque[list[OutboxItem]] = deque()
        for parcel in self._queues[name]:
            if len(picked) >= max_items or any(item.root in self._busy_roots for item in parcel):
                left.append(parcel)
            else:
                picked += parcel
        self._queues[name] = left
        self._counts[name] -= len(picked)
        self._busy_roots.update(item.root for item in picked)
        return picked
