"""Who comes first on each asset (民法典 768): the order of claims, and the facts that decide it. Pure.

1. A registered claim comes before one that is not; of registered ones the earlier registration comes first (to the
   second, within it in the registry's order). Assignment and pledge count alike.
2. Of claims that nobody registered, the one of which the debtor was told first comes first.
3. Claims that were neither registered nor told to the debtor share in proportion.
What is not known is said so and never guessed: where the registry is silent no claim has a place that can be relied
on; a claim on the ledger that cannot be tied to a registration or a notice stands last, as one whose time is unknown.
Notices are dated to the day: two of one day are a tie.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from consortium.documents import AssignmentAcknowledgement, AssignmentNotice
from consortium.documents.fingerprint import normalised_number
from consortium.documents.party import Party, same_party
from consortium.documents.roles import buyer_of
from crossverify.answers.base import Gap
from crossverify.collateral import Relation, name_key
from crossverify.evidence import ClaimState
from crossverify.percase import per_case
from crossverify.registrations import Hit, facts_of, hits, registrations
from crossverify.rule import Input
from crossverify.wording import moment

if TYPE_CHECKING:
    from crossverify.case import Case
    from crossverify.orders import Asset

MAX_CLAIMS: Final = 50
"""Of one asset that are listed: the first ones, and one's own wherever it stands."""
OWN: Final = "this bank"


class Basis(StrEnum):
    """What gives a claim its place."""

    REGISTRATION = "registration"
    NOTICE = "notice"
    PRO_RATA = "pro_rata"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim on an asset.

    :ivar claimant: who has it: a name, "this bank", or the ledger's claim id where nobody knows
    :ivar own: whether it is the asking bank's
    :ivar kind: "assignment", "pledge" or "ledger" where only the ledger knows it
    :ivar registered: time of registration for this asset, seconds since 1970 UTC; none when it is not registered
    :ivar sequence: place in the registry's order within that second; 0 is not known
    :ivar registration: its number
    :ivar noticed: day on which the debtor was told; none when it was not, or when that is not known
    :ivar acknowledged: whether the debtor acknowledged it
    :ivar known: whether it is known when it was registered or told, or that it was neither
    :ivar evidence: what this rests on
    """

    claimant: str
    own: bool
    kind: str
    registered: int | None = None
    sequence: int = 0
    registration: str = ""
    noticed: date | None = None
    acknowledged: bool = False
    known: bool = True
    evidence: tuple[Input, ...] = ()

    @property
    def basis(self) -> Basis:
        """What gives it its place."""
        if self.registered is not None:
            return Basis.REGISTRATION
        if not self.known:
            return Basis.UNKNOWN
        return Basis.NOTICE if self.noticed is not None else Basis.PRO_RATA


_BASES: Final = tuple(Basis)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A claim with its place.

    :ivar rank: 1 is first; claims that share a place have the same; none where it cannot be known
    """

    claim: Claim
    rank: int | None

    def to_json(self) -> dict[str, Any]:
        """As canonical JSON data; times in seconds since 1970 UTC, days in ISO 8601, "unknown" where unknown."""
        claim = self.claim
        unknown = "unknown" if not claim.known else ""
        return {
            "rank": self.rank,
            "claimant": claim.claimant,
            "own": claim.own,
            "kind": claim.kind,
            "basis": claim.basis.value,
            "registered_at": claim.registered if claim.registered is not None else unknown or "none",
            "registration": claim.registration,
            "noticed_on": claim.noticed.isoformat() if claim.noticed else unknown or "none",
            "acknowledged": claim.acknowledged,
            "evidence": [each.to_json() for each in claim.evidence],
        }


@dataclass(frozen=True, slots=True)
class Priority:
    """The order of claims on one asset.

    :ivar claims: in their order
    :ivar own_rank: the asking bank's place; none while it has no claim, or where it cannot be known
    :ivar next_rank: the place that a registration filed now would get; none where the registry is silent
    :ivar certain: whether the order can be relied on
    :ivar gaps: what is not known, for a loan officer
    :ivar further: claims beyond those listed
    """

    claims: tuple[Ranked, ...]
    own_rank: int | None
    next_rank: int | None
    certain: bool
    gaps: tuple[str, ...] = ()
    further: int = 0

    def to_json(self) -> dict[str, Any]:
        """As canonical JSON data."""
        return {
            "claims": [each.to_json() for each in self.claims],
            "own_rank": self.own_rank,
            "next_rank": self.next_rank,
            "certain": self.certain,
            "gaps": list(self.gaps),
            "further": self.further,
        }


