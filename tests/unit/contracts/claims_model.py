"""What encumbrances must do, in the plainest words: everything is computed anew from who claims what, at any time.

The contract keeps use as steps and carries it upward when something changes; the model keeps nothing but facts and
walks down the tree whenever it is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from consortium.contract import names, reasons

FACE = names.FACE_VALUE_PPB
TOLERANCE = names.RESERVATION_TOLERANCE_S


@dataclass
class Claim:
    """A claim; ``expires`` None once financed."""

    bank: str
    share: int
    expires: int | None
    renewed: bool = False

    def counts(self, now: int) -> bool:
        return self.expires is None or now <= self.expires + TOLERANCE


@dataclass
class Asset:
    """One receivable or order."""

    registered: bool
    links: dict[str, int | None] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    settled: int = 0
    diluted: int = 0
    void: bool = False


@dataclass
class Model:
    """All assets of one seller, by name; ``joined`` says into which asset another one went."""

    assets: dict[str, Asset]
    joined: dict[str, str] = field(default_factory=dict)

    def name(self, name: str) -> str:
        while name in self.joined:
            name = self.joined[name]
        return name

    def at(self, name: str) -> Asset:
        return self.assets[self.name(name)]

    def parents(self, name: str) -> dict[str, int | None]:
        """Parents with weights; the larger of several, unknown above all. What is not registered has none yet."""
        found: dict[str, int | None] = {}
        if not self.at(name).registered:
            return found
        for parent, weight in self.at(name).links.items():
            home = self.name(parent)
            if home != self.name(name):
                old = found.get(home, 0)
                found[home] = None if weight is None or old is None else max(weight, old)
        return found

    def children(self, name: str) -> dict[str, int | None]:
        home = self.name(name)
        found = {}
        for child in self.assets:
            if child not in self.joined and home in self.parents(child):
                found[child] = self.parents(child)[home]
        return found

    def claimed(self, name: str, now: int) -> int:
        return sum(claim.share for claim in self.at(name).claims.values() if claim.counts(now))

    def via(self, name: str, now: int) -> int:
        total = 0
        for child, weight in self.children(name).items():
            if weight is not None:
                total += -(-self.use(child, now) * weight // FACE)
        return total

    def use(self, name: str, now: int) -> int:
        return min(FACE, self.claimed(name, now) + self.at(name).settled + self.via(name, now))

    def total(self, name: str, now: int) -> int:
        asset = self.at(name)
        return self.claimed(name, now) + asset.settled + asset.diluted + self.via(name, now)

    def unweighted(self, name: str, now: int) -> bool:
        return any(
            self.unweighted(child, now) or (weight is None and self.use(child, now) > 0)
            for child, weight in self.children(name).items()
        )

    def shortfall(self, name: str, now: int) -> int:
        over = max(0, self.total(name, now) - FACE)
        return min(over, self.claimed(name, now) + self.via(name, now))

    def state(self, name: str, now: int) -> str:
        if self.shortfall(name, now):
            return "impaired"
        if self.at(name).void:
            return "void"
        live = [claim for claim in self.at(name).claims.values() if claim.counts(now)]
        return "encumbered" if live else "free"

    def above(self, name: str) -> list[str]:
        found: dict[str, None] = {}
        waiting = list(self.parents(name))
        while waiting:
            parent = waiting.pop()
            if parent not in found:
                found[parent] = None
                waiting += self.parents(parent)
        return list(found)

    def reserve(self, name: str, claim_id: str, claim: Claim, now: int) -> str:
        """Takes a claim if there is room; the reason when there is none."""
        asset = self.at(name)
        if asset.void:
            return reasons.ASSET_VOID
        if self.unweighted(name, now):
            return reasons.LINK_WEIGHT_UNKNOWN
        everything = [self.name(name), *self.above(name)]
        before = {each: self.total(each, now) for each in everything}
        asset.claims[claim_id] = claim
        reason = ""
        after = {each: self.total(each, now) for each in everything}
        if after[everything[0]] > FACE:
            reason = reasons.OVER_FACE_VALUE
        elif any(after[each] > FACE and after[each] > before[each] for each in everything[1:]):
            reason = reasons.OVER_FACE_VALUE_LINKED
        elif any(self.unweighted(each, now) and self.claimed(each, now) for each in everything[1:]):
            reason = reasons.LINK_WEIGHT_UNKNOWN
        if reason:
            del asset.claims[claim_id]
        return reason

    def finance(self, name: str, claim: Claim, now: int) -> str:
        """Turns a reservation into a loan; the reason when it must not."""
        if claim.expires is None:
            return reasons.NOT_RESERVED
        if now > claim.expires:
            return reasons.RESERVATION_LAPSED
        if self.at(name).void:
            return reasons.ASSET_VOID
        everything = [self.name(name), *self.above(name)]
        if any(self.shortfall(each, now) for each in everything if self.assets[each].registered):
            return reasons.ASSET_IMPAIRED
        if any(self.unweighted(each, now) and self.claimed(each, now) for each in everything):
            return reasons.LINK_WEIGHT_UNKNOWN
        claim.expires = None
        return ""
