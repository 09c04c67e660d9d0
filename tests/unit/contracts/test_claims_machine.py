"""A state machine: random trades, banks, facts and time against the plain model.

After every step, and also for times in the future, the contract's figures of every asset are the model's; and what is
claimed, settled, diluted and used through children is never above face value unless a fact made it so.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from consortium.contract import claim_handle, latest_expiry, names, reasons
from tests.support.contract_world import (
    BANK_A,
    BANK_B,
    DAY,
    FACE,
    INDUSTRY_A,
    Json,
    World,
    document,
    fp,
    link,
    opening,
)
from tests.unit.contracts.claims_model import TOLERANCE, Asset, Claim, Model

ORDERS = ["frame", "PO1", "PO2"]
INVOICES = ["I1", "I2", "I3", "I4"]
NAMES = ORDERS + INVOICES
MAX_RESERVED = 12
"""More at once would exceed the steps that a row keeps, where the contract is on the safe side of the model."""

shares = st.one_of(
    st.sampled_from([1, 2, FACE // 3, FACE // 2, FACE // 2 + 1, FACE - 1, FACE]), st.integers(1, FACE)
)
weights = st.one_of(st.none(), st.sampled_from([1, FACE // 3, FACE // 2, FACE]), st.integers(0, FACE))
banks = st.sampled_from([BANK_A, BANK_B])
assets = st.sampled_from(NAMES)


class ClaimsMachine(RuleBasedStateMachine):
    """Two banks, one seller, three orders that come when they come, four invoices."""

    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.model = Model({})
        self.count = 0
        self.facts = False

    @initialize(
        links=st.lists(
            st.tuples(st.sampled_from([*INVOICES, "PO1", "PO2"]), st.sampled_from(ORDERS), weights)
        ),
        there=st.sets(st.sampled_from(ORDERS)),
    )
    def begin(self, links: list[tuple[str, str, int | None]], there: set[str]) -> None:
        self.world.trade()
        self.model = Model({name: Asset(name in there or name in INVOICES) for name in NAMES})
        for child, parent, weight in links:
            if ORDERS.index(parent) < NAMES.index(child):  # no circles
                self.model.assets[child].links[parent] = weight
        for name in NAMES:
            if self.model.assets[name].registered:
                self.write_document(name)

    def write_document(self, name: str) -> None:
        kind = "invoice" if name in INVOICES else "purchase_order"
        mine = [link(parent, weight, of_child=0) for parent, weight in self.model.assets[name].links.items()]
        (result,) = self.world.register(document(name, kind=kind, links=mine))
        assert result["status"] == "registered"
        if result.get("relink"):
            item = {"child": fp(name), "links": mine}
            assert self.world.one(INDUSTRY_A, names.ASSETS_LINK, item)["status"] == "linked"

    @rule(name=st.sampled_from(ORDERS))
    def register(self, name: str) -> None:
        asset = self.model.assets[name]
        if not asset.registered:
            asset.registered = True
            self.write_document(name)

    @rule(target=claims, name=assets, bank=banks, share=shares, days=st.integers(1, 14))
    def reserve(self, name: str, bank: str, share: int, days: int) -> Any:
        now = self.world.now
        claim = f"c{self.count}"
        self.count += 1
        expires = min(now + days * DAY, latest_expiry(now))
        reserved = sum(
            1
            for asset in self.model.assets.values()
            for each in asset.claims.values()
            if each.expires is not None and each.counts(now)
        )
        if reserved >= MAX_RESERVED:
            return multiple()
        result = self.world.reserve(bank, name, claim, share, expires=expires)
        if not self.model.at(name).registered:
            assert result["reason"] == reasons.UNKNOWN_DOCUMENT
            return multiple()
        reason = self.model.reserve(name, claim, Claim(bank, share, expires), now)
        assert result.get("reason", "") == reason, result
        assert result.get("free", 0) == max(0, FACE - self.model.total(name, now)) or reason
        return multiple() if reason else (name, claim)

    @rule(target=claims, held=consumes(claims), days=st.integers(1, 14))
    def renew(self, held: tuple[str, str], days: int) -> Any:
        name, claim_id = held
        claim = self.model.at(name).claims[claim_id]
        now = self.world.now
        expires = min(now + days * DAY, latest_expiry(now))
        result = self.world.reserve(claim.bank, name, claim_id, claim.share, expires=expires)
        if result["status"] == "done":
            assert claim.expires is not None
            assert now <= claim.expires < expires
            assert not claim.renewed
            claim.expires, claim.renewed = expires, True
        return held

    @rule(held=claims)
    def finance(self, held: tuple[str, str]) -> None:
        name, claim_id = held
        claim = self.model.at(name).claims[claim_id]
        now = self.world.now
        result = self.world.finance(claim.bank, name, claim_id)
        if not claim.counts(now) and result["reason"] == reasons.UNKNOWN_CLAIM:
            return  # it was put down as lapsed in between
        assert result.get("reason", "") == self.model.finance(name, claim, now)

    @rule(held=consumes(claims), reason=st.sampled_from(names.RELEASE_REASONS))
    def release(self, held: tuple[str, str], reason: str) -> None:
        name, claim_id = held
        claim = self.model.at(name).claims.pop(claim_id)
        result = self.world.on_claim(claim.bank, names.ENCUMBRANCES_RELEASE, name, claim_id, reason=reason)
        assert result["status"] == "done" or not claim.counts(self.world.now)

    @rule(target=claims, held=consumes(claims), share=shares)
    def settle(self, held: tuple[str, str], share: int) -> Any:
        name, claim_id = held
        asset = self.model.at(name)
        claim = asset.claims[claim_id]
        result = self.world.on_claim(claim.bank, names.ENCUMBRANCES_SETTLE, name, claim_id, share=share)
        if claim.expires is not None:
            assert result["reason"] in (reasons.NOT_FINANCED, reasons.UNKNOWN_CLAIM)
            return held
        if share > claim.share:
            assert result["reason"] == reasons.SHARE_TOO_LARGE
            return held
        assert result["status"] == "done"
        claim.share -= share
        asset.settled = min(FACE, asset.settled + share)
        if claim.share == 0:
            del asset.claims[claim_id]
            return multiple()
        return held

    @rule(name=assets, kind=st.sampled_from(["credit", "payment"]), share=shares)
    def fact(self, name: str, kind: str, share: int) -> None:
        self.state_fact(name, kind, share)

    @rule(name=assets)
    def void(self, name: str) -> None:
        if self.count > 10:  # late in a run, or nothing else happens
            self.state_fact(name, "void", FACE)

    def state_fact(self, name: str, kind: str, share: int) -> None:
        asset = self.model.at(name)
        self.count += 1
        suffering = self.suffering()
        result = self.world.fact(name, kind, share, f"evidence {self.count}")
        if not self.model.assets[name].registered:
            assert result["reason"] == reasons.UNKNOWN_DOCUMENT
            return
        assert result["status"] == "done"  # facts are never refused
        self.facts = True
        if kind == "payment":
            asset.settled = min(FACE, asset.settled + share)
        elif kind == "credit":
            asset.diluted = min(FACE, asset.diluted + share)
        else:
            asset.diluted, asset.void = FACE, True
        self.check_told(suffering)

    def suffering(self) -> dict[str, int]:
        now = self.world.now
        return {
            name: self.model.shortfall(name, now)
            for name, asset in self.model.assets.items()
            if asset.registered and name not in self.model.joined
        }

    def check_told(self, before: dict[str, int]) -> None:
        """The event names every asset whose shortfall grew, and every holder that suffers from it."""
        now = self.world.now
        told = {change["asset"]: change for change in self.world.event().get("changed", [])}
        grown = {name for name, after in self.suffering().items() if after > before[name]}
        assert set(told) == {fp(name) for name in grown}
        for name in grown:
            change = told[fp(name)]
            assert change["shortfall"] == self.model.shortfall(name, now)
            assert change["state"] == "impaired"
            assert set(change["handles"]) == self.holders(name)

    def holders(self, name: str) -> set[str]:
        now = self.world.now
        found = {
            claim_handle(claim.bank, opening(claim_id))
            for claim_id, claim in self.model.at(name).claims.items()
            if claim.counts(now)
        }
        for child, weight in self.model.children(name).items():
            used = self.model.use(child, now) if weight is None else self.model.use(child, now) * weight
            if used or self.model.unweighted(child, now):
                found |= self.holders(child)
        return found

    @rule(child=st.sampled_from(INVOICES), parent=st.sampled_from(ORDERS), weight=weights)
    def link(self, child: str, parent: str, weight: int | None) -> None:
        asset = self.model.at(child)
        known = asset.links.get(parent)
        used = self.model.use(child, self.world.now) > 0
        suffering = self.suffering()
        item = {"child": fp(child), "links": [link(parent, weight, of_child=0)]}
        result = self.world.one(INDUSTRY_A, names.ASSETS_LINK, item)
        if used and parent in asset.links and known is not None and (weight is None or weight < known):
            assert result["reason"] == reasons.LINK_LOWERED
            return
        assert result["status"] == "linked"
        asset.links[parent] = weight
        self.facts = True
        self.check_told(suffering)

    @rule(one=st.sampled_from(INVOICES), other=st.sampled_from(INVOICES))
    def join(self, one: str, other: str) -> None:
        name, gone = self.model.name(one), self.model.name(other)
        item = {"asset": fp(one), "alias": fp(other), "evidence": None}
        result = self.world.one(INDUSTRY_A, names.ASSETS_ALIAS, item)
        if name == gone:
            assert result["status"] == "already"
            return
        assert result["status"] == "joined"
        asset, old = self.model.assets[name], self.model.assets[gone]
        asset.claims.update(old.claims)
        asset.settled = min(FACE, asset.settled + old.settled)
        asset.diluted = min(FACE, asset.diluted + old.diluted)
        asset.void = asset.void or old.void
        for parent, weight in old.links.items():
            mine = asset.links.get(parent, 0)
            asset.links[parent] = None if weight is None or mine is None else max(weight, mine)
        old.links = {}
        self.model.joined[gone] = name
        self.facts = True

    @rule(seconds=st.sampled_from([1, 300, TOLERANCE, DAY - 300, DAY, 4 * DAY]))
    def wait(self, seconds: int) -> None:
        self.world.now += seconds

    def figures(self, name: str, now: int) -> Json:
        model = self.model
        return {
            "claimed": model.claimed(name, now),
            "settled": model.at(name).settled,
            "diluted": model.at(name).diluted,
            "void": model.at(name).void,
            "via_total": model.via(name, now),
            "free": max(0, FACE - model.total(name, now)),
            "shortfall": model.shortfall(name, now),
            "state": model.state(name, now),
            "unweighted": model.unweighted(name, now),
        }

    @invariant()
    def the_figures_are_the_models(self) -> None:
        present = self.world.now
        there = [name for name, asset in self.model.assets.items() if asset.registered]
        if not there:
            return
        for later in (0, TOLERANCE + 1, DAY + TOLERANCE + 1, 15 * DAY):
            self.world.now = present + later
            rows = self.world.read(names.ENCUMBRANCES_GET, assets=[fp(name) for name in there])["rows"]
            for name, row in zip(there, rows, strict=True):
                expected = self.figures(name, self.world.now)
                assert {key: row[key] for key in expected} == expected, (name, later)
                assert row["asset"] == fp(self.model.name(name))
        self.world.now = present

    @invariant()
    def never_above_face_value_but_by_facts(self) -> None:
        if not self.facts:
            for name in self.model.assets:
                assert self.model.total(name, self.world.now) <= FACE


TestClaims = ClaimsMachine.TestCase
TestClaims.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
