"""SANCTIONS: is a party on a list that the bank uses?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from consortium.documents import Party, PartyId
from consortium.documents.party import name_id
from consortium.documents.roles import parties_of
from crossverify.desk import ListedParty
from crossverify.names import alike, core
from crossverify.rule import Effect, Input, NoThresholds, Outcome, Rule, Text, Verdict

if TYPE_CHECKING:
    from crossverify.case import Case

MAX_CANDIDATES = 50
"""Entries of a list that are compared letter by letter with one name: those that share most pairs of letters."""


class Sanctions(Rule[NoThresholds]):
    """Identifiers first, then names as a person compares them: without legal forms, signs, width and case, in Chinese
    as in Latin letters. Every party of every document is looked up; those of other documents than the asset's own are
    told about the subject.

    - PASS: on no list. WARN: a close name, or the same name with another identifier.
    - FAIL: an identifier on a list, or the very name where no identifier speaks against it.
    - UNKNOWN: the bank gave no list. NOT_APPLICABLE: never.
    """

    id = "SANCTIONS"
    version = 1
    title = Text("Is a party on a list that the bank uses?", "各方是否在银行使用的名单上？")
    basis = ("反洗钱法 40", "UN Security Council lists", "practice")
    explains: ClassVar = {
        "CLEAR": Text("No party is on the bank's lists. Nothing to do.", "各方均不在银行名单上。无需处理。"),
        "CLOSE_NAME": Text(
            "A name is close to one on a list. Compare identifier, address and owners before going on.",
            "名称与名单上的名称相近。继续之前请比对证号、地址和股东。",
        ),
        "HIT": Text(
            "A party is on a list. Stop, and tell compliance; do not tell the party.",
            "有关方在名单上。请停止办理并报告合规部门，勿告知该方。",
        ),
        "NO_LIST": Text(
            "The bank gave no list to compare with. Screen the parties where the bank does that.",
            "本行未提供名单。请在本行的筛查系统中核查各方。",
        ),
    }
    applies_when = "always"
    sources = ("documents", "desk")
    effects: ClassVar = {
        "WARN": Effect.REFER,
        "FAIL": Effect.EXCLUDE,
        "UNKNOWN": Effect.INFORMATION,  # a bank that screens elsewhere gives no list
    }

    def evaluate(self, case: Case, thresholds: NoThresholds) -> Iterator[Verdict]:
        """See the class."""
        if not case.desk.sanctions:
            told = Input("", "sanctions", "", "desk", case.as_of("desk"))
            yield Verdict("", Outcome.UNKNOWN, "NO_LIST", "The bank gave no list to compare with.", (told,))
            return
        lists = _Lists(case.desk.sanctions)
        done: set[Party] = set()
        for asset in case.assets:
            parties = parties_of(asset.primary.document)
            done.update(parties)
            yield _judge(case, asset.fingerprint, asset.primary.fingerprint, _wanted(parties), lists)
        others: dict[Party, str] = {}
        for item in case.documents:
            for party in parties_of(item.document):
                if party not in done:
                    others.setdefault(party, item.fingerprint)
        subject = case.evidence.subject
        ids = tuple(
            PartyId(scheme=s, value=v) for s, _, v in (t.partition(":") for t in subject.identifiers) if v
        )
        asked = [_Wanted(subject.name, ids or (name_id(subject.name or "subject"),), "")]
        asked += [each for party, where in others.items() for each in _wanted([party], where)]
        yield _judge(case, "", "", asked, lists)


class _Wanted(NamedTuple):
    """Somebody to look up."""

    name: str
    identifiers: tuple[PartyId, ...]
    document: str


class _Match(NamedTuple):
    """Somebody who is on a list, or nearly."""

    wanted: _Wanted
    entry: ListedParty
    hit: bool
    how: str


def _wanted(parties: Iterable[Party], document: str = "") -> list[_Wanted]:
    found = []
    for party in parties:
        names = dict.fromkeys(name for name in (party.name, party.trading_name) if name) or {"": None}
        found += [_Wanted(name, party.identifiers, document) for name in names]
    return found


class _Lists:
    """The bank's lists, indexed: a name is compared letter by letter with a few entries only."""

    def __init__(self, entries: Sequence[ListedParty]) -> None:
        self._entries = entries
        self._by_id: dict[str, int] = {}
        self._by_name: dict[str, list[int]] = defaultdict(list)
        self._by_pair: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for position, entry in enumerate(entries):
            for each in entry.identifiers:
                self._by_id.setdefault(_plain(each), position)
            for name in (entry.name, *entry.aliases):
                plain = core(name)
                self._by_name[plain].append(position)
                for pair in _pairs(plain):
                    self._by_pair[pair].append((position, name))
        self._known: dict[_Wanted, _Match | None] = {}

    def find(self, wanted: _Wanted) -> _Match | None:
        """The gravest match of a party."""
        if wanted not in self._known:
            self._known[wanted] = self._find(wanted)
        return self._known[wanted]

    def _find(self, wanted: _Wanted) -> _Match | None:
        for each in wanted.identifiers:
            for text in (str(each), each.value):
                position = self._by_id.get(_plain(text))
                if position is not None:
                    return _Match(wanted, self._entries[position], True, f"identifier {each}")
        if not wanted.name:
            return None
        plain = core(wanted.name)
        named = [self._entries[position] for position in self._by_name.get(plain, ())]
        for entry in named:  # of namesakes on several lists one that no identifier speaks against
            if not _contradicts(wanted.identifiers, entry):
                return _Match(wanted, entry, True, "name")
        if named:
            return _Match(wanted, named[0], False, "the same name with another identifier")
        shared: Counter[tuple[int, str]] = Counter()
        for pair in _pairs(plain):
            shared.update(self._by_pair.get(pair, ()))
        ranked = sorted(shared.items(), key=lambda item: (-item[1], item[0]))[:MAX_CANDIDATES]
        for (position, name), _ in ranked:
            if alike(wanted.name, name):
                return _Match(wanted, self._entries[position], False, f"close to {name!r}")
        return None


