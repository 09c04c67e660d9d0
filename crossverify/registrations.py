"""What registrations in the movable-property registry mean for each asset of a case. Pure.

Whether one of them is the bank's own: it was filed by the bank's gateway (the registry takes that from the
certificate), or its secured party has one of the bank's identifiers (``DeskInfo.own_identifiers``).
From when on it covers an asset: from its registration, or from the amendment that brought the asset in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from consortium.documents import Invoice, PurchaseOrder, WarehouseReceipt
from consortium.documents.party import Party
from crossverify.answers.base import Gap
from crossverify.answers.registry import Registration, RegistryAnswer
from crossverify.answers.tax import Taxpayer
from crossverify.collateral import (
    AssetFacts,
    Collateral,
    Comparison,
    Relation,
    compare,
    facts_of_order,
    facts_of_receipt,
    facts_of_receivable,
    name_key,
    read_description,
)
from crossverify.percase import per_case
from crossverify.rule import Input
from crossverify.terms import terms_of

if TYPE_CHECKING:
    from crossverify.case import Case
    from crossverify.orders import Asset

COVERS: Final = (Relation.SAME, Relation.GENERAL)
LIVE: Final = ""
_OTHER_KINDS: Final = ("lease", "retention")
"""Kinds of registrations that are about things, and touch receivables only where they say so."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One registration as it stands to one asset.

    :ivar why: of the relation, for a loan officer
    :ivar own: whether the asking bank is secured by it
    :ivar since: from when on it covers the asset, seconds since 1970 UTC
    :ivar sequence: its place among registrations of the same second; 0 where that is not known
    :ivar ended: "" while it is live, else "expired" or "cancelled"
    :ivar released: how the asset was let go; "" when it was not
    """

    registration: Registration
    relation: Relation
    why: str
    own: bool
    since: int
    sequence: int
    ended: str
    released: str

    @property
    def claims(self) -> bool:
        """Whether it is a claim on the asset now."""
        return self.relation in COVERS and not self.ended and not self.released

    @property
    def order(self) -> tuple[int, int]:
        """By which registered claims are ordered: the second, then the registry's own order within it."""
        return self.since, self.sequence


@per_case
def registrations(case: Case) -> tuple[Registration, ...] | Gap:
    """All registrations of the subject, or why nothing is known of them."""
    gap = case.gap("registry")
    found: dict[str, Registration] = {}
    answered = False
    for identifier in case.evidence.subject.identifiers:
        answer = case.answer("registry", RegistryAnswer, identifier)
        if isinstance(answer, Gap):
            gap = gap or answer
            continue
        wrong = _wrong(case, answer)
        if wrong is not None:
            return wrong
        answered = True
        found |= {each.number: each for each in answer.registrations}
    if answered:
        return tuple(sorted(found.values(), key=lambda each: (each.registered_unix, each.sequence)))
    return gap or Gap("NOT_ANSWERED", "The subject has no identifier to search the registry for.", "registry")


def _wrong(case: Case, answer: RegistryAnswer) -> Gap | None:
    """An answer that cannot be one: of another subject, or from the future."""
    own = {each.casefold() for each in case.evidence.subject.identifiers}
    names = {name_key(each) for each in answer.searched_names}
    latest = case.now + case.ages.clock_slack
    for each in answer.registrations:
        party = each.assignor
        called = {name_key(name) for name in (party.name, *party.former_names)}
        text = ""
        if own.isdisjoint(i.casefold() for i in party.identifiers) and names.isdisjoint(called):
            text = f"The movable-property registry told registration {each.number} of somebody else."
        elif max(each.registered_unix, each.cancelled_unix) > latest:
            text = f"The movable-property registry dates registration {each.number} in the future."
        if text:
            return Gap("ANSWER_UNREADABLE", text, "registry", case.as_of("registry"))
    return None


@per_case
def hits(case: Case) -> Mapping[str, tuple[Hit, ...]]:
    """By asset: every registration of the subject, as it stands to it; nothing where the registry says nothing."""
    known = registrations(case)
    if isinstance(known, Gap) or not known:
        return {}
    own = {each.number: is_own(case, each) for each in known}
    return {
        asset.fingerprint: tuple(_hit(case, each, facts, asset, own[each.number]) for each in known)
        for asset in case.assets
        if (facts := facts_of(case, asset)) is not None
    }


def registrable(asset: Asset) -> bool:
    """Whether this registry registers such assets: the bill exchange keeps bills."""
    return isinstance(asset.primary.document, Invoice | PurchaseOrder | WarehouseReceipt)


