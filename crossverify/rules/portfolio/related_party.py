"""RELATED_PARTY: do seller and debtor belong together?"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from consortium.documents.party import Address, Party
from consortium.documents.roles import buyer_of, seller_of
from crossverify.answers import CreditReport, Gap, Related
from crossverify.rule import Effect, Input, Outcome, Rule, Text, Thresholds, Verdict
from crossverify.who import SUBJECT, normal, who_of

if TYPE_CHECKING:
    from crossverify.case import Case
    from crossverify.orders import Asset

_PERSONS = frozenset({"owner", "officer", "controller"})
_PLACES = frozenset({"address", "contact"})


class RelatedPartyThresholds(Thresholds):
    """Figures of RELATED_PARTY.

    :ivar control_percent: an owner with this share or more controls, in per cent (公司法 265: over 50)
    :ivar links: independent links from which on seller and debtor are taken for related
    :ivar crowd: an address or contact of so many parties of the request is a business park or an agent, and links
        nobody
    """

    control_percent: Annotated[Decimal, Field(gt=0, le=100)] = Decimal(50)
    links: Annotated[int, Field(ge=1, le=16)] = 2
    crowd: Annotated[int, Field(ge=2)] = 3


class RelatedParty(Rule[RelatedPartyThresholds]):
    """What the bureau's reports on seller and debtor have in common: persons (owners, officers), ownership of one in
    the other, address and contact.

    Each person in common is a link, and so is ownership of one in the other; address and contact together are one, as
    a registration agent gives both to all of its customers.

    - PASS: no link, or one. A shared address alone is noise.
    - WARN: two independent links.
    - FAIL: the same controller, or one controls the other.
    - UNKNOWN: the bureau was not asked, is silent or stale, or has no file on one of them, and nothing was found.
    - NOT_APPLICABLE: an asset without a debtor.
    """

    id = "RELATED_PARTY"
    version = 1
    title = Text("Related seller and debtor", "买卖双方关联关系")
    basis = ("公司法 265", "企业会计准则第36号", "银发〔2025〕77号 (real trade background)")
    explains: ClassVar = {
        "NO_LINK": Text(
            "Seller and debtor have nobody in common that the bureau knows.", "征信未见买卖双方有共同关联人。"
        ),
        "ONE_LINK": Text(
            "One person, or one address, is all that seller and debtor share. Alone it says little.",
            "买卖双方仅有一处关联，单独意义有限。",
        ),
        "TWO_LINKS": Text(
            "Seller and debtor share several persons or things. Ask whether they trade at arm's length.",
            "买卖双方存在多重关联。请核实交易是否公允。",
        ),
        "SAME_CONTROLLER": Text(
            "Whoever controls the seller controls the debtor: the claim is one on oneself. It is excluded.",
            "买卖双方受同一人控制，等同于对自身的债权，予以排除。",
        ),
        "CONTROLS": Text(
            "One of the two controls the other: the claim is one on oneself. It is excluded.",
            "买卖一方控制另一方，等同于对自身的债权，予以排除。",
        ),
        "NO_FILE": Text(
            "The bureau has no file on one of the two. Look it up in the company register.",
            "征信无其中一方记录。请查询工商登记。",
        ),
        "ABROAD": Text(
            "The debtor is abroad, where the bureau has no files. Look it up in its own register.",
            "债务人在境外，征信无记录。请查询当地登记机构。",
        ),
        "NO_IDENTIFIER": Text(
            "One of the two has no identifier to ask about. Add its USCC.",
            "其中一方缺少可查询的标识，请补充。",
        ),
        "NO_DEBTOR": Text("There is no debtor to compare with.", "无债务人可比较。"),
    }
    applies_when = "the asset has a debtor"
    sources = ("credit", "documents")
    effects: ClassVar = {
        "WARN": Effect.REFER,
        "FAIL": Effect.EXCLUDE,
        "UNKNOWN": Effect.REFER,
        "ABROAD": Effect.INFORMATION,
    }
    thresholds = RelatedPartyThresholds

    def evaluate(self, case: Case, thresholds: RelatedPartyThresholds) -> Iterator[Verdict]:
        """See the class."""
        links = _Links(case, thresholds)
        for asset in case.assets:
            yield links.judge(asset)


@dataclass(frozen=True, slots=True)
class _Profile:
    """What is known of one party.

    :ivar identifier: under which the bureau answered
    :ivar gap: why it did not
    """

    identifier: str
    related: tuple[Related, ...]
    gap: Gap | None


class _Links:
    """Links between sellers and debtors, found once per pair."""

    def __init__(self, case: Case, limits: RelatedPartyThresholds) -> None:
        self._case = case
        self._limits = limits
        self._who = who_of(case)
        self._profiles: dict[str, _Profile] = {}
        self._judged: dict[tuple[str, str], tuple[Outcome, str, str, tuple[Input, ...]]] = {}
        self._places: dict[str, set[str]] = defaultdict(set)
        parties: dict[str, Party] = {}
        for asset in case.assets:
            for party in (seller_of(asset.primary.document), buyer_of(asset.primary.document)):
                if party is not None:
                    parties.setdefault(self._who.of(party), party)
        for key, party in parties.items():
            self._places[key] |= {place for place in (_place(party.address),) if place}
            self._profiles[key] = self._profile(key, party)
        counts: Counter[str] = Counter()
        for key, profile in self._profiles.items():
            shared = {each.key for each in profile.related if each.kind in _PLACES and each.key}
            counts.update(shared | self._places[key])
        self._crowded = {each for each, count in counts.items() if count >= limits.crowd}

    def judge(self, asset: Asset) -> Verdict:
        """What is said of one asset."""
        body, key = asset.primary.document, asset.fingerprint
        seller, debtor = seller_of(body), buyer_of(body)
        if seller is None or debtor is None:
            kind = self._case.of_document(asset.primary, "kind", body.kind)
            return Verdict(key, Outcome.NOT_APPLICABLE, "NO_DEBTOR", "It has no debtor.", (kind,))
        pair = self._who.of(seller), self._who.of(debtor)
        if pair not in self._judged:
            self._judged[pair] = self._compare(*pair)
        outcome, code, text, inputs = self._judged[pair]
        own = self._case.of_document(asset.primary, "buyer", debtor.name or "")
        return Verdict(key, outcome, code, text, (*inputs, own))

    def _profile(self, key: str, party: Party) -> _Profile:
        """The report on a party, under the first identifier that the bureau answered about."""
        names = [str(each) for each in party.identifiers if each.scheme != "local"]
        if key == SUBJECT:
            names = list(dict.fromkeys([*self._case.evidence.subject.identifiers, *names]))
        gap = self._case.gap("credit")
        for name in names:
            found = self._case.answer("credit", CreditReport, name)
            if isinstance(found, CreditReport):
                code = "ABROAD" if _abroad(party) else "NO_FILE"
                missing = Gap(
                    code, "The credit bureau has no file on it.", "credit", self._case.as_of("credit")
                )
                return _Profile(name, found.related, None if found.known else missing)
            gap = gap or found
        gap = gap or Gap("NO_IDENTIFIER", "It has no identifier to ask the credit bureau about.", "credit")
        return _Profile(names[0] if names else "", (), gap)

    def _compare(self, seller: str, debtor: str) -> tuple[Outcome, str, str, tuple[Input, ...]]:
        one, two = self._profiles[seller], self._profiles[debtor]
        if seller == debtor:
            same = Input("", "debtor", one.identifier, "documents", self._case.now)
            return Outcome.FAIL, "CONTROLS", "Seller and debtor are the same party.", (same,)
        control = self._control(one, two, debtor) or self._control(two, one, seller)
        if control is not None:
            return control
        links = [*self._persons(one, two), *self._holdings(one, two, seller, debtor)]
        place = self._place(one, two, seller, debtor)
        links += [place] if place is not None else []
        inputs = tuple(told for _, told in links)
        names = "; ".join(name for name, _ in links)
        if len(links) >= self._limits.links:
            text = f"Seller and debtor have {len(links)} independent links: {names}."
            return Outcome.WARN, "TWO_LINKS", text, inputs
        for role, profile in (("seller", one), ("debtor", two)):
            if profile.gap is not None:
                text = f"About the {role}: {profile.gap.message}"
                return Outcome.UNKNOWN, profile.gap.code, text, (self._case.of_gap(profile.gap, ""), *inputs)
        told = tuple(
            self._case.of_source("credit", "", f"{each.identifier}/related", len(each.related))
            for each in (one, two)
        )
        if links:
            return Outcome.PASS, "ONE_LINK", f"One link alone: {names}.", (*inputs, *told)
        return Outcome.PASS, "NO_LINK", "The bureau knows of nobody whom seller and debtor share.", told

    def _control(
        self, one: _Profile, two: _Profile, other: str
    ) -> tuple[Outcome, str, str, tuple[Input, ...]] | None:
        """Whether the second party, ``other``, controls the first, or who controls the first controls it too."""
        controllers = [each for each in one.related if self._controls(each)]
        theirs = {each.key for each in two.related if self._controls(each) and each.key}
        for each in controllers:
            told = (self._told(one, each),)
            if each.identifier and self._who.of_identifier(each.identifier) == other:
                return Outcome.FAIL, "CONTROLS", "One of seller and debtor controls the other.", told
            if each.key in theirs:
                return Outcome.FAIL, "SAME_CONTROLLER", "Seller and debtor have the same controller.", told
        return None

    def _controls(self, each: Related) -> bool:
        if each.kind == "controller":
            return True
        share = each.share_percent
        return each.kind == "owner" and share is not None and share >= self._limits.control_percent

    def _persons(self, one: _Profile, two: _Profile) -> Iterator[tuple[str, Input]]:
        """Owners and officers of both, each once."""
        theirs = {each.key for each in two.related if each.kind in _PERSONS}
        seen = set()
        for each in sorted(one.related, key=lambda item: (item.key, item.kind)):
            if each.kind in _PERSONS and each.key and each.key in theirs and each.key not in seen:
                seen.add(each.key)
                yield f"{each.kind} in common", self._told(one, each)

    def _holdings(
        self, one: _Profile, two: _Profile, seller: str, debtor: str
    ) -> Iterator[tuple[str, Input]]:
        """Shares of one in the other, below control."""
        for profile, other, who in ((one, debtor, "the debtor"), (two, seller, "the seller")):
            held = [each for each in profile.related if each.kind in _PERSONS and self._is(each, other)]
            if held:
                yield f"{who} holds shares of, or sits in, the other", self._told(profile, held[0])

    def _is(self, each: Related, party: str) -> bool:
        return bool(each.identifier) and self._who.of_identifier(each.identifier) == party

    def _place(self, one: _Profile, two: _Profile, seller: str, debtor: str) -> tuple[str, Input] | None:
        """Address and contact in common: one link, none where a crowd shares them."""
        theirs = {each.key for each in two.related if each.kind in _PLACES} - self._crowded
        for each in one.related:
            if each.kind in _PLACES and each.key and each.key in theirs:
                return f"{each.kind} in common", self._told(one, each)
        for place in sorted((self._places[seller] & self._places[debtor]) - self._crowded):
            return "address in common on the documents", Input(
                "", "address", place, "documents", self._case.now
            )
        return None

    def _told(self, profile: _Profile, each: Related) -> Input:
        share = "" if each.share_percent is None else f" {each.share_percent:f} %"
        field = f"{profile.identifier}/{each.kind}"
        return self._case.of_source("credit", "", field, f"{normal(each.identifier) or each.key[:16]}{share}")


def _abroad(party: Party) -> bool:
    """Whether a party has its address in another country and no Chinese identifier."""
    if any(each.scheme == "uscc" for each in party.identifiers) or party.address is None:
        return False
    return party.address.country not in (None, "CN")


def _place(address: Address | None) -> str:
    """An address as it is compared: street and city; empty where it names no street."""
    if address is None or address.street is None:
        return ""
    parts: Iterable[str | None] = (address.street, address.additional, address.line, address.city)
    text = unicodedata.normalize("NFKC", " ".join(each for each in parts if each)).casefold()
    return "".join(each for each in text if each.isalnum())