def _plain(identifier: str) -> str:
    return "".join(letter for letter in identifier.casefold() if letter.isalnum() or letter == ":")


def _pairs(text: str) -> set[str]:
    return {text[at : at + 2] for at in range(len(text) - 1)} or {text}


def _contradicts(identifiers: Iterable[PartyId], entry: ListedParty) -> bool:
    """Whether both sides have an identifier of one scheme, and none in common."""
    own = {each.scheme.casefold() for each in identifiers}
    listed = {each.partition(":")[0].casefold() for each in entry.identifiers if ":" in each}
    return bool(own & listed)


def _judge(case: Case, key: str, document: str, wanted: Sequence[_Wanted], lists: _Lists) -> Verdict:
    found = [match for each in wanted if (match := lists.find(each)) is not None]
    found.sort(key=lambda match: (not match.hit, match.entry.list, match.entry.name, match.wanted.name))
    if not found:
        names = ", ".join(dict.fromkeys(each.name for each in wanted if each.name))
        told = Input(document, "parties", names, "documents", case.as_of("desk"))
        return Verdict(key, Outcome.PASS, "CLEAR", "No party is on the bank's lists.", (told,))
    inputs = tuple(
        each
        for match in found
        for each in (
            Input(match.wanted.document or document, "parties", match.wanted.name, "documents", case.now),
            Input("", f"sanctions/{match.entry.list}", match.entry.name, "desk", case.as_of("desk")),
        )
    )
    first = found[0]
    who = first.wanted.name or str(first.wanted.identifiers[0])
    if first.hit:
        text = f"{who} is on the list {first.entry.list} as {first.entry.name!r}, by {first.how}."
        return Verdict(key, Outcome.FAIL, "HIT", text, inputs)
    text = f"{who} is not {first.entry.name!r} of the list {first.entry.list} for sure: {first.how}."
    return Verdict(key, Outcome.WARN, "CLOSE_NAME", text, inputs)