def ranked(claims: Iterable[Claim]) -> tuple[Ranked, ...]:
    """Claims in their order, by rules 1 to 3; equal facts share a place, unknown ones have none."""
    every = list(claims)
    # Where one place within a second is not known, none of that second's says who was first.
    open_seconds = {each.registered for each in every if each.registered is not None and not each.sequence}

    def place(claim: Claim) -> tuple[int, int, int]:
        first, second, third = _place(claim)
        return first, second, 0 if claim.registered in open_seconds else third

    ordered = sorted(every, key=lambda each: (place(each), each.claimant, each.registration))
    found: list[Ranked] = []
    for position, claim in enumerate(ordered, 1):
        if claim.basis is Basis.UNKNOWN:
            found.append(Ranked(claim, None))
        elif found and place(found[-1].claim) == place(claim):
            found.append(Ranked(claim, found[-1].rank))
        else:
            found.append(Ranked(claim, position))
    return tuple(found)


def _place(claim: Claim) -> tuple[int, int, int]:
    basis = claim.basis
    first = _BASES.index(basis)
    if basis is Basis.REGISTRATION:
        return first, claim.registered or 0, claim.sequence
    if basis is Basis.NOTICE and claim.noticed is not None:
        return first, claim.noticed.toordinal(), 0
    return first, 0, 0


@per_case
def priorities(case: Case) -> Mapping[str, Priority]:
    """The order of claims on every asset that the case is about, by fingerprint."""
    known = registrations(case)
    notices = _notices(case)
    return {asset.fingerprint: _priority(case, asset, known, notices) for asset in case.assets}


def _priority(case: Case, asset: Asset, known: object, notices: Mapping[str, Sequence[_Notice]]) -> Priority:
    gaps: list[str] = []
    found = _registered(case, asset)
    found = _with_notices(case, found, _of_asset(case, asset, notices), gaps)
    found = _with_ledger(case, asset, found, gaps)
    certain = True
    if isinstance(known, Gap):
        gaps.insert(0, f"{known.message} Whether a claim was registered is not known.")
        found = [each if each.registered is not None else replace(each, known=False) for each in found]
        certain = False
    vague = [h for h in hits(case).get(asset.fingerprint, ()) if _doubtful(h)]
    if vague:
        numbers = ", ".join(h.registration.number for h in vague[:3])
        gaps.append(f"Whether {numbers} covers it cannot be told from the description.")
    order = ranked(found)
    certain = certain and not vague and all(each.rank is not None for each in order)
    own = next((each.rank for each in order if each.claim.own), None)
    behind = sum(each.claim.basis is Basis.REGISTRATION for each in order)
    listed = tuple(each for place, each in enumerate(order) if place < MAX_CLAIMS or each.claim.own)
    return Priority(
        claims=listed,
        own_rank=own,
        next_rank=None if isinstance(known, Gap) else behind + 1,
        certain=certain,
        gaps=tuple(gaps),
        further=len(order) - len(listed),
    )


def _doubtful(hit: Hit) -> bool:
    return hit.relation is Relation.VAGUE and not hit.ended and not hit.released and not hit.own


def _registered(case: Case, asset: Asset) -> list[Claim]:
    """Step 1's claims: of one claimant the earliest registration counts."""
    first: dict[str, Claim] = {}
    for hit in hits(case).get(asset.fingerprint, ()):
        if not hit.claims:
            continue
        each = hit.registration
        name = OWN if hit.own else each.secured_party.name
        said = f"{moment(hit.since)}, {each.secured_party.name}: {hit.why}"
        claim = Claim(
            claimant=name,
            own=hit.own,
            kind="pledge" if each.kind in ("pledge", "movables") else "assignment",
            registered=hit.since,
            sequence=hit.sequence,
            registration=each.number,
            evidence=(case.of_source("registry", asset.fingerprint, each.number, said),),
        )
        key = OWN if hit.own else name_key(name)
        if key not in first or _place(claim) < _place(first[key]):
            first[key] = claim
    return list(first.values())


# --- notices ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Notice:
    """That the debtor was told of one assignee."""

    assignee: Party
    day: date | None
    acknowledged: bool
    debtor: Party
    evidence: tuple[Input, ...] = field(default=())


