"""DUP_EXACT: has somebody else a claim on this receivable, under any of its keys?"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from crossverify.evidence import FACE_VALUE_PPB, AssetState, ClaimState
from crossverify.rule import Effect, Input, NoThresholds, Outcome, Rule, Text, Verdict
from crossverify.wording import moment, percent

if TYPE_CHECKING:
    from crossverify.case import Case
    from crossverify.orders import Asset

RESERVATION_TOLERANCE_S = 600
"""A lapsed reservation frees its share for others so long after its end (the contract's rule, for clocks)."""
MAX_DEPTH = 8
"""Levels of linked parents that are followed; the contract follows as many."""


class DupExact(Rule[NoThresholds]):
    """Claims on the asset and on what it is linked to, whoever brought it and under whatever key.

    - PASS: none; one's own; one that is settled. Said which.
    - WARN: part is free: the eligible amount is at most that. Or the asset is impaired by later facts.
    - FAIL: nothing is free because of another's claim or reservation; the asset is void.
    - UNKNOWN: the ledger is silent or does not know the asset; a claim reaches it over a link without weight.
    - NOT_APPLICABLE: never.
    """

    id = "DUP_EXACT"
    version = 1
    title = Text("Claims of others on the same asset", "重复融资")
    basis = ("民法典 768", "银发〔2025〕77号 (registration of financings)", "动产和权利担保统一登记办法")
    explains: ClassVar = {
        "NO_CLAIM": Text(
            "Nobody on this ledger has a claim on it. Members alone are seen: the registry shows the rest.",
            "本链上无人对其主张权利。链外情况请查登记系统。",
        ),
        "OWN_CLAIM": Text(
            "The only claims on it are your own, such as an order loan that this finance will repay.",
            "仅有本行自身的权利，如将由本次融资归还的订单贷款。",
        ),
        "SETTLED": Text(
            "It was financed before and that claim is settled; what is left is free.",
            "曾经融资且已结清，剩余部分可用。",
        ),
        "PART_FREE": Text(
            "Others have claims on part of it, or on its order. The eligible amount is at most the free share.",
            "他人对其部分或其订单享有权利，合格金额以可用份额为限。",
        ),
        "IMPAIRED": Text(
            "Credit notes, payments or a reversal left less than is claimed. Find out what happened before lending.",
            "红字、付款或冲销后余额不足以覆盖权利。放款前请查明。",
        ),
        "RESERVED": Text(
            "Another organisation has reserved all of it. Wait until the reservation lapses, or decline.",
            "已被其他机构全额预留。请待预留失效或拒绝。",
        ),
        "CLAIMED": Text(
            "Another organisation has financed all of it, or the order behind it. It is excluded.",
            "其本身或对应订单已被其他机构全额融资，予以排除。",
        ),
        "LINK_PENDING": Text(
            "Another's claim reaches it over an order whose share is not known yet. Ask the seller to link it.",
            "他人权利经订单关联，但份额未定。请卖方网关补充关联。",
        ),
        "NOT_ON_LEDGER": Text(
            "The ledger does not know it, so claims of others cannot be seen. Have it registered.",
            "账本无此记录，无法查看他人权利。请先登记。",
        ),
        "VOID": Text("It is void on the ledger. It is excluded.", "账本显示已作废，予以排除。"),
    }
    applies_when = "always"
    sources = ("ledger",)
    effects: ClassVar = {
        "WARN": Effect.INFORMATION,
        "FAIL": Effect.EXCLUDE,
        "UNKNOWN": Effect.REFER,
        "IMPAIRED": Effect.REFER,
    }

    def evaluate(self, case: Case, thresholds: NoThresholds) -> Iterator[Verdict]:
        """See the class."""
        gap = case.gap("ledger")
        reckoned = _Reckoned(case)
        for receivable in case.assets:
            key = receivable.fingerprint
            number = case.of_document(receivable.primary, "number", receivable.number)
            if gap is not None:
                yield Verdict(key, Outcome.UNKNOWN, gap.code, gap.message, (case.of_gap(gap, key),))
            elif not receivable.assets:
                text = "The ledger does not know this receivable."
                yield Verdict(key, Outcome.UNKNOWN, "NOT_ON_LEDGER", text, (number,))
            else:
                yield from _judge(case, reckoned, receivable)


class _Claims:
    """Shares of one asset by who uses them, at the ledger's time of the read."""

    def __init__(self, case: Case, asset: AssetState) -> None:
        now = case.as_of("ledger")
        live = [claim for claim in asset.claims if is_live(claim, now)]
        theirs = [claim for claim in live if not claim.own]
        self.direct = sum(claim.share_ppb for claim in theirs)
        self.reserved = sum(claim.share_ppb for claim in theirs if claim.state == "reserved")
        self.expires = max((claim.expires for claim in theirs), default=0)
        self.own = sum(claim.share_ppb for claim in live if claim.own)
        self.via = sum(asset.via.values())
        self.via_own = sum(_own_part(case, child, used, now) for child, used in asset.via.items())
        self.facts = asset.settled_ppb + asset.diluted_ppb

    @property
    def others(self) -> int:
        """Share that others use, through children as well."""
        return self.direct + self.via - self.via_own


class _Bound(NamedTuple):
    """What an asset's parents let be used of it."""

    share: int
    by_others: bool
    """Whether a claim of others limits it."""
    by_own: bool
    """Whether the asking bank's use through other children limits it."""
    certain: bool
    """False where another's claim reaches it over a link without weight."""


class _Reckoned:
    """Claims of every asset, reckoned once."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._claims: dict[str, _Claims] = {}

    def claims(self, asset: AssetState) -> _Claims:
        """An asset's claims."""
        found = self._claims.get(asset.asset)
        if found is None:
            found = self._claims[asset.asset] = _Claims(self._case, asset)
        return found

    def bound(self, asset: AssetState, depth: int = MAX_DEPTH) -> _Bound:
        """What the parents let be used. The asking bank's own claims on a parent do not count (an order loan
        is repaid from the invoice's finance); all use through other children does, and that through this one
        does not, since it is this asset's own use."""
        bound = _Bound(FACE_VALUE_PPB, by_others=False, by_own=False, certain=True)
        for link in asset.links if depth else ():
            parent = self._case.asset_of.get(link.parent)
            if parent is None or parent.asset == asset.asset:
                continue  # pending, or no asset
            claims = self.claims(parent)
            above = self.bound(parent, depth - 1)
            siblings = claims.via - parent.via.get(asset.asset, 0)
            certain = bound.certain and above.certain
            if link.of_parent_ppb is None:
                bound = bound._replace(certain=certain and claims.direct == 0)
                continue
            left = max(min(FACE_VALUE_PPB, above.share) - claims.direct - siblings - claims.facts, 0)
            share = left * FACE_VALUE_PPB // link.of_parent_ppb if link.of_parent_ppb else FACE_VALUE_PPB
            bound = bound._replace(certain=certain)
            if share < bound.share:
                by_others = bool(claims.direct) or above.by_others or siblings > claims.via_own
                bound = _Bound(share, by_others, by_own=bool(siblings) or above.by_own, certain=certain)
        return bound


def is_live(claim: ClaimState, now: int) -> bool:
    """Whether a claim holds its share: a reservation does until a while after its end.

    :param now: the ledger's time of the read
    """
    return claim.state != "reserved" or not claim.expires or now <= claim.expires + RESERVATION_TOLERANCE_S


def _own_part(case: Case, child: str, used: int, now: int) -> int:
    """How much of a use through a child is the asking bank's own: none where the child is not known, all
    where all claims on it are its own, else in proportion, rounded down."""
    row = case.asset_of.get(child)
    if row is None:
        return 0
    live = [claim for claim in row.claims if is_live(claim, now)]
    total = sum(claim.share_ppb for claim in live)
    return used * sum(claim.share_ppb for claim in live if claim.own) // total if total else 0


def _judge(case: Case, reckoned: _Reckoned, receivable: Asset) -> Iterator[Verdict]:
    key = receivable.fingerprint
    pairs = [(reckoned.claims(asset), reckoned.bound(asset)) for asset in receivable.assets]
    for asset in receivable.assets:
        if asset.state == "void":
            told = case.of_source("ledger", key, "state", asset.state)
            yield Verdict(key, Outcome.FAIL, "VOID", "The asset is void on the ledger.", (told,), None, 0)
            return
        if asset.state == "impaired" or asset.shortfall_ppb:
            told = case.of_source("ledger", key, "shortfall_ppb", asset.shortfall_ppb)
            short = _share(asset.shortfall_ppb)
            text = f"Claims exceed what later facts left of it by {short} of face value."
            yield Verdict(key, Outcome.WARN, "IMPAIRED", text, (told,))
    free = min(max(bound.share - claims.others - claims.facts, 0) for claims, bound in pairs)
    others = sum(claims.others for claims, _ in pairs)
    own = sum(claims.own + claims.via_own for claims, _ in pairs)
    settled = sum(asset.settled_ppb for asset in receivable.assets)
    inputs = _inputs(case, key, free=free, others=others, own=own, settled=settled)
    cap = free if free < FACE_VALUE_PPB else None
    if others or any(bound.by_others for _, bound in pairs):
        reserved = all(claims.others == claims.reserved and not bound.by_others for claims, bound in pairs)
        until = max(claims.expires for claims, _ in pairs) if reserved else None
        yield _claimed(key, inputs, free=free, cap=cap, reserved_until=until)
    elif not all(bound.certain for _, bound in pairs):
        text = "Another's claim reaches it over a link without weight; how much is free cannot be known."
        yield Verdict(key, Outcome.UNKNOWN, "LINK_PENDING", text, inputs, None, cap)
    elif own or any(bound.by_own for _, bound in pairs):
        text = f"Only your own claims; {_share(free)} of face value is not used by others."
        yield Verdict(key, Outcome.PASS, "OWN_CLAIM", text, inputs, None, cap)
    elif settled:
        text = f"A claim on {_share(settled)} of it was settled; none is live."
        yield Verdict(key, Outcome.PASS, "SETTLED", text, inputs, None, cap)
    else:
        text = "Nobody has a claim on it that this ledger knows of."
        yield Verdict(key, Outcome.PASS, "NO_CLAIM", text, inputs, None, cap)


def _claimed(
    key: str, inputs: tuple[Input, ...], *, free: int, cap: int | None, reserved_until: int | None
) -> Verdict:
    if free:
        text = f"Others have claims on it or on its order; {_share(free)} of face value is free."
        return Verdict(key, Outcome.WARN, "PART_FREE", text, inputs, None, cap)
    if reserved_until is not None:
        until = f" until {moment(reserved_until)}" if reserved_until else ""
        text = f"It is wholly reserved by another organisation{until}."
        return Verdict(key, Outcome.FAIL, "RESERVED", text, inputs, None, cap)
    text = "It, or the order behind it, is wholly claimed by another organisation."
    return Verdict(key, Outcome.FAIL, "CLAIMED", text, inputs, None, cap)


def _inputs(case: Case, key: str, **values: int) -> tuple[Input, ...]:
    return tuple(case.of_source("ledger", key, f"{name}_ppb", value) for name, value in values.items())


def _share(ppb: int) -> str:
    return percent(Fraction(ppb, FACE_VALUE_PPB))
