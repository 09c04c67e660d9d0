"""The assets that one call works on, with all that stand above them, and how use travels upward.

A :class:`Trade` is loaded once for all items of a call: documents to assets (under any key, through joined
assets), their claims rows, and level by level the rows of the assets above. Then it is worked on in memory,
item by item, and what changed is written at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from chaincode.contracts import documents_state
from chaincode.contracts.call import Call, RefusedError, require
from chaincode.contracts.keys import claims_key
from chaincode.contracts.rows import FOREVER, Row, end_of, later, scaled_steps, share_at
from consortium.contract import reasons
from consortium.contract.figures import percent
from consortium.contract.names import FACE_VALUE_PPB, MAX_ANCESTORS, MAX_CHILDREN_IN_USE, MAX_LINK_DEPTH

MAX_LOADED: Final = 4096
"""Rows of one call; a call of many items with many links each is refused item by item beyond it."""
MAX_JOINS: Final = 64
"""Joined assets that are followed one after the other."""
MAX_TOLD: Final = 1024
"""Rows looked through for the handles of one impaired asset."""


@dataclass(slots=True)
class Path:
    """An asset and those above it, each child before its parents.

    :ivar cut: links were left out because there are too many
    :ivar circle: links run in a circle
    """

    rows: list[Row]
    cut: bool
    circle: bool


@dataclass(slots=True)
class Trade:
    """Working set of rows.

    :ivar documents: by fingerprint as asked
    :ivar home: asset id by fingerprint, as the document says it: of an unregistered parent its fingerprint, None for a
        document without asset; :meth:`resolve` follows joins
    :ivar rows: by asset id
    """

    call: Call
    documents: dict[str, documents_state.Document | None] = field(default_factory=dict)
    home: dict[str, str | None] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)
    _dirty: dict[str, None] = field(default_factory=dict)
    _stored: dict[str, None] = field(default_factory=dict)

    async def load(self, fps: Iterable[str], *, above: bool = True) -> None:
        """Loads assets by any fingerprint of theirs and, unless told otherwise, the assets above them."""
        wave = await self._load(fps)
        for _ in range(MAX_LINK_DEPTH if above else 0):
            parents = {fp: None for row in wave for fp in row.links if fp not in self.home}
            if not parents or len(self.rows) + len(parents) > MAX_LOADED:
                break
            wave = await self._load(parents)

    async def _load(self, fps: Iterable[str]) -> list[Row]:
        """Loads one level; the rows that are new."""
        wanted = [fp for fp in dict.fromkeys(fps) if fp not in self.home]
        self.documents.update(await documents_state.fetch(self.call, wanted))
        ids: dict[str, str] = {}
        for fp in wanted:
            document = self.documents[fp]
            asset = fp if document is None else documents_state.asset_of(document)
            self.home[fp] = asset
            if asset is not None:
                ids[fp] = asset
        new: list[Row] = []
        asked = list(dict.fromkeys(asset for asset in ids.values() if asset not in self.rows))
        for _ in range(MAX_JOINS + 1):
            if not asked:
                break
            rows = await self._rows(asked)
            new += [row for row in rows if row.into is None]
            asked = list(dict.fromkeys(row.into for row in rows if row.into and row.into not in self.rows))
        return new

    async def _rows(self, assets: list[str]) -> list[Row]:
        values = await self.call.state.get_many([claims_key(asset) for asset in assets])
        for asset, data in zip(assets, values, strict=True):
            if data is None:
                self.rows[asset] = Row(asset, pending=True)
            else:
                self.rows[asset] = Row.read(asset, data)
                self._stored[asset] = None
        return [self.rows[asset] for asset in assets]

    def current(self, asset: str) -> str:
        """The asset into which this one was joined in the end."""
        for _ in range(MAX_JOINS + 1):
            into = self.rows[asset].into
            if into is None:
                break
            asset = into
        return asset

    def resolve(self, fp: str) -> str | None:
        """The asset to which a loaded fingerprint leads now: this call may have joined it into another."""
        asset = self.home[fp]
        return None if asset is None else self.current(asset)

    def asset(self, fp: str) -> Row:
        """The row of a registered document's asset. Its fingerprint must have been loaded.

        :raises RefusedError: UNKNOWN_DOCUMENT, NO_ASSET
        """
        documents_state.known(self.documents, fp)
        asset = self.resolve(fp)
        if asset is None:
            raise RefusedError(reasons.NO_ASSET, f"{fp} is a document that opens no asset")
        return self.rows[asset]

    def parents(self, row: Row) -> tuple[dict[str, int | None], bool]:
        """Parents of an asset with the weights that count (None: unknown), and whether some were not loaded.

        Several links to one parent, by different keys of it, count once with the larger weight.
        """
        found: dict[str, int | None] = {}
        cut = False
        for fp, link in sorted(row.links.items()):
            if fp not in self.home:
                cut = True
                continue
            asset = self.resolve(fp)
            if asset is None or asset == row.asset:
                continue
            parent = self.rows[asset]
            if not (parent.pending or parent.seller == row.seller):
                continue
            weight = link["of_parent"]
            if asset in found:
                known = found[asset]
                weight = None if weight is None or known is None else max(weight, known)
            found[asset] = weight
        return found, cut

    def path(self, asset: str) -> Path:
        """An asset and all above it."""
        edges: dict[str, list[str]] = {}
        waiting = {asset: 0}
        cut = False
        level = [asset]
        for depth in range(MAX_LINK_DEPTH + 1):
            above: list[str] = []
            for child in level:
                parents, missing = self.parents(self.rows[child])
                cut = cut or missing
                if depth == MAX_LINK_DEPTH:
                    cut = cut or bool(parents)
                    continue
                edges[child] = list(parents)
                for parent in parents:
                    if parent not in waiting:
                        waiting[parent] = 0
                        above.append(parent)
                    waiting[parent] += 1
            level = above
            if len(waiting) > MAX_ANCESTORS:
                cut = True
                break
        return self._ordered(asset, edges, waiting, cut)

    def _ordered(self, asset: str, edges: dict[str, list[str]], waiting: dict[str, int], cut: bool) -> Path:
        """Children before parents. What is in a circle stands behind the rest."""
        circle = waiting[asset] > 0
        waiting[asset] = 0
        ready, order = [asset], []
        while ready:
            child = ready.pop()
            order.append(child)
            for parent in edges.get(child, ()):
                if parent == asset:
                    continue
                waiting[parent] -= 1
                if waiting[parent] == 0:
                    ready.append(parent)
        placed = dict.fromkeys(order)
        rest = [each for each in waiting if each not in placed]
        return Path([self.rows[each] for each in [*order, *rest]], cut, circle or bool(rest))

    def carry(self, path: Path) -> None:
        """Brings what an asset uses of those above it up to date."""
        now = self.call.now
        for row in path.rows:
            use, loose = row.use(now), row.loose_end(now)
            for asset, weight in self.parents(row)[0].items():
                parent = self.rows[asset]
                if asset == path.rows[0].asset:
                    continue  # a circle: an asset does not use itself up
                steps = [] if weight is None else scaled_steps(use, weight)
                end = later(end_of(use), loose) if weight is None else loose
                if not self._fits(parent, row.asset, bool(steps) or end is not None):
                    continue
                if parent.via.get(row.asset, []) != steps or parent.loose.get(row.asset) != end:
                    self.touch(parent)
                    _set(parent.via, row.asset, steps or None)
                    _set(parent.loose, row.asset, end)
                    if parent.pending:
                        _set(parent.sellers, row.asset, None if end is None and not steps else row.seller)

    @staticmethod
    def _fits(parent: Row, child: str, used: bool) -> bool:
        if not used or child in parent.via or child in parent.loose:
            return True
        return len(parent.via) + len(parent.loose) < MAX_CHILDREN_IN_USE

    def touch(self, row: Row) -> None:
        """Marks a row as changed."""
        self._dirty[row.asset] = None

    def claim(self, row: Row, change: Callable[[Row], None]) -> None:
        """Makes a new claim: all of it, or nothing.

        :raises RefusedError: OVER_FACE_VALUE, OVER_FACE_VALUE_LINKED, LINK_WEIGHT_UNKNOWN, LINK_LIMIT, LINK_CYCLE
        """
        path = self.path(row.asset)
        self.followable(path)
        now = self.call.now
        require(
            not row.unweighted(now),
            reasons.LINK_WEIGHT_UNKNOWN,
            "what draws on this asset is in use, and how much of it is not known yet",
            asset=row.asset,
            free=row.free(now),
        )
        before = [each.copy() for each in path.rows]
        dirty = dict(self._dirty)
        totals = [each.total(now, row.seller) for each in path.rows]
        change(row)
        self.touch(row)
        self.carry(path)
        try:
            self._check(path, totals)
        except RefusedError as refused:
            for each in before:
                self.rows[each.asset] = each
            self._dirty = dirty
            free = self.rows[row.asset].free(now)
            refused.facts.update(asset=row.asset, free=free)
            raise

    def followable(self, path: Path) -> None:
        """Refuses what cannot be followed upward in full.

        :raises RefusedError: LINK_LIMIT, LINK_CYCLE
        """
        require(not path.circle, reasons.LINK_CYCLE, "links of this asset run in a circle")
        require(
            not path.cut,
            reasons.LINK_LIMIT,
            f"the assets above are more than {MAX_ANCESTORS}, or than {MAX_LINK_DEPTH} levels",
        )

    def _check(self, path: Path, totals: list[int]) -> None:
        now, first = self.call.now, path.rows[0]
        for row, before in zip(path.rows, totals, strict=True):
            after = row.total(now, first.seller)
            if after > FACE_VALUE_PPB and after > before:
                free = max(0, FACE_VALUE_PPB - before)
                if row is first:
                    raise RefusedError(reasons.OVER_FACE_VALUE, f"{percent(free)} of its face value is free")
                raise RefusedError(
                    reasons.OVER_FACE_VALUE_LINKED,
                    f"this takes {percent(after - before)} of {row.asset}, of which {percent(free)} is free",
                )
        for row in path.rows[1:]:
            if row.unweighted(now) and row.claimed(now):
                raise RefusedError(
                    reasons.LINK_WEIGHT_UNKNOWN,
                    f"{row.asset} is claimed, and how much of it this takes is not known yet",
                )
        for row in path.rows:
            for asset in self.parents(row)[0]:
                parent = self.rows[asset]
                if row.use(now) and row.asset not in parent.via and row.asset not in parent.loose:
                    self._overfull(parent, row)

    def _overfull(self, parent: Row, row: Row) -> None:
        """A parent that does not count a child in use: its weight is nil, or there are too many children."""
        if len(parent.via) + len(parent.loose) >= MAX_CHILDREN_IN_USE:
            raise RefusedError(
                reasons.LINK_LIMIT, f"{parent.asset} is used by {MAX_CHILDREN_IN_USE} documents already"
            )

    async def fact(self, row: Row, change: Callable[[Row], None]) -> None:
        """Does what is never refused for want of free share; notes whose shortfall grew."""
        path = self.path(row.asset)
        await self.facts(path.rows, lambda: self._do(row, path, change))

    def _do(self, row: Row, path: Path, change: Callable[[Row], None]) -> None:
        change(row)
        self.touch(row)
        self.carry(path)

    async def facts(self, rows: list[Row], change: Callable[[], None]) -> None:
        """Changes several rows as facts and notes whose shortfall grew."""
        now = self.call.now
        before = [row.shortfall(now) for row in rows]
        change()
        for row, shortfall in zip(rows, before, strict=True):
            if row.into is None and not row.pending and row.shortfall(now) > shortfall:
                self.call.changed.append(await self._told(row))

    async def _told(self, row: Row) -> dict[str, Any]:
        """An impaired asset, with the handles of all that hold claims on it or on what draws on it."""
        now = self.call.now
        handles: dict[str, None] = {}
        level, seen = [row], {row.asset: None}
        while level and len(seen) <= MAX_TOLD:
            children: dict[str, None] = {}
            for each in level:
                handles.update((claim["handle"], None) for claim in each.live(now).values())
                used = [child for child, steps in each.via.items() if share_at(steps, now)]
                loose = [child for child, end in each.loose.items() if end == FOREVER or now <= end]
                children.update((child, None) for child in [*used, *loose] if child not in seen)
            await self._load(children)
            level = [self.rows[home] for child in children if (home := self.resolve(child)) is not None]
            seen.update(children)
        return {
            "asset": row.asset,
            "state": row.state(now),
            "shortfall": row.shortfall(now),
            "handles": sorted(handles),
        }

    def save(self) -> None:
        """Writes the rows that changed."""
        for asset in self._dirty:
            row = self.rows[asset]
            row.age(self.call.now)
            if row.pending and not row.via and not row.loose:
                if asset in self._stored:
                    self.call.state.delete(claims_key(asset))
                continue
            self.call.state.put(claims_key(asset), row.write())


def _set(values: dict[str, Any], name: str, value: Any) -> None:
    """Sets an entry, or removes it for None."""
    if value is None:
        values.pop(name, None)
    else:
        values[name] = value
