"""The claims row of one asset: its arithmetic. Pure.

Shares are billionths of face value. The **total** of an asset is what is claimed, settled, diluted (credited or void)
and used through children (*via*). New claims keep it at or below face value; facts may not, and the **shortfall** is by
how much, as far as live claims and use through children suffer from it.

**Use** is what an asset takes from those above it: claimed + settled + via, at most face value. What is diluted
takes nothing: a credited invoice is written again. Reservations lapse by time alone, without any transaction,
so use is kept as steps: pairs of (until, share), the first pair that is not over yet counts, ``until`` 0 is for
ever. Steps only go down.

A child in use over a link of unknown weight is kept apart (*loose*, with the time until which it is in use).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from chaincode.contracts import records
from consortium.contract.claims import scaled
from consortium.contract.figures import LIVE_STATES
from consortium.contract.names import FACE_VALUE_PPB, MAX_CLAIMS_PER_ASSET, RESERVATION_TOLERANCE_S

Steps = list[list[int]]
"""[[until, share], ...] by falling share; ``until`` 0 stands last and is for ever."""

MAX_STEPS: Final = 16
"""Of one child; more are merged into the larger share, which is on the safe side for others."""
FOREVER: Final = 0
LINK_FIELDS: Final = ("of_child", "of_parent", "basis")
"""Links are stored as lists of these, by parent."""


def share_at(steps: Steps, now: int) -> int:
    """The share that counts at a time."""
    for until, share in steps:
        if until == FOREVER or now <= until:
            return share
    return 0


def end_of(steps: Steps) -> int | None:
    """The last second of any use, 0 for ever, None when there is none."""
    return steps[-1][0] if steps else None


def later(one: int | None, other: int | None) -> int | None:
    """The later of two ends."""
    if one is None or other is None:
        return other if one is None else one
    return FOREVER if FOREVER in (one, other) else max(one, other)


def scaled_steps(steps: Steps, weight: int) -> Steps:
    """Use of a parent by a child with these steps."""
    return _tidy([[until, scaled(share, weight)] for until, share in steps])


def added_steps(one: Steps, other: Steps) -> Steps:
    """The sum of two uses."""
    ends = sorted({until for until, _ in [*one, *other] if until != FOREVER})
    found = [[end, share_at(one, end) + share_at(other, end)] for end in ends]
    return _tidy([*found, [FOREVER, _last(one) + _last(other)]])


def _last(steps: Steps) -> int:
    return steps[-1][1] if steps and steps[-1][0] == FOREVER else 0


def _tidy(steps: Steps) -> Steps:
    """Without empty steps and steps that change nothing, and not too many."""
    found: Steps = []
    for until, share in steps:
        if found and found[-1][1] == share:
            found[-1][0] = until
        elif share:
            found.append([until, share])
    while len(found) > MAX_STEPS:
        spare = -2 if found[-1][0] == FOREVER else -1
        found[spare - 1][0] = found[spare][0]
        del found[spare]
    return found


def lapses(claim: dict[str, Any]) -> int:
    """The last second at which a reservation counts for others."""
    return int(claim["expires"]) + RESERVATION_TOLERANCE_S


@dataclass(slots=True)
class Row:
    """An asset's claims row.

    :ivar claims: by claim id, as records: share, settled, state, handle, expires, renewed, reason, closed, agreed
    :ivar via: steps of use by child asset
    :ivar loose: end of use by child asset of unknown weight
    :ivar links: parents by fingerprint: of_child, of_parent, basis
    :ivar released: how many claims were released, by reason
    :ivar pending: no document opened it yet; it only keeps what children use
    :ivar sellers: of a pending row: the seller of each child that uses it
    :ivar joins: how many assets stand one behind the other below this one, the last joined into the one before
    :ivar into: the asset that this one was joined into; nothing else counts then
    """

    asset: str
    seller: str = ""
    claims: dict[str, dict[str, Any]] = field(default_factory=dict)
    settled: int = 0
    diluted: int = 0
    void: bool = False
    via: dict[str, Steps] = field(default_factory=dict)
    loose: dict[str, int] = field(default_factory=dict)
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    released: dict[str, int] = field(default_factory=dict)
    pending: bool = False
    sellers: dict[str, str] = field(default_factory=dict)
    joins: int = 0
    into: str | None = None

    @classmethod
    def read(cls, asset: str, data: bytes) -> Row:
        """A stored row."""
        record = records.load(records.CLAIMS, data)
        del record["v"]
        links = record.get("links")
        if links:
            record["links"] = {
                parent: dict(zip(LINK_FIELDS, link, strict=True)) for parent, link in links.items()
            }
        return cls(asset=asset, **record)

    def write(self) -> bytes:
        """The row's stored form: only what is there."""
        if self.into is not None:
            return records.dump(records.CLAIMS, {"seller": self.seller, "into": self.into})
        found = {
            "seller": self.seller,
            "claims": self.claims,
            "settled": self.settled,
            "diluted": self.diluted,
            "void": self.void,
            "via": self.via,
            "loose": self.loose,
            "links": {parent: [link[name] for name in LINK_FIELDS] for parent, link in self.links.items()},
            "released": self.released,
            "pending": self.pending,
            "sellers": self.sellers,
            "joins": self.joins,
        }
        return records.dump(records.CLAIMS, {name: value for name, value in found.items() if value})

    def copy(self) -> Row:
        """A copy that can be changed without this one; steps are never changed in place."""
        return Row(
            asset=self.asset,
            seller=self.seller,
            claims={name: dict(claim) for name, claim in self.claims.items()},
            settled=self.settled,
            diluted=self.diluted,
            void=self.void,
            via=dict(self.via),
            loose=dict(self.loose),
            links=dict(self.links),
            released=dict(self.released),
            pending=self.pending,
            sellers=dict(self.sellers),
            joins=self.joins,
            into=self.into,
        )

    def live(self, now: int) -> dict[str, dict[str, Any]]:
        """Claims that count at a time, by id."""
        if not self.claims:  # of most rows, and a signed read asks a thousand of them
            return {}
        return {
            name: claim
            for name, claim in self.claims.items()
            if claim["state"] == "financed" or (claim["state"] == "reserved" and now <= lapses(claim))
        }

    def claimed(self, now: int) -> int:
        """Share that is claimed."""
        if not self.claims:
            return 0
        return sum(claim["share"] for claim in self.live(now).values())

    def via_total(self, now: int, seller: str = "") -> int:
        """Share that is used through children.

        :param seller: of a pending row, count this seller's children only; the others go when it is opened
        """
        if not self.via:
            return 0
        return sum(
            share_at(steps, now)
            for child, steps in self.via.items()
            if not (self.pending and seller) or self.sellers.get(child) == seller
        )

    def total(self, now: int, seller: str = "") -> int:
        """Share that is used up in any way; over face value by facts only."""
        return self.claimed(now) + self.settled + self.diluted + self.via_total(now, seller)

    def free(self, now: int) -> int:
        """Share that is left."""
        return max(0, FACE_VALUE_PPB - self.total(now))

    def shortfall(self, now: int) -> int:
        """Share by which claims and use through children exceed what facts left."""
        suffering = self.claimed(now) + self.via_total(now)
        return min(suffering, max(0, self.total(now) - FACE_VALUE_PPB))

    def state(self, now: int) -> str:
        """``free``, ``encumbered``, ``impaired`` or ``void``."""
        return self._state(bool(self.live(now)), self.shortfall(now))

    def _state(self, claimed: bool, shortfall: int) -> str:
        if shortfall:
            return "impaired"
        if self.void:
            return "void"
        return "encumbered" if claimed else "free"

    def unweighted(self, now: int) -> bool:
        """Whether a child of unknown weight is in use."""
        return bool(self.loose) and any(end == FOREVER or now <= end for end in self.loose.values())

    def use(self, now: int) -> Steps:
        """What this asset takes from those above it, from now on."""
        live = self.live(now).values()
        fixed = self.settled + sum(claim["share"] for claim in live if claim["state"] == "financed")
        reserved = [(lapses(claim), claim["share"]) for claim in live if claim["state"] == "reserved"]
        ends = {end for end, _ in reserved}
        ends.update(until for steps in self.via.values() for until, _ in steps if until > now)
        found = [
            [
                end,
                fixed
                + sum(share for until, share in reserved if end <= until)
                + sum(share_at(steps, end) for steps in self.via.values()),
            ]
            for end in sorted(ends)
        ]
        found.append([FOREVER, fixed + sum(_last(steps) for steps in self.via.values())])
        return _tidy([[until, min(share, FACE_VALUE_PPB)] for until, share in found])

    def loose_end(self, now: int) -> int | None:
        """The end of use of unknown weight below this asset; None when there is none now."""
        end: int | None = None
        for each in self.loose.values():
            if each == FOREVER or now <= each:
                end = later(end, each)
        return end

    def age(self, now: int) -> None:
        """Puts down what time has done: lapsed reservations, ended use; drops the oldest closed claims."""
        if not (self.claims or self.via or self.loose):
            return
        for claim in self.claims.values():
            if claim["state"] == "reserved" and now > lapses(claim):
                claim.update(state="lapsed", share=0, closed=lapses(claim))
        kept = {
            child: [step for step in steps if step[0] == FOREVER or now <= step[0]]
            for child, steps in self.via.items()
        }
        self.via = {child: steps for child, steps in kept.items() if steps}
        self.loose = {child: end for child, end in self.loose.items() if end == FOREVER or now <= end}
        if self.pending:
            self.sellers = {
                child: seller
                for child, seller in self.sellers.items()
                if child in self.via or child in self.loose
            }
        closed = sorted(
            (claim["closed"], name)
            for name, claim in self.claims.items()
            if claim["state"] not in LIVE_STATES
        )
        for _, name in closed[: max(0, len(closed) - MAX_CLAIMS_PER_ASSET)]:
            del self.claims[name]

    @property
    def untouched(self) -> bool:
        """Whether nothing was ever claimed, used or taken away, so that its figures are those of every such row."""
        return not (self.claims or self.settled or self.diluted or self.void or self.via or self.loose)

    def figures(self, now: int) -> dict[str, Any]:
        """The row as :class:`consortium.contract.figures.AssetFigures`."""
        via = {child: share_at(steps, now) for child, steps in self.via.items()} if self.via else {}
        live = self.live(now)
        via_total, claimed = sum(via.values()), sum(claim["share"] for claim in live.values()) if live else 0
        total = claimed + self.settled + self.diluted + via_total
        shortfall = min(claimed + via_total, max(0, total - FACE_VALUE_PPB))
        return {
            "asset": self.asset,
            "seller": self.seller,
            "state": self._state(bool(live), shortfall),
            "void": self.void,
            "free": max(0, FACE_VALUE_PPB - total),
            "claimed": claimed,
            "settled": self.settled,
            "diluted": self.diluted,
            "via_total": via_total,
            "via": {child: share for child, share in via.items() if share} if via else via,
            "unweighted": self.unweighted(now),
            "shortfall": shortfall,
            "repurchased": bool(self.released.get("repurchased")),
        }

    def listed(self, now: int) -> list[dict[str, Any]]:
        """The claims as :class:`consortium.contract.figures.Claim`, by id."""
        found = []
        for name, claim in sorted(self.claims.items()):
            entry = {"claim": name, "renewed": bool(claim.get("renewed")), "settled": claim.get("settled", 0)}
            entry.update((key, claim[key]) for key in ("share", "state", "handle", "expires"))
            entry.update((key, claim[key]) for key in ("reason", "closed") if key in claim)
            if claim["state"] == "reserved" and now > lapses(claim):
                entry.update(state="lapsed", share=0, closed=lapses(claim))
            found.append(entry)
        return found