def _notices(case: Case) -> Mapping[str, Sequence[_Notice]]:
    """By invoice number ("" is every claim on the debtor): notices that were served, and what the debtor answered."""
    answers: dict[str, AssignmentAcknowledgement] = {}
    proof: dict[str, Input] = {}
    for item in case.documents:
        body = item.document
        if item.state == "void" or not isinstance(body, AssignmentAcknowledgement):
            continue
        # A receipt counts only as the debtor's own word.
        if item.buyer and item.buyer in (item.pushed_by, item.signed_by):
            key = normalised_number(body.notice_number)
            answers[key] = body
            proof[key] = case.of_document(item, "response", body.response)
    found: dict[str, list[_Notice]] = {}
    for item in case.documents:
        body = item.document
        if item.state == "void" or not isinstance(body, AssignmentNotice):
            continue
        key = normalised_number(body.number)
        answer = answers.get(key)
        told = answer is not None and answer.response != "refused"
        day = body.served_date or (answer.issue_date if answer is not None else None)
        inputs = [case.of_document(item, "served_date", day.isoformat() if day else "unknown")]
        inputs += [proof[key]] if key in proof else []
        notice = _Notice(body.assignee, day, told, body.buyer, tuple(inputs))
        numbers = [""] if body.all_claims or not body.lines else [line.invoice_number for line in body.lines]
        for number in dict.fromkeys(numbers):
            found.setdefault(normalised_number(number) if number else "", []).append(notice)
    return found


def _of_asset(case: Case, asset: Asset, notices: Mapping[str, Sequence[_Notice]]) -> list[_Notice]:
    facts = facts_of(case, asset)
    numbers = facts.compared if facts is not None else frozenset({normalised_number(asset.number)})
    debtor = buyer_of(asset.primary.document)
    return [
        notice
        for number in ("", *sorted(numbers))
        for notice in notices.get(number, ())
        if debtor is not None and same_party(notice.debtor, debtor)
    ]


def _with_notices(
    case: Case, claims: Sequence[Claim], notices: Sequence[_Notice], gaps: list[str]
) -> list[Claim]:
    found = list(claims)
    for notice in notices:
        own = _is_bank(case, notice.assignee)
        name = notice.assignee.name or notice.assignee.trading_name or "unnamed assignee"
        at = next((n for n, each in enumerate(found) if _same_claimant(each, own, name)), None)
        if notice.day is None:
            gaps.append(f"When the debtor was told of the assignment to {OWN if own else name} is not known.")
        if at is None:
            known = notice.day is not None
            claim = Claim(OWN if own else name, own, "assignment", noticed=notice.day, known=known)
            found.append(replace(claim, acknowledged=notice.acknowledged, evidence=notice.evidence))
            continue
        before = found[at]
        days = [day for day in (before.noticed, notice.day) if day is not None]
        found[at] = replace(
            before,
            noticed=min(days) if days else None,
            acknowledged=before.acknowledged or notice.acknowledged,
            known=before.known or bool(days),
            evidence=(*before.evidence, *notice.evidence)[:8],
        )
    return found


def _same_claimant(claim: Claim, own: bool, name: str) -> bool:
    return (claim.own and own) or (not claim.own and not own and name_key(claim.claimant) == name_key(name))


def _is_bank(case: Case, party: Party) -> bool:
    recipient = f"msp:{case.evidence.request.recipient}".casefold()
    own = {each.casefold() for each in case.desk.own_identifiers} | {recipient}
    return not own.isdisjoint(str(each).casefold() for each in party.identifiers)


# --- the ledger -------------------------------------------------------------------------------------


def _with_ledger(case: Case, asset: Asset, claims: Sequence[Claim], gaps: list[str]) -> list[Claim]:
    """Live claims on the ledger: one's own joins the own registration or notice; others' cannot be told apart."""
    found = list(claims)
    others = [each for each in claims if not each.own]
    for claim in _live(case, asset):
        proof = case.of_source("ledger", asset.fingerprint, f"claims/{claim.claim}", claim.state)
        at = next((n for n, each in enumerate(found) if claim.own and each.own), None)
        if at is not None:
            found[at] = replace(found[at], evidence=(*found[at].evidence, proof)[:8])
        elif claim.own:
            found.append(Claim(OWN, True, "ledger", evidence=(proof,)))
        else:
            found.append(Claim(f"claim {claim.claim}", False, "ledger", known=False, evidence=(proof,)))
            where = "it may be one of the registered ones" if others else "no registration or notice is its"
            gaps.append(f"Whose claim {claim.claim} on the ledger is, and since when, is not known: {where}.")
    return found


def _live(case: Case, asset: Asset) -> list[ClaimState]:
    now = case.as_of("ledger")
    return [
        claim
        for row in asset.assets
        for claim in row.claims
        if not claim.expires or claim.expires > now or claim.state == "financed"
    ]