def facts_of(case: Case, asset: Asset, due: date | None = None) -> AssetFacts | None:
    """What a description has to name to cover an asset; none for what this registry does not register (bills).

    :param due: due date where another document than the asset's own carries it
    """
    from crossverify.case import Receivable  # the case's own module needs ours later on

    body = asset.primary.document
    if isinstance(asset, Receivable):
        terms = terms_of(case, asset)
        contracts = [body.number for each in terms.contracts for _, body in each.parts]
        former = _former_names(case, asset.invoice.buyer)
        return facts_of_receivable(asset, former, [*contracts, *terms.contracts_missing], due)
    if isinstance(body, Invoice):
        return None
    if isinstance(body, PurchaseOrder):
        return facts_of_order(body, _former_names(case, body.buyer))
    if isinstance(body, WarehouseReceipt):
        return facts_of_receipt(body)
    return None


def _former_names(case: Case, party: Party) -> Iterable[str]:
    for identifier in party.identifiers:
        answer = case.taxpayer(str(identifier))
        if isinstance(answer, Taxpayer) and answer.known:
            return (answer.name, *answer.former_names)
    return ()


@lru_cache(maxsize=4_096)
def _read(description: str) -> Collateral:
    return read_description(description)


def _relation(registration: Registration, description: str, facts: AssetFacts) -> Comparison:
    collateral = _read(description)
    if registration.kind in _OTHER_KINDS and not collateral.receivables and facts.kind == "receivable":
        return Comparison(Relation.OTHER, f"it registers a {registration.kind}")
    return compare(collateral, facts)


def _hit(case: Case, registration: Registration, facts: AssetFacts, asset: Asset, own: bool) -> Hit:
    now = _relation(registration, registration.description, facts)
    since, sequence = registration.registered_unix, registration.sequence
    changes = [each for each in registration.amendments if each.kind == "description"]
    if changes and now.relation in COVERS:
        # From the version on that brought the asset in: one that was added later is no earlier claim.
        versions = [(0, registration.first_description or registration.description)]
        versions += [(each.at_unix, each.description) for each in changes]
        for (at, _), (_, before) in zip(reversed(versions[1:]), reversed(versions[:-1]), strict=True):
            if _relation(registration, before, facts).relation not in COVERS:
                since, sequence = at, 0
                break
    return Hit(
        registration=registration,
        relation=now.relation,
        why=now.why,
        own=own,
        since=since,
        sequence=sequence,
        ended=_ended(registration, case.now),
        released=_released(case, registration, facts, asset) if now.relation in COVERS else "",
    )


def is_own(case: Case, registration: Registration) -> bool:
    """Whether the asking bank is the secured party."""
    recipient = case.evidence.request.recipient
    if registration.filed_by and registration.filed_by == recipient:
        return True
    own = {each.casefold() for each in case.desk.own_identifiers} | {f"msp:{recipient}".casefold()}
    return not own.isdisjoint(each.casefold() for each in registration.secured_party.identifiers)


def _ended(registration: Registration, now: int) -> str:
    if registration.cancelled_unix or registration.state == "cancelled":
        return "cancelled"
    return "expired" if registration.expires_unix <= now else LIVE


def _released(case: Case, registration: Registration, facts: AssetFacts, asset: Asset) -> str:
    for each in registration.amendments:
        if each.kind == "release" and compare(_read(each.description), facts).relation in COVERS:
            return "released by an amendment of the registration"
    party = registration.secured_party
    called = {name_key(name) for name in (party.name, *party.former_names)} | {
        each.casefold() for each in party.identifiers
    }
    for letter in case.desk.release_letters:
        if letter.registration != registration.number:
            continue
        if (
            letter.secured_party
            and not {name_key(letter.secured_party), letter.secured_party.casefold()} & called
        ):
            continue
        if not letter.receivables or {asset.fingerprint, *facts.numbers} & set(letter.receivables):
            return f"released by a letter of {letter.dated or 'unknown date'}"
    return ""


def due_of(case: Case, asset: Asset) -> tuple[date | None, Input]:
    """When an asset is due (goods: when their storage ends), and where that stands."""
    from crossverify.case import Receivable  # as above

    body = asset.primary.document
    if isinstance(asset, Receivable):
        due = terms_of(case, asset).due_date
        if due is not None:
            return due.value, due.input(case)
    if isinstance(body, WarehouseReceipt):
        period = body.storage_period
        end = None if period is None else period.end
        return end, case.of_document(asset.primary, "storage_period/end", end)
    stated = getattr(body, "due_date", None)
    return stated, case.of_document(asset.primary, "due_date", stated)
