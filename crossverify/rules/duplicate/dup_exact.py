"""DUP_EXACT: has somebody else a claim on this receivable, under any of its keys?"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from crossverify.evidence import FACE_VALUE_PPB, AssetState, ClaimState
from crossverify.rule import Effect, Input, NoThresholds, Outcome, Rule, Verdict
from crossverify.wording import moment, percent

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

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
    codes = frozenset(
        {
            "CLAIMED",
            "IMPAIRED",
            "LINK_PENDING",
            "NOT_ON_LEDGER",
            "NO_CLAIM",
            "OWN_CLAIM",
            "PART_FREE",
            "RESERVED",
            "SETTLED",
            "VOID",
        }
    )
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
        for receivable in case.receivables:
            key = receivable.fingerprint
            number = case.of_document(receivable.primary, "number", receivable.invoice.number)
            if gap is not None:
                yield Verdict(key, Outcome.UNKNOWN, gap.code, gap.message, (case.of_gap(gap, key),))
            elif not receivable.assets:
                text = "The ledger does not know this receivable."
                yield Verdict(key, Outcome.UNKNOWN, "NOT_ON_LEDGER", text, (number,))
            else:
                yield from _judge(case, receivable)


class _Claims:
    """Shares of one asset by who uses them, at the ledger's time of the read."""

    def __init__(self, case: Case, asset: AssetState, without_child: str = "") -> None:
        now = case.as_of("ledger")
        live = [claim for claim in asset.claims if _live(claim, now)]
        self.others = sum(claim.share_ppb for claim in live if not claim.own)
        self.reserved = sum(claim.share_ppb for claim in live if not claim.own and claim.state == "reserved")
        self.own = sum(claim.share_ppb for claim in live if claim.own)
        self.expires = max((claim.expires for claim in live if not claim.own), default=0)
        for child, used in asset.via.items():
            if child == without_child:
                continue
            own = _own_part(case, child, used, now)
            self.own += own
            self.others += used - own
        self.facts = asset.settled_ppb + asset.diluted_ppb
        self.settled = asset.settled_ppb


def _live(claim: ClaimState, now: int) -> bool:
    return claim.state != "reserved" or not claim.expires or now <= claim.expires + RESERVATION_TOLERANCE_S


def _own_part(case: Case, child: str, used: int, now: int) -> int:
    """How much of a use through a child is the asking bank's own: none where the child is not known, all
    where all claims on it are its own, else in proportion, rounded down."""
    row = case.asset_of.get(child)
    if row is None:
        return 0
    live = [claim for claim in row.claims if _live(claim, now)]
    total = sum(claim.share_ppb for claim in live)
    return used * sum(claim.share_ppb for claim in live if claim.own) // total if total else 0


def _bound(case: Case, asset: AssetState, depth: int = MAX_DEPTH) -> tuple[int, bool, bool]:
    """How much of an asset its parents let be used, whether others limit that, and whether it is certain."""
    bound, limited, certain = FACE_VALUE_PPB, False, True
    for link in asset.links if depth else ():
        parent = case.asset_of.get(link.parent)
        if parent is None:
            continue  # pending, or no asset
        claims = _Claims(case, parent, without_child=asset.asset)
        above, above_limited, above_certain = _bound(case, parent, depth - 1)
        left = max(min(FACE_VALUE_PPB, above) - claims.others - claims.facts, 0)
        certain = certain and above_certain
        if link.of_parent_ppb is None:
            certain = certain and claims.others == 0
        elif link.of_parent_ppb > 0:
            part = left * FACE_VALUE_PPB // link.of_parent_ppb
            if part < bound:
                bound, limited = part, bool(claims.others) or above_limited
    return bound, limited, certain


def _judge(case: Case, receivable: Receivable) -> Iterator[Verdict]:
    key = receivable.fingerprint
    free, others, own, settled, reserved = FACE_VALUE_PPB, 0, 0, 0, True
    expires, limited, certain = 0, False, True
    for asset in receivable.assets:
        claims = _Claims(case, asset)
        bound, by_parents, known = _bound(case, asset)
        free = min(free, max(bound - claims.others - claims.facts, 0))
        others, own, settled = others + claims.others, own + claims.own, settled + claims.settled
        reserved = reserved and claims.others == claims.reserved
        expires, limited, certain = max(expires, claims.expires), limited or by_parents, certain and known
        if asset.state == "void":
            told = case.of_source("ledger", key, "state", asset.state)
            yield Verdict(key, Outcome.FAIL, "VOID", "The asset is void on the ledger.", (told,), None, 0)
            return
        if asset.state == "impaired" or asset.shortfall_ppb:
            told = case.of_source("ledger", key, "shortfall_ppb", asset.shortfall_ppb)
            text = (
                f"Claims exceed what later facts left of it by {_share(asset.shortfall_ppb)} of face value."
            )
            yield Verdict(key, Outcome.WARN, "IMPAIRED", text, (told,))
    inputs = _inputs(case, key, free=free, others=others, own=own, settled=settled)
    cap = free if free < FACE_VALUE_PPB else None
    if others or limited:
        yield _claimed(
            key, inputs, free=free, cap=cap, reserved_until=expires if reserved and not limited else None
        )
    elif not certain:
        text = "Another's claim reaches it over a link without weight; how much is free cannot be known."
        yield Verdict(key, Outcome.UNKNOWN, "LINK_PENDING", text, inputs, None, cap)
    elif own:
        yield Verdict(
            key, Outcome.PASS, "OWN_CLAIM", f"Only your own claim on {_share(own)} of it.", inputs, None, cap
        )
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
