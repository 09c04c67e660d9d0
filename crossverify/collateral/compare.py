"""Does a description cover an asset? The same asset, a general claim over it, another one, or too vague to say.

Of several groups in a description the one that says most counts: same, then general, then vague, then other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from consortium.documents.fingerprint import normalised_number
from crossverify.collateral.assets import AssetFacts
from crossverify.collateral.description import Collateral, Item, name_key

MIN_NAME_PART: Final = 2
"""Characters of a short name that may stand for a longer one."""

_TAIL = re.compile(r"^(.*?)(\d{1,18})$", re.DOTALL)


class Relation(StrEnum):
    """How a description relates to an asset."""

    SAME = "same"
    GENERAL = "general"
    VAGUE = "vague"
    OTHER = "other"


_STRENGTH: Final = (Relation.SAME, Relation.GENERAL, Relation.VAGUE, Relation.OTHER)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found.

    :ivar why: for a loan officer, half a sentence
    """

    relation: Relation
    why: str


def compare(collateral: Collateral, asset: AssetFacts) -> Comparison:
    """Hold a description against an asset."""
    if not collateral.items:
        if collateral.goods and not collateral.receivables and asset.kind == "receivable":
            return Comparison(Relation.OTHER, "it is about goods or rights, not about receivables")
        return Comparison(Relation.VAGUE, "its description names neither debtor nor document")
    candidates = list(collateral.beyond_numbers)
    for number in asset.compared:
        candidates += collateral.by_number.get(number, ())
    best = Comparison(Relation.OTHER, "it names other documents")
    for each in candidates:
        found = _item(each, asset)
        if found.relation is Relation.SAME:
            return found
        if (
            _STRENGTH.index(found.relation) < _STRENGTH.index(best.relation)
            or best.relation is Relation.OTHER
        ):
            best = found
    return best


def _item(item: Item, asset: AssetFacts) -> Comparison:
    if asset.compared & item.left_out:
        return Comparison(Relation.OTHER, "it leaves this document out")
    if item.excluded_debtors and _debtor(asset, item.excluded_debtors) == _YES:
        return Comparison(Relation.OTHER, "it leaves this debtor out")
    hit = not asset.compared.isdisjoint(item.numbers)
    if not hit and item.ranges and asset.kind == "receivable":
        hit = any(_within(asset.numbers, span) for span in item.ranges)
    debtor = _debtor(asset, (item.debtor, *item.debtor_ids))
    if hit:
        if debtor == _NO:
            return Comparison(Relation.VAGUE, "it names this number, with another debtor")
        return Comparison(Relation.SAME, "it names this document by its number")
    if item.all_goods if asset.kind == "receipt" else item.everything:
        return _general(item, asset, debtor)
    if item.all_goods or item.everything:
        kind = "goods" if item.all_goods else "receivables"
        return Comparison(Relation.OTHER, f"it is about {kind} only")
    if debtor == _NO:
        return Comparison(Relation.OTHER, "it is about another debtor")
    if item.lists:
        if item.open:
            return Comparison(Relation.VAGUE, "its list of documents is not complete")
        return Comparison(Relation.OTHER, "it names other documents")
    return _by_contract(item, asset, debtor)


def _general(item: Item, asset: AssetFacts, debtor: str) -> Comparison:
    if debtor == _NO:
        return Comparison(Relation.OTHER, "it is about all claims on another debtor")
    if item.since is not None and asset.issued < item.since:
        return Comparison(Relation.OTHER, "it covers claims that arose later")
    if item.until is not None and asset.issued > item.until:
        return Comparison(Relation.OTHER, "it covers claims that arose earlier")
    if item.under and asset.under.isdisjoint(item.under):
        if asset.under:
            return Comparison(Relation.OTHER, "it covers claims under other contracts")
        return Comparison(Relation.VAGUE, "it covers a contract, and the documents name none")
    if debtor == _MAYBE:
        return Comparison(Relation.VAGUE, "it covers all claims on a debtor with a similar name")
    over = "goods" if asset.kind == "receipt" else "claims"
    whose = "on this debtor" if debtor == _YES else "of this assignor"
    return Comparison(Relation.GENERAL, f"it covers all {over} {whose}")


def _by_contract(item: Item, asset: AssetFacts, debtor: str) -> Comparison:
    if item.under and asset.under:
        if not asset.under.isdisjoint(item.under):
            return Comparison(Relation.GENERAL, "it covers the claims under this contract or order")
        if debtor == _NONE or item.amount is not None:
            return Comparison(Relation.OTHER, "it covers claims under other contracts")
    same_amount = (item.amount, item.currency) == (asset.amount, asset.currency)
    if debtor == _YES and item.amount is not None and same_amount:
        return Comparison(Relation.VAGUE, "it names the same debtor and the same amount, but no document")
    return Comparison(Relation.VAGUE, "its description does not say which claims it covers")


_YES, _NO, _MAYBE, _NONE = "yes", "no", "maybe", "none"


def _debtor(asset: AssetFacts, named: tuple[str, ...]) -> str:
    return _same_debtor(asset.debtor_names, asset.debtor_ids, named)


@lru_cache(maxsize=65_536)
def _same_debtor(debtor_names: tuple[str, ...], debtor_ids: tuple[str, ...], named: tuple[str, ...]) -> str:
    """Whether this is the asset's debtor: yes, no, maybe; "none" when nobody is named."""
    given = [each for each in named if each]
    if not given:
        return _NONE
    ids = {each.casefold() for each in given if _is_id(each)}
    names = {name_key(each) for each in given if not _is_id(each)} - {""}
    own_ids = {each.casefold() for each in debtor_ids}
    own_names = {name_key(each) for each in debtor_names} - {""}
    if ids & own_ids or names & own_names:
        return _YES
    schemes = {each.partition(":")[0] for each in ids} & {each.partition(":")[0] for each in own_ids}
    if schemes:
        return _NO  # the same register gives both a number, and they differ
    alike = any(
        len(min(one, two, key=len)) >= MIN_NAME_PART and (one in two or two in one)
        for one in names
        for two in own_names
    )
    if alike or not names or not own_names:
        return _MAYBE
    return _NO


def _is_id(text: str) -> bool:
    scheme, colon, value = text.partition(":")
    return bool(colon and value) and scheme.replace("-", "").replace(".", "").isalnum() and scheme.isascii()


def _within(numbers: tuple[str, ...], span: tuple[str, str]) -> bool:
    first, last = (_TAIL.match(normalised_number(each)) for each in span)
    for number in numbers:
        own = _TAIL.match(normalised_number(number))
        if own is None or first is None or last is None:
            continue
        series = own.group(1) == first.group(1) and last.group(1) in (own.group(1), "")
        if series and int(first.group(2)) <= int(own.group(2)) <= int(last.group(2)):
            return True
    return False
