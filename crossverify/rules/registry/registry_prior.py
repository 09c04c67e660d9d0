"""REGISTRY_PRIOR: is somebody else's claim on this asset registered, and earlier than the bank's own?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from crossverify.answers import Gap
from crossverify.collateral import Relation
from crossverify.registrations import Hit, hits, registrable, registrations
from crossverify.rule import Effect, Input, NoThresholds, Outcome, Rule, Text, Verdict, clip
from crossverify.wording import moment

if TYPE_CHECKING:
    from crossverify.case import Case

MAX_SHOWN = 160
"""Characters of a description that a finding shows."""
MAX_NAMED = 3
"""Registrations that a message names."""


class RegistryPrior(Rule[NoThresholds]):
    """Registrations of the assignor, under its identifiers, name and former names, held against each asset.

    Of several assignments the earlier registered one wins (民法典 768), pledges count alike.

    - PASS: none; the bank's own only; others that are on other assets, ended, or released.
    - WARN: a description is too vague to tell; somebody registered the same after the bank did.
    - FAIL: another's live registration names this asset, or is a general claim that covers it, and was made before
      the bank's own; without a release letter.
    - UNKNOWN: the registry was not asked, is silent or stale, or its answer cannot be one.
    - NOT_APPLICABLE: this registry does not register such assets (bills).
    """

    id = "REGISTRY_PRIOR"
    version = 1
    title = Text(
        "Has somebody else registered a claim on this asset before the bank?",
        "他人是否已先于本行就该资产办理登记？",
    )
    basis = ("民法典 768", "民法典 414, 445", "动产和权利担保统一登记办法")
    explains: ClassVar = {
        "BLANKET": Text(
            "Another's earlier registration covers all claims of the seller (or all on this debtor), so this one too. "
            "It comes first. Ask that secured party for a release letter or an amended registration, or do not lend.",
            "他人在先登记的概括性描述（全部应收账款）涵盖本笔，其顺位在先。请取得该权利人的解除函或由其变更登记，否则不予融资。",
        ),
        "ENDED": Text(
            "Registrations that covered this asset were cancelled or have expired. Nothing is to be done.",
            "曾涵盖该资产的登记已注销或到期，无需处理。",
        ),
        "LATER": Text(
            "The bank registered first; somebody else registered the same afterwards. The bank's place stands, but the "
            "seller may have sold it twice: ask it before anything else is paid out.",
            "本行登记在先，他人其后又登记了同一资产。本行顺位不受影响，但卖方可能重复转让：放款前请向卖方核实。",
        ),
        "NONE": Text(
            "The registry has no registration of this seller. Nothing is to be done.",
            "登记系统中没有该卖方的登记，无需处理。",
        ),
        "NOT_REGISTRABLE": Text(
            "Such assets are not registered there: the bill exchange keeps bills.",
            "该类资产不在此登记（票据以票交所记载为准）。",
        ),
        "OTHER_ASSETS": Text(
            "There are registrations of this seller, on other assets. Nothing is to be done.",
            "该卖方有登记，但针对其他资产，无需处理。",
        ),
        "OWN": Text(
            "What is registered on this asset is the bank's own.",
            "该资产上的登记为本行自己的登记。",
        ),
        "RELEASED": Text(
            "Another's registration covered this asset and has let it go. Keep the release letter with the file.",
            "他人登记曾涵盖该资产，现已解除。请将解除函归档。",
        ),
        "SAME_ASSET": Text(
            "Another's earlier registration names this very document. It comes first: do not lend on it.",
            "他人在先登记已列明本单证，其顺位在先：不得就此融资。",
        ),
        "VAGUE": Text(
            "A live registration of somebody else does not say clearly what it covers. Read the description, ask the "
            "secured party whether it claims this asset, and note its answer.",
            "他人有效登记的财产描述不明确。请阅读描述原文，向该权利人确认是否涵盖本资产，并记录答复。",
        ),
    }
    applies_when = "always; bills are kept elsewhere"
    sources = ("registry", "documents")
    effects: ClassVar = {
        "WARN": Effect.REFER,
        "FAIL": Effect.EXCLUDE,
        "UNKNOWN": Effect.REFER,
    }

    def evaluate(self, case: Case, thresholds: NoThresholds) -> Iterator[Verdict]:
        """See the class."""
        known = registrations(case)
        found = hits(case)
        for asset in case.assets:
            key = asset.fingerprint
            if isinstance(known, Gap):
                yield Verdict(key, Outcome.UNKNOWN, known.code, known.message, (case.of_gap(known, key),))
            elif not registrable(asset):
                kind = case.of_document(asset.primary, "kind", asset.primary.document.kind)
                text = "This registry does not register such assets."
                yield Verdict(key, Outcome.NOT_APPLICABLE, "NOT_REGISTRABLE", text, (kind,))
            elif not known:
                said = case.of_source("registry", key, "registrations", "0")
                text = "No registration of the seller was found."
                yield Verdict(key, Outcome.PASS, "NONE", text, (said,))
            else:
                yield _judge(case, key, found[key])


def _judge(case: Case, key: str, found: Sequence[Hit]) -> Verdict:
    own = min((hit.order for hit in found if hit.own and hit.claims), default=None)
    theirs = [hit for hit in found if hit.claims and not hit.own]
    # One second and one place cannot be told apart: that is not earlier for the bank.
    earlier = [hit for hit in theirs if own is None or hit.order <= own]
    same = [hit for hit in earlier if hit.relation is Relation.SAME]

    def verdict(outcome: Outcome, code: str, hits_of: Sequence[Hit], text: str) -> Verdict:
        return Verdict(key, outcome, code, f"{text} {_named(hits_of)}", _inputs(case, key, hits_of))

    if same:
        return verdict(Outcome.FAIL, "SAME_ASSET", same, "Another's registration names this document:")
    if earlier:
        text = "Another's live general claim covers it, without a release letter:"
        return verdict(Outcome.FAIL, "BLANKET", earlier, text)
    vague = [
        hit
        for hit in found
        if hit.relation is Relation.VAGUE and not hit.own and not hit.ended and not hit.released
    ]
    if vague:
        text = "It cannot be told whether another's live registration covers it:"
        return verdict(Outcome.WARN, "VAGUE", vague, text)
    if theirs:
        return verdict(Outcome.WARN, "LATER", theirs, "Somebody else registered the same after this bank:")
    covering = [hit for hit in found if hit.relation in (Relation.SAME, Relation.GENERAL)]
    for code, text, chosen in (
        ("OWN", "This bank's own registration covers it:", [h for h in covering if h.own and h.claims]),
        ("RELEASED", "Another's registration let it go:", [h for h in covering if h.released]),
        ("ENDED", "Registrations that covered it have ended:", [h for h in covering if h.ended]),
    ):
        if chosen:
            return verdict(Outcome.PASS, code, chosen, text)
    return verdict(Outcome.PASS, "OTHER_ASSETS", found, "The seller's registrations are on other assets:")


def _named(found: Sequence[Hit]) -> str:
    parts = []
    for hit in found[:MAX_NAMED]:
        each = hit.registration
        state = hit.ended or hit.released
        parts.append(
            f"{each.number} of {moment(hit.since)} for {each.secured_party.name}"
            f" ({hit.why}{f'; {state}' if state else ''})"
        )
    more = len(found) - MAX_NAMED
    return "; ".join(parts) + (f"; and {more} more." if more > 0 else ".")


def _inputs(case: Case, key: str, found: Sequence[Hit]) -> tuple[Input, ...]:
    listed = []
    for hit in found:
        each = hit.registration
        text = (
            each.description if len(each.description) <= MAX_SHOWN else each.description[:MAX_SHOWN] + "..."
        )
        listed.append(case.of_source("registry", key, f"{each.number}/registered", moment(hit.since)))
        listed.append(case.of_source("registry", key, f"{each.number}/description", text))
    return clip(listed)
